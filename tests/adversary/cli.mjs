/*
 * The table by the command: `cordon run --format json` for each attack and its twin. Of a share of
 * them, and of all in the long run, `cordon replay` makes the same of the record, to the last unit of
 * fuel; where a row asks for it, another run with the same seed and time gives the same, and what a
 * terminal is shown holds no control character.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { checkOutcome, newFolder, parseOne, run } from '../support/cordon.mjs';
import { judge, judgeNearness, limitOf, moduleOf, rows, size } from './judge.mjs';

const folder = newFolder();
const defaults = new Map();
before(async () => {
  const { stdout } = await run(['limits', '--format', 'json']);
  for (const row of JSON.parse(stdout)) {
    defaults.set(row.name, row);
    if (row.code !== 'ModuleRefused') limitOf.set(row.code, [...(limitOf.get(row.code) ?? []), row.name]);
  }
});

const EXITS = { ModuleRefused: 4, Overloaded: 5, Internal: 5 };
const exitOf = ({ ends }) => (ends === undefined ? 0 : limitOf.has(ends) ? 3 : EXITS[ends] ?? 1);

function words(one, flags) {
  const limits = Object.entries(one.limits ?? {}).flatMap(([name, value]) => ['--limit', `${name}=${value}`]);
  const { seed, time } = one.given ?? {};
  const given = [...(seed === undefined ? [] : ['--seed', seed]), ...(time === undefined ? [] : ['--time', `${time}`])];
  const args = one.args === undefined ? [] : [typeof one.args === 'string' ? one.args : JSON.stringify(one.args)];
  return [...limits, ...given, ...flags, moduleOf(one), one.call, ...args];
}

/*
 * The outcome of one run or replay, its usage without times, as these differ. A run that went well and
 * learned more than a record holds is told to have none.
 */
async function outcomeOf(command, exit) {
  const { code, signal, stdout, stderr } = await run(command);
  assert.equal(signal, null, `ended by ${signal}: ${stderr}`);
  const { replay, ...outcome } = parseOne(stdout);
  checkOutcome(outcome);
  const unrecorded = /more than a record holds .*\n  No record was written\.\n/.test(stderr);
  assert.equal(code, unrecorded && exit === 0 ? 5 : exit, stdout.slice(0, 2000));
  return { outcome, replay };
}

function withoutTimes({ usage: { user_time_ms, system_time_ms, ...usage }, limit, errorMessage, logLines, ...rest }) {
  return { ...rest, usage, logLines: logLines.filter((line) => !/^\[WARN\] Function execution took a long time/.test(line)) };
}

/* The record of a run is the run: with as much fuel, with the same words. */
async function replays(record, exit, outcome) {
  const { outcome: again, replay } = await outcomeOf(['replay', '--format', 'json', record], exit);
  assert.deepEqual(replay, { same: true });
  assert.deepEqual(withoutTimes(again), withoutTimes(outcome));
}

async function showsNoControl(one, flags) {
  const { stdout, stderr } = await run(['run', ...words(one, flags)]);
  assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u);
}

/* All runs can be replayed; here those are that it is about, a share of the others, and in the long run all. */
const SHARE = 5;
const isReplayed = ({ id, number }) => size > 100 || /^(replay|determinism)_/.test(id) || number % SHARE === 0;

async function runCase(one, flags) {
  const exit = exitOf(one);
  const record = join(folder, `${one.id}.record`);
  const { outcome } = await outcomeOf(['run', '--format', 'json', '--record', record, ...words(one, flags)], exit);
  judge(one, outcome);
  if (existsSync(record) && isReplayed(one)) await replays(record, exit, outcome);
  if (one.repeats && one.ends !== 'TimedOut') {
    const { outcome: again } = await outcomeOf(['run', '--format', 'json', ...words(one, flags)], exit);
    assert.deepEqual(withoutTimes(again), withoutTimes(outcome));
  }
  if (one.shown) await showsNoControl(one, flags);
  return outcome;
}

/* A row with a state before or after it has a store of its own for each of its cases. */
async function runWhole(one) {
  const stateful = one.before !== undefined || one.after !== undefined;
  const flags = stateful ? ['--data', newFolder()] : [];
  const step = async (other) => judge(other, (await outcomeOf(['run', '--format', 'json', ...words(other, flags)], exitOf(other))).outcome);
  for (const other of one.before ?? []) await step(other);
  const outcome = await runCase(one, flags);
  if (one.after !== undefined) await step(one.after);
  return outcome;
}

/* Under a sanitizer a share of the rows; server.mjs runs all of them there. */
const chosen = rows.filter(({ attack }) => attack.number % Math.max(1, Math.floor(100 / size)) === 0);

for (const promise of new Set(rows.map((row) => row.promise))) {
  describe(promise, { concurrency: 2 }, () => {
    for (const row of chosen.filter((one) => one.promise === promise)) {
      test(row.title, () => runWhole(row.attack));
      test(`${row.title}, its twin`, async () => {
        const outcome = await runWhole(row.twin);
        judgeNearness(row, outcome, (name) => defaults.get(name).query || defaults.get(name).mutation);
      });
    }
  });
}
