/*
 * Every name in the limit table, in each of the two ways a person sets one: `cordon run --limit`
 * and `limits` in the config file of `cordon serve`. One row for each: a call that the lower number
 * ends or cuts and the higher one lets pass. A limit without a row fails the test.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server, example, guest, newFolder, parseOne, run, runError, runJson, runValue } from '../support/cordon.mjs';

const GREATEST = '18446744073709551615';
const rows = JSON.parse((await run(['limits', '--format', 'json'])).stdout);

/* What a limit that ends nothing does to an outcome, and what it leaves alone. */
const lines = (count, last) => ({ logLines }) => {
  assert.equal(logLines.length, count);
  assert.match(logLines.at(-1), last);
};
/* A request id may have some of the letter, too. */
const message = (size) => ({ errorMessage }) => assert.equal(errorMessage.match(/b{20,}/)[0].length, size);

/* `first` is called before, without the limit; `serves` is what a server has, if not `low`, and `rounds` how often it is called there; `code` is that of the table unless it says another. */
const cases = {
  user_time_ms: { call: ['spin', 'spin:query'], low: 50, high: 30000, highCall: ['spin', 'spin:rounds', { n: 10 }], flags: ['--limit', `fuel=${GREATEST}`] },
  system_time_ms: { call: ['documents', 'documents:insert', { n: 2000 }], low: 1, high: 30000 },
  fuel: { call: ['spin', 'spin:rounds', { n: 1000 }], low: 1000, high: 100000000 },
  memory_bytes: { call: ['memory', 'memory:grow_or_trap', { n: 10 }], low: 655360, high: 720896 },
  table_elements: { call: ['table', 'table:grow_or_trap', { n: 10 }], low: 10, high: 11 },
  stack_bytes: { call: ['stack', 'stack:deep', { n: 4000 }], low: 65536, high: 1048576 },
  call_depth: { call: ['basic', 'basic:echo'], low: 0, high: 1 },
  host_bytes: { call: ['results', 'results:long', { n: 2000000 }], low: 1048576, high: 100000000 },
  args_bytes: { call: ['basic', 'basic:echo', { n: 'x'.repeat(992) }], low: 999, high: 1000 },
  result_bytes: { call: ['results', 'results:long', { n: 1001 }], low: 1000, high: 1001 },
  log_lines: { call: ['logs', 'logs:lines', { n: 20 }], low: 10, high: 21, cut: lines(10, /Log overflow/), whole: lines(20, /^\[INFO\] x$/) },
  log_line_bytes: { call: ['logs', 'logs:long', { n: 20 }], low: 19, high: 20, cut: lines(1, /^\[INFO\] a{19} \(trunc/), whole: lines(1, /^\[INFO\] a{20}$/) },
  documents_read: { call: ['documents', 'documents:read_or_trap', { n: 6 }], low: 5, high: 6, first: ['documents:insert', { n: 10 }] },
  bytes_read: { call: ['documents', 'documents:read_or_trap', { n: 1 }], low: 900, high: 1500, first: ['documents:insert_large', { n: 1000 }] },
  index_ranges: { call: ['documents', 'documents:scans_or_trap', { n: 6 }], low: 5, high: 6, first: ['documents:insert', { n: 1 }] },
  documents_written: { call: ['documents', 'documents:insert_or_trap', { n: 6 }], low: 5, high: 6 },
  bytes_written: { call: ['documents', 'documents:insert_large_or_trap', { n: 2600 }], low: 2500, high: 3000 },
  document_bytes: { call: ['documents', 'documents:insert_large_or_trap', { n: 2600 }], low: 2500, high: 3000 },
  error_bytes: { call: ['results', 'results:error', { n: 101 }], low: 100, high: 101, cut: message(100), whole: message(101) },
  module_bytes: { call: ['basic', 'basic:nothing'], low: 1000, high: 10000, refused: /The module is \d{4} bytes long; the limit module_bytes is 1000\./ },
  compile_time_ms: { call: ['messages_rust', 'noop:noop'], low: 1, high: 120000, refused: /more than 1 ms/ },
  compile_bytes: { call: ['messages_rust', 'noop:noop'], low: 0, high: 4294967296, refused: /more than 0 bytes of (memory|machine code)/ },
  tenant_bytes: { call: ['documents', 'documents:insert', { n: 10 }], low: 1500, high: 100000, first: ['documents:insert', { n: 10 }] },
  audit_bytes: { call: ['documents', 'documents:insert', { n: 1 }], low: 300, high: 100000, serves: 2600, first: ['documents:insert', { n: 1 }], rounds: 2 },
};

const isBound = ({ name }) => name.startsWith('module_') && name !== 'module_bytes';
const settable = rows.filter((row) => !isBound(row));
const moduleOf = (name) => (name.startsWith('messages_') ? example(name) : guest(name));

test('each limit has a row, and nothing else has', () => {
  assert.deepEqual(Object.keys(cases), settable.map(({ name }) => name));
});

test('the bounds on modules are told, and nobody sets them', async () => {
  const bounds = rows.filter(isBound);
  assert.ok(bounds.length > 10);
  for (const { name, unit, query, mutation, action, code } of bounds) {
    assert.deepEqual([unit, mutation, action, code], [name.endsWith('_bytes') ? 'bytes' : 'count', query, query, 'ModuleRefused'], name);
    const { code: exit, stdout, stderr } = await run(['run', '--limit', `${name}=1`, guest('basic'), 'basic:echo']);
    assert.deepEqual([exit, stdout], [2, '']);
    assert.match(stderr, new RegExp(`'${name}' is a fixed bound on modules; nobody changes it\n`));
  }
});

for (const { name, code } of settable) {
  const { call, low, serves = low, high, highCall = call, flags = [], first, rounds = 1, cut, whole, refused } = cases[name] ?? { call: [] };
  const [module, path, args = {}] = call;

  describe(name, () => {
    test(`--limit ${name}=${low} holds and ${name}=${high} lets it pass`, async () => {
      const more = first === undefined ? flags : [...flags, '--data', newFolder()];
      if (first !== undefined) await runValue(moduleOf(module), ...first, more);
      const below = ['--limit', `${name}=${low}`, ...more];
      const above = ['--limit', `${name}=${high}`, ...more];
      if (refused !== undefined) {
        assert.match((await runError('ModuleRefused', 4, moduleOf(module), path, args, below)).errorMessage, refused);
      } else if (cut !== undefined) {
        cut(await runJson(moduleOf(module), path, args, below));
        whole(await runJson(moduleOf(module), path, args, above));
        return;
      } else {
        const { limit } = await runError(code, 3, moduleOf(module), path, args, below);
        assert.deepEqual([limit.name, limit.allowed], [name, low]);
        assert.ok(limit.used >= low, JSON.stringify(limit));
      }
      await runValue(moduleOf(highCall[0]), highCall[1], highCall[2] ?? {}, above);
    });

    test('the lowest and the greatest number are accepted, or the range is named', async () => {
      for (const number of ['0', GREATEST]) {
        const { code: exit, stdout, stderr } = await run(['run', '--format', 'json', '--limit', `${name}=${number}`, guest('basic'), 'basic:echo']);
        if (exit === 2) {
          assert.equal(stdout, '');
          assert.match(stderr, new RegExp(`^cordon: InvalidArgument: ${name} of ${number} .*\\d`));
        } else {
          const { status, code: ended, limit } = parseOne(stdout);
          assert.ok([0, 3, 4].includes(exit), `${exit}: ${stdout}`);
          assert.ok(exit !== 3 || limit.name === name, stdout);
          assert.ok(number === '0' || status === 'success', `${ended}: ${stdout}`);
        }
      }
    });

    test(`a server whose config says ${serves} holds to it`, async () => {
      const config = join(newFolder(), 'config.json');
      const others = flags.length > 0 ? { fuel: 1e15 } : {};
      writeFileSync(config, JSON.stringify({ limits: { ...others, [name]: serves } }));
      const server = await Server.start({ flags: ['--config', config] });
      const key = ['--url', server.url, '--admin-key', await server.key()];
      const deployed = await run(['deploy', ...key, moduleOf(module)]);
      if (refused !== undefined) {
        assert.equal(deployed.code, 4, deployed.stderr);
        assert.match(deployed.stderr, refused);
        await server.stop();
        return;
      }
      assert.equal(deployed.code, 0, deployed.stderr);
      for (let round = 0; first !== undefined && round < rounds; round++) {
        const before = await run(['call', ...key, first[0], JSON.stringify(first[1])]);
        assert.equal(before.code, 0, before.stderr);
      }
      const { stdout } = await run(['call', '--format', 'json', ...key, path, JSON.stringify(args)]);
      const answer = parseOne(stdout);
      if (cut !== undefined) {
        cut(answer);
      } else {
        assert.match(answer.errorMessage, new RegExp(`limit ${name}\\b.* used \\d+ \\w+, allowed ${serves};`, 'i'));
      }
      await server.stop();
    });
  });
}
