/*
 * The logs of functions as the server gives them out: what a run leaves, cursors, waiting for what is
 * new, the bound on what is kept and how a reader sees what it missed; `cordon logs`, and Convex's
 * own `convex logs`, unmodified.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, cordon, example, guest, newFolder, run, until } from '../support/cordon.mjs';
import { Wire, call as callBytes, request } from './wire.mjs';

const running = new Set();
after(() => running.forEach((child) => child.kill('SIGKILL')));

/* Starts a program that goes on; what it says is in `said`. */
function start(program, words, env) {
  const child = spawn(program, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (child.said += text));
  child.ended = new Promise((resolve) => child.on('exit', resolve));
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

const q = (value) => ({ q: JSON.stringify(value) });
const call = (server, kind, path, args = {}) => server.post(`/api/${kind}`, { path, args });

async function logs(server, cursor, signal) {
  const response = await fetch(`${server.url}/api/stream_function_logs?cursor=${cursor}`, {
    headers: { Authorization: `Convex ${await server.key()}` },
    signal,
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('access-control-allow-origin'), null);
  return response.json();
}

let server;
before(async () => {
  server = await Server.start();
  await server.deploy(example('messages_rust'), guest('logs'), guest('steps'), guest('relay'));
});

describe('the stream', () => {
  test('without runs it is empty, at once, and has a cursor', async () => {
    const { entries, newCursor } = await logs(server, 0);
    assert.deepEqual(entries, []);
    assert.ok(Math.abs(newCursor - Date.now()) < 60000, 'a time in milliseconds');
  });
  test('a run is there when its answer is', async () => {
    const { newCursor } = await logs(server, 0);
    const before = Date.now() / 1000 - 1;
    await call(server, 'mutation', 'messages:send', { author: 'Ada', body: 'hello' });
    await call(server, 'mutation', 'messages:fail', { author: 'Ada', body: 'hello' });
    const { entries, newCursor: next } = await logs(server, newCursor);
    const [sent, failed] = entries;
    assert.equal(entries.length, 2);
    assert.deepEqual(Object.keys(sent), [
      'number', 'cursor', 'kind', 'identifier', 'udfType', 'requestId', 'timestamp', 'executionTime', 'cachedResult', 'logLines', 'success', 'error',
    ]);
    assert.deepEqual(
      [sent.kind, sent.identifier, sent.udfType, sent.success, sent.error],
      ['Completion', 'messages:send', 'Mutation', true, null],
    );
    assert.ok(sent.timestamp > before && sent.timestamp < before + 60);
    assert.ok(sent.executionTime > 0 && sent.executionTime < 60);
    assert.ok(sent.cursor < failed.cursor && failed.cursor === next);
    assert.equal(failed.number, sent.number + 1);
    assert.equal(failed.success, null);
    assert.match(failed.error, /^Uncaught (Convex)?Error: /);
    assert.deepEqual((await logs(server, sent.cursor)).entries, [failed]);
  });
  test('log lines are there, in order', async () => {
    const { newCursor } = await logs(server, 0);
    const { body } = await call(server, 'query', 'logs:lines', { n: 1 });
    assert.ok(body.logLines.length > 0);
    const { entries } = await logs(server, newCursor);
    assert.deepEqual(entries.map(({ identifier, logLines }) => [identifier, logLines]), [['logs:lines', body.logLines]]);
  });
  test('who has all waits for what is new', async () => {
    const { newCursor } = await logs(server, 0);
    let answered = false;
    const waiting = [logs(server, newCursor), logs(server, newCursor)];
    waiting.forEach((answer) => answer.then(() => (answered = true)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(!answered, 'it waits');
    await call(server, 'query', 'messages:list');
    for (const answer of waiting) {
      assert.deepEqual((await answer).entries.map(({ identifier }) => identifier), ['messages:list']);
    }
  });
  test('who leaves while waiting is forgotten', async () => {
    const { newCursor } = await logs(server, 0);
    for (let i = 0; i < 20; i++) {
      const leaves = new AbortController();
      const answer = logs(server, newCursor, leaves.signal);
      await new Promise((resolve) => setTimeout(resolve, 5));
      leaves.abort();
      await assert.rejects(answer);
    }
    const { body } = await call(server, 'query', 'messages:list');
    assert.equal(body.status, 'success');
  });
  test('64 may wait at one time, as each run has an answer for all of them', async () => {
    const { newCursor } = await logs(server, 0);
    const headers = { Authorization: `Convex ${await server.key()}` };
    const follow = request('GET', `/api/stream_function_logs?cursor=${newCursor}`, { headers });
    const wires = Array.from({ length: 65 }, () => Wire.to(server).send(follow));
    const answers = wires.map((wire) => wire.answer());
    const refused = await Promise.race(answers.map(async (answer, i) => ({ i, ...(await answer) })));
    assert.deepEqual([refused.status, JSON.parse(refused.text).code, refused.headers['retry-after']], [503, 'Overloaded', '1']);
    const early = Wire.to(server).send(request('GET', '/api/stream_function_logs?cursor=0', { headers }));
    assert.equal((await early.answer()).status, 200, 'who does not wait is answered');
    const [leaves, ...others] = [...wires.keys()].filter((i) => i !== refused.i);
    answers[leaves].catch(() => {}); // its end
    wires[leaves].close();
    const late = Wire.to(server);
    await until(async () => {
      const answer = late.send(follow).answer();
      return (await Promise.race([answer, sleep(200)])) === undefined && (answers.push(answer), others.push(answers.length - 1));
    });
    await call(server, 'query', 'messages:list');
    for (const i of others) {
      const { status, text } = await answers[i];
      assert.equal(status, 200, text);
      assert.deepEqual(JSON.parse(text).entries.map(({ identifier }) => identifier), ['messages:list']);
    }
    [...wires, early, late].forEach((wire) => wire.close());
  });
  test('it is for the holder of an admin key, and read with GET', async () => {
    const bare = await fetch(`${server.url}/api/stream_function_logs?cursor=0`);
    assert.equal(bare.status, 401);
    assert.equal((await bare.json()).code, 'BadAdminKey');
    const headers = { Authorization: `Convex ${await server.key()}` };
    const posted = await fetch(`${server.url}/api/stream_function_logs`, { method: 'POST', headers });
    assert.equal(posted.status, 405);
    for (const cursor of ['', '-1', 'x', '1e3', '.5', '1.5.', '99999999999999999999999999']) {
      const response = await fetch(`${server.url}/api/stream_function_logs?cursor=${cursor}`, { headers });
      assert.equal(response.status, 400, cursor);
    }
  });
  test('a server that stops answers who waits, and stops', async () => {
    const stopping = await Server.start();
    const { newCursor } = await logs(stopping, 0);
    const answer = logs(stopping, newCursor);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const began = Date.now();
    await stopping.stop();
    assert.deepEqual((await answer).entries, []);
    assert.ok(Date.now() - began < 5000);
  });
});

describe('an action that goes on', () => {
  /* Calls an action and leaves it once something is seen; what is told from then until its end. */
  async function leaveAfter(path, args, seen) {
    let { newCursor } = await logs(server, 0);
    const leaves = new AbortController();
    const answer = fetch(`${server.url}/api/action`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ path, args }), signal: leaves.signal,
    });
    const gone = assert.rejects(answer);
    const entries = [];
    const more = async () => {
      const answered = await logs(server, newCursor);
      newCursor = answered.newCursor;
      entries.push(...answered.entries);
    };
    await seen(entries, more);
    leaves.abort();
    await gone;
    while (!entries.some(({ kind: of, identifier }) => of === 'Completion' && identifier === path)) await more();
    return entries;
  }
  const progress = (entries) => entries.filter(({ kind }) => kind === 'Progress');
  const some = async (entries, more) => {
    while (progress(entries).length === 0) await more();
  };

  test('has its lines told while it waits', async () => {
    const entries = await leaveAfter('steps:slow', { ms: 20000 }, some);
    const [first, last] = entries;
    assert.deepEqual(Object.keys(first), ['number', 'cursor', 'kind', 'identifier', 'udfType', 'requestId', 'timestamp', 'logLines']);
    assert.deepEqual([first.kind, first.identifier, first.udfType, first.logLines], ['Progress', 'steps:slow', 'Action', ['[INFO] one']]);
    assert.deepEqual([last.kind, last.requestId, last.number, last.logLines], ['Completion', first.requestId, first.number + 1, []]);
    assert.equal(entries.length, 2);
  });
  test('and while it computes', async () => {
    const entries = await leaveAfter('steps:busy', {}, some);
    assert.deepEqual(entries.map(({ kind, logLines }) => [kind, logLines]), [['Progress', ['[INFO] one']], ['Completion', []]]);
  });
  test('and when another action calls it', async () => {
    const args = q({ name: 'steps:slow', args: { ms: 20000 } });
    const entries = await leaveAfter('relay:call_action', args, some);
    assert.deepEqual(progress(entries).map(({ identifier, logLines }) => [identifier, logLines]), [['steps:slow', ['[INFO] one']]]);
  });
  test('has each line told once, in order, and all in its answer', async () => {
    const { newCursor } = await logs(server, 0);
    const { body } = await call(server, 'action', 'steps:slow', { ms: 400 });
    assert.deepEqual(body.logLines, ['[INFO] one', '[INFO] two', '[INFO] three']);
    const { entries } = await logs(server, newCursor);
    assert.equal(entries.at(-1).kind, 'Completion');
    assert.deepEqual(entries.flatMap(({ logLines }) => logLines), body.logLines);
  });
  test('is shown by `cordon logs --follow` as it goes on', async () => {
    const flags = ['logs', '--follow', '--url', server.url, '--admin-key', await server.key()];
    const child = start(cordon, flags, {});
    await until(async () => {
      await call(server, 'query', 'logs:lines', { n: 1 });
      return child.said.includes('logs:lines');
    }, () => child.said);
    await leaveAfter('steps:slow', { ms: 20000 }, () => until(() => /Action steps:slow \[INFO\] one/.test(child.said), () => child.said));
    child.kill('SIGINT');
    await child.ended;
  });
  test('of queries and mutations, which may be run again, nothing is told before their end', async () => {
    const { newCursor } = await logs(server, 0);
    await call(server, 'query', 'logs:lines', { n: 3 });
    const { entries } = await logs(server, newCursor);
    assert.deepEqual(entries.map(({ kind, logLines }) => [kind, logLines.length]), [['Completion', 3]]);
  });
});

describe('the bound', () => {
  test('the last 1,000 are kept, and numbers tell of the others', async () => {
    const { newCursor } = await logs(server, 0);
    const first = (await logs(server, 1)).entries.at(-1).number;
    const count = 1100;
    const wire = Wire.to(server);
    for (let i = 0; i < count; i++) wire.send(callBytes('query', 'messages:list', {}));
    for (let i = 0; i < count; i++) await wire.answer();
    wire.socket.destroy();
    const { entries } = await logs(server, newCursor);
    assert.equal(entries.length, 1000);
    assert.equal(entries.at(-1).number, first + count);
    assert.equal(entries[0].number, first + count - 999);
    assert.ok(entries.every(({ number, cursor }, i) => i === 0 || (number === entries[i - 1].number + 1 && cursor > entries[i - 1].cursor)));
  });
});

describe('cordon logs', () => {
  test('shows what is kept, and ends', async () => {
    await call(server, 'query', 'logs:lines', { n: 1 });
    await call(server, 'mutation', 'messages:fail', { author: 'Ada', body: 'hello' });
    const flags = ['logs', '--url', server.url, '--admin-key', await server.key()];
    const { code, stdout, stderr } = await run([...flags, '--history', '2']);
    assert.equal(code, 0, stderr);
    const lines = stdout.split('\n');
    assert.match(lines[0], /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Query logs:lines \[/);
    assert.ok(lines.some((line) => /Mutation messages:fail Uncaught (Convex)?Error: /.test(line)), stdout);
    const json = await run([...flags, '--format', 'json']);
    const runs = json.stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(runs.length > 2);
    assert.equal(runs.at(-1).identifier, 'messages:fail');
  });
  test('follows, also over a server that is started again', async () => {
    const data = newFolder();
    let own = await Server.start({ data });
    await own.deploy(guest('logs'));
    await call(own, 'query', 'logs:lines', { n: 1 });
    const key = await own.key();
    const child = start(cordon, ['logs', '--follow', '--url', own.url, '--format', 'json'], { CORDON_ADMIN_KEY: key });
    await until(async () => {
      await call(own, 'query', 'logs:lines', { n: 1 });
      return child.said.includes('"identifier":"logs:lines"');
    }, () => child.said);
    const port = new URL(own.url).port;
    await own.stop();
    await until(() => child.said.includes('asked again'), () => child.said);
    own = await Server.start({ data, flags: ['--listen', `127.0.0.1:${port}`] });
    await call(own, 'query', 'logs:again');
    await until(() => child.said.includes('"identifier":"logs:again"'), () => child.said);
    child.kill('SIGINT');
    await child.ended;
    await own.stop();
  });
  test('tells what was lost', async () => {
    const child = start(cordon, ['logs', '--follow', '--url', server.url, '--admin-key', await server.key()], {});
    await until(async () => {
      await call(server, 'query', 'logs:lines', { n: 1 });
      return child.said.includes('logs:lines');
    }, () => child.said);
    child.kill('SIGSTOP');
    const wire = Wire.to(server); /* 1,000 may be in the answer it waits for, and 1,000 in the next */
    for (let i = 0; i < 2300; i++) wire.send(callBytes('query', 'logs:lines', { n: 1 }));
    for (let i = 0; i < 2300; i++) await wire.answer();
    wire.socket.destroy();
    child.kill('SIGCONT');
    await until(() => /\d+ entries of the logs are lost/.test(child.said), () => child.said.slice(-2000));
    child.kill('SIGINT');
    await child.ended;
  });
  test('without a key, or with one that is not accepted', async () => {
    const none = await run(['logs', '--url', server.url]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /need an admin key/);
    const other = await run(['logs', '--follow', '--url', server.url, '--admin-key', 'default|00']);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /BadAdminKey/);
  });
});

/* Its command line asks for a later Node than its client library does, which is ours. */
const hasNode20 = Number(process.versions.node.split('.')[0]) >= 20;
test("Convex's own command line shows them", { skip: !hasNode20 && 'it needs Node 20' }, async () => {
  const folder = execFileSync('tests/client/install', { encoding: 'utf8' }).trim();
  const child = start(
    process.execPath,
    [join(folder, 'node_modules/convex/bin/main.js'), 'logs', '--url', server.url, '--admin-key', await server.key(), '--jsonl'],
    { CI: '1', CONVEX_DISABLE_TELEMETRY: '1' },
  );
  await until(async () => {
    assert.ok(running.has(child), child.said);
    await call(server, 'query', 'logs:lines', { n: 1 });
    return child.said.includes('"identifier":"logs:lines"');
  }, () => child.said);
  child.kill('SIGKILL');
  await child.ended;
});
