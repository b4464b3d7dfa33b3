/*
 * Effects on the command line: what actions may, what is denied to queries and mutations, what a
 * record keeps of it. Times have a floor, as a sleep is never shorter, and a wide ceiling.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { guest, newFolder, parseOne, run, runError, runJson, runValue } from '../support/cordon.mjs';

const effects = guest('effects');
const CONVEX = 'in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details.';

describe('capabilities', () => {
  for (const kind of ['query', 'mutation']) {
    test(`a ${kind} can't sleep`, async () => {
      const { errorMessage } = await runError('CapabilityDenied', 1, effects, `effects:sleep_${kind}`, { ms: 0 });
      assert.equal(errorMessage, `Can't use sleep() ${CONVEX} A ${kind} can't call \`sleep\` of \`convex/effect\`. An action can.`);
    });
    test(`a ${kind} can't draw real randomness`, async () => {
      const { errorMessage } = await runError('CapabilityDenied', 1, effects, `effects:random_${kind}`, { n: 32 });
      assert.equal(
        errorMessage,
        `Can't use cryptographic randomness ${CONVEX} A ${kind} can't call \`crypto_random\` of \`convex/effect\`. An action can.`);
    });
  }
  test('who links them and does not call them passes', async () => {
    assert.equal(await runValue(effects, 'effects:linked'), 1);
    assert.equal(await runValue(effects, 'effects:linked_mutation'), 1);
  });
  test('an action still has no database, and is told so in good English', async () => {
    const { errorMessage } = await runError('CapabilityDenied', 1, guest('documents'), 'documents:insert_in_action', { n: 1 });
    assert.equal(
      errorMessage,
      "An action can't call `1.0/insert` of `convex/db-write`. A mutation can: make this function one, or move the call there.");
  });
  test('a check names them', async () => {
    const { stdout } = await run(['check', '--format', 'json', effects]);
    const names = parseOne(stdout).module.imports.filter(({ module }) => module === 'convex/effect').map(({ name }) => name);
    assert.deepEqual(names.sort(), ['crypto_random', 'sleep']);
  });
});

describe('sleep', () => {
  for (const [ms, least] of [[0, 0], [0.25, 0], [50, 50]]) {
    test(`for ${ms} ms`, async () => {
      const { value, usage } = await runJson(effects, 'effects:sleep', { ms });
      assert.ok(value >= least && value < least + 5000, `${value}`);
      assert.ok(usage.user_time_ms >= least, 'it is the time of the action');
      assert.ok(usage.system_time_ms < 1000);
    });
  }
  test('ends at the limit of user time', async () => {
    const { limit } = await runError('TimedOut', 3, effects, 'effects:sleep', { ms: 60000 }, ['--limit', 'user_time_ms=200']);
    assert.ok(limit.used >= 200 && limit.used < 5000, JSON.stringify(limit));
    assert.deepEqual([limit.name, limit.allowed], ['user_time_ms', 200]);
  });
  test('just inside the limit passes', async () => {
    assert.ok((await runValue(effects, 'effects:sleep', { ms: 1800 }, ['--limit', 'user_time_ms=2000'])) >= 1800);
  });
  test('many in one run', async () => {
    const { usage } = await runJson(effects, 'effects:sleeps', { n: 50 });
    assert.ok(usage.user_time_ms >= 50);
  });
  for (const ms of [-1, 2147483648, '1', null, [], { $integer: 'AQAAAAAAAAA=' }]) {
    test(`${JSON.stringify(ms)} is refused`, async () => {
      assert.deepEqual(await runValue(effects, 'effects:sleep', { ms }), {
        code: 'InvalidArgument',
        message: 'Invalid argument `ms` for `sleep`: it is a number of milliseconds from 0 to 2147483647.',
      });
    });
  }
  for (const name of ['past_end', 'malformed', 'oversize']) {
    test(`${name} ends the run`, () => runError('InvalidHostCall', 1, effects, `effects:sleep_${name}`));
  }
});

describe('randomness', () => {
  for (const n of [32, 4096, 65536]) {
    test(`${n} bytes, others each time`, async () => {
      const [one, two] = [await runValue(effects, 'effects:random', { n }), await runValue(effects, 'effects:random', { n })];
      assert.match(one, /^[0-9a-f]{64}$/);
      assert.notEqual(one, '0'.repeat(64));
      assert.notEqual(one, two);
    });
  }
  test('no seed makes it repeat', async () => {
    const flags = ['--seed', '7'.repeat(64), '--time', '5'];
    const draw = () => runValue(effects, 'effects:random', { n: 32 }, flags);
    assert.notEqual(await draw(), await draw());
  });
  test('65,537 bytes end the run', async () => {
    const { errorMessage } = await runError('InvalidHostCall', 1, effects, 'effects:random', { n: 65537 });
    assert.match(errorMessage, /takes at most 65536/);
  });
  test('past the end of memory ends the run', () => runError('InvalidHostCall', 1, effects, 'effects:random_past_end'));
});

describe('WASI in an action', () => {
  test('both clocks are real', async () => assert.ok((await runValue(effects, 'effects:clocks', { n: 20 })) >= 20));
  test('random_get draws anew in each run', async () => {
    assert.notEqual(await runValue(effects, 'effects:random_wasi'), await runValue(effects, 'effects:random_wasi'));
  });
});

describe('a replay', () => {
  const folder = newFolder();
  async function twice(name, path, args, flags = []) {
    const record = join(folder, `${name}.record`);
    const words = ['--record', record, '--format', 'json', ...flags, effects, path, JSON.stringify(args)];
    const first = await run(['run', ...words]);
    const began = Date.now();
    const second = await run(['replay', '--format', 'json', record]);
    const outcome = parseOne(second.stdout);
    assert.deepEqual(outcome.replay, { same: true }, second.stderr);
    assert.equal(second.code, first.code);
    return { record, first: parseOne(first.stdout), second: outcome, took: Date.now() - began };
  }

  test('has the bytes that were drawn, from the record', async () => {
    const { record, first, second } = await twice('random', 'effects:random', { n: 65536 });
    assert.equal(second.value, first.value);
    assert.ok(readFileSync(record).includes(Buffer.from(first.value, 'hex')));
  });
  test('does not sleep', async () => {
    const { first, second, took } = await twice('sleep', 'effects:sleep', { ms: 3000 });
    assert.ok(first.value >= 3000);
    assert.equal(second.value, first.value, 'its clock is the recorded one');
    assert.ok(second.usage.user_time_ms < 1000 && took < 3000, `${took} ms`);
  });
  test('ends in the sleep that the run ended in', async () => {
    const { second } = await twice('limit', 'effects:sleep', { ms: 60000 }, ['--limit', 'user_time_ms=100']);
    assert.equal(second.code, 'TimedOut');
  });
  test('of what is denied is denied', async () => {
    const { second } = await twice('denied', 'effects:sleep_query', { ms: 0 });
    assert.equal(second.code, 'CapabilityDenied');
  });
});
