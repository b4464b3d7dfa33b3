/*
 * Many deploys at once, and one that takes long: they come one after the other, others are served
 * meanwhile, and a stop does not wait for them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Server, guest } from '../support/cordon.mjs';
import { resumeCompilers, stopCompilers } from './processes.mjs';
import { Wire, call, metric, metricBecomes, request } from './wire.mjs';

const WAITING_MAX = 8; // beside the one that is under way

async function start() {
  const server = await Server.start();
  await server.deploy(guest('basic'), guest('spin'));
  return server;
}

async function deploy(server, ...modules) {
  const body = Buffer.concat(modules.flatMap((name) => {
    const wasm = readFileSync(guest(name));
    const size = (count) => Buffer.from(Uint32Array.of(count).buffer);
    return [size(name.length), Buffer.from(name), size(wasm.length), wasm];
  }));
  const head = request('POST', '/api/cordon/deploy', {
    headers: {
      Authorization: `Convex ${await server.key()}`,
      'Content-Type': 'application/vnd.cordon.modules',
      'Content-Length': body.length,
    },
  });
  return Wire.to(server).send(Buffer.concat([head, body]));
}

/* A deploy that the server has received. */
async function deployWaiting(server, name) {
  const asked = () => metric(server, 'http_requests_total'); // counts itself
  const before = await asked();
  const wire = await deploy(server, name);
  for (let more = 1; (await asked()) - before === more; more++);
  return wire;
}

/* So many deploys, of which none ends until the compilers are resumed. */
async function deployMany(server, count) {
  const compilers = await stopCompilers(server);
  const wires = [];
  for (let i = 0; i < count; i++) wires.push(await deployWaiting(server, i % 2 === 0 ? 'logs' : 'counter'));
  return { compilers, wires };
}

const value = ({ status, text }) => {
  assert.equal(status, 200, text);
  return JSON.parse(text).value;
};
const overloaded = ({ status, headers, text }, words) => {
  assert.equal(status, 503, text);
  assert.equal(headers['retry-after'], '1');
  assert.equal(JSON.parse(text).code, 'Overloaded');
  assert.match(JSON.parse(text).message, words);
};

test('deploys hold up nobody else', async () => {
  const server = await start();
  const { compilers, wires } = await deployMany(server, 1 + WAITING_MAX);
  const began = Date.now();
  const spinning = await Wire.to(server).send(call('query', 'spin:rounds', { n: 100000000 })).answer();
  assert.equal(JSON.parse(spinning.text).status, 'success');
  const args = { text: 'x'.repeat(300000) };
  assert.deepEqual(value(await Wire.to(server).send(call('query', 'basic:echo', args)).answer()), args);
  assert.ok(Date.now() - began < 15000);
  resumeCompilers(compilers);
  for (const wire of wires) assert.equal((await wire.answer()).status, 200);
  await server.stop();
});

test('deploys come in their order, and the last one stays', async () => {
  const server = await start();
  const { compilers, wires } = await deployMany(server, 4);
  resumeCompilers(compilers);
  const answers = await Promise.all(wires.map((wire) => wire.answer()));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200]);
  const headers = { Authorization: `Convex ${await server.key()}` };
  const { text } = await Wire.to(server).send(request('GET', '/api/cordon/deploys', { headers })).answer();
  const names = JSON.parse(text).deploys.map(({ modules }) => modules.map(({ name }) => name).sort().join());
  assert.deepEqual(names, ['counter', 'logs', 'counter', 'logs', 'basic.wasm,spin.wasm'], 'the newest first');
  assert.equal(value(await Wire.to(server).send(call('mutation', 'counter:add', {})).answer()), 1);
  await server.stop();
});

/* What a pipe that broke sends is no wish to have no functions. */
test('a list without modules, or with a name that is too long, changes nothing', async () => {
  const server = await start();
  const refused = async (body) => {
    const headers = { Authorization: `Convex ${await server.key()}`, 'Content-Type': 'application/vnd.cordon.modules' };
    const { status, text } = await Wire.to(server).send(request('POST', '/api/cordon/deploy', { body, headers })).answer();
    assert.equal(status, 400, text);
    assert.match(JSON.parse(text).message, /must be a list of 1 to \d+ modules/);
  };
  await refused('');
  await refused(Buffer.concat([Buffer.from([0, 1, 0, 0]), Buffer.alloc(256, 'n'), Buffer.alloc(4)]).toString('latin1'));
  assert.equal(value(await Wire.to(server).send(call('query', 'basic:nothing', {})).answer()), null);
  await server.stop();
});

test('more than may wait are told to come again; who leaves makes room', async () => {
  const server = await start();
  const { compilers, wires } = await deployMany(server, 1 + WAITING_MAX);
  overloaded(await (await deploy(server, 'logs')).answer(), /deploy again/);
  const open = await metric(server, 'http_connections_info');
  wires[3].close();
  await metricBecomes(server, 'http_connections_info', open - 1);
  const instead = await deployWaiting(server, 'logs');
  overloaded(await (await deploy(server, 'logs')).answer(), /deploy again/);
  resumeCompilers(compilers);
  wires.splice(3, 1);
  for (const wire of [...wires, instead]) assert.equal((await wire.answer()).status, 200);
  await server.stop();
});

test('a stop ends them all', async () => {
  const server = await start();
  const { wires } = await deployMany(server, 1 + WAITING_MAX);
  const began = Date.now();
  const stopped = server.stop('SIGTERM');
  for (const wire of wires) overloaded(await wire.answer(), /deploy again/);
  await stopped;
  assert.ok(Date.now() - began < 5000);
});
