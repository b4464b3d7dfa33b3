/*
 * Tenants that sleep, and what keeps one from waking: the others are read meanwhile, however many
 * wait for machine code; and one that can't be loaded is not tried without end.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { Server, example, guest, newFolder, run, until } from '../support/cordon.mjs';
import { askFunction, callFunction, deployTo, listed, makeTenant, setVariable } from './hosts.mjs';
import { resumeCompilers, stopCompilers } from './processes.mjs';
import { metric } from './wire.mjs';

const LOADERS = 4; // that read, and as many that compile
const WAITING_MAX = 512;
const SLOW = 2 * LOADERS + 1;
const slow = Array.from({ length: SLOW }, (_, i) => `slow-${i}`);
const data = newFolder();
const config = join(newFolder(), 'config.json');
const keys = {};
let server;

const start = () => Server.start({ data, flags: ['--config', config] });
const query = (name) => callFunction(server, `${name}.test`, 'query', 'basic:nothing');
const artifactsOf = (number) =>
  readdirSync(join(data, 'artifacts')).filter((name) => name.startsWith(`${number}-`)).map((name) => join(data, 'artifacts', name));

/* Starts it anew, with all asleep; those that are named lack their machine code. */
async function restart(names) {
  const numbers = [];
  for (const name of names) numbers.push((await listed(server, name)).number);
  await server.stop();
  for (const file of numbers.flatMap(artifactsOf)) rmSync(file);
  server = await start();
}

/* A call that the server has received. */
async function callWaiting(name) {
  const asked = () => metric(server, 'http_requests_total'); // counts itself
  const first = await asked();
  const answer = query(name);
  for (let more = 1; (await asked()) - first === more; more++);
  return { answer };
}

before(async () => {
  writeFileSync(config, JSON.stringify({ limits: { compile_time_ms: 200000 } })); // so long compilers may be stopped
  server = await start();
  for (const name of [...slow, 'quick', 'third']) {
    keys[name] = await makeTenant(server, name);
    const { status, text } = await deployTo(server, `${name}.test`, guest('basic'), keys[name]);
    assert.equal(status, 200, text);
  }
});

test('those that must be compiled anew hold up nobody else', async () => {
  await restart(slow);
  const compilers = await stopCompilers(server);
  const waiting = [];
  for (const name of [...slow, slow[0]]) waiting.push(await callWaiting(name));
  assert.equal((await query('quick')).status, 'success');
  assert.equal((await listed(server, slow[0])).awake, false);
  assert.equal((await query('third')).status, 'success');
  resumeCompilers(compilers);
  for (const { answer } of waiting) assert.equal((await answer).status, 'success');
  for (const name of slow) assert.equal((await listed(server, name)).awake, true);
});

test('one that is deployed to meanwhile is awake as it was', async () => {
  await restart([]);
  const compilers = await stopCompilers(server);
  const asked = () => metric(server, 'http_requests_total');
  const first = await asked();
  const deploy = deployTo(server, 'quick.test', guest('counter'), keys.quick);
  for (let more = 1; (await asked()) - first === more; more++);
  assert.equal((await query('quick')).status, 'success', 'by the functions before');
  resumeCompilers(compilers);
  assert.equal((await deploy).status, 200);
  assert.equal((await callFunction(server, 'quick.test', 'mutation', 'counter:add')).value, 1);
  assert.match((await query('quick')).errorMessage, /Could not find/);
});

test('requests of an admin wait neither for a deploy nor for the machine code of others, nor does the operator', async () => {
  await restart(slow.slice(0, 4));
  const compilers = await stopCompilers(server);
  const asked = () => metric(server, 'http_requests_total');
  const change = async (name) => (await setVariable(server, `${name}.test`, keys[name])).status;
  const received = async (begin) => {
    const first = await asked();
    const answer = begin();
    for (let more = 1; (await asked()) - first === more; more++);
    return { answer };
  };
  const waiting = [await received(() => deployTo(server, 'quick.test', guest('basic'), keys.quick))];
  for (const name of slow.slice(0, 2)) waiting.push(await received(() => change(name)));
  assert.equal(await change('third'), 200);
  assert.equal(await change('quick'), 200, 'while it is deployed to');
  for (const name of slow.slice(2, 4)) waiting.push(await received(() => change(name)));
  assert.equal((await listed(server, 'third')).awake, true, 'the operator has a thread that no tenant takes');
  assert.equal((await listed(server, slow[3])).awake, false);
  resumeCompilers(compilers);
  assert.equal((await waiting.shift().answer).status, 200);
  for (const { answer } of waiting) assert.equal(await answer, 200);
});

test('many calls of one are answered by one load', async () => {
  await restart(slow.slice(0, 1));
  const compilers = await stopCompilers(server);
  const waiting = [];
  for (let i = 0; i < 20; i++) waiting.push(await callWaiting(slow[0]));
  resumeCompilers(compilers);
  for (const { answer } of waiting) assert.equal((await answer).status, 'success');
  assert.equal(await metric(server, 'udf_isolate_compile_module_seconds_count{cached="false"}'), 1);
});

/* One is served by the thread that compiles; so many others may wait for the same. */
test('calls of one that wait for a load have a bound', async () => {
  await restart(slow.slice(0, 1));
  const compilers = await stopCompilers(server);
  const waiting = [];
  for (let i = 0; i < 1 + WAITING_MAX; i++) waiting.push(await callWaiting(slow[0]));
  const { status, headers, text } = await askFunction(server, `${slow[0]}.test`, 'query', 'basic:nothing');
  assert.deepEqual([status, JSON.parse(text).code, headers['retry-after']], [503, 'Overloaded', '1'], text);
  assert.match(text, /Too many calls wait for these functions to be loaded/);
  assert.equal((await query('quick')).status, 'success');
  resumeCompilers(compilers);
  for (const { answer } of waiting) assert.equal((await answer).status, 'success');
});

/* Neither is anybody's fault. Four compile, so a fifth waits, and begins after what happens meanwhile. */
test('a load is refused once its tenant is removed, or the server stops', async () => {
  const key = await makeTenant(server, 'leaving');
  assert.equal((await deployTo(server, 'leaving.test', guest('counter'), key)).status, 200);
  const ask = (name) => {
    const answer = askFunction(server, `${name}.test`, 'query', 'basic:nothing');
    return answer.catch((error) => ({ status: error.code }));
  };
  const asked = () => metric(server, 'http_requests_total');
  const received = async (name) => {
    const first = await asked();
    const answer = ask(name);
    for (let more = 1; (await asked()) - first === more; more++);
    return { answer };
  };
  await restart([...slow.slice(0, LOADERS), 'leaving']);
  const first = await stopCompilers(server);
  const waiting = [];
  for (const name of slow.slice(0, LOADERS)) waiting.push(await received(name));
  const leaving = await received('leaving');
  await until(async () => (await run(['tenant', 'remove', 'leaving', '--data', data])).code === 0);
  resumeCompilers(first);
  assert.equal((await leaving.answer).status, 421);
  for (const { answer } of waiting) assert.equal((await answer).status, 200);

  await restart(slow.slice(0, LOADERS + 1));
  await stopCompilers(server);
  const stopped = [];
  for (const name of slow.slice(0, LOADERS + 1)) stopped.push(await received(name));
  await server.stop();
  for (const { answer } of stopped) assert.equal((await answer).status, 503);
  assert.doesNotMatch(server.log, /tenant_unloaded/);
  server = await start();
});

/* A kill forgets what all documents have together, and it is counted again. */
test('a tenant that is full stays so over a kill, but for what a start may let in', async () => {
  const LIMIT = 24 << 20;
  const UNCOUNTED = 16 << 20;
  const key = await makeTenant(server, 'full', '--limit', `tenant_bytes=${LIMIT}`);
  assert.equal((await deployTo(server, 'full.test', example('messages_c'), key)).status, 200);
  const send = (size) => askFunction(server, 'full.test', 'mutation', 'messages:send', { author: 'a', body: 'x'.repeat(size) });
  const fill = async () => {
    for (;;) {
      const { status, text } = await send(900000);
      if (/TenantFull/.test(text)) return;
      assert.ok(JSON.parse(text).status === 'success' || (status === 503 && /yet to be counted/.test(text)), text);
    }
  };
  const bytes = () => until(async () => (await listed(server, 'full')).dataBytes);
  await fill();
  const before = await bytes();
  assert.ok(before <= LIMIT && before > LIMIT - 1000000, `${before}`);
  for (let kills = 1; kills <= 2; kills++) {
    await server.kill();
    server = await start();
    await fill();
    const after = await bytes();
    assert.ok(after >= before && after <= LIMIT + kills * UNCOUNTED, `${after}`);
  }
});

/* However often it is called: what it costs to try is spent by whom it is for, and seldom. */
test('one that can not be loaded is tried again after a pause', async () => {
  await server.stop();
  writeFileSync(config, JSON.stringify({ limits: { module_bytes: 100 } }));
  server = await start();
  const tries = () => server.log.split('"tenant_unloaded"').length - 1;
  const began = Date.now();
  for (let i = 0; i < 100; i++) {
    const { status, text } = await askFunction(server, 'third.test', 'query', 'basic:nothing');
    assert.equal(status, 500, text);
    assert.match(JSON.parse(text).message, /can't be loaded/);
  }
  const most = 1 + (Date.now() - began) / 1000;
  await until(() => tries() > 0);
  assert.ok(tries() <= most, `${tries()} times, for at most ${most}`);
  await until(async () => {
    await askFunction(server, 'third.test', 'query', 'basic:nothing');
    return tries() > most;
  });
  await server.stop();
});
