/*
 * Actions that sleep, over HTTP: a thousand of them hold no thread and no permit, end at their limit,
 * and go with the client or the server. And who may hold a thread for long does not hold a loop.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, guest, newFolder } from '../support/cordon.mjs';
import { Wire, call, metric, metricBecomes } from './wire.mjs';

/* Under ThreadSanitizer, where tests have size 10, there are 64 instances in all. */
const COUNT = Number(process.env.CORDON_TEST_SIZE ?? 100) < 30 ? 50 : 1000;
const folder = newFolder();
let configs = 0;

async function start(settings) {
  const config = join(folder, `${configs++}.json`);
  writeFileSync(config, JSON.stringify({ slots: COUNT + 50, ...settings }));
  const server = await Server.start({ flags: ['--config', config] });
  await server.deploy(guest('effects'), guest('basic'));
  return server;
}

const threads = ({ child }) => readdirSync(`/proc/${child.pid}/task`).length;
const sleepFor = (server, ms) => Wire.to(server).send(call('action', 'effects:sleep', { ms }));
const sleepers = (server, ms) => Array.from({ length: COUNT }, () => sleepFor(server, ms));

async function answered(wire) {
  const { status, headers, text } = await wire.answer();
  return { ...JSON.parse(text), status, retryAfter: headers['retry-after'] };
}

async function query(server, path, args = {}) {
  const wire = Wire.to(server).send(call('query', path, args));
  const answer = await answered(wire);
  wire.close();
  return answer;
}

async function atRest(server) {
  await metricBecomes(server, 'run_slots_used_info', 0);
  await metricBecomes(server, 'concurrency_permits_used_info', 0);
  await metricBecomes(server, 'run_memory_used_bytes', 0);
}

/* Processor time of each thread so far, by its id, in hundredths of a second. */
function worked({ child }) {
  const folder = `/proc/${child.pid}/task`;
  return new Map(readdirSync(folder).map((id) => {
    const fields = readFileSync(join(folder, id, 'stat'), 'utf8').replace(/^.*\) /s, '').split(' ');
    return [Number(id), Number(fields[11]) + Number(fields[12])];
  }));
}

describe('effects over HTTP', () => {
  test('are denied to queries and mutations', async () => {
    const server = await start({});
    for (const kind of ['query', 'mutation']) {
      for (const [effect, args, says] of [['sleep', { ms: 0 }, 'sleep()'], ['random', { n: 32 }, 'cryptographic randomness']]) {
        const wire = Wire.to(server).send(call(kind, `effects:${effect}_${kind}`, args));
        const { status, errorMessage } = await answered(wire);
        wire.close();
        assert.equal(status, 200);
        assert.match(errorMessage, new RegExp(`A ${kind} can't call .* An action can\\.`));
        assert.ok(errorMessage.includes(`Can't use ${says} in queries and mutations.`), errorMessage);
      }
    }
    assert.equal((await query(server, 'effects:linked')).value, 1);
    const wire = Wire.to(server).send(call('action', 'effects:random', { n: 65536 }));
    assert.match((await answered(wire)).value, /^[0-9a-f]{64}$/);
    await server.stop();
  });
});

describe(`${COUNT} sleeping actions`, () => {
  test('hold no thread and no permit, and are freed when their clients leave', async () => {
    const server = await start({ permits: 2 });
    await answered(sleepFor(server, 20));
    await query(server, 'basic:echo');
    const before = threads(server);
    const wires = sleepers(server, 250000);
    await metricBecomes(server, 'run_slots_used_info', COUNT);
    await metricBecomes(server, 'concurrency_permits_used_info', 0);
    assert.equal(await metric(server, 'concurrency_permits_waiting_info'), 0);
    assert.ok(threads(server) <= before + 4, 'the threads for long texts may have come, and no more');
    assert.equal((await query(server, 'basic:echo', { a: 1 })).status, 200);
    const began = Date.now();
    for (const wire of wires) wire.close();
    await atRest(server);
    assert.ok(Date.now() - began < 15000, 'at once, not when their time is over');
    await server.stop();
  });
  test('end at their limit', async () => {
    const server = await start({ limits: { user_time_ms: 1500 } });
    const wires = sleepers(server, 250000);
    for (const wire of wires) {
      const { status, errorMessage } = await answered(wire);
      assert.equal(status, 200);
      assert.match(errorMessage, /timed out \(maximum duration: 1500ms\)/);
    }
    await atRest(server);
    await server.stop();
  });
  test('all wake, too', async () => {
    const server = await start({});
    const answers = await Promise.all(sleepers(server, 1000).map(answered));
    for (const { status, value } of answers) {
      assert.equal(status, 200);
      assert.ok(value >= 1000, `${value}`);
    }
    await atRest(server);
    await server.stop();
  });
  test('without a slot are turned away', async () => {
    const server = await start({ slots: 5 });
    const wires = Array.from({ length: 5 }, () => sleepFor(server, 250000));
    await metricBecomes(server, 'run_slots_used_info', 5);
    const { status, code, retryAfter } = await query(server, 'basic:echo');
    assert.deepEqual([status, code, retryAfter], [503, 'WorkerOverloaded', '1']);
    wires[0].close();
    await metricBecomes(server, 'run_slots_used_info', 4);
    assert.equal((await query(server, 'basic:echo')).status, 200);
    for (const wire of wires) wire.close();
    await atRest(server);
    await server.stop();
  });
});

test('a server that stops waits for short sleeps, and ends long ones at once', async () => {
  const server = await start({});
  const [short, long] = [sleepFor(server, 1000), sleepFor(server, 250000)];
  await metricBecomes(server, 'run_slots_used_info', 2);
  const began = Date.now();
  const stopped = server.stop('SIGTERM');
  const [first, second] = await Promise.all([answered(short), answered(long)]);
  assert.ok(first.value >= 1000);
  assert.deepEqual([second.status, second.code, second.retryAfter], [503, 'Cancelled', undefined]);
  await stopped;
  assert.ok(Date.now() - began < 8000, 'before what runs is ended');
});

/*
 * How much of its processor time the server spends in its one loop: so many requests one by one, and
 * more until they have taken 0.3 s, which is enough to tell.
 */
async function shareOfLoop(server, request, count, check) {
  const before = worked(server);
  for (let done = 1; ; done++) {
    const wire = Wire.to(server).send(request);
    check(await answered(wire));
    wire.close();
    const spent = new Map([...worked(server)].map(([id, time]) => [id, time - (before.get(id) ?? 0)]));
    const all = [...spent.values()].reduce((sum, time) => sum + time, 0);
    if (done >= count && all >= 30) return spent.get(server.child.pid) / all;
  }
}

for (const [what, request, count, wanted = ({ value }) => value === 1] of [
  ['who works between its naps', call('action', 'effects:naps', { n: 50 }), 40],
  ['one instruction over much memory', call('query', 'bulk:fill_once', {}), 20],
  ['one call of the host with much JSON', call('mutation', 'host_bytes:insert_array', { n: 3000000 }), 10, ({ value }) => value.code !== undefined],
  ['a result that is much JSON', call('query', 'host_bytes:output', { n: 500000 }), 10, ({ value }) => value.length === 62],
  ['data of a failure that is much JSON', call('query', 'host_bytes:fail_empties', { n: 400000 }), 8, ({ errorData }) => errorData.length === 49],
]) {
  test(`${what}: on the pool, not on the loop`, async () => {
    const server = await start({ loops: 1 });
    await server.deploy(guest('effects'), guest('basic'), guest('bulk'), guest('host_bytes'));
    const share = await shareOfLoop(server, request, count, (answer) => assert.ok(wanted(answer), JSON.stringify(answer)));
    assert.ok(share < 1 / 3, `the loop worked for ${share} of the time`);
    await server.stop();
  });
}
