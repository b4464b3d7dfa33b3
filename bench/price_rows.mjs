/*
 * The rows of `make bench` about prices, which tests/docs/prices.mjs holds against src/host/table.c: each
 * call of the host has one, or a reason why not.
 */

/* name: [what one turn is, in how many parts a turn counts, why it may be off] */
export const plain = {
  division: ['divisions of 64 bits'], root: ['square roots'], miss: ['loads that miss every cache'],
  fill_64k: ['`memory.fill`, by the byte'], copy_64k: ['`memory.copy`, by the byte'],
  table_fill_10000: ['`table.fill`, by the element'],
  touch: ['first store to 4 KiB of initial memory'], touch_far: ['the same, 64 KiB from the last'],
};
export const priced = {
  grow: ['`memory.grow` by a page of 64 KiB, not touched', 'its first touch is paid here'],
  grow_touch: ['`memory.grow` by a page, and all of it touched'],
  table_grow_100: ['`table.grow` by 100 elements'],
  now_ms: ['`now_ms`'],
  input_read: ['`input_read`, 16 bytes'], input_read_64k: ['`input_read`, 64 KiB'],
  output_write: ['`output_write`, 4 bytes'],
  output_write_64k: ['`output_write`, 64 KiB', 'it is parsed when the function returns, which is paid here'],
  log: ['`log`, a short line'], log_16k: ['`log`, 16 KiB'],
  random_fill: ['`random_fill`, 16 bytes'], random_fill_64k: ['`random_fill`, 64 KiB'],
  left: ['`left`'],
  get: ['`1.0/get`, a small document'], normalize_id: ['`1.0/db/normalizeId`'],
  query_stream: ['`1.0/queryStream`'], query_stream_next: ['`1.0/queryStreamNext`, a small document'],
  insert: ['`1.0/insert`, a small document, its commit included'],
  insert_16k: ['`1.0/insert`, 16 KiB'],
  shallow_merge: ['`1.0/shallowMerge`, again of the same document'],
  replace: ['`1.0/replace`, again of the same document'],
  run_query: ['`1.0/actions/query`, of an empty function'],
  run_udf: ['`1.0/runUdf`, of an empty query'],
  crypto_random: ['`crypto_random`, 16 bytes'], crypto_random_64k: ['`crypto_random`, 64 KiB'],
  sleep: ['`sleep` of 0 ms', 'a sleep that waits needs a timer, too'],
  reply_read: ['`reply_read`, 16 bytes'],
  query_cleanup: ['`1.0/queryStream` and `1.0/queryCleanup` of it'],
  remove: ['`1.0/insert` of a small document and its `1.0/remove`, commit included'],
  wasi_args_sizes_get: ['`args_sizes_get`'],
  wasi_args_get: ['`args_get`'],
  wasi_environ_sizes_get: ['`environ_sizes_get`'],
  wasi_environ_get: ['`environ_get`'],
  wasi_clock_time_get: ['`clock_time_get`'],
  wasi_clock_res_get: ['`clock_res_get`'],
  wasi_random_get: ['`random_get`, 16 bytes'],
  wasi_fd_write: ['`fd_write`, a short line'],
  wasi_fd_read: ['`fd_read`, of nothing'],
  wasi_fd_close: ['`fd_close`'],
  wasi_fd_seek: ['`fd_seek`'],
  wasi_fd_fdstat_get: ['`fd_fdstat_get`'],
  wasi_fd_prestat_get: ['`fd_prestat_get`'],
  wasi_fd_prestat_dir_name: ['`fd_prestat_dir_name`'],
  wasi_sched_yield: ['`sched_yield`'],
  env_get: ['`env_get`, 16 bytes'], env_get_none: ['`env_get`, of none'],
  env_get_8k: ['`env_get`, 8 KiB'], env_get_8k_escaped: ['`env_get`, 8 KiB that are all escaped'],
};

/* Calls without a row, and why. */
export const unmeasured = {
  fail: 'it ends the run', proc_exit: 'it ends the run',
  '1.0/queryPage': 'a run may make one; what it reads costs as much as by `1.0/queryStreamNext`',
  '1.0/actions/mutation': 'as `1.0/actions/query`', '1.0/actions/action': 'as `1.0/actions/query`',
  '1.0/getUserIdentity': 'as `env_get`, without escapes: a text that the run has is copied',
  __convex_now_ms: 'another name of `now_ms`',
  __convex_random_bytes_deterministic: 'another name of `random_fill`',
};
