/*
 * docs/guide.md, done as it says: each command is typed, each file is saved, what should be printed is
 * held against what is, and the page runs, by the scripts that it names and a document as small as
 * it needs.
 *
 *   ```sh blocks                           each line is a command that succeeds, or exits with n
 *                                          where it ends in "# exits n"; `\` goes on in the next line
 *   <!-- in a terminal of its own -->      the command goes on in the background
 *   <!-- saved as FILE -->                 the block is saved there, in the folder that was gone to
 *   <!-- prints -->                        what the last command printed; … stands for anything
 *
 * Changed on the way are only the ports, which are free ones, and where npm takes the package from:
 * the one that tests/client has locked.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import vm from 'node:vm';
import { build, newFolder } from '../support/cordon.mjs';

/* -- Reading the guide ------------------------------------------------------------------------- */

/* The steps of the guide, in order: { kind, text, line, file }. */
function stepsOf(text) {
  const steps = [];
  let kind = 'shell';
  let file;
  let block;
  text.split('\n').forEach((line, at) => {
    if (block !== undefined) {
      if (line === '```') {
        steps.push(block);
        block = undefined;
        kind = 'shell';
      } else {
        block.text += `${line}\n`;
      }
      return;
    }
    const mark = line.match(/^<!-- (in a terminal of its own|saved as (\S+)|prints) -->$/);
    if (mark) {
      kind = { i: 'terminal', s: 'save', p: 'prints' }[mark[1][0]];
      [, , file] = mark;
    }
    const fence = line.match(/^```(\w*)$/);
    if (fence) {
      assert.ok(kind !== 'shell' || fence[1] === 'sh', `docs/guide.md:${at + 1}: a block that nobody types, saves or prints`);
      block = { kind, file, line: at + 1, text: '' };
    }
  });
  return steps;
}

const guide = readFileSync('docs/guide.md', 'utf8');
const steps = stepsOf(guide);

/* -- A person at a keyboard -------------------------------------------------------------------- */

const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

const ports = { 3210: await freePort(), 4000: await freePort() };
const withPorts = (text) => text.replace(/\b(3210|4000)\b/g, (port) => ports[port]);

const { CORDON_ADMIN_KEY, ...environment } = process.env;
environment.PATH = `${resolve(build)}${delimiter}${environment.PATH}`;
const state = newFolder();
let folder = newFolder();

/* Where a command finds the server that the guide has at the usual port. */
function typed(line) {
  const said = withPorts(line);
  if (/^cordon dev\b/.test(said)) return `${said} --listen 127.0.0.1:${ports[3210]}`;
  return said.includes('--url') ? said : said.replace(/^cordon (call|logs)\b/, `$& --url http://127.0.0.1:${ports[3210]}`);
}

/* Runs a line as a shell that stays open would, and gives all that it printed. */
async function type(line) {
  if (/^npm install convex$/.test(line)) {
    const installed = execFileSync('tests/client/install', { encoding: 'utf8' }).trim();
    symlinkSync(join(installed, 'node_modules'), join(folder, 'node_modules'));
    return '';
  }
  const script = `set -a # what is set is there for the next lines too
[ ! -e '${state}/env' ] || . '${state}/env'
${typed(line)}
code=$?
export -p >'${state}/env'
pwd >'${state}/folder'
exit $code`;
  const child = spawn('bash', ['-c', script], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (printed += text));
  const code = await new Promise((done) => child.on('close', done));
  const wanted = Number(line.match(/# exits (\d+)$/)?.[1] ?? 0);
  assert.equal(code, wanted, `$ ${line}\n${printed}`);
  folder = readFileSync(join(state, 'folder'), 'utf8').trim();
  return printed;
}

/* -- Terminals of their own -------------------------------------------------------------------- */

const terminals = [];
after(() => terminals.forEach(({ child }) => process.kill(-child.pid, 'SIGINT')));

class Terminal {
  constructor(line) {
    this.folder = folder;
    this.said = '';
    this.child = spawn('bash', ['-c', `exec ${typed(line)}`], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding('utf8').on('data', (text) => (this.said += text));
    this.child.on('exit', () => (this.ended = true));
    terminals.push(this);
  }

  count(words) {
    return this.said.split(words).length - 1;
  }

  async says(words, times) {
    while (this.count(words) < times) {
      assert.ok(!this.ended, `it has ended, and said:\n${this.said}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/* -- A browser --------------------------------------------------------------------------------- */

/* An element, with what a page of a form, a text and a list does with it. */
class Element {
  constructor(name, elements = {}) {
    Object.assign(this, { name, elements, textContent: '', children: [], listeners: {} });
  }

  replaceChildren(...children) {
    this.children = children;
  }

  addEventListener(event, call) {
    this.listeners[event] = call;
  }

  get texts() {
    return this.children.map(({ textContent }) => textContent);
  }
}

/* Opens a page: its elements by their tags, its scripts in order. */
function open(page) {
  const html = readFileSync(page, 'utf8');
  const inputs = [...html.matchAll(/<input name="(\w+)"/g)].map(([, name]) => [name, { value: '' }]);
  const elements = Object.fromEntries([...html.matchAll(/<(form|p|ul)>/g)].map(([, tag]) => [tag, new Element(tag, Object.fromEntries(inputs))]));
  const context = vm.createContext({
    document: { querySelector: (tag) => elements[tag], createElement: (tag) => new Element(tag) },
    console, fetch, Headers, TextEncoder, TextDecoder, URL, setTimeout, clearTimeout,
  });
  for (const [, script] of html.matchAll(/<script src="([^"]+)"><\/script>/g)) {
    vm.runInContext(readFileSync(join(page, '..', script), 'utf8'), context, { filename: script });
  }
  return elements;
}

async function becomes(found, wanted) {
  while (JSON.stringify(found()) !== JSON.stringify(wanted)) {
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function tryPage() {
  const { form, p, ul } = open(join(folder, 'index.html'));
  const submit = () => form.listeners.submit({ preventDefault: () => {} });
  while (ul.children.length < 3) await new Promise((done) => setTimeout(done, 20));
  assert.ok(ul.texts.includes('Ada: It works (5)'), ul.texts.join());
  assert.match(ul.texts.find((text) => text.startsWith('board')), /^board: Welcome, Cyd! \([1-5]\)$/);
  await submit();
  assert.equal(p.textContent, 'A message must say something.');
  Object.assign(form.elements.author, { value: 'Eve' });
  Object.assign(form.elements.body, { value: '<b>bold</b>' });
  await submit();
  await becomes(() => [p.textContent, ul.children.length, ul.texts.includes('Eve: <b>bold</b> (3)')], ['', 4, true]);
}

/* -- The guide, from its start to its end ------------------------------------------------------ */

test('what the guide has', () => {
  const count = (kind) => steps.filter((step) => step.kind === kind).length;
  assert.ok(count('shell') > 8 && count('save') >= 4 && count('terminal') === 2 && count('prints') > 5);
});

test('what it says is so', async (t) => {
  let printed = '';
  let unsettled; /* the `cordon dev` that files were saved for, and how often it had deployed */
  for (const { kind, text, line, file } of steps) {
    if (kind !== 'save' && unsettled !== undefined) {
      await unsettled.dev.says('deployed in', unsettled.count + 1);
      unsettled = undefined;
    }
    if (kind === 'save') {
      const dev = terminals.find((terminal) => terminal.folder === folder);
      if (dev !== undefined && unsettled === undefined) unsettled = { dev, count: dev.count('deployed in') };
      writeFileSync(join(folder, file), withPorts(text));
      if (file === 'page.js') await t.test('the page', tryPage);
    } else if (kind === 'terminal') {
      const terminal = new Terminal(text.trim());
      await terminal.says(text.startsWith('cordon dev') ? 'deployed in' : 'Cordon serves', 1);
    } else if (kind === 'shell') {
      for (const command of text.replace(/\\\n */g, '').trim().split('\n')) printed = await type(command);
    } else {
      const parts = withPorts(text).trim().split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      assert.match(printed.trim(), new RegExp(`^${parts.join('[^]*')}$`), `docs/guide.md:${line} is not what is printed`);
    }
  }
});

test('what was refused in it was shown by `cordon dev`, with the lines of the sources', () => {
  const [dev] = terminals;
  assert.match(dev.said, /Mutation messages:send ArgumentValidationError/);
  assert.match(dev.said, /Mutation messages:send \[LOG\] Ada writes to attic/);
  assert.match(dev.said, /at .*messages::send.* \(src\/messages\.rs:\d+\)/);
});

test('it ends as it was left', () => {
  assert.ok(existsSync(join(folder, 'send.record')));
});
