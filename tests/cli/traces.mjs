/*
 * Traces with functions, files and lines of the sources: of guests in C and Rust, by `cordon run` and by
 * a server, from good debug information and from hostile. Files are compared with the sources here: the
 * line that a frame names must hold what that frame does.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { join } from 'node:path';
import { Server, build, example, newFolder, run, runError } from '../support/cordon.mjs';
import { customSections } from '../support/wasm.mjs';

const inC = example('messages_c');
const inRust = example('messages_rust');
const probe = join(build, 'tests', 'sdk', 'probe_rust.wasm');

/* The text of the line that a frame stands at. */
const sourceOf = ({ file, line }, folder = '.') => readFileSync(join(folder, file), 'utf8').split('\n')[line - 1];
const spin = ['--limit', 'fuel=100000'];
const fib = (module, flags = spin) => runError('OutOfFuel', 3, module, 'math:fib', { n: 40 }, flags);

/* Nothing that a machine's owner would not tell: files are those of the project or of a library. */
function checkFiles(frames) {
  for (const { file, line } of frames) {
    assert.equal(file === null, line === null);
    if (file !== null) {
      assert.doesNotMatch(file, /^\/|\\|(^|\/)\.\.(\/|$)|^[A-Za-z]:/, 'a path in the project');
      assert.ok(!file.includes(process.cwd().slice(1)), file);
      assert.ok(Number.isInteger(line) && line >= 0);
    }
  }
}

describe('a function in C', () => {
  const folder = 'examples/messages_c';
  test('has each call of its stack', async () => {
    const { frames } = await fib(inC);
    checkFiles(frames);
    for (const frame of frames.slice(0, -2)) {
      assert.equal(frame.function, 'fib');
      assert.equal(frame.file, 'messages.c');
      assert.match(sourceOf(frame, folder), /fib\(uint32_t n\)|return n < 2 \? n : fib\(n - 1\)|^[{}]/);
    }
    const [caller, outermost] = frames.slice(-2);
    assert.equal(caller.function, 'compute_fib');
    assert.match(sourceOf(caller, folder), /cordon_number\(\(double\)fib\(/);
    assert.match(sourceOf(outermost, folder), /CORDON_FUNCTIONS\(/); // which makes it
  });
  test('has inlined calls too', async () => {
    const { frames } = await runError('Failed', 1, inC, 'messages:fail', { author: 'a', body: 'b' });
    checkFiles(frames);
    assert.deepEqual(frames.map((frame) => [frame.function, frame.inlined]), [
      ['fail', false],
      ['cordon_fail_data', false],
      ['send_and_fail', true],
      ['cordon_run_send_and_fail', false],
    ]);
    assert.equal(frames[1].file, 'sdk/cordon.c');
    assert.match(sourceOf({ ...frames[1], file: 'cordon.c' }, 'sdk/c'), /fail\(/);
    assert.match(sourceOf(frames[2], folder), /cordon_fail_data\(/);
  });
  test('that recurses deeply has 64 frames', async () => {
    const { frames } = await runError('OutOfFuel', 3, inC, 'math:fib', { n: 200 }, spin);
    assert.equal(frames.length, 64);
    assert.ok(frames.every(({ function: name, file }) => name === 'fib' && file === 'messages.c'));
  });
  test('in text', async () => {
    const { stderr } = await run(['run', ...spin, inC, 'math:fib', '{"n": 40}']);
    assert.match(stderr, /\n {2}at fib \(messages\.c:\d+\)\n/);
    assert.match(stderr, /\n {2}at compute_fib \(messages\.c:\d+\)\n {2}at \w+ \(messages\.c:\d+\)\n$/);
  });
});

describe('a function in Rust', () => {
  test('has each call of its stack, inlined ones too', async () => {
    const { frames } = await fib(inRust);
    checkFiles(frames);
    const own = frames.filter((frame) => frame.function === 'messages_rust::math::fib::fib');
    assert.ok(own.length > 3);
    for (const frame of own) assert.match(sourceOf(frame), /fn fib\(n: u32\)|if n < 2/);
    const caller = frames[own.length];
    assert.equal(caller.function, 'messages_rust::math::fib');
    assert.equal(caller.inlined, true);
    assert.match(sourceOf(caller), /fib\(args\.n\) as f64/);
    assert.equal(frames.at(-1).function, 'math:fib');
    assert.equal(frames.at(-1).inlined, false);
  });
  test('has files of other crates by where those are', async () => {
    const { frames } = await runError('Failed', 1, inRust, 'messages:fail', { author: 'a', body: 'b' });
    checkFiles(frames);
    assert.equal(frames[0].function, 'cordon::host::fail');
    for (const frame of frames) assert.ok(sourceOf(frame).length > 0, frame.file);
    assert.ok(frames.some(({ function: name, inlined }) => inlined && /messages_rust::messages::fail/.test(name)));
  });
  test('that panics has where it did, behind what the library does about it', async () => {
    const { frames, errorMessage } = await runError('Trapped', 1, probe, 'run:panics');
    checkFiles(frames);
    const at = frames.findIndex((frame) => frame.function === 'probe_rust::run::panics');
    assert.ok(at > 0, JSON.stringify(frames));
    assert.match(sourceOf(frames[at]), /things\[ctx\.random\(\) as usize\]/);
    assert.ok(errorMessage.includes(`${frames[at].file}:${frames[at].line}:`), 'as the panic itself says');
    const panic = frames.find((frame) => frame.function === 'core::panicking::panic_bounds_check');
    assert.equal(panic.file, 'library/core/src/panicking.rs');
    assert.deepEqual(frames.filter((frame) => /^_|17h[0-9a-f]{16}/.test(frame.function) && !/^__?rust/.test(frame.function)), []);
  });
});

test('a record holds the trace, and its replay has the same', async () => {
  const record = join(newFolder(), 'panic.rec');
  const { frames } = await runError('Trapped', 1, probe, 'run:panics', {}, ['--record', record]);
  /* By its places; names, and what was inlined there, are the module's to tell. */
  const places = readFileSync(record, 'latin1').match(/\nframe \d+ at \d+(?=\n)/g);
  assert.equal(places.length, frames.filter(({ inlined }) => !inlined).length);
  const { stdout, stderr } = await run(['replay', '--format', 'json', record]);
  assert.deepEqual(JSON.parse(stdout).frames, frames);
  assert.equal(stderr, '');
});

describe('without debug information', () => {
  test('frames have their names, and no file', async () => {
    const stripped = join(newFolder(), 'stripped.wasm');
    writeFileSync(stripped, dropSections(readFileSync(inC), /^\.debug_/));
    const { frames } = await fib(stripped);
    assert.equal(frames[0].function, 'fib');
    assert.ok(frames.every(({ file, line, inlined }) => file === null && line === null && inlined === false));
  });
});

/* -- Sections of a module ----------------------------------------------------------------------- */

function dropSections(bytes, pattern) {
  const parts = [];
  let kept = 0;
  for (const { name, start, to } of customSections(bytes)) {
    if (pattern.test(name)) {
      parts.push(bytes.subarray(kept, start));
      kept = to;
    }
  }
  return Buffer.concat([...parts, bytes.subarray(kept)]);
}

/* -- Hostile ones ------------------------------------------------------------------------------- */

/* The same bytes each time. */
function* numbers(seed) {
  for (let x = seed; ; ) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

const damages = {
  'a byte in a hundred': (bytes, from, to, next) => {
    for (let i = from; i < to; i++) if (next() % 100 === 0) bytes[i] = next();
  },
  'nothing but noise': (bytes, from, to, next) => {
    for (let i = from; i < to; i++) bytes[i] = next();
  },
  zeros: (bytes, from, to) => bytes.fill(0, from, to),
  ones: (bytes, from, to) => bytes.fill(0xff, from, to),
  'the second half': (bytes, from, to) => bytes.fill(0x80, (from + to) >> 1, to),
  'a header that is too large': (bytes, from, to) => bytes.fill(0xef, from, Math.min(from + 4, to)),
};

describe('hostile debug information', () => {
  const names = ['.debug_info', '.debug_abbrev', '.debug_line', '.debug_str', '.debug_ranges', '.debug_'];
  let seed = 1;
  for (const [what, damage] of Object.entries(damages)) {
    for (const name of names) {
      seed++;
      test(`${name}: ${what}`, async () => {
        const bytes = readFileSync(inC);
        const random = numbers(seed);
        for (const section of customSections(bytes)) {
          if (section.name.startsWith(name)) damage(bytes, section.from, section.to, () => random.next().value);
        }
        const hostile = join(newFolder(), 'hostile.wasm');
        writeFileSync(hostile, bytes);
        const { frames } = await fib(hostile);
        assert.ok(frames.length >= 2 && frames.length <= 64);
        for (const frame of frames) {
          assert.ok(frame.function.length > 0);
          assert.doesNotMatch(frame.function + (frame.file ?? ''), /[\x00-\x1f\x7f-\x9f]/);
        }
      });
    }
  }
});

describe('a server', () => {
  const call = async (server) => {
    const { status, body } = await server.post('/api/query', { path: 'math:fib', args: { n: 60 } });
    assert.equal(status, 200, JSON.stringify(body));
    return body.errorMessage;
  };
  const config = () => {
    const file = join(newFolder(), 'config.json');
    writeFileSync(file, JSON.stringify({ limits: { fuel: 100000 } }));
    return ['--config', file];
  };
  test('says it as Convex does, again from memory, and after a restart', async () => {
    const data = newFolder();
    let server = await Server.start({ data, flags: config() });
    await server.deploy(inC);
    const wanted = /\n {4}at fib \(messages\.c:\d+\)\n[^]*\n {4}at compute_fib \(messages\.c:\d+\)\n {4}at \w+ \(messages\.c:\d+\)$/;
    const first = await call(server);
    assert.match(first, wanted);
    const trace = (text) => text.slice(text.indexOf('\n'));
    assert.equal(trace(await call(server)), trace(first));
    await server.stop();
    server = await Server.start({ data, flags: config() });
    assert.equal(trace(await call(server)), trace(first));
    await server.stop();
  });
  test('and in production to the log alone', async () => {
    const server = await Server.start({ flags: [...config(), '--production'] });
    await server.deploy(inC);
    const [, id] = (await call(server)).match(/^\[Request ID: ([0-9a-f]+)\] Server Error$/);
    await server.stop();
    const line = server.log.split('\n').map((text) => text.startsWith('{') && JSON.parse(text)).find((entry) => entry.request_id === id);
    assert.match(line.stack, /^at fib \(messages\.c:\d+\)\n[^]*\nat \w+ \(messages\.c:\d+\)$/, 'but it is in the log');
  });
  test('many failures at once each have theirs', async () => {
    const server = await Server.start({ flags: config() });
    await server.deploy(inC);
    const texts = await Promise.all(Array.from({ length: 100 }, () => call(server)));
    for (const text of texts) assert.match(text, /at fib \(messages\.c:\d+\)/);
    await server.stop();
  });
});
