/*
 * `cordon deploy`, by what comes of it: modules are called by their files' names, in reports and in
 * refusals, and a set of modules is taken whole or not at all.
 */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Server, guest, newFolder, parseOne, run } from '../support/cordon.mjs';

describe('deploy', () => {
  let server;
  let key;
  before(async () => {
    server = await Server.start();
    key = await server.key();
  });
  const deploy = (...words) => run(['deploy', '--url', server.url, '--admin-key', key, ...words]);
  const names = async (...modules) => {
    const { code, stdout, stderr } = await deploy('--format', 'json', ...modules);
    assert.equal(code, 0, stderr);
    return parseOne(stdout).modules.map(({ name }) => name);
  };

  test('one module has its name, as each of several has', async () => {
    assert.deepEqual(await names(guest('basic')), ['basic.wasm']);
    assert.deepEqual(await names(guest('logs'), guest('basic')), ['logs.wasm', 'basic.wasm']);
    const { stdout } = await deploy(guest('basic'));
    assert.match(stdout, /^basic\.wasm: \d+ bytes, compiled before to \d+ bytes of machine code\n/);
  });
  for (const [file, json, text] of [
    ['a b\'"\\.wasm', 'a b\'"\\.wasm', 'a b\'"\\.wasm'],
    ['\u001b[31m.wasm', '\u001b[31m.wasm', '\\u001b[31m.wasm'],
    ['\u202e.wasm', '\u202e.wasm', '\\u202e.wasm'],
    ['-.wasm', '-.wasm', '-.wasm'],
    ['ä', 'ä', 'ä'],
  ]) {
    test(`a file called ${JSON.stringify(file)}`, async () => {
      const path = join(newFolder(), file);
      copyFileSync(guest('basic'), path);
      assert.deepEqual(await names(path), [json]);
      const { stdout } = await deploy(path);
      assert.ok(stdout.startsWith(`${text}: `), stdout);
    });
  }
  test('a file in this folder, without one before it', async () => {
    const folder = newFolder();
    copyFileSync(guest('basic'), join(folder, 'here.wasm'));
    const { code, stdout, stderr } = await run(['deploy', '--url', server.url, '--admin-key', key, 'here.wasm'], { cwd: folder });
    assert.equal(code, 0, stderr);
    assert.ok(stdout.startsWith('here.wasm: '), stdout);
  });
  test('a refusal says which module it is about, and what was deployed stays', async () => {
    await server.deploy(guest('basic'));
    for (const modules of [['refused_no_memory'], ['logs', 'refused_no_memory'], ['refused_no_memory', 'logs']]) {
      const { code, stdout, stderr } = await deploy(...modules.map(guest));
      assert.equal(code, 4);
      assert.equal(stdout, '');
      assert.match(stderr, /^cordon: ModuleRefused: refused_no_memory\.wasm: \S/);
    }
    const { code, stderr } = await deploy(guest('basic'), guest('basic'));
    assert.equal(code, 4);
    assert.match(stderr, /is in two modules, basic\.wasm and basic\.wasm/);
    assert.equal((await run(['call', '--url', server.url, 'basic:echo'])).stdout, '{}\n');
    assert.equal((await run(['call', '--url', server.url, 'logs:levels'])).code, 1);
  });
  test('the bare bytes of one module are still taken, without a name', async () => {
    const response = await fetch(`${server.url}/api/cordon/deploy`, {
      method: 'POST',
      headers: { 'content-type': 'application/wasm', authorization: `Convex ${key}` },
      body: readFileSync(guest('logs')),
    });
    assert.equal(response.status, 200);
    assert.deepEqual((await response.json()).modules.map(({ name }) => name), ['']);
    assert.equal((await run(['call', '--url', server.url, 'logs:levels'])).code, 0);
  });
  test('names that cannot be printed are escaped in what is said of them', async () => {
    const sized = (bytes) => Buffer.concat([Buffer.from(Uint32Array.of(bytes.length).buffer), bytes]);
    const post = async (...modules) => {
      const response = await fetch(`${server.url}/api/cordon/deploy`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.cordon.modules', authorization: `Convex ${key}` },
        body: Buffer.concat(modules.flatMap(([name, module]) => [sized(Buffer.from(name, 'latin1')), sized(readFileSync(guest(module)))])),
      });
      assert.equal(response.status, 400);
      return (await response.json()).message;
    };
    assert.match(await post(['a\0b\x1b[2J', 'refused_no_memory']), /^a\\x00b\\x1b\[2J: The module does not export its memory/);
    assert.match(await post(['\xff\0', 'basic'], ['z\0'.repeat(120), 'basic']), /is in two modules, \\xff\\x00 and (z\\x00){120}\. A path/);
  });
  test('more modules than a deploy has', async () => {
    const { code, stderr } = await deploy(...Array(257).fill(guest('basic')));
    assert.equal(code, 2);
    assert.match(stderr, /basic\.wasm' is too much: `cordon deploy` takes MODULE\.\.\., at most 256/);
  });
});
