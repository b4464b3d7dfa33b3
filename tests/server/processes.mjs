/* The processes of a server, and waiting for what becomes of them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/* Parent, state and process group of each process that there is. */
export function* processes() {
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

export const childrenOf = (pid) => [...processes()].filter(({ parent }) => parent === pid);
export const isThere = (pid) => [...processes()].some((process) => process.pid === pid && process.state !== 'Z');

export async function becomes(what, condition) {
  for (let turn = 0; turn < 1000; turn++) {
    if (condition()) return;
    await sleep(10);
  }
  assert.fail(`it never came that ${what}`);
}

/* The processes that compile for a server. */
export async function compilersOf(server) {
  const [keeper, ...more] = childrenOf(server.child.pid);
  assert.deepEqual(more, []);
  await becomes('the keeper has a starter', () => childrenOf(keeper.pid).length === 1);
  return { keeper: keeper.pid, starter: childrenOf(keeper.pid)[0].pid };
}

/* From now on a deploy waits. In this order, or the keeper would replace the starter. */
export async function stopCompilers(server) {
  const { keeper, starter } = await compilersOf(server);
  for (const pid of [keeper, starter]) {
    process.kill(pid, 'SIGSTOP');
    await becomes('it is stopped', () => [...processes()].some((one) => one.pid === pid && one.state === 'T'));
  }
  return { keeper, starter };
}

export function resumeCompilers({ keeper, starter }) {
  for (const pid of [starter, keeper]) process.kill(pid, 'SIGCONT');
}
