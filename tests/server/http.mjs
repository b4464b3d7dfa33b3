/*
 * HTTP as clients of every kind meet it: browsers, Convex's clients, curl, and those who send
 * nonsense. One server, raw sockets.
 */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { before, describe, test } from 'node:test';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync } from 'node:zlib';
import { Server, guest, newFolder, run, until } from '../support/cordon.mjs';
import { hasWallClock, moveWallClock, newWallClock, wallClockEnv } from '../support/wall_clock.mjs';
import { Wire, call, metric, metricBecomes, request } from './wire.mjs';

const data = newFolder(); // not in `before`, with which it would end
let server;
let key;
before(async () => {
  server = await Server.start({ data });
  await server.deploy(guest('basic'), guest('spin'), guest('counter'));
  key = await server.key();
});

/* Another server, all of whose connections share a loop. */
async function oneLoop() {
  const config = join(newFolder(), 'config.json');
  writeFileSync(config, JSON.stringify({ loops: 1 }));
  const one = await Server.start({ flags: ['--config', config] });
  await one.deploy(guest('basic'));
  return one;
}

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
  test('keeps the order of answers of every sort', async () => {
    const wire = Wire.to(server).send(Buffer.concat([
      call('mutation', 'counter:add', {}),
      request('GET', '/none'),
      call('query', 'basic:fail', {}),
      request('OPTIONS', '/api/query'),
      call('action', 'spin:rounds_action', { n: 10000000 }),
      request('POST', '/api/query', { body: '{' }),
      call('query', 'basic:echo', { text: 'x'.repeat(300000) }), // read and answered elsewhere
      request('HEAD', '/version'),
      request('GET', '/version'),
      call('query', 'counter:get', {}, { Connection: 'close' }),
      call('query', 'basic:echo', {}), // behind the last
    ]));
    const statuses = [];
    for (let i = 0; i < 10; i++) statuses.push((await wire.answer({ toHead: i === 7 })).status);
    assert.deepEqual(statuses, [200, 404, 200, 204, 200, 400, 200, 200, 200, 200]);
    await wire.end();
  });
  test('a mutation is seen by the query that is pipelined behind it', async () => {
    const before = value(await ask(call('query', 'counter:get', {})));
    const wire = Wire.to(server).send(Buffer.concat(
      Array.from({ length: 5 }, () => [call('mutation', 'counter:add', {}), call('query', 'counter:get', {})]).flat()));
    for (let n = 1; n <= 5; n++) {
      assert.equal(value(await wire.answer()), before + n);
      assert.equal(value(await wire.answer()), before + n);
    }
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

/*
 * What a server before this one might take for one request and this one for two, or the other way
 * round: each is refused, and what comes behind it is answered by nobody.
 */
describe('a request that two servers might read differently', () => {
  const behind = 'GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const head = (...lines) => `POST /api/query HTTP/1.1\r\nHost: localhost\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
  const chunked = (body) => head('Transfer-Encoding: chunked') + body;
  for (const [what, bytes] of [
    ['a length, and chunks', head('Content-Length: 5', 'Transfer-Encoding: chunked') + '0\r\n\r\n'],
    ['chunks, and a length', head('Transfer-Encoding: chunked', 'Content-Length: 5') + '0\r\n\r\n'],
    ['two lengths', head('Content-Length: 0', 'Content-Length: 44')],
    ['the same length twice', head('Content-Length: 0', 'Content-Length: 0')],
    ['a list of lengths', head('Content-Length: 0, 0')],
    ['another coding before chunks', head('Transfer-Encoding: gzip, chunked') + '0\r\n\r\n'],
    ['another coding', head('Transfer-Encoding: identity') + '0\r\n\r\n'],
    ['two codings', head('Transfer-Encoding: identity', 'Transfer-Encoding: chunked') + '0\r\n\r\n'],
    ['no coding', head('Transfer-Encoding:') + '0\r\n\r\n'],
    ['chunks of HTTP/1.0', 'POST /api/query HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a space behind a name', head('Transfer-Encoding : chunked') + '0\r\n\r\n'],
    ['a folded header', head('X: a', ' Content-Length: 44')],
    ['a folded length', head('Content-Length:', ' 0')],
    ['a header before the first', 'GET / HTTP/1.1\r\n X: a\r\nHost: localhost\r\n\r\n'],
    ['a header without a name', head(': a')],
    ['a header without a colon', head('X')],
    ['a lone LF', head('X: a\nContent-Length: 44')],
    ['a lone LF at the end', head().replace(/\r\n$/, '\n')],
    ['a lone CR', head('X: a\rContent-Length: 44')],
    ['a chunk that a lone CR ends', chunked('1\r\na\rX0\r\n\r\n')],
    ['a chunk that nothing ends', chunked('1\r\naXX0\r\n\r\n')],
    ["a lone CR behind a chunk's size", chunked('1\rXa\r\n0\r\n\r\n')],
    ["a lone LF behind a chunk's size", chunked('1\na\r\n0\r\n\r\n')],
    ['a chunk of too many digits', chunked('10000000000000001\r\na\r\n0\r\n\r\n')],
  ]) {
    test(`${what}: 400, then it ends`, async () => {
      const wire = Wire.to(server).send(bytes + behind);
      const answer = await wire.answer();
      refused(answer, 400, 'BadRequest');
      assert.equal(answer.headers.connection, 'close');
      await wire.end();
    });
  }
});

describe('a page of another origin', () => {
  /* What a browser sends before a call of Convex's client, and with it. */
  const browser = {
    Connection: 'keep-alive',
    Accept: '*/*',
    Origin: 'http://localhost:5173',
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    'Sec-Fetch-Mode': 'cors',
    'Sec-Fetch-Site': 'same-site',
    'Sec-Fetch-Dest': 'empty',
    Referer: 'http://localhost:5173/',
    'Accept-Encoding': 'gzip, deflate, br, zstd',
    'Accept-Language': 'en-US,en;q=0.9',
  };
  const preflight = (target, wanted, method = 'POST') => request('OPTIONS', target, {
    headers: {
      ...browser,
      'Access-Control-Request-Method': method,
      ...(wanted === undefined ? {} : { 'Access-Control-Request-Headers': wanted }),
    },
  });

  test('asks before, then calls, on one connection', async () => {
    const wire = Wire.to(server).send(preflight('/api/query', 'authorization,content-type,convex-client'));
    const granted = await wire.answer();
    assert.equal(granted.status, 204);
    assert.equal(granted.text, '');
    assert.equal(granted.headers['content-length'], undefined, 'RFC 9110, 8.6');
    assert.equal(granted.headers['access-control-allow-origin'], '*');
    assert.equal(granted.headers['access-control-allow-headers'], 'authorization,content-type,convex-client');
    assert.ok(granted.headers['access-control-allow-methods'].split(', ').includes('POST'));
    assert.ok(Number(granted.headers['access-control-max-age']) > 0);
    assert.equal(granted.headers['access-control-allow-credentials'], undefined);
    const answer = await wire.send(echo({ a: 1 }, { ...browser, 'Content-Type': 'application/json', 'Convex-Client': 'npm-1.31.0' })).answer();
    assert.deepEqual(value(answer), { a: 1 });
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    wire.close();
  });
  for (const target of ['/api/mutation', '/api/action', '/api/run/basic/echo', '/version', '/api/none', '/none']) {
    test(`may ask about ${target}`, async () => {
      const { status, headers } = await ask(preflight(target, 'content-type'));
      assert.equal(status, 204);
      assert.equal(headers['access-control-allow-origin'], '*');
    });
  }
  test('is granted no header that is none', async () => {
    for (const wanted of [undefined, '', 'x'.repeat(1025), 'caf\u00e9']) {
      const { status, headers } = await ask(preflight('/api/query', wanted));
      assert.equal(status, 204);
      assert.equal(headers['access-control-allow-headers'], undefined);
    }
  });
  test('reads errors too', async () => {
    for (const [bytes, status] of [
      [call('query', 'basic:fail', {}), 200],
      [request('POST', '/api/query', { body: '{' }), 400],
      [request('POST', '/api/none', { body: '{}' }), 400],
      [request('GET', '/none'), 404],
      [request('GET', '/api/mutation'), 405],
      [echo({}, { Authorization: 'Bearer x' }), 401],
    ]) {
      const answer = await ask(bytes);
      assert.equal(answer.status, status);
      assert.equal(answer.headers['access-control-allow-origin'], '*');
    }
  });
  test('has no business with admin calls', async () => {
    for (const target of ['/api/function', '/api/cordon/deploy']) {
      const answer = await ask(preflight(target, 'authorization'));
      refused(answer, 405, 'MethodNotAllowed');
      const called = await ask(request('POST', target, { body: '{}' }));
      refused(called, 401, 'BadAdminKey');
      for (const { headers } of [answer, called]) {
        assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control-')), []);
      }
    }
  });
});

describe('routes', () => {
  for (const [allow, target, methods] of [
    ['POST, OPTIONS', '/api/mutation', ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH']],
    ['POST, OPTIONS', '/api/action', ['GET', 'PUT']],
    ['GET, HEAD, POST, OPTIONS', '/api/query', ['PUT', 'DELETE']],
    ['POST, OPTIONS', '/api/run/basic/echo', ['GET', 'PUT']],
    ['POST', '/api/function', ['GET', 'PUT', 'OPTIONS']],
    ['POST', '/api/cordon/deploy', ['GET', 'PUT', 'OPTIONS']],
    ['GET, HEAD, OPTIONS', '/version', ['POST', 'PUT']],
  ]) {
    test(`${target}: a wrong method is told ${allow}`, async () => {
      const wire = Wire.to(server); // each is answered whole, and the connection kept
      for (const method of methods) {
        wire.send(request(method, target, method === 'GET' || method === 'HEAD' ? {} : { body: '{}' }));
        const answer = await wire.answer({ toHead: method === 'HEAD' });
        assert.equal(answer.headers.allow, allow);
        assert.equal(answer.headers['content-type'], 'application/json');
        if (method === 'HEAD') assert.equal(answer.status, 405);
        else refused(answer, 405, 'MethodNotAllowed');
      }
      assert.deepEqual(value(await wire.send(echo({})).answer()), {});
      wire.close();
    });
  }
  test('HEAD is GET without a body', async () => {
    for (const target of ['/version', '/api/query?path=basic:echo&args={}', '/none']) {
      const got = await ask(request('GET', target));
      const wire = Wire.to(server).send(request('HEAD', target));
      const head = await wire.answer({ toHead: true });
      assert.equal(head.status, got.status);
      assert.equal(head.headers['content-length'], String(got.text.length));
      assert.equal(head.headers['content-type'], got.headers['content-type']);
      assert.deepEqual(value(await wire.send(echo({ a: 1 })).answer()), { a: 1 }, 'nothing lies in between');
      wire.close();
    }
  });
  /* 400, as Convex's clients try a 404 again. */
  for (const [method, target] of [
    ['POST', '/api/none'], ['GET', '/api/none'], ['POST', '/api/query_ts'], ['POST', '/api/query_at_ts'],
    ['POST', '/api/query_batch'], ['GET', '/api/1.31.0/sync'], ['GET', '/api/sync'],
    ['POST', '/api/storage/upload?token=x'], ['GET', '/api/storage/x'], ['POST', '/api/actions/query'],
    ['GET', '/api/shapes2'], ['GET', '/api/json_schemas'],
    ['GET', '/api/list_snapshot'], ['GET', '/api/document_deltas'], ['POST', '/api/deploy2/start_push'],
    ['POST', '/api/query/'], ['POST', '/api/Query'], ['POST', '/api/'],
  ]) {
    test(`${method} ${target} is not offered, and says so`, async () => {
      refused(await ask(request(method, target, method === 'POST' ? { body: '{}' } : {})), 400, 'NotSupported');
    });
  }
  test('live queries are not offered, and say so', async () => {
    const wire = Wire.to(server).send(request('GET', '/api/1.31.0/sync', {
      headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' },
    }));
    refused(await wire.answer(), 400, 'UpgradeNotSupported');
    await wire.end();
  });
  for (const target of ['/', '/none', '/api', '/metrics', '/http', '/..', '/%00', '/version/', '//version', '*']) {
    test(`GET ${target} is not there`, async () => {
      refused(await ask(request('GET', target)), 404, 'NotFound');
    });
  }
  test('HTTP actions are not there, in the words of Convex', async () => {
    const wire = Wire.to(server);
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD']) {
      const toHead = method === 'HEAD';
      const { status, headers, text } = await wire.send(request(method, '/http/hook?a=b')).answer({ toHead });
      assert.equal(status, 404);
      assert.equal(headers['content-type'], 'text/plain');
      assert.equal(headers['access-control-allow-origin'], '*');
      assert.equal(headers['content-length'], String('This Convex deployment does not have HTTP actions enabled.'.length));
      assert.equal(text, toHead ? '' : 'This Convex deployment does not have HTTP actions enabled.');
    }
    wire.close();
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
    assert.deepEqual(value(await ask(call({ Authorization: `convex ${key}` }))), { a: 1 });
    refused(await ask(call({})), 401, 'BadAdminKey');
    refused(await ask(call({ Authorization: `Convex ${key}0` })), 401, 'BadAdminKey');
    for (const at of [-1, key.indexOf('|') + 1]) { /* of the right form, and never made */
      const other = [...key];
      other.splice(at, 1, other.at(at) === '0' ? '1' : '0');
      refused(await ask(call({ Authorization: `Convex ${other.join('')}` })), 401, 'BadAdminKey');
    }
    refused(await ask(echo({}, { Authorization: 'Convex x' })), 401, 'BadAdminKey');
    refused(await ask(request('POST', '/api/cordon/deploy', { body: 'x' })), 401, 'BadAdminKey');
  });
  test('an admin key for another deployment', async () => {
    for (const name of ['', '|', 'other|']) {
      refused(await ask(call({ Authorization: `Convex ${name}${key.split('|')[1]}` })), 401, 'BadAdminKey');
    }
  });
  test('an admin key whose file is open to others: no longer, and why is logged', async () => {
    const one = await Server.start();
    await one.deploy(guest('basic'));
    const asked = () => Wire.to(one).send(call({ Authorization: `Convex ${one.adminKey}` })).answer();
    const [name] = readdirSync(join(one.data, 'keys.d'));
    const file = join(one.data, 'keys.d', name);
    assert.equal((await asked()).status, 200);
    chmodSync(file, 0o640);
    refused(await asked(), 401, 'BadAdminKey');
    const told = ({ log }) => log.includes('"admin_key_ignored"') && log.includes(`"file":"${name}"`) && log.includes('cordon keygen admin');
    while (!told(one)) await sleep(10);
    await one.stop();
    const two = await Server.start({ data: one.data }); // is told at its start
    while (!told(two)) await sleep(10);
    chmodSync(file, 0o600);
    await two.stop();
  });
  /*
   * What is internal is not there for the public: same status, same words as for what does not
   * exist, whatever is asked of it.
   */
  for (const [what, ask_for, words] of [
    ['POST', (path) => request('POST', '/api/query', { body: JSON.stringify({ path, args: {} }) }), (path) => `Could not find public function for '${path}'.`],
    ['POST as another kind', (path) => request('POST', '/api/mutation', { body: JSON.stringify({ path, args: {} }) }), (path) => `Could not find public function for '${path}'.`],
    ['POST with arguments that are none', (path) => request('POST', '/api/query', { body: JSON.stringify({ path, args: { $a: 1 } }) }), (path) => `Could not find public function for '${path}'.`],
    ['GET', (path) => request('GET', `/api/query?path=${path}`), (path) => `Could not find public function for '${path}'.`],
    ['/api/run', (path) => request('POST', `/api/run/${path.replace(':', '/')}`, { body: '{}' }), (path) => `Could not find function for '${path}'. Did you forget to run \`cordon deploy\`?`],
  ]) {
    test(`an internal function without a key, by ${what}`, async () => {
      for (const path of ['basic:hidden', 'basic:absent']) {
        const { status, text } = await ask(ask_for(path));
        assert.equal(status, 200, text);
        const body = JSON.parse(text);
        assert.equal(body.status, 'error');
        assert.equal(body.errorMessage.replace(/^\[Request ID: [0-9a-f]{16}\] /, ''), `Server Error\n${words(path)}`);
        assert.deepEqual(Object.keys(body), ['status', 'errorMessage']);
      }
    });
  }
  test('an internal function with a key', async () => {
    const headers = { Authorization: `Convex ${key}` };
    const body = (path) => JSON.stringify({ path, args: { a: 1 } });
    for (const [method, target, options] of [
      ['POST', '/api/query', { body: body('basic:hidden') }],
      ['POST', '/api/function', { body: body('basic:hidden') }],
      ['POST', '/api/run/basic/hidden', { body: '{"args":{"a":1}}' }],
      ['GET', '/api/query?path=basic:hidden&args={"a":1}', {}],
    ]) {
      assert.deepEqual(value(await ask(request(method, target, { ...options, headers }))), { a: 1 }, target);
    }
    const { text } = await ask(request('POST', '/api/mutation', { body: body('basic:hidden'), headers }));
    assert.match(JSON.parse(text).errorMessage, /Trying to execute basic\.js:hidden as Mutation, but it is defined as Query\./);
    const wrong = { Authorization: `Convex ${key.slice(0, -1)}` };
    refused(await ask(request('POST', '/api/query', { body: body('basic:hidden'), headers: wrong })), 401, 'BadAdminKey');
  });
  test("a user's token", async () => {
    const [header, claims] = ['{"alg":"EdDSA"}', '{"iss":"i","sub":"s"}'].map((text) => Buffer.from(text).toString('base64url'));
    for (const scheme of ['Bearer', 'bearer']) { // tests/server/identity.mjs has the rest
      refused(await ask(echo({}, { Authorization: `${scheme} x` })), 401, 'InvalidAuthHeader');
      refused(await ask(echo({}, { Authorization: `${scheme} ${header}.${claims}.` })), 401, 'NoAuthProvider');
    }
  });
  test('a header that has no token and no key', async () => {
    for (const words of ['Bearer', 'bearer ', 'Bearer   ', 'Basic abc', 'Token x', 'x', '']) {
      const answer = await ask(echo({}, { Authorization: words }));
      refused(answer, 401, 'InvalidAuthHeader');
      assert.match(answer.text, /[Ss]ign in again/, words);
      assert.doesNotMatch(answer.text, /keygen/, words);
    }
    for (const words of ['Convex', 'Convex ', 'Convex x']) {
      refused(await ask(echo({}, { Authorization: words })), 401, 'BadAdminKey');
    }
  });
});

describe('bodies', () => {
  const packed = (body, encoding) => Buffer.concat([
    Buffer.from(`POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ]);
  const plain = Buffer.from('{"path":"basic:echo","args":{"a":1}}');
  test('brotli, and nothing else', async () => {
    for (const encoding of ['br', 'BR', 'Br ']) assert.deepEqual(value(await ask(packed(brotliCompressSync(plain), encoding))), { a: 1 });
    assert.deepEqual(value(await ask(packed(plain, 'Identity'))), { a: 1 });
    refused(await ask(packed(plain, 'br')), 400, 'BadBody');
    refused(await ask(packed(plain, 'gzip')), 415);
  });
  test('no JSON', async () => {
    refused(await ask(request('POST', '/api/query', { body: '{"path"' })), 400, 'BadJsonBody');
  });
  test('of a key that is there twice the last one counts, as in JavaScript', async () => {
    for (const [body, wanted] of [
      ['{"path":"basic:echo","args":{"a":1,"a":2}}', { a: 2 }],
      ['{"path":"basic:echo","args":{"a":{"b":[{"c":1,"c":2}]},"a":{"b":[{"c":3,"\\u0063":4}]}}}', { a: { b: [{ c: 4 }] } }],
      ['{"path":"basic:none","args":{"a":1},"path":"basic:echo","args":[{"a":2}]}', { a: 2 }],
    ]) {
      assert.deepEqual(value(await ask(request('POST', '/api/query', { body }))), wanted);
      assert.deepEqual(JSON.parse(body).args.a ?? JSON.parse(body).args[0].a, wanted.a);
    }
  });
  test('over a limit: what to change, and no flag of a command that the caller does not run', async () => {
    const { errorMessage } = JSON.parse((await ask(call('query', 'spin:query', {}))).text);
    assert.match(errorMessage, /limit fuel .* make the function use less, or raise the limit in the operator's settings\./);
    assert.doesNotMatch(errorMessage, /--limit|cordon run/);
  });
  test('more than one argument', async () => {
    for (const args of [[{}, {}], [{ a: 1 }, 2], Array(1000).fill({})]) {
      refused(await ask(echo(args)), 400, 'BadJsonBody');
      const { status, text } = await ask(request('GET', `/api/query?path=basic:echo&args=${JSON.stringify(args)}`));
      assert.equal(status, 200);
      assert.match(JSON.parse(text).errorMessage, new RegExp(`Invalid arguments for basic:echo: there are ${args.length} arguments; a function takes one object`));
    }
    assert.deepEqual(value(await ask(echo([{ a: 1 }]))), { a: 1 });
  });
  test('names with what cannot be printed are shown whole', async () => {
    for (const [path, shown] of [['a\0b:c', 'a\\x00b:c'], ['\u001b[2J', '\\x1b[2J'], ['\u202ea', '\\xe2\\x80\\xaea']]) {
      const { status, text } = await ask(call('query', path, {}));
      assert.equal(status, 200);
      assert.ok(JSON.parse(text).errorMessage.endsWith(`Could not find public function for '${shown}'.`), text);
    }
    const { text } = await ask(echo({ 'a\0b': 1 }));
    assert.match(JSON.parse(text).errorMessage, /Field name a\\x00b has an invalid character at byte 1/);
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
  test('with large arguments and a large value does not hold up others', async () => {
    const one = await oneLoop();
    /* Slow to read for its size, so that what is measured is not the copying of bytes. */
    const large = call('query', 'basic:echo', { lists: Array(500).fill(Array(4096).fill(0)) });
    await Wire.to(one).send(large).answer(); // loaded
    const small = Wire.to(one);
    let done = false;
    const began = performance.now();
    const answered = Wire.to(one).send(large).answer().then((answer) => {
      done = true;
      return performance.now() - began;
    });
    let longest = 0;
    for (let last = began; !done;) {
      assert.equal((await small.send(request('GET', '/version')).answer()).status, 200);
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    const took = await answered;
    assert.ok(longest < took / 3, `${longest} of ${took} ms`);
    await one.stop();
  });
  test('of which many are pipelined does not hold up others', async () => {
    const one = await oneLoop();
    const COUNT = 20000;
    const small = Wire.to(one);
    await small.send(echo({ a: 1 })).answer();
    /* Who reads the answers must have little to do, or the server would not be what is measured. */
    const { hostname, port } = new URL(one.url);
    const socket = connect({ host: hostname, port: Number(port) });
    let answers = 0;
    let rest = '';
    socket.on('data', (bytes) => {
      const parts = (rest + bytes.latin1Slice()).split('HTTP/1.1 200 OK');
      answers += parts.length - 1;
      rest = parts.at(-1).slice(-20);
    });
    const began = performance.now();
    socket.write(Buffer.concat(Array(COUNT).fill(echo({ a: 1 }))));
    const waits = [];
    for (let last = began; answers < COUNT;) {
      assert.equal((await small.send(request('GET', '/version')).answer()).status, 200);
      const now = performance.now();
      waits.push(now - last);
      last = now;
    }
    const took = performance.now() - began;
    const longest = Math.max(...waits);
    assert.ok(longest < took / 3, `${longest} of ${took} ms`);
    assert.ok(waits.length > 40, `${waits.length} between ${COUNT}`);
    socket.destroy();
    await one.stop();
  });
  test('on the loop counts as time that the loop was held', async () => {
    const one = await oneLoop();
    const COUNT = 1000;
    const before = await metric(one, 'http_loop_hold_seconds_sum');
    const began = performance.now();
    const wire = Wire.to(one).send(Buffer.concat(Array(COUNT).fill(echo({}))));
    for (let i = 0; i < COUNT; i++) await wire.answer();
    const took = (performance.now() - began) / 1000;
    const held = (await metric(one, 'http_loop_hold_seconds_sum')) - before;
    assert.ok(held > took / 20 && held < took * 2, `${held} of ${took} s`);
    await one.stop();
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

describe('an Idempotency-Key', () => {
  const add = (key, { kind = 'mutation', path = 'counter:add', args = {}, headers = {} } = {}) =>
    ask(call(kind, path, args, { 'Idempotency-Key': key, ...headers }));
  const count = async () => value(await ask(call('query', 'counter:get', {})));
  const failure = ({ status, text }) => {
    assert.equal(status, 200, text);
    const body = JSON.parse(text);
    assert.equal(body.status, 'error', text);
    return body.errorMessage;
  };

  test('makes a call that is sent again one call', async () => {
    const before = await count();
    const first = await add('again');
    assert.equal(value(first), before + 1);
    for (let i = 0; i < 3; i++) assert.equal((await add('again')).text, first.text);
    assert.equal(await count(), before + 1);
    assert.equal(value(await add('another')), before + 2);
    assert.equal((await add('again')).text, first.text, 'as it was then');
  });
  test('belongs to its function and arguments', async () => {
    value(await add('bound', { args: { a: 1 } }));
    const before = await count();
    for (const other of [{ args: { a: 2 } }, { args: {} }, { path: 'counter:add_slowly', args: { a: 1 } }]) {
      assert.match(failure(await add('bound', other)), /idempotency key was used before for another function or other arguments/);
    }
    assert.equal(await count(), before, 'nothing was written');
    value(await add('bound', { args: { a: 1 } }));
    assert.equal(await count(), before);
  });
  test('belongs to who has used it', async () => {
    const admin = { Authorization: `Convex ${await server.key()}` };
    const first = value(await add('mine'));
    assert.match(failure(await add('mine', { headers: admin })), /idempotency key was used before .* by somebody else/);
    assert.equal(value(await add('theirs', { headers: admin })), first + 1);
    assert.match(failure(await add('theirs')), /by somebody else/);
    assert.equal(value(await add('theirs', { headers: admin })), first + 1, 'as it was');
    assert.equal(await count(), first + 1);
  });
  test('of a call that failed may be used again', async () => {
    const before = await count();
    assert.match(failure(await add('failed', { path: 'counter:add_then_fail' })), /after all/);
    assert.equal(await count(), before);
    assert.equal(value(await add('failed')), before + 1);
    assert.equal(value(await add('failed')), before + 1);
    assert.equal(await count(), before + 1);
  });
  test('holds for calls at the same time', async () => {
    const before = await count();
    const answers = await Promise.all(Array.from({ length: 16 }, () => add('together', { path: 'counter:add_slowly' })));
    for (const answer of answers) assert.equal(value(answer), before + 1);
    assert.equal(await count(), before + 1);
  });
  test('pipelined, too', async () => {
    const before = await count();
    const wire = Wire.to(server).send(Buffer.concat(Array(20).fill(call('mutation', 'counter:add', {}, { 'Idempotency-Key': 'piped' }))));
    for (let i = 0; i < 20; i++) assert.equal(value(await wire.answer()), before + 1);
    assert.equal(await count(), before + 1);
    wire.close();
  });
  test('is no matter of queries and actions', async () => {
    for (const [kind, path] of [['query', 'basic:echo'], ['action', 'basic:echo_action']]) {
      for (const args of [{ a: 1 }, { a: 2 }]) assert.deepEqual(value(await add('read', { kind, path, args })), args);
    }
  });
  test('outlives a crash of the server', async () => {
    const one = await Server.start();
    await one.deploy(guest('counter'));
    const sent = call('mutation', 'counter:add', {}, { 'Idempotency-Key': 'crash' });
    const first = await Wire.to(one).send(sent).answer();
    assert.equal(value(first), 1);
    await one.kill();
    const two = await Server.start({ data: one.data });
    assert.equal((await Wire.to(two).send(sent).answer()).text, first.text);
    assert.equal(value(await Wire.to(two).send(call('query', 'counter:get', {})).answer()), 1);
    await two.kill();
  });
  test('is forgotten after 14 days: at a start, and by a server that runs', { skip: !hasWallClock }, async () => {
    const clock = newWallClock();
    const set = (days) => moveWallClock(clock, days * 24n * 3600n * 10n ** 9n);
    const env = wallClockEnv(clock);
    const sent = call('mutation', 'counter:add', {}, { 'Idempotency-Key': 'old' });
    const add = async (server) => value(await Wire.to(server).send(sent).answer());
    const one = await Server.start({ env });
    await one.deploy(guest('counter'));
    assert.equal(await add(one), 1);
    await one.stop();
    set(13n);
    const two = await Server.start({ data: one.data, env });
    await two.deploy(guest('counter')); /* which has what is left to be done looked for, too */
    assert.equal(await add(two), 1);
    await two.kill();
    set(15n);
    const three = await Server.start({ data: one.data, env });
    await until(async () => (await add(three)) === 2);
    set(31n);
    await three.deploy(guest('counter'));
    await until(async () => (await add(three)) === 3);
    await three.stop();
    assert.equal((await run(['verify', '--data', one.data])).code, 0);
  });
});
