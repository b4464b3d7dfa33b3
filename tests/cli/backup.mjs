/*
 * `verify`, `backup` and `restore` beside a server that is under load: a restored folder has all
 * that was answered before the backup began, and is served; damage is told with its place, by exit
 * code 7, and makes no backup. What cannot be done says what to do instead.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { metric } from '../server/wire.mjs';
import { Server, cordon, guest, newFolder, parseOne, run, until } from '../support/cordon.mjs';

const folder = newFolder();
const count = async (server) => (await server.post('/api/query', { path: 'counter:get', args: {} })).body.value;
const add = async (server) => (await server.post('/api/mutation', { path: 'counter:add', args: {} })).body.value;

describe('beside a server', () => {
  let server;
  let answered = 0;
  let stop = false;
  let load;
  before(async () => {
    server = await Server.start();
    await server.deploy(guest('counter'));
    load = (async () => {
      while (!stop) answered = Math.max(answered, await add(server));
    })();
  });
  after(async () => {
    stop = true;
    await load;
    await server.stop();
  });

  test('verify tells a store sound that is written to, in text and in JSON', async () => {
    const text = await run(['verify', '--data', server.data]);
    assert.equal(text.code, 0, text.stdout + text.stderr);
    assert.match(text.stdout, /^\d+ pages, \d+ rows, \d+ documents in \d+ tables, [^\n]* in the data file\.\n/);
    assert.match(text.stdout, /\n\d+ records of \d+ rows in the log, [^]* is sound\.\n$/);
    assert.equal(text.stderr, '');
    const json = await run(['verify', '--data', server.data, '--format', 'json']);
    assert.equal(json.code, 0);
    const report = parseOne(json.stdout);
    assert.equal(report.sound, true);
    assert.equal(report.agreement, true);
    assert.deepEqual(report.damage, []);
    assert.ok(report.rows + report.logRows > 0);
  });

  test('a backup has all that was answered before it, and becomes a server', { timeout: 120000 }, async () => {
    for (let round = 0; round < 5; round++) {
      const file = join(folder, `round${round}`);
      const data = join(folder, `restored${round}`);
      const least = answered;
      const backup = await run(['backup', '--data', server.data, '--format', 'json', file]);
      assert.equal(backup.code, 0, backup.stderr);
      const report = parseOne(backup.stdout);
      assert.equal(report.file, file);
      assert.equal(report.bytes, statSync(file).size);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const restored = await run(['restore', '--data', data, file]);
      assert.equal(restored.code, 0, restored.stderr);
      assert.match(restored.stdout, /^Restored .*: the backup has \d+ bytes\.\nIt has no admin keys: `cordon keygen admin/);
      const again = await Server.start({ data });
      assert.ok((await count(again)) >= least, `${await count(again)} of ${least}`);
      await add(again);
      await again.stop();
      assert.equal((await run(['verify', '--data', data])).code, 0);
      assert.ok(!existsSync(join(data, 'keys.d')) || readdirSync(join(data, 'keys.d')).length === 0);
    }
  });

  /*
   * A backup whose child is stopped while it has LMDB's table of readers mapped; it may have its snapshot
   * by then, or not yet, or not any more.
   */
  const stopOne = () => {
    const backup = spawn(cordon, ['backup', '--data', server.data, '--replace', join(folder, 'stopped')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const seen = { backup, words: '', ended: new Promise((resolve) => backup.on('close', resolve)) };
    backup.stderr.on('data', (text) => { seen.words += text; });
    const maps = (pid) => readFileSync(`/proc/${pid}/maps`, 'utf8').includes('/lock.mdb');
    for (const end = Date.now() + 2000; Date.now() < end; ) {
      try {
        const [pid] = readFileSync(`/proc/${backup.pid}/task/${backup.pid}/children`, 'utf8').match(/\d+/) ?? [];
        if (pid !== undefined && maps(pid)) {
          process.kill(Number(pid), 'SIGSTOP');
          return { ...seen, seen, pid: Number(pid) };
        }
      } catch {
        break; // it has ended
      }
    }
    return { ...seen, seen };
  };

  test('a backup that somebody has stopped is seen by the server, until it ends', { timeout: 300000 }, async () => {
    const pinned = () => metric(server, 'store_pinned_time_seconds');
    assert.equal(await pinned(), 0);
    let stopped;
    await until(async () => {
      stopped = stopOne();
      if (stopped.pid !== undefined) {
        for (const end = Date.now() + 10000; Date.now() < end; await sleep(100)) if ((await pinned()) >= 1) return true;
        process.kill(stopped.pid, 'SIGCONT'); // it had no snapshot just then
      }
      await stopped.ended;
      return false;
    });
    const first = await pinned();
    await until(async () => (await pinned()) > first);
    process.kill(stopped.pid, 'SIGKILL');
    assert.notEqual(await stopped.ended, 0);
    assert.match(stopped.seen.words, /the backup of the data folder was ended by signal 9 \(Killed\) from outside/);
    await until(async () => (await pinned()) === 0);
  });

  test('a file that is there is replaced only if that is asked for', async () => {
    const file = join(folder, 'kept');
    writeFileSync(file, 'precious');
    const refused = await run(['backup', '--data', server.data, file]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /'.*kept' is there already; name another file, or ask for it to be replaced/);
    assert.equal(readFileSync(file, 'utf8'), 'precious');
    assert.ok(!existsSync(`${file}.partial`));
    chmodSync(file, 0o644);
    const { code, stderr } = await run(['backup', '--data', server.data, '--replace', file]);
    assert.equal(code, 0, stderr);
    assert.equal(readFileSync(file).subarray(0, 8).toString(), 'cordonBK');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('in a folder a backup is named by its time', async () => {
    const into = join(folder, 'backups');
    mkdirSync(into);
    assert.equal((await run(['backup', '--data', server.data, into])).code, 0);
    const [name, ...more] = readdirSync(into);
    assert.match(name, /^cordon-\d{8}T\d{6}Z\.backup$/);
    assert.deepEqual(more, []);
  });

  test('the folder of a server is restored over by nobody', async () => {
    const file = join(folder, 'other');
    assert.equal((await run(['backup', '--data', server.data, file])).code, 0);
    const { code, stderr } = await run(['restore', '--data', server.data, file]);
    assert.equal(code, 2);
    assert.match(stderr, /is not empty; name a new one, or move it away/);
  });
});

test('damage is told with its place, and makes no backup', async () => {
  const server = await Server.start();
  await server.deploy(guest('counter'));
  await add(server);
  await server.stop();
  const path = join(server.data, 'data.mdb');
  const bytes = readFileSync(path);
  const sound = Buffer.from(bytes);
  for (let page = 2; page < bytes.length / 4096; page++) bytes[page * 4096 + 11] ^= 0x40;
  writeFileSync(path, bytes);
  const text = await run(['verify', '--data', server.data]);
  assert.equal(text.code, 7, text.stdout + text.stderr);
  assert.match(text.stdout, /^data\.mdb, byte \d+: page \d+ is not a (leaf|branch)$/m);
  assert.match(text.stdout, /was not checked, because of the damage\.\n[^]*is damaged: restore it from a backup/);
  const json = await run(['verify', '--data', server.data, '--format', 'json']);
  assert.equal(json.code, 7);
  const report = parseOne(json.stdout);
  assert.equal(report.sound, false);
  assert.equal(report.damages, report.damage.length);
  assert.ok(report.damage.every(({ file, message }) => file === 'data.mdb' && message.length > 0));
  const file = join(folder, 'of-damage');
  const backup = await run(['backup', '--data', server.data, file]);
  assert.equal(backup.code, 5);
  assert.match(backup.stderr, /^cordon: Store: the data f[^]* is damaged/);
  assert.ok(!existsSync(file) && !existsSync(`${file}.partial`));
  writeFileSync(path, sound);
  assert.equal((await run(['verify', '--data', server.data])).code, 0);
});

test('a server on a damaged folder does not start, and says why in one line', async () => {
  const server = await Server.start();
  await server.deploy(guest('counter'));
  await server.stop();
  const path = join(server.data, 'data.mdb');
  const bytes = readFileSync(path);
  const pages = bytes.length / 4096;
  let refused = 0;
  for (let page = 0; page < pages; page += Math.ceil(pages / 12)) {
    const broken = Buffer.from(bytes);
    broken.fill(0xa5, page * 4096, (page + 1) * 4096);
    writeFileSync(path, broken);
    const { code, signal, stdout, stderr } = await run(['run', '--data', server.data, guest('basic'), 'basic:nothing']);
    assert.equal(signal, null);
    if (code === 5) {
      refused++;
      assert.equal(stdout, '');
      assert.match(stderr, /^cordon: Store: the data file is [^\n]*\n$/);
    }
  }
  assert.ok(refused > 2, `${refused} of 12: long values have pages that only reading checks`);
  writeFileSync(path, bytes.subarray(0, bytes.length - 4096));
  await assert.rejects(Server.start({ data: server.data }), /serve ended with 5: cordon: Store: the data file ends at byte \d+ of \d+; it was cut short/);
  writeFileSync(path, bytes);
  const whole = await Server.start({ data: server.data });
  assert.equal(await add(whole), 1);
  await whole.stop();
});

test('a file that is cut under a server ends it with one line; traps of guests do not', async () => {
  const server = await Server.start();
  await server.deploy(guest('basic'), guest('counter'), guest('documents'));
  for (let n = 0; n < 20; n++) await server.post('/api/mutation', { path: 'documents:insert_large', args: { n: 100000 } });
  await server.stop();
  const again = await Server.start({ data: server.data });
  for (const path of ['basic:unreachable', 'basic:divide', 'basic:outside', 'basic:indirect', 'basic:nothing']) {
    const { body } = await again.post('/api/query', { path, args: {} });
    assert.equal(body.status, path === 'basic:nothing' ? 'success' : 'error', JSON.stringify(body));
  }
  truncateSync(join(again.data, 'data.mdb'), 8192);
  await assert.rejects(async () => {
    for (;;) await again.post('/api/query', { path: 'documents:read', args: { n: 15 } });
  });
  assert.deepEqual(await again.ended, { code: 5, signal: null });
  const said = again.log.split('\n').filter((line) => line.startsWith('cordon: '));
  assert.deepEqual(said, [
    `cordon: reading data.mdb in the data folder '${again.data}' failed, and the process ends: the disk fails, or the file was cut or damaged; \`cordon verify\` says more`,
  ]);
});

test('a disk without room leaves nothing behind', async () => {
  const server = await Server.start();
  await server.deploy(guest('documents'));
  for (let n = 0; n < 5; n++) await server.post('/api/mutation', { path: 'documents:insert_large', args: { n: 100000 } });
  const file = join(folder, 'large');
  const cramped = (words) => run(['-c', 'ulimit -f 100; exec "$@"', 'sh', cordon, ...words], { program: 'sh' });
  const backup = await cramped(['backup', '--data', server.data, file]);
  assert.equal(backup.code, 5);
  assert.match(backup.stderr, /^cordon: DiskFull: /);
  assert.ok(!existsSync(file) && !existsSync(`${file}.partial`));
  assert.equal((await run(['backup', '--data', server.data, file])).code, 0);
  const data = join(folder, 'cramped');
  const restore = await cramped(['restore', '--data', data, file]);
  assert.equal(restore.code, 5);
  assert.match(restore.stderr, /^cordon: DiskFull: /);
  assert.ok(!existsSync(data) && !existsSync(`${data}.restoring`));
  await server.stop();
});

test('what cannot be done says what to do instead', async () => {
  const nowhere = join(folder, 'nowhere');
  for (const words of [['verify', '--data', nowhere], ['backup', '--data', nowhere, join(folder, 'x')]]) {
    const { code, stdout, stderr } = await run(words);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /there is no data file in the folder '.*nowhere'; name the data folder of a server/);
  }
  assert.ok(!existsSync(nowhere));
  const missing = await run(['restore', '--data', nowhere, join(folder, 'missing')]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /there is no file '.*missing'; name a backup/);
  const none = join(folder, 'none');
  writeFileSync(none, Buffer.alloc(10000));
  const { code, stderr } = await run(['restore', '--data', nowhere, none]);
  assert.equal(code, 5);
  assert.match(stderr, /the file is no whole backup: it does not begin as one; take another one/);
  assert.ok(!existsSync(nowhere));
  const far = await run(['backup', '--data', newFolder(), join(nowhere, 'x')]);
  assert.match(far.stderr, /cannot make '.*'[^]*make the folder above it first/);
});
