/*
 * Upgrades of the format; see upgrade.h. Format 1 is the first that was ever released, so the
 * product's own table is empty: its first row will be {1, …}, with LAYOUT_FORMAT 2. The way that a
 * step takes is tested by steps of tests (tests/contract/test_store_upgrade.c).
 */
#include "store/upgrade.h"

const struct upgrade_table upgrade_table = {.steps = NULL, .count = 0};

static const struct upgrade_step *find(const struct upgrade_table *table, uint32_t from)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->steps[i].from == from) {
            return &table->steps[i];
        }
    }
    return NULL;
}

cordon_error *upgrade_check(const struct upgrade_table *table, uint32_t from, uint32_t to)
{
    for (uint32_t format = from; format != to; format++) {
        if (format > to || find(table, format) == NULL) {
            return meta_check_format(from);
        }
    }
    return NULL;
}

static cordon_error *take(struct kv *kv, const struct upgrade_step *step, const struct meta *after)
{
    TRY(kv->ops->write_begin(kv));
    cordon_error *error = step->apply(kv);
    if (error == NULL) {
        error = meta_put(kv, after);
    }
    if (error != NULL) {
        kv->ops->write_abort(kv);
        return error;
    }
    return kv->ops->write_commit(kv);
}

cordon_error *upgrade_run(
    struct kv *kv, const struct upgrade_table *table, uint32_t format, struct meta *meta)
{
    TRY(upgrade_check(table, meta->format, format));
    while (meta->format != format) {
        struct meta after = *meta;
        after.format++;
        TRY(take(kv, find(table, meta->format), &after));
        *meta = after;
    }
    return NULL;
}
