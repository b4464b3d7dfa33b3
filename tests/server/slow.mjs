/*
 * Slow clients: those who send a request, or read an answer, a little at a time, and those who do
 * nothing. Each is let go after the timeout of the settings; its twin, who moves on, is served however
 * long that takes.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest, newFolder } from '../support/cordon.mjs';
import { Wire, call, metricBecomes } from './wire.mjs';

const REQUEST_MS = 1000;
const IDLE_MS = 2500;
const WRITE_MS = 1500;
const TICK_MS = 250; // how often the server looks
const LATE_MS = 15000; // how late a machine at work may be; the defaults would be later still

const config = join(newFolder(), 'config.json');
let server;
before(async () => {
  writeFileSync(config, JSON.stringify({
    request_timeout_ms: REQUEST_MS,
    idle_timeout_ms: IDLE_MS,
    write_timeout_ms: WRITE_MS,
    limits: { fuel: 1e12 }, // so that a call may outlast each of them
  }));
  server = await Server.start({ flags: ['--config', config] });
  await server.deploy(guest('basic'), guest('spin'));
});

const value = ({ status, text }) => {
  assert.equal(status, 200, text);
  return JSON.parse(text).value;
};

/* How long the work takes, which must be this timeout and little more. */
async function takes(timeout, work) {
  const began = Date.now();
  await work();
  const took = Date.now() - began;
  assert.ok(took >= timeout - TICK_MS, `${took} ms: before its time`);
  assert.ok(took < timeout + TICK_MS + LATE_MS, `${took} ms: long after its time`);
}

/* Sends a byte now and then until an answer comes or the connection is over. */
async function dribble(wire, bytes) {
  for (let i = 0; bytes.length > 0 && !wire.closed && wire.bytes.length === 0; i++) {
    wire.send(bytes.subarray(i % bytes.length, (i % bytes.length) + 1));
    await sleep(50);
  }
}

describe('a request that comes slowly', { concurrency: true }, () => {
  const head = (...lines) => `POST /api/query HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}`;
  for (const [what, start, rest] of [
    ['its method', 'P', ''],
    ['its target', 'GET /', 'a'],
    ['its headers', head(), 'X-A: b\r\n'],
    ['its body', head('Content-Length: 1000000\r\n\r\n'), '{'],
    ['its chunks', head('Transfer-Encoding: chunked\r\n\r\n'), '1\r\nx\r\n'],
    ['its trailers', head('Transfer-Encoding: chunked\r\n\r\n', '0\r\n'), 'X-A: b\r\n'],
    ['nothing after its head', head('Content-Length: 2\r\n\r\n'), ''],
  ]) {
    test(`${what}: 408, and it ends`, async () => {
      const wire = Wire.to(server).send(start);
      await takes(REQUEST_MS, async () => {
        dribble(wire, Buffer.from(rest));
        const { status, headers, text } = await wire.answer();
        assert.equal(status, 408, text);
        assert.equal(headers.connection, 'close');
        assert.equal(headers['access-control-allow-origin'], '*');
        assert.equal(JSON.parse(text).code, 'RequestTimeout');
      });
      await wire.end();
    });
  }
  test('behind one that was answered', async () => {
    const wire = Wire.to(server).send(Buffer.concat([call('query', 'basic:echo', { n: 1 }), Buffer.from(head())]));
    assert.deepEqual(value(await wire.answer()), { n: 1 });
    await takes(REQUEST_MS, async () => assert.equal((await wire.answer()).status, 408));
    await wire.end();
  });
  test('but moves on is answered', async () => {
    const args = { text: 'x'.repeat(1 << 20) };
    const bytes = call('query', 'basic:echo', args);
    const wire = Wire.to(server);
    for (let at = 0; at < bytes.length; at += 40000) {
      wire.send(bytes.subarray(at, at + 40000));
      await sleep(100); // 27 pieces: more than twice its timeout
    }
    assert.deepEqual(value(await wire.answer()), args);
    wire.close();
  });
});

describe('an idle connection', { concurrency: true }, () => {
  test('that never said anything is closed', async () => {
    await takes(IDLE_MS, () => Wire.to(server).end());
  });
  test('that sends empty lines is closed', async () => {
    const wire = Wire.to(server);
    dribble(wire, Buffer.from('\r\n'));
    await takes(IDLE_MS, () => wire.end());
  });
  test('is closed after its answers, and kept between them', async () => {
    const wire = Wire.to(server);
    for (let n = 0; n < 3; n++) { // longer than the timeout in all
      assert.deepEqual(value(await wire.send(call('query', 'basic:echo', { n })).answer()), { n });
      if (n < 2) await sleep(IDLE_MS * 0.6);
    }
    await takes(IDLE_MS, () => wire.end());
  });
  test('is none while its call runs', async () => {
    const wire = Wire.to(server);
    const wanted = IDLE_MS + 2 * TICK_MS;
    for (let rounds = 100000000, took = 0; took < wanted;) {
      const began = Date.now();
      const { status, text } = await wire.send(call('query', 'spin:rounds', { n: rounds })).answer();
      took = Date.now() - began;
      assert.equal(status, 200, text);
      assert.equal(JSON.parse(text).status, 'success', text);
      rounds = Math.ceil((rounds * wanted * 1.2) / Math.max(took, 1));
    }
    wire.close();
  });
});

/* More answers than the buffers of two sockets hold. */
const large = call('query', 'basic:echo', { text: 'x'.repeat(1 << 20) });
const COUNT = 32;

describe('a client that does not read', () => {
  /* Connections of the tests before may linger; here they are counted, with the one that asks. */
  before(() => metricBecomes(server, 'http_connections_info', 1));
  test('is closed, and what it did not read is let go', async () => {
    const wire = Wire.to(server);
    wire.socket.pause();
    wire.send(Buffer.concat(Array(COUNT).fill(large)));
    await metricBecomes(server, 'http_connections_info', 2);
    await takes(WRITE_MS, () => metricBecomes(server, 'http_connections_info', 1));
    wire.socket.resume();
    while (!wire.closed) await wire.changed();
    assert.equal(wire.error?.code, 'ECONNRESET', 'the rest is not kept for it');
  });
  test('but a few bytes is closed too', async () => {
    const wire = Wire.to(server);
    wire.socket.pause();
    wire.send(Buffer.concat(Array(COUNT).fill(large)));
    await metricBecomes(server, 'http_connections_info', 2);
    let going = true;
    const reading = (async () => {
      while (going) {
        wire.socket.read(10);
        await sleep(50);
      }
    })();
    await takes(WRITE_MS, () => metricBecomes(server, 'http_connections_info', 1));
    going = false;
    await reading;
    wire.close();
  });
});

describe('a client that reads slowly, but moves on', { concurrency: true }, () => {
  /* The kernel has the whole answer long before its client: neither timeout may take it away. */
  for (const headers of [{}, { Connection: 'close' }]) {
    test(`gets all of a large answer, ${headers.Connection ?? 'keep-alive'}`, async () => {
      const size = 4 << 20;
      const wire = Wire.to(server);
      wire.socket.pause();
      wire.send(call('query', 'basic:echo', { text: 'x'.repeat(size) }, headers));
      const began = Date.now();
      while (!wire.closed && wire.bytes.length < size) {
        wire.socket.read(); // as much as the client buffers: 64 KiB
        await sleep(75);
      }
      assert.ok(Date.now() - began > IDLE_MS + WRITE_MS);
      wire.socket.resume();
      assert.equal(value(await wire.answer()).text.length, size);
      wire.close();
    });
  }
  test('gets all of many answers', async () => {
    const wire = Wire.to(server);
    const began = Date.now();
    wire.socket.pause();
    wire.send(Buffer.concat(Array(COUNT).fill(large)));
    for (let i = 0; i < COUNT; i++) {
      await sleep(100);
      wire.socket.resume();
      assert.equal(value(await wire.answer()).text.length, 1 << 20);
      wire.socket.pause();
    }
    assert.ok(Date.now() - began > 2 * WRITE_MS);
    wire.close();
  });
});

describe('a pause of the server itself', () => {
  /* What came meanwhile has waited with the kernel, and its client is not to blame. */
  const paused = async (ms, meanwhile) => {
    await sleep(2 * TICK_MS); // the bytes before it are read
    server.child.kill('SIGSTOP');
    meanwhile();
    await sleep(ms);
    server.child.kill('SIGCONT');
  };
  for (const [what, sent, ms] of [['in the midst of a request', 100, REQUEST_MS + 500], ['before one', 0, IDLE_MS + 500]]) {
    test(`${what} is forgiven`, async () => {
      const args = { text: 'x'.repeat(100000) };
      const bytes = call('query', 'basic:echo', args);
      const wires = Array.from({ length: 10 }, () => Wire.to(server).send(bytes.subarray(0, sent)));
      await paused(ms, () => wires.forEach((wire) => wire.send(bytes.subarray(sent))));
      for (const wire of wires) {
        assert.deepEqual(value(await wire.answer()), args);
        wire.close();
      }
    });
  }
});
