/*
 * What clients make the server hold: bodies that do not end, answers that are not read, packed
 * bodies that are much when they are unpacked. All of it is bounded by half of `memory_bytes`; who
 * comes beyond it is told, small requests are served on, and all of it is given back.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, constants } from 'node:zlib';
import { Server, build, guest, newFolder } from '../support/cordon.mjs';
import { customSection } from '../support/wasm.mjs';
import { ask, askFunction, deployTo, makeTenant } from './hosts.mjs';
import { Wire, call, metric, metricBecomes, request } from './wire.mjs';

/* The words of a refusal want memory, too: where there is none at all, there are others. */
const NO_MEMORY = /no memory for (this request now.*later|an answer now)/;
const MEBIBYTE = 1 << 20;
const MEMORY = 128 * MEBIBYTE;

const config = join(newFolder(), 'config.json');
let server;
before(async () => {
  writeFileSync(config, JSON.stringify({ memory_bytes: MEMORY }));
  server = await Server.start({ flags: ['--config', config] });
  await server.deploy(guest('basic'));
});

/* The lesser of two looks: what the server runs to try itself takes some, too, for a moment. */
const taken = async () => {
  const first = await metric(server, 'run_memory_used_bytes');
  await sleep(20);
  return Math.min(first, await metric(server, 'run_memory_used_bytes'));
};
/* What is resident; a sanitizer keeps what was freed. */
const SANITIZED = /^CORDON_SANITIZE:\w+=\w/m.test(readFileSync(join(build, 'CMakeCache.txt'), 'utf8'));
const resident = () => SANITIZED ? 0 : Number(readFileSync(`/proc/${server.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;

const echo = (args) => call('query', 'basic:echo', args);
async function isServed() {
  const wire = Wire.to(server);
  const { status, text } = await wire.send(echo({ a: 1 })).answer();
  assert.equal(status, 200, text);
  assert.equal(JSON.parse(text).status, 'success', text);
  wire.close();
}

const refused = ({ status, text }, wanted, code, words) => {
  assert.equal(status, wanted, text);
  assert.equal(JSON.parse(text).code, code);
  assert.match(JSON.parse(text).message, words);
};

/* Waits until the server has read what they have sent, and holds or refuses it. */
async function settle(wires) {
  await Promise.all(wires.map(({ socket }) => new Promise((resolve) => socket.write('', resolve))));
  const state = async () => `${await taken()} ${wires.filter((wire) => wire.closed || wire.bytes.length > 0).length}`;
  for (let last, same = 0; same < 10;) {
    const now = await state();
    same = now === last ? same + 1 : 0;
    last = now;
    await sleep(50);
  }
}

describe('bodies that do not end', () => {
  const head = (line) => `POST /api/query HTTP/1.1\r\nHost: localhost\r\n${line}\r\n\r\n`;
  for (const [what, start, piece] of [
    ['with their length', head(`Content-Length: ${8 * MEBIBYTE}`), Buffer.alloc(8 * MEBIBYTE - 1, ' ')],
    ['in chunks', head('Transfer-Encoding: chunked'), Buffer.concat([Buffer.from(`${(7 * MEBIBYTE).toString(16)}\r\n`), Buffer.alloc(7 * MEBIBYTE, ' ')])],
  ]) {
    test(what, async () => {
      const before = resident();
      const wires = Array.from({ length: 40 }, () => Wire.to(server).send(start).send(piece));
      await settle(wires);
      const held = wires.filter((wire) => wire.bytes.length === 0 && !wire.closed);
      assert.ok(held.length >= 4 && held.length < 12, `${held.length}`);
      assert.ok(await taken() <= MEMORY / 2);
      assert.ok(resident() - before < MEMORY, `${resident() - before} bytes`);
      for (const wire of wires) {
        if (!held.includes(wire)) refused(await wire.answer(), 503, 'Overloaded', NO_MEMORY);
      }
      await isServed();
      for (const wire of wires) wire.close();
      await metricBecomes(server, 'run_memory_used_bytes', 0);
    });
  }
  test('whose senders look up only when they are through', async () => {
    const body = Buffer.alloc(8 * MEBIBYTE, ' ');
    const whole = Buffer.concat([Buffer.from(head(`Content-Length: ${body.length}`)), body]);
    const answers = await Promise.all(Array.from({ length: 40 }, async () => {
      const wire = await Wire.to(server).sendFirst(whole);
      const answer = await wire.answer();
      wire.close();
      return answer;
    }));
    const statuses = answers.map(({ status }) => status);
    assert.ok(statuses.includes(503) && statuses.every((status) => status === 503 || status === 400), `${statuses}`);
    for (const answer of answers) if (answer.status === 503) refused(answer, 503, 'Overloaded', NO_MEMORY);
    await metricBecomes(server, 'run_memory_used_bytes', 0);
  });
  test('that only say how long they are cost nothing', async () => {
    const wires = Array.from({ length: 100 }, () => Wire.to(server).send(head(`Content-Length: ${16 * MEBIBYTE}`)).send('{"'));
    await metricBecomes(server, 'http_connections_info', 101);
    assert.equal(await taken(), 0);
    for (const wire of wires) wire.close();
  });
});

/* Ten kilobytes of each are free; three times as much is not, and is given back with the answer. */
test('heads that do not end', async () => {
  const COUNT = 300;
  const head = `GET /version HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${'x'.repeat(30000)}`;
  const before = await taken();
  const short = Array.from({ length: COUNT }, () => Wire.to(server).send(head.slice(0, 10000)));
  await metricBecomes(server, 'http_connections_info', COUNT + 1);
  await settle(short);
  assert.equal(await taken(), before);
  for (const wire of short) wire.send(head.slice(10000));
  while (await taken() < before + COUNT * 16384) await sleep(20);
  for (const wire of short) wire.send('\r\n\r\n');
  for (const wire of short) assert.equal((await wire.answer()).status, 200);
  await metricBecomes(server, 'run_memory_used_bytes', before);
  for (const wire of short) wire.close();
});

test('answers that are not read', async () => {
  const bytes = echo({ text: 'x'.repeat(6 * MEBIBYTE) });
  const wires = [];
  let last;
  for (let i = 0; i < 30 && last === undefined; i++) {
    const wire = Wire.to(server).send(bytes);
    wires.push(wire);
    await wire.changed(); // its answer has begun
    if (wire.bytes.includes('HTTP/1.1 503')) last = wire;
    wire.socket.pause();
  }
  assert.ok(await taken() <= MEMORY / 2);
  last.socket.resume();
  refused(await last.answer(), 503, 'Overloaded', /no memory/);
  await isServed();
  for (const wire of wires) wire.close();
  await metricBecomes(server, 'run_memory_used_bytes', 0);
});

describe('a packed body', () => {
  const packed = (plain) => {
    const body = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_LGWIN]: 22 } });
    const head = request('POST', '/api/query', { headers: { 'Content-Encoding': 'br', 'Content-Length': body.length } });
    return Buffer.concat([head, body]);
  };
  const ask = async (bytes) => {
    const wire = Wire.to(server).send(bytes);
    const answer = await wire.answer();
    wire.close();
    return answer;
  };
  const times = (text, count) => `{"path":"basic:echo","args":{"a":"${text.repeat(count)}"}}`;

  test('of a usual ratio is read', async () => {
    const words = Array.from({ length: 40000 }, (_, n) => `name ${n} is ${(n * 7919) % 10007}`).join();
    const { status, text } = await ask(packed(times(words, 1)));
    assert.equal(status, 200, text);
    assert.equal(JSON.parse(text).value.a, words);
  });
  test('of any ratio is read while it is small', async () => {
    const { status, text } = await ask(packed(times('x', 65000)));
    assert.equal(status, 200, text);
    assert.equal(JSON.parse(text).value.a.length, 65000);
  });
  test('that becomes much more than it is, is refused', async () => {
    const before = resident();
    for (const plain of [times('x', MEBIBYTE), `{"path":"basic:echo","args":{"a":[${'0,'.repeat(8000000)}0]}}`, Buffer.alloc(200 * MEBIBYTE)]) {
      refused(await ask(packed(plain)), 413, 'RequestTooLarge', /64 times/);
    }
    assert.ok(resident() - before < 32 * MEBIBYTE);
  });
  test('leaves nothing behind', () => metricBecomes(server, 'run_memory_used_bytes', 0));
});

test('a request of more values than are read at once', async () => {
  const wire = Wire.to(server).send(request('POST', '/api/query', { body: `{"path":"basic:echo","args":{"a":[${'0,'.repeat(8 * MEBIBYTE - 100)}0]}}` }));
  refused(await wire.answer(), 503, 'Overloaded', /no memory/); // half of it is less than the 128 MiB for one
  wire.close();
  await metricBecomes(server, 'run_memory_used_bytes', 0);
});

test('and it ends well', () => server.stop());

describe('one tenant of several', () => {
  /* So many connections with bodies of a host that do not end; those that the server holds. */
  async function holdOf(several, host, count) {
    const start = `POST /api/query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${MEBIBYTE}\r\n\r\n`;
    const wires = Array.from({ length: count }, () => Wire.to(several).send(start).send(Buffer.alloc(MEBIBYTE - 1, ' ')));
    const isOver = (wire) => wire.closed || wire.bytes.length > 0;
    const used = () => metric(several, 'http_memory_used_bytes');
    for (let last, same = 0; same < 10; await sleep(50)) {
      const now = `${await used()} ${wires.filter(isOver).length}`;
      same = now === last ? same + 1 : 0;
      last = now;
    }
    for (const wire of wires.filter(isOver)) refused(await wire.answer(), 503, 'Overloaded', NO_MEMORY);
    return { wires, held: wires.filter((wire) => !isOver(wire)).length, bytes: await used() };
  }
  const large = (several, host) =>
    askFunction(several, host, 'query', 'basic:echo', { text: 'x'.repeat(MEBIBYTE) });

  for (const [whose, host] of [['a tenant', 'greedy.test'], ['the default one', 'localhost'], ['nobody', 'nobody.test']]) {
    test(`leaves memory for the requests of others: ${whose}`, async () => {
      const several = await Server.start({ flags: ['--config', config] });
      await makeTenant(several, 'greedy');
      assert.equal((await deployTo(several, 'modest.test', guest('basic'), await makeTenant(several, 'modest'))).status, 200);
      const { wires, held, bytes } = await holdOf(several, host, 100);
      assert.ok(bytes > MEMORY / 2 / 2 && bytes <= MEMORY / 2 * 0.76, `three quarters of half the memory at most, ${bytes}`);
      assert.ok(held > 20 && held < 60, `${held}`);
      assert.equal((await large(several, 'modest.test')).status, 200);
      for (const wire of wires) wire.close();
      await metricBecomes(several, 'http_memory_used_bytes', 0);
      const again = await holdOf(several, host, 20); // it has nothing any more
      assert.equal(again.held, 20);
      for (const wire of again.wires) wire.close();
      await several.stop();
    });
  }
  test('has what it passed from another on the same connection', async () => {
    const several = await Server.start({ flags: ['--config', config] });
    for (const name of ['greedy', 'modest']) {
      assert.equal((await deployTo(several, `${name}.test`, guest('basic'), await makeTenant(several, name))).status, 200);
    }
    const wire = Wire.to(several);
    for (const host of ['greedy.test', 'modest.test', 'localhost', 'greedy.test', 'nobody.test', 'modest.test']) {
      const { status } = await wire.send(call('query', 'basic:echo', { text: 'x'.repeat(MEBIBYTE) }, { Host: host })).answer();
      assert.equal(status, host === 'nobody.test' ? 421 : 200);
    }
    wire.close();
    await metricBecomes(several, 'http_memory_used_bytes', 0);
    await several.stop();
  });
});

/* A module of one empty function, with as much to be remembered of it as may be. */
function denseModule(name) {
  const any = Array(60000).fill({ type: 'any' });
  const args = { type: 'object', value: { a: { fieldType: { type: 'union', value: any }, optional: false } } };
  const functions = [{ path: `${name}:f`, export: 'e', kind: 'query', visibility: 'public', args }];
  return Buffer.concat([
    Buffer.from('0061736d0100000001040160000003020100050301000107', 'hex'), Buffer.from([14, 2, 1]), Buffer.from('e'),
    Buffer.from([0, 0, 6]), Buffer.from('memory'), Buffer.from([2, 0]), Buffer.from('0a040102000b', 'hex'),
    customSection('convex.functions', JSON.stringify({ abi: 1, functions }))]);
}

/* So many of them and one with actions, to the tenant of a host; the answer. */
function deployDense(several, host, key, count, version) {
  const modules = [guest('effects'), ...Array.from({ length: count }, (_, i) => `m${i}v${version}`)];
  const body = Buffer.concat(modules.flatMap((name, i) => {
    const wasm = i === 0 ? readFileSync(name) : denseModule(name);
    const sizes = [4, wasm.length].map((size) => Buffer.from(Uint32Array.of(size).buffer));
    return [sizes[0], Buffer.from(`m${i}`.padEnd(4)), sizes[1], wasm];
  }));
  const headers = { host, authorization: `Convex ${key}`, 'content-type': 'application/vnd.cordon.modules' };
  return ask({ port: Number(new URL(several.url).port), method: 'POST', path: '/api/cordon/deploy', headers }, body);
}

test('functions of earlier deploys that still run are of the share of their tenant', async () => {
  const several = await Server.start({ flags: ['--config', config] });
  const [greedy, modest] = [await makeTenant(several, 'greedy'), await makeTenant(several, 'modest')];
  const actions = [];
  let answer;
  for (const count of [4, 1]) { // until it has no room for the least
    while ((answer = await deployDense(several, 'greedy.test', greedy, count, actions.length)).status === 200) {
      actions.push(Wire.to(several).send(call('action', 'effects:sleep', { ms: 60000 }, { Host: 'greedy.test' })));
      await metricBecomes(several, 'engine_calls_info', actions.length);
      assert.ok(actions.length < 15, 'some 48 MiB in all');
    }
  }
  assert.ok(actions.length > 2, `${actions.length} deploys`);
  refused(answer, 503, 'Overloaded', /no memory for these functions.*earlier deploys that still run/);
  assert.equal((await deployDense(several, 'modest.test', modest, 1, 0)).status, 200, 'there is room for others');
  for (const wire of actions) wire.close();
  await metricBecomes(several, 'engine_calls_info', 0);
  assert.equal((await deployDense(several, 'greedy.test', greedy, 4, 'last')).status, 200, 'what has ended is given back');
  await several.stop();
});

/* What the store maps from its file is counted apart; the rest at its most is what this is about. */
test('a start holds one of its modules at a time', { skip: SANITIZED && 'what was freed is kept' }, async () => {
  const size = 16 * MEBIBYTE;
  const folder = newFolder();
  const modules = ['basic', 'logs', 'counter', 'spin', 'results', 'clock'].map((name) => {
    const path = join(folder, `${name}.wasm`);
    writeFileSync(path, Buffer.concat([readFileSync(guest(name)), customSection('padding', Buffer.alloc(size, name))]));
    return path;
  });
  const first = await Server.start();
  await first.deploy(...modules);
  await first.stop();
  const again = await Server.start({ data: first.data });
  const status = readFileSync(`/proc/${again.child.pid}/status`, 'utf8');
  const kilobytes = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))[1]) * 1024;
  const most = kilobytes('VmHWM') - kilobytes('RssFile');
  assert.ok(most > size / 2 && most < 3 * size, `${most} bytes at most`);
  assert.equal((await again.post('/api/query', { path: 'basic:echo', args: {} })).body.status, 'success');
  await again.stop();
});
