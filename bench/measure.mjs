/*
 * Runs all measurements, one after the other, and prints one JSON object: the machine, what each
 * program said, and under `metrics` the figures that goals and tables name.
 *
 *     node bench/measure.mjs BUILD-FOLDER FOLDER-FOR-DATA
 *
 * Over HTTP the server has one core to itself and the load generator another; but where documents
 * are many (documents.mjs), or calls (sharing.mjs), both have all cores. Cordon and the bare server take turns, so that a
 * machine which slows down slows both. Every answer counts only if the server's own log says that
 * the run succeeded: a fast refusal is not a figure.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { measureDocuments } from './documents.mjs';
import { measureOverhead } from './overhead.mjs';
import { measureSharing } from './sharing.mjs';
import { measureTenants } from './tenants.mjs';
import {
  LOAD_CORE, LOAD_PROGRAM, ROUNDS, SERVER_CORE, build, folder, guest, lines, load, measureAndPrint,
  median, memory, messages, program, say, start, startCordon, withCordon,
} from './support.mjs';

const STARTS = 11;
const TURNS = 9;
const NOOP = { route: '/api/query', call: { path: 'noop:noop', args: {} } };
const INSERT = { route: '/api/mutation', call: { path: 'bench:insert_one', args: {} } };
const MODULES = [messages, guest('bench')];

function geometricMean(numbers) {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}

/* Starts on an empty data folder: time to the ready line, and memory then. */
async function measureStarts() {
  say('starts of the server');
  const times = [];
  const resident = [];
  for (let i = 0; i < STARTS; i++) {
    const server = await startCordon({ alone: true });
    times.push(server.ready_ms);
    resident.push(memory(server.child.pid));
    await server.stop();
  }
  return {
    ready_ms: median(times),
    resident_mb: median(resident.map((one) => one.all)),
    resident_anonymous_mb: median(resident.map((one) => one.anonymous)),
  };
}

/* Cordon and the bare server in turns: { 1: {...}, 64: {...} }. */
async function measureQueries(server) {
  const answer = join(folder, 'answer');
  await load(server, NOOP, 1, '--save-answer', answer, '--seconds', '0.5');
  const bare = await start(program('bench_bare_server'), ['0', answer], { core: SERVER_CORE });
  bare.address = `127.0.0.1:${bare.line.trim()}`;
  const result = {};
  for (const connections of [1, 64]) {
    const [ours, theirs] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      say(`no-op queries, ${connections} connections, round ${round + 1} of ${ROUNDS}`);
      theirs.push(await load(bare, NOOP, connections));
      ours.push(await load(server, NOOP, connections));
    }
    const rate = (of) => median(of.map((one) => one.requests_per_second));
    result[connections] = { cordon: ours, bare: theirs, ratio: rate(ours) / rate(theirs) };
  }
  await bare.stop();
  return result;
}

/*
 * One client's mutations in turns with bare commits of the same puts, as a disk changes its mind
 * within seconds: the ratio is the median of the turns' ratios. Then 64 clients.
 */
async function measureMutations(server) {
  const turns = [];
  const home = join(folder, 'bare-small');
  mkdirSync(home);
  for (let turn = 0; turn < TURNS; turn++) {
    say(`durable mutations, one client, turn ${turn + 1} of ${TURNS}`);
    const { lmdb_commit: bare } = await lines('bench_commit', '--bare', home);
    const ours = await load(server, INSERT, 1, '--seconds', '0.7');
    turns.push({ bare_us: bare.p50_us, mutation_us: ours.p50_us, mutation_p99_us: ours.p99_us });
  }
  const crowd = [];
  for (let round = 0; round < ROUNDS; round++) {
    say(`durable mutations, 64 clients, round ${round + 1} of ${ROUNDS}`);
    crowd.push(await load(server, INSERT, 64));
  }
  return { turns, crowd };
}

/* -- All of it ------------------------------------------------------------------------------ */

async function measure(facts) {
  Object.assign(facts, {
    server_core: Number(SERVER_CORE), load_core: Number(LOAD_CORE), load_program: LOAD_PROGRAM,
  });
  const engine = await lines('bench_engine', messages, 'noop:noop');
  const gate = await lines('bench_gate', ...MODULES);
  const metering = await lines('bench_metering', join(build, 'bench/kernels.wasm'));
  const prices = await lines('bench_prices', guest('prices'), guest('bench'));
  const admission = await lines('bench_admission', messages, join(build, 'bench/debug.wasm'));
  const starts = await measureStarts();
  const commit = await lines('bench_commit', folder);
  /* Mutations go first: the logs of the queries keep the disk busy. */
  const mutations = await withCordon({ alone: true, modules: MODULES }, measureMutations);
  const documents = await measureDocuments();
  const queries = await withCordon({ alone: true, modules: MODULES }, measureQueries);
  const overhead = await measureOverhead();
  const sharing = await measureSharing();
  const tenants = await measureTenants();
  const metrics = {
    fresh_run_us: gate.run_noop_rust.p50 / 1000,
    record_ratio: gate.record_noop.ratio,
    input_read_ns: gate.gate_input_read_64.each,
    get_us: gate.gate_get.each / 1000,
    metering_ratio: geometricMean(Object.values(metering).map((kernel) => kernel.ratio)),
    metering_ratio_unsliced: geometricMean(Object.values(metering).map((kernel) => kernel.ratio_unsliced)),
    refuse_ms: Math.max(...Object.values(admission).filter(({ name }) => name.startsWith('refuse')).map(({ ms }) => ms)),
    admit_ms: admission.admit_file.ms,
    trace_ms: admission.trace_file.ms,
    http_ratio_1: queries[1].ratio,
    http_ratio_64: queries[64].ratio,
    mutation_ratio_1: median(mutations.turns.map((turn) => turn.mutation_us / turn.bare_us)),
    mutations_per_s_64: median(mutations.crowd.map((one) => one.requests_per_second)),
    ...documents.metrics,
    ...overhead.metrics,
    ...sharing.metrics,
    ...tenants.metrics,
    resident_mb: starts.resident_mb,
    ready_ms: starts.ready_ms,
  };
  return { metrics, engine, gate, metering, prices, admission, starts, commit, mutations, documents, queries, overhead, sharing, tenants };
}

await measureAndPrint(measure);
