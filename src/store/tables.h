/*
 * The tables of every tenant and their indexes, in memory. A table is known with the timestamp of
 * the commit that made it, and each set of its indexes with that of its own, so that each snapshot
 * sees exactly what it should. Loaded tenant by tenant at the first use.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "store/index_set.h"
#include "store/reading.h"

struct table_info {
    struct skip_node *by_name;
    struct skip_node *by_number;
    struct slice name;
    uint32_t number;
    uint64_t created_ts;
    struct index_set *indexes; /* the newest set; NULL: there never was one */
};

/* Of a tenant; or those that a transaction makes, which nobody else sees. All zeros: none. */
struct tenant_tables {
    struct skip by_name;
    struct skip by_number;
};

struct table_map {
    pthread_rwlock_t lock;
    struct skip tenants; /* by number in four bytes; the item is a struct tenant_tables */
    uint64_t random;
};

void tables_init(struct table_map *map);
void tables_done(struct table_map *map);

/* A table that is not in the map yet. */
CORDON_MUST_USE cordon_error *table_info_new(
    struct slice name, uint32_t number, struct table_info **out_table);
void table_info_free(struct table_info *table);

/* Of what one transaction makes: who calls has it alone, and so without a lock. */
void tables_made_add(struct tenant_tables *made, struct table_info *table);
const struct table_info *tables_made_by_name(const struct tenant_tables *made, struct slice name);
const struct table_info *tables_made_by_number(const struct tenant_tables *made, uint32_t number);

/* The one with the next number, or NULL. */
const struct table_info *tables_made_after(const struct tenant_tables *made, uint32_t number);

/* The highest number, or 0. */
uint32_t tables_made_last_number(const struct tenant_tables *made);

/* Takes one out, which is the caller's then; NULL: there is none left. */
struct table_info *tables_made_take(struct tenant_tables *made);

/*
 * The tables of one tenant, loaded through `reading` if they are not yet. They stay valid and only
 * grow until tables_done.
 */
CORDON_MUST_USE cordon_error *tables_of(
    struct table_map *map,
    uint32_t tenant,
    struct reading *reading,
    struct tenant_tables **out_tables);

/* A table as the snapshot sees it, or NULL; valid as long as the map. */
const struct table_info *tables_by_name(
    struct table_map *map, struct tenant_tables *tables, struct slice name, uint64_t snapshot);
const struct table_info *tables_by_number(
    struct table_map *map, struct tenant_tables *tables, uint32_t number, uint64_t snapshot);

/* The indexes of a table as the snapshot sees them, or NULL; valid as long as the map. */
const struct index_set *tables_indexes(
    struct table_map *map, struct tenant_tables *tables, uint32_t number, uint64_t snapshot);

/* The table with the next number that the snapshot sees, or NULL; valid as long as the map. */
const struct table_info *tables_after(
    struct table_map *map, struct tenant_tables *tables, uint32_t number, uint64_t snapshot);

/* How many tables there are, of whatever snapshot. */
size_t tables_count(struct table_map *map, struct tenant_tables *tables);

/* The highest table number that the snapshot sees, or the one before the first. */
uint32_t tables_last_number(struct table_map *map, struct tenant_tables *tables, uint64_t snapshot);

/*
 * Takes over a table made by the commit at `ts`, when its row is in the overlay and `ts` is not
 * visible yet. Under the commit lock; cannot fail.
 */
void tables_add(
    struct table_map *map, struct tenant_tables *tables, struct table_info *table, uint64_t ts);

/* The same for the new indexes of a table that is in the map. */
void tables_add_indexes(
    struct table_map *map,
    struct tenant_tables *tables,
    uint32_t number,
    struct index_set *set,
    uint64_t ts);

#endif
