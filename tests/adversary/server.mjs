/*
 * The table over HTTP, against one server in which all modules are deployed at once, each function
 * once for each case, with the limits of the case. A refused module is deployed by itself, and leaves
 * what is there as it was. After that the cases come in any order, several at a time, and in the end
 * the server has nothing left of any of it: gauges are back at zero, memory is near where it began,
 * each call has one line in the log and is counted once, and a plain query is answered.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, newFolder, run } from '../support/cordon.mjs';
import { Wire, metricBecomes, metricSum, request } from '../server/wire.mjs';
import { FOREIGN, SANITIZED, judge, limitOf, moduleOf, rows, size } from './judge.mjs';
import { functionsOf, withFunctions } from './metadata.mjs';

const SLOTS = 64;
const MEBIBYTE = 1 << 20;
const SETTINGS = { slots: SLOTS, permits: 8, memory_bytes: 1024 * MEBIBYTE, limits: { compile_time_ms: 20000 } };

/* How long a bystander may wait for an answer that takes no time, while a crowd computes. */
const ANSWERED_MS = 20000;

const folder = newFolder();
const names = { perProcess: new Set(), kinds: new Map() };
const cases = rows.flatMap(({ attack, twin }) => [attack, twin]);
const isRefused = (one) => one.ends === 'ModuleRefused';
let server;
let resident;

/* What is in memory now. */
const residentBytes = () => Number(readFileSync(`/proc/${server.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;

/* The path that a case has here. */
const pathOf = (one) => (one.id === undefined ? one.call : `${one.id}:run`);

/* Each module with what it has, and a function for each case, which lowers the limits of the case. */
function prepareModules() {
  const modules = new Map();
  for (const one of cases.filter((each) => !isRefused(each))) {
    const path = moduleOf(one);
    if (!modules.has(path)) modules.set(path, functionsOf(readFileSync(path)));
    const functions = modules.get(path);
    const row = functions.find(({ path: its }) => its === one.call);
    assert.ok(row !== undefined, `${basename(path)} has no function ${one.call}`);
    const limits = Object.fromEntries(Object.entries(one.limits ?? {}).filter(([name]) => !names.perProcess.has(name)));
    names.kinds.set(pathOf(one), row.kind);
    functions.push({ ...row, path: pathOf(one), limits: { ...row.limits, ...limits } });
  }
  mkdirSync(join(folder, 'modules'));
  return [...modules].map(([path, functions]) => {
    for (const { path: its, kind } of functions) names.kinds.set(its, kind);
    const target = join(folder, 'modules', basename(path));
    /* A variant has the paths of its source too: the twin's stay. */
    const own = path.endsWith('.attack.wasm') ? functions.filter(({ path: its }) => its.endsWith('_attack:run')) : functions;
    writeFileSync(target, withFunctions(readFileSync(path), own));
    return target;
  });
}

before(async () => {
  const { stdout } = await run(['limits', '--format', 'json']);
  for (const row of JSON.parse(stdout)) {
    if (row.code === 'ModuleRefused') names.perProcess.add(row.name);
    else limitOf.set(row.code, [...(limitOf.get(row.code) ?? []), row.name]);
  }
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify(SETTINGS));
  server = await Server.start({ flags: ['--config', config] });
  await server.deploy(...prepareModules());
  await plainQuery();
  resident = residentBytes();
});

/* -- Calls ------------------------------------------------------------------------------------ */

let calls = 0;
const lines = new Map();
let read = 0;

/* Lines of the log that have come since: each is JSON, and about something that happened. */
function readLog() {
  const end = server.log.lastIndexOf('\n') + 1;
  for (const line of server.log.slice(read, end).split('\n').filter((one) => one !== '')) {
    const parsed = JSON.parse(line);
    if (parsed.event !== 'function_execution') continue;
    lines.set(parsed.request_id, [...(lines.get(parsed.request_id) ?? []), parsed]);
  }
  read = end;
}

/* The line of a call; it comes when the run is over, which may be before or after its answer. */
async function lineOf(id) {
  for (const until = Date.now() + 30000; Date.now() < until; await sleep(5)) {
    readLog();
    if (lines.has(id)) return lines.get(id)[0];
  }
  return assert.fail(`there is no line of ${id} in the log`);
}

/* Calls a function. Gives what came back, without its line of the log. */
async function call(one, { signal } = {}) {
  const id = `${one.id ?? 'step'}-${calls++}`;
  const response = await fetch(`${server.url}/api/${names.kinds.get(pathOf(one))}`, {
    method: 'POST', signal,
    headers: { 'content-type': 'application/json', connection: 'close', 'convex-request-id': id },
    body: `{"path":"${pathOf(one)}","format":"convex_encoded_json","args":${typeof one.args === 'string' ? one.args : JSON.stringify(one.args ?? {})}}`,
  }).catch((error) => ({ error }));
  if (response.error !== undefined) return { id, left: response.error.name };
  return { id, status: response.status, body: JSON.parse(await response.text()) };
}

/* The outcome in the shape of the command's; its code and usage are in the log. */
async function outcomeOf({ id, status, body }) {
  const line = await lineOf(id);
  const told = body.errorMessage?.replace(/^\[Request ID: [\w-]+\] Server Error\n(Uncaught Error: )?/, '') ?? body.message;
  const [words, ...trace] = told?.split('\n    at ') ?? [];
  assert.equal(status, body.status === undefined ? 503 : 200);
  assert.equal(line.status, body.status === 'success' ? 'success' : 'failure');
  return {
    code: line.code, value: body.value, errorMessage: words, logLines: body.logLines ?? [],
    frames: trace.map((one) => ({ function: one.replace(/ \(.*$/s, '') })),
    usage: { fuel: line.fuel, user_time_ms: line.user_execution_time_ms },
  };
}

async function ask(one) {
  const outcome = await outcomeOf(await call(one));
  judge(one, outcome);
  return outcome;
}

async function plainQuery() {
  const outcome = await outcomeOf(await call({ call: 'burn_loop:rounds', args: { n: 10 } }));
  assert.equal(outcome.value, 1);
}

/* -- Cases ------------------------------------------------------------------------------------ */

/* A module by itself, over HTTP: refused with the same words, and nothing else happens. */
async function deployRefused(one) {
  const bytes = readFileSync(moduleOf(one));
  const head = request('POST', '/api/cordon/deploy', {
    headers: { Authorization: `Convex ${await server.key()}`, 'Content-Type': 'application/wasm', 'Content-Length': bytes.length, Connection: 'close' },
  });
  const { status, text } = await Wire.to(server).send(Buffer.concat([head, bytes])).answer();
  assert.equal(status, 400, text);
  const { code, message } = JSON.parse(text);
  judge(one, { code, errorMessage: message, usage: {} });
  await plainQuery();
}

/* The caller goes away while the function runs: it is ended, and the log tells why. */
async function leave(one) {
  const caller = new AbortController();
  const asked = call(one, { signal: caller.signal });
  await metricBecomes(server, 'run_slots_used_info', 1);
  caller.abort();
  const { id, left } = await asked;
  assert.equal(left, 'AbortError');
  assert.equal((await lineOf(id)).code, 'Cancelled');
}

/* Where every slot is in use, the bystander is told that it may try again, and does. */
async function answered(bystander) {
  for (const until = Date.now() + ANSWERED_MS; Date.now() < until; await sleep(20)) {
    const outcome = await outcomeOf(await call(bystander));
    if (outcome.code !== 'Overloaded') return judge(bystander, outcome);
  }
  return assert.fail(`nobody answers ${bystander.call}`);
}

/* Many callers at a time, of whom each has its end or is told that there is no room; and a bystander. */
async function crowd(one, bystander) {
  const asked = Array.from({ length: one.at_once }, () => call(one));
  await sleep(20);
  await answered(bystander);
  let turnedAway = 0;
  for (const each of await Promise.all(asked)) {
    const outcome = await outcomeOf(each);
    if (['Overloaded', 'OptimisticConcurrencyControlFailure'].includes(outcome.code)) {
      assert.match(outcome.errorMessage, /retry|again/i);
      turnedAway++;
    } else judge(one, outcome);
  }
  assert.ok(turnedAway < one.at_once, 'some of them ran');
  if (one.counted) assert.equal((await ask(bystander)).value, one.at_once - turnedAway);
  return turnedAway;
}

async function runCase(one) {
  for (const other of one.before ?? []) await ask(other);
  if (one.leaves) await leave(one);
  else {
    const outcome = await ask(one);
    if (one.repeats && one.ends !== 'TimedOut' && one.given === undefined) {
      assert.equal((await ask(one)).usage.fuel, outcome.usage.fuel, 'the same run costs the same');
    }
  }
  if (one.after !== undefined) await ask(one.after);
}

for (const promise of new Set(rows.map((row) => row.promise))) {
  describe(promise, () => {
    for (const { attack, twin, title } of rows.filter((row) => row.promise === promise)) {
      if (attack.at_once !== undefined) {
        test(`${title}, ${attack.at_once} at once, and its twin beside them`, async () => {
          const turnedAway = await crowd(attack, twin);
          if (attack.at_once > 2 * SLOTS) assert.ok(turnedAway > 0, 'there is no room for all');
          await metricBecomes(server, 'run_slots_used_info', 0);
        });
        continue;
      }
      test(title, () => (isRefused(attack) ? deployRefused(attack) : runCase(attack)));
      test(`${title}, its twin`, () => runCase(twin));
    }
  });
}

/* -- All of it, and what is left --------------------------------------------------------------- */

/* Numbers that are the same each time. */
function* numbers(seed) {
  for (let state = seed; ; state = (Math.imul(state, 1664525) + 1013904223) >>> 0) yield state / 2 ** 32;
}

test('several at a time, in any order', async () => {
  const random = numbers(1);
  const plain = cases.filter((one) => !isRefused(one) && one.at_once === undefined && one.after === undefined && one.before === undefined && !one.leaves);
  const rounds = Math.ceil((plain.length * size) / 100);
  const left = Array.from({ length: rounds }, () => plain[Math.floor(random.next().value * plain.length)]);
  const work = async () => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      const outcome = await outcomeOf(await call(one));
      if (outcome.code !== 'Overloaded') judge(one, outcome);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
});

describe('nothing is left', () => {
  test('gauges are back at zero', async () => {
    for (const name of ['concurrency_permits_used_info', 'concurrency_permits_waiting_info', 'run_slots_used_info', 'run_memory_used_bytes']) {
      await metricBecomes(server, name, 0);
    }
    await metricBecomes(server, 'http_connections_info', 1); // this very one
  });
  test('each call has one line, and is counted once', async () => {
    readLog();
    for (const [id, its] of lines) assert.equal(its.length, 1, id);
    assert.equal(lines.size, calls);
    assert.equal(await metricSum(server, 'application_function_runner_total_seconds_count'), calls);
  });
  test('memory is near where it began', { skip: SANITIZED }, async () => {
    for (const until = Date.now() + 5000; residentBytes() - resident > 64 * MEBIBYTE && Date.now() < until;) await sleep(100);
    const more = (residentBytes() - resident) / MEBIBYTE;
    assert.ok(more < 64, `${more} MiB more`);
  });
  /* What no function is asked: the log has a line of each call and no other. */
  test('nor of requests that mean harm', async () => {
    const forged = '{"event":"forged"}';
    const post = async (path, body, headers = {}) => {
      const response = await fetch(`${server.url}${path}`, { method: 'POST', headers: { connection: 'close', 'content-type': 'application/json', ...headers }, body });
      const text = await response.text();
      assert.doesNotMatch(text, FOREIGN);
      return { status: response.status, body: JSON.parse(text) };
    };
    const path = (text) => JSON.stringify({ path: text, args: {} });
    for (const text of [`a:b\n${forged}\n`, 'a:\u001b[2Jb', '../../etc/passwd:run', 'a'.repeat(100000), '', 'a:b\u0000c', '\u202ea:b']) {
      const { status, body } = await post('/api/query', path(text));
      assert.ok(status === 400 || (status === 200 && body.status === 'error'), JSON.stringify(body).slice(0, 300));
    }
    for (const args of [`{"a":${'['.repeat(100000)}${']'.repeat(100000)}}`, '{"a":"\\ud800"}', '{"a":1e999}', `{"a":${'1'.repeat(5000)}}`, '[[[[', '7']) {
      const { status, body } = await post('/api/query', `{"path":"burn_loop:rounds","args":${args}}`);
      assert.ok(status === 400 || (status === 200 && body.status === 'error'), `${args.slice(0, 40)}: ${JSON.stringify(body).slice(0, 300)}`);
    }
    const { status } = await post(`/api/run/${encodeURIComponent(`x\n${forged}`)}/y`, '{"args":{}}', { 'convex-request-id': 'x"\\}{"event":"forged"}' });
    assert.ok(status === 200 || status === 400);
    await plainQuery();
    for (const line of server.log.trim().split('\n')) assert.notEqual(JSON.parse(line).event, 'forged');
  });
  test('a plain query is answered, and the server ends well', async () => {
    await plainQuery();
    await server.stop();
  });
});
