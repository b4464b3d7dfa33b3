/*
 * Programs that are started without standard streams: no file of ours gets their numbers, so that no
 * message lands in it, and what is said to a stream that is not there fails as ever.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, build, cordon, guest } from '../support/cordon.mjs';

const streams = (pid) => [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
const parentOf = (pid) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]);
function childrenOf(parent) {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      return parentOf(pid) === parent;
    } catch {
      return false; // it has ended
    }
  });
}

test('a server without stdin and stderr keeps its lock', async () => {
  const server = await Server.start({ before: 'exec 0<&- 2>&-' });
  const [stdin, , stderr] = streams(server.child.pid);
  assert.deepEqual([stdin, stderr], ['/dev/null', '/dev/null']);
  const [keeper] = childrenOf(server.child.pid);
  assert.deepEqual(streams(keeper), ['/dev/null', '/dev/null', '/dev/null']);
  await server.deploy(guest('basic'));
  const { status } = await server.post('/api/query', { path: 'basic:echo', args: {} });
  assert.equal(status, 200);
  assert.equal(readFileSync(join(server.data, 'lock'), 'utf8'), `${server.child.pid}\n`);
  await server.stop();
});

test('what is said to a stdout that is not there is missed', () => {
  const { status, stderr } = spawnSync('sh', ['-c', 'exec "$0" limits >&-', cordon], { encoding: 'utf8' });
  assert.equal(status, 5, stderr);
  assert.match(stderr, /cannot write to stdout/);
});

test('the programs that do nothing by hand have their streams, too', () => {
  for (const name of ['cordon-compile', 'cordon-fetch']) {
    const { status } = spawnSync('sh', ['-c', 'exec "$0" <&- >&- 2>&-', join(build, name)], { encoding: 'utf8' });
    assert.equal(status, 2, name);
  }
});
