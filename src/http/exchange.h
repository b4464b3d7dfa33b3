/*
 * What the files of an exchange share: one request, one answer. What others ask of it stands in
 * http/internal.h; nothing but those files includes this.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/internal.h"

/* -- exchange_answer.c: each ends the exchange, whatever becomes of it ------------------------- */

/* Sends what stands in the output, or, with an error, which it takes, that there is no memory. */
void exchange_send(struct connection *connection, cordon_error *error);

/* The words of a refusal may be the call's; all else makes room for the answer. */
void exchange_answer_refusal(struct connection *connection, const struct http_refusal *refusal);
void exchange_answer_text(
    struct connection *connection, int status, const char *type, struct slice text);
void exchange_answer_metrics(struct connection *connection);
void exchange_answer_health(struct connection *connection);

/* -- exchange_call.c -------------------------------------------------------------------------- */

void exchange_begin_call(struct connection *connection);

/* After the functions were loaded that it is for. */
void exchange_end_load(struct connection *connection);

/* Reads the call out of the request and makes its run; false: refused. Any thread. */
bool exchange_read_call(struct connection *connection);

/* The run of a call that was read elsewhere. */
void exchange_begin_run(struct connection *connection);

/* What comes after a poll of the run. */
void exchange_follow(struct connection *connection);

/* A waiting run can go on. One that was only made to let others have their turn is computing. */
void exchange_go_on(struct connection *connection);

/* Keeps the record that was asked for, and notes for the answer what came of that. Any thread. */
void exchange_keep_record(struct connection *connection);

/* Writes the answer of a run that is done; false: there is no memory for it. Any thread. */
bool exchange_write_outcome(struct connection *connection);

/* What was written on any thread goes out. */
void exchange_send_written(struct connection *connection, bool is_good);

/* -- exchange.c ------------------------------------------------------------------------------- */

/* Of a connection's timer: what it waited for is to be looked at. */
void exchange_on_timer(uv_timer_t *timer);

/* It waits for news of functions no more, if it did. */
void exchange_stop_waiting(struct connection *connection);

/* What a connection's `work_kind` says, of long texts, for the thread that has it. */
void exchange_work(struct connection *connection);

/* Goes on with that on another thread. */
void exchange_start_work(struct connection *connection, enum work_kind kind);

/* The same in one of the server's queues; false: too many wait, or no thread can be started. */
bool exchange_start_queued(struct connection *connection, enum work_kind kind);

#endif
