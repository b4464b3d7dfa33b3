/*
 * `cordon tenant` and what else is done about a tenant by its name: what is refused and what is told,
 * with a server in the folder, with one that listens for the operator elsewhere, and with none.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, example, freePort, newFolder, run } from '../support/cordon.mjs';
import { Signer } from '../support/signer.mjs';
import { askOperator, callFunction, deployTo, listed, makeTenant } from '../server/hosts.mjs';

const lastWord = ({ stdout }) => stdout.trim().split(/\s+/).at(-1);
const keysOf = async (data) => {
  const { code, stdout, stderr } = await run(['key', 'list', '--format', 'json', '--data', data]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).map(({ tenant }) => tenant).sort();
};
const good = async (...words) => {
  const done = await run(words);
  assert.equal(done.code, 0, done.stderr);
  return done;
};
const refused = async (words, ...command) => {
  const { code, stdout, stderr } = await run(command);
  assert.equal(code, 2, stderr);
  assert.match(stderr, words);
  assert.equal(stdout, '');
};

describe('a key of a tenant', () => {
  let server;
  before(async () => (server = await Server.start()));
  after(() => server.stop().catch(() => {}));

  const noTenant = /there is no tenant 'nosuch'.*cordon tenant create/s;

  test('is refused where a server says that there is none of that name', async () => {
    await refused(noTenant, 'keygen', 'admin', '--tenant', 'nosuch', '--data', server.data);
    assert.deepEqual(await keysOf(server.data), []);
    await good('keygen', 'admin', '--tenant', 'default', '--data', server.data);
  });

  test('that was made before it opens nothing of it', async () => {
    const early = newFolder();
    const { stdout, stderr } = await good('keygen', 'admin', '--tenant', 'late', '--data', early);
    assert.match(stderr, /no server has used the data folder/);
    assert.match(stderr, /`cordon tenant create late` begins with no keys/);
    const late = await Server.start({ data: early });
    await good('tenant', 'create', 'late', '--host', 'late.test', '--data', early);
    assert.deepEqual(await keysOf(early), []);
    assert.equal((await deployTo(late, 'late.test', example('messages_c'), lastWord({ stdout }))).status, 401);
    await late.stop();
  });

  test('is refused by a folder that no server uses, too; and a tenant made there begins with none', async () => {
    await server.stop();
    const place = ['--data', server.data];
    await refused(noTenant, 'keygen', 'admin', '--tenant', 'nosuch', ...place);
    const keys = join(server.data, 'keys.d');
    writeFileSync(join(keys, 'admin-x'), `cordon admin key 2 sha256 ${'0'.repeat(64)}\ntenant made\nmade 1\n`, { mode: 0o600 });
    assert.deepEqual(await keysOf(server.data), ['default', 'made']);
    await good('tenant', 'create', 'made', ...place);
    assert.deepEqual(await keysOf(server.data), ['default']);
    await good('keygen', 'admin', '--tenant', 'made', ...place);
  });
});

describe('where the operator comes by an address', () => {
  let server;
  let url;
  let env;
  before(async () => {
    const port = await freePort();
    const config = join(newFolder(), 'config.json');
    writeFileSync(config, JSON.stringify({ operator_listen: `127.0.0.1:${port}` }));
    server = await Server.start({ flags: ['--config', config] });
    url = `http://127.0.0.1:${port}`;
    env = { CORDON_OPERATOR_KEY: lastWord(await good('keygen', 'operator', '--data', server.data)) };
  });
  after(() => server.stop());

  test('who names the folder is told of the address, and of the key', async () => {
    for (const words of [['tenant', 'list'], ['audit', 'show'], ['audit', 'prune', '--before', '1']]) {
      const { code, stderr } = await run([...words, '--data', server.data]);
      if (words[1] === 'show' && code === 0) continue; // reads beside the server
      assert.notEqual(code, 0);
      assert.match(stderr, /in use by process \d+/);
      assert.match(stderr, /--url/);
      assert.match(stderr, /CORDON_OPERATOR_KEY/);
      assert.doesNotMatch(stderr, /choose another folder/);
    }
    const { code } = await run(['tenant', 'list', '--url', url], { env });
    assert.equal(code, 0);
  });

  test('a key of a tenant that may not be there is made with a warning', async () => {
    const { stderr } = await good('keygen', 'admin', '--tenant', 'nosuch', '--data', server.data);
    assert.match(stderr, /whether there is a tenant 'nosuch' can't be told/);
  });

  test('a refused key says which variable has it', async () => {
    const { code, stderr } = await run(['tenant', 'list', '--url', url]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /BadOperatorKey/);
    assert.match(stderr, /\$CORDON_OPERATOR_KEY/);
    assert.match((await good('tenant', '--help')).stdout, /\$CORDON_OPERATOR_KEY/);
  });
});

describe('cordon tenant change', () => {
  let server;
  let place;
  before(async () => {
    server = await Server.start();
    place = ['--data', server.data];
    await makeTenant(server, 'acme', '--limit', 'fuel=5000000', '--limit', 'tenant_bytes=2000', '--weight', '200');
  });
  after(() => server.stop().catch(() => {}));

  const is = async (hosts, limits, weight) => {
    const now = await listed(server, 'acme');
    assert.deepEqual([now.hosts, now.limits, now.weight], [hosts, limits, weight]);
  };

  test('sets the limit that is named, and says what holds', async () => {
    const { stderr } = await good('tenant', 'change', 'acme', '--limit', 'fuel=6000000', ...place);
    assert.match(stderr, /The tenant acme was changed: {2}acme\.test {2}fuel=6000000 {2}tenant_bytes=2000 {2}weight=200\n/);
    await is(['acme.test'], { fuel: 6000000, tenant_bytes: 2000 }, 200);
  });

  test('takes the limit away whose default is asked for', async () => {
    await good('tenant', 'change', 'acme', '--limit', 'fuel=default', '--limit', 'log_lines=5', ...place);
    await is(['acme.test'], { log_lines: 5, tenant_bytes: 2000 }, 200);
    await good('tenant', 'change', 'acme', '--limit', 'tenant_bytes=default', '--limit', 'log_lines=default', '--weight', '100', ...place);
    await is(['acme.test'], {}, 100);
  });

  test('gives all the hosts that are named in place of those before, and takes all away', async () => {
    await good('tenant', 'change', 'acme', '--host', 'a.test', '--host', 'b.test', ...place);
    await is(['a.test', 'b.test'], {}, 100);
    const { stderr } = await good('tenant', 'change', 'acme', '--no-hosts', ...place);
    assert.match(stderr, /The tenant acme was changed: {2}- {2}weight=100\n/);
    await is([], {}, 100);
    await refused(/--host or --no-hosts/, 'tenant', 'change', 'acme', '--host', 'a.test', '--no-hosts', ...place);
  });

  test('with nothing to change is refused', async () => {
    await refused(/takes what is to be changed: --host/, 'tenant', 'change', 'acme', ...place);
    await refused(/`cordon tenant create` takes .*default/, 'tenant', 'create', 'other', '--limit', 'fuel=default', ...place);
    await refused(/`cordon tenant create` takes .*--no-hosts/, 'tenant', 'create', 'other', '--no-hosts', ...place);
    await refused(/a plain decimal number/, 'run', 'x.wasm', 'a:b', '--limit', 'fuel=default');
  });

  test('by JSON `limits` replaces all as before, and `set_limits` some', async () => {
    const ask = async (body) => {
      const { status, text } = await askOperator(server, '/tenants/change', { name: 'acme', ...body });
      assert.equal(status, 200, text);
    };
    await ask({ limits: { fuel: 1000, log_lines: 5 }, hosts: ['c.test'] });
    await ask({ set_limits: { fuel: null, tenant_bytes: 7000 } });
    await is(['c.test'], { log_lines: 5, tenant_bytes: 7000 }, 100);
    await ask({ limits: {} });
    await is(['c.test'], {}, 100);
    for (const body of [{ set_limits: [] }, { set_limits: { fuel: 'x' } }, { set_limits: { fuel: 1 }, limits: {} }]) {
      assert.equal((await askOperator(server, '/tenants/change', { name: 'acme', ...body })).status, 400, JSON.stringify(body));
    }
    assert.equal((await askOperator(server, '/tenants/create', { name: 'more', set_limits: { fuel: 1 } })).status, 400);
  });

  test('is told of a limit over that of the server, which holds', async () => {
    const { stderr } = await good('tenant', 'change', 'acme', '--limit', 'fuel=999999999999999', ...place);
    assert.match(stderr, /warning: the limit fuel=999999999999999 is above the server's, and changes nothing: 100000000000 /);
    await refused(/the limit 'fuel' must be at least 1/, 'tenant', 'change', 'acme', '--limit', 'fuel=0', ...place);
    await refused(/the limit 'memory_bytes' must be at least 65536/, 'tenant', 'change', 'acme', '--limit', 'memory_bytes=1', ...place);
    await good('tenant', 'change', 'acme', '--limit', 'fuel=default', '--limit', 'log_lines=0', ...place);
    await is(['c.test'], { log_lines: 0 }, 100);
  });

  test('does the same in a folder that no server uses', async () => {
    await server.stop();
    const { stderr } = await good('tenant', 'change', 'acme', '--limit', 'fuel=6000000', '--no-hosts', ...place);
    assert.match(stderr, /The tenant acme was changed: {2}- {2}fuel=6000000 {2}log_lines=0 {2}weight=100\n/);
  });
});

test('cordon tenant list shows bytes, and the hosts of the default tenant', async () => {
  const config = join(newFolder(), 'config.json');
  writeFileSync(config, JSON.stringify({ host_names: ['App.Example.com', 'www.example.com'] }));
  const server = await Server.start({ flags: ['--config', config] });
  const key = await makeTenant(server, 'acme', '--limit', 'tenant_bytes=100000');
  assert.equal((await deployTo(server, 'acme.test', example('messages_c'), key)).status, 200);
  assert.equal((await callFunction(server, 'acme.test', 'mutation', 'messages:send', { author: 'a', body: 'x'.repeat(1000) })).status, 'success');
  const { stdout } = await good('tenant', 'list', '--data', server.data);
  assert.match(stdout, /^default {2}app\.example\.com,www\.example\.com\n/);
  assert.match(stdout, /^acme {2}acme\.test {2}tenant_bytes=100000 {2}dataBytes=1\d{3}\n/m);
  assert.deepEqual((await listed(server, 'default')).hosts, ['app.example.com', 'www.example.com']);
  await server.stop();
});

test('an import of more than tenant_bytes allows is TenantFull, as a mutation is', async () => {
  const server = await Server.start();
  const key = await makeTenant(server, 'acme', '--limit', 'tenant_bytes=1000');
  assert.equal((await deployTo(server, 'acme.test', example('messages_c'), key)).status, 200);
  const file = join(newFolder(), 'messages.jsonl');
  writeFileSync(file, `${JSON.stringify({ author: 'a', body: 'x'.repeat(2000) })}\n`);
  await server.stop();
  const { code, stderr } = await run(['import', '--table', 'messages', file, '--tenant', 'acme', '--data', server.data]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /TenantFull: all documents, .* and `tenant_bytes` allows 1000;/);
});

test('a provider of a tenant that there is not is told in one line of the log', async () => {
  const signer = new Signer();
  const keys = join(newFolder(), 'jwks.json');
  const config = join(newFolder(), 'config.json');
  signer.writeKeySet(keys);
  writeFileSync(config, JSON.stringify({ auth_providers: [signer.provider(keys), { ...signer.provider(keys), tenant: 'nosuch' }] }));
  const server = await Server.start({ flags: ['--config', config] });
  await server.stop();
  const told = server.log.split('\n').filter((line) => line.includes('auth_provider_without_tenant'));
  assert.equal(told.length, 1, server.log);
  assert.equal(JSON.parse(told[0]).tenant, 'nosuch');
});

describe('words for who types a command', () => {
  const data = newFolder();
  before(async () => (await Server.start({ data })).stop());

  test('a tenant that is not there is looked up by a command', async () => {
    const { code, stderr } = await run(['env', 'set', 'A=1', '--tenant', 'nope', '--data', data]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /there is no tenant 'nope'; see `cordon tenant list` for those that there are/);
  });

  test('keys of no folder are not listed, nor revoked', async () => {
    for (const words of [['list'], ['revoke', '--tenant', 'acme'], ['revoke', '0123456789abcdef']]) {
      await refused(/there is no data folder '.*nofolder'/, 'key', ...words, '--data', join(data, 'nofolder'));
    }
    const empty = join(data, 'empty');
    mkdirSync(empty);
    await refused(/there is no data folder|no store/, 'key', 'list', '--data', empty);
  });
});
