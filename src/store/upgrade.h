/*
 * From a data folder's format to the one that this program writes: one step for each version, each
 * in one batch of the backend together with the meta record that says so. A crash leaves the folder
 * whole in one format or the next, and opening goes on from there.
 */
#ifndef STORE_UPGRADE_H
#define STORE_UPGRADE_H

#include "store/meta.h"

/* From format `from` to `from` + 1: puts and removes rows in the batch under way. */
struct upgrade_step {
    uint32_t from;
    cordon_error *(*apply)(struct kv *kv);
};

struct upgrade_table {
    const struct upgrade_step *steps;
    size_t count;
};

/* The steps of this program; the last leads to LAYOUT_FORMAT. */
extern const struct upgrade_table upgrade_table;

/* NULL if steps lead from `from` to `to`; else the error of meta_check_format(). */
CORDON_MUST_USE cordon_error *upgrade_check(
    const struct upgrade_table *table, uint32_t from, uint32_t to);

/*
 * Takes every step from `meta->format` to `format`, and notes each in `*meta`. Errors: those of
 * upgrade_check(); CORDON_E_STORE and CORDON_E_DISK_FULL, with the
 * folder as the last step that was done has left it.
 */
CORDON_MUST_USE cordon_error *upgrade_run(
    struct kv *kv, const struct upgrade_table *table, uint32_t format, struct meta *meta);

#endif
