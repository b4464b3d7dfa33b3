/*
 * A server with a thousand tenants, each with its own functions: how soon it is ready, how soon the
 * first call of a tenant is answered with its machine code in the cache, and what one that idles costs.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { build, deploy, median, memory, run, say, startCordon } from './support.mjs';

const TENANTS = 1000;
const SAMPLES = 200;
const functions = 10; /* at least, of this module */
const module = join(build, 'examples/messages_c.wasm');
const host = (i) => `tenant-${i}.example.com`;

function ask(options, body) {
  return new Promise((done, fail) => {
    const sent = request({ method: body === undefined ? 'GET' : 'POST', ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => (text += piece));
      response.on('end', () => (response.statusCode === 200 ? done(text) : fail(new Error(text))));
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

/* Tenants are made by the operator's socket, and share one deploy's bytes, but not its code. */
async function makeTenants(server) {
  const port = Number(new URL(server.url).port);
  const wasm = readFileSync(module);
  const cordon = join(build, 'cordon');
  for (let i = 0; i < TENANTS; i++) {
    if (i % 100 === 0) say(`tenants: ${i} of ${TENANTS} are made`);
    await ask(
      { socketPath: join(server.data, 'operator.sock'), path: '/tenants/create', headers: { 'content-type': 'application/json' } },
      JSON.stringify({ name: `tenant-${i}`, hosts: [host(i)] }));
    const { stdout } = await run(cordon, ['keygen', 'admin', '--tenant', `tenant-${i}`, '--data', server.data]);
    const key = stdout.trim().split(/\s+/).pop();
    await ask(
      { port, path: '/api/cordon/deploy', headers: { host: host(i), authorization: `Convex ${key}`, 'content-type': 'application/wasm' } },
      wasm);
  }
}

async function firstCall(server, i) {
  const began = performance.now();
  await ask(
    { port: Number(new URL(server.url).port), path: '/api/query', headers: { host: host(i), 'content-type': 'application/json' } },
    JSON.stringify({ path: 'messages:list', args: {} }));
  return performance.now() - began;
}

export async function measureTenants() {
  const maker = await startCordon({ alone: false });
  await deploy(maker, module);
  await makeTenants(maker);
  if ((await maker.stop()) !== 0) throw new Error('the server with a thousand tenants did not stop well');
  const server = await startCordon({ alone: false, again: maker.data });
  const asleep = memory(server.child.pid);
  const times = [];
  for (let i = 0; i < TENANTS; i++) {
    const ms = await firstCall(server, i);
    if (i < SAMPLES) times.push(ms);
  }
  const awake = memory(server.child.pid);
  await server.stop();
  times.sort((a, b) => a - b);
  return {
    tenants: TENANTS, functions, ready_ms: server.ready_ms, first_p50_ms: median(times),
    first_p99_ms: times[Math.floor(times.length * 0.99)], asleep, awake,
    metrics: {
      tenants_ready_ms: server.ready_ms,
      tenants_first_call_ms: times[Math.floor(times.length * 0.99)],
      tenants_idle_kib: (awake.anonymous - asleep.anonymous) * 1e6 / 1024 / (TENANTS * functions),
    },
  };
}
