/*
 * Keys of tenants and of the operator: made, listed, used and revoked, while a server runs and not;
 * and the audit log says of each when it came and went.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, freePort, guest, newFolder, parseOne, run } from '../support/cordon.mjs';

const folder = newFolder();

async function make(data, ...words) {
  const { code, stdout, stderr } = await run(['keygen', ...words, '--data', data]);
  assert.equal(code, 0, stderr);
  return stdout.trim().split(/\s+/).at(-1);
}

async function list(data) {
  const { code, stdout, stderr } = await run(['key', 'list', '--data', data, '--format', 'json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

const revoke = (data, ...words) => run(['key', 'revoke', ...words, '--data', data]);

describe('a folder', () => {
  const data = join(folder, 'data');

  test('has the keys that were made, and never what opens', async () => {
    mkdirSync(join(data, 'keys.d'), { recursive: true });
    const { stdout, stderr } = await run(['key', 'list', '--data', data]);
    assert.deepEqual([stdout, stderr], ['', 'There are no keys. `cordon keygen admin` makes one.\n']);
    const keys = [await make(data, 'admin'), await make(data, 'admin', '--tenant', 'acme'), await make(data, 'operator')];
    assert.deepEqual(keys.map((key) => key.replace(/[0-9a-f]{64}$/, '')), ['default|', 'acme|', 'operator|']);
    const all = await list(data);
    const owners = all.map(({ of, tenant }) => `${of} ${tenant}`).sort();
    assert.deepEqual(owners, ['admin acme', 'admin default', 'operator null']);
    for (const { id, madeMs, accepted } of all) {
      assert.match(id, /^[0-9a-f]{16}$/);
      assert.ok(Math.abs(madeMs - Date.now()) < 60000);
      assert.equal(accepted, true);
    }
    const shown = await run(['key', 'list', '--data', data]);
    assert.match(shown.stdout, /^[0-9a-f]{16} admin of tenant acme, made \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m);
    assert.match(shown.stdout, /^[0-9a-f]{16} operator, made /m);
    for (const key of keys) {
      assert.ok(!shown.stdout.includes(key.split('|')[1]) && !JSON.stringify(all).includes(key.split('|')[1]));
    }
  });

  test('loses those that are revoked, by id or all of a tenant', async () => {
    await make(data, 'admin', '--tenant', 'acme');
    const [first] = (await list(data)).filter(({ tenant }) => tenant === 'default');
    const gone = await revoke(data, first.id);
    assert.deepEqual([gone.code, gone.stdout], [0, '1 revoked\n']);
    const twice = await revoke(data, first.id);
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /there is no such key/);
    assert.equal((await revoke(data, '--tenant', 'acme')).stdout, '2 revoked\n');
    assert.deepEqual((await list(data)).map(({ of }) => of), ['operator']);
  });

  test('says which are not accepted', async () => {
    const [name] = readdirSync(join(data, 'keys.d'));
    chmodSync(join(data, 'keys.d', name), 0o644);
    assert.equal((await list(data))[0].accepted, false);
    assert.match((await run(['key', 'list', '--data', data])).stdout, /not accepted: its file is open to others/);
    chmodSync(join(data, 'keys.d', name), 0o600);
  });

  for (const [words, says] of [
    [['keygen', 'operator', '--tenant', 'acme'], /the operator's key is of no tenant/],
    [['keygen', 'admin', '--tenant', 'Acme Ltd'], /'Acme Ltd' is no name of a tenant/],
    [['keygen', 'user'], /the kinds are 'admin' and 'operator'/],
    [['key', 'revoke'], /takes the ID of a key/],
    [['key', 'revoke', 'x', '--tenant', 'y'], /takes the ID of a key/],
    [['key', 'list', 'x'], /takes nothing more/],
    [['key', 'show'], /it is list or revoke/],
    [['key', 'revoke', '../../etc/passwd'], /there is no such key/],
  ]) {
    test(`cordon ${words.join(' ')} is refused`, async () => {
      const { code, stderr } = await run([...words, '--data', data]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, says);
    });
  }
});

describe('a server', () => {
  let server;
  let admin;
  let operator;
  let port;
  const metrics = (authorization, path = '/metrics') =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: authorization === undefined ? {} : { Authorization: authorization } });

  before(async () => {
    port = await freePort();
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ operator_listen: `127.0.0.1:${port}`, audit_interval_ms: 100 }));
    server = await Server.start({ flags: ['--config', config] });
    await server.deploy(guest('basic'));
    admin = await server.key();
    operator = await make(server.data, 'operator');
  });
  after(() => server.stop());

  test('asks for the operator\'s key where the operator comes by an address', async () => {
    for (const path of ['/metrics', '/audit', '/none']) {
      for (const authorization of [undefined, `Convex ${admin}`, `Bearer ${admin}`, 'Bearer x', `Basic ${operator}`, `Bearer ${operator}0`]) {
        const answer = await metrics(authorization, path);
        assert.equal(answer.status, 401, `${path} ${authorization}`);
        assert.equal((await answer.json()).code, 'BadOperatorKey');
        assert.equal(answer.headers.get('access-control-allow-origin'), null);
      }
    }
    assert.equal((await metrics(`Bearer ${operator}`)).status, 200);
    assert.equal((await metrics(`Convex ${operator}`)).status, 200);
    assert.equal((await metrics(`Bearer ${operator}`, '/none')).status, 404);
  });

  test('takes the operator\'s key nowhere else', async () => {
    for (const path of ['/api/function', '/api/query', '/api/cordon/deploy']) {
      const { status, body } = await server.post(path, { path: 'basic:echo', args: {} }, { Authorization: `Convex ${operator}` });
      assert.deepEqual([status, body.code], [401, 'BadAdminKey'], path);
    }
  });

  test('takes no key of another tenant', async () => {
    const acme = await make(server.data, 'admin', '--tenant', 'acme');
    for (const key of [acme, `default|${acme.split('|')[1]}`]) {
      const { status, body } = await server.post('/api/function', { path: 'basic:echo', args: {} }, { Authorization: `Convex ${key}` });
      assert.deepEqual([status, body.code], [401, 'BadAdminKey']);
    }
  });

  test('refuses a key from the moment it is revoked, and audits what came and went', async () => {
    const key = await make(server.data, 'admin');
    const asked = () => server.post('/api/function', { path: 'basic:echo', args: {} }, { Authorization: `Convex ${key}` });
    assert.equal((await asked()).status, 200);
    const [{ id }] = (await list(server.data)).filter(({ tenant }) => tenant === 'default').sort((a, b) => b.madeMs - a.madeMs);
    await sleep(700); // so that its coming is noted apart from its going
    assert.equal((await revoke(server.data, id)).code, 0);
    const { status, body } = await asked();
    assert.deepEqual([status, body.code], [401, 'BadAdminKey']);
    let records = [];
    const about = () => records.filter((record) => record.key === id).map(({ kind, of, tenant }) => `${kind} ${of} ${tenant}`);
    for (let i = 0; i < 100 && about().length < 2; i++) {
      await sleep(50);
      const text = await (await metrics(`Bearer ${operator}`, '/audit')).text();
      records = text.trim().split('\n').map((line) => JSON.parse(line).body);
    }
    assert.deepEqual(about(), ['key_made admin default', 'key_revoked admin default']);
    assert.ok(records.some(({ kind, count }) => kind === 'keys' && count === 0), 'what was there at the start');
    assert.ok(records.some(({ kind, of }) => kind === 'key_made' && of === 'operator'));
    assert.ok(!JSON.stringify(records).includes(key.split('|')[1]));
  });

  test('shows its audit log to who has the operator\'s key', async () => {
    const url = ['--url', `http://127.0.0.1:${port}`];
    const shown = await run(['audit', 'verify', '--format', 'json', ...url], { env: { CORDON_OPERATOR_KEY: operator } });
    assert.equal(shown.code, 0, shown.stderr);
    assert.equal(parseOne(shown.stdout).status, 'success');
    const refused = await run(['audit', 'verify', ...url], { env: { CORDON_ADMIN_KEY: admin } });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /BadOperatorKey/);
  });
});
