/*
 * What a person types wrong: exit code 2, words on stderr that name the problem and what was
 * probably meant, nothing on stdout. And what is there to read: help for each command.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, guest, newFolder, run } from '../support/cordon.mjs';

const commands = ['run', 'replay', 'check', 'serve', 'deploy', 'call', 'data', 'export', 'import', 'logs', 'keygen', 'key', 'limits', 'new', 'dev', 'selftest', 'backup', 'restore', 'verify'];
const basic = guest('basic');

describe('help', () => {
  for (const command of commands) {
    test(`${command} --help shows its flags and an example`, async () => {
      const { code, stdout, stderr } = await run([command, '--help']);
      assert.equal(code, 0);
      assert.equal(stderr, '');
      assert.match(stdout, new RegExp(`^usage: cordon ${command}`));
      assert.match(stdout, /\nExample:\n {2}\S/);
      assert.ok(stdout.split('\n').every((line) => line.length <= 100), 'no line is over 100 wide');
      assert.deepEqual(await run(['help', command]), { code, signal: null, stdout, stderr });
    });
  }
  test('without a command the overview goes to stderr', async () => {
    const { code, stdout, stderr } = await run([]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    for (const command of commands) assert.match(stderr, new RegExp(`\\n {2}${command} `));
  });
  for (const words of [['help'], ['--help'], ['-h'], ['help', 'help'], ['help', 'version'], ['help', '--help'], ['version', '--help'], ['version', '-h']]) {
    test(`${words} lists the commands`, async () => {
      const { code, stdout } = await run(words);
      assert.equal(code, 0);
      for (const command of commands) assert.match(stdout, new RegExp(`\\n {2}${command} `));
    });
  }
  for (const word of ['version', '--version']) {
    test(word, async () => {
      const { code, stdout } = await run([word]);
      assert.equal(code, 0);
      assert.match(stdout, /^cordon \d+\.\d+\.\d+\n$/);
    });
  }
});

/* What is typed, and what stderr must say of it. */
const mistakes = [
  [['rum'], /no command 'rum'; did you mean 'run'\?/],
  [['deplyo'], /no command 'deplyo'; did you mean 'deploy'\?/],
  [['frobnicate'], /no command 'frobnicate'\n/],
  [['help', 'chekc'], /no command 'chekc'; did you mean 'check'\?/],
  [['\u001b[31mred'], /no command '\\u001b\[31mred'/],
  [['run', '--lmit', 'fuel=1', basic, 'basic:nothing'], /no flag '--lmit'; did you mean '--limit'\?/],
  [['run', '--limti=fuel=1', basic, 'basic:nothing'], /no flag '--limti=fuel=1'; did you mean '--limit'\?/],
  [['run', '-x', basic, 'basic:nothing'], /no flag '-x'\n/],
  [['run', '--production', basic, 'basic:nothing'], /no flag '--production'/],
  [['serve', '--production=yes'], /--production takes no value/],
  [['selftest', '--threads', '65'], /--threads takes a plain decimal number from 1 to 64, not '65'/],
  [['selftest', '--transactions', '0'], /--transactions takes a plain decimal number from 1/],
  [['selftest', '--seed', 'x'], /--seed takes a plain decimal number, not 'x'/],
  [['selftest', '--memory', '--data', 'd'], /--memory and --data exclude each other/],
  [['selftest', '--check', 'f', '--seconds', '1'], /--check reads a history and runs nothing/],
  [['run', '--limit'], /--limit needs a value: --limit NAME=VALUE/],
  [['run'], /needs MODULE PATH \[ARGS-JSON\]; nothing was given/],
  [['run', basic], /needs MODULE PATH \[ARGS-JSON\]; something is missing/],
  [['run', basic, 'basic:nothing', '{}', 'more'], /'more' is too much/],
  [['limits', 'fuel'], /'fuel' is too much: `cordon limits` takes flags only/],
  [['run', '--format', 'yaml', basic, 'basic:nothing'], /--format must be text or json, not 'yaml'/],
  [['run', '--limit', 'feul=1', basic, 'basic:nothing'], /no limit 'feul'; did you mean 'fuel'\?\n.*\bfuel\b.*\bmemory_bytes\b/],
  [['run', '--limit', 'zzz=1', basic, 'basic:nothing'], /no limit 'zzz'\n.*\bfuel\b/],
  [['run', '--limit', 'fuel', basic, 'basic:nothing'], /NAME=VALUE/],
  ...['', '-1', '+1', '1e9', '0x10', '1.5', '10k', ' 1', '18446744073709551616', '1\n'].map((number) => [
    ['run', '--limit', `fuel=${number}`, basic, 'basic:nothing'],
    /plain decimal number/,
  ]),
  ...['', 'abc', '0'.repeat(63), '0'.repeat(65), 'g'.repeat(64)].map((seed) => [
    ['run', '--seed', seed, basic, 'basic:nothing'],
    /--seed takes 64 hexadecimal digits/,
  ]),
  ...['', '-1', 'now', '1.5'].map((time) => [
    ['run', '--time', time, basic, 'basic:nothing'],
    /--time takes milliseconds since 1970/,
  ]),
  [['run', '--time', '18446744073709551615', basic, 'basic:nothing'], /after the year 2554/],
  [['run', 'no/such.wasm', 'a:b'], /cannot open 'no\/such.wasm': No such file or directory; check its name, and the folder that this runs in\n/],
  [['run', '/dev/null/such.wasm', 'a:b'], /Not a directory; check its name/],
  [['run', '/', 'a:b'], /cannot read '\/': Is a directory; name a file in it\n/],
  [['replay', 'no/such.record'], /cannot open 'no\/such.record': No such file or directory; check its name/],
  [['serve', '--config', 'no/such.json'], /cannot open 'no\/such.json': No such file or directory; check its name/],
  [['serve', '--config', '/dev/zero'], /'\/dev\/zero' is larger than 1048576 bytes, and so no config file\n`cordon serve --help` says more/],
  [['version', 'x'], /'x' is too much: `cordon version` takes nothing\n`cordon help` says more/],
  [['--version', '--format=json'], /'--format=json' is too much/],
  [['help', 'run', 'check'], /'check' is too much: `cordon help` takes one COMMAND/],
  [['check', 'no/such.wasm'], /cannot open 'no\/such.wasm'/],
  [['deploy', '--admin-key', 'k', 'no/such.wasm'], /cannot open 'no\/such.wasm'/],
  [['deploy', basic], /needs an admin key: --admin-key KEY or \$CORDON_ADMIN_KEY/],
  [['deploy', '--admin-key', 'a\nb', basic], /characters that no admin key has/],
  [['logs', '--history', 'all'], /--history takes a number of runs/],
  [['logs', 'messages:list'], /'messages:list' is too much: `cordon logs` takes flags only/],
  [['keygen', 'user'], /no keys of the kind 'user'/],
  [['new', 'cobol', 'x'], /no projects in 'cobol'/],
  [['call', 'a:b', '--url', 'ftp://127.0.0.1/'], /is no URL of a server/],
  [['call', 'a:b', '--url', 'http://'], /is no URL of a server/],
  ...['[]', '[{}]', 'null', '7', '"x"', '', '{', '{}{}', '{"a":1,}', '{"a":01}', "{'a':1}", '{"a":NaN}', '\ufeff{}'].flatMap((args) => [
    [['run', basic, 'basic:nothing', args], /ARGS-JSON must be one JSON object: \S/],
    [['call', 'a:b', args], /ARGS-JSON must be one JSON object: \S/],
  ]),
];

describe('mistakes', () => {
  for (const [words, says] of mistakes) {
    test(JSON.stringify(words).slice(0, 80), async () => {
      const { code, stdout, stderr } = await run(words);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, says);
      assert.ok(!/[\0-\x09\x0b-\x1f\x7f-\x9f]/.test(stderr), 'no control character gets out');
    });
  }
  test('with JSON asked for, words still go to stderr alone', async () => {
    const { code, stdout, stderr } = await run(['run', '--format', 'json', basic, 'basic:nothing', '[]']);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /ARGS-JSON/);
  });
  test('a file of the right name and the wrong content, in the same words everywhere', async () => {
    const path = join(newFolder(), 'notes.wasm');
    writeFileSync(path, 'dear diary\n');
    const server = await Server.start();
    const says = /ModuleRefused: notes\.wasm: The file does not begin as a WebAssembly module does \(00 61 73 6d\), at byte 0 \(0x0\)\. Pass the \.wasm file that the compiler made\.\n/;
    for (const words of [['deploy', '--url', server.url, '--admin-key', await server.key(), path], ['check', path], ['run', path, 'a:b']]) {
      const { code, stdout, stderr } = await run(words);
      assert.equal(code, 4, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, says);
    }
    await server.stop();
  });
});

describe('output that cannot be written', () => {
  test('is no success', async () => {
    const { openSync } = await import('node:fs');
    const { code, stderr } = await run(['limits'], { stdout: openSync('/dev/full', 'w') });
    assert.equal(code, 5);
    assert.match(stderr, /cannot write to stdout/);
  });
});
