/*
 * What probes are told: whether the server lives, and whether it is ready, which a full disk ends and
 * more room brings back. Stuck stores, threads and permits are tests/unit/test_prober.c's, loops that stand
 * still test_health.c's.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest, newFolder, run, until } from '../support/cordon.mjs';
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
      assert.deepEqual(checks.map(({ name, ok }) => [name, ok]), [['query', true], ['mutation', true], ['loops', true], ['audit', true]]);
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
  assert.deepEqual(checks.slice(0, 3).map(({ name, ok }) => [name, ok]), [['query', true], ['mutation', false], ['loops', true]]);
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

/* The check of the audit logs, once that alone makes this status. */
async function auditBecomes(at, status) {
  const { checks } = await until(async () => {
    const answer = await ask(asOperator(at), '/readyz');
    const told = JSON.parse(answer.text);
    return answer.status === status && told.checks.slice(0, 3).every(({ ok }) => ok) && told;
  });
  assert.equal(checks[3].name, 'audit');
  assert.equal(checks[3].ok, status === 200);
  return checks[3];
}
const audited = (data) => {
  const config = join(newFolder(), 'config.json');
  writeFileSync(config, JSON.stringify({ audit_interval_ms: 100 }));
  return Server.start({ data, flags: ['--config', config] });
};

test('a log that can\'t be signed: not ready after a while, told once, and ready again when it is', { timeout: 120000 }, async () => {
  const at = await audited();
  await at.deploy(guest('documents'));
  await becomes(at, 200);
  const draft = join(at.data, 'audit.d', '1.draft');
  await until(() => {
    try {
      mkdirSync(draft); /* in the way, unless it is there for a moment */
      return true;
    } catch {
      return false;
    }
  });
  const insert = () => at.post('/api/mutation', { path: 'documents:insert', args: { n: 1 } });
  assert.equal((await insert()).status, 200);
  const { message } = await auditBecomes(at, 503);
  assert.match(message, /^unsigned for \d+ s: the secret of the audit log can't be kept: Is a directory/);
  assert.ok((await metric(at, 'audit_unsigned_time_seconds')) >= 5);
  assert.equal((await ask(publicly(at), '/healthz')).status, 200, 'a restart would not help');
  const known = async () => (await run(['audit', 'export', '--data', at.data])).stdout.split('"key_made"').length;
  for (let i = 0; i < 3; i++) { /* notes, which go well, between tries that fail */
    const before = await known();
    assert.equal((await run(['keygen', 'admin', '--data', at.data])).code, 0);
    await until(async () => (await known()) > before);
  }
  assert.equal(at.log.match(/"audit_unwritten"/g).length, 1);
  rmdirSync(draft);
  await auditBecomes(at, 200);
  await until(async () => (await metric(at, 'audit_unsigned_time_seconds')) < 5);
  await at.stop();
});

test('the folder of what signs the log is made anew where it went, and the chain of keys goes on', { timeout: 120000 }, async () => {
  const at = await audited();
  await at.deploy(guest('documents'));
  const folder = join(at.data, 'audit.d');
  const has = (pattern) => until(() => existsSync(folder) && readdirSync(folder).some((name) => pattern.test(name)), () => at.log);
  const insert = async () => assert.equal((await at.post('/api/mutation', { path: 'documents:insert', args: { n: 1 } })).status, 200);
  const verify = async () => {
    const { code, stdout, stderr } = await run(['audit', 'verify', '--data', at.data, '--format', 'json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  await has(/^1\.secret$/);
  const before = await verify();
  rmSync(folder, { recursive: true });
  await insert();
  await has(/^1\.secret$/);
  await insert();
  await at.stop();
  assert.equal(at.log.match(/"audit_unwritten"/g).length, 1);
  const after = await verify();
  assert.deepEqual([after.key, after.keys_anew], [before.key, 0]);
  assert.equal(after.signed_to, after.last - 1, 'all that there was when it stopped');
});

test('a log whose end was cut: not ready at once, also once it has grown again', { timeout: 120000 }, async () => {
  const at = await audited();
  await at.deploy(guest('documents'));
  await at.stop();
  const earlier = newFolder();
  cpSync(at.data, earlier, { recursive: true });
  const again = await audited(at.data);
  const insert = async (where) => assert.equal((await where.post('/api/mutation', { path: 'documents:insert', args: { n: 1 } })).status, 200);
  await insert(again);
  await again.stop();
  rmSync(join(earlier, 'audit.d'), { recursive: true });
  cpSync(join(at.data, 'audit.d'), join(earlier, 'audit.d'), { recursive: true });
  for (let round = 0; round < 2; round++) {
    const cut = await audited(earlier);
    const { message } = await auditBecomes(cut, 503);
    assert.match(message, /^unsigned for \d s: the audit log was cut: /);
    for (let i = 0; i < 10; i++) await insert(cut);
    await auditBecomes(cut, 503);
    await cut.stop();
  }
});
