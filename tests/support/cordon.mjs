/*
 * Driving the command `cordon` from tests: running it to its end, and serving with it. What comes
 * back is looked at strictly: with `--format json` stdout is one JSON object on one line, or empty.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

export const build = process.env.CORDON_BUILD_DIR ?? 'build';
export const cordon = join(build, 'cordon');

/* The module of a test guest, or of an example. */
export const guest = (name) => join(build, 'tests', 'guests', `${name}.wasm`);
export const example = (name) => join(build, 'examples', `${name}.wasm`);

/*
 * Servers that are still running end when the file's tests are over, and then their folders go; an
 * `after` inside a `before` would end with that hook.
 */
const running = new Set();
const folders = [];
after(async () => {
  await Promise.all([...running].map((child) => new Promise((resolve) => {
    child.on('exit', resolve);
    if (!child.kill('SIGKILL')) resolve(); // it has ended
  })));
  folders.forEach((folder) => rmSync(folder, { recursive: true, force: true }));
});

/* A new folder that is removed when the tests of this file are over. */
export function newFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-test-'));
  folders.push(folder);
  return folder;
}

/* A port of this machine that nobody has. */
export const freePort = () =>
  new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });

/*
 * Waits until `found` gives something, and gives it. Two minutes are more than a machine at work needs;
 * then the test fails with what `shown` tells, by default the condition itself.
 */
export async function until(found, shown = () => `${found}`) {
  for (const end = Date.now() + 120000; ; await sleep(20)) {
    const value = await found();
    if (value) return value;
    assert.ok(Date.now() < end, `in vain: ${shown()}`);
  }
}

/* The environment of a person who has set nothing of ours. */
function environment(more) {
  const { CORDON_ADMIN_KEY, CORDON_COMPILE_WORKER, ...rest } = process.env;
  return { ...rest, ...more };
}

/* Runs the command with these words. Gives { code, signal, stdout, stderr }. */
export function run(words, { env = {}, cwd, stdout = 'pipe', program = cordon } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { env: environment(env), cwd, stdio: ['ignore', stdout, 'pipe'] });
    const result = { stdout: '', stderr: '' };
    child.stdout?.setEncoding('utf8').on('data', (text) => (result.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (result.stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...result }));
  });
}

/* The one JSON object that a line of output is. */
export function parseOne(stdout) {
  assert.match(stdout, /^\{.*\}\n$/, 'stdout is one object on one line');
  return JSON.parse(stdout);
}

/* Every shape an outcome may have; nothing in it may be missing or more. */
export function checkOutcome(outcome) {
  const success = outcome.status === 'success';
  const optional = success ? [] : ['frames', 'limit'];
  const expected = success
    ? ['status', 'value', 'logLines', 'usage']
    : ['status', 'code', 'errorMessage', 'errorData', 'logLines', 'usage'];
  const keys = Object.keys(outcome);
  assert.deepEqual(expected.filter((key) => !keys.includes(key)), [], 'nothing is missing');
  assert.deepEqual(keys.filter((key) => !expected.includes(key) && !optional.includes(key)), []);
  assert.ok(Array.isArray(outcome.logLines) && outcome.logLines.every((line) => typeof line === 'string'));
  assert.equal(typeof outcome.usage.fuel, 'number');
  if (!success) {
    assert.equal(outcome.status, 'error');
    assert.match(outcome.code, /^[A-Z][A-Za-z]+$/);
    assert.ok(outcome.errorMessage.length > 0, 'an error has words');
  }
  for (const frame of outcome.frames ?? []) {
    assert.deepEqual(Object.keys(frame), ['function', 'file', 'line', 'inlined']);
    assert.equal(typeof frame.function, 'string');
  }
  if (outcome.limit !== undefined) {
    assert.deepEqual(Object.keys(outcome.limit).sort(), ['allowed', 'name', 'used']);
  }
}

/* `cordon run --format json`: the outcome, with the exit code as `exit`. */
export async function runJson(module, path, args, flags = []) {
  const words = ['run', '--format', 'json', ...flags, module, path];
  if (args !== undefined) words.push(typeof args === 'string' ? args : JSON.stringify(args));
  const { code, signal, stdout, stderr } = await run(words);
  assert.equal(signal, null, `ended by ${signal}: ${stderr}`);
  const outcome = parseOne(stdout);
  checkOutcome(outcome);
  return { exit: code, ...outcome };
}

/* The value of a run that must be a success. */
export async function runValue(module, path, args, flags = []) {
  const outcome = await runJson(module, path, args, flags);
  assert.equal(outcome.status, 'success', JSON.stringify(outcome));
  assert.equal(outcome.exit, 0);
  return outcome.value;
}

/* The outcome of a run that must end with this code and exit code. */
export async function runError(code, exit, module, path, args, flags = []) {
  const outcome = await runJson(module, path, args, flags);
  assert.equal(outcome.code, code, JSON.stringify(outcome));
  assert.equal(outcome.exit, exit, JSON.stringify(outcome));
  return outcome;
}

/* A server on a free port. It is stopped when the tests of this file are over, if not before. */
export class Server {
  /* `before`: what sh does first, such as `ulimit -n 100`. */
  static async start({ data = newFolder(), flags = [], env = {}, before = ':' } = {}) {
    const server = new Server();
    server.data = data;
    server.log = '';
    const words = [cordon, 'serve', '--listen', '127.0.0.1:0', '--data', data, ...flags];
    server.child = spawn('sh', ['-c', `${before}; exec "$@"`, 'sh', ...words], {
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    server.ended = new Promise((resolve) => server.child.on('close', (code, signal) => resolve({ code, signal })));
    server.child.stderr.setEncoding('utf8').on('data', (text) => (server.log += text));
    running.add(server.child);
    server.child.on('close', () => running.delete(server.child));
    server.url = await new Promise((resolve, reject) => {
      let line = '';
      server.child.stdout.setEncoding('utf8').on('data', (text) => {
        line += text;
        const [, url] = line.match(/(http:\/\/\S+?),? .*\n/) ?? [];
        if (url !== undefined) resolve(url);
      });
      server.ended.then(({ code }) => reject(new Error(`serve ended with ${code}: ${server.log}`)));
    });
    return server;
  }

  /* Stops it as Ctrl-C does; it must end well. */
  async stop(signal = 'SIGINT') {
    this.child.kill(signal);
    assert.deepEqual(await this.ended, { code: 0, signal: null }, this.log);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /* How far its files may reach, in bytes: what is beyond it is EFBIG, to the store as a full disk. */
  limitFiles(bytes) {
    execFileSync('prlimit', ['--pid', String(this.child.pid), `--fsize=${bytes}:unlimited`]);
  }

  /* As on a disk that is full, what the files of the log have room for is written, and nothing beyond that. */
  limitFilesToLog() {
    this.limitFiles(Math.max(...['log.0', 'log.1'].map((name) => statSync(join(this.data, name)).size)));
  }

  /* An admin key of its data folder; made once. */
  async key() {
    if (this.adminKey === undefined) {
      const { code, stdout, stderr } = await run(['keygen', 'admin', '--data', this.data]);
      assert.equal(code, 0, stderr);
      this.adminKey = stdout.trim().split(/\s+/).at(-1);
    }
    return this.adminKey;
  }

  async deploy(...modules) {
    const result = await run(['deploy', '--url', this.url, ...modules], {
      env: { CORDON_ADMIN_KEY: await this.key() },
    });
    assert.equal(result.code, 0, result.stderr);
    return result;
  }

  async post(path, body, headers = {}) {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }).catch((error) => {
      throw new Error(`POST ${path}: ${error.message}: ${error.cause}; the server: ${this.log}`, { cause: error });
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  }
}
