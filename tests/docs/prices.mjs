/*
 * Each call of the host has a price that `make bench` measures, or a reason why it does not: the calls are
 * those of src/host/table.c, the rows those of bench/price_rows.mjs, and bench_prices has them all.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { plain, priced, unmeasured } from '../../bench/price_rows.mjs';

const table = readFileSync('src/host/table.c', 'utf8').split('#define HOST_IMPORTS(X)')[1].split('/* clang-format on */')[0].replaceAll('\\\n', ' ');
const calls = [...table.matchAll(/X\([A-Z_]+,\s*\w+,\s*(?:"[^"]*"|WASI),\s*"([^"]+)"/g)].map(([, name]) => name);
const titles = Object.values(priced).map(([title]) => title).join(' ');
const measured = new Set([...titles.matchAll(/`([^`]+)`/g)].map(([, name]) => name));

test('every call of the host has a row or a reason', () => {
  assert.ok(calls.length > 40, `${calls.length} calls were found`);
  for (const name of calls) assert.ok(measured.has(name) !== name in unmeasured, `${name}: a row in bench/price_rows.mjs, or a reason there`);
});

test('no reason is for a call that is not there', () => {
  for (const name of Object.keys(unmeasured)) assert.ok(calls.includes(name), name);
});

test('bench_prices measures every row', () => {
  const source = readFileSync('bench/bench_prices.c', 'utf8');
  for (const name of [...Object.keys(plain), ...Object.keys(priced)]) assert.ok(source.includes(`{"${name}", `), name);
});
