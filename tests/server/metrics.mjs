/*
 * The metrics of a server, all of them: each name that /metrics has is seen to move by something that
 * happens here, or is named below with the test that moves it, as no client can. And when all is over,
 * whatever counts what there is now is back at rest.
 *
 * What Prometheus itself says of the text: promtool, which tools/promtool brings.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Server, example, guest, newFolder, until } from '../support/cordon.mjs';
import { Signer } from '../support/signer.mjs';
import { Wire, call, metricsText, request } from './wire.mjs';

/* What no client can bring about: the file of the test that moves it. */
const ELSEWHERE = {
  udf_system_timeout_total: 'tests/unit/test_run_metrics.c',
  udf_execute_full_total: 'tests/unit/test_run_metrics.c',
  application_function_runner_wait_timeout_total: 'tests/unit/test_run_metrics.c',
  udf_replay_mismatch_total: 'tests/run/test_recorder.c',
  store_pinned_time_seconds: 'tests/cli/backup.mjs',
  audit_unsigned_time_seconds: 'tests/server/health.mjs',
};

/* What is as it is from the start to the end, and is not nothing. */
const FIXED = ['isolate_pool_max_info', 'process_max_fds', 'process_start_time_seconds'];

/* What is never at rest, or rests at what is deployed. */
const NEVER_AT_REST = /^(process_|module_cache_|audit_unsigned_time_seconds|code_cache_|isolate_pool_max_|engine_modules_|http_connections_)/;

/* { name: { type, values: { series: number } } }; of histograms, the counts alone. */
function parse(text) {
  const families = {};
  let family;
  for (const line of text.trimEnd().split('\n')) {
    const [, name, type] = line.match(/^# TYPE (\w+) (\w+)$/) ?? [];
    if (name !== undefined) family = families[name] = { type, values: {} };
    if (line.startsWith('#')) continue;
    const [, series, number] = line.match(/^(\S+) (\S+)$/);
    if (family.type === 'histogram' && !/_count(\{|$)/.test(series)) continue;
    family.values[series] = Number(number);
  }
  return families;
}

const folder = newFolder();
let files = 0;
const withConfig = (settings) => {
  const config = join(folder, `config-${files++}.json`);
  writeFileSync(config, JSON.stringify(settings));
  return ['--config', config];
};

/* A module whose debug information is none. */
function withBadDebug(name) {
  const section = Buffer.from('.debug_info');
  const junk = Buffer.alloc(40, 0xff);
  const file = join(folder, `${name}.wasm`);
  const head = Buffer.from([0, 1 + section.length + junk.length, section.length]);
  writeFileSync(file, Buffer.concat([readFileSync(guest(name)), head, section, junk]));
  return file;
}

const post = (server, kind, path, args = {}, headers = {}) => server.post(`/api/${kind}`, { path, args }, headers);
const q = (value) => ({ q: JSON.stringify(value) });

describe('each metric of a server', () => {
  const moved = new Set();
  const seen = new Map(); /* by series, the first value */
  let names;
  let rest; /* as it is when all is over */

  /* Looks, and notes what has another value than at first. */
  async function look(server) {
    const families = parse(await metricsText(server));
    for (const [name, { values }] of Object.entries(families)) {
      for (const [series, number] of Object.entries(values)) {
        const key = `${server.url} ${series}`;
        if (!seen.has(key)) seen.set(key, /_(total|count)(\{|$)/.test(series) ? 0 : number);
        if (seen.get(key) !== number) moved.add(name);
      }
    }
    return families;
  }
  const has = (server, ...wanted) => until(async () => {
    await look(server);
    return wanted.every((name) => moved.has(name));
  });

  /* Calls that last until their client goes away. */
  async function hold(server, count, kind, path, args, looks) {
    const wires = Array.from({ length: count }, () => Wire.to(server).send(call(kind, path, args)));
    await looks();
    for (const wire of wires) wire.close();
  }

  before(async () => {
    const data = join(folder, 'data');
    const limits = { user_time_ms: 300, documents_written: 20, memory_bytes: 64 << 20 };
    const signer = new Signer();
    const publisher = createServer((_, response) => response.end(JSON.stringify(signer.keySet())));
    await new Promise((done) => publisher.listen(0, '127.0.0.1', done));
    publisher.unref();
    const providers = [signer.provider(`http://127.0.0.1:${publisher.address().port}/`)];
    const flags = withConfig({ slots: 12, permits: 2, replay_sample: 1000000, log_lines_per_second: 20, limits, auth_providers: providers });
    const server = await Server.start({ data, flags });
    names = Object.keys(await look(server));
    const modules = ['basic', 'counter', 'documents', 'effects', 'memory', 'relay', 'spin'].map(guest);
    await server.deploy(...modules, example('messages_c'), withBadDebug('frames'));

    const record = { Authorization: `Convex ${await server.key()}`, 'Cordon-Record': 'true' };
    await post(server, 'query', 'basic:echo', { a: 1 }, record);
    await post(server, 'query', 'no:where', {}, record);
    await post(server, 'query', 'basic:echo', {}, { Authorization: 'Bearer' });
    await post(server, 'query', 'basic:fail');
    await post(server, 'query', 'frames:trap');
    await post(server, 'mutation', 'messages:send', { author: 'Ada', body: 'hello' });
    await post(server, 'query', 'messages:list');
    await post(server, 'query', 'relay:cleanup', q({ queryId: 1 }));
    await post(server, 'query', 'relay:udf', q({ udfType: 'query', name: 'basic:echo', args: {} }));
    await post(server, 'mutation', 'documents:insert', { n: 18 }); /* near its limit */
    await post(server, 'query', 'memory:grow_or_trap', { n: 2000 });
    await post(server, 'query', 'spin:query'); /* a user timeout */
    await post(server, 'query', 'spin:host'); /* the same, in calls of the host */
    await post(server, 'query', 'spin:rounds_lowered', { n: 10000000 }); /* out of fuel */
    await has(server, 'udf_limit_total', 'udf_user_timeout_total', 'udf_out_of_fuel_total');

    await until(async () => {
      await Promise.all(Array.from({ length: 8 }, () => post(server, 'mutation', 'counter:add_slowly')));
      await look(server);
      return moved.has('udf_conflict_total');
    });

    /* While they are there: what counts those that are. */
    const inner = q({ udfType: 'query', name: 'spin:query', args: {} });
    await hold(server, 1, 'query', 'relay:udf', inner, () => has(server, 'run_nests_used_info'));
    const busy = ['run_slots_used_info', 'concurrency_permits_used_info', 'concurrency_permits_waiting_info',
      'run_memory_used_bytes', 'engine_calls_info', 'engine_instances_info', 'engine_memories_info',
      'engine_stacks_info', 'isolate_pool_running_count_info', 'isolate_pool_allocated_count_info',
      'application_function_runner_outstanding_total', 'http_connections_info'];
    await until(async () => {
      await hold(server, 11, 'action', 'spin:action', {}, () => look(server));
      return busy.every((name) => moved.has(name));
    });
    await until(async () => {
      await Promise.all(Array.from({ length: 30 }, () => post(server, 'query', 'spin:rounds', { n: 1000 })));
      await hold(server, 20, 'query', 'spin:query', {}, () => look(server));
      return ['udf_rejected_before_execution_total', 'isolate_request_canceled_total', 'udf_replay_dropped_total',
        'udf_replay_waiting_info'].every((name) => moved.has(name));
    });
    const body = JSON.stringify({ path: 'basic:echo', args: { a: 'x'.repeat(4 << 20) } });
    const whole = request('POST', '/api/query', { body });
    const half = Wire.to(server).send(whole.subarray(0, 3 << 20));
    await has(server, 'http_memory_used_bytes');
    half.close();
    await has(server, 'udf_replay_total', 'process_cpu_seconds_total', 'auth_key_fetches_total');
    await until(async () => {
      rest = await look(server);
      return Object.entries(rest).every(([name, { type, values }]) =>
        type === 'counter' || type === 'histogram' || NEVER_AT_REST.test(name) || Object.values(values).every((number) => number === 0));
    });
    await server.stop();

    /* What a start does with what there is. */
    const again = await Server.start({ data, flags });
    await has(again, 'udf_isolate_lookup_source_seconds', 'udf_isolate_compile_module_seconds');
    await again.stop();
  });

  test('moves', () => {
    const still = names.filter((name) => !moved.has(name) && !FIXED.includes(name) && !(name in ELSEWHERE));
    assert.deepEqual(still, []);
  });

  test('that can not move here has a test elsewhere', () => {
    for (const [name, file] of Object.entries(ELSEWHERE)) {
      assert.ok(names.includes(name), name);
      assert.match(readFileSync(file, 'utf8'), new RegExp(`["']${name}["']`), `${file} has ${name}`);
    }
  });

  test('that is fixed is more than nothing', () => {
    for (const name of FIXED) assert.ok(Object.values(rest[name].values).every((number) => number > 0), name);
  });

  test('that counts what there is comes to rest', () => {
    assert.ok(Object.keys(rest).length === names.length);
  });
});

test('calls of functions by functions are told apart by who asked for the caller', async () => {
  const server = await Server.start();
  await server.deploy(guest('relay'), guest('identity'), guest('basic'));
  for (const name of ['identity:get', 'identity:get', 'basic:echo']) {
    const { body } = await post(server, 'query', 'relay:udf', q({ udfType: 'query', name, args: {} }));
    assert.equal(body.status, 'success', body.errorMessage);
  }
  const { run_udf_total: { values } } = parse(await metricsText(server));
  await server.stop();
  const series = (inner) => `run_udf_total{outer_type="query",inner_type="query",outer_observed_identity="false",inner_observed_identity="${inner}"}`;
  assert.deepEqual(Object.entries(values).filter(([, number]) => number > 0), [[series('false'), 1], [series('true'), 2]]);
});

describe('the text of the metrics', () => {
  test('passes promtool', async (t) => {
    const server = await Server.start();
    await server.deploy(guest('basic'), guest('documents'));
    await post(server, 'mutation', 'documents:insert', { n: 1 });
    const { status, stdout, stderr } = spawnSync('tools/promtool', ['check', 'metrics'], { input: await metricsText(server), encoding: 'utf8' });
    await server.stop();
    if (status === 77) { /* .ci/run sees to it that there is one */
      t.skip(`NOT CHECKED: ${stderr.trim()}`);
      return;
    }
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stdout + stderr, '', 'nothing to complain of');
  });

  test('has each metric that the dashboard shows', async () => {
    const dashboard = JSON.parse(readFileSync('packaging/grafana/cordon.json', 'utf8'));
    const server = await Server.start();
    const families = parse(await metricsText(server));
    await server.stop();
    const shown = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    assert.ok(shown.length > 20);
    for (const expr of shown) {
      const found = expr.match(/\b[a-z_]+(?=[{[ )]|$)/g).filter((word) => word.split('_').length > 2);
      const metrics = found.map((word) => word.replace(/_(bucket|sum|count)$/, ''));
      assert.ok(metrics.length > 0, expr);
      for (const name of metrics.filter((word) => word !== 'histogram_quantile' && word !== 'label_values')) {
        assert.ok(name in families, `${name}, of ${expr}`);
      }
    }
  });
});
