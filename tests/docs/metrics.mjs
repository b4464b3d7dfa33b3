/*
 * docs/metrics.md: every metric and every field of a run's log line, made from what a server answers
 * and writes, so that the page cannot say what the server does not. As a test it compares;
 * `node tests/docs/metrics.mjs write` writes it anew.
 *
 * What only people know stands here: how Convex calls each metric and field, and what fields mean.
 * A metric or a field without a row fails, and so does a row without one.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, guest, run } from '../support/cordon.mjs';

const PAGE = 'docs/metrics.md';

const SAME = 'the same';
const OWN = 'has none';

/* How Convex's backend calls it, and what differs. */
const inConvex = {
  application_function_runner_total_seconds: `${SAME}; there with \`env_type\` too`,
  udf_execute_seconds: `${SAME}; there with \`npm_version\` too`,
  user_function_execution_seconds: SAME,
  udf_queue_seconds: `${SAME}, of those that had to wait`,
  udf_fuel_total: OWN,
  udf_user_timeout_total: SAME,
  udf_system_timeout_total: SAME,
  isolate_out_of_memory_total: SAME,
  udf_out_of_fuel_total: OWN,
  isolate_request_canceled_total: SAME,
  udf_rejected_before_execution_total: `${SAME}; there with \`reason\` too`,
  function_limit_warning_total: `${SAME}; there with \`system_udf_path\` too`,
  udf_conflict_total: '`occ_retries_total`, a histogram of retries for each commit',
  concurrency_permits_used_info: '`concurrency_permit_total_hold_time_seconds`, a sum of time',
  concurrency_permits_waiting_info: '`concurrency_permit_acquire_seconds`, a histogram of time',
  run_slots_used_info: '`isolate_pool_running_count_info`, which counts its worker threads',
  run_memory_used_bytes: '`isolate_total_heap_size_bytes`, which counts heaps of V8 alone',
  udf_record_kept_total: OWN,
  udf_record_unkept_total: OWN,
  udf_replay_total: OWN,
  udf_replay_mismatch_total: OWN,
  udf_replay_dropped_total: OWN,
  udf_replay_cpu_microseconds_total: OWN,
  udf_replay_waiting_info: OWN,
  http_loop_hold_seconds: OWN,
  http_requests_total: OWN,
  http_connections_info: OWN,
};

/* Meaning, and where Convex's log stream has it: the event `function_execution`. */
const fields = {
  time: ['when the line was written, UTC', '`timestamp`, in ms'],
  level: ['`info`; `warn` if the run failed, `error` if that was our fault', OWN],
  event: ['`function_execution`', '`topic`'],
  path: ['the function', '`function.path`'],
  type: ['`query`, `mutation` or `action`', '`function.type`'],
  request_id: ['as in the answer, and in error messages', '`function.request_id`'],
  status: ['`success` or `failure`', SAME],
  execution_time_ms: ['from request to outcome', SAME],
  user_execution_time_ms: ['the function itself, as `user_time_ms` counts', SAME],
  system_execution_time_ms: ['the host for it, as `system_time_ms` counts', OWN],
  queued_time_ms: ['it waited for its turns, among others', OWN],
  fuel: ['used, as the limit counts', OWN],
  memory_bytes: ['size of the linear memory', '`usage.action_memory_used_mb`, of actions'],
  database_read_documents: ['documents read', '`usage.database_read_documents`'],
  database_read_bytes: ['their size', '`usage.database_read_bytes`'],
  database_write_documents: ['documents written', OWN],
  database_write_bytes: ['their size', '`usage.database_write_bytes`'],
  mutation_retry_count: ['attempts before the last, after conflicts', '`function.mutation_retry_count`'],
  code: ['of failures: as in [error-codes.md](error-codes.md) and [limits.md](limits.md)', OWN],
  error_message: ['of failures: whole, in production too', SAME],
  stack: ['of failures inside the function: a line `at NAME (FILE:LINE)` for each frame, innermost first, up to 4,096 bytes', 'in `error_message`'],
};

/* -- What there is -------------------------------------------------------------------------- */

function scrape(server) {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(server.data, 'operator.sock'), path: '/metrics' }, async (answer) => {
      let text = '';
      for await (const piece of answer.setEncoding('utf8')) text += piece;
      resolve(text);
    });
    asked.on('error', reject).end();
  });
}

/* [{ name, type, help, labels: { label: [value] } }], in the order of the text. */
function parseMetrics(text) {
  const found = new Map();
  for (const line of text.trimEnd().split('\n')) {
    const [, word, name, rest] = line.match(/^# (HELP|TYPE) (\w+) (.*)$/) ?? [];
    if (word === 'HELP') found.set(name, { name, help: rest, labels: {} });
    if (word === 'TYPE') found.get(name).type = rest;
    if (word !== undefined) continue;
    const [, series, labels = ''] = line.match(/^(\w+)(?:\{(.*)\})? [-\d.e+]+$/);
    const metric = found.get(series) ?? found.get(series.replace(/_(bucket|sum|count)$/, ''));
    for (const [, label, value] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label === 'le' && metric.type === 'histogram') continue;
      metric.labels[label] ??= [];
      if (!metric.labels[label].includes(value)) metric.labels[label].push(value);
    }
  }
  return [...found.values()];
}

/* A server's metrics, and the log lines of a run that succeeded and of one that failed. */
async function observe() {
  const server = await Server.start();
  await server.deploy(guest('basic'));
  await run(['call', '--url', server.url, 'basic:echo']);
  await run(['call', '--url', server.url, 'basic:fail']);
  const metrics = parseMetrics(await scrape(server));
  await server.stop();
  const lines = server.log.trim().split('\n').map((line) => JSON.parse(line));
  const runs = lines.filter(({ event }) => event === 'function_execution');
  assert.deepEqual(runs.map(({ path, status }) => [path, status]), [['basic:echo', 'success'], ['basic:fail', 'failure']]);
  return { metrics, runs };
}

/* -- The page ------------------------------------------------------------------------------- */

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const labelText = (labels) =>
  Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values.join(', ')}`).join('; ');

function page({ metrics }) {
  return `<!-- Made by tests/docs/metrics.mjs from what a server answers; \`cmake --build build --target docs\` writes it anew. -->

# Metrics and log lines

Both have Convex's names where they measure the same, so that dashboards and alarms made for its
backend go on working; the last column says where they differ. Nothing of either is for callers.

## Metrics

\`GET /metrics\` on the operator's listener (\`DATA/operator.sock\`, or the setting \`operator_listen\`)
answers in the text format of Prometheus:

\`\`\`
curl --unix-socket cordon-data/operator.sock http://localhost/metrics
\`\`\`

Histograms have buckets from 1 µs to 9 minutes, each twice the one before. Of \`status\`,
\`developer_error\` is what the function or its caller did, limits included; \`error\` is ours, or of
the load; \`canceled\` is a caller that went away.

${table(['metric', 'type', 'labels', 'meaning', 'Convex'], metrics.map(({ name, type, labels, help }) =>
    [`\`${name}\``, type, labelText(labels), help.replace(/\.$/, ''), inConvex[name]]))}

## The line of a run

\`cordon serve\` writes one line for each run to stderr: a JSON object, or text if that is a terminal.
Convex's log stream nests some of the fields in \`function\` and \`usage\`.

${table(['field', 'meaning', 'Convex'], Object.entries(fields).map(([name, [meaning, convex]]) => [`\`${name}\``, meaning, convex]))}

## Lines about records

Of [replays and records](determinism.md): \`udf_replay_mismatch_total\` is the one to be woken by.

| event | level | fields | when |
| --- | --- | --- | --- |
| \`replay_mismatch\` | \`error\` | \`message\`, \`path\`, \`request_id\`, \`difference\`, \`record\`, \`not_kept\`, \`not_audited\` | a replay in the background was another run than the recorded one; the last two say why there is no record of the run or in the audit trail, or are empty |
| \`function_recorded\` | \`info\` | \`path\`, \`request_id\`, \`record\` | a run of a function that \`record_functions\` names was kept under that id |
| \`function_not_recorded\` | \`warn\` | \`path\`, \`request_id\`, \`message\` | it should have been, and was not |

## Lines about the audit log

| event | level | fields | when |
| --- | --- | --- | --- |
| \`audit_unwritten\` | \`error\` | \`message\` | a record or a checkpoint could not be written; said once until one can |
| \`audit_checkpoint_unsaved\` | \`error\` | \`message\` | a checkpoint is in the log, but not in \`audit_checkpoint_file\` |
| \`audit_unread\` | \`error\` | \`message\` | the operator asked for records that can't be read |
`;
}

const observed = await observe();
const names = observed.metrics.map(({ name }) => name);
const [success, failure] = observed.runs.map((line) => Object.keys(line));

if (process.argv[2] === 'write') {
  writeFileSync(PAGE, page(observed));
}

test('every metric has a row, and every row a metric', () => {
  assert.deepEqual([...names].sort(), Object.keys(inConvex).sort());
});

test('every metric has words, and a name of the form that its type asks for', () => {
  for (const { name, type, help } of observed.metrics) {
    assert.match(help, /^[A-Z].*\.$/, name);
    const ends = { counter: /_total$/, gauge: /_(info|bytes)$/, histogram: /_seconds$/ };
    assert.match(name, ends[type], name);
  }
});

test('every field has a row, and every row a field', () => {
  assert.deepEqual(failure, Object.keys(fields));
  assert.deepEqual(success, failure.filter((name) => !['code', 'error_message', 'stack'].includes(name)));
});

test('the page says what the server does', () => {
  const hint = `${PAGE} is old; write it anew with: cmake --build build --target docs`;
  assert.equal(readFileSync(PAGE, 'utf8'), page(observed), hint);
});
