/*
 * Users who sign in by a token, admins who act as one, and what others learn of them: nothing. Tokens
 * are made by Node's crypto.
 */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, example, guest, newFolder, run } from '../support/cordon.mjs';
import { Signer } from '../support/signer.mjs';

const folder = newFolder();
const jwks = join(folder, 'jwks.json');
const config = join(folder, 'config.json');
const signer = new Signer();
const open = new Signer('https://open.example.org', undefined, ['ES256']);
let server;
let key;

const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const call = (path, args, headers, kind = 'query') => server.post(`/api/${kind}`, { path, args }, headers);
const acting = (identity) => ({ Authorization: `Convex ${key}:${Buffer.from(JSON.stringify(identity)).toString('base64')}` });

before(async () => {
  signer.writeKeySet(jwks);
  const set = Buffer.from(JSON.stringify(open.keySet())).toString('base64');
  writeFileSync(config, JSON.stringify({
    auth_providers: [
      signer.provider(jwks),
      { type: 'customJwt', issuer: open.issuer, algorithm: 'ES256', jwks: `data:text/plain;charset=utf-8;base64,${set}` },
    ],
    auth_clock_skew_s: 30,
    record_functions: ['identity:get'],
    audit_interval_ms: 100,
  }));
  server = await Server.start({ flags: ['--config', config] });
  await server.deploy(guest('identity'), example('notes_c'));
  key = await server.key();
});

describe('a token', () => {
  for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
    test(`by ${algorithm} says who it is, to functions of all kinds and those that they call`, async () => {
      const claims = { email: 'ada@example.org', given_name: 'Ada', properties: { role: 'x' }, updated_at: 0 };
      const headers = bearer(signer.token('ada', { algorithm, claims }));
      const wanted = {
        email: 'ada@example.org', givenName: 'Ada', 'properties.role': 'x', updatedAt: '1970-01-01T00:00:00+00:00',
        issuer: signer.issuer, subject: 'ada', tokenIdentifier: `${signer.issuer}|ada`,
      };
      for (const [path, kind] of [
        ['get', 'query'], ['get_mutation', 'mutation'], ['get_action', 'action'], ['inner', 'mutation'], ['across', 'action'],
      ]) {
        const { status, body } = await call(`identity:${path}`, {}, headers, kind);
        assert.deepEqual([status, body.value], [200, wanted], path);
      }
    });
  }

  test('is of nobody without one', async () => {
    assert.deepEqual((await call('identity:get', {})).body.value, null);
    assert.deepEqual((await call('identity:get', {}, { Authorization: `Convex ${key}` })).body.value, null);
  });

  test('of a provider without an application is for any, by its one algorithm', async () => {
    const token = open.token('bob', { algorithm: 'ES256', claims: { aud: 'whatever' } });
    assert.equal((await call('identity:get', {}, bearer(token))).body.value.subject, 'bob');
    assert.equal((await call('identity:get', {}, bearer(open.token('bob', { algorithm: 'ES256' })))).status, 200);
  });

  test('within the skew of clocks is good', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const [claims, status] of [[{ exp: now - 20 }, 200], [{ exp: now - 40 }, 401], [{ nbf: now + 20 }, 200], [{ nbf: now + 60 }, 401]]) {
      assert.equal((await call('identity:get', {}, bearer(signer.token('ada', { claims })))).status, status, JSON.stringify(claims));
    }
  });

  test('that is none is told so', async () => {
    for (const token of ['x', 'x.y', 'x.y.z', 'e30.e30.', 'null', `${key}`]) {
      const { status, body } = await call('identity:get', {}, bearer(token));
      assert.deepEqual([status, body.code], [401, 'InvalidAuthHeader'], token);
    }
  });

  test('that nobody here speaks for is told so', async () => {
    for (const claims of [{ iss: 'https://else.example.org' }, { aud: 'other' }, { aud: undefined }, { aud: [] }]) {
      const { status, body } = await call('identity:get', {}, bearer(signer.token('ada', { claims })));
      assert.deepEqual([status, body.code], [401, 'NoAuthProvider'], JSON.stringify(claims));
    }
  });

  test('that is rejected is not told why', async () => {
    const stranger = new Signer();
    const good = signer.token('ada', { algorithm: 'RS256' });
    const [head, claims, signature] = good.split('.');
    const shared = (header) => {
      const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}`;
      const secret = JSON.stringify(signer.keySet());
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    };
    const answers = new Set();
    for (const token of [
      stranger.token('ada', { algorithm: 'RS256' }), stranger.token('ada'), stranger.token('ada', { algorithm: 'ES256' }),
      signer.token('ada', { header: { kid: 'unknown' } }), signer.token('ada', { header: { kid: 'rs256' } }),
      signer.token('ada', { claims: { exp: 1 } }), signer.token('ada', { claims: { exp: undefined } }),
      signer.token('ada', { claims: { iat: 9999999999 } }), signer.token('ada', { header: { crit: ['exp'] } }),
      signer.token('ada', { algorithm: 'none', by: 'EdDSA' }), signer.token('ada', { algorithm: 'RS512', by: 'RS256' }),
      `${head}.${claims}.`, `${head}.${claims}.${signature.slice(4)}`, shared({ alg: 'HS256' }), shared({ alg: 'none' }),
      open.token('bob', { algorithm: 'ES256', claims: { exp: 1 } }), signer.token('ada', { claims: { sub: 'a\nb' } }),
    ]) {
      const { status, headers, body } = await call('identity:get', {}, bearer(token));
      answers.add(JSON.stringify([status, [...headers].filter(([name]) => name !== 'date'), body]));
    }
    assert.equal(answers.size, 1, [...answers].join('\n'));
    assert.match([...answers][0], /^\[401,.*"code":"Unauthenticated"/);
  });

  test('opens nothing that is internal, and no admin call', async () => {
    const headers = bearer(signer.token('ada'));
    for (const [path, body] of [
      ['/api/query', { path: 'identity:secret', args: {} }], ['/api/mutation', { path: 'identity:secret', args: {} }],
      ['/api/action', { path: 'identity:secret', args: {} }], ['/api/run/identity/secret', { args: {} }],
    ]) {
      const answer = await server.post(path, body, headers);
      assert.match(answer.body.errorMessage, /Could not find (public )?function for 'identity:secret'/, path);
    }
    for (const path of ['/api/function', '/api/cordon/deploy', '/api/cordon/clear', '/api/update_environment_variables']) {
      const answer = await server.post(path, {}, headers);
      assert.deepEqual([answer.status, answer.body.code], [401, 'BadAdminKey'], path);
      assert.equal(answer.headers.get('access-control-allow-origin'), null, path);
    }
    for (const path of ['/api/cordon/records', '/api/stream_function_logs', '/api/cordon/tables', '/api/cordon/environment_variables']) {
      const answer = await fetch(server.url + path, { headers });
      assert.deepEqual([answer.status, (await answer.json()).code], [401, 'BadAdminKey'], path);
      assert.equal(answer.headers.get('access-control-allow-origin'), null, path);
    }
    const recorded = await call('identity:get', {}, { ...headers, 'Cordon-Record': 'true' });
    assert.deepEqual([recorded.status, recorded.body.code], [401, 'BadAdminKey']);
  });
});

describe('an admin who acts as a user', () => {
  const BOB = { issuer: 'https://i', subject: 'bob', givenName: 'Bob' };
  test('is that user to functions, and still an admin', async () => {
    for (const path of ['identity:get', 'identity:secret']) {
      const { body } = await call(path, {}, acting(BOB));
      assert.deepEqual(body.value, { ...BOB, tokenIdentifier: 'https://i|bob' }, path);
    }
  });
  test('says who, or is refused', async () => {
    for (const text of ['', '{', '[]', '{"issuer":"i"}', '{"issuer":"i","subject":""}']) {
      const headers = { Authorization: `Convex ${key}:${Buffer.from(text).toString('base64')}` };
      const { status, body } = await call('identity:get', {}, headers);
      assert.deepEqual([status, body.code], [401, 'InvalidAuthHeader'], text);
    }
    const { body } = await call('identity:get', {}, { Authorization: `Convex ${key}:!` });
    assert.equal(body.code, 'InvalidAuthHeader');
  });
  test('has the key of one', async () => {
    const wrong = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
    const headers = { Authorization: acting(BOB).Authorization.replace(key, wrong) };
    const { status, body } = await call('identity:get', {}, headers);
    assert.deepEqual([status, body.code], [401, 'BadAdminKey']);
  });
});

describe('what is kept', () => {
  const eve = signer.token('eve', { claims: { email: 'eve@example.org' } });

  test('a result belongs to who asked for it', async () => {
    const send = async (headers) => {
      const { body } = await call('notes:add', { text: 'x' }, { ...headers, 'Idempotency-Key': 'one' }, 'mutation');
      return body.value ?? body.errorMessage;
    };
    const first = await send(bearer(eve));
    assert.match(first, /^[0-9a-z]{32}$/);
    assert.equal(await send(bearer(eve)), first);
    assert.equal(await send(bearer(signer.token('eve'))), first, 'another token of the same user');
    for (const headers of [bearer(signer.token('ada')), {}, acting({ issuer: signer.issuer, subject: 'eve' })]) {
      assert.match(await send(headers), /used before for another function or other arguments, or by somebody else/);
    }
  });

  test('the audit log says who, the log does not, and neither has tokens or keys', async () => {
    await call('notes:add', { text: 'y' }, bearer(eve), 'mutation');
    await call('notes:add', { text: 'z' }, acting({ issuer: 'https://i', subject: 'bob' }), 'mutation');
    await fetch(`${server.url}/api/query?path=identity:get&args={}&adminKey=${key}`, { headers: { 'X-Admin-Key': key, Cookie: key } });
    await fetch(`${server.url}/api/none?adminKey=${key}`, bearer(eve));
    const { stdout } = await run(['audit', 'export', '--data', server.data]);
    const users = stdout.trim().split('\n').map((line) => JSON.parse(line).body.user);
    assert.ok(users.includes(`${signer.issuer}|eve`) && users.includes('https://i|bob'));
    const secret = key.split('|')[1];
    for (const text of [stdout, server.log]) {
      assert.ok(!text.includes(eve) && !text.includes(eve.split('.')[2]), 'the token');
      assert.ok(!text.includes(secret), 'the key');
      assert.ok(!text.includes('eve@example.org'), 'what the token says');
    }
    assert.ok(!server.log.includes('|eve'));
    const known = createHash('sha256').update(`${signer.issuer}|eve`).digest('hex').slice(0, 16);
    assert.ok(server.log.includes(`"user":"${known}"`));
  });

  test('a record has the identity and not the token, and its replay agrees', async () => {
    await call('identity:get', {}, { ...bearer(eve), 'Convex-Request-Id': 'of-eve' });
    let id;
    while (id === undefined) {
      await sleep(10);
      [, id] = server.log.match(/"function_recorded".*"request_id":"of-eve","record":"([0-9a-f]+)"/) ?? [];
    }
    const record = await given(id);
    assert.ok(readFileSync(record, 'latin1').includes('eve@example.org'));
    for (const file of [record, ...filesOf(server.data)]) {
      assert.ok(!readFileSync(file, 'latin1').includes(eve.split('.')[2]), file);
    }
    const replayed = await run(['replay', '--format', 'json', record]);
    assert.equal(replayed.code, 0, replayed.stderr);
    assert.equal(JSON.parse(replayed.stdout).value.email, 'eve@example.org');
  });
});

/* All files below a folder. */
function filesOf(path) {
  return statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => filesOf(join(path, name))) : statSync(path).isFile() ? [path] : [];
}

/* A file with the record of that id. */
async function given(id) {
  const response = await fetch(`${server.url}/api/cordon/records/${id}`, { headers: { Authorization: `Convex ${key}` } });
  assert.equal(response.status, 200);
  const path = join(folder, 'given.record');
  writeFileSync(path, Buffer.from(await response.arrayBuffer()));
  return path;
}

describe('keys of a provider', () => {
  test('are read again when they change, and a bad file changes nothing but the log', async () => {
    const next = new Signer();
    const status = async (who) => (await call('identity:get', {}, bearer(who.token('ada')))).status;
    const becomes = async (who, wanted) => {
      for (let i = 0; i < 100 && (await status(who)) !== wanted; i++) await sleep(50);
      assert.equal(await status(who), wanted);
    };
    assert.deepEqual([await status(signer), await status(next)], [200, 401]);
    next.writeKeySet(jwks);
    await becomes(next, 200);
    assert.equal(await status(signer), 401);
    writeFileSync(jwks, '{"keys":[');
    await sleep(300);
    assert.equal(await status(next), 200);
    while (!server.log.includes('"auth_keys_ignored"')) await sleep(10);
    signer.writeKeySet(jwks);
    await becomes(signer, 200);
  });

  for (const [what, provider, words] of [
    ['without a file', { domain: 'https://x', applicationID: 'a', jwks: '/nowhere/jwks.json' }, /can't be read/],
    ['without keys', { domain: 'https://x', applicationID: 'a', jwks: 'data:x;base64,e30=' }, /a list `keys`/],
  ]) {
    test(`a server does not start ${what}`, async () => {
      const file = join(folder, 'bad.json');
      writeFileSync(file, JSON.stringify({ auth_providers: [provider] }));
      const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--data', newFolder(), '--config', file]);
      assert.equal(code, what === 'without a file' ? 5 : 2, stderr);
      assert.match(stderr, words);
    });
  }
});

test('the server ends well', () => server.stop());
