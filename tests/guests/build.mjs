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
 *   ;; @include NAME                  lib/NAME.wat, beside this script
 *   ;; @flags FLAG...                 more flags for wat2wasm, such as --no-check
 *   ;; @names none                    without the names of functions
 *   ;; @tail HEX                      bytes behind the last section, as they stand
 *   ;; @cut COUNT                     so many bytes less at the end
 *
 * A source with lines `;; @attack TEXT` and `;; @twin TEXT` is two modules that differ by them alone:
 * NAME.attack.wasm has the text of the former and NAME.twin.wasm of the latter, which may be one of
 * the comments above. `@<COUNT TEXT>@` in a line stands for so many times the text, with `%` for the
 * number of each, from 0.
 *
 * Names of functions are kept else, so that frames can be told apart.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { customSection } from '../support/wasm.mjs';

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

function functionRow(words) {
  const [, path, kind, more] = words.match(/^(\S+)\s+(\S+)\s*(.*)$/);
  return { path, export: path, kind, visibility: 'public', ...JSON.parse(more || '{}') };
}

const LIB = new URL('lib/', import.meta.url).pathname;
const VARIANTS = ['attack', 'twin'];

/* The lines of one variant of a source, with what is repeated written out. */
function readLines(path, variant) {
  return readFileSync(path, 'utf8').split('\n').flatMap((line) => {
    const [, word, rest] = line.match(/^\s*;; @(attack|twin)\s+(.*)$/) ?? [];
    if (word !== undefined && word !== variant) return [];
    return (rest ?? line).replace(/@<(\d+) (.*?)>@/g, (_, count, text) =>
      Array.from({ length: Number(count) }, (_, index) => text.replaceAll('%', index)).join(''));
  });
}

/* The text for wat2wasm, and what it does not know. */
function read(path, variant) {
  const found = { flags: ['--debug-names'], functions: [], sections: [], tail: '', cut: 0 };
  const lines = readLines(path, variant).map((line) => {
    const [, word, rest] = line.match(/^\s*;; @(\w+)\s+(.*)$/) ?? [];
    if (word === 'function') found.functions.push(functionRow(rest));
    if (word === 'flags') found.flags.push(...rest.split(/\s+/));
    if (word === 'section') found.sections.push(rest.match(/^(\S+)\s*(.*)$/).slice(1));
    if (word === 'names') found.flags.shift();
    if (word === 'tail') found.tail += rest.replaceAll(' ', '');
    if (word === 'cut') found.cut = Number(rest);
    if (word === 'include') return readFileSync(join(LIB, `${rest}.wat`), 'utf8');
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

function compile(source, target, variant) {
  const { text, flags, functions, sections, tail, cut } = read(source, variant);
  const expanded = `${target}.${process.pid}.wat`;
  const part = `${target}.${process.pid}.part`;
  writeFileSync(expanded, text);
  try {
    execFileSync('wat2wasm', [...flags, expanded, '-o', part], { stdio: 'inherit' });
  } finally {
    rmSync(expanded);
  }
  if (functions.length > 0) {
    sections.unshift(['convex.functions', JSON.stringify({ abi: 1, functions })]);
  }
  const whole = Buffer.concat([
    readFileSync(part), ...sections.map(([name, content]) => customSection(name, content)), Buffer.from(tail, 'hex')]);
  writeFileSync(part, whole.subarray(0, whole.length - cut));
  renameSync(part, target);
}

/* What becomes of a source: the names of its modules, each with the variant that it is. */
function modulesOf(name) {
  const varies = /^\s*;; @(attack|twin)\s/m.test(readFileSync(join(source, `${name}.wat`), 'utf8'));
  return varies ? VARIANTS.map((variant) => [`${name}.${variant}`, variant]) : [[name, undefined]];
}

const [source, target] = process.argv.slice(2);
mkdirSync(target, { recursive: true });
const time = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const shared = Math.max(
  time(new URL(import.meta.url).pathname), ...readdirSync(LIB).map((name) => time(join(LIB, name))));
const names = readdirSync(source).filter((name) => name.endsWith('.wat')).map((name) => basename(name, '.wat'));
const modules = names.flatMap((name) => modulesOf(name).map((module) => [name, ...module]));
for (const old of readdirSync(target).filter((name) => name.endsWith('.wasm'))) {
  if (!modules.some(([, module]) => old === `${module}.wasm`)) rmSync(join(target, old));
}
let compiled = 0;
for (const [name, module, variant] of modules) {
  const [from, to] = [join(source, `${name}.wat`), join(target, `${module}.wasm`)];
  if (time(to) < Math.max(time(from), shared)) {
    compile(from, to, variant);
    compiled++;
  }
}
console.log(`${modules.length} guests in ${target}, ${compiled} compiled`);
