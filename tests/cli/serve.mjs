/*
 * `serve`, `deploy`, `call` and `keygen`: a server from its start to its end, what is said when it
 * cannot start, and the commands that speak to it.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, guest, newFolder, parseOne, run } from '../support/cordon.mjs';

const withKey = (key) => ({ env: { CORDON_ADMIN_KEY: key } });

describe('a server', () => {
  let server;
  let key;
  before(async () => {
    server = await Server.start();
    key = await server.key();
  });

  test('says where it is as soon as it answers', async () => {
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const response = await fetch(`${server.url}/version`);
    assert.equal(response.status, 200);
  });

  test('keygen: the key is the last word, the folder keeps no more than its hash', async () => {
    const { code, stdout } = await run(['keygen', 'admin', '--data', server.data]);
    assert.equal(code, 0);
    const fresh = stdout.trim().split(/\s+/).at(-1);
    assert.notEqual(fresh, key);
    const folder = join(server.data, 'keys.d');
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      assert.equal(statSync(path).mode & 0o777, 0o600, name);
      assert.ok(!readFileSync(path, 'utf8').includes(fresh));
      assert.ok(!readFileSync(path, 'utf8').includes(fresh.split('|').at(-1)));
    }
    const { code: deployed, stderr } = await run(['deploy', '--url', server.url, guest('basic')], withKey(fresh));
    assert.equal(deployed, 0, stderr);
  });

  test('keygen: a folder that no server has used is told, as its name may be a slip', async () => {
    const base = newFolder();
    const keygen = (data) => run(['keygen', 'admin', '--data', data]);
    for (const data of [join(base, 'cordn-data'), base]) {
      const { code, stdout, stderr } = await keygen(data);
      assert.equal(code, 0);
      assert.match(stdout, /^Admin key for .*: default\|[0-9a-f]{64}\n$/);
      assert.ok(stderr.startsWith(`cordon: warning: no server has used the data folder '${data}' yet\n`), stderr);
    }
    assert.equal((await keygen(server.data)).stderr, '');
    const later = await Server.start({ data: join(base, 'cordn-data') });
    const made = readdirSync(join(base, 'cordn-data', 'keys.d'));
    assert.equal(made.length, 1, 'the key is still there');
    assert.equal((await keygen(later.data)).stderr, '');
    await later.stop();
    assert.equal((await keygen(later.data)).stderr, '', 'a store that nobody has open');
  });

  test('deploy prints a table, or JSON', async () => {
    const words = ['deploy', '--url', server.url, guest('basic'), guest('logs')];
    const { code, stdout, stderr } = await run(words, withKey(key));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^basic\.wasm: \d+ bytes/m);
    assert.match(stdout, /^logs\.wasm: \d+ bytes/m);
    assert.match(stdout, /^ {2}basic:hidden +query +internal$/m);
    const json = await run([...words, '--format', 'json', '--admin-key', key]);
    assert.equal(json.code, 0, json.stderr);
    assert.deepEqual(parseOne(json.stdout).modules.map(({ name }) => name), ['basic.wasm', 'logs.wasm']);
  });

  test('call: public functions, and with a key internal ones', async () => {
    await server.deploy(guest('basic'), guest('logs'));
    const call = (words, options) => run(['call', '--url', server.url, ...words], options);
    assert.deepEqual(await call(['basic:echo', '{"a":[1,"x"]}']), { code: 0, signal: null, stdout: '{"a":[1,"x"]}\n', stderr: '' });
    assert.equal((await call(['nested/folder/basic:echo', '{"a":1}'])).stdout, '{"a":1}\n');
    assert.equal((await call(['basic', '{"a":1}'])).stdout, '{"a":1}\n');
    const hidden = await call(['basic:hidden']);
    assert.equal(hidden.code, 1);
    assert.equal(hidden.stdout, '');
    assert.match(hidden.stderr, /Could not find/);
    assert.equal((await call(['basic:hidden'], withKey(key))).stdout, '{}\n');
    assert.equal((await call(['basic:echo_action', '{"a":1}'], withKey(key))).stdout, '{"a":1}\n');
  });

  test('call: errors, data and log lines', async () => {
    const failed = await run(['call', '--url', server.url, 'basic:fail']);
    assert.equal(failed.code, 1);
    assert.equal(failed.stdout, '');
    assert.match(failed.stderr, /refused by the guest[^]*\n {2}data \{.*"code":7/);
    const logged = await run(['call', '--url', server.url, 'logs:levels']);
    assert.match(logged.stderr, /^\[INFO\] x\n\[DEBUG\] one two\n/);
    const json = await run(['call', '--url', server.url, '--format', 'json', 'basic:fail']);
    assert.equal(json.code, 1);
    assert.deepEqual(parseOne(json.stdout).errorData, { code: 7, why: ['x', null] });
  });

  test('a refused module leaves what was deployed', async () => {
    await server.deploy(guest('basic'));
    for (const modules of [[guest('refused_bad_kind')], [guest('logs'), guest('refused_unknown_import')], [guest('basic'), guest('basic')]]) {
      const { code, stdout, stderr } = await run(['deploy', '--url', server.url, ...modules], withKey(key));
      assert.equal(code, 4, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^cordon: ModuleRefused: \S/);
      assert.equal((await run(['call', '--url', server.url, 'basic:echo', '{"a":1}'])).code, 0);
    }
  });

  test('a deploy replaces the whole set', async () => {
    await server.deploy(guest('basic'));
    await server.deploy(guest('logs'));
    assert.equal((await run(['call', '--url', server.url, 'logs:lines', '{"n":1}'])).code, 0);
    assert.equal((await run(['call', '--url', server.url, 'basic:echo'])).code, 1);
  });

  test('a key that is not accepted', async () => {
    for (const wrong of ['nonsense', `${key}x`, key.slice(0, -1)]) {
      const { code, stderr } = await run(['deploy', '--url', server.url, guest('basic')], withKey(wrong));
      assert.equal(code, 2, stderr);
      assert.equal(stderr.split('cordon keygen admin').length, 2, `said once: ${stderr}`);
      assert.match(stderr, /^cordon: BadAdminKey: The admin key is not accepted\./);
    }
  });

  test('its data folder is in use', async () => {
    const { code, stdout, stderr } = await run(['run', '--data', server.data, guest('basic'), 'basic:echo']);
    assert.equal(code, 5);
    assert.equal(stdout, '');
    assert.match(stderr, /in use/);
    const second = await run(['serve', '--listen', '127.0.0.1:0', '--data', server.data]);
    assert.equal(second.code, 5);
    assert.match(second.stderr, /in use/);
  });

  test('its port is in use', async () => {
    const { code, stderr } = await run(['serve', '--listen', server.url.slice(7), '--data', newFolder()]);
    assert.equal(code, 5);
    assert.match(stderr, /in use/);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });

  test('writes one line for each run', async () => {
    await server.deploy(guest('basic'));
    await run(['call', '--url', server.url, 'basic:echo']);
    await server.stop();
    const lines = server.log.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(lines.some((line) => JSON.stringify(line).includes('basic:echo')), server.log);
  });
});

describe('a stop', () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    test(`${signal} ends it well, and what was written is there again`, async () => {
      const server = await Server.start();
      await server.deploy(guest('documents'));
      assert.equal((await run(['call', '--url', server.url, 'documents:insert', '{"n":3}'])).code, 0);
      await server.stop(signal);
      const again = await Server.start({ data: server.data });
      const { stdout } = await run(['call', '--url', again.url, 'documents:read', '{"n":3}']);
      assert.equal(JSON.parse(stdout).done, false);
      await again.stop(signal);
    });
  }
  test('an answer under way is still given', async () => {
    const server = await Server.start();
    await server.deploy(guest('spin'));
    const answer = run(['call', '--url', server.url, 'spin:rounds', '{"n":300000000}']);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await server.stop();
    assert.equal((await answer).code, 0);
  });
  test('no server: what to type', async () => {
    const server = await Server.start();
    await server.stop();
    for (const words of [['call', 'a:b'], ['deploy', '--admin-key', 'k', guest('basic')]]) {
      const { code, stdout, stderr } = await run([...words, '--url', server.url]);
      assert.equal(code, 5);
      assert.equal(stdout, '');
      assert.match(stderr, /no server answers at http:\/\/127\.0\.0\.1:\d+[^]*`cordon serve`/);
    }
  });
  test('a server without TLS, asked by https', async () => {
    const server = await Server.start();
    const url = server.url.replace('http:', 'https:');
    for (const words of [['call', 'a:b'], ['deploy', '--admin-key', 'k', guest('basic')]]) {
      const { code, stdout, stderr } = await run([...words, '--url', url]);
      assert.equal(code, 5);
      assert.equal(stdout, '');
      assert.equal(stderr, `cordon: what answers at ${url} does not speak TLS\n  A Cordon server itself speaks plain HTTP: name it by http:// with --url.\n`);
    }
    await server.stop();
  });
  for (const [status, says] of [
    ['301 Moved Permanently', /HTTP status 301\n {2}It redirects, which is not followed: name the server itself with --url/],
    ['403 Forbidden', /HTTP status 403\n {2}Is that a Cordon server\? Name another one with --url/],
    ['502 Bad Gateway', /HTTP status 502\n {2}Is that a Cordon server\? What stands before it/],
  ]) {
    test(`something else answers ${status}`, async () => {
      const other = createServer((socket) => socket.on('data', () => socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nno`)));
      await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { stderr } = await run(['call', 'a:b', '--url', `http://127.0.0.1:${other.address().port}`]);
      other.close();
      assert.match(stderr, says);
    });
  }
  test('something else answers there', async () => {
    const other = createServer((socket) => socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')));
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    after(() => other.close());
    const url = `http://127.0.0.1:${other.address().port}`;
    const { code, stderr } = await run(['call', 'a:b', '--url', url]);
    assert.equal(code, 5);
    assert.match(stderr, /is that a Cordon server\?/);
  });
});

describe("the operator's socket", () => {
  const withSocket = async (path) => {
    const config = join(newFolder(), 'config.json');
    writeFileSync(config, JSON.stringify({ operator_listen: `unix:${path}`, listen: '127.0.0.1:0' }));
    return ['serve', '--config', config, '--data', newFolder()];
  };
  test('never replaces a file', async () => {
    const path = join(newFolder(), 'precious.txt');
    writeFileSync(path, 'precious');
    const { code, stderr } = await run(await withSocket(path));
    assert.equal(code, 5);
    assert.match(stderr, /no socket; name another/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });
  test('never takes over that of a server that runs', async () => {
    const first = await Server.start();
    const path = join(first.data, 'operator.sock');
    const { code, stderr } = await run(await withSocket(path));
    assert.equal(code, 5);
    assert.match(stderr, /another server uses/);
    assert.ok(existsSync(path));
    await first.stop();
  });
});

describe('the config file', () => {
  const folder = newFolder();
  const write = (text) => {
    const path = join(folder, `config-${readdirSync(folder).length}.json`);
    writeFileSync(path, typeof text === 'string' ? text : JSON.stringify(text));
    return path;
  };

  test('every key', async () => {
    const socket = join(folder, 'op.sock');
    const config = write({
      listen: '127.0.0.1:1', // the flag goes before it
      data: '/dev/null/never', // and this too
      operator_listen: `unix:${socket}`,
      loops: 1,
      host_names: ['app.example.org'],
      limits: { fuel: 1000000 },
      permits: 2,
      slots: 10,
      connections_max: 100,
      memory_bytes: 1073741824,
      production: true,
      request_timeout_ms: 20000,
      idle_timeout_ms: 20000,
      write_timeout_ms: 20000,
    });
    const server = await Server.start({ flags: ['--config', config] });
    assert.ok(existsSync(socket));
    await server.deploy(guest('spin'), guest('basic'));
    /* In production details are hidden, and the limit is the operator's. */
    const { body } = await server.post('/api/query', { path: 'spin:query', args: {} });
    assert.equal(body.status, 'error');
    assert.doesNotMatch(body.errorMessage, /1000000/);
    const named = await server.post('/api/query', { path: 'basic:echo', args: {} });
    assert.equal(named.body.status, 'success');
    await server.stop();
  });

  for (const [text, says] of [
    ['{"lisen": "127.0.0.1:0"}', /no setting "lisen"; did you mean "listen"\?/],
    ['{"frobnicate": 1}', /no setting "frobnicate"; the settings are: listen, data, .*audit_checkpoint_file.*\n`cordon serve --help` says more/],
    ['{"fro\\u0000b": 1}', /no setting "fro\\x00b"; the settings are: /],
    ['{"limits": {"frobnicate": 1}}', /no limit "frobnicate"; the limits are: user_time_ms, /],
    ['{"limits": {"feul": 1}}', /no limit "feul"; did you mean "fuel"\?/],
    ['{"limits": {"fuel": -1}}', /limit "fuel" must be a whole number/],
    ['{"limits": {"fuel": 1, "fuel": 2}}', /"fuel" stands there twice/],
    ['{"data": "x", "data": "y"}', /"data" stands there twice/],
    ['{"loops": 0}', /"loops" must be a whole number/],
    ['{"loops": "2"}', /"loops" must be a whole number/],
    ['{"permits": 4294967296}', /"permits" must be/],
    ['{"idle_timeout_ms": 10}', /"idle_timeout_ms" must be a whole number of milliseconds from 250 to 86400000/],
    ['{"listen": ""}', /"listen" must be a text/],
    ['{"data": "a\\u0000b"}', /"data" must be a text/],
    ['{"host_names": "app"}', /"host_names" must be a list/],
    ['{"host_names": [1]}', /"host_names" must be a list/],
    ['{"host_names": ["b.test:80"]}', /'b\.test:80' of `host_names` is no host name: leave the port out/],
    ['{"host_names": ["HTTPS://c.test"]}', /no host name: leave the scheme out/],
    ['{"host_names": [" e.test"]}', /no host name: it has a space/],
    ['{"host_names": ["[::1"]}', /no host name: /],
    ['{"limits": {"fuel": 0}}', /the limit "fuel" must be at least 1, or no function could run at all/],
    ['{"limits": {"memory_bytes": 1}}', /the limit "memory_bytes" must be at least 65536/],
    ['{"production": "yes"}', /"production" must be true or false/],
    ['[]', /one JSON object/],
    ['{"listen": "x",}', /line 1, column \d+/],
    ['', /line 1|empty|JSON/],
  ]) {
    test(`${text} is refused`, async () => {
      const { code, stdout, stderr } = await run(['serve', '--config', write(text), '--data', newFolder()]);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, says);
    });
  }
  test('a missing file', async () => {
    const { code, stderr } = await run(['serve', '--config', join(folder, 'none.json')]);
    assert.equal(code, 2);
    assert.match(stderr, /cannot open/);
  });
});

describe('starting where it should not', () => {
  for (const listen of ['nonsense', '127.0.0.1', '127.0.0.1:99999', '127.0.0.1:-1', '999.0.0.1:80', ':::', '127.0.0.1: 3415', '127.0.0.1:+3415', '127.0.0.1:']) {
    test(`--listen ${listen}`, async () => {
      const { code, stdout, stderr } = await run(['serve', '--listen', listen, '--data', newFolder()]);
      assert.ok(code === 2 || code === 5, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^cordon: [A-Z]/);
      assert.doesNotMatch(stderr, /warning/);
    });
  }
  for (const listen of ['0.0.0.0:0', '[::]:0']) {
    test(`${listen} without --production`, async () => {
      const { code, stdout, stderr } = await run(['serve', '--listen', listen, '--data', newFolder()]);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.ok(stderr.includes(`${listen} can be reached from outside`) && /--production, or --insecure-dev/.test(stderr), stderr);
    });
  }
  for (const flag of ['--production', '--insecure-dev']) {
    test(`0.0.0.0 with ${flag}`, async () => {
      const server = await Server.start({ flags: ['--listen', '0.0.0.0:0', flag] });
      assert.equal((await fetch(`${server.url}/version`)).status, 200);
      await server.stop();
    });
  }
  test('without a compile worker', async () => {
    const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--data', newFolder()], {
      env: { CORDON_COMPILE_WORKER: '/nonexistent/cordon-compile' },
    });
    assert.equal(code, 5);
    assert.match(stderr, /cordon-compile/);
  });
  test('a data folder that may not be written', { skip: process.getuid() === 0 && 'root may' }, async () => {
    const data = newFolder();
    chmodSync(data, 0o500);
    const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--data', data]);
    assert.equal(code, 5);
    assert.match(stderr, /^cordon: System: .*Permission denied; run as its owner or choose another folder/);
  });
  for (const [what, path, says] of [
    ['a folder that is in none', (folder) => join(folder, 'none', 'data'), /cannot make the data folder '.*': No such file or directory; make the folder above it first, or choose another folder\n$/],
    ['a file', (folder) => join(folder, 'file'), /cannot open the data folder '.*': Not a directory; a part of its path is a file: choose another folder\n$/],
    ['in a file', (folder) => join(folder, 'file', 'data'), /cannot make the data folder '.*': Not a directory; a part of its path is a file: choose another folder\n$/],
    ['a name that is too long', (folder) => join(folder, 'x'.repeat(300)), /File name too long; choose another folder\n$/],
  ]) {
    test(`--data is ${what}`, async () => {
      const folder = newFolder();
      writeFileSync(join(folder, 'file'), '');
      for (const words of [['serve', '--listen', '127.0.0.1:0'], ['run', guest('basic'), 'basic:echo']]) {
        const { code, stdout, stderr } = await run([...words, '--data', path(folder)]);
        assert.equal(code, 5, stderr);
        assert.equal(stdout, '');
        assert.match(stderr, says);
      }
    });
  }
});
