/*
 * What somebody may do to an audit log who can write the data folder: another tenant's log in the
 * place of one, an end that is cut off, a row that is changed. `cordon audit verify` finds each, and
 * says so where what was kept elsewhere speaks of another log.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, guest, newFolder, parseOne, run, until } from '../support/cordon.mjs';

const audit = (...words) => run(['audit', ...words]);
const verify = async (...words) => {
  const { code, stdout, stderr } = await audit('verify', ...words, '--format', 'json');
  return { code, stderr, ...(code < 2 ? parseOne(stdout) : {}) };
};
const good = async (...words) => {
  const result = await run(words);
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
};

describe('the logs of many tenants, whose checkpoints are in one file', () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const config = join(folder, 'config.json');
  const checkpoints = join(folder, 'checkpoints');
  const exported = (name) => join(folder, `${name}.jsonl`);
  const NUMBERS = { acme: 2, beta: 3, fresh: 4 };
  const kept = () => (existsSync(checkpoints) ? readFileSync(checkpoints, 'utf8').trim().split('\n').filter(Boolean) : []);
  const keptOf = (tenant) => kept().filter((line) => JSON.parse(line).tenant === tenant);

  before(async () => {
    writeFileSync(config, JSON.stringify({ audit_interval_ms: 100, audit_checkpoint_file: checkpoints }));
    await (await Server.start({ data, flags: ['--config', config] })).stop();
    for (const name of Object.keys(NUMBERS)) await good('tenant', 'create', name, '--data', data);
    /* Whoever writes to the folder signs nothing; the next server does, though nobody calls the tenants. */
    for (const name of ['acme', 'beta']) await good('env', 'set', '--data', data, '--tenant', name, `OF=${name}`);
    const server = await Server.start({ data, flags: ['--config', config] });
    await until(() => keptOf(NUMBERS.acme).length > 0 && keptOf(NUMBERS.beta).length > 0);
    await server.stop();
    for (const name of ['default', 'acme', 'beta']) {
      writeFileSync(exported(name), await good('audit', 'export', '--data', data, '--tenant', name));
    }
  });

  test('each is checked against its own checkpoints', async () => {
    for (const [name, number] of [['default', 1], ['acme', NUMBERS.acme], ['beta', NUMBERS.beta]]) {
      for (const tenant of [name, `${number}`]) {
        const { code, stderr, ...report } = await verify('--data', data, '--tenant', tenant, '--checkpoint', checkpoints);
        assert.equal(code, 0, stderr + JSON.stringify(report));
        assert.equal(report.tenant, number);
        assert.equal(report.kept, keptOf(number).length);
        assert.ok(report.kept > 0);
      }
    }
  });

  test('as a file, it is named by its number, and is default\'s without', async () => {
    const own = ['--file', exported('acme'), '--checkpoint', checkpoints];
    assert.equal((await verify(...own, '--tenant', '2')).code, 0);
    const named = await verify(...own, '--tenant', 'acme');
    assert.equal(named.code, 2);
    assert.match(named.stderr, /a file does not know the names of tenants; give the number of 'acme'/);
    const unnamed = await verify(...own);
    assert.equal(unnamed.code, 1);
    assert.match(unnamed.fault.message, /another tenant's log/);
    assert.equal((await verify('--file', exported('default'), '--checkpoint', checkpoints)).code, 0);
    assert.equal((await verify(...own, '--tenant', '0')).code, 2);
    assert.equal((await verify(...own, '--tenant', '99999999999')).code, 2);
  });

  test('another\'s in its place is found, from a folder, a server or a file', async (t) => {
    for (const of of ['beta', 'default']) {
      const { code, fault } = await verify('--file', exported(of), '--tenant', '2', '--checkpoint', checkpoints);
      assert.equal(code, 1);
      assert.match(fault.message, /another tenant's log/);
    }
    /* An operator's listener of a machine whose rows are not what they were. */
    const tenants = await good('tenant', 'list', '--data', data, '--format', 'json');
    const lines = readFileSync(exported('beta'), 'utf8');
    const forged = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url, 'http://forged');
      const isFirst = searchParams.get('from') === '1';
      response.end(pathname === '/tenants' ? tenants : isFirst ? lines : '');
    });
    await new Promise((listening) => forged.listen(0, '127.0.0.1', listening));
    t.after(() => forged.close());
    const url = `http://127.0.0.1:${forged.address().port}`;
    for (const [tenant, wanted] of [['acme', 1], ['default', 1], ['beta', 0]]) {
      const { code, stderr, fault } = await verify('--url', url, '--tenant', tenant, '--checkpoint', checkpoints);
      assert.equal(code, wanted, stderr);
      if (wanted === 1) assert.match(fault.message, /another tenant's log/);
    }
    const unknown = await verify('--url', url, '--tenant', 'nobody');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /there is no tenant 'nobody'/);
  });

  test('checkpoints of others alone show nothing, and are no good news', async () => {
    const others = join(folder, 'others');
    writeFileSync(others, keptOf(1).join('\n') + '\n');
    for (const words of [['--data', data, '--tenant', 'acme'], ['--file', exported('acme'), '--tenant', '2']]) {
      const { code, stdout, stderr } = await audit('verify', ...words, '--checkpoint', others);
      assert.equal(code, 2, stdout);
      assert.equal(stdout, '');
      assert.match(stderr, /log of tenant 2 is whole in itself, but none of the \d+ checkpoints that were kept is of it/);
    }
    const cut = exported('cut');
    writeFileSync(cut, readFileSync(exported('acme'), 'utf8').split('\n').slice(1).join('\n'));
    assert.equal((await verify('--file', cut, '--tenant', '2', '--checkpoint', others)).code, 1, 'a fault is told first');
  });

  test('one that nothing was signed of yet was not cut', async () => {
    assert.equal((await verify('--data', data, '--tenant', 'fresh')).code, 0);
    const { code, stderr } = await verify('--data', data, '--tenant', 'fresh', '--checkpoint', checkpoints);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /none of the \d+ checkpoints that were kept is of it/);
    assert.doesNotMatch(stderr, /cut, or brought back/);
  });

  test('a secret in the place of another is found, as is what is none', async () => {
    const place = (number) => join(data, 'audit.d', `${number}.secret`);
    const acme = readFileSync(place(NUMBERS.acme), 'utf8');
    const own = (number) => acme.replace(/^(\S+ \S+ \S+ \S+\n\d+ )\d+/, `$1${number}`);
    const own_to = (await verify('--data', data, '--tenant', 'acme')).signed_to;
    const exchanged = readFileSync(place(NUMBERS.beta), 'utf8').replace(/^(.*\n\d+ )\d+/, `$1${own_to}`);
    assert.equal(own(own_to), acme, 'it says up to where it has signed');
    writeFileSync(place(NUMBERS.acme), exchanged);
    const { code, stderr, fault } = await verify('--data', data, '--tenant', 'acme', '--checkpoint', checkpoints);
    assert.equal(code, 1, stderr);
    assert.equal(fault.sequence, own_to);
    assert.match(fault.message, /the secret was exchanged/);

    for (const make of [
      (path) => execFileSync('mkfifo', [path]),
      (path) => mkdirSync(path),
      (path) => symlinkSync(join(data, 'audit.d', `${NUMBERS.beta}.secret`), path),
      (path) => writeFileSync(path, ''),
    ]) {
      rmSync(place(NUMBERS.acme), { recursive: true });
      make(place(NUMBERS.acme));
      const none = await verify('--data', data, '--tenant', 'acme');
      assert.equal(none.code, 5, `${make}`);
      assert.match(none.stderr, /2\.secret in the data folder, is damaged, and a backup holds none/);
    }
    rmSync(place(NUMBERS.acme), { recursive: true });
    writeFileSync(place(NUMBERS.acme), acme, { mode: 0o600 });
    assert.equal((await verify('--data', data, '--tenant', 'acme', '--checkpoint', checkpoints)).code, 0);
  });

  test('a secret that has signed goes at the next start, though its tenant sleeps', async () => {
    const secret = join(data, 'audit.d', `${NUMBERS.acme}.secret`);
    const draft = join(data, 'audit.d', `${NUMBERS.fresh}.draft`);
    const signs = readFileSync(secret, 'utf8');
    const before = keptOf(NUMBERS.acme).length;
    await good('env', 'set', '--data', data, '--tenant', 'acme', 'MORE=acme');
    const server = await Server.start({ data, flags: ['--config', config] });
    await until(() => keptOf(NUMBERS.acme).length > before);
    await server.stop();
    const next = readFileSync(secret, 'utf8');
    assert.notEqual(next, signs);

    writeFileSync(secret, signs); /* as it lies there when a server is killed between the checkpoint and the next secret, */
    writeFileSync(draft, signs); /* and as another does when it is killed between that and its end */
    const again = await Server.start({ data, flags: ['--config', config] });
    await until(() => readFileSync(secret, 'utf8') === next && !existsSync(draft));
    await again.stop();
    assert.equal(keptOf(NUMBERS.acme).length, before + 1);
    assert.equal((await verify('--data', data, '--tenant', 'acme', '--checkpoint', checkpoints)).code, 0);
  });
});

describe('who takes the machine a moment after', () => {
  test('the first start, a deploy, a variable, a key or a tenant, forges none of them', async () => {
    const data = join(newFolder(), 'data');
    const server = await Server.start({ data }); /* which signs what is no such once a minute */
    const signed = async (kind, ...words) => {
      const all = (await good('audit', 'export', '--data', data, ...words)).trimEnd().split('\n').filter(Boolean).map((line) => JSON.parse(line));
      const last = all.filter(({ body }) => body.kind === kind).at(-1)?.sequence ?? Infinity;
      return all.some(({ body }) => body.kind === 'checkpoint' && body.covers >= last);
    };
    const began = Date.now();
    await until(() => signed('settings'));
    await server.deploy(guest('documents'));
    await until(() => signed('deploy'));
    await until(() => signed('key_made'));
    const env = { CORDON_ADMIN_KEY: await server.key() };
    assert.equal((await run(['env', 'set', '--url', server.url, 'A=b'], { env })).code, 0);
    await until(() => signed('env'));
    await good('tenant', 'create', 'acme', '--data', data);
    await until(() => signed('tenant_made'));
    assert.equal((await run(['deploy', '--url', server.url, guest('refused_bad_kind')], { env })).code, 4);
    await until(() => signed('deploy_refused'));
    assert.ok(Date.now() - began < 45000, 'a minute would have signed it all');
    await server.kill();
    assert.equal((await verify('--data', data)).code, 0);
    /* What a mutation wrote waits for the interval, or for the next start. */
    const again = await Server.start({ data });
    assert.equal((await again.post('/api/mutation', { path: 'documents:insert', args: { n: 1 } })).body.status, 'success');
    await again.kill();
    const third = await Server.start({ data });
    await until(() => signed('mutation'));
    await third.stop();
  });
});

describe('a data folder', () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ audit_interval_ms: 100 }));
  const serve = () => Server.start({ data, flags: ['--config', config] });
  let server;
  after(() => server?.stop());

  test('of an earlier day, with the secret of today, is told', async () => {
    const earlier = join(folder, 'earlier');
    await (await serve()).stop();
    cpSync(data, earlier, { recursive: true });
    const { last } = await verify('--data', data);
    server = await serve();
    await server.deploy(guest('documents'));
    await server.stop();
    server = undefined;
    const today = await verify('--data', data);
    assert.equal(today.code, 0);
    assert.ok(today.signed_to > last);

    assert.equal((await verify('--data', earlier)).code, 0, 'all of it is of that day');
    rmSync(join(earlier, 'audit.d'), { recursive: true });
    cpSync(join(data, 'audit.d'), join(earlier, 'audit.d'), { recursive: true });
    const cut = await verify('--data', earlier);
    assert.equal(cut.code, 1);
    assert.equal(cut.fault.sequence, today.signed_to);
    assert.match(cut.fault.message, /own secret has signed up to there.*it was cut, or brought back/);
    const told = await audit('verify', '--data', earlier);
    assert.equal(told.code, 1);
    assert.match(told.stderr, new RegExp(`record ${today.signed_to}: the folder's own secret`));
    rmSync(join(earlier, 'audit.d'), { recursive: true });
    assert.equal((await verify('--data', earlier)).code, 0, 'without a secret, nothing inside can tell');
  });

  test('with a row of the log that was changed is told by that record', async () => {
    const file = join(data, 'data.mdb');
    const lines = (await good('audit', 'export', '--data', data)).trimEnd().split('\n').map((line) => JSON.parse(line));
    const { sequence, hash } = lines.find(({ body }) => body.kind === 'deploy');
    const bytes = readFileSync(file);
    const row = Buffer.from(hash, 'hex');
    let at = -1;
    let flipped = 0;
    while ((at = bytes.indexOf(row, at + 1)) >= 0) {
      bytes[at + row.length + 10] ^= 1; /* in its text */
      flipped++;
    }
    assert.ok(flipped > 0);
    writeFileSync(file, bytes);
    const { code, stderr, fault } = await verify('--data', data);
    assert.equal(code, 1, stderr);
    assert.equal(fault.sequence, sequence);
    assert.match(fault.message, /its row in the data file was changed or is damaged/);
    const told = await audit('verify', '--data', data);
    assert.equal(told.code, 1);
    assert.match(told.stderr, new RegExp(`record ${sequence}: it can't be read`));
    const rest = await audit('export', '--data', data);
    assert.equal(rest.stdout.trimEnd().split('\n').length, lines.length, 'an export has all others, and a line for it');
    writeFileSync(join(folder, 'damaged.jsonl'), rest.stdout);
    assert.equal((await verify('--file', join(folder, 'damaged.jsonl'))).fault.sequence, sequence);
  });
});

describe('a row that is damaged', () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const config = join(folder, 'config.json');
  const secret = join(data, 'audit.d', '1.secret');
  writeFileSync(config, JSON.stringify({ audit_interval_ms: 100 }));
  const serve = () => Server.start({ data, flags: ['--config', config] });
  const isReady = async ({ url }) => (await fetch(`${url}/readyz`)).status === 200;
  const records = async () => (await audit('export', '--data', data)).stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  const checkpoints = async () => (await records()).filter(({ body }) => body?.kind === 'checkpoint');
  const DAMAGE = /a row of the audit log is damaged; `cordon audit verify` tells which/;
  let damaged;
  let earlier;
  let server;
  after(() => server?.stop());

  before(async () => {
    await (await serve()).stop();
    earlier = readFileSync(secret);
    const first = await serve();
    await first.deploy(guest('documents'));
    await first.stop();
    damaged = (await records()).find(({ body }) => body.kind === 'deploy').sequence;
    const file = join(data, 'data.mdb');
    const bytes = readFileSync(file);
    const text = '{"kind":"deploy",';
    for (let at = -1; (at = bytes.indexOf(text, at + 1)) >= 0;) bytes[at + text.length - 3] ^= 1;
    writeFileSync(file, bytes);
    assert.deepEqual((await records()).filter((record) => record.damaged).map(({ sequence }) => sequence), [damaged]);
  });

  test('keeps the log from being pruned, and nothing behind it from being signed', async () => {
    server = await serve();
    await until(async () => (await checkpoints()).at(-1).body.covers > damaged + 1, () => server.log);
    await until(() => isReady(server), () => server.log);
    for (const before of ['1000000', `${damaged}`, '2030-01-01']) {
      const { code, stderr } = await audit('prune', '--data', data, '--before', before);
      assert.equal(code, 5, stderr);
      assert.match(stderr, new RegExp(`nothing was pruned: record ${damaged}: it can't be read`));
    }
    const left = await records();
    assert.deepEqual(left.map(({ sequence }) => sequence), left.map((_, i) => i + 1));
    assert.ok(left.every(({ body }) => body?.kind !== 'prune'));
    assert.doesNotMatch(server.log, DAMAGE);
    await server.stop();
    server = undefined;
  });

  test('is told by its number also where it is the first that is left', async () => {
    const place = join(folder, 'pruned');
    server = await Server.start({ data: place, flags: ['--config', config] });
    for (let i = 0; i < 2; i++) {
      await server.deploy(guest(i === 0 ? 'documents' : 'basic'));
      await until(async () => (await verify('--data', place)).signed_to > 3 * (i + 1), () => server.log);
    }
    const log = async () => (await audit('export', '--data', place)).stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
    const cut = (await log()).findLast(({ body }) => body.kind === 'checkpoint').sequence;
    const { code: failed, stderr: words } = await audit('prune', '--data', place, '--before', `${cut}`);
    assert.equal(failed, 0, words);
    await server.stop();
    server = undefined;
    const [first, ...others] = await log();
    assert.ok(first.sequence > 1);
    const file = join(place, 'data.mdb');
    const bytes = readFileSync(file);
    const row = Buffer.from(first.hash, 'hex');
    for (let at = -1; (at = bytes.indexOf(row, at + 1)) >= 0;) bytes[at + row.length + 10] ^= 1;
    writeFileSync(file, bytes);
    const { code, stderr, fault } = await verify('--data', place);
    assert.equal(code, 1, stderr);
    assert.equal(fault.sequence, first.sequence);
    assert.match(fault.message, /its row in the data file was changed or is damaged/);
    const left = await log();
    assert.equal(left[0].damaged, true);
    assert.deepEqual(left.map(({ sequence }) => sequence), [first, ...others].map(({ sequence }) => sequence));
  });

  test('keeps a secret of before it from signing, which might have signed there', async () => {
    const signed = (await checkpoints()).length;
    writeFileSync(secret, earlier);
    server = await serve();
    await until(async () => !await isReady(server) && /"unready"/.test(server.log), () => server.log);
    assert.match(server.log.split('\n').find((line) => /"unready"/.test(line)), new RegExp(`"check":"audit",.*${DAMAGE.source}`));
    assert.notEqual((await records()).at(-1).body.kind, 'checkpoint', 'there is something to be signed');
    await server.stop();
    server = undefined;
    assert.equal((await checkpoints()).length, signed);
  });
});
