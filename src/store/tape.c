/* The entries of a tape, written and played; see tape.h. */
#include "store/tape.h"

#include "base/pack.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum answer_kind { ANSWER_GOOD = 0, ANSWER_FOUND = 1, ANSWER_ERROR = 2 };

/* -- Entries -------------------------------------------------------------------------------- */

static cordon_error *put_question(struct buffer *out, const struct tape_question *question)
{
    TRY(buffer_append_byte(out, (uint8_t)question->op));
    for (size_t i = 0; i < 2; i++) {
        TRY(pack_number(out, question->number[i]));
    }
    for (size_t i = 0; i < 2; i++) {
        TRY(pack_text(out, question->text[i]));
    }
    return NULL;
}

static cordon_error *put_answer(
    struct buffer *out, const struct tape_answer *answer, const cordon_error *error)
{
    const enum answer_kind good = answer->found ? ANSWER_FOUND : ANSWER_GOOD;
    TRY(buffer_append_byte(out, (uint8_t)(error != NULL ? ANSWER_ERROR : good)));
    TRY(pack_number(out, answer->txn_bytes));
    if (error != NULL) {
        TRY(pack_number(out, (uint64_t)cordon_error_get_code(error)));
        return pack_text(out, slice_str(cordon_error_get_message(error)));
    }
    TRY(pack_number(out, answer->number));
    for (size_t i = 0; i < 2; i++) {
        TRY(pack_text(out, answer->text[i]));
    }
    return NULL;
}

static bool take_question(struct slice *from, struct tape_question *out_question)
{
    if (from->size == 0 || from->data[0] == 0 || from->data[0] >= TAPE_OPS_END) {
        return false;
    }
    out_question->op = (enum tape_op)from->data[0];
    *from = slice_from(*from, 1);
    return unpack_number(from, &out_question->number[0]) &&
           unpack_number(from, &out_question->number[1]) &&
           unpack_text(from, &out_question->text[0]) && unpack_text(from, &out_question->text[1]);
}

/* What stands on the tape in place of an answer that was an error. */
struct recorded_error {
    bool is_one;
    cordon_error_code code;
    struct slice message;
};

/* Every error has words, which are a C string on their way on. */
static bool are_words(struct slice words)
{
    return words.size > 0 && memchr(words.data, '\0', words.size) == NULL;
}

static bool take_answer(
    struct slice *from, struct tape_answer *out_answer, struct recorded_error *out_error)
{
    if (from->size == 0 || from->data[0] > ANSWER_ERROR) {
        return false;
    }
    const uint8_t kind = from->data[0];
    *from = slice_from(*from, 1);
    out_error->is_one = kind == ANSWER_ERROR;
    out_answer->found = kind == ANSWER_FOUND;
    uint64_t txn_bytes = 0;
    uint64_t number = 0;
    if (!unpack_number(from, &txn_bytes) || !unpack_number(from, &number)) {
        return false;
    }
    out_answer->txn_bytes = (size_t)txn_bytes;
    if (out_error->is_one) {
        out_error->code = (cordon_error_code)number;
        return number < CORDON_ERROR_CODE_COUNT && unpack_text(from, &out_error->message) &&
               are_words(out_error->message);
    }
    out_answer->number = number;
    return unpack_text(from, &out_answer->text[0]) && unpack_text(from, &out_answer->text[1]);
}

/* -- Recording ------------------------------------------------------------------------------ */

void tape_done(struct tape *tape)
{
    buffer_done(&tape->entries);
}

void tape_clear(struct tape *tape)
{
    buffer_clear(&tape->entries);
    tape->count = 0;
    tape->next_scan = 0;
    tape->full = false;
}

static cordon_error *put_entry(
    struct buffer *out,
    const struct tape_question *question,
    const struct tape_answer *answer,
    const cordon_error *error)
{
    TRY(put_question(out, question));
    return put_answer(out, answer, error);
}

void tape_write(
    struct tape *tape,
    const struct tape_question *question,
    const struct tape_answer *answer,
    const cordon_error *error)
{
    if (tape->full) {
        return;
    }
    const size_t before = tape->entries.size;
    cordon_error *const failed = put_entry(&tape->entries, question, answer, error);
    if (failed != NULL) {
        cordon_error_free(failed);
        tape->entries.size = before;
        tape->full = true;
        return;
    }
    tape->count++;
}

/* -- Playing -------------------------------------------------------------------------------- */

static const char *op_name(enum tape_op op)
{
    switch (op) {
    case TAPE_BEGIN:
        return "begin a transaction";
    case TAPE_TABLE_FIND:
        return "find the table";
    case TAPE_TABLE_NAME:
        return "name the table";
    case TAPE_TABLE_ENSURE:
        return "make the table";
    case TAPE_GET:
        return "get the document";
    case TAPE_PUT:
        return "write the document";
    case TAPE_REMOVE:
        return "remove the document";
    case TAPE_SCAN_OPEN:
        return "scan the table";
    case TAPE_SCAN_NEXT:
        return "go on with the scan";
    case TAPE_SCAN_CLOSE:
        return "end the scan";
    case TAPE_CLOCK:
        return "read the clock";
    case TAPE_TIME_LEFT:
        return "ask for the time left of limit";
    case TAPE_RANDOM:
        return "draw real randomness";
    case TAPE_SLEEP:
        return "sleep";
    case TAPE_INDEXES:
        return "ask for the indexes of the table";
    case TAPE_SEAL:
        return "seal a position";
    case TAPE_UNSEAL:
        return "open a sealed position";
    case TAPE_CALL:
        return "call another function";
    case TAPE_SAVEPOINT:
        return "remember where to go back to";
    case TAPE_ROLLBACK:
        return "go back to";
    case TAPE_ROW_GET:
        return "read the schema of a table";
    case TAPE_ENV:
        return "read an environment variable";
    case TAPE_IDENTITY:
        return "ask who has signed in";
    case TAPE_FUNCTION:
        return "call a function of the embedding program";
    case TAPE_OPS_END:
        break;
    }
    return "nothing known";
}

cordon_error *tape_diverge(struct tape_player *player, const char *format, ...)
{
    if (!player->diverged) {
        player->diverged = true;
        va_list args;
        va_start(args, format);
        (void)vsnprintf(player->words, sizeof player->words, format, args);
        va_end(args);
    }
    return cordon_error_new(CORDON_E_INTERNAL, "the replay left its record: %s", player->words);
}

static bool same_question(const struct tape_question *a, const struct tape_question *b)
{
    return a->op == b->op && memcmp(a->number, b->number, sizeof a->number) == 0 &&
           slice_equal(a->text[0], b->text[0]) && slice_equal(a->text[1], b->text[1]);
}

/* The first byte at which two texts differ. */
static size_t first_difference(struct slice a, struct slice b)
{
    size_t at = 0;
    while (at < a.size && at < b.size && a.data[at] == b.data[at]) {
        at++;
    }
    return at;
}

static CORDON_ALWAYS_ERROR cordon_error *diverge_at(
    struct tape_player *player,
    const struct tape_question *asked,
    const struct tape_question *recorded)
{
    if (asked->op != recorded->op) {
        return tape_diverge(
            player, "call %" PRIu64 " of the host asked to %s; the record has: to %s",
            player->played + 1, op_name(asked->op), op_name(recorded->op));
    }
    for (size_t i = 0; i < 2; i++) {
        if (!slice_equal(asked->text[i], recorded->text[i])) {
            return tape_diverge(
                player,
                "call %" PRIu64 " of the host asked to %s with other bytes, from byte %zu of "
                "%zu on (the record has %zu)",
                player->played + 1, op_name(asked->op),
                first_difference(asked->text[i], recorded->text[i]), asked->text[i].size,
                recorded->text[i].size);
        }
    }
    return tape_diverge(
        player, "call %" PRIu64 " of the host asked to %s %" PRIu64 "; the record has %" PRIu64,
        player->played + 1, op_name(asked->op),
        asked->number[0] != recorded->number[0] ? asked->number[0] : asked->number[1],
        asked->number[0] != recorded->number[0] ? recorded->number[0] : recorded->number[1]);
}

cordon_error *tape_play(
    struct tape_player *player,
    const struct tape_question *question,
    struct tape_answer *out_answer)
{
    if (player->diverged) {
        return tape_diverge(player, "%s", "");
    }
    if (player->rest.size == 0) {
        return tape_diverge(
            player, "it asked to %s after the last of the %" PRIu64 " recorded calls",
            op_name(question->op), player->played);
    }
    struct slice rest = player->rest;
    struct tape_question recorded = {.op = TAPE_BEGIN};
    struct tape_answer answer = {0};
    struct recorded_error error = {0};
    if (!take_question(&rest, &recorded) || !take_answer(&rest, &answer, &error)) {
        return tape_diverge(
            player, "entry %" PRIu64 " of the record is damaged", player->played + 1);
    }
    if (!same_question(question, &recorded)) {
        return diverge_at(player, question, &recorded);
    }
    player->rest = rest;
    player->played++;
    player->txn_bytes = answer.txn_bytes;
    if (error.is_one) {
        return cordon_error_new(error.code, "%.*s", SLICE_FMT(error.message));
    }
    *out_answer = answer;
    return NULL;
}

/* -- What is not asked ---------------------------------------------------------------------- */

static cordon_error *changes_no_indexes(void)
{
    return cordon_error_new(
        CORDON_E_INVALID, "a run that is recorded changes no indexes; change them by a deploy");
}

static cordon_error *lists_no_tables(void)
{
    return cordon_error_new(
        CORDON_E_INVALID,
        "a run that is recorded lists no tables; use those whose names are known");
}

cordon_error *tape_table_claim(
    struct store_txn *txn,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table)
{
    (void)txn;
    (void)name;
    (void)wanted;
    (void)out_step;
    (void)out_table;
    return lists_no_tables();
}

cordon_error *tape_table_next(
    struct store_txn *txn,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name)
{
    (void)txn;
    (void)after;
    (void)out_step;
    (void)out_table;
    (void)out_name;
    return lists_no_tables();
}

cordon_error *tape_indexes_put(
    struct store_txn *txn,
    uint32_t table,
    const struct store_index *indexes,
    size_t count,
    enum store_step *out_step)
{
    (void)txn;
    (void)table;
    (void)indexes;
    (void)count;
    (void)out_step;
    return changes_no_indexes();
}

cordon_error *tape_index_work(
    struct store_txn *txn,
    enum store_index_share share,
    size_t rows_max,
    enum store_step *out_step,
    size_t *out_rows)
{
    (void)txn;
    (void)share;
    (void)rows_max;
    (void)out_step;
    (void)out_rows;
    return changes_no_indexes();
}
