/*
 * What the command and the server have in common when they run the table: where modules are, which
 * cases a row has, and whether what came of a case is what the table wants.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../support/cordon.mjs';
import { attacks } from './attacks.mjs';

/* A percentage of the usual size; see cmake/Testing.cmake. */
export const size = Number(process.env.CORDON_TEST_SIZE ?? 100);
export const SANITIZED = /^CORDON_SANITIZE:\w+=\w/m.test(readFileSync(join(build, 'CMakeCache.txt'), 'utf8'));

/*
 * How far a run may be past its time before it is ended: ten times what the longest bulk instruction
 * takes, as the machine does other things, too. test_stops counts, and is exact.
 */
const LATE_MS = SANITIZED ? 3000 : 1700;

const HERE = new URL('.', import.meta.url).pathname;
const MODULES = join(build, 'tests', 'adversary');

/* A function is called SOURCE:NAME; the source says in which language it is. */
export function sourceOf(call) {
  const [name] = call.split(':');
  const candidates = [`guests/${name}.wat`, `in_c/${name}.c`, `in_rust/src/${name}.rs`];
  const found = candidates.find((path) => existsSync(join(HERE, path)));
  assert.ok(found !== undefined, `there is no source of ${call}`);
  return found;
}

/* The module of a case: what a source in C or Rust is part of, or one of two variants, or its own. */
export function moduleOf({ call, variant }) {
  const source = sourceOf(call);
  if (!source.endsWith('.wat')) return join(MODULES, `${source.split('/')[0]}.wasm`);
  const [name] = call.split(':');
  const own = join(MODULES, 'guests', `${name}.${variant}.wasm`);
  return existsSync(own) ? own : join(MODULES, 'guests', `${name}.wasm`);
}

/* The rows, each with its promise, a name, and its two cases written out. */
export const rows = Object.entries(attacks).flatMap(([promise, list]) => list.map((row, index) => {
  const { twin, ...attack } = row;
  const { ends, says, gives, like, logs, frame, own, shown, repeats, leaves, at_once, counted, after, ...common } = attack;
  const id = `${promise}_${index}`;
  const title = (one) => `${one.call}${one.args === undefined ? '' : ` ${JSON.stringify(one.args).slice(0, 60)}`}`;
  const cases = [
    { ...attack, variant: 'attack', id: `${id}_attack`, number: index },
    { ...common, ...twin, variant: 'twin', id: `${id}_twin`, number: index },
  ];
  return { id, promise, title: `${title(row)}: ${ends ?? 'contained'}`, attack: cases[0], twin: cases[1] };
}));

/* By names of outcomes that are limits; filled by the callers from `cordon limits`. */
export const limitOf = new Map();

/* Words that must never reach whoever calls: the engine's, paths of ours, addresses. */
export const FOREIGN = /wasmtime|cranelift|wasmparser|pulley|MDB_|\bLMDB\b|libuv|yyjson|llhttp|backtrace|RUST_|libcordon|cordon-compile|\/(home|root|usr|tmp|work|proc|build)\/|0x[0-9a-f]{9,}|\.rs:\d|src\/\w+\/\w+\.[ch]\b/i;
/* What may end a message: the function's own words may. */
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;

/* The words of an error: ours, and of use. */
function judgeWords(wanted, outcome) {
  const { errorMessage } = outcome;
  for (const words of [wanted.says ?? []].flat()) assert.match(errorMessage, words);
  if (wanted.own) return; // the function's own words are in it
  assert.doesNotMatch(errorMessage, FOREIGN);
  assert.doesNotMatch(errorMessage, CONTROL);
  assert.match(errorMessage, /^[\w`]/);
}

/* A limit: named, with what was used and what is allowed. */
function judgeLimit(wanted, outcome) {
  const names = limitOf.get(outcome.code);
  const allowed = names.map((name) => wanted.limits?.[name]).find((value) => value !== undefined);
  assert.ok(names.some((name) => outcome.errorMessage.includes(name)), outcome.errorMessage);
  if (outcome.limit !== undefined) {
    assert.ok(names.includes(outcome.limit.name), outcome.limit.name);
    assert.ok(outcome.limit.used >= outcome.limit.allowed, JSON.stringify(outcome.limit));
    if (allowed !== undefined) assert.equal(outcome.limit.allowed, allowed);
  }
  const time = wanted.limits?.user_time_ms;
  if (outcome.code === 'TimedOut' && time !== undefined) {
    assert.ok(outcome.usage.user_time_ms < time + LATE_MS, `ended after ${outcome.usage.user_time_ms} ms`);
  }
}

/* Whether the outcome of a case, in the shape of `cordon run --format json`, is the wanted one. */
export function judge(wanted, outcome) {
  const told = JSON.stringify(outcome).slice(0, 2000);
  assert.equal(outcome.code, wanted.ends, told);
  if (wanted.ends !== undefined) {
    judgeWords(wanted, outcome);
    if (limitOf.has(wanted.ends)) judgeLimit(wanted, outcome);
  }
  if (wanted.frame !== undefined) assert.equal(outcome.frames[0]?.function, wanted.frame, told);
  if (wanted.gives !== undefined) assert.deepEqual(outcome.value, wanted.gives, told);
  if (wanted.like !== undefined) assert.match(JSON.stringify(outcome.value), wanted.like);
  if (wanted.logs !== undefined) assert.deepEqual(outcome.logLines ?? [], wanted.logs);
  for (const line of outcome.logLines ?? []) assert.match(line, /^\[(DEBUG|LOG|INFO|WARN|ERROR)\]/);
}

/* Limits whose use an outcome does not tell, or that no machine brings to its bound twice alike. */
const UNTOLD = ['TimedOut', 'SystemTimedOut', 'StackOverflow', 'ValueTooLargeError'];
const NEAR = 0.9;

/* Where a row is about a limit, its twin uses at least nine tenths of what it allows. */
export function judgeNearness({ promise, attack, twin }, outcome, allowed) {
  if (!['memory', 'cpu'].includes(promise) || !limitOf.has(attack.ends) || UNTOLD.includes(attack.ends)) return;
  const used = limitOf.get(attack.ends).map((name) => outcome.usage[name] / (twin.limits?.[name] ?? allowed(name)));
  assert.ok(Math.max(...used) >= NEAR, `the twin of ${attack.call} uses ${used} of its limit`);
}
