/*
 * The log of a server: one line for each run, with who called what, what came of it, and what it used
 * of what it had; traces that go through it; and nothing in it that is a secret of anybody.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, example, freePort, guest, newFolder, run } from '../support/cordon.mjs';
import { Wire, metricsText } from './wire.mjs';

const lines = (server, event) => server.log.split('\n').filter((line) => line.includes(`"event":"${event}"`)).map((line) => JSON.parse(line));
const runs = (server) => lines(server, 'function_execution');
const q = (value) => ({ q: JSON.stringify(value) });

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function withConfig(settings) {
  const config = join(newFolder(), 'config.json');
  writeFileSync(config, JSON.stringify(settings));
  return ['--config', config];
}

describe('the line of a run', () => {
  test('says what it used of what it had', async () => {
    const server = await Server.start({ flags: withConfig({ limits: { fuel: 5000000, documents_written: 7 } }) });
    await server.deploy(guest('documents'), guest('spin'), guest('logs'), example('messages_c'));
    await server.post('/api/mutation', { path: 'documents:insert', args: { n: 3 } });
    await server.post('/api/query', { path: 'spin:rounds_lowered', args: { n: 1 } });
    await server.post('/api/query', { path: 'no:where', args: {} });
    const { body: { logLines } } = await server.post('/api/query', { path: 'logs:lines', args: { n: 1 } });
    await server.post('/api/query', { path: 'messages:list', args: {} });
    await server.stop();
    const [inserted, lowered, missing, logged, listed] = runs(server);
    assert.equal(inserted.tenant, 'default');
    assert.deepEqual([inserted.database_write_documents, inserted.limits.documents_written], [3, 7]);
    assert.equal(inserted.limits.fuel, 5000000);
    assert.ok(inserted.fuel > 0 && inserted.fuel < inserted.limits.fuel);
    assert.ok(inserted.memory_bytes > 0 && inserted.memory_bytes < inserted.limits.memory_bytes);
    for (const name of ['host_bytes', 'args_bytes', 'result_bytes']) {
      assert.ok(inserted[name] > 0 && inserted[name] < inserted.limits[name], name);
    }
    assert.deepEqual([logged.log_lines, inserted.log_lines], [logLines.length, 0]);
    assert.ok(listed.index_ranges > 0 && listed.index_ranges < listed.limits.index_ranges);
    assert.equal(lowered.limits.fuel, 100000, 'as the function says it');
    assert.equal(missing.code, 'FunctionNotFound');
    assert.equal(missing.limits.fuel, 0, 'nothing was allowed to what is not there');
  });

  test('has the trace of who called, also of runs that it makes itself', async () => {
    const server = await Server.start();
    await server.deploy(guest('relay'), guest('basic'));
    const call = (headers) => server.post('/api/action', { path: 'relay:call_query', args: q({ name: 'basic:echo', args: {} }) }, headers);
    assert.equal((await call({ traceparent: TRACE })).body.status, 'success');
    assert.equal((await call({ traceparent: `${TRACE}, ${TRACE}` })).body.status, 'success', 'what is none stops nothing');
    assert.equal((await call({})).body.status, 'success');
    await server.stop();
    const traces = runs(server).map(({ path, traceparent }) => [path, traceparent]);
    assert.deepEqual(traces, [
      ['basic:echo', TRACE], ['relay:call_query', TRACE],
      ['basic:echo', undefined], ['relay:call_query', undefined],
      ['basic:echo', undefined], ['relay:call_query', undefined],
    ]);
  });
});

describe('who is refused', () => {
  /* The first at once, what follows within a minute together: here, as the server ends. */
  test('is told by code, and by tenant or host, once and then counted', async () => {
    const server = await Server.start();
    const call = (headers) => server.post('/api/query', { path: 'no:where', args: {} }, headers);
    const wrong = 'planted-wrong-key-1202';
    for (let i = 0; i < 5; i++) assert.equal((await call({ Authorization: `Convex default|${wrong}` })).body.code, 'BadAdminKey');
    for (let i = 0; i < 3; i++) assert.equal((await call({ Authorization: `Bearer ${wrong}` })).body.code, 'InvalidAuthHeader');
    const wire = Wire.to(server);
    for (let i = 0; i < 4; i++) {
      wire.send('GET /api/query HTTP/1.1\r\nHost: elsewhere.example:80\r\n\r\n');
      assert.equal((await wire.answer()).status, 421);
    }
    wire.close();
    await call({});
    const counted = Object.fromEntries([...(await metricsText(server)).matchAll(/^http_refused_total\{code="(\w+)"\} (\d+)$/gm)].map(([, code, count]) => [code, Number(count)]));
    assert.deepEqual(counted, {
      BadAdminKey: 5, BadOperatorKey: 0, InvalidAuthHeader: 3, NoAuthProvider: 0, Unauthenticated: 0, MisdirectedRequest: 4,
    });
    await server.stop();
    const told = lines(server, 'requests_refused');
    const of = (wanted) => told.filter(({ code }) => code === wanted).map(({ tenant, host, requests }) => [tenant, host, requests]);
    assert.deepEqual(of('BadAdminKey'), [['default', '', 1], ['default', '', 4]]);
    assert.deepEqual(of('InvalidAuthHeader'), [['default', '', 1], ['default', '', 2]]);
    assert.deepEqual(of('MisdirectedRequest'), [['', 'elsewhere.example', 1], ['', 'elsewhere.example', 3]]);
    assert.equal(told.length, 6, server.log);
    assert.ok(told.every(({ level }) => level === 'warn'));
    assert.ok(!server.log.includes(wrong), server.log);
  });
  /* Whose the request before was, on the same connection, is nothing to the next. */
  test('by the operator\'s listener is no tenant\'s', async () => {
    const port = await freePort();
    const config = join(newFolder(), 'config.json');
    writeFileSync(config, JSON.stringify({ operator_listen: `127.0.0.1:${port}` }));
    const server = await Server.start({ flags: ['--config', config] });
    const { code, stdout, stderr } = await run(['keygen', 'operator', '--data', server.data]);
    assert.equal(code, 0, stderr);
    const wire = new Wire({ host: '127.0.0.1', port });
    for (const [key, status] of [[stdout.trim().split(/\s+/).at(-1), 200], ['wrong', 401]]) {
      wire.send(`GET /audit?from=1 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${key}\r\n\r\n`);
      assert.equal((await wire.answer()).status, status);
    }
    wire.close();
    await server.stop();
    assert.deepEqual(lines(server, 'requests_refused').map(({ code: word, tenant, host }) => [word, tenant, host]), [['BadOperatorKey', '', '']]);
  });
  test('by names that a client invents takes no room of tenants', async () => {
    const server = await Server.start();
    const wire = Wire.to(server);
    for (let i = 0; i < 500; i++) wire.send(`GET /api/query HTTP/1.1\r\nHost: h${i}.example\r\n\r\n`);
    for (let i = 0; i < 500; i++) assert.equal((await wire.answer()).status, 421);
    wire.close();
    await server.post('/api/query', { path: 'no:where', args: {} }, { Authorization: 'Convex x' });
    await server.stop();
    const told = lines(server, 'requests_refused');
    const hosts = told.filter(({ code }) => code === 'MisdirectedRequest');
    assert.ok(hosts.length < 70, `${hosts.length}`);
    assert.equal(hosts.reduce((sum, { requests }) => sum + requests, 0), 500);
    assert.ok(hosts.some(({ host }) => host === 'other'));
    assert.deepEqual(told.filter(({ tenant }) => tenant === 'default').map(({ code, requests }) => [code, requests]), [['BadAdminKey', 1]]);
  });
});

describe('no line', () => {
  test('holds arguments, keys, tokens or what variables hold', async () => {
    const server = await Server.start();
    const key = await server.key();
    const planted = {
      argument: 'planted-argument-7141', document: 'planted-document-2718', field: 'planted_field_1618',
      variable: 'planted-variable-3141', idempotency: 'planted-idempotency-5772', token: 'planted.token.4669',
      wrong: 'planted-wrong-key-1202', cookie: 'planted-cookie-9159',
    };
    await server.deploy(guest('basic'), guest('env'), guest('schema'), example('messages_c'));
    const admin = { Authorization: `Convex ${key}` };
    const set = await run(['env', 'set', '--url', server.url, `SECRET=${planted.variable}`], { env: { CORDON_ADMIN_KEY: key } });
    assert.equal(set.code, 0, set.stderr);
    const call = (kind, path, args, headers = {}) => server.post(`/api/${kind}`, { path, args }, headers);
    await call('query', 'basic:echo', { a: planted.argument });
    await call('query', 'basic:fail', { a: planted.argument }, { cookie: planted.cookie });
    /* Arguments that do not match, by a value, a field and a literal; each in an error's words. */
    const wrong = await call('mutation', 'messages:send', { author: 'a', body: { text: planted.argument } });
    assert.match(wrong.body.errorMessage, new RegExp(planted.argument), 'the caller is told of it');
    await call('mutation', 'messages:send', { author: 'a', body: 'b', [planted.field]: planted.argument });
    await call('mutation', 'messages:send', { author: 'a', body: 'b' }, { 'Idempotency-Key': planted.idempotency });
    await call('mutation', 'messages:send', { author: 'x', body: 'b' }, { 'Idempotency-Key': planted.idempotency });
    await call('query', 'basic:echo', {}, { Authorization: `Bearer ${planted.token}` });
    await call('query', 'basic:echo', {}, { Authorization: `Convex ${planted.wrong}` });
    await call('query', 'basic:echo', {}, admin);
    await server.post('/api/query', `{"path": "basic:echo", "args": {"a": "${planted.argument}"`);
    await fetch(`${server.url}/api/query?path=basic:echo&args=${encodeURIComponent(JSON.stringify({ a: planted.argument }))}`);
    await fetch(`${server.url}/api/cordon/documents?table=${planted.argument}`, { headers: admin });
    await fetch(`${server.url}/api/cordon/documents?table=messages`, { headers: admin });
    await server.stop();
    assert.ok(runs(server).length >= 7, server.log);
    for (const [what, secret] of Object.entries({ ...planted, key: key.split('|').at(-1) })) {
      assert.ok(!server.log.includes(secret), `${what} is in the log: ${server.log}`);
    }
    const [{ error_message: said }] = runs(server).filter(({ code }) => code === 'InvalidArguments');
    assert.match(said, /^ArgumentValidationError: Value does not match validator\. What it is stands in `cordon logs`\.$/);
  });
});
