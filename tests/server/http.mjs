/*
 * HTTP as clients of every kind meet it: browsers, Convex's clients, curl, and those who send
 * nonsense. One server, raw sockets.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import { Server, guest, newFolder } from '../support/cordon.mjs';
import { Wire, call, metric, metricBecomes, request } from './wire.mjs';

const data = newFolder(); // not in `before`, with which it would end
let server;
let key;
before(async () => {
  server = await Server.start({ data });
  await server.deploy(guest('basic'), guest('spin'), guest('counter'));
  key = await server.key();
});

/* One request on a connection of its own. */
async function ask(bytes) {
  const wire = Wire.to(server).send(bytes);
  const answer = await wire.answer();
  wire.close();
  return answer;
}

const echo = (args, headers) => call('query', 'basic:echo', args, headers);
const value = ({ status, text }) => {
  assert.equal(status, 200, text);
  const body = JSON.parse(text);
  assert.equal(body.status, 'success', text);
  return body.value;
};

/* What no function said: a status, a code, words. */
const refused = ({ status, text }, wanted, code) => {
  assert.equal(status, wanted, text);
  const body = JSON.parse(text);
  assert.deepEqual(Object.keys(body), ['code', 'message']);
  if (code !== undefined) assert.equal(body.code, code);
  assert.ok(body.message.length > 0);
};

describe('a connection', () => {
  test('is kept, and pipelined requests are answered in order', async () => {
    const wire = Wire.to(server);
    const many = Array.from({ length: 50 }, (_, n) => echo({ n }));
    many.splice(10, 0, call('query', 'spin:rounds', { n: 10000000 }));
    wire.send(Buffer.concat(many));
    for (let n = 0; n < 50; n++) {
      if (n === 10) assert.equal((await wire.answer()).status, 200);
      assert.deepEqual(value(await wire.answer()), { n });
    }
    assert.deepEqual(value(await wire.send(echo({ last: true })).answer()), { last: true });
    wire.close();
  });
  test('cut at every byte', async () => {
    const wire = Wire.to(server);
    wire.socket.setNoDelay(true);
    for (const byte of echo({ a: 1 })) {
      wire.send(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(value(await wire.answer()), { a: 1 });
    wire.close();
  });
  test('Connection: close', async () => {
    const wire = Wire.to(server).send(echo({}, { Connection: 'close' }));
    assert.equal((await wire.answer()).headers.connection, 'close');
    await wire.end();
  });
  for (const [what, bytes, status] of [
    ['nonsense', 'nonsense\r\n\r\n', 400],
    ['no Host', 'GET /version HTTP/1.1\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['a large body', 'POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n', 413],
    ['a large head', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(40000)}\r\n\r\n`, 431],
  ]) {
    test(`${what}: ${status}, then it ends`, async () => {
      const wire = Wire.to(server).send(bytes);
      refused(await wire.answer(), status);
      await wire.end();
    });
  }
});

describe('routes', () => {
  test('CORS preflight', async () => {
    const { status, headers, text } = await ask(request('OPTIONS', '/api/query', {
      headers: { Origin: 'http://x', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' },
    }));
    assert.equal(status, 204);
    assert.equal(text, '');
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(headers['access-control-allow-headers'], 'content-type');
    assert.match(headers['access-control-allow-methods'], /POST/);
  });
  test('a wrong method says which are right', async () => {
    const answer = await ask(request('PUT', '/api/mutation', { body: '{}' }));
    refused(answer, 405, 'MethodNotAllowed');
    assert.equal(answer.headers.allow, 'POST, OPTIONS');
  });
  test('unknown paths', async () => {
    refused(await ask(request('POST', '/api/none', { body: '{}' })), 400, 'NotSupported');
    refused(await ask(request('GET', '/none')), 404, 'NotFound');
    refused(await ask(request('GET', '/metrics')), 404, 'NotFound');
  });
  test('a foreign Host', async () => {
    refused(await ask(request('GET', '/version', { headers: { Host: 'evil.example' } })), 421);
  });
  test('GET and /api/run', async () => {
    const args = encodeURIComponent('{"a":1}');
    assert.deepEqual(value(await ask(request('GET', `/api/query?path=basic:echo&args=${args}`))), { a: 1 });
    assert.deepEqual(value(await ask(request('POST', '/api/run/basic/echo', { body: '{"args":{"b":2}}' }))), { b: 2 });
    refused(await ask(request('POST', '/api/run/', { body: '{"path":"basic:echo"}' })), 400, 'MissingIdentifier');
  });
});

describe('who asks', () => {
  const call = (headers) => request('POST', '/api/function', { body: '{"path":"basic:echo","args":{"a":1}}', headers });
  test('an admin key', async () => {
    assert.deepEqual(value(await ask(call({ Authorization: `Convex ${key}` }))), { a: 1 });
    refused(await ask(call({})), 401, 'BadAdminKey');
    refused(await ask(call({ Authorization: `Convex ${key}0` })), 401, 'BadAdminKey');
    refused(await ask(echo({}, { Authorization: 'Convex x' })), 401, 'BadAdminKey');
    refused(await ask(request('POST', '/api/cordon/deploy', { body: 'x' })), 401, 'BadAdminKey');
  });
  test("a user's token", async () => {
    refused(await ask(echo({}, { Authorization: 'Bearer x' })), 401, 'NoAuthProvider');
  });
});

describe('bodies', () => {
  const packed = (body, encoding) => Buffer.concat([
    Buffer.from(`POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ]);
  const plain = Buffer.from('{"path":"basic:echo","args":{"a":1}}');
  test('brotli, and nothing else', async () => {
    assert.deepEqual(value(await ask(packed(brotliCompressSync(plain), 'br'))), { a: 1 });
    refused(await ask(packed(plain, 'br')), 400, 'BadBody');
    refused(await ask(packed(plain, 'gzip')), 415);
  });
  test('a small body that becomes a huge one', async () => {
    refused(await ask(packed(brotliCompressSync(Buffer.alloc(200 << 20)), 'br')), 400, 'BadBody');
  });
  test('no JSON', async () => {
    refused(await ask(request('POST', '/api/query', { body: '{"path"' })), 400, 'BadJsonBody');
  });
  test('arguments of 1 MiB', async () => {
    const args = { text: 'x'.repeat(1 << 20) };
    assert.deepEqual(value(await ask(echo(args))), args);
  });
});

describe('a run', () => {
  test('names its request id, if it is plain', async () => {
    const fail = (id) => call('query', 'basic:fail', {}, { 'Convex-Request-Id': id });
    assert.match(JSON.parse((await ask(fail('abc-1'))).text).errorMessage, /^\[Request ID: abc-1\]/);
    assert.match(JSON.parse((await ask(fail('a"b'))).text).errorMessage, /^\[Request ID: [0-9a-f]{16}\]/);
  });
  test('an Idempotency-Key has a bound', async () => {
    refused(await ask(echo({}, { 'Idempotency-Key': 'x'.repeat(257) })), 400);
    assert.deepEqual(value(await ask(echo({}, { 'Idempotency-Key': 'x'.repeat(256) }))), {});
  });
  test('that spins does not hold up others; its client leaves, and it ends', async () => {
    const wires = Array.from({ length: 3 }, () => Wire.to(server).send(call('query', 'spin:query', {})));
    await metricBecomes(server, 'run_slots_used_info', 3);
    const start = Date.now();
    assert.deepEqual(value(await ask(echo({ a: 1 }))), { a: 1 });
    assert.ok(Date.now() - start < 5000);
    assert.equal(await metric(server, 'run_slots_used_info'), 3, 'they still spin');
    for (const wire of wires) wire.close();
    await metricBecomes(server, 'run_slots_used_info', 0);
  });
});
