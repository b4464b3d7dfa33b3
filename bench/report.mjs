/*
 * Compares measured figures with bench/goals.json, says which goals are reached or by how much they
 * are missed, and writes the page about them.
 *
 *     node bench/report.mjs BENCH.json LARGE.json SOAK.json PAGE.md
 *
 * LARGE.json is what the last `make bench-large` measured, SOAK.json what the last long soak left
 * (tests/server/soak.mjs); they may be missing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const LARGE = 10_000_000;

const [source, large_source, soak_source, page] = process.argv.slice(2);
const large = existsSync(large_source) ? JSON.parse(readFileSync(large_source, 'utf8')) : undefined;
const soak = existsSync(soak_source) ? JSON.parse(readFileSync(soak_source, 'utf8')) : undefined;
const bench = JSON.parse(readFileSync(source, 'utf8'));
const goals = JSON.parse(readFileSync(new URL('goals.json', import.meta.url), 'utf8'));
const { machine, metrics, engine, gate, metering, admission, starts, commit, mutations, documents, queries, overhead, sharing, tenants } = bench;

metrics.large_ratio = large?.curve.find(({ documents: count }) => count === LARGE)?.ratio;

/* Three digits that matter, and thousands apart. */
function figure(number) {
  const digits = number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return number.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function withUnit(number, unit) {
  return `${unit === '' ? number : figure(number)}${unit.startsWith('/') || unit === 'x' ? '' : ' '}${unit}`.trim();
}

function verdict({ metric, op, value, unit, made_by }) {
  const measured = metrics[metric];
  if (measured === undefined && made_by !== undefined) return `not measured yet, \`${made_by}\``;
  if (!Number.isFinite(measured)) throw new Error(`${source} has no figure "${metric}"`);
  if (op !== '<=' && op !== '>=') throw new Error(`"${op}" is no comparison`);
  if (op === '<=' ? measured <= value : measured >= value) return 'reached';
  const off = Math.abs(measured - value);
  return `missed by ${withUnit(off, unit)}${value === 0 ? '' : ` (${figure(off / value * 100)} %)`}`;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const goalRows = goals.map((goal) => [
  goal.name,
  `${goal.value === 0 ? '' : goal.op === '<=' ? '≤ ' : '≥ '}${String(goal.value).replace(/\B(?=(\d{3})+$)/g, ',')}${goal.unit.startsWith('/') || goal.unit === 'x' ? '' : ' '}${goal.unit}`.trim(),
  metrics[goal.metric] === undefined ? '' : withUnit(metrics[goal.metric], goal.unit),
  verdict(goal),
]);

const ns = (row) => [figure(row.p50 / 1000), figure(row.p99 / 1000)];
const runRows = [
  ['no-op of `messages_rust.wasm`, whole run', ...ns(gate.run_noop_rust)],
  ['empty module, whole run', ...ns(gate.run_empty)],
  ['no-op of `messages_rust.wasm`, engine alone', ...ns(engine.fresh_run_file)],
  ['empty module, engine alone', ...ns(engine.fresh_run_empty)],
];

const callRows = Object.entries({
  '`input_read`, 64 bytes': gate.gate_input_read_64,
  '`now_ms`': gate.gate_now_ms,
  '`1.0/get`, a document of about 100 bytes': gate.gate_get,
  'a bare import that copies 64 bytes, engine alone': engine.host_call_copy_64,
}).map(([name, row]) => [name, figure(row.each)]);

const kernelNames = {
  bytes: 'bytes: sieve of 64 KiB',
  floats: 'floats: five bodies in space',
  integers: 'integers: SHA-256 of 1 MB',
  calls: 'calls: recursive Fibonacci',
  documents: 'documents: built, printed, parsed',
};
const kernelRows = Object.entries(kernelNames).map(([name, title]) => {
  const { unmetered, unsliced, metered, ratio, ratio_unsliced, fuel } = metering[name];
  return [
    title, ...[unmetered, unsliced, metered].map((ns) => figure(ns / 1e6)), figure(ratio_unsliced),
    figure(ratio), figure(fuel / 1e6), (metered / fuel).toFixed(3),
  ];
});
kernelRows.push([
  'geometric mean', '', '', '', figure(metrics.metering_ratio_unsliced), figure(metrics.metering_ratio), '', '',
]);

const admissionNames = {
  refuse_nops: 'operators with nothing behind them',
  refuse_locals: 'reads of locals',
  refuse_loads: 'loads from memory',
  refuse_long_numbers: 'numbers of five bytes',
  refuse_shuffles: 'shuffles of vectors',
  refuse_calls: 'calls',
  refuse_branches: 'blocks that are left by a branch',
  refuse_joins: 'blocks that each read a local',
  refuse_small_functions: 'functions of 100 bytes',
};
const admissionRows = Object.entries(admissionNames).map(([name, title]) => [
  title, figure(admission[name].bytes / 1e6), figure(admission[name].ms)]);

const GENERATOR_BUSY_MAX = 0.95;

/*
 * What the ratio could be if our own code cost nothing: a request then takes what it takes the bare
 * server, and the engine's part of a fresh run.
 */
function engineBound() {
  const rates = queries[64].bare.map((one) => one.requests_per_second).sort((a, b) => a - b);
  const bare_us = 1e6 / rates[rates.length >> 1];
  const run_us = engine.fresh_run_file.p50 / 1000;
  return `A request takes the bare server ${figure(bare_us)} µs at 64 connections, and the engine alone ${figure(run_us)} µs for a
fresh instance of this module, its reset included: if nothing else cost anything, the ratio would be
${figure(bare_us / (bare_us + run_us))}.`;
}

/* Says whether, and with whom at how many connections, it was the generator that was measured. */
function generatorBound() {
  const bound = ['1', '64'].flatMap((connections) => Object.entries({ bare: 'the bare server', cordon: 'Cordon' })
    .filter(([who]) => queries[connections][who].some((one) => one.generator_busy > GENERATOR_BUSY_MAX))
    .map(([, name]) => `${name} at ${connections}`));
  return bound.length === 0
    ? `The generator was never more than ${GENERATOR_BUSY_MAX * 100} % busy: it is not what bounds these figures.`
    : `**The generator was more than ${GENERATOR_BUSY_MAX * 100} % busy** with ${bound.join(', ')}: such a server can do
at least what is shown, and perhaps more.`;
}

const queryRows = ['1', '64'].flatMap((connections) => ['bare', 'cordon'].flatMap((who) =>
  queries[connections][who].map((one) => [
    connections, who === 'bare' ? 'bare server' : 'Cordon', figure(one.requests_per_second),
    figure(one.p50_us), figure(one.p99_us), figure(one.server_busy * 100),
    figure(one.generator_busy * 100), figure(one.generator_us_each),
  ])));

const turnRows = mutations.turns.map((turn) => [
  figure(turn.bare_us), figure(turn.mutation_us), figure(turn.mutation_p99_us),
  figure(turn.mutation_us / turn.bare_us),
]);
const ratios = mutations.turns.map((turn) => turn.mutation_us / turn.bare_us);
const crowdRows = mutations.crowd.map((one) => [
  figure(one.requests_per_second), figure(one.p50_us), figure(one.p99_us),
]);
const commitRows = [
  ['4 KiB appended and fdatasync', commit.fdatasync_append_4k],
  ['bare LMDB commit of the same puts', commit.lmdb_commit],
  ['commit through the store', commit.store_one_client],
].map(([name, row]) => [name, figure(row.p50_us), figure(row.p99_us)]);

/* Medians, and between what the ratios lie. */
const overheadRows = ['1', '64'].map((connections) => {
  const of = (field) => overhead[connections].map((turn) => turn[field]).sort((a, b) => a - b);
  const [ons, offs, all] = [of('on_us'), of('off_us'), of('ratio')];
  return [connections, ...[ons, offs, all].map((list) => figure(list[list.length >> 1])), figure(all[0]), figure(all.at(-1))];
});

/* -- Others ------------------------------------------------------------------------------------- */

const neighbourRows = sharing.neighbours.turns.map((turn) => [
  turn.idle_p50_us, turn.busy_p50_us, turn.idle_p99_us, turn.busy_p99_us,
].map(figure));
const { overload } = sharing;
const sharingText = `## Beside others

**A no-op query beside another tenant**: one client calls \`noop:noop\`, alone, and while
${sharing.neighbours.spinning} calls of another tenant's function that does not end are at work on all cores; in turns, µs.
The goal is about the medians of the p99.

${table(['p50 alone', 'p50 beside', 'p99 alone', 'p99 beside'], neighbourRows)}

**Ten times too many calls** of ${figure(overload.call_ms)} ms each, as one by itself takes. As many clients as there are
permits get ${figure(overload.capacity)} answers a second; then ten times as many calls come, whatever becomes of them. From
3.5 s on, for 5 s: ${figure(overload.goodput)} answers a second, ${figure(overload.refused)} refusals a second (503). Those who were let in had their
answers after ${figure(overload.p50_ms)} ms (p50) and ${figure(overload.p99_ms)} ms (p99); the target of the queue is ${figure(overload.target_ms)} ms.
[fairness.md](fairness.md) derives the bound.

**${tenants.tenants} tenants**, each with a module of ${tenants.functions} functions and more of its own. The server is ready
after ${figure(tenants.ready_ms)} ms. The first call of a tenant, which loads its functions from the cache of machine code,
is answered after ${figure(tenants.first_p50_ms)} ms (p50) and ${figure(tenants.first_p99_ms)} ms (p99). Memory that is not a
file's: ${figure(tenants.asleep.anonymous)} MB while all sleep, ${figure(tenants.awake.anonymous)} MB once each was called; all of it
${figure(tenants.asleep.all)} and ${figure(tenants.awake.all)} MB.
`;

/* -- At 100,000 documents ------------------------------------------------------------------- */

const documentTurnRows = documents.turns.map((turn) => [
  figure(turn.append_us), figure(turn.lmdb_us), figure(turn.mutation_us), figure(turn.mutation_p99_us),
  figure(turn.mutation_us / turn.append_us), figure(turn.mutation_us / turn.lmdb_us),
]);
const inProcessRows = documents.in_process.map((turn) => [
  figure(turn.append_us), figure(turn.mutation_us), figure(turn.mutation_p99_us), figure(turn.ratio),
]);
/* Where one client's time goes over HTTP; the middle of each over the turns, µs. */
const middle = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const wayRows = [
  ['a page written, and `fdatasync`', middle(documents.in_process.map((turn) => turn.append_us))],
  ['the mutation in-process', middle(documents.in_process.map((turn) => turn.mutation_us))],
  ['a request to the bare server, above', middle(queries[1].bare.map((one) => one.p50_us))],
  ['the mutation over HTTP', middle(documents.turns.map((turn) => turn.mutation_us))],
].map(([name, us]) => [name, figure(us)]);
const insideRows = [
  ['point read', documents.inside.point_read_memory, documents.inside.point_read_lmdb],
  ['range of 100 documents', documents.inside.range_100_memory, documents.inside.range_100_lmdb],
].map(([name, ...each]) => [name, ...each.map((one) => figure(one.each))]);
const readSetRows = Object.values(documents.read_set).map((row) => [
  row.name.startsWith('lmdb') ? 'LMDB' : 'memory', row.intervals.toLocaleString('en-US'), figure(row.visible_us),
  figure(row.durable_us),
]);
const sameNames = { cordon: 'Cordon', sqlite: 'SQLite', postgres: 'PostgreSQL' };
const sameRows = ['1', String(documents.clients)].flatMap((clients) => Object.entries(sameNames)
  .filter(([name]) => documents.same_work[name].missing === undefined)
  .flatMap(([name, title]) => documents.same_work[name][clients].map((one) => [
    clients, `${title}${documents.same_work[name].version ? ` ${documents.same_work[name].version}` : ''}`,
    figure(one.requests_per_second), figure(one.p50_us), figure(one.p99_us),
  ])));
const sameMissing = Object.entries(sameNames)
  .filter(([name]) => documents.same_work[name].missing !== undefined)
  .map(([name, title]) => `\n**${title} was not measured**: ${documents.same_work[name].missing}.\n`).join('');
const contentionRows = [
  ['any document', documents.contention.uncontended],
  [`${documents.hot_share * 100} % one document`, documents.contention.hot],
].flatMap(([name, all]) => all.map((one) => [
  name, figure(one.requests_per_second), figure(one.p50_us), figure(one.p99_us), figure(one.longest_us / 1000),
  one.fewest_answers.toLocaleString('en-US'), String(one.errors),
]));
const crowdHere = documents.crowd.map((one) => `${figure(one.requests_per_second)}/s`).join(' and ');

const documentsText = `## At ${documents.count.toLocaleString('en-US')} documents

**Reads inside a run**, through the gate with every check on, the replies read by the guest; µs. Point
reads are of ids from all over the table, in no order. The range is the first hundred documents in the
order of their creation, one at a time, as a query's iterator reads them.

${table(['read', 'memory', 'LMDB'], insideRows)}

**Commits of large read sets.** A transaction with so many intervals in its read set writes one
document, after ${documents.read_set.lmdb_1.others} commits of others since its snapshot; µs of its commit, medians.

${table(['store', 'intervals', 'visible', 'durable'], readSetRows)}

**Durable mutations.** One client inserts in-process, the function in WebAssembly with every check on,
in turns with what the same disk can do at the least for as many bytes: a page written into a file that
has its blocks, and \`fdatasync\`. µs. The goal is about the median of the ratios, which is
${figure(metrics.mutation_append_ratio)}.

${table(['\`fdatasync\` p50', 'mutation p50', 'mutation p99', 'ratio'], inProcessRows)}

From here on the server runs with its defaults, and all that is measured has all ${machine.cores} cores. One client
inserts over HTTP, in turns with the same appends, and with bare LMDB commits of the same puts among as
many documents. The medians of the ratios are ${figure(metrics.mutation_http_append_ratio)} to \`fdatasync\` and ${figure(metrics.mutation_lmdb_ratio)} to bare LMDB. What
the first has more than in-process is the way of a request and its answer between two programs; beside
it, what that is for a server that does nothing else:

${table(['p50', 'µs'], wayRows)}

${table(['\`fdatasync\` p50', 'bare LMDB p50', 'mutation p50', 'mutation p99', 'to \`fdatasync\`', 'to LMDB'], documentTurnRows)}

${documents.clients} clients insert ${crowdHere}.

**A document that all want.** ${documents.clients} clients read and write documents (\`documents:touch\`), each any of
them; then ${documents.hot_share * 100} % of the calls want the same one. "Fewest" is the answers that the client had which had
fewest, in ${mutations.crowd[0].seconds} s.

${table(['calls want', 'mutations/s', 'p50 µs', 'p99 µs', 'longest ms', 'fewest', 'failed'], contentionRows)}

**Others doing the same work** on the same disk in turns: a transaction reads a document by its id,
writes it and an audit row, is serializable, and durable before it is answered. Cordon is called over
HTTP and runs the function in WebAssembly; SQLite (WAL, \`synchronous=FULL\`) runs inside the program
that measures it, its writers in turn by a mutex; PostgreSQL (\`fsync=on\`, isolation level
serializable) has the transaction as a function of its own, called by \`pgbench\` over a Unix socket.

${table(['clients', 'database', 'mutations/s', 'p50 µs', 'p99 µs'], sameRows)}
${sameMissing}`;

/* -- As documents become many --------------------------------------------------------------- */

const largeRows = large?.curve.map((row) => [
  row.documents.toLocaleString('en-US'), figure(row.store_us), figure(row.bare_us), figure(row.store_per_s),
  figure(row.bare_per_s), figure(row.ratio),
]);
const largeText = `## As documents become many

In-process, by \`make bench-large\`. One client inserts documents in turns with bare LMDB commits of the
same puts, µs, p50. Then 64 clients insert some thousands, and the time counts until the log is empty
and LMDB has them all; bare LMDB commits as many, 64 at once.

${large === undefined ? 'Not measured yet.' : `${large.machine.date}, ${large.machine.commit}; load average ${figure(large.machine.load_before)} before, ${figure(large.machine.load_after)} after.

${table(['documents', 'one client', 'bare LMDB', '64 clients, documents/s', 'bare LMDB, documents/s', 'ratio'], largeRows)}`}
`;

/* -- For long ------------------------------------------------------------------------------- */

const count = (number) => number.toLocaleString('en-US');
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
const faultNames = {
  killedClients: '20 clients gone in mid-request', slowClients: '8 clients who read or send slowly',
  cancelledActions: '20 actions whose callers left', refusedModules: '4 deploys refused', deployAgain: 'a deploy',
  tenantsComeAndGo: 'a tenant made, used and removed', keysComeAndGo: 'a key made, used and revoked',
  fullDisk: 'the disk full until writes were refused', clockSteps: 'the wall clock an hour on, two days back, and right again',
};
const soakText = `## For long

The soak (\`tests/server/soak.mjs\`), at its length in \`make check-long\`: calls of all kinds at ${(soak?.share ?? 0.7) * 100} % of what the
machine has to give, which is measured anew every minute, while all goes wrong that may.

${soak === undefined ? 'Not noted yet.' : `${soak.date}, ${Math.round(soak.seconds / 60)} minutes: ${count(soak.right)} calls were answered, and rightly;
${count(sum(Object.values(soak.refused)))} were refused as overloaded or as the disk was full; none had another end. ${count(soak.unsent)} were not sent, as 3,000
were waiting then. Of faults there were:

${table(['what', 'times'], Object.entries(soak.faults).map(([name, times]) => [faultNames[name] ?? name, count(times)]))}

Then all counters were at rest, data folder and audit log sound, and of the documents none was lost or doubled. Memory that
is not a file's was ${figure(soak.first.anonymous / 1e6)} MB after the first rounds and ${figure(soak.last.anonymous / 1e6)} MB at the end; files ${soak.first.files} and
${soak.last.files}, threads ${soak.first.threads} and ${soak.last.threads}.`}
`;

const text = `# Benchmarks

Made by \`make bench\` from its own figures; don't edit it. The goals stand in \`bench/goals.json\`.

${machine.date}, ${machine.commit}: ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, Linux
${machine.kernel}, ${machine.filesystem}; load average ${figure(machine.load_before)} before, ${figure(machine.load_after)} after.
${machine.load_before > 0.5 ? `
Other programs had the cores and the disk too while this was measured, so the figures of two servers,
or of a server and the disk, are only as comparable as their turns.
` : ''}
## Goals

${table(['goal', 'asked', 'measured', 'verdict'], goalRows)}

## A fresh run, in-process

From nothing to nothing: new instance, the function, all limits and metrics, everything given back.
µs.

${table(['run', 'p50', 'p99'], runRows)}

What a replay needs of the no-op query (\`replay_sample\`, \`Cordon-Record\`) is kept for
${figure((gate.record_noop.ratio - 1) * 100)} % more: ${figure(gate.record_noop.recorded / 1000)} µs in place of ${figure(gate.record_noop.plain / 1000)}, medians of ${gate.record_noop.pairs.toLocaleString('en-US')} runs of each, in turns.

## A host call

A loop of calls in one run less the same loop without them; ns each. Through the gate, with every
check on, median of 15 pairs of runs.

${table(['call', 'ns'], callRows)}

## Metering

Five kernels (\`bench/kernels\`), each checking its own result, as whole runs: without metering, which
nothing but this benchmark can switch off (\`bench/unmetered.h\`); with fuel counted; and as Cordon
always runs, with a slice that ends every ${metering.bytes.slice_fuel.toLocaleString('en-US')} units of fuel to look at the clock. All in one
process, taking turns. Processor time, medians of ${metering.bytes.turns} turns; the ratios are to the run without metering
of the same turn. "ns a unit" is with slices.

${table(['kernel', 'without, ms', 'counted, ms', 'with slices, ms', 'counted, ratio', 'with slices, ratio', 'fuel, million', 'ns a unit'], kernelRows)}

## Admission

Modules of 10 MB that are good but for their last operator, by the whole way of a deploy: hashed,
read, refused with words, before a compiler is asked. Each has one thing over and over. Median.

${table(['it has', 'MB', 'ms'], admissionRows)}

\`messages_rust.wasm\` (${figure(admission.admit_file.bytes / 1e6)} MB with its debug information) is hashed and read, with its
metadata and call graph, in ${figure(admission.admit_file.ms)} ms.

A stack of 20 frames, each in another function, gets its files, lines and inlined calls from
${figure(admission.trace_file.bytes / 1e6)} MB of DWARF (the same functions built without optimisation) in ${figure(admission.trace_file.ms)} ms.

## A no-op query over HTTP

\`noop:noop\` of \`messages_rust.wasm\`, executed for each request, logs, metrics and limits on. The
server is alone on core ${machine.server_core} with one loop, the load generator \`${machine.load_program}\` (\`bench/load.c\`:
keep-alive, one request under way on each connection) on core ${machine.load_core}. The bare server
(\`bench/bare_server.c\`: libuv and llhttp, nothing else) sends the same bytes. They take turns, 3 s
each. "Busy" is the share of its core that a program used; the generator's µs are per request. The
ratio is ${figure(queries[1].ratio)} at one connection and ${figure(queries[64].ratio)} at 64.

${generatorBound()}

${engineBound()}

${table(['connections', 'server', 'requests/s', 'p50 µs', 'p99 µs', 'server busy %', 'generator busy %', 'generator µs'], queryRows)}

## All of it on against all of it off

The same query, of two servers on that core in turns, 1 s each. One has all on that an operator can switch: it
confines itself; each run has its line in the log, a file that is cut after each turn, as rotating it does; one run in a thousand is recorded and replayed; the audit log
is signed each second, its checkpoints in a file of their own; each call brings a token (ES256), which a
provider's keys verify when it comes first; there is another tenant, with its share; the queue is cut short when it stands for
long. The other has none of that: \`confine\` false, \`replay_sample\` 0, \`log_lines_per_second\` 1,
\`audit_interval_ms\` a day, no providers, no token, no other tenant, \`queue_target_ms\` weeks. What no
setting switches is on in both: metrics, the limits of a run, permits and slots, probes of health; and a query
writes nothing into the audit log. µs of a call: p50 at one connection, the whole divided by the answers
at 64. The goals are about the medians of the ratios.

${table(['connections', 'all on', 'all off', 'ratio', 'least', 'most'], overheadRows)}

## A durable mutation

\`bench:insert_one\` over HTTP: one document and its audit record, answered after the disk has both.

One client, in turns with bare LMDB commits of the same puts on the same disk, µs; the goal is about
the median of the ratios, which lie between ${figure(Math.min(...ratios))} and ${figure(Math.max(...ratios))}:

${table(['bare commit p50', 'mutation p50', 'mutation p99', 'ratio'], turnRows)}

64 clients:

${table(['mutations/s', 'p50 µs', 'p99 µs'], crowdRows)}

In-process, one client, all in one program that takes turns between them:

${table(['commit', 'p50 µs', 'p99 µs'], commitRows)}

${sharingText}
${documentsText}
${largeText}
${soakText}
## The server at rest

Ready ${figure(starts.ready_ms)} ms after its process is started (which counts too) on a new data folder, median of 11
starts; then ${figure(starts.resident_mb)} MB are resident, ${figure(starts.resident_anonymous_mb)} MB of them not backed by a file. After the
queries above it is ${figure(queries.resident_mb)} MB, after the mutations ${figure(mutations.resident_mb)} MB.
`;
writeFileSync(page, text);

for (const [name, asked, measured, said] of goalRows) {
  const word = said === 'reached' ? 'reached' : measured === '' ? 'OPEN   ' : 'MISSED ';
  console.log(`${word}  ${name}: ${measured} (${asked})${said === 'reached' ? '' : `, ${said}`}`);
}
