/*
 * Each limit that a guest can reach, from both sides: a run that passes it ends with its code, exit
 * code 3 and the limit's name, use and allowance, and a twin just inside of it is a success.
 * (limit_names.mjs has each limit, in each way to set it, once.)
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { example, guest, newFolder, run, runError, runJson, runValue } from '../support/cordon.mjs';

const MISSION = {
  user_time_ms: [30000, 30000, 300000],
  memory_bytes: [268435456, 268435456, 268435456],
  fuel: [10000000000, 10000000000, 100000000000],
};

const limit = (name, value) => ['--limit', `${name}=${value}`];
const unlimitedFuel = limit('fuel', '18446744073709551615');

/* The run must end by this limit. */
async function over(name, code, module, path, args, flags, allowed) {
  const outcome = await runError(code, 3, guest(module), path, args, flags);
  assert.equal(outcome.limit.name, name, JSON.stringify(outcome));
  assert.equal(outcome.limit.allowed, allowed);
  assert.ok(outcome.limit.used >= allowed, JSON.stringify(outcome.limit));
  assert.match(outcome.errorMessage, new RegExp(`${allowed}|${allowed.toLocaleString('en')}|${allowed / 1000}`));
  return outcome;
}

const within = (module, path, args, flags) => runValue(guest(module), path, args, flags);

describe('the table', () => {
  test('as JSON has every row and the figures that were promised', async () => {
    const { code, stdout, stderr } = await run(['limits', '--format', 'json']);
    assert.equal(code, 0, stderr);
    const rows = JSON.parse(stdout);
    for (const row of rows) {
      assert.deepEqual(Object.keys(row), ['name', 'unit', 'query', 'mutation', 'action', 'code', 'text']);
      assert.ok(row.text.length > 0 && row.unit.length > 0 && /^[A-Z]\w+$/.test(row.code), row.name);
    }
    for (const [name, [query, mutation, action]] of Object.entries(MISSION)) {
      const row = rows.find((each) => each.name === name);
      assert.deepEqual([row.query, row.mutation, row.action], [query, mutation, action], name);
    }
    const names = rows.map((row) => row.name);
    for (const name of ['system_time_ms', 'table_elements', 'stack_bytes', 'call_depth', 'host_bytes', 'args_bytes', 'result_bytes',
      'log_lines', 'log_line_bytes', 'documents_read', 'bytes_read', 'index_ranges', 'documents_written', 'bytes_written']) {
      assert.ok(names.includes(name), name);
    }
    const text = await run(['limits']);
    for (const row of rows) {
      const numbers = row.name.startsWith('module_') && row.name !== 'module_bytes' ? [row.query] : [row.query, row.mutation, row.action];
      assert.match(text.stdout, new RegExp(`^${row.name} +${numbers.join(' +')} `, 'm'));
    }
  });
});

describe('fuel', () => {
  test('a spin ends by default', async () => {
    const outcome = await over('fuel', 'OutOfFuel', 'spin', 'spin:query', {}, [], 1e10);
    assert.ok(outcome.usage.user_time_ms < 30000);
  });
  test('to the unit', async () => {
    const path = 'spin:rounds';
    const { usage } = await runJson(guest('spin'), path, { n: 1000 });
    let least = usage.fuel;
    /* The engine wants to see a little more than it takes: at most one check's worth. */
    while ((await runJson(guest('spin'), path, { n: 1000 }, limit('fuel', least))).status !== 'success') least++;
    assert.ok(least - usage.fuel <= 1, `${least} for ${usage.fuel}`);
    const again = await runJson(guest('spin'), path, { n: 1000 }, limit('fuel', least));
    assert.equal(again.usage.fuel, usage.fuel);
    await over('fuel', 'OutOfFuel', 'spin', path, { n: 1000 }, limit('fuel', least - 1), least - 1);
  });
  test('host calls cost some', async () => {
    await over('fuel', 'OutOfFuel', 'spin', 'spin:host', {}, limit('fuel', 1000000), 1000000);
  });
  test('raised for an action', async () => {
    await over('fuel', 'OutOfFuel', 'spin', 'spin:action', {}, limit('fuel', 2000000), 2000000);
    await within('spin', 'spin:rounds_action', { n: 100000 }, limit('fuel', 2000000));
  });
});

describe('user_time_ms', () => {
  test('and the time of the system are in the usage of every answer', async () => {
    for (const [module, path, ends] of [
      ['basic', 'basic:echo'], ['basic', 'basic:echo_mutation'], ['basic', 'basic:echo_action'], ['basic', 'basic:fail', 'Failed'],
      ['basic', 'basic:unreachable', 'Trapped'], ['stack', 'stack:forever', 'StackOverflow'],
    ]) {
      const { code, usage } = await runJson(guest(module), path);
      assert.equal(code, ends);
      for (const name of ['user_time_ms', 'system_time_ms']) assert.ok(usage[name] >= 0, `${path}: ${name}`);
    }
  });
  for (const path of ['spin:query', 'spin:mutation', 'spin:action', 'spin:host']) {
    test(`${path} is stopped soon after`, async () => {
      const flags = [...limit('user_time_ms', 100), ...unlimitedFuel];
      const outcome = await over('user_time_ms', 'TimedOut', 'spin', path, {}, flags, 100);
      assert.ok(outcome.usage.user_time_ms < 1000, `${outcome.usage.user_time_ms} ms`);
    });
  }
  for (const path of ['fill', 'copy', 'table', 'touch', 'random', 'log', 'output']) {
    test(`bulk:${path}, whose steps are large, is stopped soon after too`, async () => {
      const flags = [...limit('user_time_ms', 100), ...unlimitedFuel];
      const outcome = await over('user_time_ms', 'TimedOut', 'bulk', `bulk:${path}`, {}, flags, 100);
      assert.ok(outcome.usage.user_time_ms < 2000, `${outcome.usage.user_time_ms} ms`);
    });
  }
  test('the largest single step passes', async () => {
    assert.equal(await within('bulk', 'bulk:fill_once', {}, []), 1);
  });
  test('short work passes', async () => {
    await within('spin', 'spin:rounds', { n: 100000 }, limit('user_time_ms', 1000));
  });
});

describe('memory_bytes', () => {
  /* The guest begins with one page of 64 KiB; the default allows 4,096. */
  test('every page up to the limit can be used', async () => {
    assert.equal(await within('memory', 'memory:touch', { n: 4095 }, []), 4096);
  });
  test('a page more is refused, and a success stays one', async () => {
    assert.equal(await within('memory', 'memory:grow', { n: 4095 }, []), 1);
    assert.equal(await within('memory', 'memory:grow', { n: 4096 }, []), -1);
  });
  for (const path of ['memory:grow_or_trap', 'memory:grow_or_fail']) {
    test(`${path} after a refused grow is out of memory`, async () => {
      await within('memory', path, { n: 4095 }, []);
      const { limit: { used }, frames } = await over('memory_bytes', 'OutOfMemory', 'memory', path, { n: 4096 }, [], 268435456);
      assert.equal(used, 268435456 + 65536, 'as much as it asked for');
      assert.equal(frames[0].function, path, 'and where');
    });
  }
  test('lowered', async () => {
    await within('memory', 'memory:grow_or_trap', { n: 9 }, limit('memory_bytes', 655360));
    await over('memory_bytes', 'OutOfMemory', 'memory', 'memory:grow_or_trap', { n: 10 }, limit('memory_bytes', 655360), 655360);
    await over('memory_bytes', 'OutOfMemory', 'memory', 'memory:grow_or_trap', { n: 9 }, limit('memory_bytes', 655359), 655359);
  });
  test('raised', async () => {
    assert.equal(await within('memory', 'memory:grow_or_trap', { n: 4096 }, limit('memory_bytes', 268500992)), 1);
  });
  test('after a refused grow there is a little more for reporting', async () => {
    assert.equal(await within('memory', 'memory:grow_then_report', { n: 4096 }, []), 1);
  });
  test('a grow over 4 GiB is refused like any other', async () => {
    assert.equal(await within('memory', 'memory:grow', { n: 4294967295 }, []), -1);
  });
  test('initial memory of the whole limit is admitted, a page more is not', async () => {
    assert.equal(await within('memory_full', 'memory:size', {}, []), 4096);
    await runError('ModuleRefused', 4, guest('memory_large'), 'memory:size');
  });
});

describe('table_elements', () => {
  test('up to the limit and over it', async () => {
    assert.equal(await within('table', 'table:grow_or_trap', { n: 99999 }, []), 1);
    assert.equal(await within('table', 'table:grow', { n: 100000 }, []), -1);
    await over('table_elements', 'TooManyTableElements', 'table', 'table:grow_or_trap', { n: 100000 }, [], 100000);
  });
  test('what was used shows', async () => {
    const { usage } = await runJson(guest('table'), 'table:grow', { n: 99 });
    assert.equal(usage.table_elements, 100);
  });
  test('lowered', async () => {
    await within('table', 'table:grow_or_trap', { n: 9 }, limit('table_elements', 10));
    await over('table_elements', 'TooManyTableElements', 'table', 'table:grow_or_trap', { n: 10 }, limit('table_elements', 10), 10);
  });
  test('an initial table of the whole limit is admitted, an element more is not', async () => {
    assert.equal(await within('table_full', 'table:size', {}, []), 100000);
    await runError('ModuleRefused', 4, guest('table_large'), 'table:size');
  });
});

describe('stack_bytes', () => {
  test('endless recursion is a clean end', async () => {
    const outcome = await runError('StackOverflow', 3, guest('stack'), 'stack:forever');
    assert.equal(outcome.limit.name, 'stack_bytes');
    assert.equal(outcome.limit.allowed, 524288);
    assert.ok(outcome.frames.some((frame) => frame.function === 'forever'));
  });
  test('the host has a stack of its own, whatever is left of the guest\'s', async () => {
    const outcome = await runError('StackOverflow', 3, guest('stack'), 'stack:insert_at_every_depth');
    assert.ok(outcome.usage.documents_written > 1000);
  });
  test('a thousand calls deep is none', async () => {
    assert.equal(await within('stack', 'stack:deep', { n: 1000 }, []), 1000);
  });
  test('lowered and raised', async () => {
    await runError('StackOverflow', 3, guest('stack'), 'stack:deep', { n: 4000 }, limit('stack_bytes', 65536));
    await within('stack', 'stack:deep', { n: 100 }, limit('stack_bytes', 65536));
    const deep = await runJson(guest('stack'), 'stack:deep', { n: 30000 });
    assert.equal(deep.code, 'StackOverflow');
    assert.equal(await within('stack', 'stack:deep', { n: 30000 }, limit('stack_bytes', 4194304)), 30000);
  });
});

describe('sizes', () => {
  test('args_bytes', async () => {
    const args = JSON.stringify({ n: 'x'.repeat(992) });
    assert.equal(args.length, 1000);
    await within('basic', 'basic:echo', args, limit('args_bytes', 1000));
    await over('args_bytes', 'TooLargeFunctionArguments', 'basic', 'basic:echo', args, limit('args_bytes', 999), 999);
    const { errorMessage } = await runError('TooLargeFunctionArguments', 3, guest('basic'), 'basic:echo', args, limit('args_bytes', 999));
    assert.match(errorMessage, /; pass less, or raise the limit/);
  });
  test('result_bytes', async () => {
    await within('results', 'results:long', { n: 1000 }, limit('result_bytes', 1000));
    await over('result_bytes', 'TooLargeFunctionResult', 'results', 'results:long', { n: 1001 }, limit('result_bytes', 1000), 1000);
  });
  test('result_bytes by default', async () => {
    assert.equal((await within('results', 'results:long', { n: 16777216 }, [])).length, 16777214);
    await over('result_bytes', 'TooLargeFunctionResult', 'results', 'results:long', { n: 16777217 }, [], 16777216);
  });
  test('host_bytes', async () => {
    const flags = limit('host_bytes', 1048576);
    await within('results', 'results:long', { n: 100000 }, flags);
    await over('host_bytes', 'TooManyHostBytes', 'results', 'results:long', { n: 2000000 }, flags, 1048576);
  });
  for (const [path, n, more, held] of [
    ['host_bytes:insert', 100000, 500000, 34],
    ['host_bytes:insert_array', 500000, 1000000, 18],
    ['host_bytes:log', 500000, 1000000, 18],
    ['host_bytes:output', 200000, 500000, 36],
  ]) {
    test(`host_bytes: what ${path} makes the host hold`, async () => {
      const { usage } = await runJson(guest('host_bytes'), path, { n });
      assert.ok(usage.host_bytes >= n * held && usage.host_bytes <= 3 * n * held, `${usage.host_bytes}`);
      const flags = limit('host_bytes', 16777216);
      await within('host_bytes', path, { n }, flags);
      await over('host_bytes', 'TooManyHostBytes', 'host_bytes', path, { n: more }, flags, 16777216);
    });
  }
  test('host_bytes: malformed JSON is malformed, unless there was no room to read it', async () => {
    const call = [guest('host_bytes'), 'host_bytes:insert_cut', { n: 100000 }];
    await runError('InvalidHostCall', 1, ...call);
    await runError('TooManyHostBytes', 3, ...call, limit('host_bytes', 1048576));
  });
  test('the cap of a call', async () => {
    assert.equal(await within('host_bytes', 'host_bytes:insert_size', { n: 8388608 }, []), null);
    const outcome = await runError('InvalidHostCall', 1, guest('host_bytes'), 'host_bytes:insert_size', { n: 8388609 });
    assert.match(outcome.errorMessage, /8388608/);
  });
  test('log_lines: one mark, the rest is dropped, and nothing fails', async () => {
    const lines = async (n, flags = []) => (await runJson(guest('logs'), 'logs:lines', { n }, flags)).logLines;
    assert.deepEqual(await lines(255), Array(255).fill('[INFO] x'));
    const full = await lines(1000);
    assert.equal(full.length, 256);
    assert.equal(full[255], '[ERROR] Log overflow (maximum 256). Remaining log lines omitted.');
    assert.deepEqual(await lines(9, limit('log_lines', 10)), Array(9).fill('[INFO] x'));
    assert.match((await lines(20, limit('log_lines', 10)))[9], /Log overflow \(maximum 10\)/);
    assert.deepEqual(await lines(20, limit('log_lines', 0)), []);
  });
  test('log_line_bytes: a longer line is cut with a mark', async () => {
    const line = async (n, flags = []) => (await runJson(guest('logs'), 'logs:long', { n }, flags)).logLines[0];
    assert.equal(await line(32768), `[INFO] ${'a'.repeat(32768)}`);
    assert.equal(await line(32769), `[INFO] ${'a'.repeat(32768)} (truncated due to length)`);
    assert.equal(await line(11, limit('log_line_bytes', 10)), `[INFO] ${'a'.repeat(10)} (truncated due to length)`);
  });
  test('error_bytes: a longer message is cut', async () => {
    const message = async (n, flags = []) => (await runJson(guest('results'), 'results:error', { n }, flags)).errorMessage;
    assert.ok((await message(100, limit('error_bytes', 100))).includes('b'.repeat(100)));
    const cut = await message(101, limit('error_bytes', 100));
    assert.ok(cut.includes('b'.repeat(100)) && !cut.includes('b'.repeat(101)), cut);
  });
  test('module_bytes', async () => {
    const { size } = statSync(guest('basic'));
    await within('basic', 'basic:nothing', {}, limit('module_bytes', size));
    const outcome = await runError('ModuleRefused', 4, guest('basic'), 'basic:nothing', {}, limit('module_bytes', size - 1));
    assert.match(outcome.errorMessage, new RegExp(`module is ${size} bytes long; the limit module_bytes is ${size - 1}\\..*or raise module_bytes\\.`));
    /* The true size of a file that is much larger than the limit, which is read whole. */
    const large = Buffer.concat([readFileSync(guest('basic')), Buffer.alloc(100000)]);
    const path = join(newFolder(), 'large.wasm');
    writeFileSync(path, large);
    const refused = await runError('ModuleRefused', 4, path, 'basic:nothing', {}, limit('module_bytes', 1000));
    assert.match(refused.errorMessage, new RegExp(`is ${large.length} bytes long; the limit module_bytes is 1000\\.`));
  });
  test('compile_time_ms and compile_bytes: a refusal, and nothing else happens', async () => {
    /* The program of the worker itself comes on top; a Rust guest needs more than that. */
    const large = example('messages_rust');
    const memory = await runError('ModuleRefused', 4, large, 'noop:noop', {}, limit('compile_bytes', 1000));
    assert.match(memory.errorMessage, /more than 1000 bytes of .*raise compile_bytes/);
    const time = await runError('ModuleRefused', 4, large, 'noop:noop', {}, limit('compile_time_ms', 1));
    assert.match(time.errorMessage, /more than 1 ms.*raise compile_time_ms/);
    await within('basic', 'basic:nothing', {}, []);
  });
});

/*
 * A limit on documents or bytes is a refusal that the guest may handle: then its value is the
 * refusal. If it does not, the run ends by the limit.
 */
describe('documents', () => {
  const cases = [
    { name: 'documents_written', code: 'TooManyWrites', path: 'documents:insert', n: 5, most: 5 },
    { name: 'bytes_written', code: 'TooManyBytesWritten', path: 'documents:insert_large', n: 2000, most: 2500, over: 2600 },
    { name: 'document_bytes', code: 'ValueTooLargeError', path: 'documents:insert_large', n: 2000, most: 2500, over: 2600 },
    { name: 'documents_read', code: 'TooManyDocumentsRead', path: 'documents:read', n: 5, most: 5, before: 10 },
    { name: 'index_ranges', code: 'TooManyReads', path: 'documents:scans', n: 5, most: 5, before: 1 },
  ];
  for (const { name, code, path, n, most, over: more = n + 1, before = 0 } of cases) {
    test(name, async () => {
      const flags = [...limit(name, most), '--data', newFolder()];
      if (before > 0) await within('documents', 'documents:insert', { n: before }, flags.slice(2));
      const fits = await within('documents', `${path}_or_trap`, { n }, flags);
      assert.equal(fits.code, undefined);
      const refusal = await within('documents', path, { n: more }, flags);
      assert.deepEqual(Object.keys(refusal).sort(), ['code', 'message']);
      assert.equal(refusal.code, code);
      await over(name, code, 'documents', `${path}_or_trap`, { n: more }, flags, most);
    });
  }
  test('near a limit the run says so; four fifths are not near', async () => {
    const lines = async (n) =>
      (await runJson(guest('documents'), 'documents:insert_or_trap', { n }, limit('documents_written', 10))).logLines;
    assert.deepEqual(await lines(8), []);
    assert.deepEqual(await lines(9), [
      '[WARN] Many writes in a single function execution (actual: 9, limit: 10).',
    ]);
  });
  test('a document that is nearly too large is named', async () => {
    const flags = limit('document_bytes', 2500);
    const { logLines } = await runJson(guest('documents'), 'documents:insert_large', { n: 2000 }, flags);
    assert.equal(logLines.length, 1);
    assert.match(logLines[0], /^\[WARN\] Large document written with ID "j5[0-9a-z]{30}" \(actual: 20\d\d bytes, limit: 2500 bytes\)\.$/);
  });
  test('bytes_read', async () => {
    const flags = ['--data', newFolder()];
    await within('documents', 'documents:insert_large', { n: 1000 }, flags);
    await within('documents', 'documents:read_or_trap', { n: 1 }, [...limit('bytes_read', 1500), ...flags]);
    const refusal = await within('documents', 'documents:read', { n: 1 }, [...limit('bytes_read', 900), ...flags]);
    assert.equal(refusal.code, 'TooManyBytesRead');
    await over('bytes_read', 'TooManyBytesRead', 'documents', 'documents:read_or_trap', { n: 1 }, [...limit('bytes_read', 900), ...flags], 900);
  });
  test('by default: 16,000 documents, one of at most 1 MiB', async () => {
    await within('documents', 'documents:insert_or_trap', { n: 16000 }, []);
    await over('documents_written', 'TooManyWrites', 'documents', 'documents:insert_or_trap', { n: 16001 }, [], 16000);
    await within('documents', 'documents:insert_large_or_trap', { n: 1048000 }, []);
    await over('document_bytes', 'ValueTooLargeError', 'documents', 'documents:insert_large_or_trap', { n: 1048576 }, [], 1048576);
  });
  test('what was written before the limit is gone', async () => {
    const data = ['--data', newFolder()];
    await over('documents_written', 'TooManyWrites', 'documents', 'documents:insert_or_trap', { n: 6 }, [...limit('documents_written', 5), ...data], 5);
    assert.deepEqual(await within('documents', 'documents:read', { n: 1 }, data), { value: null, done: true });
  });
});
