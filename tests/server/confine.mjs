/*
 * A server gives up what it does not need before it serves, in all of its threads, and says so; what it
 * does need goes on. What a confined process can no longer do is tests/unit/test_confine.c's. All other
 * tests of servers run confined too.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, guest, newFolder } from '../support/cordon.mjs';
import { sanitized } from '../support/wall_clock.mjs';

const build = process.env.CORDON_BUILD_DIR ?? 'build';

/* What the kernel says of each thread. */
function threads({ child: { pid } }) {
  return readdirSync(`/proc/${pid}/task`).map((task) => {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    const [, privileges] = status.match(/^NoNewPrivs:\t(\d)$/m);
    const [, seccomp] = status.match(/^Seccomp:\t(\d)$/m);
    return `${privileges}${seccomp}`;
  });
}

/* Landlock's version that can hold back all that there is to be. */
const WHOLE = 6;

const line = ({ log }) => log.split('\n').filter((text) => text.includes('"event":"confined"')).map((text) => JSON.parse(text));

function settings(given) {
  const file = join(newFolder(), 'config.json');
  writeFileSync(file, JSON.stringify(given));
  return ['--config', file];
}

test('a server is confined before it says that it is ready', async () => {
  const server = await Server.start({ flags: settings({ loops: 3 }) });
  const now = threads(server);
  assert.ok(now.length >= 3, `${now.length} threads`);
  assert.deepEqual(new Set(now), new Set(['12']));
  const [said, ...more] = line(server);
  assert.deepEqual(more, []);
  assert.equal(said.noNewPrivileges, 'yes');
  assert.equal(said.seccomp, 'yes');
  assert.equal(said.level, said.landlockVersion >= WHOLE ? 'info' : 'warn');
  assert.equal(said.landlockVersion >= WHOLE, said.missing === undefined, JSON.stringify(said));

  /* It compiles, keeps artifacts, reads keys and answers; those it starts later are confined, too. */
  await server.deploy(guest('basic'));
  const { status, body } = await server.post('/api/query', { path: 'basic:echo', args: { a: 1 } });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(body.value, { a: 1 });
  assert.deepEqual(new Set(threads(server)), new Set(['12']));
  await server.stop();
});

test('what the kernel does not have is told, with a warning, and all else is applied', async () => {
  const without = join(build, 'tests/server/without_landlock');
  const server = await Server.start({ before: `set -- '${without}' "$@"` });
  const [said] = line(server);
  assert.equal(said.level, 'warn');
  assert.equal(said.missing, 'Landlock: this kernel has it not, or not switched on');
  assert.equal(said.landlockVersion, 0);
  assert.equal(said.noNewPrivileges, 'yes');
  assert.equal(said.seccomp, 'yes');
  assert.deepEqual(new Set(threads(server)), new Set(['12']));
  await server.deploy(guest('basic'));
  const { status } = await server.post('/api/query', { path: 'basic:echo', args: {} });
  assert.equal(status, 200);
  await server.stop();
});

/* A sanitizer wants to be loaded first itself. */
test('what an older Landlock cannot hold back is told, with a warning, and the rest is applied', { skip: sanitized }, async () => {
  const env = { LD_PRELOAD: join(build, 'tests/server/liblandlock_version.so'), CORDON_TEST_LANDLOCK: '3' };
  const server = await Server.start({ env });
  const [said] = line(server);
  assert.ok(said.landlockVersion <= 3, JSON.stringify(said));
  assert.equal(said.level, 'warn');
  if (said.landlockVersion === 3) assert.equal(said.missing, 'Landlock 3 of this kernel cannot hold back TCP, commands to devices, abstract sockets');
  await server.deploy(guest('basic'));
  const { status } = await server.post('/api/query', { path: 'basic:echo', args: {} });
  assert.equal(status, 200);
  await server.stop();
});

test('a server that is told so is not', async () => {
  const server = await Server.start({ flags: settings({ confine: false }) });
  assert.deepEqual(new Set(threads(server)), new Set(['00']));
  assert.deepEqual(line(server), []);
  await server.stop();
});

test('an operator socket and a file of checkpoints elsewhere still work, and the socket goes', async () => {
  const folder = newFolder();
  const server = await Server.start({
    flags: settings({
      operator_listen: `unix:${join(folder, 'operator.sock')}`,
      audit_checkpoint_file: join(folder, 'checkpoints'),
    }),
  });
  await server.deploy(guest('basic'));
  await server.stop();
  assert.deepEqual(readdirSync(folder), ['checkpoints']);
  assert.match(readFileSync(join(folder, 'checkpoints'), 'utf8'), /"kind":"checkpoint"/);
});
