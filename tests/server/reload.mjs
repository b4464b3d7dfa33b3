/*
 * Settings from the environment, and those that change while a server runs: the file is read again on
 * SIGHUP, what is good is taken over and told, and what is not changes nothing.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, cordon, example, guest, newFolder, run, until } from '../support/cordon.mjs';
import { Signer } from '../support/signer.mjs';
import { askFunction } from './hosts.mjs';
import { Wire, metricSum } from './wire.mjs';

/* Replaces the file as editors do: by another one of its name, or by none. */
function write(file, settings) {
  if (settings === null) return rmSync(file);
  const text = typeof settings === 'string' ? settings : JSON.stringify(settings);
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/* Has the file read again, and waits for what is said of it. */
async function reload(server, file, settings, words) {
  const from = server.log.length;
  write(file, settings);
  server.child.kill('SIGHUP');
  await until(() => words.test(server.log.slice(from)), () => server.log.slice(from));
  return server.log.slice(from);
}

/* How long an idle connection is kept. */
async function idleMs(server) {
  const began = Date.now();
  await Wire.to(server).end();
  return Date.now() - began;
}

const records = async (server, kind) => {
  const { code, stdout, stderr } = await run(['audit', 'show', '--data', server.data, '--kind', kind, '--format', 'json']);
  assert.equal(code, 0, stderr);
  return stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
};

/* Of settings: those that a start has found, and those that a SIGHUP has changed. */
const effective = async (server) => (await records(server, 'settings')).map(({ body }) => body.effective).filter(Boolean);
const changed = async (server) => (await records(server, 'settings')).filter(({ body }) => body.changed !== undefined);

describe('a start', () => {
  test('is said with the folder of the file, also where that is to be read again at once', async () => {
    const data = join(newFolder(), 'data');
    const file = join(newFolder(), 'config.json');
    write(file, { data });
    const child = spawn(cordon, ['serve', '--listen', '127.0.0.1:0', '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (log += text));
    await until(() => /SigBlk:.*[13579bdf]$/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8'))); // SIGHUP waits
    write(file, { data, idle_timeout_ms: 50000 });
    child.kill('SIGHUP');
    await until(() => said.includes('\n'));
    assert.match(said, new RegExp(`data in ${data};`));
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    assert.equal(code, 0, log);
  });

  test('records the settings that hold, once for each time they are others', async () => {
    const data = join(newFolder(), 'data');
    const file = join(newFolder(), 'config.json');
    const start = async (settings, { flags = [], env = {} } = {}) => {
      write(file, settings);
      const server = await Server.start({ data, flags: ['--config', file, ...flags], env });
      await server.stop();
      return server;
    };
    const usual = { listen: '127.0.0.1:0', data };
    const jwks = `data:application/json;base64,${Buffer.from('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}').toString('base64')}`;
    const said = {
      limits: { fuel: 1000000 },
      host_names: ['a.example.org', 'b.example.org'],
      auth_providers: [{ domain: 'https://auth.example.org', applicationID: 'app', jwks }],
      confine: false,
    };
    const server = await start({});
    await start({});
    assert.deepEqual((await effective(server)).map(({ settings }) => settings), [usual]);
    await start({ permits: 7 });
    await start({ permits: 7 }, { flags: ['--production'] });
    await start({ production: true }, { env: { CORDON_PERMITS: '7' } }); /* the same, said elsewhere */
    await start(said);
    await start(said);
    const all = await effective(server);
    assert.deepEqual(all.slice(1, 3).map(({ settings }) => settings), [{ ...usual, permits: 7 }, { ...usual, permits: 7, production: true }]);
    assert.equal(all.length, 4);
    const [{ jwks: shown, ...provider }] = all[3].settings.auth_providers;
    assert.match(shown, /^data: with SHA-256 [0-9a-f]{64}$/);
    assert.deepEqual(provider, { issuer: 'https://auth.example.org', applicationID: 'app', algorithm: null, tenant: null });
    delete all[3].settings.auth_providers;
    assert.deepEqual(all[3].settings, { ...usual, limits: said.limits, host_names: said.host_names, confine: false });
    for (const { version } of all) assert.match(version, /^\d+\.\d+\.\d+/);
    for (const { body } of await records(server, 'settings')) assert.equal(body.by, `uid ${process.geteuid()} who runs the server`);
    const verified = await run(['audit', 'verify', '--data', data]);
    assert.equal(verified.code, 0, verified.stderr);
    assert.equal((await run(['verify', '--data', data])).code, 0);
  });
});

/* The bodies of those that a SIGHUP has changed, but for whom they name. */
const settingsRecords = async (server) =>
  (await changed(server)).map(({ body: { by, ...body } }) => {
    assert.equal(by, `uid ${process.geteuid()} who runs the server`);
    return body;
  });

describe('SIGHUP', () => {
  test('takes over what can change, and tells it', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, { idle_timeout_ms: 60000 });
    const server = await Server.start({ flags: ['--config', file] });
    const said = await reload(server, file, { idle_timeout_ms: 300, permits: 7, slots: 70 }, /"event":"settings"/);
    const line = JSON.parse(said.split('\n').find((text) => text.includes('"event":"settings"')));
    assert.equal(line.level, 'warn');
    assert.deepEqual(JSON.parse(line.changed), { idle_timeout_ms: 300 });
    assert.equal(line.needRestart, 'permits, slots');
    assert.ok(await idleMs(server) < 20000);
    /* And once more: what was said is compared with what holds now. */
    assert.match(await reload(server, file, { idle_timeout_ms: 400, permits: 7, slots: 70 }, /"event":"settings"/), /"level":"info".*\{\\"idle_timeout_ms\\":400\}/);
    await server.stop();
    assert.deepEqual(await settingsRecords(server), [
      { kind: 'settings', changed: { idle_timeout_ms: 300 }, needRestart: 'permits, slots' },
      { kind: 'settings', changed: { idle_timeout_ms: 400 }, needRestart: '' },
    ]);
  });

  test('has the next start record what holds, also where that is what held before', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, { idle_timeout_ms: 60000 });
    const server = await Server.start({ flags: ['--config', file] });
    await reload(server, file, { idle_timeout_ms: 300 }, /"event":"settings"/);
    await server.stop();
    write(file, { idle_timeout_ms: 60000 });
    const next = await Server.start({ data: server.data, flags: ['--config', file] });
    await next.stop();
    assert.deepEqual((await effective(next)).map(({ settings }) => settings.idle_timeout_ms), [60000, 60000]);
  });

  test('with a file that is not good changes nothing, and says why', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, { idle_timeout_ms: 300 });
    const server = await Server.start({ flags: ['--config', file] });
    for (const [settings, words] of [
      ['{"idle_timeout_ms": 60000', /in '.*config.json': /],
      [null, /cannot open '.*config.json': No such file or directory; check its name/],
      [' '.repeat(2 ** 20) + '{}', /config.json' is larger than 1048576 bytes/],
      [{ idle_timeout_ms: 60000, idel_timeout_ms: 1 }, /there is no setting "idel_timeout_ms"; did you mean "idle_timeout_ms"\?/],
      [{ idle_timeout_ms: 1 }, /"idle_timeout_ms" must be a whole number of milliseconds from 250/],
      [{ idle_timeout_ms: 60000, audit_checkpoint_file: '/proc/no/such/file' }, /can't be opened for checkpoints/],
    ]) {
      const said = (await reload(server, file, settings, /"settings_refused".*\n/)).trim().split('\n').map((line) => JSON.parse(line));
      assert.deepEqual(said.map(({ event, level }) => [event, level]), [['settings_refused', 'error']]);
      assert.match(said[0].message, words);
      assert.match(said[0].message, /; nothing has changed$/);
      assert.ok(await idleMs(server) < 20000, JSON.stringify(settings));
    }
    await server.stop();
    assert.deepEqual(await changed(server), []);
  });

  test('opens the file of checkpoints anew, also that of another name', async () => {
    const folder = newFolder();
    const file = join(newFolder(), 'config.json');
    const [first, moved, second] = ['first', 'moved', 'second'].map((name) => join(folder, name));
    const settings = { audit_interval_ms: 100, audit_checkpoint_file: first };
    write(file, settings);
    const server = await Server.start({ flags: ['--config', file] });
    const has = (path) => {
      try {
        return readFileSync(path, 'utf8').includes('"kind":"checkpoint"');
      } catch {
        return false;
      }
    };
    await server.deploy(guest('basic'));
    await until(() => has(first), () => 'no checkpoint');
    renameSync(first, moved);
    await reload(server, file, settings, /"event":"settings"/);
    await until(() => has(first), () => 'none in the new file'); /* which says what has changed */
    const old = readFileSync(moved, 'utf8');
    await reload(server, file, { ...settings, audit_checkpoint_file: second }, /"event":"settings"/);
    await until(() => has(second), () => 'none in the other file');
    assert.equal(readFileSync(moved, 'utf8'), old);
    await server.stop();
  });

  test('changes the host names of the default tenant', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, { host_names: ['old.example', 'both.example'] });
    const server = await Server.start({ flags: ['--config', file] });
    await server.deploy(guest('basic'));
    const status = async (host) => (await askFunction(server, host, 'query', 'basic:nothing')).status;
    const all = async () => [await status('old.example'), await status('both.example'), await status('new.example'), await status('localhost')];
    assert.deepEqual(await all(), [200, 200, 421, 200]);
    const said = await reload(server, file, { host_names: ['both.example', 'New.example'] }, /"event":"settings"/);
    assert.match(said, /"level":"info"/);
    assert.deepEqual(await all(), [421, 200, 200, 200]);
    await server.stop();
    const [body] = await settingsRecords(server);
    assert.deepEqual(body, { kind: 'settings', changed: { host_names: ['both.example', 'New.example'] }, needRestart: '' });
  });

  test('takes no host name that a tenant has, nor gives a tenant one of its own', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, { host_names: ['Usual.example', 'left.example'] });
    const server = await Server.start({ flags: ['--config', file] });
    const tenant = (...words) => run(['tenant', ...words, '--data', server.data]);
    const isRefused = async (words, ...rest) => {
      const { code, stderr } = await tenant(...rest);
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    };
    const usual = /the host 'usual\.example' is that of the default tenant, by `host_names`/;
    assert.equal((await tenant('create', 'acme', '--host', 'acme.example')).code, 0);
    await isRefused(usual, 'create', 'second', '--host', 'usual.example');
    await isRefused(usual, 'change', 'acme', '--host', 'usual.example');
    const taken = /the host 'acme\.example' of `host_names` is that of the tenant 'acme'; take it out/;
    await reload(server, file, { host_names: ['usual.example', 'ACME.example'] }, taken);
    await isRefused(/'left\.example' is that of the default tenant/, 'create', 'second', '--host', 'left.example');
    await reload(server, file, { host_names: ['usual.example'] }, /"event":"settings"/);
    assert.equal((await tenant('create', 'second', '--host', 'left.example')).code, 0);
    await server.stop();
    write(file, { host_names: ['acme.example'] });
    await assert.rejects(Server.start({ data: server.data, flags: ['--config', file] }), taken);
  });

  test('changes limits, of what begins from then on, and names those that it can not', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, { limits: { log_lines: 100 } });
    const server = await Server.start({ flags: ['--config', file] });
    await server.deploy(guest('effects'), guest('basic'), guest('spin'));
    const alive = () => metricSum(server, 'isolate_pool_running_count_info');
    const sleeping = server.post('/api/action', { path: 'effects:sleep', args: { ms: 5000 } });
    await until(async () => (await alive()) > 0);
    const limits = { fuel: 1000, system_time_ms: 500, memory_bytes: 67108864, stack_bytes: 524288 };
    const said = await reload(server, file, { limits }, /"event":"settings"/);
    assert.match(said, /"needRestart":"limits\.memory_bytes, limits\.stack_bytes"/);
    const { body } = await server.post('/api/query', { path: 'spin:rounds', args: { n: 100000 } });
    assert.match(body.errorMessage, /OutOfFuel: limit fuel .* allowed 1000/);
    assert.equal((await sleeping).body.status, 'success', 'as it began');
    await reload(server, file, {}, /"event":"settings"/);
    assert.equal((await server.post('/api/query', { path: 'basic:nothing', args: {} })).body.status, 'success', 'by the defaults');
    await server.stop();
    assert.deepEqual(await settingsRecords(server), [
      { kind: 'settings', changed: { limits: { fuel: 1000, system_time_ms: 500, log_lines: null } }, needRestart: 'limits.memory_bytes, limits.stack_bytes' },
      { kind: 'settings', changed: { limits: { fuel: null, system_time_ms: null } }, needRestart: 'limits.memory_bytes, limits.stack_bytes' },
    ]);
  });

  test('changes how much all documents may have', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, {});
    const server = await Server.start({ flags: ['--config', file] });
    await server.deploy(example('messages_c'));
    const send = async (size) => (await server.post('/api/mutation', { path: 'messages:send', args: { author: 'a', body: 'x'.repeat(size) } })).body;
    assert.equal((await send(1000)).status, 'success');
    await reload(server, file, { limits: { tenant_bytes: 2000 } }, /"event":"settings"/);
    await until(async () => /TenantFull/.test((await send(2000)).errorMessage ?? ''));
    await reload(server, file, { limits: { tenant_bytes: 200000 } }, /"event":"settings"/);
    assert.equal((await send(2000)).status, 'success');
    await server.stop();
  });

  test('changes who may say who a user is, unless a file of keys is not good', async () => {
    const folder = newFolder();
    const file = join(folder, 'config.json');
    const [first, second] = [new Signer('https://first.example.org'), new Signer('https://second.example.org')];
    const [firstKeys, secondKeys] = ['first.json', 'second.json'].map((name) => join(folder, name));
    first.writeKeySet(firstKeys);
    write(file, { auth_providers: [first.provider(firstKeys)] });
    const server = await Server.start({ flags: ['--config', file] });
    await server.deploy(guest('identity'));
    const status = async (signer) =>
      (await server.post('/api/query', { path: 'identity:get', args: {} }, { Authorization: `Bearer ${signer.token('ada')}` })).status;
    assert.deepEqual([await status(first), await status(second)], [200, 401]);
    const wanted = { auth_providers: [second.provider(secondKeys)], auth_clock_skew_s: 90 };
    const refused = await reload(server, file, wanted, /"event":"settings_refused"/);
    assert.match(refused, /second\.json' can't be read: .*in the folders of the old ones/);
    assert.deepEqual([await status(first), await status(second)], [200, 401]);
    second.writeKeySet(secondKeys);
    await reload(server, file, wanted, /"event":"settings"/);
    assert.deepEqual([await status(first), await status(second)], [401, 200]);
    await server.stop();
    const [body] = await settingsRecords(server);
    assert.equal(body.changed.auth_clock_skew_s, 90);
    assert.deepEqual(body.changed.auth_providers.map(({ issuer, jwks }) => [issuer, jwks]), [[second.issuer, secondKeys]]);
  });

  test('ends a server that has no file', async () => {
    const server = await Server.start();
    server.child.kill('SIGHUP');
    assert.deepEqual(await server.ended, { code: null, signal: 'SIGHUP' });
  });
});

describe('the environment', () => {
  test('goes before the file, and flags before it', async () => {
    const file = join(newFolder(), 'config.json');
    write(file, { idle_timeout_ms: 60000, data: '/no/such/folder', limits: { fuel: 1 } });
    const server = await Server.start({
      flags: ['--config', file],
      env: { CORDON_IDLE_TIMEOUT_MS: '300', CORDON_DATA: '/no/such/either', CORDON_LIMITS: '{"log_lines": 5}' },
    });
    await server.deploy(guest('basic'));
    assert.ok(await idleMs(server) < 20000);
    const { body } = await server.post('/api/query', { path: 'basic:echo', args: {} });
    assert.equal(body.status, 'success', 'the fuel of the file is none');
    /* What the file says of it later is not what holds. */
    assert.match(await reload(server, file, { idle_timeout_ms: 50000 }, /"event":"settings"/), /"changed":"\{\}"/);
    await server.stop();
  });
  for (const [name, value, words] of [
    ['CORDON_PERMITS', 'many', /in the environment variable CORDON_PERMITS: "permits" must be a whole number from 1/],
    ['CORDON_PERMITS', '0', /"permits" must be a whole number from 1/],
    ['CORDON_LISTEN', '', /in the environment variable CORDON_LISTEN: "listen" must be a text/],
    ['CORDON_HOST_NAMES', 'a.example', /"host_names" must be a list of texts such as/],
    ['CORDON_PERMITTS', '3', /the environment variable CORDON_PERMITTS is for no setting; did you mean that of "permits"\?/],
  ]) {
    test(`${name}=${value} is refused`, async () => {
      const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--data', newFolder()], { env: { [name]: value } });
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    });
  }
});

test('a pipe in the place of the file is refused, and a stop waits for nobody to write there', async () => {
  const file = join(newFolder(), 'config.json');
  write(file, {});
  const server = await Server.start({ flags: ['--config', file] });
  rmSync(file);
  execFileSync('mkfifo', [file]);
  server.child.kill('SIGHUP');
  await until(() => /"event":"settings_refused","message":".*is a pipe or a device/.test(server.log), () => server.log);
  await server.stop('SIGTERM');
});
