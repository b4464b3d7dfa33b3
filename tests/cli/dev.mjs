/*
 * `cordon dev`: what is saved is built and serves; what does not build or is refused is told, and the
 * last good functions go on; log lines are shown; and whatever way it ends, nothing of it stays.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, cordon, newFolder, run, until } from '../support/cordon.mjs';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const running = new Set();
after(() => running.forEach((child) => child.kill('SIGKILL')));

class Dev {
  constructor(project, flags = [], env = {}) {
    const { CORDON_ADMIN_KEY, ...rest } = process.env;
    this.said = '';
    this.child = spawn(resolve(cordon), ['dev', project, ...flags], { env: { ...rest, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding('utf8').on('data', (text) => (this.said += text));
    this.ended = new Promise((done) => this.child.on('exit', (code, signal) => done({ code, signal })));
    running.add(this.child);
    this.child.on('exit', () => running.delete(this.child));
  }

  count(words) {
    return this.said.split(words).length - 1;
  }

  /* Waits until it has said so, `times` in all; what it said is shown if it ends first. */
  async says(words, times = 1) {
    await until(() => {
      assert.ok(running.has(this.child) || this.count(words) >= times, `it has ended, and said:\n${this.said}`);
      return this.count(words) >= times;
    });
  }

  async url() {
    return until(() => this.said.match(/ for (http:[^,;\s]*)/)?.[1]);
  }

  async interrupt() {
    this.child.kill('SIGINT');
    return this.ended;
  }
}

/* The programs that name a folder on their command line, or run in it. */
function programsOf(folder) {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder) && Number(pid) !== process.pid;
    } catch {
      return false; /* it has ended meanwhile */
    }
  });
}

const newProject = async (language) => {
  const project = join(newFolder(), 'app');
  const { code, stderr } = await run(['new', language, project]);
  assert.equal(code, 0, stderr);
  return project;
};

const edit = (file, from, to) => {
  const text = readFileSync(file, 'utf8');
  assert.ok(text.includes(from), `${file} has ${from}`);
  writeFileSync(file, text.replace(from, to));
};

async function call(url, path, args = {}) {
  const kind = path === 'messages:send' ? 'mutation' : 'query';
  const response = await fetch(`${url}/api/${kind}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ path, args }),
  });
  return response.json();
}

const value = async (url, path, args) => {
  const answer = await call(url, path, args);
  assert.equal(answer.status, 'success', JSON.stringify(answer));
  return answer.value;
};

const languages = {
  c: {
    file: 'functions.c',
    /* from, to: another answer and a log line; then what does not compile; then what is refused. */
    answers: ['return cordon_number((double)fib((uint32_t)n));', 'cordon_log(CORDON_WARN, "counting"); return cordon_number(7);'],
    breaks: ['return cordon_number(7);', 'return cordon_numbre(7);'],
    says: /functions\.c:\d+:\d+: error: .*cordon_numbre/,
    refused: [['functions.c', 'CORDON_QUERY("messages:list"', 'CORDON_QUERY("math:fib"']],
    hint: /ModuleRefused: app\.wasm: .*math:fib/,
    logged: '[WARN] counting',
  },
  rust: {
    file: 'src/math.rs',
    answers: ['fib(args.n) as f64', '{ println!("counting"); fib(args.n); 7.0 }'],
    breaks: ['7.0 }', '7.0 + "" }'],
    says: /error\[E\d+\]: .*\n *--> src\/math\.rs:\d+/,
    /* The document that is there has no stars. */
    refused: [
      ['src/messages.rs', 'body: String,', 'body: String,\n    stars: f64,'],
      ['src/lib.rs', 'cordon::functions', 'cordon::schema![messages::Message];\ncordon::functions'],
    ],
    hint: /cordon: \w+: .*stars/,
    logged: '[LOG] counting',
  },
};

for (const [language, { file, answers, breaks, says, refused, hint, logged }] of Object.entries(languages)) {
  describe(language, () => {
    let project;
    let dev;
    let url;
    before(async () => {
      project = await newProject(language);
      dev = new Dev(project, ['--listen', '127.0.0.1:0']);
    });

    test('a new project is built, and its functions answer', async () => {
      url = await dev.url();
      await dev.says('deployed in');
      assert.match(dev.said, /built in \d+\.\d s, deployed in \d+\.\d s: messages:list, messages:send, math:fib\n/);
      assert.equal(await value(url, 'math:fib', { n: 10 }), 55);
      await value(url, 'messages:send', { author: 'Ada', body: 'hello' });
    });

    test('what is saved serves', async () => {
      edit(join(project, file), ...answers);
      await dev.says('deployed in', 2);
      assert.equal(await value(url, 'math:fib', { n: 10 }), 7);
    });

    test('log lines are shown as functions run, with function and time', async () => {
      await dev.says(logged);
      assert.match(dev.said, new RegExp(`\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d Query math:fib ${logged.replace(/[[\]]/g, '\\$&')}\n`));
      await call(url, 'math:fib', { n: 'x' });
      await dev.says('Query math:fib ArgumentValidationError');
    });

    test('what does not compile is told, and the last good functions go on', async () => {
      edit(join(project, file), ...breaks);
      await dev.says('the build failed (exit code');
      assert.match(dev.said, says);
      assert.equal(await value(url, 'math:fib', { n: 10 }), 7);
    });

    test('a module that is refused is told, and the last good functions go on', async () => {
      edit(join(project, file), breaks[1], breaks[0]);
      for (const [path, from, to] of refused) edit(join(project, path), from, to);
      await dev.says('the deploy failed (exit code 4); correct what is said above. What was deployed before stays in use');
      assert.match(dev.said, hint);
      assert.equal(await value(url, 'math:fib', { n: 10 }), 7);
      assert.equal((await value(url, 'messages:list')).length, 1);
    });

    test('mended, it serves again', async () => {
      const before = dev.count('deployed in');
      for (const [path, from, to] of refused) edit(join(project, path), to, from);
      await dev.says('deployed in', before + 1);
      assert.equal((await value(url, 'messages:list')).length, 1);
    });

    test('Ctrl-C ends it, and all that it started', async () => {
      assert.ok(programsOf(project).length > 1, 'it and its server');
      assert.deepEqual(await dev.interrupt(), { code: 0, signal: null }, dev.said);
      assert.deepEqual(programsOf(project), []);
      await assert.rejects(fetch(url));
      assert.ok(!dev.said.includes('\u001b'), 'no colours where there is no terminal');
    });
  });
}

describe('in C', () => {
  test('what no compiler reads builds nothing; a new file, a new folder and a rename do', async () => {
    const project = await newProject('c');
    const dev = new Dev(project, ['--listen', '127.0.0.1:0']);
    const source = join(project, 'functions.c');
    await dev.says('deployed in');
    await pause(1500); /* the build has written into the folder */
    assert.equal(dev.count('building\n'), 1, dev.said);
    mkdirSync(join(project, 'target'));
    mkdirSync(join(project, '.git'));
    for (const name of ['functions.c~', '.functions.c.swp', '4913', 'app.wasm.old', 'target/x.c', '.git/index', '.cordon/x']) {
      writeFileSync(join(project, name), 'x');
    }
    await pause(1500);
    assert.equal(dev.count('building\n'), 1, dev.said);

    writeFileSync(join(project, 'more.c'), 'int more;\n');
    await dev.says('deployed in', 2);
    mkdirSync(join(project, 'deep'));
    await pause(500);
    writeFileSync(join(project, 'deep', 'notes.h'), '/* notes */\n');
    await dev.says('deployed in', 3);
    writeFileSync(join(project, '.functions.c.new'), readFileSync(source, 'utf8').replace('(double)fib((uint32_t)n)', '8'));
    renameSync(join(project, '.functions.c.new'), source);
    await dev.says('deployed in', 4);
    assert.equal(await value(await dev.url(), 'math:fib', { n: 1 }), 8);
    await dev.interrupt();
  });

  test('kill -9 leaves no server behind; data and key are there the next time', async () => {
    const project = await newProject('c');
    let dev = new Dev(project, ['--listen', '127.0.0.1:0']);
    await dev.says('deployed in');
    await value(await dev.url(), 'messages:send', { author: 'Ada', body: 'hello' });
    const key = readFileSync(join(project, '.cordon/key'), 'utf8');
    assert.equal(statSync(join(project, '.cordon/key')).mode & 0o777, 0o600);
    assert.equal(readFileSync(join(project, '.cordon/.gitignore'), 'utf8'), '*\n');
    assert.ok(programsOf(project).length > 1);
    dev.child.kill('SIGKILL');
    await dev.ended;
    await until(() => programsOf(project).length === 0);

    dev = new Dev(project, ['--listen', '127.0.0.1:0']);
    await dev.says('deployed in');
    const url = await dev.url();
    assert.equal((await value(url, 'messages:list')).length, 1);
    assert.equal(readFileSync(join(project, '.cordon/key'), 'utf8'), key);
    const deployed = await run(['deploy', '--url', url, '--admin-key', key, join(project, 'app.wasm')]);
    assert.equal(deployed.code, 0, deployed.stderr);
    await dev.interrupt();
  });

  test('a server that runs is used, and goes on after it', async () => {
    const project = await newProject('c');
    const server = await Server.start();
    const dev = new Dev(project, ['--url', server.url], { CORDON_ADMIN_KEY: await server.key() });
    await dev.says('deployed in');
    assert.equal(await dev.url(), server.url);
    assert.equal(await value(server.url, 'math:fib', { n: 10 }), 55);
    await call(server.url, 'math:fib', { n: -1 });
    await dev.says('Query math:fib Uncaught Error: n must be a whole number');
    await dev.interrupt();
    assert.deepEqual(programsOf(project), []);
    assert.equal(await value(server.url, 'math:fib', { n: 10 }), 55);

    const refused = await run(['dev', project, '--url', server.url, '--admin-key', 'default|00']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /BadAdminKey/);
    const keyless = await run(['dev', project, '--url', server.url]);
    assert.equal(keyless.code, 2);
    assert.match(keyless.stderr, /wants an admin key/);
    await server.stop();
    const nobody = await run(['dev', project, '--url', server.url, '--admin-key', await server.key()]);
    assert.equal(nobody.code, 5);
    assert.match(nobody.stderr, /no server answers/);
  });

  test('without flags it uses the server at the usual port, if that accepts its key', async (t) => {
    const project = await newProject('c');
    let server;
    try {
      server = await Server.start({ flags: ['--listen', '127.0.0.1:3210'] });
    } catch {
      t.skip('something else has the port 3210');
      return;
    }
    let dev = new Dev(project, [], { CORDON_ADMIN_KEY: await server.key() });
    await dev.says('deployed in');
    assert.equal(await dev.url(), 'http://127.0.0.1:3210');
    assert.equal(await value(server.url, 'math:fib', { n: 10 }), 55);
    await dev.interrupt();

    dev = new Dev(project); /* no key: a server of its own, beside that one */
    await dev.says('deployed in');
    const beside = await dev.url();
    assert.notEqual(beside, server.url);
    await server.stop();
    await dev.interrupt();

    dev = new Dev(project); /* nobody there: the usual port */
    await dev.says('deployed in');
    assert.equal(await dev.url(), 'http://127.0.0.1:3210');
    const second = new Dev(project); /* the first one's server has the project's key */
    await second.says('deployed in');
    assert.equal(await second.url(), 'http://127.0.0.1:3210');
    await second.interrupt();
    assert.equal(await value('http://127.0.0.1:3210', 'math:fib', { n: 10 }), 55);
    await dev.interrupt();
  });

  test('when its server ends, so does it', async () => {
    const project = await newProject('c');
    const dev = new Dev(project, ['--listen', '127.0.0.1:0']);
    await dev.says('deployed in');
    const [server] = programsOf(project).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('serve'));
    process.kill(Number(server), 'SIGKILL');
    assert.deepEqual(await dev.ended, { code: 5, signal: null });
    assert.match(dev.said, /the server has ended/);
    await until(() => programsOf(project).length === 0);
  });

  test('--once builds, deploys and ends, with an exit code for each way it goes', async () => {
    const project = await newProject('c');
    const source = join(project, 'functions.c');
    const once = () => run(['dev', project, '--once', '--listen', '127.0.0.1:0']);
    const good = await once();
    assert.equal(good.code, 0, good.stderr);
    assert.match(good.stdout, /deployed in .*: messages:list, messages:send, math:fib\n/);
    edit(source, '"math:fib"', '"messages:list"');
    const refused = await once();
    assert.equal(refused.code, 4);
    assert.match(refused.stderr, /ModuleRefused/);
    writeFileSync(source, 'nonsense\n');
    const broken = await once();
    assert.equal(broken.code, 1);
    assert.match(broken.stderr, /functions\.c:1:1: error/);
    assert.deepEqual(programsOf(project), []);
  });

  test('without a compiler it says what to install', async () => {
    const project = await newProject('c');
    const tools = newFolder();
    for (const tool of ['sh', 'cat', 'dirname', 'mkdir', 'rm', 'mv']) {
      const path = ['/usr/bin', '/bin'].map((folder) => join(folder, tool)).find((one) => statSync(one, { throwIfNoEntry: false }));
      writeFileSync(join(tools, tool), `#!/bin/sh\nexec ${path} "$@"\n`, { mode: 0o755 });
    }
    const { code, stderr } = await run(['dev', project, '--once', '--listen', '127.0.0.1:0'], { env: { PATH: tools } });
    assert.equal(code, 1);
    assert.match(stderr, /sudo apt-get install .*clang/);
  });

  test('a folder that is no project, and flags that do not go together', async () => {
    const folder = newFolder();
    const none = await run(['dev', folder]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /has no file `build`, and so is no project; `cordon new rust DIR`/);
    const both = await run(['dev', await newProject('c'), '--url', 'http://127.0.0.1:1', '--data', folder]);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--url names a server that runs/);
  });
});
