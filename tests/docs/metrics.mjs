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
import { Server, example, guest, newFolder, run, until } from '../support/cordon.mjs';

const PAGE = 'docs/metrics.md';

const SAME = 'the same';
const OWN = 'has none';

/*
 * How Convex's backend calls it, and what differs. What stands in tests/golden/convex_metrics has the
 * same name there; the rest is ours, or under another name.
 */
const inConvex = {
  application_function_runner_total_seconds: SAME,
  udf_execute_seconds: SAME,
  udf_service_request_seconds: SAME,
  udf_isolate_load_user_modules_seconds: SAME,
  udf_executor_result_total: SAME,
  user_function_execution_seconds: SAME,
  udf_queue_seconds: `${SAME}, of those that had to wait`,
  application_function_runner_wait_seconds: SAME,
  application_function_runner_run_seconds: SAME,
  application_function_runner_wait_timeout_total: SAME,
  application_function_runner_outstanding_total: `${SAME}; a gauge, which Prometheus lets nobody call so`,
  udf_fuel_total: OWN,
  run_udf_total: SAME,
  function_limit_warning_total: SAME,
  udf_limit_total: OWN,
  udf_rejected_before_execution_total: `${SAME}; with reasons of our own`,
  application_mutation_seconds: SAME,
  function_runner_begin_tx_seconds: SAME,
  concurrency_permit_acquire_seconds: SAME,
  concurrency_permit_total_hold_time_seconds: `${SAME}; \`client_id\` is a tenant`,
  create_isolate_seconds: `${SAME}, of V8's isolates`,
  udf_isolate_build_seconds: SAME,
  udf_isolate_instantiate_module_seconds: SAME,
  udf_isolate_evaluate_module_seconds: SAME,
  destroy_isolate_seconds: `${SAME}, of V8's isolates`,
  udf_isolate_lookup_source_seconds: `${SAME}; there by a run, here at a start`,
  udf_isolate_compile_module_seconds: `${SAME}; there by a run, here by a deploy or at a start`,
  udf_isolate_arguments_bytes: SAME,
  udf_isolate_result_bytes: SAME,
  udf_memory_bytes: '`isolate_*heap*`, of V8',
  udf_user_timeout_total: SAME,
  udf_system_timeout_total: SAME,
  isolate_out_of_memory_total: SAME,
  udf_out_of_fuel_total: OWN,
  isolate_request_canceled_total: SAME,
  udf_execute_full_total: SAME,
  udf_source_map_failure_total: `${SAME}, of source maps`,
  udf_conflict_total: '`occ_retries_total`, a histogram of retries for each commit',
  concurrency_permits_used_info: OWN,
  concurrency_permits_waiting_info: OWN,
  run_slots_used_info: OWN,
  run_nests_used_info: OWN,
  run_memory_used_bytes: '`isolate_total_*`, of V8',
  isolate_pool_max_info: SAME,
  isolate_pool_running_count_info: `${SAME}; \`client_id\` is a tenant`,
  isolate_pool_allocated_count_info: `${SAME}; \`client_id\` is a tenant`,
  audit_unsigned_time_seconds: OWN,
  store_pinned_time_seconds: OWN,
  engine_calls_info: OWN,
  engine_instances_info: OWN,
  engine_modules_info: OWN,
  engine_memories_info: OWN,
  engine_stacks_info: OWN,
  module_cache_source_size_bytes_total: `${SAME}; a gauge, which Prometheus lets nobody call so`,
  code_cache_size_bytes_total: `${SAME}; a gauge, which Prometheus lets nobody call so`,
  udf_op_seconds: `${SAME}; one in 64 short calls is measured, and stands for as many`,
  udf_syscall_seconds: SAME,
  udf_async_syscall_seconds: `${SAME}; one in 64 calls of \`1.0/queryStreamNext\` is measured, and stands for as many`,
  tenant_run_seconds: OWN,
  tenant_run_total: OWN,
  tenant_fuel_total: OWN,
  tenant_user_seconds_total: OWN,
  tenant_data_bytes: OWN,
  udf_record_kept_total: OWN,
  udf_record_unkept_total: OWN,
  udf_replay_total: OWN,
  udf_replay_mismatch_total: OWN,
  udf_replay_dropped_total: OWN,
  udf_replay_cpu_seconds_total: OWN,
  udf_replay_waiting_info: OWN,
  http_loop_hold_seconds: OWN,
  auth_key_fetches_total: OWN,
  http_requests_total: OWN,
  http_refused_total: OWN,
  http_connections_info: OWN,
  http_memory_used_bytes: OWN,
  log_lines_unwritten_total: OWN,
  process_resident_memory_bytes: SAME,
  process_virtual_memory_bytes: SAME,
  process_open_fds: SAME,
  process_max_fds: SAME,
  process_threads: SAME,
  process_start_time_seconds: SAME,
  process_cpu_seconds_total: SAME,
};

/* What of Convex's list cannot be here, and why. */
const absent = {
  udf_unawaited_op_total: 'a guest waits for each call of its host; none can be left behind by its end',
  array_buffer_oom_total: 'a guest has one memory, and no buffers beside it: `isolate_out_of_memory_total` counts all',
  recreate_isolate_total: 'each run has an instance of its own; none is used again, so none is made anew for a reason',
  isolate_scheduler_stolen_worker_age_seconds: 'no thread belongs to a tenant, so none is taken from one',
  'concurrency_permit_*': 'whatever else Convex measures of its limiter is of its limiter; ours has `concurrency_permits_used_info` and `concurrency_permits_waiting_info`',
  create_context_seconds: 'an instance has no context of V8 beside its store: `create_isolate_seconds` and `udf_isolate_instantiate_module_seconds` are all of it',
  'isolate_*heap*': "these are of V8's collected heaps; a guest has a linear memory: `udf_memory_bytes`",
  'isolate_total_*': 'the same, over all of them: `run_memory_used_bytes`',
  udf_fetch_seconds: 'functions have no fetch yet',
  udf_fetch_total: 'functions have no fetch yet',
  udf_fetch_bytes_total: 'functions have no fetch yet',
  'scheduled_job_*': 'there is no scheduler yet',
  'memory_index_cache_*': "the store reads its indexes from LMDB, which is the kernel's page cache; there is none of ours in front",
  sync_connect_seconds: 'there are no live queries yet, as of all that follow',
  sync_handle_message_seconds: 'the same',
  sync_update_queries_seconds: 'the same',
  sync_mutation_queue_seconds: 'the same',
  sync_query_failed_total: 'the same',
  sync_empty_transition_total: 'the same',
  sync_protocol_websockets_total: 'the same',
  'backend_ws_*': 'the same',
};

/* Labels that a metric has there and cannot have here. To PromQL a label that is not there is empty. */
const absentLabels = {
  udf_execute_seconds: { npm_version: 'modules bring no npm package' },
  function_limit_warning_total: { system_udf_path: 'there are no system functions' },
};

/* Labels with more values than this run of a server shows. */
const manyValues = {
  op: 'a call of [abi.md](../sdk/abi.md)',
  syscall: 'a call of [abi.md](../sdk/abi.md)',
  tenant: 'by name, 100 of them at a time; those that find no place are `other`',
  client_id: 'as `tenant`',
};

/* Meaning, and where Convex's log stream has it: the event `function_execution`. */
const fields = {
  time: ['when the line was written, UTC', '`timestamp`, in ms'],
  level: ['`info`; `warn` if the run failed, `error` if that was our fault', OWN],
  event: ['`function_execution`', '`topic`'],
  tenant: ['whose function', '`convex.deployment_name`'],
  path: ['the function', '`function.path`'],
  type: ['`query`, `mutation` or `action`', '`function.type`'],
  request_id: ['as in the answer, and in error messages', '`function.request_id`'],
  user: ['where one has [signed in](identity.md): the first 16 hex digits of SHA-256 of the `tokenIdentifier`, which the audit log has in full', OWN],
  traceparent: ['of calls that came with one, and of the runs that they make: the header of W3C Trace Context', OWN],
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
  index_ranges: ['ranges of indexes read', OWN],
  host_bytes: ['most memory of the host for it', OWN],
  args_bytes: ['size of the arguments, as JSON', OWN],
  result_bytes: ['size of the result, as JSON', OWN],
  log_lines: ['lines that it logged', OWN],
  mutation_retry_count: ['attempts before the last, after conflicts', '`function.mutation_retry_count`'],
  limits: ['what it might use of what it has above, by the names of [limits.md](limits.md); 0 of all where no function was found', OWN],
  code: ['of failures: as in [error-codes.md](error-codes.md) and [limits.md](limits.md)', OWN],
  error_message: ['of failures, in production too: up to 4,096 bytes, without values that did not match a validator, and with stars in place of what environment variables hold', SAME],
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
  const config = join(newFolder(), 'config.json');
  writeFileSync(config, JSON.stringify({ limits: { fuel: 10000000, tenant_bytes: 10000000000 } }));
  const server = await Server.start({ flags: ['--config', config] });
  await server.deploy(guest('basic'), guest('relay'), guest('spin'), example('messages_c'));
  const user = Buffer.from(JSON.stringify({ issuer: 'https://i', subject: 's' })).toString('base64');
  const traced = {
    Authorization: `Convex ${await server.key()}:${user}`,
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  };
  for (const path of ['basic:echo', 'basic:fail', 'messages:list', 'spin:host']) {
    await server.post('/api/query', { path, args: {} }, traced);
  }
  await run(['call', '--url', server.url, 'relay:cleanup', '{"q": "{\\"queryId\\":1}"}']);
  const metrics = parseMetrics(await until(async () => {
    const text = await scrape(server);
    return text.includes('tenant_data_bytes') && text;
  }));
  await server.stop();
  const lines = server.log.trim().split('\n').map((line) => JSON.parse(line));
  const runs = lines.filter(({ event, path }) => event === 'function_execution' && path.startsWith('basic:'));
  assert.deepEqual(runs.map(({ path, status }) => [path, status]), [['basic:echo', 'success'], ['basic:fail', 'failure']]);
  return { metrics, runs };
}

/* -- The page ------------------------------------------------------------------------------- */

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/* Of what is there once it has something to tell, all there can be. */
function valuesOf(label, labels) {
  if (label === 'udf_type' && 'tenant' in labels) return 'query, mutation, action';
  if (label === 'status' && ('op' in labels || 'syscall' in labels)) return 'success, developer_error, error';
  return manyValues[label] ?? labels[label].join(', ');
}

const labelText = (labels) => Object.keys(labels).map((label) => `\`${label}\`: ${valuesOf(label, labels)}`).join('; ');

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

Histograms have buckets from 1 µs to 9 minutes, or from 1 B to 512 MiB, each twice the one before. Of
\`status\` and \`result\`, \`developer_error\` is what the function or its caller did, limits included;
\`error\` is ours, or of the load; \`canceled\` is a caller that went away. Series by \`op\`, \`syscall\` and
\`tenant\` are there once they have something to tell.

A dashboard for Grafana that shows them is [packaging/grafana/cordon.json](../packaging/grafana/cordon.json).

${table(['metric', 'type', 'labels', 'meaning', 'Convex'], metrics.map(({ name, type, labels, help }) =>
    [`\`${name}\``, type, labelText(labels), help.replace(/\.$/, ''), inConvex[name]]))}

### What of Convex's is not here

The names of its list that have no metric here, and why:

${table(['metric', 'why'], Object.entries(absent).map(([name, why]) => [`\`${name}\``, why]))}

Labels that metrics have there and not here; in PromQL a label that is not there is empty:

${table(['metric', 'label', 'why'], Object.entries(absentLabels).flatMap(([name, labels]) =>
    Object.entries(labels).map(([label, why]) => [`\`${name}\``, `\`${label}\``, why])))}

## The line of a run

\`cordon serve\` writes one line for each run to stderr: a JSON object, or text if that is a terminal.
Convex's log stream nests some of the fields in \`function\` and \`usage\`. Text is for people: of these fields
it has those that tell something, so no zeros, no tenant \`default\`, and a limit, beside what was used of it, and from
\`index_ranges\` to \`log_lines\` also that, only if more than four fifths of it were used.

${table(['field', 'meaning', 'Convex'], Object.entries(fields).map(([name, [meaning, convex]]) => [`\`${name}\``, meaning, convex]))}

Arguments, results, keys and tokens are in no line. A tenant's runs have 10,000 lines a second
(\`log_lines_per_second\`), those that failed counted apart, and so has each other event: what is over that
is left out and told.

| event | level | fields | when |
| --- | --- | --- | --- |
| \`log_lines_dropped\` | \`warn\` | \`of_event\`, \`of_source\`, \`lines\` | so many lines of one tenant, or of an event, were left out in a second |
| \`log_lines_lost\` | \`warn\` | \`of_source\`, \`lines\` | so many of one tenant were lost as the log's reader did not keep up and it had more than [its part](fairness.md#log-lines) of what may wait; without a tenant: lines of the server itself, or, as the reader is gone or the disk is full, of anybody |

## Lines about records

Of [replays and records](determinism.md): \`udf_replay_mismatch_total\` is the one to be woken by.

| event | level | fields | when |
| --- | --- | --- | --- |
| \`replay_mismatch\` | \`error\` | \`message\`, \`path\`, \`request_id\`, \`difference\`, \`record\`, \`not_kept\`, \`not_audited\` | a replay in the background was another run than the recorded one; the last two say why there is no record of the run or in the audit trail, or are empty |
| \`function_recorded\` | \`info\` | \`path\`, \`request_id\`, \`record\` | a run of a function that \`record_functions\` names was kept under that id |
| \`function_not_recorded\` | \`warn\` | \`path\`, \`request_id\`, \`message\` | it should have been, and was not |

## Lines about keys

| event | level | fields | when |
| --- | --- | --- | --- |
| \`requests_refused\` | \`warn\` | \`tenant\`, \`host\`, \`code\`, \`requests\` | so many requests of a tenant, or for a host name that is nobody's, were refused with that [code](protocol.md#calls): the first at once, those of the next minute together, at its end; many of \`BadAdminKey\` or \`Unauthenticated\` are somebody who tries keys. Of the operator's listener neither tenant nor host is named; beyond some 60 hosts in a minute, a host is \`other\` |
| \`admin_key_ignored\` | \`warn\` | \`message\`, \`file\` | a key is not accepted, as others may have read or changed its file; once a minute at most |
| \`auth_keys_ignored\` | \`warn\` | \`message\`, \`file\` | the keys of a provider can't be read any more, or are gone; once a minute at most |
| \`auth_provider_without_tenant\` | \`warn\` | \`message\`, \`tenant\`, \`issuer\` | a provider of the settings is for users of a tenant that there is not |
| \`auth_keys_fetched\` | \`info\` | \`url\` | a provider's [URL](identity.md) has other keys than before, which are good from now on |
| \`auth_keys_unfetched\` | \`warn\` | \`url\`, \`message\` | its keys could not be fetched, and why; those that there are stay good |
| \`key_fetcher_confined\` | \`info\`, \`warn\` if something is missing | \`landlockVersion\`, \`missing\` | the process that fetches keys has given up what it does not need |
| \`key_fetcher_replaced\` | \`warn\` | \`message\` | it died, or was stopped, and was started again |
| \`key_fetcher_lost\` | \`error\` | \`message\` | it is gone for good; no keys are fetched before a restart |

## Lines about the audit log

| event | level | fields | when |
| --- | --- | --- | --- |
| \`audit_unwritten\` | \`error\` | \`message\` | a record or a checkpoint could not be written; said once until the same, of that log, can |
| \`audit_checkpoint_unsaved\` | \`error\` | \`message\` | a checkpoint is in the log, but not in \`audit_checkpoint_file\` or the system's log |
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

/* [{ name, labels }] of the golden list. */
const convex = readFileSync('tests/golden/convex_metrics', 'utf8').split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.match(/^([^{]+)(?:\{(.*)\})?$/))
  .map(([, name, labels]) => ({ name, labels: labels?.split(',') ?? [] }));

test("each of Convex's metrics is exported, or it is told why it can't be", () => {
  for (const { name, labels } of convex) {
    const exported = observed.metrics.find((metric) => metric.name === name);
    assert.ok((exported !== undefined) !== name in absent, `${name} is exported, or stands among the absent`);
    for (const label of exported === undefined ? [] : labels) {
      assert.ok(label in exported.labels !== label in (absentLabels[name] ?? {}), `label ${label} of ${name}`);
    }
  }
  const known = convex.map(({ name }) => name);
  for (const name of [...Object.keys(absent), ...Object.keys(absentLabels)]) {
    assert.ok(known.includes(name), `${name} is a metric of Convex's`);
  }
});

test('every metric has words, and a name of the form that its type asks for', () => {
  for (const { name, type, help } of observed.metrics) {
    assert.match(help, /^[A-Z].*\.$/, name);
    const ends = { counter: /_total$/, untyped: /_total$/, gauge: /_(info|bytes|fds|threads|time_seconds)$/, histogram: /_(seconds|bytes)$/ };
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
