/*
 * Tables by name and by number. A table is two rows, name → number and number → name, written when
 * the name is used first. Both keys are read before they are written: two transactions that make
 * the same table conflict over the name, two that make different ones conflict over the number,
 * and somebody who found a table missing conflicts with whoever makes it.
 */
#include "store/local.h"

cordon_error *local_tables_load(struct local_txn *txn)
{
    if (txn->tables != NULL) {
        return NULL;
    }
    CORDON_CLEANUP(reading_done) struct reading reading = local_reading(txn);
    return tables_of(&txn->store->tables, txn->tenant, &reading, &txn->tables);
}

static const struct table_info *find_by_name(struct local_txn *txn, struct slice name)
{
    const struct table_info *made = tables_made_by_name(&txn->made, name);
    return made != NULL ? made
                        : tables_by_name(&txn->store->tables, txn->tables, name, txn->snapshot);
}

static const struct table_info *find_by_number(struct local_txn *txn, uint32_t number)
{
    const struct table_info *made = tables_made_by_number(&txn->made, number);
    return made != NULL ? made
                        : tables_by_number(&txn->store->tables, txn->tables, number, txn->snapshot);
}

static cordon_error *look_up(
    struct local_txn *txn, struct slice name, const struct table_info **out_table)
{
    struct layout_key key;
    layout_table_name(&key, txn->tenant, name);
    TRY(readset_add_key(&txn->reads, layout_slice(&key)));
    TRY(local_tables_load(txn));
    *out_table = find_by_name(txn, name);
    return NULL;
}

cordon_error *local_table_find(
    struct store_txn *base,
    struct slice name,
    enum store_step *out_step,
    bool *out_found,
    uint32_t *out_table)
{
    const struct table_info *table = NULL;
    TRY(look_up((struct local_txn *)base, name, &table));
    *out_step = STORE_DONE;
    *out_found = table != NULL;
    if (table != NULL) {
        *out_table = table->number;
    }
    return NULL;
}

cordon_error *local_table_name(
    struct store_txn *base,
    uint32_t number,
    enum store_step *out_step,
    bool *out_found,
    struct slice *out_name)
{
    struct local_txn *txn = (struct local_txn *)base;
    struct layout_key key;
    layout_table_row(&key, txn->tenant, TABLE_BY_NUMBER, number, 0);
    TRY(readset_add_key(&txn->reads, layout_slice(&key)));
    TRY(local_tables_load(txn));
    const struct table_info *table = find_by_number(txn, number);
    *out_step = STORE_DONE;
    *out_found = table != NULL;
    if (table != NULL) {
        *out_name = table->name;
    }
    return NULL;
}

static cordon_error *write_rows(struct local_txn *txn, const struct table_info *table)
{
    uint8_t number[4];
    layout_store32(number, table->number);
    struct layout_key key;
    layout_table_name(&key, txn->tenant, table->name);
    TRY(local_write_row(txn, layout_slice(&key), LAYOUT_LIVE, slice_of(number, sizeof number)));
    layout_table_row(&key, txn->tenant, TABLE_BY_NUMBER, table->number, 0);
    return local_write_row(txn, layout_slice(&key), LAYOUT_LIVE, table->name);
}

/* The next free number: tables are never removed, so the last one plus one. */
static cordon_error *next_number(const struct local_txn *txn, uint32_t *out_number)
{
    const uint32_t made = tables_made_last_number(&txn->made);
    const uint32_t old = tables_last_number(&txn->store->tables, txn->tables, txn->snapshot);
    const uint32_t last = made > old ? made : old;
    if (last >= LAYOUT_TABLE_LAST) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "there are no more table numbers; use tables that there are");
    }
    *out_number = last + 1;
    return NULL;
}

/* Those that newer commits made count too: with them this one would be in conflict anyway. */
static cordon_error *check_room(const struct local_txn *txn)
{
    const size_t old = tables_count(&txn->store->tables, txn->tables);
    if (old + txn->made.by_number.count < STORE_TABLES_MAX) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_TOO_LARGE, "Number of tables cannot exceed %d.", STORE_TABLES_MAX);
}

static cordon_error *make(struct local_txn *txn, struct slice name, uint32_t number)
{
    struct table_info *table = NULL;
    TRY(check_room(txn));
    TRY(table_info_new(name, number, &table));
    cordon_error *error = write_rows(txn, table);
    if (error != NULL) {
        table_info_free(table);
        return error;
    }
    tables_made_add(&txn->made, table);
    return NULL;
}

cordon_error *local_table_ensure(
    struct store_txn *base, struct slice name, enum store_step *out_step, uint32_t *out_table)
{
    struct local_txn *txn = (struct local_txn *)base;
    const struct table_info *table = NULL;
    TRY(look_up(txn, name, &table));
    uint32_t number = 0;
    if (table != NULL) {
        number = table->number;
    } else {
        TRY(next_number(txn, &number));
        TRY(make(txn, name, number));
    }
    *out_step = STORE_DONE;
    *out_table = number;
    return NULL;
}

cordon_error *local_table_claim(
    struct store_txn *base,
    struct slice name,
    uint32_t wanted,
    enum store_step *out_step,
    uint32_t *out_table)
{
    struct local_txn *txn = (struct local_txn *)base;
    const struct table_info *table = NULL;
    TRY(look_up(txn, name, &table));
    uint32_t number = table != NULL ? table->number : wanted;
    if (table == NULL && find_by_number(txn, wanted) != NULL) {
        number = 0;
    } else if (table == NULL) {
        TRY(make(txn, name, wanted));
    }
    *out_step = STORE_DONE;
    *out_table = number;
    return NULL;
}

/* -- One after the other --------------------------------------------------------------------- */

/* All numbers after one, up to and with another, or with 0 all that there could be, were read. */
static cordon_error *remember_numbers(struct local_txn *txn, uint32_t after, uint32_t last)
{
    struct layout_key low;
    struct layout_key high;
    layout_table_row(&low, txn->tenant, TABLE_BY_NUMBER, after + 1, 0);
    layout_table_row(&high, txn->tenant, TABLE_BY_NUMBER, last == 0 ? LAYOUT_TABLE_LAST : last, 0);
    layout_after_prefix(&high);
    return readset_add(&txn->reads, layout_slice(&low), layout_slice(&high));
}

cordon_error *local_table_next(
    struct store_txn *base,
    uint32_t after,
    enum store_step *out_step,
    uint32_t *out_table,
    struct slice *out_name)
{
    struct local_txn *txn = (struct local_txn *)base;
    TRY(local_tables_load(txn));
    const struct table_info *next =
        after >= LAYOUT_TABLE_LAST
            ? NULL
            : tables_after(&txn->store->tables, txn->tables, after, txn->snapshot);
    const struct table_info *made = tables_made_after(&txn->made, after);
    if (made != NULL && (next == NULL || made->number < next->number)) {
        next = made;
    }
    if (after < LAYOUT_TABLE_LAST) {
        TRY(remember_numbers(txn, after, next == NULL ? 0 : next->number));
    }
    *out_step = STORE_DONE;
    *out_table = next == NULL ? 0 : next->number;
    if (next != NULL) {
        *out_name = next->name;
    }
    return NULL;
}

void local_tables_made_free(struct local_txn *txn)
{
    struct table_info *table = NULL;
    while ((table = tables_made_take(&txn->made)) != NULL) {
        table_info_free(table);
    }
}
