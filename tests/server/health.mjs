/*
 * What probes are told: whether the server lives, and whether it is ready, which a full disk ends and
 * more room brings back. Stuck stores, threads and permits are tests/unit/test_prober.c's, loops that stand
 * still test_health.c's.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest, run, until } from '../support/cordon.mjs';
import { metric, metricSum } from './wire.mjs';

let server;
before(async () => {
  server = await Server.start();
  await becomes(server, 200);
});

const ask = (where, path, { method = 'GET', host = 'localhost' } = {}) => new Promise((resolve, reject) => {
  const request = http.request({ ...where, path, method, headers: { host } }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (part) => (text += part));
    answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
  });
  request.on('error', reject).end();
});

const publicly = ({ url }) => ({ host: new URL(url).hostname, port: new URL(url).port });
const asOperator = ({ data }) => ({ socketPath: join(data, 'operator.sock') });

/* Waits for a status of /readyz, and gives what the operator is told then. */
async function becomes(at, status) {
  for (let began = Date.now(); ;) {
    const { status: now, text } = await ask(asOperator(at), '/readyz');
    if (now === status) return JSON.parse(text);
    assert.ok(Date.now() - began < 30000, text);
    await sleep(50);
  }
}

describe('a server that is well', () => {
  for (const [path, word] of [['/healthz', 'alive'], ['/readyz', 'ready']]) {
    test(`${path}: one word for the public, by any name, and all for the operator`, async () => {
      for (const host of ['localhost', 'no.such.example']) {
        const { status, headers, text } = await ask(publicly(server), path, { host });
        assert.deepEqual([status, text], [200, `${word}\n`]);
        assert.equal(headers['access-control-allow-origin'], undefined);
      }
      const { status, headers, text } = await ask(asOperator(server), path);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/json');
      const { checks, ...rest } = JSON.parse(text);
      assert.deepEqual(rest, { status: word, stopping: false });
      assert.deepEqual(checks.map(({ name, ok }) => [name, ok]), [['query', true], ['mutation', true], ['loops', true]]);
    });
    test(`${path}: by GET and HEAD`, async () => {
      assert.deepEqual((({ status, text }) => [status, text])(await ask(publicly(server), path, { method: 'HEAD' })), [200, '']);
      const { status, headers } = await ask(publicly(server), path, { method: 'POST' });
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
    });
  }

  test('what it runs to try itself is nobody else\'s: not in metrics, log, audit log or what others see', async () => {
    const { checks: [, { tookMs }] } = await becomes(server, 200);
    assert.ok(tookMs > 0);
    assert.equal(await metricSum(server, 'udf_executor_result_total'), 0);
    assert.equal(await metric(server, 'run_slots_used_info'), 0);
    assert.doesNotMatch(server.log, /function_execution|probe/);
    const { code, stdout, stderr } = await run(['audit', 'show', '--data', server.data]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /probe|mutation/);
    for (const [kind, path] of [['query', 'probe:read'], ['mutation', 'probe:write']]) {
      assert.notEqual((await server.post(`/api/${kind}`, { path, args: { n: 1 } })).body.status, 'success');
    }
  });

  test('a storm of probes makes nobody write', async () => {
    const began = Date.now();
    const writes = new Set();
    for (let i = 0; i < 20; i++) {
      const [answer] = await Promise.all([
        ask(asOperator(server), '/readyz'),
        ...Array.from({ length: 20 }, () => ask(publicly(server), '/readyz')),
      ]);
      writes.add(JSON.parse(answer.text).checks[1].tookMs);
      await sleep(50);
    }
    const most = 1 + Math.ceil((Date.now() - began) / 2000);
    assert.ok(writes.size <= most, `${writes.size} writes, not ${most}`);
  });
});

test('a full disk: not ready, yet alive; and ready again when there is room', { timeout: 120000 }, async () => {
  const full = await Server.start();
  await full.deploy(guest('documents'));
  await becomes(full, 200);
  const insert = (n = 10) => full.post('/api/mutation', { path: 'documents:insert_large', args: { n } });
  assert.equal((await insert()).status, 200);
  full.limitFilesToLog(); /* others write, much and little, until the server itself finds no room */
  await until(async () => {
    const codes = [(await insert(100000)).body.code, (await insert()).body.code];
    return codes[1] === 'DiskFull' && (await ask(publicly(full), '/readyz')).status === 503;
  });
  const { checks } = await becomes(full, 503);
  assert.deepEqual(checks.map(({ name, ok }) => [name, ok]), [['query', true], ['mutation', false], ['loops', true]]);
  assert.match(checks[1].message, /disk/);
  assert.deepEqual((({ status, text }) => [status, text])(await ask(publicly(full), '/readyz')), [503, 'unready\n']);
  assert.equal((await ask(publicly(full), '/healthz')).status, 200);
  assert.match(full.log, /"level":"error","event":"unready","check":"mutation","message":"/);

  full.limitFiles('unlimited');
  await becomes(full, 200);
  assert.match(full.log, /"level":"info","event":"ready","check":"mutation"/);
  assert.equal((await insert()).status, 200);
  await full.stop();
});
