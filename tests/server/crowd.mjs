/*
 * More clients than there is room for: who is let in, who has to go for it, and what becomes of a
 * server whose descriptors run out.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest, newFolder } from '../support/cordon.mjs';
import { Wire, call, metric, request } from './wire.mjs';

const STAY_MS = 100; // by then nobody is new any more

const folder = newFolder();
async function start(settings, more = {}) {
  const config = join(folder, `${Object.values(settings).join('-')}.json`);
  writeFileSync(config, JSON.stringify(settings));
  return Server.start({ flags: ['--config', config], ...more });
}

const version = request('GET', '/version');
async function answers(wire) {
  assert.equal((await wire.send(version).answer()).status, 200);
}

/* Connections that the server has seen, one after the other. */
async function openEach(server, count) {
  const wires = [];
  for (let i = 0; i < count; i++) {
    wires.push(Wire.to(server));
    await answers(wires[i]);
  }
  return wires;
}

/* Until no more than so many of them are open. */
async function shrinks(crowd, count) {
  while (crowd.filter((wire) => !wire.closed).length > count) await sleep(20);
}

const openFiles = ({ child }) => readdirSync(`/proc/${child.pid}/fd`).length;
const limitFiles = ({ child }, count) => execFileSync('prlimit', ['--pid', child.pid, `--nofile=${count}:`]);

/* Processor time so far, in seconds. */
function worked({ child }) {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/* So many connections, each of which waits for a run that lasts, or for one without an end. */
async function startRuns(server, count, sent = call('query', 'spin:rounds', { n: 500000000 })) {
  const wires = await openEach(server, count);
  const before = worked(server);
  for (const wire of wires) wire.send(sent);
  while (worked(server) - before < 0.1) await sleep(10);
  return wires;
}

describe('when all connections are taken', () => {
  const ROOM = 4;
  const full = () => start({ connections_max: ROOM, loops: 1 });

  test('the one that was idle the longest goes for the next', async () => {
    const server = await full();
    const wires = await openEach(server, ROOM);
    await sleep(STAY_MS);
    await answers(wires[0]); // now the second has been idle the longest
    const next = Wire.to(server);
    await answers(next);
    await wires[1].end();
    for (const wire of [wires[0], wires[2], wires[3], next]) await answers(wire);
    await server.stop();
  });
  test('a crowd of idle clients keeps nobody out', async () => {
    const server = await full();
    const began = Date.now();
    await shrinks(Array.from({ length: 50 * ROOM }, () => Wire.to(server)), ROOM);
    await answers(Wire.to(server));
    assert.ok(Date.now() - began < 10000, 'less than the idle timeout');
    await server.stop();
  });
  test('nor does one that sends its requests slowly', async () => {
    const server = await full();
    const crowd = await openEach(server, ROOM);
    for (const wire of crowd) wire.send(version.subarray(0, -1));
    await sleep(STAY_MS);
    const idle = Wire.to(server); // goes first, though it came last
    await shrinks(crowd, ROOM - 1);
    await answers(idle);
    await sleep(STAY_MS);
    await answers(Wire.to(server));
    await idle.end();
    const left = crowd.filter((wire) => !wire.closed);
    assert.equal(left.length, ROOM - 1);
    for (const wire of left) assert.equal((await wire.send(version.subarray(-1)).answer()).status, 200);
    await server.stop();
  });
  test('nor does one that does not read its answers', async () => {
    const server = await full();
    await server.deploy(guest('basic'));
    const large = call('query', 'basic:echo', { text: 'x'.repeat(1 << 20) });
    for (let i = 0; i < ROOM; i++) {
      const wire = Wire.to(server);
      wire.socket.pause();
      wire.send(Buffer.concat(Array(16).fill(large)));
    }
    const began = Date.now();
    await answers(Wire.to(server));
    assert.ok(Date.now() - began < 20000, 'less than the write timeout');
    await server.kill(); // a stop gives them their time
  });
  test('nor does one that waits for logs', async () => {
    const server = await full();
    const follow = request('GET', '/api/stream_function_logs?cursor=1', { headers: { Authorization: `Convex ${await server.key()}` } });
    const crowd = await openEach(server, ROOM);
    for (const wire of crowd) wire.send(follow);
    await sleep(STAY_MS);
    const began = Date.now();
    await answers(Wire.to(server));
    assert.ok(Date.now() - began < 20000, 'less than such a wait');
    await shrinks(crowd, ROOM - 1);
    assert.equal(crowd.filter((wire) => !wire.closed).length, ROOM - 1, 'and the others wait on');
    await server.stop();
  });
  test('those who wait for an answer get it, and the next one waits for its turn', async () => {
    const server = await full();
    await server.deploy(guest('spin'));
    const busy = await startRuns(server, ROOM);
    const next = Array.from({ length: ROOM }, () => Wire.to(server).send(version));
    for (const wire of busy) assert.equal(JSON.parse((await wire.answer()).text).status, 'success');
    for (const wire of next) assert.equal((await wire.answer()).status, 200);
    await server.stop();
  });
  test('the operator is let in', async () => {
    const server = await full();
    await server.deploy(guest('spin'));
    const busy = await startRuns(server, ROOM, call('query', 'spin:query', {}));
    const kept = Array.from({ length: 8 }, () => new Wire({ path: `${server.data}/operator.sock` }));
    for (const wire of kept) assert.equal((await wire.send(request('GET', '/metrics')).answer()).status, 200);
    await sleep(STAY_MS);
    assert.equal(await metric(server, 'http_connections_info'), ROOM + 8); // one of them has gone for it
    await kept[0].end();
    assert.deepEqual(busy.map((wire) => wire.bytes.length), Array(ROOM).fill(0), 'they still run');
    await server.kill();
  });
  test('each loop has its share', async () => {
    const server = await start({ connections_max: 64, loops: 4 });
    const crowd = Array.from({ length: 400 }, () => Wire.to(server));
    await shrinks(crowd, 64);
    await answers(Wire.to(server));
    const left = await metric(server, 'http_connections_info');
    assert.ok(left > 32 && left <= 64 + 1, `${left}`); // the operator who asks is none of them
    await server.stop();
  });
});

describe('the limit on open files', () => {
  test('is raised as far as may be', async () => {
    const server = await Server.start({ before: 'ulimit -n 400; ulimit -S -n 50' });
    const wires = await openEach(server, 200);
    for (const wire of wires) assert.equal(wire.closed, false);
    await server.stop();
  });
  test('bounds the connections, which is logged', async () => {
    const server = await Server.start({ before: 'ulimit -n 150' });
    while (!server.log.includes('connections_bounded')) await sleep(10);
    const bound = Number(server.log.match(/"connections_bounded".*"connections_max":(\d+)/)[1]);
    assert.ok(bound > 20 && bound < 86, `${bound}`);
    const crowd = Array.from({ length: 400 }, () => Wire.to(server));
    await shrinks(crowd, bound);
    await answers(Wire.to(server));
    await server.deploy(guest('basic')); // there is enough for the rest
    await answers(Wire.to(server));
    await server.stop('SIGTERM');
  });
  test('may be too low for any', async () => {
    await assert.rejects(Server.start({ before: 'ulimit -n 80' }), /too many open files.*ulimit -n/);
  });
  for (const [what, loops] of [['one loop', 1], ['several loops', 4]]) {
    test(`may be reached all the same: ${what}`, async () => {
      const server = await start({ loops });
      const first = Wire.to(server);
      await answers(first);
      const room = 20;
      limitFiles(server, openFiles(server) + room);
      const crowd = Array.from({ length: 400 }, () => Wire.to(server));
      await shrinks(crowd, room + 1); // the first had to go, too
      await answers(Wire.to(server));
      const before = worked(server);
      await sleep(1000);
      assert.ok(worked(server) - before < 0.5, 'it does not spin');
      await answers(Wire.to(server));
      await server.stop('SIGTERM');
    });
  }
  test('may be reached when everybody waits for an answer', async () => {
    const server = await start({ loops: 1 });
    await server.deploy(guest('spin'));
    const busy = await startRuns(server, 3);
    limitFiles(server, openFiles(server));
    const next = Wire.to(server).send(version);
    for (const wire of busy) assert.equal(JSON.parse((await wire.answer()).text).status, 'success');
    assert.equal((await next.answer()).status, 200);
    await server.stop('SIGTERM');
  });
});
