/* The table itself: that it is as large and as whole as is said of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { build } from '../support/cordon.mjs';
import { attacks, promises } from './attacks.mjs';
import { moduleOf, rows, sourceOf } from './judge.mjs';
import { weaknesses } from './weaknesses.mjs';

const ROWS_MIN = 100;
const SOURCES_MIN = 60;
const ROWS_OF_PROMISE_MIN = 5;
const PROVEN_BY_ROWS_MIN = 20;

const steps = ({ attack, twin }) => [attack, twin, ...[attack, twin].flatMap(({ before = [], after }) => [...before, ...(after === undefined ? [] : [after])])];
const asked = (one) => ['ends', 'gives', 'like', 'logs'].some((key) => one[key] !== undefined);

describe('the table', () => {
  test('has each promise, with enough attacks on it', () => {
    assert.deepEqual(Object.keys(attacks), Object.keys(promises));
    for (const [promise, list] of Object.entries(attacks)) assert.ok(list.length >= ROWS_OF_PROMISE_MIN, promise);
  });
  test(`has ${ROWS_MIN} attacks or more, no two of them the same`, () => {
    const all = rows.map(({ promise, attack: { call, args, limits, variant } }) => JSON.stringify([promise, call, args, limits, variant]));
    assert.ok(new Set(rows.map(({ attack }) => attack.call)).size >= ROWS_MIN);
    assert.deepEqual(all.filter((one, index) => all.indexOf(one) < index).filter((one) => !/^\["concurrency/.test(one)), []);
  });
  test(`from ${SOURCES_MIN} sources or more, in three languages`, () => {
    const sources = new Set(rows.flatMap(steps).map(({ call }) => sourceOf(call)));
    assert.ok(sources.size >= SOURCES_MIN, `${sources.size}`);
    for (const end of ['.wat', '.c', '.rs']) assert.ok([...sources].filter((one) => one.endsWith(end)).length >= 5, end);
  });
  test('each attack and each twin says what must come of it, and no twin is to fail', () => {
    for (const row of rows) {
      for (const one of steps(row)) assert.ok(asked(one), `${row.id}: ${one.call}`);
      assert.equal(row.twin.ends, undefined, row.id);
      assert.ok(row.attack.ends !== undefined || row.attack.call !== row.twin.call || row.attack.args !== row.twin.args || row.attack.variant !== row.twin.variant, row.id);
    }
  });
  test('each module is there, and each guest is used', () => {
    for (const row of rows) for (const one of steps(row)) assert.ok(existsSync(moduleOf(one)), moduleOf(one));
    const used = new Set(rows.flatMap(steps).map(({ call }) => call.split(':')[0]));
    const guests = readdirSync(new URL('guests', import.meta.url)).map((name) => basename(name, '.wat'));
    assert.deepEqual(guests.filter((name) => !used.has(name)), []);
  });
});

describe('the weaknesses', () => {
  const calls = new Set(rows.flatMap(steps).map(({ call }) => call));
  test('are 28, in their order', () => {
    assert.deepEqual(weaknesses.map(({ number }) => number), Array.from({ length: 28 }, (_, index) => index + 1));
  });
  test(`${PROVEN_BY_ROWS_MIN} or more are proven by attacks of the table`, () => {
    assert.ok(weaknesses.filter(({ rows: its = [] }) => its.length > 0).length >= PROVEN_BY_ROWS_MIN);
    for (const { number, rows: its = [] } of weaknesses) for (const call of its) assert.ok(calls.has(call), `${number}: ${call}`);
  });
  test('tests that prove others exist', () => {
    const { tests } = JSON.parse(execFileSync('ctest', ['--show-only=json-v1'], { cwd: build, encoding: 'utf8' }));
    const names = new Set(tests.map(({ name }) => name));
    for (const { number, tests: its = [] } of weaknesses) for (const name of its) assert.ok(names.has(name), `${number}: ${name}`);
  });
});
