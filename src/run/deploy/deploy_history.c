/* Rows of the last deploys; see deploy_history.h. */
#include "run/deploy/deploy_history.h"

#include "value/json.h"

#define PREFIX "deploy/"
#define PREFIX_BYTES (sizeof PREFIX - 1)
#define CURRENT SLICE("deploy")

/* The key of a numbered row: in the order of numbers. */
struct number_key {
    uint8_t bytes[PREFIX_BYTES + 8];
};

static struct slice key_of(uint64_t number, struct number_key *key)
{
    memcpy(key->bytes, PREFIX, PREFIX_BYTES);
    for (size_t i = 0; i < 8; i++) {
        key->bytes[PREFIX_BYTES + i] = (uint8_t)(number >> (56 - 8 * i));
    }
    return slice_of(key->bytes, sizeof key->bytes);
}

static uint64_t number_of(struct slice key)
{
    uint64_t number = 0;
    for (size_t i = PREFIX_BYTES; i < key.size; i++) {
        number = number << 8 | key.data[i];
    }
    return number;
}

cordon_error *deploy_row_get(
    struct rows *rows, struct slice key, struct arena *arena, struct slice *out_value)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice value = {0};
    AWAIT(rows, step, store_row_get(rows->txn, KEYSPACE_MODULE, key, &step, &found, &value));
    *out_value = (struct slice){0};
    if (found) {
        *out_value = arena_copy(arena, value);
        if (out_value->data == NULL) {
            return arena_error(arena);
        }
    }
    return NULL;
}

/* The next numbered row; `*out_number` 0: there are no more. */
static cordon_error *next_row(
    struct rows *rows,
    uint64_t after,
    struct arena *arena,
    uint64_t *out_number,
    struct slice *out_text)
{
    enum store_step step = STORE_DONE;
    bool found = false;
    struct slice key = {0};
    struct slice value = {0};
    struct number_key from;
    AWAIT(
        rows, step,
        store_row_next(
            rows->txn, KEYSPACE_MODULE, key_of(after, &from), true, &step, &found, &key, &value));
    *out_number = 0;
    if (!found || key.size != sizeof from.bytes || !slice_starts_with(key, SLICE(PREFIX))) {
        return NULL;
    }
    *out_number = number_of(key);
    *out_text = arena_copy(arena, value);
    return out_text->data == NULL ? arena_error(arena) : NULL;
}

/* The number in a row; that of the first for one that was written before there were numbers. */
static cordon_error *read_number(struct slice text, uint64_t *out_number)
{
    const struct json_limits limits = {.bytes_max = (size_t)16 << 20, .depth_max = 16};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    TRY(json_parse(text, &limits, &doc));
    *out_number = 1;
    (void)json_u64(json_get(json_root(doc), SLICE("number")), out_number);
    return NULL;
}

cordon_error *deploy_history_read(
    struct rows *rows, struct arena *arena, struct deploy_history *out_history)
{
    struct deploy_history history = {0};
    struct slice current = {0};
    TRY(deploy_row_get(rows, CURRENT, arena, &current));
    if (current.size > 0) {
        TRY(read_number(current, &history.current));
    }
    for (uint64_t number = 0;; history.count++) {
        struct slice text = {0};
        TRY(next_row(rows, number, arena, &number, &text));
        if (number == 0) {
            break;
        }
        if (history.count == DEPLOYS_KEPT) {
            return cordon_error_new(
                CORDON_E_STORE,
                "the list of deploys is damaged: it has more than %d; put the data folder back "
                "from a copy",
                DEPLOYS_KEPT);
        }
        history.rows[history.count] = (struct deploy_history_row){number, text};
    }
    if (history.count == 0 && current.size > 0) { /* of a time when one alone was kept */
        history.rows[history.count++] = (struct deploy_history_row){history.current, current};
        history.is_unnumbered = true;
    }
    *out_history = history;
    return NULL;
}

uint64_t deploy_history_newest(const struct deploy_history *history)
{
    return history->count == 0 ? 0 : history->rows[history->count - 1].number;
}

cordon_error *deploy_history_find(
    const struct deploy_history *history, uint64_t number, struct slice *out_text)
{
    for (size_t i = 0; i < history->count; i++) {
        if (history->rows[i].number == number) {
            *out_text = history->rows[i].text;
            return NULL;
        }
    }
    if (history->count == 0) {
        return cordon_error_new(
            CORDON_E_NOT_FOUND,
            "there is no deploy %llu, as nothing was deployed yet; deploy something",
            (unsigned long long)number);
    }
    return cordon_error_new(
        CORDON_E_NOT_FOUND,
        "deploy %llu is not kept; the last ones are, here %llu to %llu (`cordon rollback --list`)",
        (unsigned long long)number, (unsigned long long)history->rows[0].number,
        (unsigned long long)deploy_history_newest(history));
}

/* Room for one more: in the store, and here. */
static cordon_error *drop_oldest(struct rows *rows, struct deploy_history *history)
{
    struct number_key key;
    TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, key_of(history->rows[0].number, &key)));
    history->count--;
    memmove(history->rows, history->rows + 1, history->count * sizeof history->rows[0]);
    return NULL;
}

static cordon_error *put_row(struct rows *rows, uint64_t number, struct slice text)
{
    struct number_key key;
    return store_row_put(rows->txn, KEYSPACE_MODULE, key_of(number, &key), text);
}

cordon_error *deploy_history_put(
    struct rows *rows, struct deploy_history *history, uint64_t number, struct slice text)
{
    if (history->is_unnumbered) {
        TRY(put_row(rows, history->rows[0].number, history->rows[0].text));
    }
    if (number > deploy_history_newest(history)) {
        if (history->count == DEPLOYS_KEPT) {
            TRY(drop_oldest(rows, history));
        }
        history->rows[history->count++].number = number;
    }
    for (size_t i = 0; i < history->count; i++) {
        if (history->rows[i].number == number) {
            history->rows[i].text = text;
        }
    }
    history->is_unnumbered = false;
    history->current = number;
    TRY(put_row(rows, number, text));
    return store_row_put(rows->txn, KEYSPACE_MODULE, CURRENT, text);
}
