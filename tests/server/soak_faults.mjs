/*
 * What goes wrong around a server that is used: each fault is a function of its own, which does one
 * thing, sees what must come of it at once, and puts right what it broke. What is left behind is
 * looked at when all is over (soak.mjs).
 *
 * A world has `server`, `load` (soak_load.mjs), `random`, and `clock`, the file by which the server's
 * wall clock is moved (tests/support/wall_clock.c), or none.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guest, newFolder, run, until } from '../support/cordon.mjs';
import { moveWallClock } from '../support/wall_clock.mjs';
import { ask } from './soak_load.mjs';
import { Wire, call, request } from './wire.mjs';

const HOUR_NS = 3600n * 1000000000n;

/* Runs the command; it must exit with this code. */
async function command(words, { env, code = 0 } = {}) {
  const result = await run(words, { env });
  assert.equal(result.code, code, `${words.join(' ')}: ${result.stdout}${result.stderr}`);
  return result;
}

const lastWord = ({ stdout }) => stdout.trim().split(/\s+/).at(-1);

/* -- Clients -------------------------------------------------------------------------------- */

/* Clients who are gone in the middle of a request: of its head, its body, its run or its answer. */
async function killedClients({ server, load, random }) {
  const large = call('query', 'basic:echo', { text: 'x'.repeat(1 << 20) });
  const ways = [
    () => request('GET', '/version').subarray(0, 20),
    () => large.subarray(0, 100 + Math.floor(random() * (large.length - 200))),
    () => large,
    () => call('query', 'spin:query', {}),
    () => load.unsureCall(),
  ];
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    const wire = Wire.to(server).send(ways[i % ways.length]());
    await sleep(random() * 200);
    if (random() < 0.5) wire.socket.resetAndDestroy();
    else wire.close();
  }));
}

/* Clients who ask for much and read nothing, or after a while; and such as send a byte at a time. */
async function slowClients({ server, random }) {
  const args = { text: 'x'.repeat(2 << 20) };
  const large = call('query', 'basic:echo', args);
  await Promise.all([
    ...Array.from({ length: 4 }, async (_, i) => {
      const wire = Wire.to(server).send(large);
      wire.socket.pause();
      await sleep(500 + random() * 500);
      if (i % 2 === 0) {
        wire.socket.resume();
        const { status, text } = await wire.answer();
        assert.ok(status === 503 || text.length > args.text.length, `${status}: ${text.slice(0, 400)}`);
        wire.close();
        return;
      }
      await sleep(3000); // it was let go meanwhile
      wire.close();
    }),
    ...Array.from({ length: 4 }, async () => {
      const wire = Wire.to(server);
      for (let i = 0; i < 40 && !wire.closed; i++) {
        wire.send(large.subarray(i, i + 1));
        await sleep(100);
      }
      wire.close();
    }),
  ]);
}

/* Actions that would sleep for long, whose callers leave. */
async function cancelledActions({ server, random }) {
  const wires = Array.from({ length: 20 }, () => Wire.to(server).send(call('action', 'effects:sleep', { ms: 600000 })));
  await sleep(100 + random() * 1000);
  for (const wire of wires) wire.close();
}

/* -- The operator --------------------------------------------------------------------------- */

/* Modules that are none, that are malformed, or have a path twice: each is refused, and nothing changes. */
async function refusedModules({ server, random }) {
  const garbage = join(newFolder(), 'garbage.wasm');
  writeFileSync(garbage, Buffer.from(Array.from({ length: 1000 }, () => Math.floor(random() * 256))));
  const env = { CORDON_ADMIN_KEY: await server.key() };
  for (const modules of [
    [guest('refused_invalid_code')], [guest('refused_malformed_metadata')], [guest('spin'), guest('spin')], [garbage],
  ]) {
    await command(['deploy', '--url', server.url, ...modules], { env, code: 4 });
  }
  const { status, body } = await ask(server, call('query', 'basic:echo', { n: 1 }));
  assert.ok(status === 503 || body.value.n === 1, `${status}`);
}

/* The same functions once more, while they are called. */
const deployAgain = ({ server, modules }) => server.deploy(...modules);

/* A tenant is made, has functions, is called and removed; then nobody has its name. */
async function tenantsComeAndGo({ server }) {
  const host = 'passing.example.com';
  const data = ['--data', server.data];
  await command(['tenant', 'create', 'passing', '--host', host, ...data]);
  const key = lastWord(await command(['keygen', 'admin', '--tenant', 'passing', ...data]));
  const headers = { Host: host, Authorization: `Convex ${key}`, 'Content-Type': 'application/wasm' };
  const deployed = await ask(server, request('POST', '/api/cordon/deploy', { body: readFileSync(guest('counter')), headers }));
  assert.equal(deployed.status, 200, deployed.text);
  const add = call('mutation', 'counter:add', {}, { Host: host });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(server, add)));
  assert.ok(answers.every(({ status }) => status === 200 || status === 503), answers.map(({ text }) => text).join());
  await command(['tenant', 'remove', 'passing', ...data]);
  assert.equal((await ask(server, add)).status, 421);
}

/* A key is made, opens, is revoked, and opens no more. */
async function keysComeAndGo({ server }) {
  const data = ['--data', server.data];
  const before = JSON.parse((await command(['key', 'list', '--format', 'json', ...data])).stdout);
  const env = { CORDON_ADMIN_KEY: lastWord(await command(['keygen', 'admin', ...data])) };
  const list = ['env', 'list', '--url', server.url];
  await command(list, { env });
  const after = JSON.parse((await command(['key', 'list', '--format', 'json', ...data])).stdout);
  const [{ id }] = after.filter((one) => !before.some((other) => other.id === one.id));
  await command(['key', 'revoke', id, ...data]);
  await command(list, { env, code: 2 });
}

/* -- The machine ---------------------------------------------------------------------------- */

const statusOf = async (server, path) => (await ask(server, request('GET', path))).status;

/*
 * The disk is full until writes are refused and the server says that it is not ready. It is full for
 * what would grow: files may not become larger than the log's are now, as what a disk has no room
 * for. Writes into what is there already go on, so it takes some of them until the first is refused.
 */
async function fullDisk({ server, load }) {
  const insert = () => ask(server, call('mutation', 'documents:insert_large', { n: 100000 }));
  load.diskIsFull = true;
  server.limitFilesToLog();
  await until(async () => (await insert()).body.code === 'DiskFull', () => 'a write that is refused');
  await until(async () => (await statusOf(server, '/readyz')) === 503, () => 'a server that is not ready');
  assert.equal(await statusOf(server, '/healthz'), 200);
  server.limitFiles('unlimited');
  await until(async () => (await insert()).status === 200, () => 'a write that is done');
  await until(async () => (await statusOf(server, '/readyz')) === 200, () => 'a server that is ready');
  await sleep(1000);
  load.diskIsFull = false; // the last refusal is on its way no more
}

/* The wall clock goes an hour on, two days back, and where it was. */
async function clockSteps({ clock, random }) {
  for (const offset_ns of [HOUR_NS, -48n * HOUR_NS, 0n]) {
    moveWallClock(clock, offset_ns);
    await sleep(500 + random() * 1500);
  }
}

/* Go on beside the others. */
export const ofClients = [killedClients, slowClients, cancelledActions];

/* One at a time: each sees what comes of it. */
export const ofOperators = [refusedModules, deployAgain, tenantsComeAndGo, keysComeAndGo];
export const ofMachines = [fullDisk, clockSteps];
