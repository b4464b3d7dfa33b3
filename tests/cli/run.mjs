/* `cordon run`: values, errors, log lines, time and randomness, the store, and its two formats. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guest, newFolder, run, runError, runJson, runValue } from '../support/cordon.mjs';

const basic = guest('basic');
const logs = guest('logs');
const clock = guest('clock');
const documents = guest('documents');

describe('values', () => {
  test('no result is null', async () => assert.equal(await runValue(basic, 'basic:nothing'), null));
  test('arguments default to {}', async () => assert.deepEqual(await runValue(basic, 'basic:echo'), {}));
  test('the last result wins', async () => assert.equal(await runValue(basic, 'basic:twice'), 2));
  for (const path of ['basic:echo', 'basic:echo_mutation', 'basic:echo_action', 'basic:hidden', 'nested/folder/basic:echo']) {
    test(`${path} gives its arguments back`, async () => {
      const value = {
        text: 'ä\u0000"\\\u{1f600}',
        number: -1.5e-7,
        whole: 3,
        no: null,
        yes: true,
        list: [[], {}, [1, 'x']],
        integer: { $integer: 'KgAAAAAAAAA=' },
        bytes: { $bytes: 'AQID' },
        nan: { $float: 'AAAAAAAA+H8=' },
      };
      assert.deepEqual(await runValue(basic, path, value), value);
    });
  }
  test('large values pass whole', async () => {
    const value = { text: 'x'.repeat(60000) };
    assert.deepEqual(await runValue(basic, 'basic:echo', value), value);
  });
  for (const path of ['basic.js:echo', 'basic:default', 'basic']) {
    test(`${path} is another way to write a path`, async () => assert.deepEqual(await runValue(basic, path), {}));
  }
});

describe('errors of the guest', () => {
  test('data of its own', async () => {
    const outcome = await runError('Failed', 1, basic, 'basic:fail');
    assert.match(outcome.errorMessage, /refused by the guest/);
    assert.deepEqual(outcome.errorData, { code: 7, why: ['x', null] });
  });
  test('without data', async () => {
    const outcome = await runError('Failed', 1, basic, 'basic:fail_plain');
    assert.match(outcome.errorMessage, /without data/);
    assert.equal(outcome.errorData, null);
  });
  test('a malformed report is still a failure, and says so', async () => {
    const outcome = await runError('Failed', 1, basic, 'basic:fail_malformed');
    assert.match(outcome.errorMessage, /can't be read/);
  });
  for (const [path, words] of [
    ['basic:unreachable', /unreachable/i],
    ['basic:divide', /division by zero|divide/i],
    ['basic:outside', /memory/i],
    ['basic:indirect', /./],
  ]) {
    test(`${path} traps`, async () => {
      const outcome = await runError('Trapped', 1, basic, path);
      assert.match(outcome.errorMessage, words);
      assert.doesNotMatch(outcome.errorMessage, /wasmtime|cranelift|0x[0-9a-f]{6}|\/rustc\//i);
    });
  }
  for (const [path, code, expected] of [
    ['fail', 'Failed', ['give_up', 'try', 'frames:fail']],
    ['refused', 'InvalidHostCall', ['look', 'frames:refused']],
    ['denied', 'CapabilityDenied', ['write', 'frames:denied']],
    ['trap', 'Trapped', ['func[10]', 'frames:trap']],
    ['deep', 'Trapped', Array(4).fill('frames:deep')],
    ['deepest', 'Trapped', Array(64).fill('frames:deepest')], /* the rest was cut off */
  ]) {
    test(`frames:${path} has its stack, innermost first, with the best name of each function`, async () => {
      const { frames } = await runError(code, 1, guest('frames'), `frames:${path}`);
      assert.deepEqual(frames.map((frame) => frame.function), expected);
    });
  }
  test('in the import phase the outermost frame is _initialize', async () => {
    const flags = ['--limit', 'fuel=1000'];
    const { frames } = await runError('OutOfFuel', 3, guest('initialize_spins'), 'phase:run', {}, flags);
    assert.deepEqual(frames.map((frame) => frame.function), ['_initialize']);
  });
  test('log lines of a run that failed are there', async () => {
    const outcome = await runError('Trapped', 1, logs, 'logs:then_trap');
    assert.deepEqual(outcome.logLines, ['[INFO] x']);
  });
  for (const [path, args] of [
    ['basic:typed', {}],
    ['basic:typed', { name: 7 }],
    ['basic:typed', { name: 'x', more: 1 }],
    ['basic:echo', '{"a":{"$integer":"x"}}'],
    ['basic:echo', '{"$reserved":1}'],
  ]) {
    test(`arguments ${JSON.stringify(args)} do not fit ${path}`, async () => {
      await runError('InvalidArguments', 1, basic, path, args);
    });
  }
  test('arguments that fit', async () => {
    assert.deepEqual(await runValue(basic, 'basic:typed', { name: 'ada' }), { name: 'ada' });
  });
  test('a result that does not fit', async () => {
    await runError('InvalidReturn', 1, basic, 'basic:returns_object', { name: 7 });
    assert.deepEqual(await runValue(basic, 'basic:returns_object', { name: 'ada' }), { name: 'ada' });
  });
  for (const path of ['results:empty', 'results:malformed', 'results:not_utf8', 'results:reserved']) {
    test(`${path} is no value`, async () => {
      await runError('InvalidReturn', 1, guest('results'), path);
    });
  }
  test('a value nested as deep as may be, and deeper', async () => {
    assert.equal(JSON.stringify(await runValue(guest('results'), 'results:deep', { n: 64 })), '['.repeat(64) + ']'.repeat(64));
    await runError('InvalidReturn', 1, guest('results'), 'results:deep', { n: 65 });
    await runError('InvalidReturn', 1, guest('results'), 'results:deep', { n: 30000 });
  });
  for (const path of ['basic:nobody', 'nobody:nothing', '', ':', 'basic:', 'basic:nothing:more', 'bäsic:nothing', '../basic:nothing']) {
    test(`there is no function '${path}'`, async () => {
      await runError('FunctionNotFound', 1, basic, path);
    });
  }
});

describe('log lines', () => {
  test('every level', async () => {
    const { logLines } = await runJson(logs, 'logs:levels');
    assert.deepEqual(logLines, ['[INFO] x', '[DEBUG] one two', '[WARN] ', '[ERROR] ', '[LOG] ä']);
  });
  test('control characters are kept in JSON', async () => {
    const { logLines } = await runJson(logs, 'logs:control');
    assert.deepEqual(logLines, ['[LOG] \u001b[31m\n[ERROR] forged\r\u009b\u202e']);
  });
  test('and escaped in text, where no line can be forged', async () => {
    const { code, stdout, stderr } = await run(['run', logs, 'logs:control']);
    assert.equal(code, 0);
    assert.equal(stdout, 'null\n');
    assert.equal(stderr, '[LOG] \\u001b[31m\\u000a[ERROR] forged\\u000d\\u009b\\u202e\n');
  });
});

describe('text', () => {
  test('the value alone is on stdout', async () => {
    const { code, stdout, stderr } = await run(['run', basic, 'basic:echo', '{"b":1,"a":"x\\u0085y"}']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.ok(!/[\x7f-\x9f]/.test(stdout));
    assert.deepEqual(JSON.parse(stdout), { a: 'x\u0085y', b: 1 });
  });
  test('an error is on stderr, with data and frames', async () => {
    const failed = await run(['run', basic, 'basic:fail']);
    assert.equal(failed.code, 1);
    assert.equal(failed.stdout, '');
    assert.match(failed.stderr, /^Failed: .*refused by the guest\n {2}data \{.*"code":7/s);
    const trapped = await run(['run', basic, 'basic:unreachable']);
    assert.match(trapped.stderr, /^Trapped: .*\n {2}at inner\n {2}at outer\n {2}at basic:unreachable\n$/s);
  });
  test('a limit says what was used, what was allowed, and what to change', async () => {
    const { code, stderr } = await run(['run', '--limit', 'fuel=100000', guest('spin'), 'spin:query']);
    assert.equal(code, 3);
    assert.match(stderr, /^OutOfFuel: limit .*\n {2}limit fuel: 100000 units used, 100000 allowed; `cordon run --limit fuel=NUMBER` allows more\n/s);
  });
  test('the code stands there once, and in JSON where it stood', async () => {
    for (const [flag, module, path, code] of [
      ['fuel=1000', 'spin', 'spin:query', 'OutOfFuel'],
      ['call_depth=0', 'basic', 'basic:echo', 'MaximumCallDepthExceeded'],
      ['user_time_ms=0', 'basic', 'basic:echo', 'TimedOut'],
    ]) {
      const text = await run(['run', '--limit', flag, guest(module), path]);
      assert.ok(text.stderr.startsWith(`${code}: `), text.stderr);
      assert.equal(text.stderr.split(code).length, 2, text.stderr);
      const { errorMessage } = await runError(code, 3, guest(module), path, {}, ['--limit', flag]);
      assert.match(errorMessage, code === 'TimedOut' ? /^Function execution timed out/ : new RegExp(`^${code}: limit `));
    }
  });
  test('a refused module', async () => {
    const { code, stdout, stderr } = await run(['run', guest('refused_no_metadata'), 'a:run']);
    assert.equal(code, 4);
    assert.equal(stdout, '');
    assert.match(stderr, /^cordon: ModuleRefused: \S/);
  });
});

describe('time and randomness', () => {
  const seed = '00112233445566778899aabbccddeeff'.repeat(2);
  test('the clock says what --time says, by each way to it', async () => {
    for (const path of ['clock:now', 'clock:now_alias', 'clock:now_wasi']) {
      assert.equal(await runValue(clock, path, {}, ['--time', '1700000000123']), 1700000000123, path);
    }
  });
  test('without --time it is now', async () => {
    const before = Date.now();
    const value = await runValue(clock, 'clock:now');
    assert.ok(value >= before && value <= Date.now(), `${value}`);
  });
  test('it stands still in a query', async () => assert.equal(await runValue(clock, 'clock:now_twice'), 0));
  test('one seed, one stream, by each way to it', async () => {
    const drawn = new Set();
    for (const path of ['random', 'random_mutation', 'random_alias', 'random_wasi', 'random_in_parts']) {
      drawn.add(await runValue(clock, `clock:${path}`, {}, ['--seed', seed]));
    }
    drawn.add(await runValue(clock, 'clock:random', {}, ['--seed', seed.toUpperCase()]));
    assert.equal(drawn.size, 1);
    assert.match([...drawn][0], /^[0-9a-f]{64}$/);
  });
  test('the stream is ChaCha12 of the seed', async () => {
    /* RFC 8439 layout with 6 double rounds, key and nonce zero: the published ECRYPT vector. */
    const value = await runValue(clock, 'clock:random', {}, ['--seed', '0'.repeat(64)]);
    assert.equal(value, '9bf49a6a0755f953811fce125f2683d50429c3bb49e074147e0089a52eae155f');
  });
  test('without --seed another one each time', async () => {
    const [one, two] = [await runValue(clock, 'clock:random'), await runValue(clock, 'clock:random')];
    assert.notEqual(one, two);
  });
  test('a given seed serves an action too; without one it draws anew', async () => {
    const drawn = new Set();
    for (const flags of [['--seed', seed], ['--seed', seed], [], []]) {
      drawn.add(await runValue(clock, 'clock:random_action', {}, flags));
    }
    assert.equal(drawn.size, 3);
  });
  test('the same run costs the same fuel, after a trap too', async () => {
    for (const [module, path] of [[basic, 'basic:echo'], [basic, 'basic:unreachable'], [guest('stack'), 'stack:forever']]) {
      const flags = ['--seed', seed, '--time', '5'];
      const one = await runJson(module, path, { n: 1 }, flags);
      const two = await runJson(module, path, { n: 1 }, flags);
      assert.equal(one.usage.fuel, two.usage.fuel, path);
      assert.ok(one.usage.fuel > 0, path);
    }
  });
});

describe('the store', () => {
  test('without --data it is empty each time', async () => {
    await runValue(documents, 'documents:insert', { n: 1 });
    assert.deepEqual(await runValue(documents, 'documents:read', { n: 1 }), { value: null, done: true });
  });
  test('with --data what a mutation wrote stays', async () => {
    const flags = ['--data', newFolder()];
    const { _id } = await runValue(documents, 'documents:insert', { n: 1 }, flags);
    const { value, done } = await runValue(documents, 'documents:read', { n: 1 }, flags);
    assert.equal(done, false);
    assert.equal(value._id, _id);
    assert.equal(value.n, 1);
    assert.equal((await runValue(documents, 'documents:get', { id: _id }, flags))._id, _id);
  });
  test('and what a failed one wrote does not', async () => {
    const flags = ['--data', newFolder()];
    await runError('Failed', 1, documents, 'documents:insert_then_fail', { n: 3 }, flags);
    assert.deepEqual(await runValue(documents, 'documents:read', { n: 1 }, flags), { value: null, done: true });
  });
  test('the same seed and time write the same document', async () => {
    const flags = ['--seed', '5'.repeat(64), '--time', '1700000000000'];
    const one = await runValue(documents, 'documents:insert', { n: 2 }, flags);
    assert.deepEqual(await runValue(documents, 'documents:insert', { n: 2 }, flags), one);
  });
  test('a folder that cannot be made', async () => {
    const { code, stdout, stderr } = await run(['run', '--data', '/dev/null/x', documents, 'documents:read']);
    assert.ok(code === 5 || code === 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^cordon: \w+: \S/);
  });
});
