/*
 * A tape: what one run asked its transactions and what they answered, in order. Recording wraps a
 * transaction and writes a tape; replaying is a transaction without a store, which answers from
 * one. Both speak the interface of store.h, so the code above runs the same on either, and does
 * all of its own work again: ids, documents, budgets, words.
 *
 * A replayed question must be the recorded one, byte for byte, writes included. The first that is
 * not ends the replay, and the player keeps the words that say where and how they differ.
 *
 * The format is a sequence of entries, each a question and an answer with their lengths in front
 * (LEB128). Tapes are hostile input: a player checks every length and number.
 */
#ifndef STORE_TAPE_H
#define STORE_TAPE_H

#include "base/buffer.h"
#include "store/store.h"

#include <stdint.h>

/* -- Recording ------------------------------------------------------------------------------ */

struct tape {
    struct buffer entries;
    uint64_t count;     /* of entries */
    uint64_t next_scan; /* scans are numbered in the order of their opening */
    bool full;          /* one did not fit: what is there cannot be replayed */
};

/* `bytes_max`: what the entries may take. `account` pays for them and outlives it; NULL: none. */
static inline void tape_init(struct tape *tape, size_t bytes_max, struct account *account)
{
    *tape = (struct tape){0};
    buffer_init_charged(&tape->entries, bytes_max, account);
}

void tape_done(struct tape *tape);

/* Begins anew, for the next attempt of a run. No recorded transaction may be open. */
void tape_clear(struct tape *tape);

/*
 * Wraps `*txn`, which is taken over also on failure; what is asked of the new one is written to
 * `tape`, which must outlive it. A tape that is full fails no call. Errors: CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *store_record(
    struct store_txn **txn, struct tape *tape, struct store_txn **out_txn);

/* -- Replaying ------------------------------------------------------------------------------ */

struct tape_player {
    struct slice rest;  /* entries not yet played */
    uint64_t played;    /* entries */
    uint64_t next_scan; /* as in the tape */
    size_t txn_bytes;   /* what the transaction held after the last entry */
    uint64_t waits_at;  /* after so many, the run was stopped while it waited for an answer */
    bool diverged;      /* `words` say how */
    char words[512];
};

/* No answer is missing. */
#define TAPE_WAITS_NEVER UINT64_MAX

/* `entries` is borrowed by the player and by every answer it gives. */
static inline void tape_player_init(
    struct tape_player *player, struct slice entries, uint64_t waits_at)
{
    *player = (struct tape_player){.rest = entries, .waits_at = waits_at};
}

/*
 * A transaction that answers from the player, which must outlive it. Its commit is done at once
 * and writes nothing. Errors: CORDON_E_INTERNAL if the record begins none here,
 * CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *store_replay(struct tape_player *player, struct store_txn **out_txn);

/* -- For the two of them -------------------------------------------------------------------- */

enum tape_op {
    TAPE_BEGIN = 1,
    TAPE_TABLE_FIND,
    TAPE_TABLE_NAME,
    TAPE_TABLE_ENSURE,
    TAPE_GET,
    TAPE_PUT,
    TAPE_REMOVE,
    TAPE_SCAN_OPEN,
    TAPE_SCAN_NEXT,
    TAPE_SCAN_CLOSE,
    /* What a run learns from elsewhere than a store: asked by host/, with the same tape. */
    TAPE_CLOCK,
    TAPE_TIME_LEFT,
    TAPE_RANDOM,
    TAPE_SLEEP,
    TAPE_INDEXES,
    TAPE_SEAL, /* by host/, too */
    TAPE_UNSEAL,
    TAPE_CALL,
    TAPE_SAVEPOINT,
    TAPE_ROLLBACK,
    TAPE_ROW_GET,  /* of KEYSPACE_MODULE: what a schema says of a table */
    TAPE_ENV,      /* by host/: an environment variable */
    TAPE_IDENTITY, /* by host/: who has signed in */
    TAPE_FUNCTION, /* by host/: a function of the embedding program */
    TAPE_OPS_END,
};

/* What a call asks; which members mean what is up to the call. */
struct tape_question {
    enum tape_op op;
    uint64_t number[2];
    struct slice text[2];
};

struct tape_answer {
    bool found;
    uint64_t number;
    struct slice text[2];
    size_t txn_bytes;
};

/* Writes an entry; `error` in place of an answer if the call failed. */
void tape_write(
    struct tape *tape,
    const struct tape_question *question,
    const struct tape_answer *answer,
    const cordon_error *error);

/* The replay has left its record, as others can see; the first words stand. */
CORDON_PRINTF(2, 3) CORDON_ALWAYS_ERROR cordon_error *tape_diverge(
    struct tape_player *player, const char *format, ...);

/*
 * Plays the next entry, which must be of this question. The error that was recorded, if there was
 * one, or CORDON_E_INTERNAL once the replay has diverged.
 */
CORDON_MUST_USE cordon_error *tape_play(
    struct tape_player *player,
    const struct tape_question *question,
    struct tape_answer *out_answer);

/* What a range is on a tape: the question of its opening. Borrows from it. */
static inline struct tape_question tape_scan_question(const struct store_range *range)
{
    return (struct tape_question){
        .op = TAPE_SCAN_OPEN,
        .number = {range->table, (uint64_t)range->index << 1 | range->order},
        .text = {range->low, range->high},
    };
}

/*
 * Runs read through indexes and never change them, and name their tables: these four of
 * store_txn_ops, for both.
 */
CORDON_MUST_USE cordon_error *tape_table_claim(
    struct store_txn *txn,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table);
CORDON_MUST_USE cordon_error *tape_table_next(
    struct store_txn *txn,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name);
CORDON_MUST_USE cordon_error *tape_indexes_put(
    struct store_txn *txn,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step);
CORDON_MUST_USE cordon_error *tape_index_work(
    struct store_txn *txn,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows);

/* Whether the next answer is one that the recorded run did not live to see. */
static inline bool tape_waits(const struct tape_player *player)
{
    return player->played == player->waits_at && !player->diverged;
}

#endif
