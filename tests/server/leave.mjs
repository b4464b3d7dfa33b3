/* Clients who leave before they are answered: their run ends, and what is said of it is true. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest } from '../support/cordon.mjs';
import { Wire, call, metricBecomes } from './wire.mjs';

let server;
before(async () => {
  server = await Server.start();
  await server.deploy(guest('basic'), guest('counter'), guest('spin'));
});

/* The log lines of a function, once there are so many. */
async function lines(path, count) {
  for (;;) {
    const found = server.log.split('\n').filter((line) => line.includes(`"path":"${path}"`));
    if (found.length >= count) return found;
    await sleep(10);
  }
}

const succeeded = (line) => /"(outcome|status)":"[Ss]uccess"/.test(line);
const value = ({ status, text }) => {
  assert.equal(status, 200, text);
  return JSON.parse(text).value;
};

describe('a client that leaves', () => {
  test('while its mutation is made durable: what is logged is what has become of it', async () => {
    const COUNT = 100;
    for (let i = 0; i < COUNT; i++) {
      const wire = Wire.to(server, { stays: true });
      wire.socket.end(call('mutation', 'counter:add', {}));
      while (!wire.closed) await wire.changed();
    }
    const logged = await lines('counter:add', COUNT);
    assert.equal(logged.length, COUNT);
    const wire = Wire.to(server);
    const count = value(await wire.send(call('query', 'counter:get', {})).answer());
    wire.close();
    assert.equal(logged.filter(succeeded).length, count);
    assert.ok(count > 0, 'some were on their way');
  });
  test('for writing alone, in the very moment of its request: what has succeeded was answered', async () => {
    const [READ_BYTES, COUNT] = [16384, 40]; // so much is read at once: the end is seen right behind it
    const empty = call('query', 'basic:echo', { text: '' });
    const full = [1, 2, 3, 4].map((less) => call('query', 'basic:echo', { text: 'x'.repeat(READ_BYTES - empty.length - less) }))
      .find(({ length }) => length === READ_BYTES);
    const before = (await lines('basic:echo', 0)).length;
    let answered = 0;
    for (let i = 0; i < COUNT; i++) {
      const wire = Wire.to(server, { stays: true });
      wire.socket.end(full);
      while (!wire.closed) await wire.changed();
      if (wire.bytes.length > 0) answered++;
    }
    const logged = (await lines('basic:echo', before + COUNT)).slice(before);
    assert.equal(logged.filter(succeeded).length, answered);
    assert.ok(answered > 0);
  });
  test('while its function spins ends it', async () => {
    for (const [kind, path] of [['query', 'spin:query'], ['mutation', 'spin:mutation'], ['action', 'spin:action']]) {
      const wire = Wire.to(server).send(call(kind, path, {}));
      await metricBecomes(server, 'run_slots_used_info', 1);
      wire.close();
      await metricBecomes(server, 'run_slots_used_info', 0);
      const [line] = await lines(path, 1);
      assert.match(line, /Cancelled/);
    }
  });
  test('while its large arguments are read ends it', async () => {
    for (let i = 0; i < 20; i++) {
      const wire = Wire.to(server, { stays: true });
      wire.socket.end(call('query', 'basic:echo', { lists: Array(100).fill(Array(4096).fill(i)) }));
      while (!wire.closed) await wire.changed();
    }
    await lines('basic:echo', 20);
    await metricBecomes(server, 'run_slots_used_info', 0);
  });
  test('leaves nothing behind', async () => {
    await metricBecomes(server, 'http_connections_info', 1); // this very one
    await metricBecomes(server, 'run_memory_used_bytes', 0);
    await server.stop();
  });
});
