/*
 * `cordon rollback`: the last deploys are kept and hold again when asked for, with all checks of a
 * deploy; what fell out of them is gone; and who did what stands in the audit log.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { metricBecomes } from '../server/wire.mjs';
import { Server, guest, newFolder, parseOne, run } from '../support/cordon.mjs';

const KEPT = 5;
const NAMES = ['basic', 'logs', 'counter', 'spin', 'effects', 'memory', 'stack'];

const rollback = async (server, ...words) => run(['rollback', '--url', server.url, ...words], { env: { CORDON_ADMIN_KEY: await server.key() } });
const listed = async (server) => {
  const { code, stdout, stderr } = await rollback(server, '--list', '--format', 'json');
  assert.equal(code, 0, stderr);
  return parseOne(stdout);
};
const numbers = ({ deploys }) => deploys.map(({ number }) => number);
const names = ({ current, deploys }) => deploys.find(({ number }) => number === current).modules.map(({ name }) => name);
const call = (server, path, args = {}) => server.post('/api/function', { path, args }, { authorization: `Convex ${server.adminKey}` });
const artifacts = (server) => readdirSync(join(server.data, 'artifacts')).filter((name) => !name.startsWith('.') && name !== 'key');

describe('rollback', () => {
  test('the last deploys are kept, and their modules alone', async () => {
    const server = await Server.start();
    const nothing = await rollback(server);
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /no deploy before the one that holds is kept/);
    assert.deepEqual(await listed(server), { current: null, deploys: [] });
    for (const name of NAMES) await server.deploy(guest(name));
    const list = await listed(server);
    assert.equal(list.current, NAMES.length);
    assert.deepEqual(numbers(list), [7, 6, 5, 4, 3]);
    assert.equal(list.deploys.length, KEPT);
    for (const { number, timeMs, modules } of list.deploys) {
      assert.ok(Math.abs(timeMs - Date.now()) < 120000);
      assert.deepEqual(modules.map(({ name }) => name), [`${NAMES[number - 1]}.wasm`]);
      assert.match(modules[0].sha256, /^[0-9a-f]{64}$/);
    }
    const files = artifacts(server);
    for (const { modules } of list.deploys) assert.equal(files.filter((file) => file.includes(modules[0].sha256)).length, 1, files.join());
    assert.equal(files.filter((file) => /^1-[0-9a-f]{64}/.test(file)).length, KEPT, files.join()); /* of this tenant */
    const { stdout } = await rollback(server, '--list');
    assert.equal(stdout.split('\n').length, KEPT + 1);
    assert.match(stdout, /^\* 7 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}stack\.wasm [0-9a-f]{12}\n {2}6 /);
    await server.stop();
  });

  test('a deploy of what holds already pushes none out, and says so', async () => {
    const server = await Server.start();
    await server.deploy(guest('basic'));
    const first = await server.deploy(guest('logs'), guest('counter'));
    assert.doesNotMatch(first.stdout, /held already/);
    const before = await listed(server);
    for (let tries = 0; tries < KEPT; tries++) {
      const { stdout } = await server.deploy(...(tries % 2 === 0 ? [guest('logs'), guest('counter')] : [guest('counter'), guest('logs')]));
      assert.match(stdout, /^the same modules held already, and the list of deploys is as it was$/m);
    }
    const after = await listed(server);
    assert.deepEqual([after.current, numbers(after), after.deploys.map(({ timeMs }) => timeMs)], [2, [2, 1], before.deploys.map(({ timeMs }) => timeMs)]);
    assert.equal((await call(server, 'counter:add', {})).body.status, 'success');
    assert.match((await rollback(server)).stdout, /^deploy 1 holds now\n/);
    const { stdout } = await server.deploy(guest('logs'), guest('counter'));
    assert.doesNotMatch(stdout, /held already/, 'another than the one that holds is a new one');
    assert.deepEqual(numbers(await listed(server)), [3, 2, 1]);
    const shown = await run(['audit', 'show', '--kind', 'deploy', '--format', 'json', '--data', server.data]);
    const deploys = shown.stdout.trim().split('\n').map((line) => JSON.parse(line).body);
    assert.deepEqual(deploys.map(({ unchanged, deploy }) => `${deploy.number} ${unchanged ?? false}`), ['1 false', '2 false', ...Array(KEPT).fill('2 true'), '3 false']);
    await server.stop();
  });

  test('back, further back, forward, and on from there', async () => {
    const data = newFolder();
    let server = await Server.start({ data });
    await server.deploy(guest('basic'));
    await server.deploy(guest('logs'));
    await server.deploy(guest('counter'), guest('relay'));
    const back = await rollback(server);
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stdout, /^deploy 2 holds now\nlogs\.wasm: \d+ bytes, compiled before to /);
    assert.equal((await call(server, 'logs:levels')).status, 200);
    assert.match((await call(server, 'counter:add', {})).body.errorMessage ?? '', /Could not find/);
    assert.match((await rollback(server)).stdout, /^deploy 1 holds now\n/);
    assert.equal((await call(server, 'basic:echo')).body.status, 'success');
    assert.equal((await rollback(server)).code, 2);
    await server.kill();

    server = await Server.start({ data });
    assert.equal((await listed(server)).current, 1);
    assert.equal((await call(server, 'basic:echo')).body.status, 'success');
    const forward = await rollback(server, '--to', '3', '--format', 'json');
    assert.deepEqual(parseOne(forward.stdout).modules.map(({ name }) => name), ['counter.wasm', 'relay.wasm']);
    assert.deepEqual((await call(server, 'counter:add', {})).body.status, 'success');
    assert.equal((await rollback(server, '--to', '1')).code, 0);
    await server.deploy(guest('spin'));
    assert.deepEqual(numbers(await listed(server)), [4, 3, 2, 1]);
    assert.deepEqual(names(await listed(server)), ['spin.wasm']);
    for (const to of ['9', '5']) {
      const { code, stderr } = await rollback(server, '--to', to);
      assert.equal(code, 2, stderr);
      assert.match(stderr, new RegExp(`deploy ${to} is not kept; the last ones are, here 1 to 4`));
    }
    for (const words of [['--to', '0'], ['--to', 'x'], ['--to', '-1'], ['--list', '--to', '1'], ['3']]) {
      assert.equal((await rollback(server, ...words)).code, 2, words.join(' '));
    }
    await server.stop();

    const shown = await run(['audit', 'show', '--data', data, '--kind', 'rollback', '--format', 'json']);
    const records = shown.stdout.trim().split('\n').map((line) => JSON.parse(line).body);
    assert.deepEqual(records.map(({ from, deploy }) => [from, deploy.number]), [[3, 2], [2, 1], [1, 3], [3, 1]]);
    assert.equal((await run(['audit', 'verify', '--data', data])).code, 0);
    assert.equal((await run(['verify', '--data', data])).code, 0);
  });

  test('a schema that documents do not fit refuses it, and nothing changes', async () => {
    const server = await Server.start();
    await server.deploy(guest('schema'));
    await server.deploy(guest('relay'));
    const inserted = await call(server, 'relay:insert', { q: JSON.stringify({ table: 'notes', value: { author: 5 } }) });
    assert.equal(inserted.body.status, 'success');
    const { code, stderr } = await rollback(server);
    assert.equal(code, 4);
    assert.match(stderr, /^cordon: ModuleRefused: Schema validation failed\. Document with ID "\w+" in table "notes"/);
    assert.equal((await listed(server)).current, 2);
    const again = await call(server, 'relay:insert', { q: JSON.stringify({ table: 'notes', value: { author: 6 } }) });
    assert.equal(again.body.status, 'success');
    await server.stop();
    const shown = await run(['audit', 'show', '--data', server.data, '--kind', 'rollback_refused', '--format', 'json']);
    assert.deepEqual([parseOne(shown.stdout).body.number, /Schema validation failed/.test(shown.stdout)], [1, true]);
  });

  test('a run under way ends with the functions it began with', async () => {
    const server = await Server.start();
    await server.key();
    await server.deploy(guest('basic'));
    let outlives = false;
    for (let ms = 1500; !outlives; ms *= 2) { /* on a machine that is too slow for that, for longer */
      assert.ok(ms < 20000, 'the first call still runs');
      await server.deploy(guest('effects'));
      let ended = false;
      const sleeping = call(server, 'effects:sleep', { ms }).finally(() => { ended = true; });
      await Promise.race([sleeping, metricBecomes(server, 'run_slots_used_info', 1)]);
      assert.equal((await rollback(server, '--to', '1')).code, 0);
      assert.match((await call(server, 'effects:sleep', { ms: 1 })).body.errorMessage, /Could not find/);
      outlives = !ended;
      assert.equal((await sleeping).body.status, 'success');
    }
    await server.stop();
  });

  test('positions in queries outlive a restart', async () => {
    const data = newFolder();
    let server = await Server.start({ data });
    await server.key();
    await server.deploy(guest('relay'));
    for (let n = 0; n < 3; n++) await call(server, 'relay:insert', { q: JSON.stringify({ table: 't', value: { n } }) });
    const query = { source: { type: 'FullTableScan', tableName: 't', order: 'asc' }, operators: [] };
    const page = (cursor) => call(server, 'relay:page', { q: JSON.stringify({ query, cursor, pageSize: 1 }) });
    const first = await page(null);
    assert.equal(first.body.status, 'success', JSON.stringify(first.body));
    const position = first.body.value.continueCursor;
    assert.equal(typeof position, 'string', JSON.stringify(first.body));
    await server.stop();
    server = await Server.start({ data });
    await server.key();
    assert.deepEqual((await page(position)).body.value.page.map(({ n }) => n), [1]);
    await server.stop();
  });

  test('it is for who has an admin key', async () => {
    const server = await Server.start();
    await server.deploy(guest('basic'));
    for (const [method, path] of [['GET', '/api/cordon/deploys'], ['POST', '/api/cordon/rollback']]) {
      for (const headers of [{}, { authorization: 'Convex none' }]) {
        const response = await fetch(`${server.url}${path}`, { method, headers, body: method === 'POST' ? '{"to":1}' : undefined });
        assert.equal(response.status, 401);
        assert.equal(response.headers.get('access-control-allow-origin'), null);
      }
    }
    for (const body of ['', '[]', '{}', '{"to":"1"}', '{"to":-1}', '{"to":1.5}', '{"to":0}', `{"to":1,"x":"${'x'.repeat(5000)}"}`]) {
      const { status } = await server.post('/api/cordon/rollback', body, { authorization: `Convex ${await server.key()}` });
      assert.equal(status, 400, body);
    }
    const unkept = await server.post('/api/cordon/rollback', { to: 2 }, { authorization: `Convex ${await server.key()}` });
    assert.deepEqual([unkept.status, unkept.body.code], [404, 'NotFound']);
    await server.stop();
  });
});
