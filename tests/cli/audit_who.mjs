/*
 * Who did what: each record of what the holder of a key, the operator or the command line has done
 * names them, by the id that `cordon key list` shows and never by the key.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, freePort, guest, newFolder, parseOne, run, until } from '../support/cordon.mjs';

const uid = process.geteuid();

/* The bodies of all records of a folder, or of a server's. */
const bodiesOf = async (place, env = {}) => {
  const { code, stdout, stderr } = await run(['audit', 'export', ...place], { env });
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split('\n').map((line) => JSON.parse(line).body);
};
const who = ({ by, by_key, request_id }) => ({ by, by_key, request_id });
const only = (bodies, kind, how = () => true) => bodies.filter((body) => body.kind === kind && how(body)).map(who);

const makeKey = async (data, ...words) => {
  const { code, stdout, stderr } = await run(['keygen', ...words, '--data', data]);
  assert.equal(code, 0, stderr);
  return stdout.trim().split(/\s+/).at(-1);
};
/* What a key is called: the first digits of the SHA-256 of its secret. */
const idOf = (key) => createHash('sha256').update(Buffer.from(key.split('|')[1], 'hex')).digest('hex').slice(0, 16);

describe('a record of a server names', () => {
  const folder = newFolder();
  const config = join(folder, 'config.json');
  let server;
  let keys;
  const ids = {};
  let operatorKey;
  let port;
  const asAdmin = (key, path, body, headers = {}) =>
    server.post(path, body, { Authorization: `Convex ${key}`, ...headers });

  const records = () => bodiesOf(['--url', `http://127.0.0.1:${port}`], { CORDON_OPERATOR_KEY: operatorKey });

  /* To the operator's listener at its address. */
  const operate = (path, body, headers = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${operatorKey}`, 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });

  before(async () => {
    port = await freePort();
    writeFileSync(config, JSON.stringify({ operator_listen: `127.0.0.1:${port}`, audit_interval_ms: 100 }));
    server = await Server.start({ flags: ['--config', config] });
    keys = [await makeKey(server.data, 'admin'), await makeKey(server.data, 'admin')];
    operatorKey = await makeKey(server.data, 'operator');
    ids.admins = keys.map(idOf);
    ids.operator = idOf(operatorKey);
    const { stdout } = await run(['key', 'list', '--data', server.data, '--format', 'json']);
    assert.deepEqual(JSON.parse(stdout).map(({ id }) => id).sort(), [...ids.admins, ids.operator].sort());
  });
  after(() => server?.stop());

  test('the key of who deployed, by its id, and nobody\'s where anybody may', async () => {
    for (const key of keys) {
      const { code, stderr } = await run(['deploy', '--url', server.url, guest('documents')], { env: { CORDON_ADMIN_KEY: key } });
      assert.equal(code, 0, stderr);
    }
    const refused = await run(['deploy', '--url', server.url, guest('refused_bad_kind')], { env: { CORDON_ADMIN_KEY: keys[0] } });
    assert.equal(refused.code, 4);
    const add = { path: 'documents:insert', args: { n: 1 } };
    await server.post('/api/mutation', add);
    await asAdmin(keys[1], '/api/mutation', add, { 'convex-request-id': 'mine-1' });
    await asAdmin(keys[0], '/api/update_environment_variables', { changes: [{ name: 'A', value: 'b' }] }, { 'convex-request-id': 'mine-2' });
    const bodies = await records();
    const [first, second] = ids.admins;
    assert.deepEqual(only(bodies, 'deploy'), ids.admins.map((id) => ({ by: 'admin key', by_key: id, request_id: undefined })));
    assert.deepEqual(only(bodies, 'deploy_refused'), [{ by: 'admin key', by_key: first, request_id: undefined }]);
    const [public_, admins] = bodies.filter(({ kind }) => kind === 'mutation');
    assert.deepEqual([public_.by, public_.by_key], [undefined, undefined]);
    assert.deepEqual(who(admins), { by: 'admin key', by_key: second, request_id: 'mine-1' });
    assert.deepEqual(only(bodies, 'env'), [{ by: 'admin key', by_key: first, request_id: 'mine-2' }]);
  });

  test('who read and wrote documents, logs and variables', async () => {
    const url = ['--url', server.url];
    const env = { CORDON_ADMIN_KEY: keys[1] };
    const file = join(folder, 'rows.jsonl');
    writeFileSync(file, '{"n": 1}\n');
    for (const words of [['import', '--table', 't', file], ['data'], ['data', 't'], ['data', 't'], ['env', 'list'], ['export', join(folder, 'all.zip')]]) {
      const { code, stderr } = await run([words[0], ...url, ...words.slice(1)], { env });
      assert.equal(code, 0, stderr);
    }
    const kinds = ['import', 'tables_read', 'documents_read', 'env_read', 'export'];
    const bodies = await until(async () => {
      const found = await records();
      return kinds.every((kind) => only(found, kind).length > 0) && found;
    });
    for (const kind of kinds) {
      assert.deepEqual([...new Set(only(bodies, kind).map(({ by, by_key }) => `${by} ${by_key}`))], [`admin key ${ids.admins[1]}`], kind);
    }
  });

  test('the operator\'s key, and whose keys went with a tenant', async () => {
    const made = await operate('/tenants/create', { name: 'acme', hosts: ['acme.example.com'] }, { 'convex-request-id': 'op-1' });
    assert.equal(made.status, 200, await made.text());
    await makeKey(server.data, 'admin', '--tenant', 'acme');
    const noted = async () => only(await records(), 'key_made', ({ tenant }) => tenant === 'acme');
    assert.deepEqual(await until(async () => (await noted()).length > 0 && noted()), [
      { by: `uid ${uid} with the data folder`, by_key: undefined, request_id: undefined },
    ]);
    const removed = await operate('/tenants/remove', { name: 'acme' });
    assert.equal(removed.status, 200, await removed.text());
    const operator = { by: 'operator key', by_key: ids.operator };
    const bodies = await until(async () => {
      const found = await records();
      return only(found, 'key_revoked').length > 0 && found;
    });
    assert.deepEqual(only(bodies, 'tenant_made'), [{ ...operator, request_id: 'op-1' }]);
    assert.deepEqual(only(bodies, 'tenant_removed'), [{ ...operator, request_id: undefined }]);
    assert.deepEqual(only(bodies, 'key_revoked'), [{ ...operator, request_id: undefined }]);
    for (const key of [...keys, operatorKey]) assert.ok(!JSON.stringify(bodies).includes(key.split('|')[1]));
    assert.equal((await run(['audit', 'verify', '--url', `http://127.0.0.1:${port}`], { env: { CORDON_OPERATOR_KEY: operatorKey } })).code, 0);
  });

  test('the operator who read the audit log, and how often, not each page', async () => {
    const env = { CORDON_OPERATOR_KEY: operatorKey };
    const made = await operate('/tenants/create', { name: 'gone' });
    assert.equal(made.status, 200, await made.text());
    const logs = ['default', 'gone'];
    for (const name of logs) {
      for (let i = 0; i < 20; i++) {
        const { status } = await operate(`/audit?from=1&tenant=${name}`, undefined, { 'convex-request-id': `read-${name}-${i}` });
        assert.equal(status, 200);
      }
    }
    const reads = async (tenant, log = tenant) => (await bodiesOf(['--url', `http://127.0.0.1:${port}`, '--tenant', log], env))
      .filter(({ kind, tenant: of }) => kind === 'audit_read' && of === tenant);
    for (const name of logs) {
      const found = await until(async () => (await reads(name)).length > 0 && reads(name));
      assert.ok(found.length < 5, JSON.stringify(found));
      assert.ok(found.every(({ by, by_key }) => by === 'operator key' && by_key === ids.operator));
    }
    assert.equal((await reads('gone'))[0].request_id, 'read-gone-0');
    const numberOf = async (wanted) => (await (await operate('/tenants')).json()).find(({ name }) => name === wanted).number;
    const numbered = await operate('/tenants/create', { name: 'numbered' });
    assert.equal(numbered.status, 200, await numbered.text());
    const byNumber = await operate(`/audit?from=1&tenant=${await numberOf('numbered')}`, undefined, { 'convex-request-id': 'by-number' });
    assert.equal(byNumber.status, 200);
    const isByNumber = ({ request_id }) => request_id === 'by-number';
    const found = await until(async () => (await reads('numbered')).length > 0 && reads('numbered'));
    assert.equal(found.filter(isByNumber).length, 1, JSON.stringify(found));
    const number = await numberOf('gone');
    const { status } = await operate('/tenants/remove', { name: 'gone' });
    assert.equal(status, 200);
    await until(async () => (await operate(`/audit?from=1&tenant=${number}`)).status === 200 && (await reads(`${number}`, 'default')).length > 0);
    assert.deepEqual((await records()).filter(isByNumber), []); /* it would be there by now */
  });

  test('the operator\'s key that pruned', async () => {
    const env = { CORDON_OPERATOR_KEY: operatorKey };
    const url = ['--url', `http://127.0.0.1:${port}`];
    const verify = async () => parseOne((await run(['audit', 'verify', '--format', 'json', ...url], { env })).stdout);
    await until(async () => (await verify()).signed_to > 3);
    const pruned = await run(['audit', 'prune', '--before', '1000000', ...url], { env });
    assert.equal(pruned.code, 0, pruned.stderr);
    assert.equal((await verify()).pruned_by, `operator key ${ids.operator}`);
  });
});

describe('a record of the operator at a socket, and of the command line, names', () => {
  test('the user, as the kernel says', async () => {
    const server = await Server.start();
    const answer = await new Promise((done, fail) => {
      const asked = request(
        { socketPath: join(server.data, 'operator.sock'), path: '/tenants/create', method: 'POST', headers: { 'content-type': 'application/json' } },
        (response) => response.resume().on('end', () => done(response.statusCode)),
      ).on('error', fail);
      asked.end(JSON.stringify({ name: 'acme' }));
    });
    assert.equal(answer, 200);
    await server.stop();
    assert.deepEqual(only(await bodiesOf(['--data', server.data]), 'tenant_made'), [
      { by: `uid ${uid} at the operator's listener`, by_key: undefined, request_id: undefined },
    ]);
  });

  test('the user who has the data folder', async () => {
    const data = join(newFolder(), 'data');
    const file = join(newFolder(), 'rows.jsonl');
    writeFileSync(file, '{"n": 1}\n');
    const done = await run(['import', '--data', data, '--table', 't', file]);
    assert.equal(done.code, 0, done.stderr);
    const ran = await run(['run', '--data', data, guest('documents'), 'documents:insert', '{"n": 1}']);
    assert.equal(ran.code, 0, ran.stderr);
    const bodies = await bodiesOf(['--data', data]);
    for (const kind of ['import', 'mutation']) {
      assert.deepEqual(only(bodies, kind), [{ by: `uid ${uid} with the data folder`, by_key: undefined, request_id: undefined }], kind);
    }
  });
});
