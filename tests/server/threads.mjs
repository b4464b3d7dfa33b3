/*
 * A server whose machine or service manager allows no more threads, from some moment on: those that
 * it has do all work, more slowly, and nothing that a client sends ends it. Where it can't have what
 * it needs from the beginning, it does not start.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, build, guest, newFolder, until } from '../support/cordon.mjs';
import { sanitized } from '../support/wall_clock.mjs';

const env = (more) => ({ LD_PRELOAD: join(build, 'tests/server/libno_threads.so'), ...more });

/* A sanitizer wants to be loaded first itself. */
test('without more threads, short calls, long texts and what computes are answered', { skip: sanitized }, async () => {
  const file = join(newFolder(), 'none');
  const server = await Server.start({ env: env({ CORDON_TEST_NO_THREADS: file }) });
  await server.deploy(guest('basic'), guest('spin'));
  writeFileSync(file, '');
  const of = async (path, args) => {
    const { status, body } = await server.post('/api/query', { path, args });
    assert.equal(status, 200, JSON.stringify(body).slice(0, 200));
    return body.value;
  };
  const long = { a: 'x'.repeat(3000000) };
  const all = await Promise.all([
    of('basic:echo', { a: 1 }), of('basic:echo', long), of('basic:echo', long), of('spin:rounds', { n: 100000000 }), of('spin:rounds', { n: 100000000 }),
  ]);
  assert.deepEqual(all, [{ a: 1 }, long, long, 0, 0]);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  await server.stop();
});

test('with too few threads a server does not start, and says why; with enough it has settings read again', { skip: sanitized }, async () => {
  const config = join(newFolder(), 'config.json');
  const settings = (more) => writeFileSync(config, JSON.stringify({ loops: 1, ...more }));
  settings({});
  let server;
  for (let threads = 0; server === undefined; threads++) {
    assert.ok(threads < 30, 'thirty threads are enough');
    server = await Server.start({ flags: ['--config', config], env: env({ CORDON_TEST_THREADS: `${threads}` }) }).catch(({ message }) => {
      assert.match(message, /^serve ended with 5: .*could not be started: .*more threads/s);
    });
  }
  settings({ idle_timeout_ms: 1234 });
  server.child.kill('SIGHUP');
  await until(() => /"event":"settings","changed":".*1234/.test(server.log), () => server.log);
  await server.stop();
});
