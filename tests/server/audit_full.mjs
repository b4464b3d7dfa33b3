/*
 * `audit_bytes`: a tenant whose audit log is at its bound does nothing more that would have to be
 * recorded, and is told so; no record is dropped, and a prune makes room. And a disk that takes no
 * record: what an admin would read is not read then.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, guest, newFolder, run, until } from '../support/cordon.mjs';
import { ask, callFunction, deployTo, listed, makeTenant } from './hosts.mjs';

const ALLOWED = 12000;

/* What a log counts as: the text of each record, and 128 bytes. */
const bytesOf = (log) =>
  log.trimEnd().split('\n').reduce((sum, line) => sum + Buffer.byteLength(line.slice(line.indexOf('"body":') + 7, -1)) + 128, 0);

describe('a log at its bound', () => {
  const folder = newFolder();
  const data = join(folder, 'data');
  const config = join(folder, 'config.json');
  let server;
  const start = async () => {
    server = await Server.start({ data, flags: ['--config', config] });
  };
  let key;
  const add = (args = { n: 1 }, path = 'documents:insert') => server.post('/api/mutation', { path, args });
  const tenants = () =>
    new Promise((done, fail) => {
      get({ socketPath: join(data, 'operator.sock'), path: '/tenants' }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => done(JSON.parse(text)));
      }).on('error', fail);
    });
  const counted = async () => (await tenants())[0].auditBytes;
  const exported = async () => (await run(['audit', 'export', '--data', data])).stdout;
  const withKey = (...words) => run([words[0], '--url', server.url, ...words.slice(1)], { env: { CORDON_ADMIN_KEY: key } });
  const fill = async () => {
    for (let i = 0; i < 200; i++) {
      const { body } = await add();
      if (body.status !== 'success') return body;
    }
    return assert.fail('it never was full');
  };

  before(async () => {
    writeFileSync(config, JSON.stringify({ limits: { audit_bytes: ALLOWED }, audit_interval_ms: 100 }));
    await start();
    key = await server.key();
    await server.deploy(guest('documents'));
    await until(async () => (await counted()) !== null);
  });
  after(() => server?.stop());

  test('is counted as it is', async () => {
    await add();
    await until(async () => (await counted()) === bytesOf(await exported()));
  });

  test('refuses mutations, naming what there would be and may be, and does no other harm', async () => {
    const { errorMessage } = await fill();
    const [, used] = errorMessage.match(/AuditFull: limit audit_bytes .* used (\d+) bytes, allowed 12000;/);
    assert.ok(Number(used) > ALLOWED && Number(used) < ALLOWED + 1000, used);
    const list = async () => (await server.post('/api/query', { path: 'documents:read', args: { n: 1 } })).body;
    const was = await list();
    assert.equal(was.status, 'success', JSON.stringify(was));
    assert.match((await add()).body.errorMessage, /AuditFull/);
    const failed = (await add({ n: 1 }, 'documents:insert_then_fail')).body;
    assert.match(failed.errorMessage, /AuditFull/, 'one that fails would be recorded, too');
    assert.deepEqual(await list(), was, 'nothing was written');
  });

  test('refuses what an admin does and sees that would be recorded, and nothing else', async () => {
    for (const words of [['deploy', guest('documents')], ['env', 'set', 'A=b'], ['env', 'list'], ['data', 'documents']]) {
      const { code, stderr } = await withKey(...words);
      assert.notEqual(code, 0, words.join(' '));
      assert.match(stderr, /the audit log would have \d+ bytes, and `audit_bytes` allows 12000; nothing was done/, words.join(' '));
    }
    const listed = await withKey('rollback', '--list');
    assert.equal(listed.code, 0, listed.stderr);
  });

  test('has a log that is whole, and is full after a start, too', async () => {
    await server.stop();
    assert.equal((await run(['audit', 'verify', '--data', data])).code, 0);
    assert.ok(bytesOf(await exported()) < ALLOWED + 4000, 'what the server has to say goes past it, and no more');
    await start();
    await add();
    await until(async () => (await counted()) !== null);
    assert.match((await add()).body.errorMessage, /AuditFull/);
  });

  test('goes on once it is pruned', async () => {
    const pruned = await run(['audit', 'prune', '--data', data, '--before', '1000000']);
    assert.equal(pruned.code, 0, pruned.stderr);
    assert.equal((await add()).body.status, 'success');
    const set = await withKey('env', 'set', 'A=b');
    assert.equal(set.code, 0, set.stderr);
    await until(async () => (await counted()) === bytesOf(await exported()));
    await fill();
    assert.equal((await run(['audit', 'verify', '--data', data])).code, 0);
  });
});

/* Reads of an admin's are recorded, and load no function. */
describe('the log of a tenant that sleeps', () => {
  const data = newFolder();
  const anId = () => randomBytes(16).toString('hex');
  let server;
  let key;
  const look = (id) =>
    ask({ port: Number(new URL(server.url).port), path: `/api/cordon/records/${id}`, headers: { host: 'acme.test', authorization: `Convex ${key}` } });
  const refused = async () => {
    for (let i = 0; i < 1000; i++) {
      const { status, text } = await look(anId());
      if (status === 507) return text;
      assert.equal(status, 404, text);
    }
    return assert.fail('it never was full');
  };

  before(async () => {
    server = await Server.start({ data });
    key = await makeTenant(server, 'acme', '--limit', 'audit_bytes=12000');
    assert.equal((await deployTo(server, 'acme.test', guest('documents'), key)).status, 200);
    for (let body = {}; body.status !== 'error';) body = await callFunction(server, 'acme.test', 'mutation', 'documents:insert', { n: 1 });
    await server.stop();
    server = await Server.start({ data });
  });
  after(() => server?.stop());

  test('is counted, and full, and nobody has woken it', async () => {
    const bytes = await until(async () => (await listed(server, 'acme')).auditBytes ?? false);
    assert.ok(bytes > 11000, `${bytes}`);
    const { status, text } = await look(anId());
    assert.equal(status, 507, text);
    assert.match(text, /the audit log would have \d+ bytes, and `audit_bytes` allows 12000; nothing was done/);
    assert.equal((await listed(server, 'acme')).awake, false);
  });

  test('has no record of what no record can be called', async () => {
    const pruned = await run(['audit', 'prune', '--data', data, '--tenant', 'acme', '--before', '1000000']);
    assert.equal(pruned.code, 0, pruned.stderr);
    const before = (await listed(server, 'acme')).auditBytes;
    for (const id of ['x', 'A'.repeat(32), '0'.repeat(250)]) assert.equal((await look(id)).status, 404);
    await look(anId());
    await until(async () => (await listed(server, 'acme')).auditBytes > before);
    const { stdout } = await run(['audit', 'show', '--data', data, '--tenant', 'acme', '--kind', 'record_read', '--format', 'json']);
    assert.equal(stdout.trim().split('\n').length, 1, stdout);
    assert.match(await refused(), /AuditFull/);
    assert.equal((await listed(server, 'acme')).awake, false);
  });
});

/* On a full disk records wait in memory, and there is an end to that. */
describe('records that wait for the disk', () => {
  const anId = () => randomBytes(16).toString('hex');
  let server;
  let headers;
  let noted = 0;
  const read = async (path, method = 'GET') => {
    const response = await fetch(`${server.url}${path}`, { method, headers });
    return { status: response.status, retry: response.headers.get('retry-after'), text: await response.text() };
  };
  const look = async () => {
    const answer = await read(`/api/cordon/records/${anId()}`);
    if (answer.status === 404) noted++;
    return answer;
  };
  const insert = async (n) => (await server.post('/api/mutation', { path: 'documents:insert_large', args: { n } })).body;

  before(async () => {
    server = await Server.start();
    await server.deploy(guest('documents'));
    headers = { authorization: `Convex ${await server.key()}` };
    assert.equal((await insert(10)).status, 'success');
    server.limitFilesToLog();
    await until(async () => [await insert(100000), await insert(10)].at(-1).code === 'DiskFull');
  });
  after(() => server?.stop());

  test('are kept until there is no room', async () => {
    let last;
    for (let i = 0; i < 50000 && last?.status !== 503; i++) last = await look();
    assert.equal(last.status, 503);
    assert.ok(noted > 2000, `${noted}`);
  });

  test('whose reads, and no others, are refused then, and may be sent again', async () => {
    const paths = [`/api/cordon/records/${anId()}`, '/api/stream_function_logs?cursor=0', '/api/cordon/tables',
      '/api/cordon/documents?table=things', '/api/cordon/environment_variables'];
    for (const [path, method] of [...paths.map((path) => [path, 'GET']), ['/api/cordon/snapshot', 'POST']]) {
      let answer = await read(path, method);
      if (answer.status === 200) answer = await read(path, method); /* a smaller record, which took what room was left */
      const { status, retry, text } = answer;
      assert.equal(status, 503, `${path}: ${text}`);
      assert.ok(Number(retry) > 0, path);
      assert.equal(JSON.parse(text).code, 'Overloaded', path);
      assert.match(text, /[Ww]hat is read here is recorded, and too many records wait to be written to the audit log now; nothing was read/, path);
    }
    assert.equal((await read('/api/cordon/records')).status, 200, 'what tells nothing is no read');
    const { status, body } = await server.post('/api/query', { path: 'documents:read', args: { n: 1 } });
    assert.deepEqual([status, body.status], [200, 'success']);
  });

  test('are all written once there is room, and reads go on', async () => {
    server.limitFiles('unlimited');
    await until(async () => (await look()).status === 404);
    await server.stop();
    const { stdout } = await run(['audit', 'show', '--data', server.data, '--kind', 'record_read', '--format', 'json']);
    assert.equal(stdout.trim().split('\n').length, noted);
    assert.equal((await run(['audit', 'verify', '--data', server.data])).code, 0);
    server = undefined;
  });
});
