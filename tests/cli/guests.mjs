/*
 * Modules that are refused, host calls that cannot be right, capabilities by kind, the import phase
 * and WASI: what a guest may try, and what comes of it.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { build, guest, newFolder, parseOne, run, runError, runJson, runValue } from '../support/cordon.mjs';

/* What a refusal must say: the thing itself, so that the author finds it. */
const reasons = {
  data_outside: /65535/,
  unknown_import: /input_reed/,
  unknown_import_module: /convex\/everything/,
  import_type: /input_read/,
  effect_type: /"sleep" of "convex\/effect" has the type \(i64\) -> \(i64\), but is offered as \(i32, i32\) -> \(i64\)/,
  import_memory: /memory/,
  import_global: /base/,
  no_memory: /memory/,
  no_metadata: /convex\.functions/,
  double_metadata: /convex\.functions/,
  malformed_metadata: /convex\.functions/,
  other_abi: /abi/i,
  no_functions: /function/,
  missing_export: /a:walk/,
  export_type: /a:run/,
  export_kind: /a:run/,
  path_twice: /a:run/,
  bad_path: /a b:run/,
  bad_kind: /workflow/,
  bad_validator: /complex/,
  shared_memory: /shared|thread/,
  memory64: /64/,
  two_memories: /memor/,
  bad_schema: /The schema is not valid: In table "t" index "by_a" must have at least one field.* in the custom section "convex\.schema"/,
  externref: /externref/,
  invalid_code:
    /The module is not valid: type mismatch: expected i32, found f32, at byte 55 \(0x37\) in the code section, in function 0 "a:run"\. .*build the module again/,
};

describe('refused modules', () => {
  test('every one that there is', () => {
    const found = readdirSync(join(build, 'tests', 'guests'))
      .map((name) => name.match(/^refused_(\w+)\.wasm$/)?.[1])
      .filter((name) => name !== undefined);
    assert.deepEqual(found.sort(), Object.keys(reasons).sort());
  });
  for (const [name, says] of Object.entries(reasons)) {
    test(name, async () => {
      const module = guest(`refused_${name}`);
      const outcome = await runError('ModuleRefused', 4, module, 'a:run');
      assert.match(outcome.errorMessage, says);
      assert.doesNotMatch(outcome.errorMessage, /wasmtime|cranelift|\.rs\b|0x[0-9a-f]{8}/i);
      assert.deepEqual(outcome.usage, { fuel: 0 });
      assert.equal(outcome.errorData, null);
      const check = await run(['check', '--format', 'json', module]);
      assert.equal(check.code, 4);
      const checked = parseOne(check.stdout);
      assert.equal(checked.code, 'ModuleRefused');
      assert.equal(checked.errorMessage, outcome.errorMessage);
      assert.ok(checked.errorMessage.startsWith(`refused_${name}.wasm: `), checked.errorMessage);
    });
  }
  test('no module at all, and every piece of one', async () => {
    const whole = readFileSync(guest('basic'));
    const folder = newFolder();
    for (const size of [0, 1, 4, 7, 8, 9, 40, 200, whole.length - 1]) {
      const path = join(folder, `cut_${size}.wasm`);
      writeFileSync(path, whole.subarray(0, size));
      await runError('ModuleRefused', 4, path, 'basic:nothing');
    }
  });
  test('a check of a good one tells what is in it', async () => {
    const { code, stdout, stderr } = await run(['check', '--format', 'json', guest('basic')]);
    assert.equal(code, 0, stderr);
    const report = parseOne(stdout);
    const row = report.module.functions.find(({ path }) => path === 'basic:hidden');
    assert.deepEqual([row.kind, row.visibility], ['query', 'internal']);
    assert.ok(report.module.imports.some(({ module, name }) => module === 'convex/core' && name === 'input_read'));
    assert.match(report.sha256, /^[0-9a-f]{64}$/);
    assert.equal(report.name, 'basic.wasm');
    const text = await run(['check', guest('basic')]);
    assert.equal(text.code, 0);
    assert.match(text.stdout, /^basic\.wasm: \d+ bytes, compiled in \d+ ms to \d+ bytes of machine code\n {2}sha256 [0-9a-f]{64}\n/);
    assert.match(text.stdout, /^ {2}basic:hidden +query +internal$/m);
    assert.match(text.stdout, /^ {2}imports convex\/core  input_read /m);
    assert.match(text.stdout, /^ {2}memory 65536 bytes at first, no maximum of its own\n {2}debug information: names$/m);
  });
});

describe('a check', () => {
  const checked = async (name) => parseOne((await run(['check', '--format', 'json', guest(name)])).stdout).module;
  test('tells what each function reaches, and how deep its calls go', async () => {
    const { functions, initialization } = await checked('reaches');
    const rows = Object.fromEntries(functions.map(({ path, capabilities, recursive, callDepth }) =>
      [path.replace('reaches:', ''), { capabilities, recursive, callDepth }]));
    const [core, read, write, effect] = ['convex/core', 'convex/db-read', 'convex/db-write', 'convex/effect'];
    assert.deepEqual(rows, {
      nothing: { capabilities: [], recursive: false, callDepth: 1 },
      core: { capabilities: [core], recursive: false, callDepth: 2 },
      read: { capabilities: [core, read], recursive: false, callDepth: 3 },
      by_table: { capabilities: [core, write], recursive: false, callDepth: 3 },
      recurses: { capabilities: [effect], recursive: true, callDepth: null },
    });
    assert.deepEqual(initialization, { capabilities: [core], recursive: false, callDepth: 2 });
  });
  test('in columns as wide as what stands in them', async () => {
    for (const name of ['reaches', 'effects', 'calls', 'basic']) {
      const { stdout } = await run(['check', guest(name)]);
      const lines = stdout.split('\n');
      const tables = [
        lines.filter((line) => / (public|internal)$/.test(line)).map((line) => /^( {2}\S+ +)(\S+ +)\S+$/.exec(line)),
        lines.filter((line) => line.startsWith('  imports ')).map((line) => /^( {2}imports \S+ +)(\S+ +)\(/.exec(line)),
      ];
      for (const rows of tables) {
        assert.ok(rows.length > 0 && rows.every((row) => row !== null), stdout);
        for (const column of [1, 2]) {
          const widths = rows.map((row) => row[column].length);
          assert.equal(new Set(widths).size, 1, stdout);
          assert.ok(rows.some((row) => / {2}$/.test(row[column]) && !/ {3}$/.test(row[column])), 'no wider than the widest');
        }
      }
    }
  });
  test('says so in words', async () => {
    const { stdout } = await run(['check', guest('reaches')]);
    assert.match(stdout, /^ {2}reaches:nothing +query +public\n {4}reaches no import; calls go 1 deep$/m);
    assert.match(stdout, /^ {4}reaches convex\/core convex\/db-read; calls go 3 deep$/m);
    assert.match(stdout, /^ {4}reaches convex\/effect; its calls may recurse$/m);
    assert.match(stdout, /^ {2}runs first: reaches convex\/core; calls go 2 deep$/m);
  });
});

describe('host calls', () => {
  const calls = guest('calls');
  const invalid = ['empty_past_end', 'past_end', 'wraps_around', 'output_past_end', 'log_past_end', 'log_malformed', 'log_no_object',
    'log_not_utf8', 'random_too_much', 'fail_past_end', 'alias_past_end', 'wasi_past_end', 'insert_malformed', 'insert_everything'];
  for (const name of invalid) {
    test(`${name} ends the run`, async () => {
      const outcome = await runError('InvalidHostCall', 1, calls, `calls:${name}`);
      assert.doesNotMatch(outcome.errorMessage, /0x[0-9a-f]{6}/);
    });
  }
  test('a range that is not there is not paid for', () =>
    runError('InvalidHostCall', 1, calls, 'calls:insert_everything', {}, ['--limit', 'fuel=10000']));
  for (const name of ['empty_at_end', 'whole_memory', 'random_most']) {
    test(`${name} is fine`, async () => assert.equal(await runValue(calls, `calls:${name}`), null));
  }
  for (const name of ['log_wrong_type', 'log_unknown_level', 'insert_wrong_type', 'insert_bad_table', 'get_foreign_id', 'stream_unknown']) {
    test(`${name} is a refusal that the guest can handle`, async () => {
      const refusal = await runValue(calls, `calls:${name}`);
      assert.deepEqual(Object.keys(refusal).sort(), ['code', 'message']);
      assert.ok(refusal.message.length > 0);
    });
  }
});

describe('capabilities', () => {
  const documents = guest('documents');
  for (const [path, call] of [
    ['documents:insert_in_query', '1.0/insert'],
    ['documents:read_in_action', '1.0/queryStream'],
    ['documents:insert_in_action', '1.0/insert'],
  ]) {
    test(`${path} is denied`, async () => {
      const outcome = await runError('CapabilityDenied', 1, documents, path, { n: 1 });
      assert.ok(outcome.errorMessage.includes(call), outcome.errorMessage);
    });
  }
  test('the twins of the right kind pass', async () => {
    await runValue(documents, 'documents:insert', { n: 1 });
    await runValue(documents, 'documents:read', { n: 1 });
  });
});

describe('the import phase', () => {
  const phase = guest('import_phase');
  const endedEarly = /^The module ended before its function ran: it called proc_exit\(0\)/;
  test('a start section, then _initialize, then the function', async () => {
    assert.equal(await runValue(phase, 'phase:initialized'), 2);
    assert.deepEqual((await runJson(phase, 'phase:seen')).logLines, ['[INFO] import phase']);
  });
  test('its time is not that of the run', async () => {
    assert.equal(await runValue(phase, 'phase:now', {}, ['--time', '1700000000000']), 0);
  });
  test('its seed is fixed for queries, and another one than that of the run', async () => {
    const one = await runValue(phase, 'phase:random', {}, ['--seed', '1'.repeat(64)]);
    const two = await runValue(phase, 'phase:random', {}, ['--seed', '2'.repeat(64)]);
    assert.equal(one, two);
    assert.notEqual(await runValue(phase, 'phase:random_action'), await runValue(phase, 'phase:random_action'));
  });
  test('what an action draws there is not what it draws again', async () => {
    assert.notEqual(await runValue(phase, 'phase:random_again'), 0);
  });
  for (const [module, code, exit, flags, says = /./] of [
    ['start_spins', 'OutOfFuel', 3, ['--limit', 'fuel=1000000']],
    ['start_spins', 'TimedOut', 3, ['--limit', 'user_time_ms=100', '--limit', 'fuel=1000000000000000']],
    ['initialize_spins', 'OutOfFuel', 3, ['--limit', 'fuel=1000000']],
    ['start_traps', 'Trapped', 1, []],
    ['start_exits', 'Failed', 1, [], endedEarly],
    ['initialize_exits', 'Failed', 1, [], endedEarly],
    ['start_reads', 'CapabilityDenied', 1, []],
    ['start_takes_input', 'CapabilityDenied', 1, []],
    ['start_draws', 'CapabilityDenied', 1, [], /while the module is loading|in queries and mutations/],
  ]) {
    test(`${module} ends with ${code}`, async () => {
      for (const path of ['phase:run', 'phase:run_mutation']) {
        const outcome = await runError(code, exit, guest(module), path, {}, flags);
        assert.match(outcome.errorMessage, says);
      }
    });
  }
});

describe('WASI', () => {
  const wasi = guest('wasi');
  test('descriptors 1 and 2 are log lines', async () => {
    const outcome = await runJson(wasi, 'wasi:write');
    assert.deepEqual(outcome.logLines, ['[LOG] hello world', '[ERROR] open']);
    assert.equal(outcome.value, 16);
  });
  test('a line is one line however it is written', async () => {
    assert.deepEqual((await runJson(wasi, 'wasi:write_parts')).logLines, ['[LOG] hello world', '[LOG] open']);
  });
  test('another descriptor is EBADF', async () => assert.equal(await runValue(wasi, 'wasi:write_elsewhere'), 8));
  test('proc_exit', async () => {
    assert.equal(await runValue(wasi, 'wasi:exit_well'), 5);
    const outcome = await runError('Failed', 1, wasi, 'wasi:exit_badly');
    assert.match(outcome.errorMessage, /exit code 3/);
  });
  test('error numbers', async () => {
    /* 1, then args 0, environ 0, their counts 0, prestat EBADF 8, seek ESPIPE 70, fdstat 0 and EBADF 8, read 0 */
    assert.equal(await runValue(wasi, 'wasi:numbers'), 10000000870000800);
  });
});
