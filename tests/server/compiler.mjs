/*
 * A server whose processes of cordon-compile are killed or stopped: what is deployed goes on, a
 * deploy is answered, the log says once what happened, and nothing is left over.
 *
 *   cordon serve ── keeper ── starter ── workers
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest, run } from '../support/cordon.mjs';
import { becomes, childrenOf, compilersOf, isThere, stopCompilers } from './processes.mjs';

const tryDeploy = async (server, module) =>
  run(['deploy', '--url', server.url, module], { env: { CORDON_ADMIN_KEY: await server.key() } });

const lines = (server, event) => server.log.split('\n').filter((line) => line.includes(`"${event}"`));

const answers = async (server, path) => {
  const { status, body } = await server.post('/api/query', { path, args: {}, format: 'json' });
  assert.equal(status, 200);
  assert.equal(body.status, 'success', JSON.stringify(body));
};

test('a starter that is killed is replaced', async () => {
  const server = await Server.start();
  await server.deploy(guest('basic'));
  const { keeper, starter } = await compilersOf(server);
  process.kill(starter, 'SIGKILL');
  await becomes('the log says so', () => lines(server, 'compile_starter_replaced').length === 1);
  assert.match(server.log, /died \(signal 9\) and was started again/);
  await server.deploy(guest('logs'));
  const after = await compilersOf(server);
  assert.equal(after.keeper, keeper);
  assert.notEqual(after.starter, starter);
  await server.stop('SIGTERM');
  assert.equal(isThere(keeper) || isThere(after.starter), false);
});

test('without the keeper deploys are refused with what to do, and the rest goes on', async () => {
  const server = await Server.start();
  await server.deploy(guest('basic'));
  const { keeper, starter } = await compilersOf(server);
  process.kill(keeper, 'SIGKILL');
  await becomes('the log says so', () => lines(server, 'compile_starter_lost').length === 1);
  assert.match(lines(server, 'compile_starter_lost')[0], /"level":"error".*restart this program to deploy/);
  assert.deepEqual(childrenOf(server.child.pid), []); /* not even one to be reaped */
  await becomes('the starter is gone too', () => !isThere(starter));
  for (let turn = 0; turn < 2; turn++) {
    const { code, stderr } = await tryDeploy(server, guest('logs'));
    assert.equal(code, 5, stderr);
    assert.match(stderr, /restart this program/);
  }
  await answers(server, 'basic:nothing');
  assert.equal(lines(server, 'compile_starter_lost').length, 1);
  await server.stop('SIGTERM');
});

test('a deploy that waits for stopped processes does not hold up the end', async () => {
  const server = await Server.start();
  await server.deploy(guest('basic'));
  const { keeper, starter } = await stopCompilers(server);
  const deploying = tryDeploy(server, guest('logs'));
  await sleep(300);
  await answers(server, 'basic:nothing');
  const began = Date.now();
  await server.stop('SIGTERM');
  assert.ok(Date.now() - began < 5000);
  const { code, stderr } = await deploying;
  assert.equal(code, 5, stderr);
  assert.match(stderr, /Overloaded: .*deploy again when it is back/);
  await becomes('nothing is left', () => !isThere(keeper) && !isThere(starter));
});
