/*
 * The command line under faults: `run`, `check` and `replay`, while each allocation of our own and
 * each call of the machine fails in its turn. It does what it does without a fault, or says why not
 * and ends with an exit code that stands for that: 5, the machine, or 2 where a file that was named
 * could not be read.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build, guest, newFolder, parseOne, run } from '../support/cordon.mjs';

const program = join(build, 'tests', 'fault', 'cordon_faulty');
const worker = join(build, 'cordon-compile');
const size = Number(process.env.CORDON_TEST_SIZE) || 100;
const folder = newFolder();
const record = join(folder, 'record');
const seed = ['--seed', '00'.repeat(32), '--time', '1700000000000'];

const commands = {
  run: ['run', ...seed, '--format', 'json', guest('documents'), 'documents:insert', '{"n":3}'],
  'run in text': ['run', ...seed, guest('logs'), 'logs:lines', '{"n":3}'],
  'run with data': ['run', ...seed, '--data', join(folder, 'data'), guest('documents'), 'documents:read', '{"n":0}'],
  'run that is recorded': ['run', ...seed, '--record', record, guest('documents'), 'documents:insert', '{"n":3}'],
  check: ['check', '--format', 'json', guest('documents')],
  replay: ['replay', '--format', 'json', record],
};
/* How many faults of a kind are tried at size 100, evenly over all. */
const points = 12;

/* With the nth fault of a kind: { code, stdout, stderr, count, name }. */
async function runWith(command, kind, nth) {
  const told = join(folder, 'told');
  const result = await run(command, {
    program,
    env: { CORDON_FAULT: kind, CORDON_FAULT_NTH: String(nth), CORDON_FAULT_TOLD: told, CORDON_COMPILE_WORKER: worker },
  });
  const [count, name] = result.signal ? [0, ''] : readFileSync(told, 'utf8').trim().split(' ');
  return { ...result, count: Number(count), name };
}

/* Times differ from run to run. */
const stable = (text) => text.replace(/"[A-Za-z_]*([Tt]ime|[Mm]s)[A-Za-z_]*": ?[0-9.]+/g, '').replace(/\b[0-9.]+ ms\b/g, '');

/* What was said of a failure: in the answer, or beside it if that is none or good. */
function words(result) {
  const message = result.stdout.startsWith('{') ? parseOne(result.stdout).errorMessage : undefined;
  return message ?? result.stderr;
}

function judge(result, good, what) {
  assert.equal(result.signal, null, `${what} ends by itself: ${result.stderr}`);
  if (result.code === good.code) {
    assert.equal(stable(result.stdout), stable(good.stdout), what);
    return;
  }
  assert.ok([2, 5].includes(result.code), `${what}: exit code ${result.code}, ${result.stderr}`);
  const said = words(result);
  assert.match(said, /\w+ \w+/, `${what} has words`);
  assert.doesNotMatch(said, /0x[0-9a-f]{6}|wasmtime|cranelift|mdb_|uv_/i, what);
}

for (const [name, command] of Object.entries(commands)) {
  for (const kind of ['memory', 'no memory', 'calls', 'interrupts', 'cuts']) {
    test(`${name}, ${kind}`, async () => {
      const good = await runWith(command, kind, 2 ** 60);
      assert.equal(good.code, 0, good.stderr);
      assert.ok(good.count > 0);
      const stride = Math.max(1, Math.floor(good.count / ((points * size) / 100)));
      for (let nth = 1; nth <= good.count; nth += stride) {
        const result = await runWith(command, kind, nth);
        judge(result, good, `${name}, ${kind} ${nth} (${result.name})`);
      }
    });
  }
}
