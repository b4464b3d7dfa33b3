/*
 * Where the runner before this one was weak (an issue and a pull request of Convex's backend, read in
 * public), and what proves that this one is not: rows of attacks.mjs by their calls, or tests by their
 * names. What has neither here is argued in docs/threat-model.md.
 */
export const weaknesses = [
  { number: 1, what: 'executes an empty module in place of the guest; links one call alone', rows: ['burn_loop:rounds', 'weave:returns', 'reach_past:input_read'] },
  { number: 2, what: 'calls the guest synchronously on an asynchronous store: assertions, deadlocks', rows: ['spin_start:run', 'spin_initialize:run', 'deep_host:down'], tests: ['test_run_waits'] },
  { number: 3, what: 'a guest must both import and export its allocator', tests: ['sdk_abi', 'sdk_examples'] },
  { number: 4, what: 'an SDK that does not compile, ids of its own making', rows: ['forge_id:own', 'rust_panic:after_write', 'c_abort:after_write'], tests: ['sdk_rust_real', 'client'] },
  { number: 5, what: 'a loop is never stopped by time', rows: ['spin_plain:forever', 'spin_host:now', 'spin_bulk:fill', 'spin_pages:touch'] },
  { number: 6, what: 'start function and initialisation outside of the timeout, compilation without one', rows: ['spin_start:run', 'spin_initialize:run', 'burn_start:run', 'bomb_slow:run'] },
  { number: 7, what: 'host time counted as the guest’s; host work without fuel', rows: ['spin_store:insert', 'spin_store:scans', 'burn_host:random', 'burn_host:log', 'burn_host:output'], tests: ['test_run_waits'] },
  { number: 8, what: 'lengths used before they are checked; sums that overflow', rows: ['reach_past:input_read_wraps', 'reach_past:input_read_half', 'reach_past:output_write', 'reach_documents:stream', 'reach_wasi:read'] },
  { number: 9, what: 'a limit for each memory, any number of memories and tables', rows: ['feature_memories:run', 'feature_tables:run', 'table_grow:piece', 'memory_first:size'] },
  { number: 10, what: 'no cap on what the host holds', rows: ['hoard_nodes:output', 'hoard_nodes:log', 'hoard_nodes:insert', 'hoard_result:again', 'forge_log:many'] },
  { number: 11, what: 'the host calls back into the guest’s allocator in the middle of a call', rows: ['reach_past:reply_read'], tests: ['sdk_abi'] },
  { number: 12, what: 'a log line cut within a character ends the host', rows: ['forge_log:long'] },
  { number: 13, what: 'virtual time that is the wall clock; WASI’s clock and randomness real', rows: ['seen_clock:passes', 'seen_clock:clocks', 'c_clock:seconds', 'rust_order:instants', 'rust_order:hashes'] },
  { number: 14, what: 'randomness from an id that the client chooses', rows: ['seen_random:bytes'], tests: ['cli_guests', 'test_base'] },
  { number: 15, what: 'NaN bits, refused growth and relaxed operators that differ between runs', rows: ['seen_nan:bits', 'grow:twice', 'feature_relaxed:run', 'weave:starves'] },
  { number: 16, what: 'queries may write', rows: ['deny_query:insert', 'deny_query:merge', 'deny_query:replace', 'deny_query:remove', 'deny_query:by_table', 'deny_action:insert'] },
  { number: 17, what: 'modules cached by path: stale code, other tenants’ code', tests: ['cli_deploy', 'test_deploy', 'test_artifact'] },
  { number: 18, what: 'machine code loaded from a folder that anybody can write', tests: ['test_artifact', 'fuzz_artifact'] },
  { number: 19, what: 'fetch without a filter of addresses' },
  { number: 20, what: 'standard output of guests is the host’s own', rows: ['forge_log:stdout', 'forge_log:stderr', 'seen_ambient:files'] },
  { number: 21, what: 'unwinding relied on where panics abort; threads promised by hand' },
  { number: 22, what: 'errors in the channel of data', rows: ['wrong_result:fails'], tests: ['client'] },
  { number: 23, what: 'no limits of arguments, results, documents, reads, writes; no validators', rows: ['hoard_result:nothing', 'hoard_result:string', 'hoard_writes:many', 'hoard_writes:bytes', 'hoard_writes:large', 'burn_scan:ranges', 'wrong_result:args', 'wrong_result:number'] },
  { number: 24, what: 'the engine’s words, paths and addresses reach the client', rows: ['trap_memory:load_far', 'trap_table:host', 'form_types:run', 'deep_direct:forever'], tests: ['test_refusal'] },
  { number: 25, what: 'outcomes without log lines, usage, kind', rows: ['seen_left:whole', 'forge_log:plain'], tests: ['cli_run'] },
  { number: 26, what: 'no read sets: lost updates', rows: ['crowd_hot:add'], tests: ['test_store_conflicts'] },
  { number: 27, what: 'made-up source maps; kinds and visibility guessed from the source', rows: ['said_export:run', 'said_path:run', 'said_twice:run'], tests: ['cli_traces', 'test_wasm_metadata'] },
  { number: 28, what: 'the validation of modules is there and not used', rows: ['form_types:run', 'form_stack:run', 'feature_threads:run', 'bomb_locals:run'] },
];
