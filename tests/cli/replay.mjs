/* `cordon run --record` and `cordon replay`: the same run from its record alone, and what is not one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cordon, example, guest, newFolder, run } from '../support/cordon.mjs';

const folder = newFolder();
let records = 0;

/* Runs with a record; both outcomes and their exit codes, times left out. */
async function twice(module, path, args = {}, flags = []) {
  const record = join(folder, `${records++}.record`);
  const first = await run(['run', '--record', record, '--format', 'json', ...flags, module, path, JSON.stringify(args)]);
  const second = await run(['replay', '--format', 'json', record]);
  return { record, first, second };
}

function withoutTimes(stdout) {
  const outcome = JSON.parse(stdout);
  const { user_time_ms, system_time_ms, ...usage } = outcome.usage;
  assert.ok(user_time_ms >= 0 && system_time_ms >= 0);
  return { ...outcome, usage };
}

async function assertSame(module, path, args, flags) {
  const { record, first, second } = await twice(module, path, args, flags);
  assert.equal(second.code, first.code, second.stderr);
  const { replay, ...outcome } = withoutTimes(second.stdout);
  assert.deepEqual(replay, { same: true });
  assert.deepEqual(outcome, withoutTimes(first.stdout));
  return record;
}

describe('the same run', () => {
  for (const name of ['messages_rust', 'messages_c']) {
    const message = { author: 'Ada', body: 'hello' };
    const calls = [
      ['messages:list', {}],
      ['messages:send', message],
      ['messages:fail', message],
      ['messages:send', { author: 1 }],
      ['math:fib', { n: 15 }],
      ['echo:now', {}],
      ['counters:add', { name: 'x', by: 2 }],
    ];
    for (const [path, args] of calls) {
      test(`${name} ${path} ${JSON.stringify(args)}`, () => assertSame(example(name), path, args));
    }
    test(`${name} ends by fuel`, () => assertSame(example(name), 'math:fib', { n: 30 }, ['--limit', 'fuel=100000']));
    test(`${name} ends by time`, () =>
      assertSame(example(name), 'math:fib', { n: 45 }, ['--limit', 'user_time_ms=60', '--limit', 'fuel=100000000000']));
  }
  for (const [name, path] of [['basic', 'basic:unreachable'], ['logs', 'logs:levels'], ['clock', 'clock:now_action']]) {
    test(`${name} ${path}`, () => assertSame(guest(name), path, {}));
  }
  test('what the data held is in the record', async () => {
    const data = join(folder, 'data');
    const send = ['run', '--data', data, example('messages_rust'), 'messages:send', '{"author":"a","body":"b"}'];
    assert.equal((await run(send)).code, 0);
    const record = join(folder, 'list.record');
    const first = await run(['run', '--data', data, '--record', record, example('messages_rust'), 'messages:list']);
    const second = await run(['replay', record]);
    assert.match(first.stdout, /"author":"a"/);
    assert.equal(second.stdout, first.stdout);
    assert.match(second.stderr, /replay: the same run/);
  });
});

describe('the file', () => {
  test('only its owner reads it, and it replaces an older one', async () => {
    const record = await assertSame(guest('basic'), 'basic:echo', { a: 1 });
    assert.equal(statSync(record).mode & 0o777, 0o600);
    const before = readFileSync(record);
    assert.equal((await run(['run', '--record', record, guest('basic'), 'basic:echo', '{"a":2}'])).code, 0);
    assert.notDeepEqual(readFileSync(record), before);
  });
  test('a function that does not exist leaves none, and says so', async () => {
    const record = join(folder, 'none.record');
    const { code, stderr } = await run(['run', '--record', record, guest('basic'), 'no:where']);
    assert.equal(code, 1);
    assert.match(stderr, /No record was written/);
    assert.ok(!existsSync(record));
  });
  test('one that cannot be written is told before the function runs', async () => {
    const data = newFolder();
    const add = (...flags) => run(['run', '--data', data, ...flags, guest('counter'), 'counter:add']);
    for (const [path, words] of [[join(folder, 'no', 'such', 'folder'), /No such file or directory/], [folder, /Is a directory/]]) {
      const { code, stdout, stderr } = await add('--record', path);
      assert.equal(code, 5);
      assert.equal(stdout, '');
      assert.match(stderr, /cannot be written: .*; name a file in a folder that is there and may be written to\n$/);
      assert.match(stderr, words);
    }
    assert.equal((await add()).stdout, '1\n');
  });
  test('one for which there is no room by then: the run is told, and that it has no record', () => {
    const record = join(folder, 'large.record');
    const args = JSON.stringify({ a: 'x'.repeat(100000) });
    const words = ['run', '--record', record, guest('basic'), 'basic:echo', args].map((word) => `'${word}'`).join(' ');
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `ulimit -f 160; exec '${cordon}' ${words}`], { encoding: 'utf8' });
    assert.equal(status, 5, stderr);
    assert.equal(stdout, `${args}\n`);
    assert.match(stderr, /cannot be written: File too large; free some space/);
    assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('large.record')), []);
  });
});

describe('no record', () => {
  const damaged = {
    'an empty file': () => Buffer.alloc(0),
    'another file': () => readFileSync(guest('basic')),
    'a byte changed': (bytes) => { bytes[bytes.length >> 1] ^= 1; return bytes; },
    'its end missing': (bytes) => bytes.subarray(0, bytes.length - 1),
    'something behind it': (bytes) => Buffer.concat([bytes, Buffer.from('x')]),
  };
  for (const [what, change] of Object.entries(damaged)) {
    test(what, async () => {
      const record = await assertSame(guest('basic'), 'basic:echo', {});
      writeFileSync(record, change(readFileSync(record)));
      const { code, stdout, stderr } = await run(['replay', '--format', 'json', record]);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /no record of a run|is damaged/);
    });
  }
  test('no file', async () => assert.equal((await run(['replay', join(folder, 'nothing')])).code, 2));
});

describe('a profile', () => {
  /* The lines of the profile of one run: [[functions, outermost first], fuel]. */
  async function profile(module, path, args, flags = []) {
    const { record, first } = await twice(module, path, args, flags);
    const folded = `${record}.folded`;
    const { code, stdout, stderr } = await run(['replay', '--format', 'json', '--profile', folded, record]);
    assert.equal(code, first.code, stderr);
    assert.equal(statSync(folded).mode & 0o777, 0o600);
    const text = readFileSync(folded, 'utf8');
    const stacks = text.trim().split('\n').map((line) => {
      const [, names, fuel] = line.match(/^(.+) (\d+)$/);
      return [names.split(';'), Number(fuel)];
    });
    for (const [names, fuel] of stacks) {
      assert.equal(names[0], path);
      assert.ok(fuel > 0);
    }
    const all = stacks.reduce((sum, [, fuel]) => sum + fuel, 0);
    assert.equal(all, JSON.parse(stdout).usage.fuel, 'the lines have the fuel of the run');
    return { record, text, stacks, share: (name) => stacks.reduce((sum, [names, fuel]) => sum + (names.includes(name) ? fuel : 0), 0) / all };
  }
  const near = (share, expected) => assert.ok(Math.abs(share - expected) < 0.01, `${share} is not about ${expected}`);

  test('knows where the fuel went', async () => {
    const { stacks, share } = await profile(guest('hot'), 'hot:run', { n: 2000 });
    near(share('hot'), 0.9);
    near(share('cold'), 0.1);
    assert.deepEqual(stacks.find(([names]) => names.includes('hot'))[0], ['hot:run', 'hot:run', 'hot', 'rounds']);
  });
  test('is the same each time', async () => {
    const { record, text } = await profile(guest('hot'), 'hot:run', { n: 700 });
    const again = join(folder, 'again.folded');
    assert.equal((await run(['replay', '--profile', again, record])).code, 0);
    assert.equal(readFileSync(again, 'utf8'), text);
  });
  test('the function sees as much fuel as it had, wherever it is stopped', async () => {
    const length = Number((await run(['run', guest('hot'), 'hot:length'])).stdout);
    const { share } = await profile(guest('hot'), 'hot:adapts', { n: length });
    near(share('hot'), 1);
    assert.equal(share('cold'), 0);
  });
  test('of a run that a limit ended', async () => {
    const { share } = await profile(guest('hot'), 'hot:run', { n: 100000000 }, ['--limit', 'fuel=1000000']);
    near(share('hot'), 1);
  });
  for (const name of ['messages_rust', 'messages_c']) {
    test(`of ${name}, names as people write them`, async () => {
      const { text, share } = await profile(example(name), 'math:fib', { n: 18 });
      assert.ok(share('math:fib') === 1);
      assert.doesNotMatch(text, /_ZN|_RN/);
      assert.match(text, /;(.*::)?fib(onacci)?[; ]/);
    });
  }
  test('one that cannot be written', async () => {
    const record = await assertSame(guest('basic'), 'basic:echo', {});
    const { code, stderr } = await run(['replay', '--profile', join(folder, 'no', 'where'), record]);
    assert.equal(code, 5);
    assert.match(stderr, /cannot be written: No such file or directory/);
  });
});
