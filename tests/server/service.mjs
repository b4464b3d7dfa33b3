/*
 * The server as the unit has it run: with the calls alone that its SystemCallFilter names, where any
 * other fails with EPERM. What a group of systemd has differs between its versions, so the unit may
 * use none but @system-service, and of that no more than the oldest systemd has that we install on.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, build, guest, newFolder, until } from '../support/cordon.mjs';

const unit = readFileSync('packaging/cordon.service.in', 'utf8');
const committed = readFileSync('tests/support/system-service', 'utf8').replace(/^#.*\n/gm, '').split(/\s+/).filter((name) => name !== '');
const words = [...unit.matchAll(/^SystemCallFilter=(.*)$/gm)].flatMap(([, list]) => list.split(' '));
const [, code] = unit.match(/^SystemCallErrorNumber=(.*)$/m);
const folder = newFolder();
const events = (server, event) => server.log.split('\n').filter((text) => text.includes(`"event":"${event}"`)).map((text) => JSON.parse(text));

/* A server that may call what is in this list. */
function under(calls, given = {}) {
  const [list, config] = ['calls', 'config.json'].map((name) => join(folder, name));
  writeFileSync(list, calls.join('\n'));
  writeFileSync(config, JSON.stringify(given));
  /* LeakSanitizer, in a build that has it, looks by ptrace, which is in neither list. */
  const before = `export ASAN_OPTIONS=detect_leaks=0; set -- '${build}/tests/server/under_list' '${list}' ${constants.errno[code]} "$@"`;
  return Server.start({ flags: ['--config', config, '--production'], before });
}

test('the unit names calls one by one, but for @system-service', () => {
  assert.deepEqual(words.filter((word) => !/^[a-z0-9_]+$/.test(word)), ['@system-service']);
});

test('the list of @system-service is that of the systemd here, where it is as old', (t) => {
  const { stdout, error } = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
  if (error !== undefined || !stdout.startsWith('systemd 252 ')) return t.skip('there is no systemd 252 here');
  const expanded = (group) => spawnSync('systemd-analyze', ['syscall-filter', group], { encoding: 'utf8' }).stdout
    .split('\n').slice(1).map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((name) => (name.startsWith('@') ? expanded(name) : [name]));
  assert.deepEqual([...new Set(committed)].sort(), [...new Set(expanded('@system-service'))].sort());
});

test('under the list of the unit a server confines itself whole, compiles, commits, fetches keys and is ready', async () => {
  const server = await under([...committed, ...words.filter((word) => !word.startsWith('@'))], {
    audit_checkpoint_file: join(folder, 'checkpoints'),
    operator_listen: '127.0.0.1:0',
    auth_providers: [{ domain: 'https://a.invalid', applicationID: 'app', jwks: 'https://127.0.0.1:1/' }],
  });
  const [confined] = events(server, 'confined');
  assert.equal(confined.missing, undefined, server.log);
  assert.equal(confined.noNewPrivileges, 'yes');
  assert.equal(confined.seccomp, 'yes');
  await server.deploy(guest('basic'), guest('counter'));
  const echo = await server.post('/api/query', { path: 'basic:echo', args: { a: 1 } });
  assert.deepEqual(echo.body.value, { a: 1 }, JSON.stringify(echo.body));
  const added = await server.post('/api/mutation', { path: 'counter:add', args: {} });
  assert.equal(added.body.status, 'success', JSON.stringify(added.body));
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 200, () => server.log);
  await until(() => events(server, 'auth_keys_unfetched').length > 0, () => server.log);
  const [fetcher] = events(server, 'key_fetcher_confined');
  assert.equal(fetcher.missing, undefined, server.log);
  await server.stop('SIGTERM');
});

/* The twin: the test would see what the unit forgets. */
test('without what the unit names itself a server says that it could not confine itself', async () => {
  const server = await under(committed);
  const [confined] = events(server, 'confined');
  assert.match(confined.missing, /Landlock: .*seccomp: /);
  await server.kill();
});
