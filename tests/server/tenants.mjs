/*
 * Many deployments of one server, told apart by host name: each has its own functions, documents,
 * variables, logs and limits, none reaches another's, and what one is given survives a restart.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, example, guest, newFolder, run, until } from '../support/cordon.mjs';
import { ask, askFunction, callFunction, deployTo as deployToHost, json, makeTenant } from './hosts.mjs';
import { resumeCompilers, stopCompilers } from './processes.mjs';
import { Wire, metric } from './wire.mjs';

describe('tenants of a server', () => {
  const data = newFolder();
  let server;
  const keys = {};
  const config = join(newFolder(), 'config.json');
  const checkpoints = `${config}.checkpoints`;
  const start = () => Server.start({ data, flags: ['--config', config] });
  const at = (host) => ({ port: Number(new URL(server.url).port), headers: { ...json, host } });
  const call = async (host, kind, path, args = {}) => {
    const { status, text } = await ask({ ...at(host), path: `/api/${kind}` }, { path, args, format: 'json' });
    assert.equal(status, 200, text);
    return JSON.parse(text);
  };
  const tenant = (...words) => run(['tenant', ...words, '--data', data]);
  const operator = (path, body, headers = json) => ask({ socketPath: join(data, 'operator.sock'), path, headers }, body);
  const deployTo = (host, module, key) => {
    const headers = { host, authorization: `Convex ${key}`, 'content-type': 'application/wasm' };
    return ask({ port: at(host).port, method: 'POST', path: '/api/cordon/deploy', headers }, readFileSync(module));
  };

  const asAdmin = (host, key, path, method = 'GET') =>
    ask({ port: at(host).port, method, path, headers: { host, authorization: `Convex ${key}` } });

  before(async () => {
    writeFileSync(config, JSON.stringify({ audit_interval_ms: 100, audit_checkpoint_file: checkpoints }));
    server = await start();
    keys.default = await server.key();
    await server.deploy(example('messages_rust'));
  });
  after(() => server?.stop());

  test('are made, and listed', async () => {
    const made = await tenant('create', 'acme', '--host', 'Acme.localhost.test', '--host', 'acme.example.com', '--limit', 'fuel=5000000');
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await tenant('create', 'zoo', '--host', 'zoo.example.com', '--weight', '200')).code, 0);
    const { stdout } = await tenant('list', '--format', 'json');
    const [usual, acme, zoo, ...others] = JSON.parse(stdout);
    assert.deepEqual(others, []);
    assert.deepEqual([usual.name, usual.number, usual.awake], ['default', 1, true]);
    assert.deepEqual(acme.hosts, ['acme.localhost.test', 'acme.example.com']);
    assert.deepEqual(acme.limits, { fuel: 5000000 });
    assert.deepEqual([zoo.name, zoo.number, zoo.awake, zoo.runs], ['zoo', 3, false, 0]);
    assert.match((await tenant('list')).stdout, /^default {2}-\nacme {2}acme\.localhost\.test,acme\.example\.com {2}fuel=5000000\nzoo {2}zoo\.example\.com {2}weight=200\n$/);
  });

  test('cannot have what is taken, or no name at all', async () => {
    const refused = async (words, ...flags) => {
      const { code, stderr } = await tenant(...flags);
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    };
    await refused(/there is a tenant 'acme' already/, 'create', 'acme');
    await refused(/there is a tenant 'default' already/, 'create', 'default');
    await refused(/'acme\.example\.com' is that of the tenant 'acme'/, 'create', 'other', '--host', 'acme.example.com');
    await refused(/stands there twice/, 'create', 'other', '--host', 'a.test', '--host', 'A.test');
    await refused(/is no name for a tenant/, 'create', 'Acme');
    await refused(/is no name for a tenant/, 'create', 'acme-');
    await refused(/is no name for a tenant/, 'create', '42');
    for (const [host, rule] of [
      ['localhost', /is this machine's own/], ['127.0.0.1', /is this machine's own/], ['a..b', /is empty/], ['', /is empty/], ['a.test.', /is empty/],
      ['a.test:80', /leave the port out/], ['https://a.test', /leave the scheme out/], ['a.test/x', /leave scheme and path out/],
      ['*.a.test', /no wildcards/], [' a.test', /has a space/], ['bücher.test', /xn--/], ['a_b.test', /letters, digits, hyphens and dots alone/],
      ['-a.test', /hyphen at an end/], [`${'a'.repeat(64)}.test`, /more than 63/], [`${'a.'.repeat(127)}test`, /more than 253/],
    ]) {
      await refused(new RegExp(`no host name for a tenant: .*${rule.source}`), 'create', 'other', '--host', host);
    }
    for (const [body, said] of [
      [{ name: 'other', hosts: ['a.test\0.b.test'] }, "'a.test\\x00.b.test' is no host name"],
      [{ name: 'a\0b' }, "'a\\x00b' is no name"],
      [{ name: `${'a'.repeat(79)}é\x1b[2J` }, `'${'a'.repeat(79)}é\\x1b[2J' is no name`],
      [{ name: 'other', limits: { 'fuel\0s': 1 } }, "no limit 'fuel\\x00s' of a tenant; did you mean 'fuel'?"],
      [{ name: 'other', limits: { '\u202eten': 1 } }, "no limit '\\xe2\\x80\\xaeten' of a tenant"],
    ]) {
      const strange = await operator('/tenants/create', body);
      assert.equal(strange.status, 400, strange.text);
      assert.ok(JSON.parse(strange.text).message.includes(said), strange.text);
    }
    await refused(/no limit 'module_bytes' of a tenant/, 'create', 'other', '--limit', 'module_bytes=1');
    await refused(/'other' is no name for a tenant, as metrics use it/, 'create', 'other');
    await refused(/'removed' is no name for a tenant, as metrics use it/, 'create', 'removed');
    await refused(/weight of a tenant is a whole number of percent from 1 to 10000/, 'create', 'other', '--weight', '10001');
    await refused(/weight of a tenant/, 'create', 'other', '--weight', '0');
    await refused(/there is no tenant 'nobody'/, 'remove', 'nobody');
    await refused(/the default tenant is always there/, 'remove', 'default');
    assert.equal(JSON.parse((await tenant('list', '--format', 'json')).stdout).length, 3);
  });

  test('answer for their own host names alone', async () => {
    assert.equal((await ask({ ...at('nobody.example.com'), path: '/api/query' }, {})).status, 421);
    const nameless = async (path) => (await Wire.to(server).send(Buffer.from(`GET ${path} HTTP/1.0\r\n\r\n`)).answer()).status;
    assert.deepEqual([await nameless('/version'), await nameless('/healthz')], [421, 200]);
    const missing = await call('acme.example.com', 'query', 'messages:list');
    assert.equal(missing.status, 'error');
    assert.match(missing.errorMessage, /Could not find/);
    assert.deepEqual((await call('127.0.0.1', 'query', 'messages:list')).value, []);
  });

  test('have functions and documents of their own', async () => {
    const refused = await ask({ ...at('ACME.example.com:80'), path: '/api/cordon/deploy', method: 'POST' });
    assert.equal(refused.status, 401, 'not without a key');
    const made = await run(['keygen', 'admin', '--tenant', 'acme', '--data', data]);
    assert.equal(made.code, 0, made.stderr);
    keys.acme = made.stdout.trim().split(/\s+/).at(-1);
    const deploy = async (host, key) => (await deployTo(host, example('messages_c'), key)).status;
    assert.equal(await deploy('acme.example.com', keys.default), 401, "not with another's key");
    assert.equal(await deploy('zoo.example.com', keys.acme), 401);
    assert.equal(await deploy('127.0.0.1', keys.acme), 401);
    assert.equal(await deploy('acme.example.com', keys.acme), 200);
    const sent = await call('acme.example.com', 'mutation', 'messages:send', { author: 'a', body: 'of acme' });
    assert.equal(sent.status, 'success', sent.errorMessage);
    assert.deepEqual((await call('127.0.0.1', 'query', 'messages:list')).value, [], 'not the default one');
    assert.equal((await call('acme.example.com', 'query', 'messages:list')).value.length, 1);
    const there = await call('zoo.example.com', 'query', 'messages:list');
    assert.match(there.errorMessage, /Could not find/);
  });

  test('take turns with their deploys', async () => {
    const made = await run(['keygen', 'admin', '--tenant', 'zoo', '--data', data]);
    keys.zoo = made.stdout.trim().split(/\s+/).at(-1);
    const compilers = await stopCompilers(server);
    const order = [];
    const send = async (name, host, module, key) => {
      const { status, text } = await deployTo(host, module, key);
      assert.equal(status, 200, text);
      order.push(name);
    };
    const jobs = [];
    for (const [name, host, module, key] of [
      ['first', '127.0.0.1', guest('counter'), keys.default],
      ['second', '127.0.0.1', guest('logs'), keys.default],
      ['third', '127.0.0.1', example('messages_rust'), keys.default],
      ['of another', 'zoo.example.com', guest('counter'), keys.zoo],
    ]) {
      const asked = () => metric(server, 'http_requests_total'); // counts itself
      const before = await asked();
      jobs.push(send(name, host, module, key));
      for (let more = 1; (await asked()) - before === more; more++);
    }
    resumeCompilers(compilers);
    await Promise.all(jobs);
    /* The first two are the same module, and done so soon after each other that both answers may be read at once. */
    assert.deepEqual([order.slice(0, 2).sort(), order.slice(2)], [['first', 'of another'], ['second', 'third']]);
  });

  /* Six modules of one tenant, begun before the one of another, which is done before they are. */
  test('take turns with the modules of a deploy', async () => {
    const compilers = await stopCompilers(server);
    const asked = () => metric(server, 'http_requests_total'); // counts itself
    const sent = async (host, key, type, body) => {
      const before = await asked();
      const headers = { host, authorization: `Convex ${key}`, 'content-type': type };
      const answer = ask({ port: at(host).port, method: 'POST', path: '/api/cordon/deploy', headers }, body);
      for (let more = 1; (await asked()) - before === more; more++);
      return { answer };
    };
    const size = (count) => Buffer.from(Uint32Array.of(count).buffer);
    const several = Buffer.concat([example('messages_rust'), example('notes_rust'), guest('documents'), guest('basic'), guest('logs'), guest('counter')]
      .flatMap((file, i) => [[size(2), Buffer.from(`m${i}`)], [size(readFileSync(file).length), readFileSync(file)]].flat()));
    const large = await sent('zoo.example.com', keys.zoo, 'application/vnd.cordon.modules', several);
    const small = await sent('acme.example.com', keys.acme, 'application/wasm', readFileSync(guest('counter')));
    const order = [];
    const noted = ({ answer }, name) => answer.then(({ status, text }) => {
      assert.equal(status, 200, text);
      order.push(name);
    });
    const both = [noted(large, 'large'), noted(small, 'small')];
    resumeCompilers(compilers);
    await Promise.all(both);
    assert.deepEqual(order, ['small', 'large']);
    assert.equal((await deployTo('acme.example.com', example('messages_c'), keys.acme)).status, 200);
    assert.equal((await deployTo('zoo.example.com', guest('counter'), keys.zoo)).status, 200);
  });

  test('are told nothing of the variables, log lines and records of others', async () => {
    const admin = (host, key) => ({ ...at(host), headers: { ...json, host, authorization: `Convex ${key}` } });
    const acme = admin('acme.example.com', keys.acme);
    const usual = admin('127.0.0.1', keys.default);
    const set = await ask({ ...acme, path: '/api/update_environment_variables' }, { changes: [{ name: 'SECRET', value: 'of acme' }] });
    assert.equal(set.status, 200, set.text);
    const recorded = await ask({ ...acme, path: '/api/query', headers: { ...acme.headers, 'cordon-record': 'true' } }, { path: 'messages:list', args: {} });
    const id = recorded.headers['cordon-record'];
    assert.match(id ?? '', /^[0-9a-f]{32}$/, recorded.text);
    const get = async (who, path) => ask({ ...who, path });
    assert.equal((await get(acme, `/api/cordon/records/${id}`)).status, 200);
    assert.equal((await get(usual, `/api/cordon/records/${id}`)).status, 404);
    assert.equal(JSON.parse((await get(usual, '/api/cordon/records')).text).length, 0);
    assert.match((await get(acme, '/api/cordon/environment_variables')).text, /of acme/);
    assert.doesNotMatch((await get(usual, '/api/cordon/environment_variables')).text, /SECRET/);
    const lines = async (who) => JSON.parse((await get(who, '/api/stream_function_logs?cursor=0')).text).entries.map((entry) => entry.identifier);
    assert.ok((await lines(acme)).includes('messages:send'));
    assert.ok(!(await lines(usual)).includes('messages:send'));
  });

  test('hold moments of their own', async () => {
    const held = await asAdmin('acme.example.com', keys.acme, '/api/cordon/snapshot', 'POST');
    assert.equal(held.status, 200, held.text);
    const { snapshot } = JSON.parse(held.text);
    const tables = `/api/cordon/tables?snapshot=${snapshot}`;
    const release = `/api/cordon/snapshot/release?snapshot=${snapshot}`;
    assert.equal((await asAdmin('127.0.0.1', keys.default, tables)).status, 404, "not another's");
    assert.equal((await asAdmin('127.0.0.1', keys.default, release, 'POST')).status, 200);
    assert.equal((await asAdmin('acme.example.com', keys.acme, tables)).status, 200, 'and none lets go of it');
    assert.equal((await asAdmin('acme.example.com', keys.acme, release, 'POST')).status, 200);
    assert.equal((await asAdmin('acme.example.com', keys.acme, tables)).status, 404);
  });

  test('are kept to limits of their own', async () => {
    const spun = await call('acme.example.com', 'query', 'math:fib', { n: 30 });
    assert.match(spun.errorMessage, /OutOfFuel: limit fuel .* allowed 5000000/);
    assert.equal((await call('127.0.0.1', 'query', 'math:fib', { n: 22 })).status, 'success');
    assert.equal((await tenant('change', 'acme', '--limit', 'fuel=500000000')).code, 0);
    assert.equal((await call('acme.example.com', 'query', 'math:fib', { n: 30 })).status, 'success');
    const [, acme] = JSON.parse((await tenant('list', '--format', 'json')).stdout);
    assert.deepEqual(acme.hosts, ['acme.localhost.test', 'acme.example.com'], 'hosts stay');
  });

  test('are refused more documents than they may have, and told how many bytes', async () => {
    const bytes = async () => JSON.parse((await tenant('list', '--format', 'json')).stdout)[1].dataBytes;
    const send = (body) => call('acme.example.com', 'mutation', 'messages:send', { author: 'a', body });
    assert.equal(await bytes(), null, 'without a limit nothing is counted');
    assert.equal((await tenant('change', 'acme', '--limit', 'fuel=500000000', '--limit', 'tenant_bytes=2000')).code, 0);
    for (let tries = 0; (await bytes()) === null; tries++) assert.ok(tries < 1000, 'it is counted soon');
    const before = await bytes();
    assert.ok(before > 50 && before < 500, `${before}`);
    const full = await send('x'.repeat(2000));
    assert.match(full.errorMessage, /TenantFull: limit tenant_bytes .* used \d+ bytes, allowed 2000;/);
    assert.equal(await bytes(), before, 'nothing was written');
    assert.equal((await send('x'.repeat(1000))).status, 'success');
    const after = await bytes();
    assert.ok(after - before > 1000 && after - before < 1200, `${before} ${after}`);
    assert.match((await send('x'.repeat(1000))).errorMessage, /TenantFull/);
    assert.equal((await call('acme.example.com', 'query', 'messages:list')).value.length, 2);
    assert.equal((await call('127.0.0.1', 'mutation', 'messages:send', { author: 'a', body: 'x'.repeat(5000) })).status, 'success', 'no other is full');
  });

  test('are there after a restart, asleep until they are called', async () => {
    await server.stop();
    server = await start();
    const seen = await run(['data', '--url', server.url], { env: { CORDON_ADMIN_KEY: keys.default } });
    assert.equal(seen.code, 0, seen.stderr);
    const looked = await ask({ ...at('acme.example.com'), path: '/api/cordon/documents?table=messages', headers: { ...json, host: 'acme.example.com', authorization: `Convex ${keys.acme}` } });
    assert.equal(looked.status, 200, looked.text);
    const awake = async () => JSON.parse((await tenant('list', '--format', 'json')).stdout).map((one) => one.awake);
    assert.deepEqual(await awake(), [true, false, false]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('acme.example.com', 'query', 'messages:list')));
    for (const answer of answers) assert.equal(answer.value[0].body, 'of acme');
    assert.deepEqual(await awake(), [true, true, false]);
    assert.equal((await call('acme.example.com', 'query', 'math:fib', { n: 30 })).status, 'success', 'limits, too');
    const [, { limits }] = JSON.parse((await tenant('list', '--format', 'json')).stdout);
    assert.deepEqual(limits, { fuel: 500000000, tenant_bytes: 2000 });
  });

  test('are changed by the operator alone, and by JSON', async () => {
    assert.equal((await ask({ ...at('127.0.0.1'), path: '/tenants' })).status, 404);
    assert.equal((await operator('/tenants/create', { name: 'web' }, { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await operator('/tenants/create')).status, 405);
    assert.equal((await operator('/tenants/create', { name: 'web', more: 1 })).status, 400);
    assert.equal((await operator('/tenants/create', { name: 'web', limits: { fuel: -1 } })).status, 400);
    assert.equal((await operator('/tenants/create', { name: 'web', hosts: 'x' })).status, 400);
    assert.equal((await operator('/audit?tenant=nobody')).status, 404);
    const kinds = (await operator('/audit')).text.trim().split('\n').map((line) => JSON.parse(line).body);
    assert.deepEqual(kinds.filter(({ kind }) => /^tenant_/.test(kind)).map(({ kind, tenant }) => [kind, tenant]), [
      ['tenant_made', 'acme'], ['tenant_made', 'zoo'], ['tenant_changed', 'acme'], ['tenant_changed', 'acme'],
    ]);
    const own = (await operator('/audit?tenant=acme')).text.trim().split('\n').map((line) => JSON.parse(line).body.kind);
    assert.ok(own.includes('deploy') && own.includes('mutation'), own.join());
    assert.ok(own.includes('documents_read'), 'also of one that slept');
  });

  test('have audit logs of their own, each signed, and told apart where checkpoints are kept', async () => {
    await server.stop();
    const verify = async (...words) => {
      const { code, stdout } = await run(['audit', 'verify', '--data', data, '--checkpoint', checkpoints, '--format', 'json', ...words]);
      assert.equal(code, 0, stdout);
      return JSON.parse(stdout);
    };
    const usual = await verify();
    const acme = await verify('--tenant', 'acme');
    const kept = readFileSync(checkpoints, 'utf8').trim().split('\n').map((line) => JSON.parse(line).tenant);
    const of = (number) => kept.filter((one) => one === number).length;
    assert.ok(of(1) >= 1 && of(2) >= 1, kept.join());
    assert.deepEqual([usual.kept, acme.kept], [of(1), of(2)]);
    assert.deepEqual([usual.signed_to, acme.signed_to], [usual.last - 1, acme.last - 1]);
    assert.notEqual(usual.key, acme.key);
    const shown = await run(['audit', 'show', '--data', data, '--tenant', 'acme', '--kind', 'deploy']);
    assert.match(shown.stdout, /deploy/);
    assert.equal((await run(['audit', 'show', '--data', data, '--tenant', 'nobody'])).code, 2);
    const foreign = await run(['audit', 'export', '--data', data, '--tenant', 'acme']);
    writeFileSync(`${config}.log`, foreign.stdout);
    assert.equal((await run(['audit', 'verify', '--file', `${config}.log`, '--tenant', '2'])).code, 0);
    assert.equal((await run(['audit', 'verify', '--file', `${config}.log`])).code, 1, 'it is none of default');
    server = await start();
  });

  test('are gone once they are removed, and their number with them', async () => {
    assert.equal((await tenant('remove', 'acme')).code, 0);
    assert.equal((await ask({ ...at('acme.example.com'), path: '/api/query' }, {})).status, 421);
    assert.equal((await tenant('create', 'acme', '--host', 'acme.example.com')).code, 0);
    const [, , acme] = JSON.parse((await tenant('list', '--format', 'json')).stdout);
    assert.deepEqual([acme.name, acme.number], ['acme', 4]);
    assert.match((await call('acme.example.com', 'query', 'messages:list')).errorMessage, /Could not find/);
    assert.equal((await deployTo('acme.example.com', example('messages_c'), keys.acme)).status, 401, 'its keys are gone');
    assert.match((await run(['audit', 'show', '--data', data, '--tenant', '2', '--kind', 'deploy'])).stdout, /deploy/, 'its log is still there');
    const erased = async () => (await operator('/audit')).text.includes('"kind":"tenant_erased"');
    for (let tries = 0; !(await erased()); tries++) {
      assert.ok(tries < 200, 'it is erased soon');
      await new Promise((done) => setTimeout(done, 25));
    }
    await server.stop();
    const { code, stdout } = await run(['verify', '--data', data]);
    assert.equal(code, 0, stdout);
    server = await start();
    assert.match((await call('acme.example.com', 'query', 'messages:list')).errorMessage, /Could not find/);
  });
});

test('alone, a tenant has all again, and what others kept of their runs is given back', async () => {
  const data = newFolder();
  const config = join(newFolder(), 'config.json');
  writeFileSync(config, JSON.stringify({ slots: 8, tenant_share_percent: 50 }));
  const server = await Server.start({ data, flags: ['--config', config] });
  await server.deploy(guest('effects'));
  const sleepers = () =>
    Promise.all(Array.from({ length: 8 }, async () => (await askFunction(server, 'localhost', 'action', 'effects:sleep', { ms: 3000 })).status));
  const key = await makeTenant(server, 'guest');
  assert.equal((await deployToHost(server, 'guest.test', guest('basic'), key)).status, 200);
  assert.equal((await callFunction(server, 'guest.test', 'query', 'basic:nothing')).status, 'success');
  const used = () => metric(server, 'run_memory_used_bytes');
  await until(async () => (await used()) > 0, () => 'its last runs are counted');
  assert.ok((await sleepers()).includes(503));
  const { code, stderr } = await run(['tenant', 'remove', 'guest', '--data', data]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await sleepers(), Array.from({ length: 8 }, () => 200));
  await until(async () => (await used()) === 0);
  await server.stop();
});

test('a position in a list is good for the tenant alone that it was given to', async () => {
  const server = await Server.start();
  const key = await makeTenant(server, 'guest');
  await server.deploy(example('messages_c'));
  assert.equal((await deployToHost(server, 'guest.test', example('messages_c'), key)).status, 200);
  const hosts = ['localhost', 'guest.test'];
  const page = (host, cursor) => callFunction(server, host, 'query', 'messages:page', { paginationOpts: { numItems: 1, cursor } });
  const cursors = [];
  for (const host of hosts) {
    for (const body of ['first', 'second']) {
      const sent = await callFunction(server, host, 'mutation', 'messages:send', { author: 'a', body });
      assert.equal(sent.status, 'success', sent.errorMessage);
    }
    cursors.push((await page(host, null)).value.continueCursor);
  }
  for (const [i, host] of hosts.entries()) {
    const own = await page(host, cursors[i]);
    assert.deepEqual(own.value?.page.map(({ body }) => body), ['first'], own.errorMessage);
    const foreign = await page(host, cursors[1 - i]);
    assert.equal(foreign.status, 'error', `${host} takes the other's`);
    assert.match(foreign.errorMessage, /Failed to parse cursor/);
  }
  await server.stop();
});
