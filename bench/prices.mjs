/*
 * What a unit of fuel takes, as a part of docs/limits.md: each class of work against a basket of
 * plain operators, and which prices are off by more than three times.
 *
 *     node bench/prices.mjs BENCH.json PART.md
 *
 * The basket is the geometric mean of the five kernels. A price is ours to set; what the engine counts
 * for its own operators is not, so that a class of plain work is shown, and its time is what the limits
 * on time are for.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const OFF = 3;
const [source, page] = process.argv.slice(2);
const { machine, metering, prices } = JSON.parse(readFileSync(source, 'utf8'));

const kernels = Object.values(metering).map(({ name, metered, fuel }) => [name, metered / fuel]);
const basket = Math.exp(kernels.reduce((sum, [, ns]) => sum + Math.log(ns), 0) / kernels.length);

const PLAIN = 'operators';
const kernelTitles = {
  bytes: 'bytes, in a sieve', floats: 'floats', integers: 'integers, in a hash',
  calls: 'calls of small functions', documents: 'texts built and parsed',
};
/* name: [what one turn is, in how many parts a turn counts, why it may be off] */
const plain = {
  division: ['divisions of 64 bits'], root: ['square roots'], miss: ['loads that miss every cache'],
  fill_64k: ['`memory.fill`, by the byte'], copy_64k: ['`memory.copy`, by the byte'],
  table_fill_10000: ['`table.fill`, by the element'],
  touch: ['first store to 4 KiB of initial memory'], touch_far: ['the same, 64 KiB from the last'],
};
const priced = {
  grow: ['`memory.grow` by a page of 64 KiB, not touched', 'its first touch is paid here'],
  grow_touch: ['`memory.grow` by a page, and all of it touched'],
  table_grow_100: ['`table.grow` by 100 elements'],
  now_ms: ['`now_ms`'],
  input_read: ['`input_read`, 16 bytes'], input_read_64k: ['`input_read`, 64 KiB'],
  output_write: ['`output_write`, 4 bytes'],
  output_write_64k: ['`output_write`, 64 KiB', 'it is parsed when the function returns, which is paid here'],
  log: ['`log`, a short line'], log_16k: ['`log`, 16 KiB'],
  random_fill: ['`random_fill`, 16 bytes'], random_fill_64k: ['`random_fill`, 64 KiB'],
  left: ['`left`'],
  get: ['`1.0/get`, a small document'], normalize_id: ['`1.0/db/normalizeId`'],
  query_stream: ['`1.0/queryStream`'], query_stream_next: ['`1.0/queryStreamNext`, a small document'],
  insert: ['`1.0/insert`, a small document, its commit included'],
  insert_16k: ['`1.0/insert`, 16 KiB'],
  shallow_merge: ['`1.0/shallowMerge`, again of the same document'],
  replace: ['`1.0/replace`, again of the same document'],
  run_query: ['`1.0/actions/query`, of an empty function'],
  run_udf: ['`1.0/runUdf`, of an empty query'],
  crypto_random: ['`crypto_random`, 16 bytes'], crypto_random_64k: ['`crypto_random`, 64 KiB'],
  sleep: ['`sleep` of 0 ms', 'a sleep that waits needs a timer, too'],
};

const count = (number) => Math.round(number).toLocaleString('en-US');
const digits = (number) => (number >= 100 ? count(number) : number.toPrecision(3));
const line = (cells) => `| ${cells.join(' | ')} |`;

const offences = [];
const rowOf = ([title, reason], { name, each, fuel }, isPriced) => {
  const times = each / fuel / basket;
  const off = isPriced && reason === undefined && (times > OFF || times < 1 / OFF);
  if (off) offences.push(`${name}: ${digits(times)} times the basket`);
  return line([title, count(fuel), digits(each), (each / fuel).toFixed(3), digits(times), off ? '**off**' : reason ?? '']);
};
const rowsOf = (titles, isPriced) => Object.entries(titles).map(([name, texts]) => {
  if (prices[name] === undefined) throw new Error(`${source} has no figure "${name}"`);
  return rowOf(texts, prices[name], isPriced);
});
const head = [line(['one turn of', 'fuel', 'ns', 'ns a unit', 'times the basket', '']), '|---|---:|---:|---:|---:|---|'];
const plainHead = head.map((text) => text.replace('one turn of', PLAIN));

writeFileSync(page, `## What a unit of fuel takes

Measured by \`make bench\` (${machine.date}, ${machine.cpu}, load ${machine.load_before.toFixed(1)} before), in processor time of whole
runs. Fuel bounds work and is the same on every machine; how long a unit takes is not. The basket is the
geometric mean of five kernels, **${basket.toFixed(3)} ns a unit**. Prices are set so that each class stays within ${OFF} times
of it, more or less; \`make bench\` names those that do not.

${plainHead.join('\n')}
${kernels.map(([name, ns]) => line([kernelTitles[name], '', '', ns.toFixed(3), digits(ns / basket), ''])).join('\n')}
${rowsOf(plain, false).join('\n')}

What the engine counts for its own operators has no price of ours, so the worst of them is far off: a
load that misses every cache, and the first touch of memory that a module begins with, which is the
system's work. Such code is ended by \`user_time_ms\`, which is looked at every 50,000 units.

${head.join('\n')}
${rowsOf(priced, true).join('\n')}
`);

for (const offence of offences) console.log(`OFF      a price: ${offence}`);
if (offences.length === 0) console.log(`reached  each price is within ${OFF} times of plain operators`);
