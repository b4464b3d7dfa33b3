/*
 * Records of runs that a server makes: for the holder of an admin key who asks by a header, of the
 * functions that the operator names, and of the share that is replayed in the background. Whatever
 * is kept is replayed here by the command line, from its file alone.
 */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, example, guest, newFolder, run, until } from '../support/cordon.mjs';
import { Wire, metric, request } from './wire.mjs';

const folder = newFolder();
let files = 0;

/* A server with these settings, and the modules deployed. */
async function start(settings, ...modules) {
  const config = join(folder, `config-${files++}.json`);
  writeFileSync(config, JSON.stringify(settings));
  const server = await Server.start({ flags: ['--config', config] });
  await server.deploy(...modules);
  return server;
}

const admin = async (server) => ({ Authorization: `Convex ${await server.key()}` });
const call = (server, kind, path, args, headers) => server.post(`/api/${kind}`, { path, args }, headers);

async function get(server, path, headers = {}) {
  const response = await fetch(`${server.url}${path}`, { headers });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

async function list(server) {
  const { status, bytes } = await get(server, '/api/cordon/records', await admin(server));
  assert.equal(status, 200);
  return JSON.parse(bytes);
}

/* The record of that id, replayed: it must be the same run. Gives the outcome. */
async function replay(server, id) {
  const { status, headers, bytes } = await get(server, `/api/cordon/records/${id}`, await admin(server));
  assert.equal(status, 200, String(bytes));
  assert.equal(headers.get('content-type'), 'application/octet-stream');
  assert.equal(headers.get('access-control-allow-origin'), null);
  const file = join(folder, `${id}.record`);
  writeFileSync(file, bytes);
  const { stdout, stderr } = await run(['replay', '--format', 'json', file]);
  const outcome = JSON.parse(stdout);
  assert.deepEqual(outcome.replay, { same: true }, stderr);
  return outcome;
}

const lines = (server, event) => server.log.split('\n').filter((line) => line.includes(`"event":"${event}"`)).map((line) => JSON.parse(line));

describe('by a header', () => {
  test('a record for the holder of an admin key, replayed from its file alone', async () => {
    const server = await start({}, example('messages_rust'), guest('basic'), guest('relay'));
    const headers = { ...(await admin(server)), 'Cordon-Record': 'true' };
    const message = { author: 'Ada', body: 'hello' };
    for (const [kind, path, args] of [
      ['mutation', 'messages:send', message],
      ['query', 'messages:list', {}],
      ['action', 'echo:now', {}],
      ['query', 'basic:echo', { a: 'x'.repeat(100000) }],
      ['query', 'relay:udf', { q: '{"udfType":"query","name":"basic:echo","args":{"a":1}}' }], // two modules
    ]) {
      const answer = await call(server, kind, path, args, headers);
      assert.equal(answer.body.status, 'success');
      const outcome = await replay(server, answer.headers.get('cordon-record'));
      assert.deepEqual(outcome.value, answer.body.value);
    }
    const failed = await call(server, 'mutation', 'messages:fail', message, headers);
    assert.equal(failed.body.status, 'error');
    assert.equal((await replay(server, failed.headers.get('cordon-record'))).code, 'Failed');
    assert.equal((await list(server)).length, 6);
    await server.stop();
  });

  test('for nobody else, and for no other value', async () => {
    const server = await start({}, guest('counter'));
    const asked = await call(server, 'mutation', 'counter:add', {}, { 'Cordon-Record': 'true' });
    assert.equal(asked.status, 401);
    assert.equal(asked.body.code, 'BadAdminKey');
    assert.match(asked.body.message, /record of a call needs an admin key/);
    const other = await call(server, 'mutation', 'counter:add', {}, { ...(await admin(server)), 'Cordon-Record': 'yes' });
    assert.equal(other.status, 400);
    assert.match(other.body.message, /Cordon-Record says `true`/);
    const plain = await call(server, 'mutation', 'counter:add', {}, await admin(server));
    assert.equal(plain.body.value, 1, 'the refused ones did not run');
    assert.equal(plain.headers.get('cordon-record'), null);
    assert.deepEqual(await list(server), []);
    await server.stop();
  });

  test('what has no record says why', async () => {
    const server = await start({ records_bytes: 1000 }, guest('basic'));
    const headers = { ...(await admin(server)), 'Cordon-Record': 'true' };
    const missing = await call(server, 'query', 'no:where', {}, headers);
    assert.match(missing.headers.get('cordon-record-error'), /there is nothing to replay: the call ended as FunctionNotFound/);
    const large = await call(server, 'query', 'basic:echo', { a: 1 }, headers);
    assert.deepEqual(large.body.value, { a: 1 }, 'the call is answered all the same');
    assert.match(large.headers.get('cordon-record-error'), /`records_bytes` allows more/);
    assert.equal(await metric(server, 'udf_record_unkept_total'), 2);
    await server.stop();
  });
});

describe('the records', () => {
  test('are read with an admin key alone', async () => {
    const server = await start({}, guest('basic'));
    const headers = { ...(await admin(server)), 'Cordon-Record': 'true' };
    const id = (await call(server, 'query', 'basic:echo', {}, headers)).headers.get('cordon-record');
    for (const path of ['/api/cordon/records', `/api/cordon/records/${id}`]) {
      assert.equal((await get(server, path)).status, 401);
      assert.equal((await get(server, path, { Authorization: 'Convex default|wrong' })).status, 401);
      assert.equal((await get(server, path, await admin(server))).status, 200);
      const post = await server.post(path, {}, await admin(server));
      assert.equal(post.status, 405);
      assert.equal(post.headers.get('allow'), 'GET, HEAD');
      const wire = Wire.to(server).send(request('HEAD', path, { headers: await admin(server) }));
      const head = await wire.answer({ toHead: true });
      assert.equal(head.status, 200);
      assert.ok(Number(head.headers['content-length']) > 0);
      wire.close();
    }
    for (const id of ['', 'x', '0'.repeat(32), '..%2F..%2Fkeys.d', '../../keys.d']) {
      const wire = Wire.to(server).send(request('GET', `/api/cordon/records/${id}`, { headers: await admin(server) }));
      const { status, text } = await wire.answer();
      assert.equal(status, 404, id);
      assert.match(JSON.parse(text).message, /no such record/);
      wire.close();
    }
    await server.stop();
  });

  test('are files of their owner, stay over a restart, and the oldest make room', async () => {
    const server = await start({ records_bytes: 12000 }, guest('basic'));
    const headers = { ...(await admin(server)), 'Cordon-Record': 'true' };
    const ids = [];
    for (let i = 0; i < 4; i++) {
      ids.unshift((await call(server, 'query', 'basic:echo', { i }, headers)).headers.get('cordon-record'));
    }
    const kept = await list(server);
    assert.ok(kept.length >= 2 && kept.length < 4, JSON.stringify(kept));
    assert.deepEqual(kept.map(({ id }) => id), ids.slice(0, kept.length));
    const records = join(server.data, 'records');
    assert.equal(statSync(records).mode & 0o777, 0o700);
    assert.equal(readdirSync(records).length, kept.length);
    for (const file of readdirSync(records)) assert.equal(statSync(join(records, file)).mode & 0o777, 0o600);
    await server.stop();
    const again = await Server.start({ data: server.data });
    assert.deepEqual(await list(again), kept);
    await replay(again, ids[0]);
    await again.stop();
  });

  test('a folder that others can read is refused at the start', async () => {
    const server = await start({}, guest('basic'));
    await server.stop();
    chmodSync(join(server.data, 'records'), 0o755);
    const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--data', server.data]);
    assert.equal(code, 5);
    assert.match(stderr, /the folder for records of runs, .*, is not this user's alone/);
  });
});

test('each run of a function that the operator names', async () => {
  const server = await start({ record_functions: ['counter:add'], replay_sample: 0 }, guest('counter'));
  for (let i = 0; i < 3; i++) await call(server, 'mutation', 'counter:add', {});
  await call(server, 'query', 'counter:get', {});
  const kept = await until(async () => {
    const found = await list(server);
    return found.length >= 3 && found;
  });
  assert.deepEqual(new Set((await Promise.all(kept.map(({ id }) => replay(server, id)))).map(({ value }) => value)), new Set([1, 2, 3]));
  await server.stop();
  const told = lines(server, 'function_recorded');
  assert.deepEqual(new Set(told.map(({ record }) => record)), new Set(kept.map(({ id }) => id)));
  const requests = new Set(lines(server, 'function_execution').map(({ request_id }) => request_id));
  for (const { path, request_id } of told) {
    assert.equal(path, 'counter:add');
    assert.ok(requests.has(request_id));
  }
});

test('a share of queries and mutations is replayed, beside them and without a trace in what is told', async () => {
  const server = await start({ replay_sample: 1000000 }, example('messages_rust'), guest('frames'));
  const calls = 60;
  for (let i = 0; i < calls / 3; i++) {
    await call(server, 'mutation', 'messages:send', { author: 'Ada', body: `${i}` });
    await call(server, 'query', 'messages:list', {});
    await call(server, 'query', 'frames:trap', {});
  }
  await call(server, 'action', 'echo:now', {});
  await until(async () => (await metric(server, 'udf_replay_total')) + (await metric(server, 'udf_replay_dropped_total')) === calls);
  assert.ok((await metric(server, 'udf_replay_total')) > 0);
  assert.equal(await metric(server, 'udf_replay_mismatch_total'), 0, server.log);
  assert.deepEqual(await list(server), []);
  await server.stop();
  assert.equal(lines(server, 'function_execution').length, calls + 1);
});

test('it stops with replays under way', async () => {
  const server = await start({ replay_sample: 1000000 }, guest('spin'));
  await Promise.all(Array.from({ length: 40 }, () => call(server, 'query', 'spin:rounds', { n: 3000000 })));
  await server.stop();
});
