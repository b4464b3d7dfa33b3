/* SIGTERM: what is under way is answered, what is idle is closed, and the process ends well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, guest } from '../support/cordon.mjs';
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
