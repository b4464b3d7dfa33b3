/*
 * A burst of calls takes memory, and what it took is given back: at most a minute later no more is
 * resident than a tenth above what was before. Before the first one, threads, instances and caches that
 * are kept were not there yet, all of them bounded; so what it leaves is less than half of what it took.
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

test('memory is given back after a burst', { timeout: 240000, skip: SANITIZED }, async () => {
  const server = await Server.start();
  await server.deploy(guest('basic'), guest('memory'));
  const fresh = residentMiB(server);

  const first = await burst(server, 100, 3, 200000);
  assert.ok(first > fresh * 1.5, `a burst that takes something: ${fresh} MiB, ${first} MiB`);
  const half = (fresh + first) / 2;
  assert.ok(await settles(server, half) <= half, `${fresh} MiB, ${first} MiB, then ${residentMiB(server)} MiB`);
  await sleep(15000); /* it may be looked at once more */

  const start = residentMiB(server);
  const second = await burst(server, 100, 2, 1 << 20);
  assert.ok(second > start * 1.2, `${start} MiB, ${second} MiB`);
  const end = await settles(server, start * 1.1);
  assert.ok(end <= start * 1.1, `${start} MiB, in a burst ${second} MiB, a minute later ${end} MiB`);
  await server.stop();
});
