/*
 * Compiles the guests of the tests: build.mjs SOURCE-FOLDER TARGET-FOLDER. Each NAME.wat becomes
 * NAME.wasm if it is newer; a target without a source is removed.
 *
 * wat2wasm knows neither custom sections nor includes, so comments of our own stand for both:
 *
 *   ;; @function PATH KIND [JSON]     a row of convex.functions, exported under its path; the JSON
 *                                     object is laid over the row ("visibility", "args", ...)
 *   ;; @section NAME TEXT             a custom section, as it stands (for hostile metadata)
 *   ;; @import MODULE FIELD...        the imports of that module, as funcs named $FIELD
 *   ;; @include NAME                  lib/NAME.wat
 *   ;; @flags FLAG...                 more flags for wat2wasm, such as --no-check
 *
 * Names of functions are kept, so that frames can be told apart.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const call = '(param i32 i32) (result i64)';
const types = {
  'now_ms': '(result i64)',
  '__convex_now_ms': '(result i64)',
  '__convex_random_bytes_deterministic': '(param i32 i32)',
  'clock_time_get': '(param i32 i64 i32) (result i32)',
  'clock_res_get': '(param i32 i32) (result i32)',
  'random_get': '(param i32 i32) (result i32)',
  'fd_write': '(param i32 i32 i32 i32) (result i32)',
  'fd_read': '(param i32 i32 i32 i32) (result i32)',
  'fd_close': '(param i32) (result i32)',
  'fd_seek': '(param i32 i64 i32 i32) (result i32)',
  'fd_fdstat_get': '(param i32 i32) (result i32)',
  'fd_prestat_get': '(param i32 i32) (result i32)',
  'fd_prestat_dir_name': '(param i32 i32 i32) (result i32)',
  'args_sizes_get': '(param i32 i32) (result i32)',
  'args_get': '(param i32 i32) (result i32)',
  'environ_sizes_get': '(param i32 i32) (result i32)',
  'environ_get': '(param i32 i32) (result i32)',
  'sched_yield': '(result i32)',
  'proc_exit': '(param i32)',
};

function leb128(number) {
  const bytes = [];
  do {
    bytes.push((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
    number >>>= 7;
  } while (number > 0);
  return Buffer.from(bytes);
}

function customSection(name, text) {
  const content = Buffer.concat([leb128(Buffer.byteLength(name)), Buffer.from(name), Buffer.from(text)]);
  return Buffer.concat([Buffer.from([0]), leb128(content.length), content]);
}

function functionRow(words) {
  const [, path, kind, more] = words.match(/^(\S+)\s+(\S+)\s*(.*)$/);
  return { path, export: path, kind, visibility: 'public', ...JSON.parse(more || '{}') };
}

/* The text for wat2wasm, and what it does not know. */
function read(path, folder) {
  const found = { flags: [], functions: [], sections: [] };
  const lines = readFileSync(path, 'utf8').split('\n').map((line) => {
    const [, word, rest] = line.match(/^\s*;; @(\w+)\s+(.*)$/) ?? [];
    if (word === 'function') found.functions.push(functionRow(rest));
    if (word === 'flags') found.flags.push(...rest.split(/\s+/));
    if (word === 'section') found.sections.push(rest.match(/^(\S+)\s*(.*)$/).slice(1));
    if (word === 'include') return readFileSync(join(folder, 'lib', `${rest}.wat`), 'utf8');
    if (word === 'import') {
      const [module, ...fields] = rest.split(/\s+/);
      return fields
        .map((field) => `(import "${module}" "${field}" (func $${field} ${types[field] ?? call}))`)
        .join(' ');
    }
    return line;
  });
  return { text: lines.join('\n'), ...found };
}

function compile(source, target, folder) {
  const { text, flags, functions, sections } = read(source, folder);
  const expanded = `${target}.${process.pid}.wat`;
  const part = `${target}.${process.pid}.part`;
  writeFileSync(expanded, text);
  try {
    execFileSync('wat2wasm', ['--debug-names', ...flags, expanded, '-o', part], { stdio: 'inherit' });
  } finally {
    rmSync(expanded);
  }
  if (functions.length > 0) {
    sections.unshift(['convex.functions', JSON.stringify({ abi: 1, functions })]);
  }
  writeFileSync(part, Buffer.concat([
    readFileSync(part), ...sections.map(([name, content]) => customSection(name, content))]));
  renameSync(part, target);
}

const [source, target] = process.argv.slice(2);
mkdirSync(target, { recursive: true });
const time = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const lib = join(source, 'lib');
const shared = Math.max(
  time(new URL(import.meta.url).pathname),
  ...(existsSync(lib) ? readdirSync(lib) : []).map((name) => time(join(lib, name))));
const names = readdirSync(source).filter((name) => name.endsWith('.wat')).map((name) => basename(name, '.wat'));
for (const old of readdirSync(target).filter((name) => name.endsWith('.wasm'))) {
  if (!names.includes(basename(old, '.wasm'))) rmSync(join(target, old));
}
let compiled = 0;
for (const name of names) {
  const [from, to] = [join(source, `${name}.wat`), join(target, `${name}.wasm`)];
  if (time(to) < Math.max(time(from), shared)) {
    compile(from, to, source);
    compiled++;
  }
}
console.log(`${names.length} guests in ${target}, ${compiled} compiled`);
