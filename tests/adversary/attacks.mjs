/*
 * Attacks on what Cordon promises, each with a twin just inside the limit that must pass. The drivers
 * cli.mjs and server.mjs run each of them; table.mjs checks that none is missing.
 *
 * A row:
 *
 *   call       SOURCE:FUNCTION, for which see judge.mjs; the guests of a promise begin alike
 *   args       the arguments (none: {})
 *   limits     limits that are lowered for this run
 *   given      seed and time, where they matter (the command alone can be given them)
 *   before     calls whose effect the run finds, with what they give
 *   after      a call that looks at what the run has left behind, likewise
 *
 * and what must come of it, of which at least one is there:
 *
 *   ends       the code it ends with; without it, it succeeds
 *   says       what its message must say beside that
 *   gives      its value; `like`: a pattern for its value's JSON
 *   logs       its log lines
 *   frame      the innermost function of its error
 *   own        the message is the function's own, and may say anything
 *   shown      it is run once more as on a terminal, which must not be shown a control character
 *   repeats    the same seed and time give the same in all there is
 *   at_once    so many callers of it at one time: then each may be told instead that there is no
 *              room, and its twin is answered meanwhile
 *   counted    what the twin gives afterwards is how many callers succeeded
 *   leaves     its caller leaves before it ends (of the server; the command has none)
 *
 * The twin has what the row says of calls, arguments and limits unless it says otherwise itself.
 */
const ENDLESS = 1000000000000;
const SEED = '5eed'.repeat(16);

/* Work without end, stopped by time; n rounds of it pass. Fuel for all of it would take seconds. */
const spins = (call, n, more = {}, twin = {}) => ({
  call, args: { n: ENDLESS }, limits: { user_time_ms: 100 }, ends: 'TimedOut', ...more,
  twin: { args: { n }, limits: { user_time_ms: 30000 }, gives: 1, ...twin },
});

/* `n` rounds are over a limit, and `fewer` not. */
const counted = (limit, ends, call, n, fewer, allowed, gives = 1) => ({
  call, args: { n }, limits: { [limit]: allowed }, ends, twin: { args: { n: fewer }, gives },
});
const burns = (...more) => counted('fuel', 'OutOfFuel', ...more);

/* A stack that is too small, and one that is not. */
const sinks = (call, n, fewer, more = {}) => ({ call, args: { n }, ends: 'StackOverflow', ...more, twin: { args: { n: fewer }, gives: fewer } });

/* What one kind of function may not do, and another may. */
const denied = (call, says, may) => ({ call, ends: 'CapabilityDenied', says, twin: { call: may, gives: null } });

/* A module that is refused, and one that runs. */
const refused = (name, says) => ({ call: `${name}:run`, ends: 'ModuleRefused', says, twin: { gives: null } });

/* A call that cannot be right, and one that just is. */
const wrong = (call, says, twin = {}) => ({ call, ends: 'InvalidHostCall', says, twin: { call: `${call}_end`, like: /^(null|0)$/, ...twin } });

const trapped = (call, says) => ({ call, ends: 'Trapped', says, frame: call, twin: { call: `${call}_not`, gives: null } });

/* What is written and then lost is not there; what is written and kept is. */
const undone = (call, ends, n, more = {}) => ({
  call, args: { n }, ends, after: { call: 'leave_writes:count', args: { n }, gives: 0 }, ...more,
  twin: { call: 'leave_writes:returns', args: { n: n + 50 }, gives: 1, after: { call: 'leave_writes:count', args: { n: n + 50 }, gives: 1 } },
});

/* A run of everything that ends in this way: its record says the same. */
const woven = (call, ends, more = {}) => ({ call, args: { n: 3 }, given: { seed: SEED, time: 1700000000000 }, ends, ...more, repeats: true, twin: { call: 'weave:returns', repeats: true, like: /^\d+$/ } });

/* Arguments that are no value of the data model, and others that just are. */
const badArgs = (args, says, good) => ({ call: 'wrong_result:good', args, ends: 'InvalidArguments', says, twin: { args: good, gives: 'good' } });
const nested = (depth) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
const fields = (count) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, 0]));

const crowd = (call, args, more, twin) => ({ call, args, at_once: 24, ...more, twin });

export const promises = {
  time: 'execution timeout; the clock stands still while the host works, which has a time of its own',
  memory: 'memory limit: linear memory, tables, what the host holds for the guest',
  cpu: 'CPU limit: fuel, charged for the work of the host too',
  determinism: 'deterministic random and time',
  capability: 'capability by kind of function',
  validation: 'module validation before any code is generated',
  calls: 'validation of every host call',
  stack: 'stack limit: a clean end, never a crash',
  errors: 'errors: of the guest, in our words, with nothing of ours in them',
  concurrency: 'concurrency limits: overload answers, and others are served',
  cleanup: 'clean-up after every end',
  records: 'logs and metrics that cannot be forged',
  replay: 'proof of determinism: every run can be replayed',
};

export const attacks = {
  time: [
    { ...spins('spin_plain:forever', 0), twin: { call: 'spin_plain:rounds', args: { n: 100000 }, limits: { user_time_ms: 30000 }, gives: 0 } },
    { ...spins('spin_plain:nested', 0), twin: { call: 'spin_plain:rounds', args: { n: 200000 }, limits: { user_time_ms: 30000 }, gives: 0 } },
    { ...spins('spin_plain:action', 0), twin: { call: 'spin_plain:rounds', args: { n: 300000 }, limits: { user_time_ms: 30000 }, gives: 0 } },
    { ...spins('spin_branches:circle', 0), twin: { call: 'spin_branches:steps', args: { n: 1000 }, gives: 1 } },
    spins('spin_calls:tree', 15, { args: { n: 90 } }, { gives: 610 }),
    spins('spin_calls:mutual', 10, { args: { n: 90 } }, { gives: 71 }),
    spins('spin_calls:indirect', 15, { args: { n: 90 } }, { gives: 610 }),
    { ...spins('spin_start:run', 0, { args: {} }), twin: { gives: null } },
    { ...spins('spin_initialize:run', 0, { args: {} }), twin: { gives: null } },
    spins('spin_host:now', 1000),
    spins('spin_host:yield', 1000),
    spins('spin_host:random', 10),
    spins('spin_host:read', 1000),
    spins('spin_host:refused', 100, { limits: { user_time_ms: 30000, system_time_ms: 100 }, ends: 'SystemTimedOut' }),
    spins('spin_bulk:fill', 1),
    spins('spin_bulk:copy', 1),
    spins('spin_bulk:overlap', 1),
    spins('spin_bulk:table', 10),
    spins('spin_bulk:table_copy', 10),
    spins('spin_bulk:table_init', 10),
    spins('spin_pages:touch', 1000),
    spins('spin_pages:back', 1000),
    { ...spins('spin_clock:query', 0), twin: { call: 'spin_clock:action', args: { n: 1800 }, limits: { user_time_ms: 2000 }, gives: 1 } },
    spins('spin_clock:wasi', 0),
    { call: 'effects:sleep', args: { n: 2147483647 }, limits: { user_time_ms: 100 }, ends: 'TimedOut', twin: { args: { n: 1800 }, limits: { user_time_ms: 2000 }, gives: 1 } },
    spins('effects:naps', 10),
    spins('spin_slow:divide', 1000),
    spins('spin_slow:root', 1000),
    spins('spin_slow:miss', 1000),
    spins('spin_slow:tiny', 1000),
    spins('spin_store:insert', 1, { limits: { system_time_ms: 50 }, ends: 'SystemTimedOut' }),
    spins('spin_store:scans', 10, { limits: { user_time_ms: 30000, system_time_ms: 100 }, ends: 'SystemTimedOut' }),
    spins('c_pattern:match', 5, { args: { n: 40 } }, { gives: true }),
    spins('rust_spin:sorts', 100, { args: { n: 1000000 } }),
  ],
  memory: [
    counted('memory_bytes', 'OutOfMemory', 'grow:pages', 4097, 4096, 268435456, 4096),
    counted('memory_bytes', 'OutOfMemory', 'grow:pages', 101, 100, 6553600, 100),
    counted('memory_bytes', 'OutOfMemory', 'grow:piece', 4096, 4095, 268435456, 4096),
    { ...counted('memory_bytes', 'OutOfMemory', 'grow:piece', 4294967295, 4095, 268435456, 4096) },
    counted('memory_bytes', 'OutOfMemory', 'grow:piece_action', 4096, 4095, 268435456, 4096),
    { ...counted('memory_bytes', 'OutOfMemory', 'grow:then_fail', 100, 99, 6553600, 100), says: /there is no memory left/ },
    { call: 'grow:twice', args: { n: 4096 }, gives: 4112, twin: { args: { n: 1 }, gives: 4112 } },
    counted('memory_bytes', 'OutOfMemory', 'grow:touch', 256, 255, 16777216, 256),
    { call: 'memory_first:size', ends: 'ModuleRefused', says: /memory begins with 268500992 bytes/, twin: { gives: 4096 } },
    { call: 'table_first:size', ends: 'ModuleRefused', says: /100001 elements/, twin: { gives: 100000 } },
    counted('table_elements', 'TooManyTableElements', 'table_grow:steps', 100001, 100000, 100000, 100000),
    counted('table_elements', 'TooManyTableElements', 'table_grow:piece', 1000, 999, 1000, 1000),
    { ...counted('host_bytes', 'TooManyHostBytes', 'hoard_nodes:output', 4600, 4000, 16777216), twin: { args: { n: 4000 }, like: /^\[\[0,/ } },
    { ...counted('host_bytes', 'TooManyHostBytes', 'hoard_nodes:log', 4400, 4000, 8388608), twin: { args: { n: 4000 }, like: /InvalidArgument/ } },
    { ...counted('host_bytes', 'TooManyHostBytes', 'hoard_nodes:insert', 4400, 4000, 8388608), twin: { args: { n: 4000 }, like: /InvalidArgument/ } },
    counted('documents_written', 'TooManyWrites', 'hoard_writes:many', 101, 100, 100),
    counted('bytes_written', 'TooManyBytesWritten', 'hoard_writes:bytes', 11, 10, 1080000),
    counted('document_bytes', 'ValueTooLargeError', 'hoard_writes:large', 1048600, 1048400, 1048576),
    { ...counted('result_bytes', 'TooLargeFunctionResult', 'hoard_result:string', 1001, 1000, 1000), twin: { args: { n: 1000 }, gives: 'a'.repeat(998) } },
    { call: 'hoard_result:again', args: { n: 50 }, limits: { host_bytes: 33554432 }, gives: 1, twin: { args: { n: 1 }, gives: 1 } },
    { call: 'hoard_result:nothing', args: { text: 'x'.repeat(990) }, limits: { args_bytes: 999 }, ends: 'TooLargeFunctionArguments', twin: { args: { text: 'x'.repeat(980) }, gives: null } },
    counted('memory_bytes', 'OutOfMemory', 'c_hoard:blocks', 260, 250, 268435456, 250),
    counted('memory_bytes', 'OutOfMemory', 'c_hoard:values', 7000000, 6200000, 268435456, 6200000),
    counted('memory_bytes', 'OutOfMemory', 'rust_hoard:vector', 9000000, 8000000, 134217728, 8000000),
    counted('memory_bytes', 'OutOfMemory', 'rust_hoard:strings', 300, 260, 268435456, 260),
  ],
  cpu: [
    burns('burn_loop:rounds', 100000, 95000, 800000),
    burns('burn_loop:rounds_mutation', 100000, 95000, 800000),
    burns('burn_loop:rounds_action', 100000, 95000, 800000),
    burns('burn_loop:raised', 100000, 95000, 800000),
    { call: 'burn_start:run', limits: { fuel: 1100000 }, ends: 'OutOfFuel', twin: { limits: { fuel: 1200000 }, gives: null } },
    burns('burn_host:random', 104, 98, 39000000),
    burns('burn_host:log', 104, 98, 300000000),
    burns('burn_host:output', 104, 98, 300000000),
    burns('burn_host:left', 104, 98, 310000),
    burns('burn_host:refused', 104, 98, 420000),
    burns('burn_host:write', 104, 98, 30000000),
    burns('burn_bulk:fill', 104, 98, 108000000),
    burns('burn_bulk:copy', 104, 98, 108000000),
    burns('burn_bulk:init', 104, 98, 16400000),
    burns('burn_bulk:table', 104, 98, 5150000),
    burns('burn_bulk:grow', 104, 98, 825000),
    burns('burn_deep:tree', 16, 15, 500000),
    counted('index_ranges', 'TooManyReads', 'burn_scan:ranges', 101, 100, 100),
    counted('index_ranges', 'TooManyReads', 'burn_scan:streams', 101, 100, 100),
  ],
  determinism: [
    { call: 'seen_clock:passes', args: { n: 3000000 }, gives: 0, repeats: true, given: { seed: SEED, time: 1700000000000 }, twin: { call: 'seen_clock:passes_action', args: { n: 10000000 }, gives: 1 } },
    { call: 'seen_clock:clocks', gives: 0, twin: { call: 'seen_clock:passes', args: { n: 1 }, gives: 0 } },
    { call: 'seen_clock:resolution', gives: 56, twin: { call: 'seen_clock:passes', args: { n: 2 }, gives: 0 } },
    { call: 'seen_random:bytes', given: { seed: SEED, time: 0 }, repeats: true, like: /^"[0-9a-f]{64}"$/, twin: { call: 'seen_random:ways', repeats: true, like: /^"[0-9a-f]{64}"$/ } },
    { call: 'seen_random:mutation', given: { seed: SEED, time: 0 }, repeats: true, like: /^"[0-9a-f]{64}"$/, twin: { call: 'seen_random:ways', repeats: true, like: /^"[0-9a-f]{64}"$/ } },
    { call: 'seen_random:start', repeats: true, like: /^"[0-9a-f]{64}"$/, twin: { call: 'seen_random:bytes', like: /^"[0-9a-f]{64}"$/ } },
    { call: 'seen_ambient:strings', gives: 0, twin: { call: 'seen_ambient:input', gives: 0 } },
    { call: 'seen_ambient:files', gives: 0, twin: { call: 'seen_ambient:input', gives: 0 } },
    { call: 'seen_nan:bits', repeats: true, like: /^"[0-9a-f]{112}"$/, twin: { call: 'seen_nan:vectors', repeats: true, like: /^"[0-9a-f]{64}"$/ } },
    { call: 'seen_left:later', args: { n: 50 }, repeats: true, like: /^(?!.*time).*"fuel":\d+/, twin: { call: 'seen_left:whole', repeats: true, like: /^(?!.*time).*"fuel":\d+/ } },
    { call: 'seen_depth:measure', args: { n: ENDLESS }, repeats: true, ends: 'StackOverflow', logs: Array(10).fill('[INFO] deeper'), twin: { args: { n: 10500 }, gives: 10500 } },
    { call: 'seen_ids:insert', given: { seed: SEED, time: 1700000000000 }, repeats: true, like: /^\{"_id":"[a-z0-9]{32}"\}$/, twin: { call: 'seen_ids:insert', like: /_id/ } },
    { call: 'c_clock:seconds', args: { n: 1000000 }, gives: 0, repeats: true, given: { seed: SEED, time: 1700000000000 }, twin: { args: { n: 1 }, gives: 0 } },
    { call: 'rust_order:hashes', args: { n: 50 }, given: { seed: SEED, time: 0 }, repeats: true, like: /^\[\d+,/, twin: { args: { n: 2 }, like: /^\[[01],[01]\]$/ } },
    { call: 'rust_order:instants', args: { n: 1000000 }, gives: 0, twin: { args: { n: 1 }, gives: 0 } },
  ],
  capability: [
    denied('deny_query:insert', /query can't call `1.0\/insert`.*mutation can/i, 'deny_query:insert_mutation'),
    denied('deny_query:merge', /query can't call `1.0\/shallowMerge`/, 'deny_query:merge_mutation'),
    denied('deny_query:replace', /query can't call `1.0\/replace`/, 'deny_query:replace_mutation'),
    denied('deny_query:remove', /query can't call `1.0\/remove`/, 'deny_query:remove_mutation'),
    denied('deny_query:by_table', /query can't call `1.0\/insert`/, 'deny_query:by_table_mutation'),
    denied('deny_query:after_read', /query can't call `1.0\/insert`/, 'deny_query:links'),
    { call: 'effects:random_query', ends: 'CapabilityDenied', says: /crypto|random/i, twin: { call: 'effects:random', gives: 1 } },
    { call: 'effects:random_mutation', ends: 'CapabilityDenied', says: /crypto|random/i, twin: { call: 'effects:random', gives: 1 } },
    { call: 'effects:sleep_query', args: { n: 1 }, ends: 'CapabilityDenied', twin: { call: 'effects:sleep', gives: 1 } },
    { call: 'effects:sleep_mutation', args: { n: 1 }, ends: 'CapabilityDenied', twin: { call: 'effects:sleep', gives: 1 } },
    denied('deny_action:get', /action can't call `1.0\/get`/, 'deny_action:get_query'),
    denied('deny_action:stream', /action can't call `1.0\/queryStream`/, 'deny_action:stream_query'),
    denied('deny_action:next', /action can't call `1.0\/queryStreamNext`/, 'deny_action:next_query'),
    denied('deny_action:cleanup', /action can't call `1.0\/queryCleanup`/, 'deny_action:cleanup_mutation'),
    denied('deny_action:insert', /action can't call `1.0\/insert`/, 'deny_action:links'),
    { call: 'deny_loading:run', ends: 'CapabilityDenied', says: /output_write.*while the module is loading/, twin: { gives: null, logs: ['[INFO] loading'] } },
    { call: 'deny_loading_read:run', args: { secret: 1 }, ends: 'CapabilityDenied', says: /input_read/, frame: 'start', twin: { gives: null } },
    { call: 'deny_loading_write:run', ends: 'CapabilityDenied', says: /1.0\/insert/, twin: { gives: null } },
    { call: 'deny_loading_exit:run', ends: 'Failed', says: /before its function ran/, twin: { gives: null } },
    refused('deny_import', /"host_exec" of "convex\/core" does not exist/),
    refused('deny_wasi', /"path_open"/),
    refused('deny_wasi_socket', /"sock_accept"/),
    refused('deny_type', /has the type \(i64, i64\) -> \(i64\)/),
  ],
  validation: [
    refused('bomb_locals', /20001 parameters and locals/),
    refused('bomb_types', /10001 types/),
    refused('bomb_parameters', /256 parameters/),
    refused('bomb_results', /256 results/),
    refused('bomb_imports', /1001 imports/),
    refused('bomb_globals', /10001 globals/),
    refused('bomb_exports', /20002 exports/),
    refused('bomb_segments', /10001 element segments/),
    refused('bomb_data', /50001 data segments/),
    refused('bomb_sections', /more than 256 custom sections/),
    refused('bomb_name', /4097 bytes/),
    refused('bomb_body', /limit is 1048576/),
    refused('bomb_nesting', /nested more than 10000 deep/),
    refused('bomb_branches', /more than 10000 loops, ifs, branches/),
    refused('bomb_targets', /65001 branch targets/),
    refused('bomb_carried', /more than 10000 values that blocks/),
    refused('bomb_calls', /more than 100000 values that calls/),
    refused('bomb_tables', /more than 65000 targets of branch tables/),
    refused('bomb_loops', /Loops are nested more than 100 deep/),
    refused('bomb_phis', /more than 40000 values of locals that may differ/),
    refused('bomb_joins', /more than 40000 values of locals that may differ/),
    refused('bomb_edges', /500 locals that live across blocks.*product is over 500000/),
    { call: 'bomb_slow:run', limits: { compile_time_ms: 2000 }, ends: 'ModuleRefused', says: /took more than \d+ ms.*raise compile_time_ms/, twin: { gives: null } },
    refused('feature_threads', /shared memory/),
    refused('feature_atomics', /threads/),
    refused('feature_memory64', /memory64/),
    refused('feature_memories', /more than one memory/),
    refused('feature_exceptions', /exceptions/),
    refused('feature_relaxed', /relaxed/i),
    refused('feature_externref', /externref/),
    refused('feature_tables', /2 tables/),
    refused('form_order', /type section stands behind/),
    refused('form_length', /4294967295 bytes long/),
    refused('form_leb', /LEB128/),
    refused('form_unknown', /no section of kind 14/),
    refused('form_cut', /ends after/),
    refused('form_name', /not UTF-8/),
    refused('form_types', /not valid/),
    refused('form_stack', /not valid/),
    refused('form_label', /branch goes 2 blocks out/),
    refused('form_local', /local of an operator is 1/),
    refused('form_start', /start function/),
    refused('form_data', /past the initial memory/),
    refused('form_elements', /past the initial table/),
    refused('said_twice', /there twice/),
    refused('said_abi', /ABI 2/),
    refused('said_export', /cannot be called/),
    refused('said_path', /path that is not valid/),
    refused('said_limits', /"stack_bytes", which is none of a run/),
    refused('said_deep', /nested more than/),
    { call: 'said_wide:run', gives: null, twin: { gives: null } },
  ],
  calls: [
    wrong('reach_past:input_read', /2 bytes at 131071/),
    wrong('reach_past:input_read_wraps', /2 bytes at 4294967295/),
    wrong('reach_past:input_read_half', /2147483648 bytes at 2147483648/),
    wrong('reach_past:reply_read', /0 bytes at 131073/),
    wrong('reach_past:output_write', /4294967295 bytes at 0/, { like: /at end/ }),
    wrong('reach_past:log', /1 bytes at 131072/),
    wrong('reach_past:random_fill', /65536 bytes at 65537/),
    wrong('reach_past:random_alias', /1 bytes at 131072/),
    wrong('reach_past:random_wasi', /8 bytes at 4294967292/),
    wrong('reach_past:left', /0 bytes at 131073/),
    wrong('reach_documents:insert', /29 bytes/),
    wrong('reach_documents:get', /42 bytes/),
    wrong('reach_documents:stream', /4294967295 bytes/),
    wrong('reach_documents:huge', /8388609 bytes; it takes at most 8388608/),
    wrong('reach_wasi:vectors', /8 bytes at 65532/),
    wrong('reach_wasi:bytes', /17 bytes at 65520/),
    wrong('reach_wasi:written', /4 bytes at 65533/),
    wrong('reach_wasi:clock', /8 bytes at 65529/),
    wrong('reach_wasi:status', /24 bytes at 65513/),
    wrong('reach_wasi:sizes', /4 bytes at 4294967295/),
    wrong('reach_wasi:read', /4294967296 bytes at 8/),
    { call: 'effects:too_much', ends: 'InvalidHostCall', says: /65537 bytes/, twin: { call: 'effects:most', gives: 1 } },
    { call: 'effects:past_end', ends: 'InvalidHostCall', says: /2 bytes at 131071/, twin: { call: 'effects:most', gives: 1 } },
    { call: 'wrong_json:cut', ends: 'InvalidHostCall', says: /no JSON object/, twin: { call: 'wrong_json:good_log', gives: 0 } },
    { call: 'wrong_json:array', ends: 'InvalidHostCall', says: /no JSON object/, twin: { call: 'wrong_json:good_log', gives: 0 } },
    { call: 'wrong_json:bytes', ends: 'InvalidHostCall', says: /UTF-8/, twin: { call: 'wrong_json:good_log', gives: 0 } },
    { call: 'wrong_json:nothing', ends: 'InvalidHostCall', says: /empty/, twin: { call: 'wrong_json:good_log', gives: 0 } },
    { call: 'wrong_json:deep', args: { n: 80 }, ends: 'InvalidHostCall', says: /nested more than 72/, twin: { args: { n: 15 }, gives: 0 } },
    { call: 'wrong_json:deep', args: { n: 17 }, like: /TooNestedError/, twin: { args: { n: 15 }, gives: 0 } },
    { call: 'wrong_json:type', like: /"code":"InvalidArgument"/, twin: { call: 'wrong_json:good', args: { n: 1 }, gives: 0 } },
    { call: 'wrong_json:system', like: /"code":"SystemTableError"/, twin: { call: 'wrong_json:good', args: { n: 1 }, gives: 0 } },
    { call: 'wrong_json:field', like: /"code":"InvalidValue"/, twin: { call: 'wrong_json:good', args: { n: 1 }, gives: 0 } },
    { call: 'wrong_json:integer', like: /"code":"InvalidValue"/, twin: { call: 'wrong_json:good', args: { n: 1 }, gives: 0 } },
    { call: 'forge_cursor:number', args: { n: 0 }, like: /QueryNotFound/, twin: { call: 'forge_cursor:own', gives: 0 } },
    { call: 'forge_cursor:number', args: { n: -1 }, like: /QueryNotFound/, twin: { call: 'forge_cursor:own', gives: 0 } },
    { call: 'forge_cursor:number', args: { n: 1.5 }, like: /QueryNotFound/, twin: { call: 'forge_cursor:own', gives: 0 } },
    { call: 'forge_cursor:number', args: { n: 1e300 }, like: /QueryNotFound/, twin: { call: 'forge_cursor:own', gives: 0 } },
    { call: 'forge_cursor:text', like: /QueryNotFound/, twin: { call: 'forge_cursor:own', gives: 0 } },
    { call: 'forge_cursor:closed', like: /QueryNotFound/, twin: { call: 'forge_cursor:own', gives: 0 } },
    { call: 'forge_id:none', like: /Unable to decode ID/, twin: { call: 'forge_id:own', gives: 0 } },
    { call: 'forge_id:other_table', like: /expected to be an Id/, twin: { call: 'forge_id:own', gives: 0 } },
    { call: 'forge_id:changed', like: /Unable to decode ID/, twin: { call: 'forge_id:own', gives: 0 } },
    { call: 'forge_id:removed', like: /NonexistentDocument/, twin: { call: 'forge_id:own', gives: 0 } },
    { call: 'wrong_result:cut', ends: 'InvalidReturn', says: /no value/, twin: { call: 'wrong_result:good', gives: 'good' } },
    { call: 'wrong_result:bytes', ends: 'InvalidReturn', says: /UTF-8/, twin: { call: 'wrong_result:good', gives: 'good' } },
    { call: 'wrong_result:two', ends: 'InvalidReturn', says: /no value/, twin: { call: 'wrong_result:good', gives: 'good' } },
    { call: 'wrong_result:special', ends: 'InvalidReturn', says: /\$float/, twin: { call: 'wrong_result:good', gives: 'good' } },
    { call: 'wrong_result:number', ends: 'InvalidReturn', says: /ReturnsValidationError/, twin: { call: 'wrong_result:number_good', gives: 7 } },
    { call: 'wrong_result:args', args: { n: '1' }, ends: 'InvalidArguments', says: /ArgumentValidationError/, twin: { args: { n: 1 }, gives: 1 } },
    badArgs(nested(64), /too nested/, nested(63)),
    badArgs(fields(1025), /too many fields/, fields(1024)),
    badArgs({ a: Array(8193).fill(0) }, /too long/, { a: Array(8192).fill(0) }),
    badArgs({ $a: 1 }, /reserved/, { a: 1 }),
    badArgs({ a: { $integer: 'AAAA' } }, /takes 8 bytes/, { a: { $integer: 'KgAAAAAAAAA=' } }),
    badArgs({ a: { $bytes: 'AA=' } }, /base64/, { a: { $bytes: 'AA==' } }),
    badArgs({ a: { $float: 'AAAAAAAA8D8=' } }, /\$float/, { a: { $float: 'AAAAAAAA8H8=' } }),
    badArgs('{"a\\u0000b":1}', /invalid character/, { ab: 1 }),
    { call: 'wrong_result:fails', ends: 'Failed', own: true, says: /^the server is on fire$|Server Error/, twin: { call: 'wrong_result:error', gives: { error: 'Server Error' } } },
  ],
  stack: [
    sinks('deep_direct:down', 12000, 10500),
    { call: 'deep_direct:forever', ends: 'StackOverflow', frame: 'down', twin: { call: 'deep_direct:down', args: { n: 10500 }, gives: 10500 } },
    { call: 'deep_direct:action', ends: 'StackOverflow', frame: 'down', twin: { call: 'deep_direct:down', args: { n: 10500 }, gives: 10500 } },
    sinks('deep_mutual:down', 12000, 10500),
    sinks('deep_indirect:down', 12000, 10500),
    sinks('deep_frames:down', 400, 100),
    { ...sinks('deep_parameters:down', 100, 90), twin: { args: { n: 90 }, gives: 0 } },
    { call: 'deep_start:run', ends: 'StackOverflow', frame: 'down', twin: { gives: null } },
    sinks('deep_host:down', 12000, 10500),
    { call: 'deep_json:result', args: { n: 2000000 }, ends: 'InvalidReturn', says: /nested more than/, twin: { args: { n: 60 }, like: /^\[{60}\]{60}$/ } },
    { call: 'deep_json:log', args: { n: 2000000 }, ends: 'InvalidHostCall', says: /nested more than/, twin: { args: { n: 70 }, like: /InvalidArgument/ } },
    { call: 'deep_json:fail', args: { n: 2000000 }, ends: 'Failed', says: /nested more than/, twin: { call: 'deep_json:log', args: { n: 70 }, like: /InvalidArgument/ } },
    { call: 'c_deep:calls', args: { n: 280 }, ends: 'Trapped', frame: 'call', twin: { args: { n: 250 }, gives: 250 } },
    { call: 'c_deep:arrays', args: { n: 66000 }, ends: 'Trapped', twin: { args: { n: 65000 }, gives: 65000 } },
    { call: 'rust_deep:calls', args: { n: 560 }, ends: 'Trapped', twin: { args: { n: 500 }, gives: 500 } },
    { ...sinks('rust_deep:values', 12000, 10500) },
  ],
  errors: [
    trapped('trap_memory:unreachable', /unreachable/),
    trapped('trap_memory:divide', /division by zero/),
    trapped('trap_memory:divide_most', /integer overflow/),
    trapped('trap_memory:remainder', /division by zero/),
    trapped('trap_memory:truncate', /integer overflow/),
    trapped('trap_memory:truncate_nan', /cannot hold it/),
    trapped('trap_memory:load', /memory was accessed out of bounds/),
    trapped('trap_memory:load_far', /memory was accessed out of bounds/),
    trapped('trap_memory:store', /memory was accessed out of bounds/),
    trapped('trap_memory:fill', /memory was accessed out of bounds/),
    trapped('trap_memory:copy', /memory was accessed out of bounds/),
    trapped('trap_memory:vector', /memory was accessed out of bounds/),
    trapped('trap_memory:init', /memory was accessed out of bounds/),
    trapped('trap_table:null', /empty table element/),
    trapped('trap_table:outside', /table was accessed out of bounds/),
    trapped('trap_table:outside_far', /table was accessed out of bounds/),
    trapped('trap_table:other_type', /pointer of another type/),
    trapped('trap_table:get', /table was accessed out of bounds/),
    trapped('trap_table:set', /table was accessed out of bounds/),
    trapped('trap_table:fill', /table was accessed out of bounds/),
    trapped('trap_table:copy', /table was accessed out of bounds/),
    trapped('trap_table:host', /pointer of another type/),
    { call: 'fail_report:cut', ends: 'Failed', says: /can't be read/, twin: { call: 'fail_report:none', gives: 1 } },
    { call: 'fail_report:no_words', ends: 'Failed', says: /string `message`/, twin: { call: 'fail_report:none', gives: 1 } },
    { call: 'fail_report:past_end', ends: 'InvalidHostCall', says: /2 bytes at 262143/, twin: { call: 'fail_report:none', gives: 1 } },
    { call: 'fail_report:long', args: { n: 65600 }, limits: { error_bytes: 1000 }, ends: 'Failed', own: true, says: /^[^a]*a{1000}([^a]|$)/, twin: { call: 'fail_report:none', gives: 1 } },
    { call: 'fail_report:data', ends: 'Failed', own: true, twin: { call: 'fail_report:none', gives: 1 } },
    { call: 'fail_report:control', ends: 'Failed', own: true, shown: true, twin: { call: 'fail_report:none', gives: 1 } },
    { call: 'exit_code:badly', ends: 'Failed', says: /exit code 1\b/, twin: { call: 'exit_code:well', gives: 1 } },
    { call: 'exit_code:most', ends: 'Failed', says: /exit code 4294967295/, twin: { call: 'exit_code:well', gives: 1 } },
    { call: 'exit_code:deep', ends: 'Failed', says: /exit code 7/, frame: 'down', twin: { call: 'exit_code:well', gives: 1 } },
    { call: 'hostile_names:control', ends: 'Trapped', own: true, shown: true, twin: { call: 'hostile_names:none', gives: null } },
    { call: 'hostile_names:long', ends: 'Trapped', shown: true, twin: { call: 'hostile_names:none', gives: null } },
    { call: 'hostile_names:path', ends: 'Trapped', own: true, shown: true, twin: { call: 'hostile_names:none', gives: null } },
    { call: 'c_abort:aborts', args: { n: 0 }, ends: 'Trapped', says: /going down/, own: true, twin: { args: { n: 1 }, gives: 1 } },
    { call: 'c_abort:asserts', args: { n: 0 }, ends: 'Trapped', says: /Assertion failed/, own: true, twin: { args: { n: 1 }, gives: 1 } },
    { call: 'rust_panic:index', args: { n: 0 }, ends: 'Trapped', says: /index out of bounds/, own: true, twin: { args: { n: 1 }, gives: 1 } },
    { call: 'rust_panic:unwraps', args: { n: 0 }, ends: 'Trapped', says: /a number that is there/, own: true, twin: { args: { n: 1 }, gives: 1 } },
    { call: 'rust_panic:overflows', args: { n: 0 }, ends: 'Trapped', says: /room for one more/, own: true, twin: { args: { n: 1 }, gives: 1 } },
  ],
  concurrency: [
    crowd('crowd_spin:compute', { n: ENDLESS }, { limits: { user_time_ms: 100 }, ends: 'TimedOut' }, { args: { n: 1000 }, limits: {}, gives: 1 }),
    crowd('crowd_spin:compute_mutation', { n: ENDLESS }, { limits: { user_time_ms: 100 }, ends: 'TimedOut' }, { args: { n: 1000 }, limits: {}, gives: 1 }),
    crowd('crowd_spin:compute_action', { n: ENDLESS }, { limits: { user_time_ms: 100 }, ends: 'TimedOut' }, { args: { n: 1000 }, limits: {}, gives: 1 }),
    crowd('crowd_spin:host', { n: ENDLESS }, { limits: { user_time_ms: 100 }, ends: 'TimedOut' }, { args: { n: 10 }, limits: {}, gives: 1 }),
    crowd('spin_start:run', {}, { limits: { user_time_ms: 100 }, ends: 'TimedOut' }, { limits: {}, gives: null }),
    crowd('effects:sleep', { n: 3600000 }, { limits: { user_time_ms: 500 }, ends: 'TimedOut' }, { args: { n: 1 }, limits: {}, gives: 1 }),
    crowd('crowd_memory:grow', { n: 4000 }, { gives: 1 }, { args: { n: 1 }, gives: 1 }),
    crowd('crowd_memory:result', { n: 200 }, { gives: 1 }, { args: { n: 1 }, gives: 1 }),
    crowd('crowd_hot:add', {}, { gives: 1, counted: true }, { call: 'crowd_hot:count', like: /^\d+$/ }),
    crowd('crowd_hot:add_and_fail', {}, { ends: 'Trapped' }, { call: 'crowd_hot:count', like: /^\d+$/ }),
    { ...crowd('crowd_spin:compute', { n: ENDLESS }, { limits: { user_time_ms: 50 }, ends: 'TimedOut' }, { args: { n: 1000 }, limits: {}, gives: 1 }), at_once: 200 },
  ],
  cleanup: [
    undone('leave_writes:trap', 'Trapped', 1),
    undone('leave_writes:fuel', 'OutOfFuel', 2, { limits: { fuel: 1000000 } }),
    undone('leave_writes:fuel', 'TimedOut', 3, { limits: { user_time_ms: 50 } }),
    undone('leave_writes:overflow', 'StackOverflow', 4),
    undone('leave_writes:memory', 'OutOfMemory', 5),
    undone('leave_writes:range', 'InvalidHostCall', 6),
    undone('leave_writes:json', 'InvalidReturn', 7),
    undone('leave_writes:fail', 'Failed', 8, { own: true }),
    undone('leave_writes:exit', 'Failed', 9),
    undone('leave_writes:writes', 'TooManyWrites', 10, { limits: { documents_written: 20 } }),
    { ...undone('leave_writes:fuel', 'TimedOut', 11, { limits: { user_time_ms: 1000 }, leaves: true }), twin: { call: 'leave_writes:exits', args: { n: 61 }, gives: 1, after: { call: 'leave_writes:count', args: { n: 61 }, gives: 1 } } },
    { call: 'leave_open:traps', args: { n: 4000 }, ends: 'Trapped', twin: { call: 'leave_open:returns', gives: 1 } },
    { call: 'leave_open:spins', args: { n: 4000 }, limits: { user_time_ms: 100 }, ends: 'TimedOut', twin: { call: 'leave_open:returns', limits: {}, gives: 1 } },
    { call: 'seen_fresh:fill_and_trap', ends: 'Trapped', after: { call: 'seen_fresh:look', gives: 0 }, twin: { call: 'seen_fresh:fill', gives: 1, after: { call: 'seen_fresh:look', gives: 0 } } },
    { call: 'c_abort:after_write', args: { n: 0 }, ends: 'Trapped', own: true, after: { call: 'c_abort:after_write', args: { n: 1 }, gives: 1 }, twin: { call: 'c_abort:aborts', args: { n: 1 }, gives: 1 } },
    { call: 'rust_panic:after_write', args: { n: 0 }, ends: 'Trapped', own: true, says: /written, and now this/, twin: { args: { n: 1 }, gives: 1 } },
  ],
  records: [
    { call: 'forge_log:lines', gives: 0, shown: true, logs: ['[INFO] a\n{"event":"function_execution"}\r\n[ERROR] forged'], twin: { call: 'forge_log:plain', gives: 0, logs: ['[INFO] x'] } },
    { call: 'forge_log:control', gives: 0, shown: true, logs: ['[WARN] \u001b[2J\u001b]0;owned\u0007\u0000\u009b\u202e\u2066'], twin: { call: 'forge_log:plain', gives: 0, logs: ['[INFO] x'] } },
    { call: 'forge_log:level', like: /"code":"InvalidArgument"/, logs: [], twin: { call: 'forge_log:plain', gives: 0, logs: ['[INFO] x'] } },
    { call: 'forge_log:many', args: { n: 100000 }, gives: 1, logs: [...Array(255).fill('[INFO] x'), '[ERROR] Log overflow (maximum 256). Remaining log lines omitted.'], twin: { args: { n: 255 }, gives: 1, logs: Array(255).fill('[INFO] x') } },
    { call: 'forge_log:long', args: { n: 20000 }, gives: 0, logs: [`[INFO] x${'é'.repeat(16383)} (truncated due to length)`], twin: { args: { n: 16383 }, gives: 0, logs: [`[INFO] x${'é'.repeat(16383)}`] } },
    { call: 'forge_log:stdout', gives: 1, shown: true, logs: ['[LOG] half\u001b[31m\u0000\u000b\ufffd\ufffdline', '[LOG] {"event":1}', '[LOG] rest'], twin: { call: 'forge_log:plain', gives: 0, logs: ['[INFO] x'] } },
    { call: 'forge_log:stderr', ends: 'Trapped', own: true, shown: true, says: /rest/, twin: { call: 'forge_log:plain', gives: 0, logs: ['[INFO] x'] } },
  ],
  replay: [
    woven('weave:traps', 'Trapped'),
    woven('weave:fails', 'Failed', { own: true }),
    woven('weave:spins', 'OutOfFuel', { limits: { fuel: 20000000 } }),
    { ...woven('weave:spins', 'TimedOut', { limits: { user_time_ms: 100 } }), twin: { call: 'weave:returns', limits: {}, like: /^\d+$/ } },
    woven('weave:overflows', 'StackOverflow'),
    woven('weave:starves', 'OutOfMemory'),
    woven('weave:breaks', 'InvalidHostCall'),
    { call: 'forge_log:many', args: { n: 3000 }, repeats: true, gives: 1, logs: [...Array(255).fill('[INFO] x'), '[ERROR] Log overflow (maximum 256). Remaining log lines omitted.'], twin: { args: { n: 255 }, repeats: true, gives: 1 } },
    { call: 'grow:twice', args: { n: 5000 }, repeats: true, gives: 4112, twin: { call: 'grow:piece', args: { n: 100 }, repeats: true, gives: 101 } },
    { call: 'spin_pages:touch', args: { n: ENDLESS }, limits: { user_time_ms: 50 }, ends: 'TimedOut', twin: { args: { n: 1000 }, limits: {}, repeats: true, gives: 1 } },
    { call: 'rust_panic:index', args: { n: 0 }, repeats: true, ends: 'Trapped', own: true, twin: { args: { n: 1 }, repeats: true, gives: 1 } },
  ],
};
