/*
 * What the measurements share: programs of the build folder, servers, load. Both folders come from
 * the command line of whoever uses it: BUILD-FOLDER FOLDER-FOR-DATA.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const SERVER_CORE = '0';
export const LOAD_CORE = '1';
export const LOAD_PROGRAM = 'bench_load';
export const SECONDS = 3;
export const ROUNDS = 2;
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export const build = resolve(process.argv[2]);
export const folder = mkdtempSync(join(realpathSync(process.argv[3]), 'bench-data-'));
export const messages = join(build, 'examples/messages_rust.wasm');
export const guest = (name) => join(build, `bench/guests/${name}.wasm`);
export const program = (name) => join(build, 'bench', name);
export const run = promisify(execFile);

export function say(text) {
  process.stderr.write(`bench: ${text}\n`);
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/* The JSON lines of a program, by their names. */
export async function lines(name, ...args) {
  say(name);
  const { stdout } = await run(program(name), args, { maxBuffer: 1 << 24 });
  return Object.fromEntries(
    stdout.trim().split('\n').map((line) => JSON.parse(line)).map((row) => [row.name, row]));
}

const temporary = [folder];

/* A path that is to be gone when all is measured. */
export function removeAtEnd(path) {
  temporary.push(path);
  return path;
}

/* Where and with what a file of figures was made. */
export function machine() {
  const filesystem = execFileSync('findmnt', ['-n', '-o', 'FSTYPE', '-T', folder], { encoding: 'utf8' }).trim();
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return {
    cpu: cpus()[0].model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 1e9),
    kernel: release(),
    filesystem,
    commit,
    date: new Date().toISOString().slice(0, 10),
    load_before: loadavg()[0],
  };
}

function removeTemporary() {
  for (const path of temporary) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}

/* Prints what `measure` measured, and leaves neither programs nor data behind. */
export async function measureAndPrint(measure) {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      for (const { child } of running) child.kill('SIGKILL');
      removeTemporary();
      process.exit(1);
    });
  }
  try {
    const facts = machine();
    const result = await measure(facts);
    facts.load_after = loadavg()[0];
    process.stdout.write(`${JSON.stringify({ machine: facts, ...result }, null, 2)}\n`);
  } catch (error) {
    say(error.stderr ? `${error.message}${error.stderr}` : error.message);
    process.exitCode = 1;
  } finally {
    await Promise.all([...running].map((server) => server.stop()));
    removeTemporary();
  }
}

/* -- Servers -------------------------------------------------------------------------------- */

/* What is stopped at the end: programs with `child` and `stop`. */
export const running = new Set();

/*
 * Starts a program, on one core if `core` names one; ready with its first line. `options` are those
 * of spawn().
 */
export function start(path, args, { core, log, ...options } = {}) {
  return new Promise((ready, failed) => {
    const began = process.hrtime.bigint();
    const command = core === undefined ? [path, ...args] : ['taskset', '-c', core, path, ...args];
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', log ?? 'inherit'], ...options });
    const ended = new Promise((done) => child.once('exit', done));
    const stop = () => {
      child.kill('SIGTERM');
      return ended;
    };
    const server = { child, stop };
    running.add(server);
    child.once('error', failed);
    ended.then((code) => {
      running.delete(server);
      failed(new Error(`${path} ended with ${code}`));
    });
    child.stdout.once('data', (line) => ready(Object.assign(server, {
      line: String(line), ready_ms: Number(process.hrtime.bigint() - began) / 1e6,
    })));
  });
}

let cordons = 0;

/*
 * With one loop on a core of its own, or on all cores as a server is by default; on new data, or these;
 * with more settings, or none.
 */
export async function startCordon({ alone, again, settings }) {
  const home = join(folder, `cordon-${cordons++}`);
  const [fresh, config, log] = ['data', 'config.json', 'log'].map((name) => `${home}.${name}`);
  const data = again ?? fresh;
  writeFileSync(config, JSON.stringify({ ...settings, ...(alone && { loops: 1 }), listen: '127.0.0.1:0', data }));
  const server = await start(join(build, 'cordon'), ['serve', '--config', config], {
    core: alone ? SERVER_CORE : undefined, log: openSync(log, 'a'),
  });
  const url = server.line.match(/http:\/\/[\d.]+:\d+/)?.[0];
  if (url === undefined) throw new Error(`no URL in: ${server.line}`);
  return Object.assign(server, { url, address: url.slice('http://'.length), data, log, alone });
}

/* A process's resident memory in MB: all of it, and what is not a file's. */
export function memory(pid) {
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

export async function deploy(server, ...modules) {
  const cordon = join(build, 'cordon');
  const key = execFileSync(cordon, ['keygen', '--data', server.data, 'admin'], { encoding: 'utf8' })
    .trim().split(/\s+/).pop();
  await run(cordon, ['deploy', '--url', server.url, ...modules], {
    env: { ...process.env, CORDON_ADMIN_KEY: key },
  });
}

/* Another tenant of that server, with this module, for whoever names its host. */
export async function addTenant(server, name, host, module) {
  const cordon = join(build, 'cordon');
  await run(cordon, ['tenant', 'create', name, '--host', host, '--data', server.data]);
  const key = execFileSync(cordon, ['keygen', 'admin', '--tenant', name, '--data', server.data], { encoding: 'utf8' })
    .trim().split(/\s+/).pop();
  await run('curl', [
    '-sSf', '-H', `Host: ${host}`, '-H', `Authorization: Convex ${key}`, '-H', 'Content-Type: application/wasm',
    '--data-binary', `@${module}`, `${server.url}/api/cordon/deploy`,
  ]);
}

/* -- Load ----------------------------------------------------------------------------------- */

/*
 * The generator against a server, with its core to itself if the server has one. `call` is one
 * request or a list of them, sent in turn. Answers that say no are an error unless `may_fail`.
 */
export async function load(server, { route, call, may_fail }, connections, ...flags) {
  server.hang_ups = (server.hang_ups ?? 0) + connections;
  const bodies = join(folder, 'bodies');
  if (Array.isArray(call)) writeFileSync(bodies, call.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const [began, used] = [process.hrtime.bigint(), processorTime(server.child.pid)];
  const { stdout } = await run(program(LOAD_PROGRAM), [
    '--connections', String(connections), '--seconds', String(SECONDS),
    ...(server.alone === false ? [] : ['--core', LOAD_CORE]), ...flags,
    server.address, route, ...(Array.isArray(call) ? ['--bodies', bodies] : [JSON.stringify(call)]),
  ]).catch((error) => {
    if (may_fail && error.code === 1 && error.stdout.startsWith('{')) return error;
    throw error;
  });
  const elapsed = Number(process.hrtime.bigint() - began) / 1e9;
  return { ...JSON.parse(stdout), server_busy: (processorTime(server.child.pid) - used) / elapsed };
}

/*
 * Fails unless every run in the server's log succeeded, but for failures with the code that is
 * excused; returns how many runs there were. The generator hangs up at its end, so that the last run
 * of each of its connections may be cancelled.
 */
function countRuns(server, excused) {
  const runs = readFileSync(server.log, 'utf8').split('\n').filter((line) => line.includes('"event":"function_execution"'));
  const others = runs.filter((line) => !line.includes('"status":"success"') && !line.includes(`"code":"${excused}"`));
  const bad = others.find((line) => !line.includes('"code":"Cancelled"'));
  if (bad !== undefined) throw new Error(`a run failed: ${bad}`);
  if (others.length > server.hang_ups) throw new Error(`${others.length} runs were cancelled`);
  return runs.length;
}

/* Measures a server of its own, with these modules deployed. */
export async function withCordon({ alone, modules, excused }, measureLoad) {
  execFileSync('sync');
  const server = await startCordon({ alone });
  await deploy(server, ...modules);
  const result = await measureLoad(server);
  const resident_mb = memory(server.child.pid).all;
  const code = await server.stop();
  if (code !== 0) throw new Error(`cordon serve ended with ${code}`);
  return { ...result, resident_mb, runs: countRuns(server, excused) };
}
