/*
 * A burst of calls takes memory, and what it took is given back: at most a minute later no more is
 * resident than a tenth above what was before, in a server that has answered each sort of call and as many
 * of them as `cordon logs` shows, which stay.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, build, guest } from '../support/cordon.mjs';
import { Wire, call, metricBecomes } from './wire.mjs';

const WITHIN_MS = 60000;
const LOOK_MS = 1000;
const SHOWN = 1000;
/* A sanitizer keeps what was freed. */
const SANITIZED = /^CORDON_SANITIZE:\w+=\w/m.test(readFileSync(join(build, 'CMakeCache.txt'), 'utf8'));

const residentMiB = ({ child }) => Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1]) / 1024;

async function one(server, bytes) {
  const wire = Wire.to(server).send(bytes);
  const { status } = await wire.answer();
  assert.ok(status === 200 || status === 503, `${status}`); /* 503: it was too much at one time */
  wire.close();
}

/* Many clients at a time; gives the most that was resident. */
async function burst(server, clients, rounds, size) {
  let most = 0;
  await Promise.all(Array.from({ length: clients }, async () => {
    for (let i = 0; i < rounds; i++) {
      const args = { text: 'x'.repeat(size) };
      await one(server, call('query', 'basic:echo', args));
      await one(server, call('query', 'memory:grow', { n: 200 }));
      await one(server, call('mutation', 'basic:echo_mutation', args));
      most = Math.max(most, residentMiB(server));
    }
  }));
  await metricBecomes(server, 'http_connections_info', 1);
  return most;
}

/* What is resident once it is at most this, or when the time is over. */
async function settles(server, most) {
  const until = Date.now() + WITHIN_MS;
  let now = residentMiB(server);
  for (; now > most && Date.now() < until; now = residentMiB(server)) await sleep(LOOK_MS);
  return now;
}

/* So many actions at one time that wait for their sleep; gives what was resident meanwhile. */
async function crowd(server, count) {
  const wires = Array.from({ length: count }, () => Wire.to(server).send(call('action', 'effects:sleep', { ms: 5000 })));
  await metricBecomes(server, 'run_slots_used_info', count);
  const most = residentMiB(server);
  for (const wire of wires) {
    assert.equal((await wire.answer()).status, 200);
    wire.close();
  }
  await metricBecomes(server, 'http_connections_info', 1);
  return most;
}

test('memory is given back after a burst', { timeout: 400000, skip: SANITIZED }, async () => {
  const server = await Server.start();
  await server.deploy(guest('basic'), guest('memory'), guest('effects'));
  await burst(server, 8, 2, 200000);
  await crowd(server, 8);
  const wire = Wire.to(server);
  for (let i = 0; i < SHOWN; i++) await wire.send(call('query', 'basic:echo', {})).answer();
  wire.close();
  await sleep(25000); /* it is looked at twice */
  await burst(server, 6, 3, 1000); /* so many at a time are no burst, and what they leave stays */
  const start = residentMiB(server);
  const bursts = {
    'large arguments': () => burst(server, 100, 3, 1 << 20),
    'many at a time': () => crowd(server, 900),
    'both again': async () => Math.max(await burst(server, 100, 2, 1 << 20), await crowd(server, 900)),
  };
  for (const [what, begin] of Object.entries(bursts)) {
    const most = await begin();
    assert.ok(most > start * 1.5, `a burst that takes something: ${start} MiB, ${most} MiB`);
    const end = await settles(server, start * 1.1);
    assert.ok(end <= start * 1.1, `${what}: ${start} MiB, in the burst ${most} MiB, a minute later ${end} MiB`);
  }
  await server.stop();
});
