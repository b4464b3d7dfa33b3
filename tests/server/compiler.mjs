/*
 * A server whose processes of cordon-compile are killed or stopped: what is deployed goes on, a
 * deploy is answered, the log says once what happened, and nothing is left over.
 *
 *   cordon serve ── keeper ── starter ── workers
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, guest, run } from '../support/cordon.mjs';

/* Parent, state and process group of each process that there is. */
function* processes() {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [state, parent] = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
      yield { pid: Number(name), state, parent: Number(parent) };
    } catch {
      /* it ended meanwhile */
    }
  }
}

const childrenOf = (pid) => [...processes()].filter(({ parent }) => parent === pid);
const isThere = (pid) => [...processes()].some((process) => process.pid === pid && process.state !== 'Z');

async function becomes(what, condition) {
  for (let turn = 0; turn < 1000; turn++) {
    if (condition()) return;
    await sleep(10);
  }
  assert.fail(`it never came that ${what}`);
}

async function find(server) {
  const [keeper, ...more] = childrenOf(server.child.pid);
  assert.deepEqual(more, []);
  await becomes('the keeper has a starter', () => childrenOf(keeper.pid).length === 1);
  return { keeper: keeper.pid, starter: childrenOf(keeper.pid)[0].pid };
}

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
  const { keeper, starter } = await find(server);
  process.kill(starter, 'SIGKILL');
  await becomes('the log says so', () => lines(server, 'compile_starter_replaced').length === 1);
  assert.match(server.log, /died \(signal 9\) and was started again/);
  await server.deploy(guest('logs'));
  const after = await find(server);
  assert.equal(after.keeper, keeper);
  assert.notEqual(after.starter, starter);
  await server.stop('SIGTERM');
  assert.equal(isThere(keeper) || isThere(after.starter), false);
});

test('without the keeper deploys are refused with what to do, and the rest goes on', async () => {
  const server = await Server.start();
  await server.deploy(guest('basic'));
  const { keeper, starter } = await find(server);
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
  const { keeper, starter } = await find(server);
  for (const pid of [keeper, starter]) { /* in this order, or the keeper replaces the starter */
    process.kill(pid, 'SIGSTOP');
    await becomes('it is stopped', () => [...processes()].some((one) => one.pid === pid && one.state === 'T'));
  }
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
