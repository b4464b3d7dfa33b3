/*
 * SIGTERM: what is under way is answered, what is idle is closed, what comes is refused, and the process
 * ends well, in its time.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, guest, newFolder } from '../support/cordon.mjs';
import { Wire, call, metricBecomes, request } from './wire.mjs';

test('SIGTERM drains, then exits 0', async () => {
  const server = await Server.start();
  await server.deploy(guest('spin'));
  const idle = Wire.to(server).send(request('GET', '/version'));
  assert.equal((await idle.answer()).status, 200);
  const busy = Wire.to(server).send(call('query', 'spin:rounds', { n: 300000000 }));
  await metricBecomes(server, 'run_slots_used_info', 1);
  const stopped = server.stop('SIGTERM');
  await idle.end();
  const { status, text } = await busy.answer();
  assert.equal(status, 200);
  assert.equal(JSON.parse(text).status, 'success');
  await busy.end();
  await stopped;
});

const config = (settings) => {
  const file = join(newFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(settings));
  return ['--config', file];
};

/* A server with a call that runs until its end, or the server's; and what ends it. */
async function stopping(settings = {}) {
  const server = await Server.start({ flags: config({ loops: 1, limits: { user_time_ms: 60000, fuel: 1e12 }, ...settings }) });
  await server.deploy(guest('spin'), guest('basic'));
  const busy = Wire.to(server).send(call('query', 'spin:query'));
  await metricBecomes(server, 'run_slots_used_info', 1);
  return { server, busy };
}

const refuses = ({ status, headers, text }) => {
  assert.equal(status, 503, text);
  assert.equal(headers.connection, 'close');
  assert.ok(Number(headers['retry-after']) > 0);
  assert.equal(JSON.parse(text).code, 'Overloaded');
  assert.match(JSON.parse(text).message, /stopping.*Nothing was run; a retry is safe/);
};

test('what comes while a server stops is refused, and told that a retry is safe', async () => {
  const { server, busy } = await stopping({ drain_timeout_ms: 4000 });
  const idle = Wire.to(server).send(request('GET', '/version'));
  assert.equal((await idle.answer()).status, 200);
  const midway = Wire.to(server).send(call('query', 'basic:echo', { a: 1 }).subarray(0, -3));
  await metricBecomes(server, 'http_connections_info', 4);
  const began = Date.now();
  const stopped = server.stop('SIGTERM');
  refuses(await midway.answer());
  await midway.end();
  await idle.end();
  const slow = Wire.to(server).send(call('query', 'basic:echo', { a: 1 }).subarray(0, -3));
  refuses(await slow.answer());
  await slow.end();
  for (const kind of ['query', 'mutation']) {
    const wire = Wire.to(server).send(call(kind, 'basic:echo', { a: 1 }));
    refuses(await wire.answer());
    await wire.end();
  }
  /* Probes are told, so that whoever shares requests out sends no more. */
  const ready = Wire.to(server).send(request('GET', '/readyz'));
  assert.equal((await ready.answer()).status, 503);
  const alive = Wire.to(server).send(request('GET', '/healthz'));
  assert.equal((await alive.answer()).status, 200);
  const { status, text } = await busy.answer(); /* its time is over, and it was cancelled */
  assert.equal(status, 503, text);
  assert.equal(JSON.parse(text).code, 'Cancelled');
  await busy.end();
  await stopped;
  const took = Date.now() - began;
  assert.ok(took > 3000 && took < 4000 + 15000, `${took} ms`);
});

test('a request that is on its way when a server stops is answered, or refused, and not lost', async () => {
  const { server, busy } = await stopping({ drain_timeout_ms: 2000 });
  const idle = Wire.to(server).send(request('GET', '/version'));
  assert.equal((await idle.answer()).status, 200);
  server.child.kill('SIGSTOP'); /* so that it has both before it has read one */
  server.child.kill('SIGTERM');
  idle.send(call('query', 'basic:echo', { a: 1 }));
  await new Promise((resolve) => idle.socket.write('', resolve));
  server.child.kill('SIGCONT');
  const answer = await idle.answer();
  if (answer.status !== 200) refuses(answer);
  assert.equal(JSON.parse((await busy.answer()).text).code, 'Cancelled'); /* however short its time */
  await busy.end();
  assert.deepEqual(await server.ended, { code: 0, signal: null }, server.log);
});

test('a server that nobody waits for stops at once', async () => {
  const server = await Server.start();
  const began = Date.now();
  await server.stop('SIGTERM');
  assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
});
