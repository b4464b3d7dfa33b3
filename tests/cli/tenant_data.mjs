/*
 * Commands over a data folder for one of its tenants: each reads and writes what that tenant has, and
 * nothing of another's.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Server, example, newFolder, parseOne, run } from '../support/cordon.mjs';
import { callFunction, deployTo, makeTenant } from '../server/hosts.mjs';

const data = newFolder();
const send = (server, host, body) => callFunction(server, host, 'mutation', 'messages:send', { author: 'a', body });

async function good(...words) {
  const { code, stdout, stderr } = await run([...words, '--data', data]);
  assert.equal(code, 0, stderr);
  return stdout;
}

const bodies = async (...words) =>
  parseOne(await good('data', 'messages', '--format', 'json', ...words)).documents.map(({ body }) => body);

before(async () => {
  const server = await Server.start({ data });
  await server.deploy(example('messages_c'));
  assert.equal((await send(server, 'localhost', 'of the default one')).status, 'success');
  for (const name of ['acme', 'empty']) {
    const { status, text } = await deployTo(server, `${name}.test`, example('messages_c'), await makeTenant(server, name));
    assert.equal(status, 200, text);
  }
  assert.equal((await send(server, 'acme.test', 'of acme')).status, 'success');
  await server.stop();
});

describe('with --tenant', () => {
  test('data shows its tables and documents', async () => {
    assert.deepEqual(await bodies('--tenant', 'acme'), ['of acme']);
    assert.deepEqual(await bodies('--tenant', 'default'), ['of the default one']);
    assert.deepEqual(await bodies(), ['of the default one']);
    const { tables } = parseOne(await good('data', '--format', 'json', '--tenant', 'acme'));
    assert.deepEqual(tables.map(({ name, documents }) => [name, documents]), [['counters', 0], ['messages', 1]]);
    assert.deepEqual(await bodies('--tenant', 'empty'), []);
  });

  test('export writes its documents, and import adds them to another', async () => {
    const file = join(newFolder(), 'acme.zip');
    assert.match(await good('export', file, '--tenant', 'acme'), /^Exported 1 document of 2 tables /);
    await good('import', file, '--tenant', 'empty');
    assert.deepEqual(await bodies('--tenant', 'empty'), ['of acme']);
    await good('import', file, '--tenant', 'empty', '--replace');
    assert.deepEqual(await bodies('--tenant', 'empty'), ['of acme']);
    assert.deepEqual(await bodies(), ['of the default one']);
  });

  test('run runs a module on its data and variables, and keeps to its limits', async () => {
    const call = (...words) => run(['run', example('messages_c'), ...words, '--data', data]);
    const bodiesOfRun = async (...words) => {
      const { code, stdout, stderr } = await call('messages:list', ...words);
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout).map(({ body }) => body);
    };
    assert.deepEqual(await bodiesOfRun('--tenant', 'acme'), ['of acme']);
    assert.deepEqual(await bodiesOfRun(), ['of the default one']);
    const sent = await call('messages:send', '{"author": "a", "body": "by run"}', '--tenant', 'empty');
    assert.equal(sent.code, 0, sent.stderr);
    assert.deepEqual(await bodiesOfRun('--tenant', 'empty'), ['of acme', 'by run']);
    await good('tenant', 'change', 'empty', '--limit', 'fuel=100000');
    assert.equal((await call('math:fib', '{"n": 25}', '--tenant', 'empty')).code, 3);
    assert.equal((await call('math:fib', '{"n": 25}')).code, 0);
    await good('tenant', 'change', 'empty', '--limit', 'fuel=default');
    const none = await call('messages:list', '--tenant', 'nobody');
    assert.equal(none.code, 2, none.stderr);
    assert.match(none.stderr, /there is no tenant 'nobody'/);
    const nowhere = await run(['run', example('messages_c'), 'messages:list', '--tenant', 'acme']);
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /--tenant is for a data folder/);
  });

  test('env sets, lists and unsets its variables', async () => {
    const list = async (...words) => JSON.parse(await good('env', 'list', '--format', 'json', ...words)).map(({ name, value }) => `${name}=${value}`);
    await good('env', 'set', 'COLOR=red', '--tenant', 'acme');
    await good('env', 'set', 'COLOR=blue');
    assert.deepEqual(await list('--tenant', 'acme'), ['COLOR=red']);
    assert.deepEqual(await list(), ['COLOR=blue']);
    assert.deepEqual(await list('--tenant', 'empty'), []);
    await good('env', 'unset', 'COLOR', '--tenant', 'acme');
    assert.deepEqual(await list('--tenant', 'acme'), []);
    assert.deepEqual(await list(), ['COLOR=blue']);
  });

  test('what was done stands in its own audit log', async () => {
    const kinds = async (name) => (await good('audit', 'show', '--tenant', name, '--format', 'json')).trim().split('\n').map((line) => JSON.parse(line).body.kind);
    assert.ok((await kinds('acme')).includes('env'));
    assert.ok((await kinds('empty')).includes('import'));
    assert.ok(!(await kinds('default')).includes('import'));
  });

  for (const words of [['data'], ['export', 'none.zip'], ['import', '--table', 'x', 'none.jsonl'], ['env', 'list'], ['env', 'set', 'A=1']]) {
    test(`${words.slice(0, 2).join(' ')} is refused a tenant that there is not, and one of a server`, async () => {
      const none = await run([...words, '--data', data, '--tenant', 'nobody'], { cwd: newFolder() });
      assert.equal(none.code, 2, none.stderr);
      assert.match(none.stderr, words[0] === 'import' ? /none\.jsonl|nobody/ : /there is no tenant 'nobody'/);
      const served = await run([...words, '--tenant', 'acme'], { env: { CORDON_ADMIN_KEY: 'x' }, cwd: newFolder() });
      assert.equal(served.code, 2, served.stderr);
      assert.match(served.stderr, words[0] === 'import' ? /none\.jsonl|--tenant is for a data folder/ : /--tenant is for a data folder/);
    });
  }
});
