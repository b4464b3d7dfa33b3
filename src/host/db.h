/* What the calls on documents and on queries share: how reading is paid for. */
#ifndef HOST_DB_H
#define HOST_DB_H

#include "host/gate.h"
#include "value/id.h"

/* The store has to be asked again: see gate_operation. */
#define WAIT_FOR(step)                                                                             \
    do {                                                                                           \
        if ((step) == STORE_PENDING) {                                                             \
            return GATE_WAIT;                                                                      \
        }                                                                                          \
    } while (0)

#define GATE_CHECK(expr)                                                                           \
    do {                                                                                           \
        const enum gate_result gate_check_ = (expr);                                               \
        if (gate_check_ != GATE_OK) {                                                              \
            return gate_check_;                                                                    \
        }                                                                                          \
    } while (0)

/*
 * One range of an index, and one document of `size` bytes; a refusal where that is too much. A
 * document that is too much counts as read even so, as Convex has it: no later one is let through.
 */
enum gate_result db_charge_range(struct host *host);
enum gate_result db_charge_read(struct host *host, struct gate_call *call, uint64_t size);

/*
 * GATE_OK without an error, which is taken over; one about the argument of the call is refused as
 * that (facts on Convex, 1.4).
 */
enum gate_result db_check_argument(
    struct host *host, const char *argument, const char *name, cordon_error *error);

/*
 * Ends the run by an error of the store, which is taken over. Where it says that there would be too
 * much of something that the function makes, and no memory is missing, it is a refusal by `code`.
 */
enum gate_result db_fail_too_much(struct host *host, const char *code, cordon_error *error);

/* The argument `table` of the call `name`; a refusal unless it can be a user's table. */
enum gate_result db_read_table_name(
    struct host *host, struct gate_call *call, const char *name, struct slice *out_table);

/* -- Schemas ---------------------------------------------------------------------------------- */

/* Reads what a schema says of a table, once a run. May wait. */
enum gate_result db_read_rules(struct host *host, struct gate_call *call, uint32_t table);

/* Whether that asks anything of a document; only after db_read_rules(). */
bool db_has_rules(const struct host *host, uint32_t table);

/*
 * Holds a document, with or without its system fields, against it; a refusal in Convex's words
 * where it does not match, with the id behind them if it has one. `*out_unfit`: it matches, but not
 * what a deploy brings that is under way; that is noted with db_note_unfit() once it is written.
 * May wait. What lives in `arena` is needed during the call alone.
 */
enum gate_result db_check_rules(
    struct host *host,
    struct gate_call *call,
    uint32_t table,
    const struct document_id *id, /* NULL: it is new */
    const struct value *document,
    struct arena *arena,
    bool *out_unfit);

/* Has the deploy that is under way look at a document again. */
enum gate_result db_note_unfit(struct host *host, const struct document_id *id);

#endif
