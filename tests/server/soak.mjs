/*
 * A server that is used for long at 70 % of what it can do, while all goes wrong around it that may:
 * clients are killed, read slowly and leave their actions; modules are refused and deployed anew,
 * tenants and keys come and go; the disk is full for a while, and the clock steps.
 *
 * It proves that all this leaves nothing behind. Every answer on the way was right or a refusal that
 * says that nothing was run. When the load has ended, each gauge of /metrics is what it was before the
 * first call; memory, descriptors and threads have not grown; each counter has what was
 * acknowledged, and no more than was asked for; the background has replayed what it sampled and found
 * no difference; the server stops as told; and its data folder and audit log are sound.
 *
 *     node tests/server/soak.mjs [long]
 *
 * The short one, for `make test`, has each fault once and ends. The long one goes on for 20 minutes
 * at the size of `make check-long`, and less in proportion. Where CORDON_SOAK_FIGURES names a file, one that
 * passed leaves its figures there; bench/soak.json is one of these, which docs/benchmarks.md tells of.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, example, guest, newFolder, run, until } from '../support/cordon.mjs';
import { hasWallClock, newWallClock, sanitized, wallClockEnv } from '../support/wall_clock.mjs';
import * as faults from './soak_faults.mjs';
import { Load, ask } from './soak_load.mjs';
import { metricsText, request } from './wire.mjs';

const SIZE = Number(process.env.CORDON_TEST_SIZE ?? 100);
const LONG = process.argv[2] === 'long';
const SECONDS = LONG ? 0.6 * SIZE : 0;
const SHARE = 0.7;

/* Of the process, and not what it has in hand; they are bounded below. */
const NOT_IN_HAND = /^process_/;
const MIB = 1 << 20;

/* Numbers from 0 to 1 that are the same again from the same seed. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(list, random) {
  return list.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}

/* -- The server ----------------------------------------------------------------------------- */

async function startServer(clock) {
  const config = join(newFolder(), 'config.json');
  writeFileSync(config, JSON.stringify({ request_timeout_ms: 3000, write_timeout_ms: 1500, audit_interval_ms: 500 }));
  const env = clock === undefined ? {} : wallClockEnv(clock);
  const server = await Server.start({ flags: ['--config', config], env });
  /* Of its log, which would be larger than a text can be, what is no line of a run. */
  server.events = {};
  let rest = '';
  server.child.stderr.removeAllListeners('data').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const [, event] = line.match(/"event":"(\w+)"/) ?? [];
      if (event === 'function_execution') continue;
      server.events[event ?? line] ??= { count: 0, first: line };
      server.events[event ?? line].count++;
    }
  });
  return server;
}

/* -- At rest -------------------------------------------------------------------------------- */

/* All gauges, those that Prometheus has no name for among them: { 'name{labels}': value }. */
async function gauges(server) {
  const found = {};
  let counts = false;
  for (const line of (await metricsText(server)).split('\n')) {
    const [, type] = line.match(/^# TYPE \S+ (\w+)$/) ?? [];
    if (type !== undefined) counts = type === 'gauge' || type === 'untyped';
    else if (counts && /^[a-z]/.test(line)) found[line.slice(0, line.lastIndexOf(' '))] = Number(line.split(' ').at(-1));
  }
  return found;
}

const inHand = (all) => Object.entries(all).filter(([name]) => !NOT_IN_HAND.test(name));

/* Waits until it has in hand what it had; a series that was not there yet was 0. */
async function comesToRest(server, before) {
  let now;
  const differing = () => inHand(now).filter(([name, value]) => value !== (before[name] ?? 0));
  await until(async () => {
    now = await gauges(server);
    return differing().length === 0;
  }, () => `not at rest: ${differing().map(([name, value]) => `${name} is ${value}, not ${before[name] ?? 0}`).join(', ')}`);
  return now;
}

/* What the process has, once it has given back what it will. */
async function weigh(server) {
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
  const { process_open_fds: files, process_threads: threads } = await gauges(server);
  return { files, threads, anonymous: Number(status.match(/RssAnon:\s+(\d+) kB/)[1]) * 1024 };
}

/* The heap is looked at every ten seconds; by half a minute nothing more goes. */
async function weighSettled(server, most) {
  const end = Date.now() + 30000;
  for (;;) {
    const now = await weigh(server);
    if (now.anonymous <= most || Date.now() > end) return now;
    await sleep(1000);
  }
}

/* -- Faults, one after the other ------------------------------------------------------------ */

/* Each at least once, in another order each time, until the time is over. */
async function inject(list, world, until_ms) {
  const { server } = world;
  do {
    for (const fault of shuffled(list, world.random)) {
      try {
        await fault(world);
      } catch (error) {
        const events = JSON.stringify(server.events);
        const { exitCode, signalCode } = server.child;
        throw new Error(`${fault.name}: ${error.message}; server: ${exitCode} ${signalCode}; ${events}; ${world.load.strange}`, { cause: error });
      }
      world.done[fault.name] = (world.done[fault.name] ?? 0) + 1;
      await sleep(100 + world.random() * 400);
    }
  } while (Date.now() < until_ms);
}

const seconds = (began) => Math.round((Date.now() - began) / 1000);

test(`${SHARE * 100} % load with faults${LONG ? `, ${SECONDS} s` : ''}`, { timeout: (SECONDS + 900) * 1000 }, async (t) => {
  const seed = Number(process.env.CORDON_TEST_SEED ?? Date.now() % 1e9);
  const clock = hasWallClock ? newWallClock() : undefined;
  const server = await startServer(clock);
  const modules = [example('messages_rust'), ...['spin', 'basic', 'documents', 'effects'].map(guest)];
  await server.deploy(...modules);
  await until(async () => (await ask(server, request('GET', '/readyz'))).status === 200);
  const start = await comesToRest(server, { ...await gauges(server), http_connections_info: 1 }); // the one that asks
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const load = new Load(server, random);
  const world = { server, load, random, clock, modules, done: {} };

  for (let i = 0; i < 20; i++) await load.insert();
  const machine = faults.ofMachines.filter(({ name }) => clock !== undefined || name !== 'clockSteps');
  const under = async (length_s) => {
    const began = Date.now();
    const end = began + length_s * 1000;
    load.start(SHARE);
    try {
      await Promise.all([
        inject(faults.ofClients, world, end),
        inject([...faults.ofOperators, ...machine], world, end),
      ]);
    } finally {
      await load.stop();
    }
    const rest = await comesToRest(server, start);
    t.diagnostic(`${seconds(began)} s: ${load.right} answers, refused ${JSON.stringify(load.refused)}, ${load.unsent} not sent, faults ${JSON.stringify(world.done)}`);
    return rest;
  };

  /* What is made once, such as threads, warm instances and the last runs, is there after some rounds. */
  if (LONG) await load.crowd();
  if (LONG) await under(0.05 * SECONDS);
  const first = LONG ? await weighSettled(server, 0) : await weigh(server);
  await under(SECONDS);
  const most = LONG ? first.anonymous * 1.25 + 16 * MIB : first.anonymous * 2 + 64 * MIB;
  const last = sanitized ? await weigh(server) : await weighSettled(server, most);
  t.diagnostic(`capacity at last ${Math.round(load.capacity)}/s; ${JSON.stringify(first)}, then ${JSON.stringify(last)}`);
  t.diagnostic(JSON.stringify(Object.fromEntries(Object.entries(server.events).map(([name, { count }]) => [name, count]))));

  assert.deepEqual(load.strange, []);
  assert.ok(load.right > 0);
  if (!sanitized) assert.ok(last.anonymous <= most, `${first.anonymous} bytes, then ${last.anonymous}`);
  assert.ok(last.files <= first.files + (LONG ? 4 : 16), `${first.files} files, then ${last.files}`);
  assert.ok(last.threads <= first.threads + (LONG ? 4 : 16), `${first.threads} threads, then ${last.threads}`);
  await load.checkCounters();
  assert.match(await metricsText(server), /^udf_replay_mismatch_total 0$/m);
  await server.stop('SIGTERM');
  for (const words of [['verify'], ['audit', 'verify']]) {
    const { code, stdout, stderr } = await run([...words, '--data', server.data]);
    assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  }
  if (process.env.CORDON_SOAK_FIGURES !== undefined) {
    const figures = {
      date: new Date().toISOString().slice(0, 10), seconds: SECONDS, share: SHARE, right: load.right,
      refused: load.refused, unsent: load.unsent, faults: world.done, first, last,
    };
    writeFileSync(process.env.CORDON_SOAK_FIGURES, `${JSON.stringify(figures, null, 2)}\n`);
  }
});
