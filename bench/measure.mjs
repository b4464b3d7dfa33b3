/*
 * Runs all measurements, one after the other, and prints one JSON object: the machine, what each
 * program said, and under `metrics` the figures that goals and tables name.
 *
 *     node bench/measure.mjs BUILD-FOLDER FOLDER-FOR-DATA
 *
 * Over HTTP the server has one core to itself and the load generator another. Cordon and the bare
 * server take turns, so that a machine which slows down slows both. Every answer counts only if the
 * server's own log says that the run succeeded: a fast refusal is not a figure.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const SERVER_CORE = '0';
const LOAD_CORE = '1';
const LOAD_PROGRAM = 'bench_load';
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const SECONDS = 3;
const ROUNDS = 2;
const STARTS = 11;
const TURNS = 9;
const NOOP = { route: '/api/query', call: { path: 'noop:noop', args: {} } };
const INSERT = { route: '/api/mutation', call: { path: 'bench:insert_one', args: {} } };

const build = resolve(process.argv[2]);
const folder = mkdtempSync(join(realpathSync(process.argv[3]), 'bench-data-'));
const messages = join(build, 'examples/messages_rust.wasm');
const guests = join(build, 'bench/guests/bench.wasm');
const kernels = join(build, 'bench/kernels.wasm');
const program = (name) => join(build, 'bench', name);
const run = promisify(execFile);

function say(text) {
  process.stderr.write(`bench: ${text}\n`);
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function geometricMean(numbers) {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}

/* The JSON lines of a program, by their names. */
async function lines(name, ...args) {
  say(name);
  const { stdout } = await run(program(name), args, { maxBuffer: 1 << 24 });
  return Object.fromEntries(
    stdout.trim().split('\n').map((line) => JSON.parse(line)).map((row) => [row.name, row]));
}

/* -- Servers -------------------------------------------------------------------------------- */

const running = new Set();

/* Starts a program on the server's core; ready with its first line. */
function start(path, args, log) {
  return new Promise((ready, failed) => {
    const began = process.hrtime.bigint();
    const child = spawn('taskset', ['-c', SERVER_CORE, path, ...args], {
      stdio: ['ignore', 'pipe', log ?? 'inherit'],
    });
    const ended = new Promise((done) => child.once('exit', done));
    running.add(child);
    child.once('error', failed);
    ended.then((code) => {
      running.delete(child);
      failed(new Error(`${path} ended with ${code}`));
    });
    child.stdout.once('data', (line) => ready({
      child,
      line: String(line),
      ready_ms: Number(process.hrtime.bigint() - began) / 1e6,
      stop: () => {
        child.kill('SIGTERM');
        return ended;
      },
    }));
  });
}

let cordons = 0;

async function startCordon() {
  const home = join(folder, `cordon-${cordons++}`);
  const [data, config, log] = ['data', 'config.json', 'log'].map((name) => `${home}.${name}`);
  writeFileSync(config, JSON.stringify({ loops: 1, listen: '127.0.0.1:0', data }));
  const server = await start(join(build, 'cordon'), ['serve', '--config', config], openSync(log, 'w'));
  const url = server.line.match(/http:\/\/[\d.]+:\d+/)?.[0];
  if (url === undefined) throw new Error(`no URL in: ${server.line}`);
  return { ...server, url, address: url.slice('http://'.length), data, log };
}

/* A process's resident memory in MB: all of it, and what is not a file's. */
function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (field) => Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))[1]) * 1024 / 1e6;
  return { all: mb('VmRSS'), anonymous: mb('RssAnon') };
}

/* Seconds of processor time that a process has used. */
function processorTime(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/* Starts on an empty data folder: time to the ready line, and memory then. */
async function measureStarts() {
  say('starts of the server');
  const times = [];
  const resident = [];
  for (let i = 0; i < STARTS; i++) {
    const server = await startCordon();
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

async function deploy(server) {
  const cordon = join(build, 'cordon');
  const key = execFileSync(cordon, ['keygen', '--data', server.data, 'admin'], { encoding: 'utf8' })
    .trim().split(/\s+/).pop();
  await run(cordon, ['deploy', '--url', server.url, messages, guests], {
    env: { ...process.env, CORDON_ADMIN_KEY: key },
  });
}

/* -- Load ----------------------------------------------------------------------------------- */

let hangUps = 0;

async function load(server, { route, call }, connections, ...flags) {
  hangUps += connections;
  const [began, used] = [process.hrtime.bigint(), processorTime(server.child.pid)];
  const { stdout } = await run(program(LOAD_PROGRAM), [
    '--connections', String(connections), '--seconds', String(SECONDS), '--core', LOAD_CORE, ...flags,
    server.address, route, JSON.stringify(call),
  ]);
  const elapsed = Number(process.hrtime.bigint() - began) / 1e9;
  return { ...JSON.parse(stdout), server_busy: (processorTime(server.child.pid) - used) / elapsed };
}

/*
 * Fails unless every run in the server's log succeeded; returns how many there were. The generator
 * hangs up at its end, so that the last run of each of its connections may be cancelled.
 */
function countRuns(server) {
  const runs = readFileSync(server.log, 'utf8').split('\n').filter((line) => line.includes('"event":"function_execution"'));
  const others = runs.filter((line) => !line.includes('"status":"success"'));
  const bad = others.find((line) => !line.includes('"code":"Cancelled"'));
  if (bad !== undefined) throw new Error(`a run failed: ${bad}`);
  if (others.length > hangUps) throw new Error(`${others.length} runs were cancelled`);
  return runs.length;
}

/* Cordon and the bare server in turns: { 1: {...}, 64: {...} }. */
async function measureQueries(server) {
  const answer = join(folder, 'answer');
  await load(server, NOOP, 1, '--save-answer', answer, '--seconds', '0.5');
  const bare = await start(program('bench_bare_server'), ['0', answer]);
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
  for (let turn = 0; turn < TURNS; turn++) {
    say(`durable mutations, one client, turn ${turn + 1} of ${TURNS}`);
    const { lmdb_commit: bare } = await lines('bench_commit', '--bare', folder);
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

/* Each with a server of its own. Mutations go first: the logs of the queries keep the disk busy. */
async function measureHttp(measureLoad) {
  hangUps = 0;
  execFileSync('sync');
  const server = await startCordon();
  await deploy(server);
  const result = await measureLoad(server);
  const resident_mb = memory(server.child.pid).all;
  const code = await server.stop();
  if (code !== 0) throw new Error(`cordon serve ended with ${code}`);
  return { ...result, resident_mb, runs: countRuns(server) };
}

/* -- All of it ------------------------------------------------------------------------------ */

function machine() {
  const filesystem = execFileSync('findmnt', ['-n', '-o', 'FSTYPE', '-T', folder], { encoding: 'utf8' }).trim();
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return {
    cpu: cpus()[0].model,
    cores: cpus().length,
    server_core: Number(SERVER_CORE),
    load_core: Number(LOAD_CORE),
    load_program: LOAD_PROGRAM,
    memory_gb: Math.round(totalmem() / 1e9),
    kernel: release(),
    filesystem,
    commit,
    date: new Date().toISOString().slice(0, 10),
    load_before: loadavg()[0],
  };
}

async function measure() {
  const facts = machine();
  const engine = await lines('bench_engine', messages, 'noop:noop');
  const gate = await lines('bench_gate', messages, guests);
  const metering = await lines('bench_metering', kernels);
  const prices = await lines('bench_prices', join(build, 'bench/guests/prices.wasm'), guests);
  const admission = await lines('bench_admission', messages);
  const starts = await measureStarts();
  const commit = await lines('bench_commit', folder);
  const mutations = await measureHttp(measureMutations);
  const queries = await measureHttp(measureQueries);
  const metrics = {
    fresh_run_us: gate.run_noop_rust.p50 / 1000,
    record_ratio: gate.record_noop.ratio,
    input_read_ns: gate.gate_input_read_64.each,
    get_us: gate.gate_get.each / 1000,
    metering_ratio: geometricMean(Object.values(metering).map((kernel) => kernel.ratio)),
    metering_ratio_unsliced: geometricMean(Object.values(metering).map((kernel) => kernel.ratio_unsliced)),
    refuse_ms: Math.max(...Object.values(admission).filter(({ name }) => name.startsWith('refuse')).map(({ ms }) => ms)),
    admit_ms: admission.admit_file.ms,
    http_ratio_1: queries[1].ratio,
    http_ratio_64: queries[64].ratio,
    mutation_ratio_1: median(mutations.turns.map((turn) => turn.mutation_us / turn.bare_us)),
    mutations_per_s_64: median(mutations.crowd.map((one) => one.requests_per_second)),
    resident_mb: starts.resident_mb,
    ready_ms: starts.ready_ms,
  };
  facts.load_after = loadavg()[0];
  return { machine: facts, metrics, engine, gate, metering, prices, admission, starts, commit, mutations, queries };
}

try {
  process.stdout.write(`${JSON.stringify(await measure(), null, 2)}\n`);
} catch (error) {
  say(error.stderr ? `${error.message}${error.stderr}` : error.message);
  process.exitCode = 1;
} finally {
  for (const child of running) child.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
