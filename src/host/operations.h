/* The operations behind the import table, one file for each sort: fn_*.c. */
#ifndef HOST_OPERATIONS_H
#define HOST_OPERATIONS_H

#include "host/gate.h"

gate_operation core_input_read;
gate_operation core_reply_read;
gate_operation core_output_write;
gate_operation core_fail;
gate_operation core_log;
gate_operation core_random_fill;
gate_operation core_now_ms;
gate_operation core_left;
gate_operation core_alias_random;
gate_operation core_env_get;
gate_operation core_get_user_identity;

gate_operation db_get;
gate_operation db_query_stream;
gate_operation db_query_stream_next;
gate_operation db_query_cleanup;
gate_operation db_query_page;
gate_operation db_normalize_id;
gate_operation db_insert;
gate_operation db_shallow_merge;
gate_operation db_replace;
gate_operation db_remove;

/* Closes what a run left open, before its transaction ends. */
void db_close_queries(struct host *host);

gate_operation run_udf;
gate_operation run_query;
gate_operation run_mutation;
gate_operation run_action;

gate_operation effect_crypto_random;
gate_operation effect_sleep;

gate_operation wasi_args_get;
gate_operation wasi_args_sizes_get;
gate_operation wasi_environ_get;
gate_operation wasi_environ_sizes_get;
gate_operation wasi_clock_time_get;
gate_operation wasi_clock_res_get;
gate_operation wasi_random_get;
gate_operation wasi_fd_write;
gate_operation wasi_fd_read;
gate_operation wasi_fd_close;
gate_operation wasi_fd_seek;
gate_operation wasi_fd_fdstat_get;
gate_operation wasi_fd_prestat_get;
gate_operation wasi_fd_prestat_dir_name;
gate_operation wasi_proc_exit;
gate_operation wasi_sched_yield;

#endif
