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
import { plain, priced, unmeasured } from './price_rows.mjs';

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

Without a row: ${Object.entries(unmeasured).map(([name, reason]) => `\`${name}\` (${reason})`).join(', ')}.
`);

for (const offence of offences) console.log(`OFF      a price: ${offence}`);
if (offences.length === 0) console.log(`reached  each price is within ${OFF} times of plain operators`);
