/*
 * A server that is killed under load, again and again, and clients that remember what they were
 * answered. They count: each call reads a counter and writes the next number to it, so all of them
 * together are a history of registers, which `cordon selftest --check` holds against strict
 * serializability: what was answered is there after the kill, what was not is there whole or not.
 *
 * CORDON_CRASH_ROUNDS is how often the server is killed.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, example, newFolder, run } from '../support/cordon.mjs';

const SIZE = Number(process.env.CORDON_TEST_SIZE ?? 100); // percent
const ROUNDS = Number(process.env.CORDON_CRASH_ROUNDS ?? Math.max(3, Math.round((15 * SIZE) / 100)));
const CLIENTS = 8;
const KEYS = 3; // in use at one time
const ANSWERS_MIN = 10; // before a kill
const ROUNDS_PER_KEY = 5;

const now = () => Number(process.hrtime.bigint() / 1000n);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const history = []; // what is known of each call
const told = new Map(); // of each counter, the numbers that somebody was told to have written

function remember(call) {
  history.push(call);
  for (const [op, key, number] of call.ops) {
    if (op === 'write') told.set(key, (told.get(key) ?? new Set()).add(number));
  }
}
const lines = () => history.map((call) => JSON.stringify(call) + '\n').join('');

/* A counter that is not there and one at 0 are the same. */
const read = (key, value) => ['read', key, value === 0 ? null : value];
const counted = (key, value) => [read(key, value - 1), ['write', key, value]];

/* The number that the counter has then, or nothing: the answer was an error, or none came. */
async function add(server, key, by) {
  const args = { name: `counter ${key}`, by };
  const { status, body } = await server.post('/api/mutation', { path: 'counters:add', args, format: 'json' });
  return status === 200 && body.status === 'success' ? { value: body.value } : { refused: body };
}

/* Calls until the server is gone. Gives the call that was not answered, if there is one. */
async function client(server, process, keys, ended) {
  while (!ended.yet) {
    const key = keys[Math.floor(Math.random() * keys.length)];
    const by = Math.random() < 0.3 ? 0 : 1;
    const begin = now();
    let answer;
    try {
      answer = await add(server, key, by);
    } catch {
      return by === 0 ? [] : [{ key, process, begin }];
    }
    /* One that lost every rerun says so, and has written nothing. */
    if (answer.value === undefined) assert.equal(answer.refused.code, 'OptimisticConcurrencyControlFailure', JSON.stringify(answer.refused));
    else remember({ process, begin, end: now(), status: 'committed', ops: by === 0 ? [read(key, answer.value)] : counted(key, answer.value) });
  }
  return [];
}

/* Reads each counter, and gives the numbers that nobody was told to those who were not answered. */
async function lookAfter(server, process, keys, unanswered) {
  for (const key of keys) {
    const begin = now();
    const { value } = await add(server, key, 0);
    remember({ process, begin, end: now(), status: 'committed', ops: [read(key, value)] });
    /* The lowest to who began first: if they can be given out at all, then so. */
    const waiting = unanswered.filter((call) => call.key === key).sort((a, b) => a.begin - b.begin);
    for (let number = 1; number <= value; number++) {
      const call = told.get(key)?.has(number) ? undefined : waiting.shift();
      if (call !== undefined) remember({ process: call.process, begin: call.begin, status: 'unknown', ops: counted(key, number) });
    }
  }
}

test(`a server that is killed ${ROUNDS} times keeps what it answered`, async () => {
  const data = newFolder();
  let unanswered = [];
  let lost = 0;
  let keys = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const server = await Server.start({ data });
    if (round === 0) await server.deploy(example('messages_c'));
    await lookAfter(server, round, keys, unanswered);
    if (round === ROUNDS) {
      await server.stop();
      break;
    }
    keys = Array.from({ length: KEYS }, (_, i) => Math.floor(round / ROUNDS_PER_KEY) * KEYS + i);
    const ended = { yet: false };
    const clients = Array.from({ length: CLIENTS }, (_, i) => client(server, (round + 1) * 1000 + i, keys, ended));
    const before = history.length;
    while (history.length < before + ANSWERS_MIN) await sleep(5);
    await sleep(Math.random() * 120);
    await server.kill();
    ended.yet = true;
    unanswered = (await Promise.all(clients)).flat();
    lost += unanswered.length;
  }

  const path = join(newFolder(), 'history');
  writeFileSync(path, lines());
  const { code, stdout, stderr } = await run(['selftest', '--check', path]);
  assert.equal(code, 0, `${stdout}${stderr}`);
  const [, checked] = stdout.match(/^transactions: (\d+)\nanomalies: none\n$/);
  console.log(`${checked} calls checked, ${lost} without an answer`);
  assert.ok(Number(checked) >= ROUNDS * ANSWERS_MIN, stdout);
});
