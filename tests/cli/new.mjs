/*
 * `cordon new`: a project in a folder of its own, outside of this repository, that its README's one
 * command builds and that then runs and deploys; and what is said where it cannot.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { Server, cordon, newFolder, run, runJson, runValue } from '../support/cordon.mjs';

const repository = resolve('.');

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/* The lines of the first block of commands in the project's README: build, run, deploy. */
function commandsOf(project) {
  const readme = readFileSync(join(project, 'README.md'), 'utf8');
  return readme.match(/```sh\n([^]*?)```/)[1].trim().split('\n');
}

function shell(command, cwd, env = {}) {
  return spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8', env: { ...process.env, ...env } });
}

for (const language of ['rust', 'c']) {
  describe(language, () => {
    const project = join(newFolder(), 'my functions');
    let build;
    let module;

    test('is made, and says how to go on', async () => {
      const { code, stdout, stderr } = await run(['new', language, project]);
      assert.equal(code, 0, stderr);
      [build] = commandsOf(project);
      assert.ok(stdout.includes(project));
      assert.ok(stdout.includes(`\n  ${build}\n`), `${build} is among:\n${stdout}`);
    });

    test('has no path back to where Cordon was built', () => {
      for (const file of filesBelow(project)) {
        assert.ok(!readFileSync(file, 'utf8').includes(repository), file);
      }
    });

    test('builds with one command', () => {
      const { status, stdout, stderr } = shell(build, project);
      assert.equal(status, 0, stdout + stderr);
      module = filesBelow(project).find((path) => path.endsWith('app.wasm'));
      assert.ok(module !== undefined, 'app.wasm is made');
    });

    test('is admitted and runs', async () => {
      const check = await run(['check', '--format', 'json', module]);
      assert.equal(check.code, 0, check.stderr);
      assert.equal(await runValue(module, 'math:fib', { n: 10 }), 55);
      assert.equal((await runJson(module, 'messages:send', { author: 'me' })).code, 'InvalidArguments');
    });

    test('deploys, and its functions answer', async () => {
      const server = await Server.start();
      await server.deploy(module);
      const sent = await run(['call', '--url', server.url, 'messages:send', '{"author":"me","body":"hello"}']);
      assert.equal(sent.code, 0, sent.stderr);
      const list = await run(['call', '--url', server.url, 'messages:list']);
      assert.deepEqual(JSON.parse(list.stdout).map(({ _id, author, body }) => [_id, author, body]), [
        [JSON.parse(sent.stdout), 'me', 'hello'],
      ]);
      await server.stop();
    });

    test('without a compiler it says what to install', () => {
      /* A PATH with a shell and its tools, and no compiler. */
      const tools = newFolder();
      for (const tool of ['sh', 'cat', 'cut', 'sort', 'head', 'ls', 'dirname', 'basename', 'mkdir', 'rm', 'cp', 'mv', 'sed', 'awk', 'grep', 'make', 'env', 'uname', 'printf', 'test']) {
        const { stdout } = shell(`command -v ${tool}`, '/');
        if (stdout.startsWith('/')) writeFileSync(join(tools, tool), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, { mode: 0o755 });
      }
      const { status, stderr } = shell(build, project, { PATH: tools });
      assert.notEqual(status, 0);
      assert.match(stderr, /apt-get install|rustup target add/);
    });
  });
}

describe('where it cannot', () => {
  test('a folder that is not empty stays as it is', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'mine'), 'mine');
    const { code, stdout, stderr } = await run(['new', 'c', folder]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /is not empty/);
    assert.deepEqual(readdirSync(folder), ['mine']);
  });
  test('an empty folder is fine', async () => {
    const folder = join(newFolder(), 'empty');
    mkdirSync(folder);
    assert.equal((await run(['new', 'c', folder])).code, 0);
    assert.ok(existsSync(join(folder, 'README.md')));
  });
  test('a disk that is full: nothing is left behind', () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'empty'));
    for (const language of ['rust', 'c']) {
      for (const name of ['new', 'empty']) {
        const { status, stdout, stderr } = shell(`ulimit -f 8; exec '${resolve(cordon)}' new ${language} '${join(folder, name)}'`, '/');
        assert.equal(status, 5);
        assert.equal(stdout, '');
        assert.match(stderr, /^cordon: cannot write '.*': File too large; free some space and try again\n$/);
        assert.deepEqual(readdirSync(folder), ['empty']);
        assert.deepEqual(readdirSync(join(folder, 'empty')), []);
      }
    }
  });
  test('a file stands there, or the folder above is missing', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    for (const [path, says] of [['file', /Not a directory|File exists/], ['no/such', /No such file/], ['file/x', /Not a directory/]]) {
      const { code, stderr } = await run(['new', 'rust', join(folder, path)]);
      assert.equal(code, 2);
      assert.match(stderr, says);
    }
  });
});
