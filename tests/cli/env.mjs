/*
 * `cordon env`, through a server and over a folder: who sees what from when on, Convex's bounds, all or
 * nothing; and a value is where it belongs and nowhere else.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, cordon, example, guest, newFolder, run } from '../support/cordon.mjs';
import { Wire, metric, metricBecomes, request } from '../server/wire.mjs';

const folder = newFolder();
const SECRET = 'sesam-open-wide';

/* Where variables are: the flags and the environment that name it. */
const ofFolder = () => ({ flags: ['--data', newFolder()], env: {} });
async function ofServer() {
  const server = await Server.start();
  return { flags: ['--url', server.url], env: { CORDON_ADMIN_KEY: await server.key() }, server };
}

const env = (place, ...words) => run(['env', ...words.slice(0, 1), ...place.flags, '--', ...words.slice(1)], { env: place.env });

async function good(place, ...words) {
  const { code, stdout, stderr } = await env(place, ...words);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function refused(pattern, place, ...words) {
  const { code, stdout, stderr } = await env(place, ...words);
  assert.equal(code, 2, stderr);
  assert.match(stderr, pattern);
  assert.equal(stdout, '');
  return stderr;
}

/* All of them, as an object. */
async function all(place) {
  const { code, stdout, stderr } = await run(['env', 'list', ...place.flags, '--format', 'json'], { env: place.env });
  assert.equal(code, 0, stderr);
  return Object.fromEntries(JSON.parse(stdout).map(({ name, value }) => [name, value]));
}

const kinds = [
  ['a server', ofServer],
  ['a folder', async () => ofFolder()],
];

for (const [kind, make] of kinds) {
  describe(kind, () => {
    let place;
    before(async () => {
      place = await make();
      if (kind === 'a folder') await good(place, 'set', 'MADE=so'); // that there is a store
      if (kind === 'a folder') await good(place, 'unset', 'MADE');
    });
    after(() => place.server?.stop());

    test('sets, lists and unsets', async () => {
      assert.deepEqual(await all(place), {});
      assert.equal(await good(place, 'set', 'B=zwei Worte', 'A=1=2', '_c=', 'D=\u001b[31m\n"\\ü'), '');
      assert.deepEqual(await all(place), { A: '1=2', B: 'zwei Worte', D: '\u001b[31m\n"\\ü', _c: '' });
      assert.equal(await good(place, 'list'), 'A=1=2\nB=zwei Worte\nD=\\u001b[31m\\u000a"\\ü\n_c=\n');
      await good(place, 'set', 'A=other', 'A=last');
      await good(place, 'unset', 'B', 'D');
      assert.deepEqual(await all(place), { A: 'last', _c: '' });
      await good(place, 'unset', 'A', '_c');
      assert.deepEqual(await all(place), {});
      assert.match((await env(place, 'list')).stderr, /There are no environment variables/);
    });

    test('what is not there cannot be unset, nor anything with it', async () => {
      await good(place, 'set', 'A=1');
      await refused(/no environment variable 'MISSING', and nothing was unset/, place, 'unset', 'A', 'MISSING');
      assert.deepEqual(await all(place), { A: '1' });
      await good(place, 'unset', 'A');
    });

    test('names and values have bounds', async () => {
      const long = 'n'.repeat(256);
      await good(place, 'set', `${long}=1`, `V=${'v'.repeat(8192)}`, 'a9_Z=1', '_=1');
      const held = await all(place);
      assert.equal(held.V.length, 8192);
      await refused(/EnvironmentVariableNameTooLong/, place, 'set', 'GOOD=1', `${long}n=1`);
      await refused(/EnvironmentVariableValueTooLarge/, place, 'set', 'GOOD=1', `V=${'v'.repeat(8193)}`);
      for (const name of ['9a', 'a-b', 'a b', 'ä', 'a.b', 'a\n']) {
        await refused(/EnvironmentVariableNameInvalid/, place, 'set', 'GOOD=1', `${name}=1`);
      }
      assert.deepEqual(await all(place), held, 'all or nothing');
      await good(place, 'unset', ...Object.keys(held));
    });

    test('a value can come from a file, or from stdin, without the line break at its end', async () => {
      const from = (script, ...words) => run(['-c', `${script} "$0" "$@"`, resolve(cordon), 'env', 'set', ...place.flags, ...words], { program: 'sh', env: place.env });
      const file = join(newFolder(), 'value=1');
      writeFileSync(file, 'two\nlines\n\n');
      const done = await from('printf "by pipe\\r\\n" |', '--from-file', `FILE=${file}`, '--from-file', 'PIPE=-', 'WORD=@x');
      assert.deepEqual([done.code, done.stdout, done.stderr], [0, '', '']);
      const held = await all(place);
      assert.deepEqual([held.FILE, held.PIPE, held.WORD], ['two\nlines\n', 'by pipe', '@x']);
      writeFileSync(file, '');
      assert.equal((await from('', '--from-file', `FILE=${file}`)).code, 0);
      assert.equal((await all(place)).FILE, '');
      writeFileSync(file, 'v'.repeat(8193));
      for (const [says, ...words] of [
        [/EnvironmentVariableValueTooLarge: .* has at most 8192 bytes; that of FILE has 8193/, '--from-file', `FILE=${file}`],
        [/cannot open/, '--from-file', `FILE=${file}.none`],
        [/--from-file takes NAME=FILE/, '--from-file', 'FILE'],
        [/--from-file takes NAME=FILE/, '--from-file', 'FILE='],
        [/stdin can be the value of one alone/, '--from-file', 'A=-', '--from-file', 'B=-'],
      ]) {
        const { code, stderr } = await from('printf x |', 'OTHER=1', ...words);
        assert.equal(code, 2, stderr);
        assert.match(stderr, says);
      }
      assert.equal((await all(place)).OTHER, undefined);
      assert.equal((await run(['env', 'list', '--from-file', `A=${file}`, ...place.flags], { env: place.env })).code, 2);
      await good(place, 'unset', 'FILE', 'PIPE', 'WORD');
    });

    test('all together have bounds', async () => {
      const some = Array.from({ length: 512 }, (_, n) => `N${n}`);
      await good(place, 'set', ...some.map((name) => `${name}=`));
      await refused(/EnvVarLimitMet: a deployment has at most 512 environment variables; with these it would have 513/, place, 'set', 'ONE_MORE=');
      await good(place, 'set', 'N7=there already');
      await good(place, 'unset', ...some);
      // 63 of 8 KiB and 4 bytes of name, and one that takes what is left of 512 KiB
      const large = Array.from({ length: 63 }, (_, n) => `L${String(n).padStart(3, '0')}`);
      await good(place, 'set', ...large.slice(0, 12).map((name) => `${name}=${'x'.repeat(8192)}`));
      for (let at = 12; at < 63; at += 12) {
        await good(place, 'set', ...large.slice(at, at + 12).map((name) => `${name}=${'x'.repeat(8192)}`));
      }
      const left = 512 * 1024 - 63 * (8192 + 4) - 4;
      await refused(/at most 524288 bytes/, place, 'set', `REST=${'x'.repeat(left + 1)}`);
      await good(place, 'set', `REST=${'x'.repeat(left)}`);
      await good(place, 'unset', 'REST', ...large);
      assert.deepEqual(await all(place), {});
    });

    test('words that say nothing good are refused, and not repeated', async () => {
      for (const word of [SECRET, `=${SECRET}`]) {
        const words = await refused(/word 2 behind `set` is no NAME=VALUE; nothing was set/, place, 'set', 'A=1', word);
        assert.ok(!words.includes(SECRET));
      }
      const words = await refused(/NameInvalid/, place, 'set', `a b=${SECRET}`);
      assert.ok(!words.includes(SECRET));
      await refused(/`cordon env set` takes NAME=VALUE/, place, 'set');
      await refused(/`cordon env unset` takes NAME/, place, 'unset');
      await refused(/`cordon env list` takes nothing more/, place, 'list', 'A');
      await refused(/it is set, list or unset/, place, 'get', 'A');
      assert.deepEqual(await all(place), {});
    });
  });
}

describe('functions', () => {
  let place;
  let server;
  before(async () => {
    place = await ofServer();
    server = place.server;
    await server.deploy(guest('env'), example('messages_rust'));
    await good(place, 'set', 'A=before', `KEY=${SECRET}`, 'ODD=ü "x"\n', 'EMPTY=');
  });
  after(() => server?.stop());

  const call = (path, args, headers) => server.post(`/api/run/${path.replace(':', '/')}`, { args }, headers);
  const value = async (path, args) => {
    const { body } = await call(path, args);
    assert.equal(body.status, 'success', JSON.stringify(body));
    return body.value;
  };

  test('of each kind read them', async () => {
    for (const path of ['env:get', 'env:get_mutation', 'env:get_action']) {
      assert.equal(await value(path, { name: 'KEY' }), SECRET);
      assert.equal(await value(path, { name: 'ODD' }), 'ü "x"\n');
      assert.equal(await value(path, { name: 'EMPTY' }), '');
      assert.equal(await value(path, { name: 'key' }), null);
    }
    assert.equal(await value('env:inner', {}), 'before');
    assert.equal(await value('echo:env', { name: 'KEY' }), SECRET);
  });

  test('are refused a name that is none, and go on', async () => {
    const code = async (args) => (await value('env:get', args)).code;
    assert.equal(await code({}), 'InvalidArgument');
    assert.equal(await code({ name: 1 }), 'InvalidArgument');
    assert.equal(await code({ name: 'a b' }), 'EnvironmentVariableNameInvalid');
    assert.equal(await code({ name: '' }), 'EnvironmentVariableNameInvalid');
    assert.equal(await code({ name: 'n'.repeat(257) }), 'EnvironmentVariableNameTooLong');
    assert.equal(await value('env:get', { name: 'n'.repeat(256) }), null);
  });

  test('see what was there when they began, those that they call too', async () => {
    const running = value('env:across', {});
    await metricBecomes(server, 'run_slots_used_info', 1);
    await good(place, 'set', 'A=after');
    assert.equal(await value('env:get', { name: 'A' }), 'after');
    assert.equal(await metric(server, 'run_slots_used_info'), 1, 'it runs still');
    assert.deepEqual(await running, ['before', 'before', 'before']);
    assert.deepEqual(await value('env:across', {}), ['after', 'after', 'after']);
  });

  test('have a record that holds what they read, and nothing else', async () => {
    const headers = { Authorization: `Convex ${await server.key()}`, 'Cordon-Record': 'true' };
    for (const [path, args] of [['env:get', { name: 'A' }], ['env:inner', {}], ['env:get_action', { name: 'A' }]]) {
      await good(place, 'set', 'A=recorded');
      const { headers: answered } = await call(path, args, headers);
      const response = await fetch(`${server.url}/api/cordon/records/${answered.get('cordon-record')}`, { headers });
      const bytes = Buffer.from(await response.arrayBuffer());
      assert.ok(bytes.includes('recorded') && !bytes.includes(SECRET), path);
      await good(place, 'unset', 'A');
      assert.equal(await value(path === 'env:inner' ? path : 'env:get', { name: 'A' }), null);
      const file = join(folder, 'one.record');
      writeFileSync(file, bytes);
      const { code, stdout } = await run(['replay', '--format', 'json', file]);
      assert.equal(code, 0, path);
      assert.equal(JSON.parse(stdout).value, 'recorded');
    }
  });

  test('keep them over a restart', async () => {
    const { data } = server;
    await server.stop();
    server = await Server.start({ data });
    place = { flags: ['--url', server.url], env: { CORDON_ADMIN_KEY: await server.key() } };
    assert.equal(await value('env:get', { name: 'KEY' }), SECRET);
    assert.deepEqual(Object.keys(await all(place)), ['EMPTY', 'KEY', 'ODD']);
  });

  test('and a folder have the same; `cordon run` by itself has none', async () => {
    const { data } = server;
    await server.stop();
    const args = JSON.stringify({ name: 'KEY' });
    for (const module of [example('messages_rust'), example('messages_c')]) {
      assert.equal(JSON.parse((await run(['run', '--data', data, module, 'echo:env', args])).stdout), SECRET);
      assert.equal((await run(['run', module, 'echo:env', args])).stdout, 'null\n');
    }
    const shown = await run(['audit', 'show', '--data', data]);
    assert.match(shown.stdout, / env set=\["A","KEY","ODD","EMPTY"\] unset=\[\] by=admin key by_key=[0-9a-f]{16}\n/);
    assert.match(shown.stdout, / env set=\[\] unset=\["A"\] by=admin key/);
    assert.match(shown.stdout, / env_read\b/);
    assert.ok(!shown.stdout.includes(SECRET) && !shown.stdout.includes('recorded'));
    server = await Server.start({ data });
  });
});

describe('the routes', () => {
  let server;
  let admin;
  before(async () => {
    server = await Server.start();
    admin = { Authorization: `Convex ${await server.key()}` };
  });
  after(() => server?.stop());

  const change = (body, headers = admin) => server.post('/api/update_environment_variables', body, headers);
  const list = async () => (await fetch(`${server.url}/api/cordon/environment_variables`, { headers: admin })).json();

  test('are for the holder of an admin key alone', async () => {
    const body = { changes: [{ name: 'A', value: '1' }] };
    assert.equal((await change(body, {})).status, 401);
    assert.equal((await fetch(`${server.url}/api/cordon/environment_variables`)).status, 401);
    assert.deepEqual(await list(), []);
    const { status, headers, body: answer } = await change(body);
    assert.deepEqual([status, answer], [200, null]);
    assert.equal(headers.get('access-control-allow-origin'), null);
    assert.deepEqual(await list(), [{ name: 'A', value: '1' }]);
  });

  test('take what Convex takes', async () => {
    await change({ changes: [{ name: 'B', value: '2' }, { name: 'A' }, { name: 'NOT_THERE' }] });
    assert.deepEqual(await list(), [{ name: 'B', value: '2' }]);
    await change({ changes: [{ name: 'B', value: null }, { name: 'C', value: '1' }, { name: 'C', value: '2' }] });
    assert.deepEqual(await list(), [{ name: 'C', value: '2' }]);
    assert.equal((await change({ changes: [] })).status, 200);
    const many = Array.from({ length: 1024 }, (_, n) => ({ name: 'M', value: `${n}` }));
    assert.equal((await change({ changes: many })).status, 200);
    assert.deepEqual(await list(), [{ name: 'C', value: '2' }, { name: 'M', value: '1023' }]);
  });

  test('and nothing else', async () => {
    const held = await list();
    const many = Array.from({ length: 1025 }, () => ({ name: 'M', value: '1' }));
    for (const [body, code] of [
      ['{', 'BadJson'],
      [{}, 'InvalidArgument'],
      [[], 'InvalidArgument'],
      [{ changes: {} }, 'InvalidArgument'],
      [{ changes: [{ value: '1' }] }, 'InvalidArgument'],
      [{ changes: ['A'] }, 'InvalidArgument'],
      [{ changes: [{ name: 'OK', value: '1' }, { name: 'A', value: 1 }] }, 'InvalidArgument'],
      [{ changes: many }, 'InvalidArgument'],
      [{ changes: [{ name: 'OK', value: '1' }, { name: '1A', value: '1' }] }, 'EnvironmentVariableNameInvalid'],
      [{ changes: [{ name: 'A\u0000', value: '1' }] }, 'EnvironmentVariableNameInvalid'],
    ]) {
      const answer = await change(body);
      assert.deepEqual([answer.status, answer.body.code], [400, code]);
    }
    assert.deepEqual(await list(), held);
    assert.equal((await fetch(`${server.url}/api/update_environment_variables`, { headers: admin })).status, 405);
    assert.equal((await server.post('/api/cordon/environment_variables', {}, admin)).status, 405);
  });

  test('a value is in no log, metric or audit record', async () => {
    await server.deploy(guest('env'));
    await change({ changes: [{ name: 'KEY', value: SECRET }] });
    assert.equal((await server.post('/api/run/env/get', { args: { name: 'KEY' } })).body.value, SECRET);
    await change({ changes: [{ name: 'KEY', value: SECRET.repeat(1000) }] });
    await change({ changes: [{ name: 'a b', value: SECRET }] });
    await list();
    await sleep(300);
    assert.match(server.log, /"env:get"/);
    assert.ok(!server.log.includes(SECRET));
    const logs = await fetch(`${server.url}/api/stream_function_logs?cursor=0`, { headers: admin });
    assert.ok(!(await logs.text()).includes(SECRET));
    const wire = new Wire({ path: `${server.data}/operator.sock` });
    const { text: metrics } = await wire.send(request('GET', '/metrics')).answer();
    wire.close();
    assert.match(metrics, /run_slots_used_info/);
    assert.ok(!metrics.includes(SECRET));
    const shown = await run(['audit', 'show', '--data', server.data]);
    assert.match(shown.stdout, / env set=\["KEY"\]/);
    assert.ok(!shown.stdout.includes(SECRET));
  });
});
