/*
 * docs/threat-model.md names what there is: each promise has code, tests and, but where the page says
 * why not, patches that take the code out; each patch names its promise and its test.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const PAGE = readFileSync('docs/threat-model.md', 'utf8');
const FOLDER = 'tests/sabotage';
const build = process.env.CORDON_BUILD_DIR ?? 'build';

const tests = new Set(
  [...execFileSync('ctest', ['--test-dir', build, '-N'], { encoding: 'utf8' }).matchAll(/^ *Test *#\d+: (.+)$/gm)].map(([, name]) => name),
);

/* [{ promise, code, tests, sabotage }] */
const promises = PAGE.split('\n## Promises\n')[1].split('\n## ')[0].split('\n### ').slice(1).map((section) => {
  /* Of an item with the lines that go on with it. */
  const list = (word) =>
    [...(section.match(new RegExp(`^- ${word}:(.*(?:\\n  .*)*)$`, 'm'))?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  return { promise: section.split('\n')[0], code: list('Code'), tests: list('Tests'), sabotage: list('Sabotage') };
});

const patches = readdirSync(FOLDER).filter((file) => file.endsWith('.patch')).map((file) => {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  const header = (word) => text.match(new RegExp(`^${word}: (.*)$`, 'm'))?.[1];
  return { name: file.slice(0, -6), promise: header('Promise'), test: header('Test') };
});

test('each promise has code and tests that exist', () => {
  assert.ok(promises.length >= 13);
  for (const { promise, code, tests: named } of promises) {
    assert.ok(code.length > 0 && named.length > 0, promise);
    for (const file of code) assert.ok(existsSync(file), `${promise}: ${file}`);
    for (const name of named) assert.ok(tests.has(name), `${promise}: ${name}`);
  }
});

test('each patch is named where it belongs, with a test that is named there too', () => {
  const seen = [];
  for (const { promise, tests: named, sabotage } of promises) {
    if (sabotage.length === 0) assert.equal(promise, 'Isolation', `${promise} has no patch`);
    for (const name of sabotage) {
      const patch = patches.find((one) => one.name === name);
      assert.ok(patch !== undefined, `${promise}: there is no patch ${name}`);
      assert.equal(patch.promise, promise, name);
      assert.ok(named.includes(patch.test), `${name}: ${patch.test}`);
      seen.push(name);
    }
  }
  assert.deepEqual(seen.sort(), patches.map(({ name }) => name).sort());
});

test('each patch applies', () => {
  for (const { name } of patches) execFileSync('git', ['apply', '--check', join(FOLDER, `${name}.patch`)], { stdio: 'pipe' });
});
