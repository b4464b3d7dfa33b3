/*
 * More calls than there is time for: what is begun is finished and quick, the rest is told at once
 * that it may come again; and who computes without end keeps nobody else's calls waiting. What is
 * counted is calls; times are compared with bounds that a crowded machine keeps, too.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest, newFolder, run, until } from '../support/cordon.mjs';
import { Wire, call, metric, request } from './wire.mjs';

const TARGET_MS = 50;
const INTERVAL_MS = 200;

/* A file of settings. */
function settings(what) {
  const file = join(newFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(what));
  return file;
}

const WORDS = 'Too many concurrent requests in a short period of time. Spread out your requests out over time or '
  + 'throttle them to avoid errors. Nothing was run; a retry is safe.';

/* The lines of runs, once there are so many: they are written when a turn of a loop is over. */
const linesOf = (server, count) => until(() => {
  const lines = server.log.split('\n').slice(0, -1).filter((line) => line.includes('"queued_time_ms"'));
  return lines.length >= count && lines.map((line) => JSON.parse(line));
}, () => `${count} lines`);

/* With one permit, two calls without end wait for each other: neither gets its turns at once. */
test('a call that waits longer for its turns than turn_wait_ms is told so', async () => {
  const server = await Server.start({ flags: ['--config', settings({ permits: 1, turn_wait_ms: 1 })] });
  await server.deploy(guest('spin'));
  const answers = await Promise.all(Array.from({ length: 2 }, async () => {
    const wire = Wire.to(server);
    const { status, text } = await wire.send(call('query', 'spin:query', {})).answer();
    wire.socket.destroy();
    return { status, text };
  }));
  const told = answers.filter(({ status }) => status === 503).map(({ text }) => JSON.parse(text));
  assert.ok(told.length > 0, JSON.stringify(answers));
  for (const { code, message } of told) {
    assert.equal(code, 'Overloaded');
    assert.match(message, /waited for its turns for too long/);
  }
  await server.stop();
});

test('ten times too many calls', async () => {
  const config = settings({ permits: 2, queue_target_ms: TARGET_MS, queue_interval_ms: INTERVAL_MS });
  const server = await Server.start({ flags: ['--config', config] });
  await server.deploy(guest('spin'));
  const work = call('query', 'spin:rounds', { n: 2000000 });
  const counts = { answered: 0, expired: 0 };
  const end = Date.now() + 3000;
  await Promise.all(Array.from({ length: 100 }, async () => {
    const wire = Wire.to(server);
    while (Date.now() < end) {
      const { status, headers, text } = await wire.send(work).answer();
      if (status === 200) {
        counts.answered++;
        continue;
      }
      const { code, message } = JSON.parse(text);
      assert.deepEqual([status, code, message, headers['retry-after']], [503, 'ExpiredInQueue', WORDS, '1']);
      counts.expired++;
      await sleep(20); // not quite the second that it was asked for
    }
    wire.socket.destroy();
  }));
  assert.ok(counts.answered > 0 && counts.expired > counts.answered / 10, JSON.stringify(counts));
  assert.equal(await metric(server, 'udf_rejected_before_execution_total{reason="expired"}'), counts.expired);

  /* Nothing was begun in vain, and who was turned away has used nothing. */
  const all = counts.answered + counts.expired;
  const runs = await linesOf(server, all);
  const good = runs.filter(({ status }) => status === 'success');
  assert.equal(good.length, counts.answered);
  assert.equal(runs.length, all);
  assert.ok(runs.every(({ status, fuel }) => (status === 'success') === (fuel > 0)));

  /* Once it was known that the queue stands, nobody waited for long. */
  const late = good.slice(good.length >> 1).map((run) => run.queued_time_ms).sort((a, b) => a - b);
  assert.ok(late[late.length >> 1] < TARGET_MS + INTERVAL_MS, `waited for ${late}`);
  await server.stop();
});

test('functions that compute on all processors, and calls of another kind', async () => {
  const server = await Server.start();
  await server.deploy(guest('spin'), guest('basic'));
  const spinning = Array.from({ length: 16 }, () => Wire.to(server).send(call('action', 'spin:action', {})));
  const busy = Date.now() + 10000;
  while ((await metric(server, 'concurrency_permits_waiting_info')) === 0) assert.ok(Date.now() < busy);
  const wire = Wire.to(server);
  for (let i = 0; i < 200; i++) assert.equal((await wire.send(call('query', 'basic:echo', {})).answer()).status, 200);
  const waits = (await linesOf(server, 200)).map((run) => run.queued_time_ms).sort((a, b) => a - b);
  assert.equal(waits.length, 200); // the others are still at it
  assert.ok(waits[100] < 50, `waited for ${waits}`); // those that compute never end
  for (const each of spinning) each.socket.destroy();
  await server.stop();
});

/* Makes a tenant of that host name, with this module. */
async function makeTenant(server, name, host, module) {
  const made = await run(['tenant', 'create', name, '--host', host, '--data', server.data]);
  assert.equal(made.code, 0, made.stderr);
  const { stdout } = await run(['keygen', 'admin', '--tenant', name, '--data', server.data]);
  const headers = { Host: host, Authorization: `Convex ${stdout.trim().split(/\s+/).at(-1)}`, 'Content-Type': 'application/wasm' };
  const answer = await Wire.to(server).send(request('POST', '/api/cordon/deploy', { body: readFileSync(module), headers })).answer();
  assert.equal(answer.status, 200, answer.text);
}

test('a tenant that takes all it can, and calls of another', async () => {
  const server = await Server.start({ flags: ['--config', settings({ slots: 64 })] });
  await server.deploy(guest('spin'), guest('effects'));
  await makeTenant(server, 'acme', 'acme.example.com', guest('basic'));
  const waiting = Array.from({ length: 30 }, () => Wire.to(server).send(call('action', 'effects:sleep', { ms: 60000 })));
  const busy = Date.now() + 10000;
  while ((await metric(server, 'run_slots_used_info')) < 30) assert.ok(Date.now() < busy);
  const spinning = Array.from({ length: 50 }, () => Wire.to(server).send(call('query', 'spin:query', {})));
  while ((await metric(server, 'udf_rejected_before_execution_total{reason="no_slot"}')) < 32) assert.ok(Date.now() < busy);
  assert.equal(await metric(server, 'run_slots_used_info'), 48); // three quarters
  const wire = Wire.to(server);
  for (let i = 0; i < 100; i++) {
    const { status, text } = await wire.send(call('query', 'basic:echo', {}, { Host: 'acme.example.com' })).answer();
    assert.equal(status, 200, text);
  }
  for (const each of [...waiting, ...spinning]) each.socket.destroy();
  await server.stop();
});
