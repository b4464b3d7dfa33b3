/*
 * Every message that the sources can make. A walk over src/ finds each call that makes one and reads
 * its words: none may speak of what we are made of, hold a path of a machine or print an address,
 * and each must tell what to do, or what would have been right. What an answer says beyond that is
 * looked at where it is made: tests/adversary/judge.mjs.
 *
 * A message has its next step if it bids something ("; free some space", ". Export it by that name"),
 * or names what is taken ("at most 256", "it is a string"). Few may do without: ALONE says why.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

/* Functions whose literals are messages. Those that add a next step by themselves stand in COMPLETE. */
const MAKERS = [
  'cordon_error_new', 'outcome_set', 'outcome_set_overloaded', 'host_stop', 'run_finish_with', 'gate_refuse',
  'gate_refuse_limit', 'query_fail', 'malformed', 'tape_diverge', 'refuse', 'refuse_route', 'refuse_size',
  'terminal_fail', 'terminal_usage', 'wasm_refuse', 'wasm_refuse_feature', 'refuse_because', 'codegen_refuse',
];
/* wasm/refusal.c writes what to do behind each; malformed() of query/filter.c says what a filter is;
 * a usage error is followed by the usage; an overload says whether a retry is safe. */
const COMPLETE = ['wasm_refuse', 'wasm_refuse_feature', 'refuse_because', 'codegen_refuse', 'malformed', 'terminal_usage', 'outcome_set_overloaded', 'tape_diverge'];

const FOREIGN = /wasmtime|cranelift|pulley|\bLMDB\b|(?<!data\.|lock\.)\bmdb\b|MDB_|libuv|\buv_|llhttp|yyjson|libiberty|\bEVP\b|openssl|%p|\.[ch]:%|__FILE__|\/(home|root|usr|tmp|proc)\//i;

const BIDS = /(^|[.;:,—!?)`'"] |\\n| or |and )(add|allow|answer|ask|begin|build|call|change|check|choose|close|compile|compute|correct|declare|define|delete|deploy|encode|export|free|give|index|install|keep|leave|let|look|lower|make|move|name|pass|profile|put|raise|read|record|remove|rename|repeat|replay|report|restart|restore|retry|run|say|see|send|set|split|start|stop|strip|switch|take|translate|try|use|wait|write)\b/i;
const TAKES = /at most|at least|must (not be|be|have|hold|stand|cover|name|end|request|come)|\b(is|are) (one of|at most|a|an|the|plain|true|null|\\"|`|a whole|\d)|\b(it|they) (is|are)\b|it takes|asks for|did you mean|is that a|between|there (is|are|was|were) (rust|query|public|0 to|in)|limit is|\(limit:|maximum|has 1 to|only|needs|takes|belongs to|expected|no (room|memory)|retry is safe|larger than|should be|not offered|GET|POST|are called|speaks|before the others|lacks|instead|is the disk full|a newer|anew|goes on|the \%ss are/i;
/* What adds words by an argument. */
const BY_ARGUMENT = /disk_advice|advice|what_remains|fault_words|error_get_message|->words|\bwords\b|why|hint/;

/* Messages without a next step, each with why: a part of the text, as it stands in the source. */
const ALONE = [
  ['The call was cancelled', 'whoever cancelled it knows'],
  ['The program ended itself with exit code', 'it is the program that decided so'],
  ['The function trapped: %s', 'the stack follows, with file and line'],
  ['Could not find public function', "Convex's words"],
  ['System tables can only', "Convex's words"],
  ['Failed to parse cursor', "Convex's words"],
  ['Requested too many items', "Convex's words"],
  ['in-progress query not found', "Convex's words"],
  ['this cursor is from a different query', "Convex's words"],
  ['%s on nonexistent document ID', "Convex's words"],
  ['Cannot %s %s and %s%s', "Convex's words"],
  ['Cannot divide %s by zero', "Convex's words"],
  ['Cannot negate %s%s', "Convex's words"],
  ['Cannot use value %s as a Boolean', "Convex's words"],
  ['does not match the schema: %.*s', 'what follows names the field and what it must be'],
  ['Index %.*s.%.*s not found', "Convex's words"],
  ['it is no object with a string `message`', 'in the middle of a sentence that says what it should be'],
  ['Field names cannot be empty', "Convex's words"],
  ['Invalid argument `query` for', "Convex's words"],
  ['Already defined %s bound in index range', "Convex's words"],
  ['The index range included a comparison with', "Convex's words"],
  ['Number of tables cannot exceed', "Convex's words"],
  ["starts with a '$', which is reserved", "Convex's words"],
  ['Path component is empty', "Convex's words"],
  ['%s at byte %zu (line %zu', 'where a text stops being JSON; what was expected stands before it'],
  ['is no valid %s: %s', 'what follows is the rule'],
  ['is no host name: %s', 'what follows is the rule, and what to leave out'],
  ['is no host name for a tenant: %s', 'the same'],
  ['in the validator: %s', 'what follows is the rule'],
  ['in the validator at %s: %s', 'what follows is the rule'],
  ['a sort key is damaged: %s', 'nobody writes one by hand'],
  ['a replay loses no conflict', 'in a record that was forged'],
  ["can't call `%s` of `%s`. %s can.", "before it stands Convex's advice to use an action"],
  ["there is no limit '%s'", 'the next line lists them'],
  ["there is no command '%s'", 'the next line says which command lists them'],
  ['the record has %zu random bytes', 'a difference that a replay tells'],
];

/* -- Reading C --------------------------------------------------------------------------------- */

const files = readdirSync('src', { recursive: true }).filter((file) => file.endsWith('.c')).sort();
const withoutComments = (text) => text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));

/* From an opening parenthesis to its own. */
function toClosing(text, from) {
  let depth = 0;
  for (let at = from, inString = false; at < text.length; at++) {
    const c = text[at];
    if (inString && c === '\\') at++;
    else if (c === '"') inString = !inString;
    else if (!inString && c === '(') depth++;
    else if (!inString && c === ')' && --depth === 0) return text.slice(from, at + 1);
  }
  throw new Error('no closing parenthesis');
}

/* The literals of a call, as they stand; adjacent ones are one. */
const literalsOf = (call) =>
  [...call.replace(/"\s*(?:PRI\w+\s*)?"/g, '').matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, words]) => words).filter((words) => words.includes(' '));

/* { where, maker, code, words, rest } of every call that makes a message. */
const messages = files.flatMap((file) => {
  const text = withoutComments(readFileSync(join('src', file), 'utf8'));
  return [...text.matchAll(new RegExp(`\\b(${MAKERS.join('|')})\\s*\\(`, 'g'))].flatMap((match) => {
    const call = toClosing(text, match.index + match[0].length - 1);
    const words = literalsOf(call).join('; ');
    const line = text.slice(0, match.index).split('\n').length;
    const code = call.match(/CORDON_E_(\w+)/)?.[1];
    return words === '' ? [] : [{ where: `src/${file}:${line}`, maker: match[1], code, words, rest: call.replace(/"(?:[^"\\]|\\.)*"/g, '') }];
  });
});

/* What only those who write against the library can bring about, or what the log keeps. */
const OURS = ['INTERNAL', 'ENGINE'];

const isAlone = ({ words }) => ALONE.some(([part]) => words.includes(part));
const hasStep = ({ maker, code, words, rest }) =>
  COMPLETE.includes(maker) || OURS.includes(code) || BIDS.test(words) || TAKES.test(words) || BY_ARGUMENT.test(rest);

test('the walk finds what there is', () => assert.ok(messages.length > 300, `${messages.length} messages`));

test('no message speaks of what we are made of, or of places of a machine', () => {
  const bad = messages.filter(({ words }) => FOREIGN.test(words)).map(({ where, words }) => `${where}: ${words}`);
  assert.ok(bad.length === 0, `\n${bad.join('\n')}`);
});

test('each message says what to do, or what would have been right', () => {
  const bad = messages.filter((message) => !hasStep(message) && !isAlone(message)).map(({ where, words }) => `${where}: ${words}`);
  assert.ok(bad.length === 0, `\n${bad.join('\n')}`);
});

test('what stands alone is there, and has no step', () => {
  for (const [part, why] of ALONE) {
    const found = messages.filter(({ words }) => words.includes(part));
    assert.ok(found.length > 0, `${part} (${why})`);
  }
});

/* The codes have their sentence: what a client reads where the words are the log's. */
test('each code of an error and of an outcome has a sentence', () => {
  for (const header of ['error.h', 'outcome.h']) {
    const rows = readFileSync(join('include', 'cordon', header), 'utf8').matchAll(/X\((\w+), "(\w+)",[\s\S]*?"([^"]+)"\)/g);
    let count = 0;
    for (const [, id, , text] of rows) {
      assert.match(text, /\w+ \w+/, id);
      assert.doesNotMatch(text, FOREIGN, id);
      count++;
    }
    assert.ok(count >= 15, header);
  }
});
