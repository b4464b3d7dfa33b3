/*
 * The table cache. Loading cannot race with creating: whoever creates a table had its tenant
 * loaded before, to see that the table was missing. So every table is either on the disk when the
 * tenant is loaded, or added by the commit that made it.
 */
#include "store/tables.h"

#include "base/memory.h"
#include "base/random.h"
#include "store/versions.h"

enum { NUMBER_BYTES = 4 };

void tables_init(struct table_map *map)
{
    *map = (struct table_map){.random = 1};
    (void)pthread_rwlock_init(&map->lock, NULL);
}

void table_info_free(struct table_info *table)
{
    if (table != NULL) {
        index_set_free(table->indexes);
        mem_free(table->by_name);
        mem_free(table->by_number);
        mem_free(table);
    }
}

static void table_info_freep(struct table_info **table)
{
    table_info_free(*table);
}

static void tenant_free(struct tenant_tables *tables)
{
    struct skip_node *node = skip_first(&tables->by_name);
    while (node != NULL) {
        struct table_info *table = node->item;
        node = skip_next(node);
        table_info_free(table);
    }
    mem_free(tables);
}

static void tenant_freep(struct tenant_tables **tables)
{
    if (*tables != NULL) {
        tenant_free(*tables);
    }
}

void tables_done(struct table_map *map)
{
    struct skip_node *node = skip_first(&map->tenants);
    while (node != NULL) {
        struct skip_node *next = skip_next(node);
        tenant_free(node->item);
        mem_free(node);
        node = next;
    }
    (void)pthread_rwlock_destroy(&map->lock);
}

/* A node with `key_bytes` of room behind it. */
static struct skip_node *node_new(uint64_t *random, size_t key_bytes, uint8_t **out_key)
{
    const uint32_t height = skip_height(skip_random(random));
    const size_t bytes = skip_node_bytes(height);
    struct skip_node *node = mem_new(bytes + key_bytes);
    if (node != NULL) {
        node->height = height;
        *out_key = (uint8_t *)node + bytes;
        node->key = slice_of(*out_key, key_bytes);
    }
    return node;
}

cordon_error *table_info_new(struct slice name, uint32_t number, struct table_info **out_table)
{
    CORDON_CLEANUP(table_info_freep) struct table_info *table = MEM_NEW(struct table_info);
    if (table == NULL) {
        return error_no_memory();
    }
    uint64_t random = 0; /* who chooses names does not choose heights */
    random_system(&random, sizeof random);
    random |= 1;
    uint8_t *name_key = NULL;
    uint8_t *number_key = NULL;
    table->by_name = node_new(&random, name.size, &name_key);
    table->by_number = node_new(&random, NUMBER_BYTES, &number_key);
    if (table->by_name == NULL || table->by_number == NULL) {
        return error_no_memory();
    }
    memcpy(name_key, name.data, name.size);
    layout_store32(number_key, number);
    table->by_name->item = table;
    table->by_number->item = table;
    table->name = table->by_name->key;
    table->number = number;
    *out_table = CORDON_TAKE(table);
    return NULL;
}

/* With the lock held for writing, or on tables nobody else has. */
static void insert(struct tenant_tables *tables, struct table_info *table)
{
    skip_insert(&tables->by_name, table->by_name);
    skip_insert(&tables->by_number, table->by_number);
}

void tables_add(
    struct table_map *map, struct tenant_tables *tables, struct table_info *table, uint64_t ts)
{
    table->created_ts = ts;
    (void)pthread_rwlock_wrlock(&map->lock);
    insert(tables, table);
    (void)pthread_rwlock_unlock(&map->lock);
}

static struct table_info *table_of(const struct skip_node *node)
{
    return node == NULL ? NULL : node->item;
}

static struct table_info *by_number(const struct tenant_tables *tables, uint32_t number)
{
    uint8_t key[NUMBER_BYTES];
    layout_store32(key, number);
    return table_of(skip_find(&tables->by_number, slice_of(key, sizeof key)));
}

/* The first node behind a number. */
static const struct skip_node *seek_after(const struct tenant_tables *tables, uint32_t number)
{
    uint8_t key[NUMBER_BYTES + 1] = {0}; /* a byte more than the number's: right behind it */
    layout_store32(key, number);
    return skip_seek(&tables->by_number, slice_of(key, sizeof key));
}

static const struct skip_node *last_node(const struct tenant_tables *tables)
{
    static const uint8_t past_the_end[NUMBER_BYTES + 1] = {0xff, 0xff, 0xff, 0xff, 0xff};
    return skip_seek_before(&tables->by_number, slice_of(past_the_end, sizeof past_the_end), false);
}

void tables_add_indexes(
    struct table_map *map,
    struct tenant_tables *tables,
    uint32_t number,
    struct index_set *set,
    uint64_t ts)
{
    set->ts = ts;
    (void)pthread_rwlock_wrlock(&map->lock);
    struct table_info *table = by_number(tables, number);
    CORDON_ASSERT(table != NULL); /* who gave it indexes has seen it */
    set->older = table->indexes;
    table->indexes = set;
    (void)pthread_rwlock_unlock(&map->lock);
}

/* -- Loading --------------------------------------------------------------------------------- */

static cordon_error *load_table(struct tenant_tables *tables, const struct version *version)
{
    struct table_info *table = NULL;
    TRY(table_info_new(version->body, layout_table_of_row(version->logical), &table));
    table->created_ts = version->ts;
    insert(tables, table);
    return NULL;
}

static cordon_error *load_indexes(struct tenant_tables *tables, const struct version *version)
{
    struct table_info *table = by_number(tables, layout_table_of_row(version->logical));
    if (table == NULL) {
        return cordon_error_new(
            CORDON_E_STORE, "there are indexes of a table that does not exist; restore the "
                            "folder from a backup");
    }
    TRY(index_set_read(version->body, &table->indexes));
    table->indexes->ts = version->ts;
    return NULL;
}

/* Every row of one sort, as it is now. */
static cordon_error *load_rows(
    uint32_t tenant,
    enum layout_table_row row,
    struct reading *reading,
    struct tenant_tables *tables,
    cordon_error *(*take)(struct tenant_tables *tables, const struct version *version))
{
    struct layout_key low;
    struct layout_key high;
    layout_table_row_range(tenant, row, &low, &high);
    struct walk walk;
    walk_begin(
        &walk, reading, UINT64_MAX, STORE_ASCENDING, layout_slice(&low), layout_slice(&high));
    for (;;) {
        bool found = false;
        struct version version;
        TRY(walk_next(&walk, &found, &version));
        if (!found) {
            return NULL;
        }
        TRY(take(tables, &version));
    }
}

static cordon_error *load(
    struct table_map *map,
    uint32_t tenant,
    struct reading *reading,
    struct tenant_tables **out_tables)
{
    CORDON_CLEANUP(tenant_freep) struct tenant_tables *tables = MEM_NEW(struct tenant_tables);
    if (tables == NULL) {
        return error_no_memory();
    }
    TRY(load_rows(tenant, TABLE_BY_NUMBER, reading, tables, load_table));
    TRY(load_rows(tenant, TABLE_INDEXES, reading, tables, load_indexes));
    uint8_t *key = NULL;
    struct skip_node *node = node_new(&map->random, 4, &key);
    if (node == NULL) {
        return error_no_memory();
    }
    layout_store32(key, tenant);
    node->item = tables;
    skip_insert(&map->tenants, node);
    *out_tables = CORDON_TAKE(tables);
    return NULL;
}

static struct tenant_tables *loaded(const struct table_map *map, uint32_t tenant)
{
    uint8_t key[4];
    layout_store32(key, tenant);
    const struct skip_node *node = skip_find(&map->tenants, slice_of(key, sizeof key));
    return node == NULL ? NULL : node->item;
}

cordon_error *tables_of(
    struct table_map *map,
    uint32_t tenant,
    struct reading *reading,
    struct tenant_tables **out_tables)
{
    (void)pthread_rwlock_rdlock(&map->lock);
    struct tenant_tables *tables = loaded(map, tenant);
    (void)pthread_rwlock_unlock(&map->lock);
    cordon_error *error = NULL;
    if (tables == NULL) {
        (void)pthread_rwlock_wrlock(&map->lock);
        tables = loaded(map, tenant);
        if (tables == NULL) {
            error = load(map, tenant, reading, &tables);
        }
        (void)pthread_rwlock_unlock(&map->lock);
    }
    if (error == NULL) {
        *out_tables = tables;
    }
    return error;
}

/* -- Looking up ------------------------------------------------------------------------------ */

static const struct table_info *find(
    struct table_map *map, const struct skip *list, struct slice key, uint64_t snapshot)
{
    (void)pthread_rwlock_rdlock(&map->lock);
    const struct skip_node *node = skip_find(list, key);
    const struct table_info *table = node == NULL ? NULL : node->item;
    (void)pthread_rwlock_unlock(&map->lock);
    return table != NULL && table->created_ts <= snapshot ? table : NULL;
}

const struct table_info *tables_by_name(
    struct table_map *map, struct tenant_tables *tables, struct slice name, uint64_t snapshot)
{
    return find(map, &tables->by_name, name, snapshot);
}

const struct table_info *tables_by_number(
    struct table_map *map, struct tenant_tables *tables, uint32_t number, uint64_t snapshot)
{
    uint8_t key[4];
    layout_store32(key, number);
    return find(map, &tables->by_number, slice_of(key, sizeof key), snapshot);
}

const struct index_set *tables_indexes(
    struct table_map *map, struct tenant_tables *tables, uint32_t number, uint64_t snapshot)
{
    (void)pthread_rwlock_rdlock(&map->lock);
    const struct table_info *table = by_number(tables, number);
    const struct index_set *newest = table == NULL ? NULL : table->indexes;
    (void)pthread_rwlock_unlock(&map->lock);
    return index_set_at(newest, snapshot);
}

const struct table_info *tables_after(
    struct table_map *map, struct tenant_tables *tables, uint32_t number, uint64_t snapshot)
{
    const struct table_info *table = NULL;
    (void)pthread_rwlock_rdlock(&map->lock);
    const struct skip_node *node = seek_after(tables, number);
    for (; node != NULL && table == NULL; node = skip_next(node)) {
        const struct table_info *candidate = node->item;
        table = candidate->created_ts <= snapshot ? candidate : NULL;
    }
    (void)pthread_rwlock_unlock(&map->lock);
    return table;
}

size_t tables_count(struct table_map *map, struct tenant_tables *tables)
{
    (void)pthread_rwlock_rdlock(&map->lock);
    const size_t count = tables->by_number.count;
    (void)pthread_rwlock_unlock(&map->lock);
    return count;
}

uint32_t tables_last_number(struct table_map *map, struct tenant_tables *tables, uint64_t snapshot)
{
    uint32_t last = LAYOUT_TABLE_FIRST - 1;
    (void)pthread_rwlock_rdlock(&map->lock);
    const struct skip_node *node = last_node(tables);
    while (node != NULL) {
        const struct table_info *table = node->item;
        if (table->created_ts <= snapshot) {
            last = table->number;
            break;
        }
        node = skip_seek_before(&tables->by_number, node->key, false);
    }
    (void)pthread_rwlock_unlock(&map->lock);
    return last;
}

/* -- Made by a transaction ------------------------------------------------------------------- */

void tables_made_add(struct tenant_tables *made, struct table_info *table)
{
    insert(made, table);
}

const struct table_info *tables_made_by_name(const struct tenant_tables *made, struct slice name)
{
    return table_of(skip_find(&made->by_name, name));
}

const struct table_info *tables_made_by_number(const struct tenant_tables *made, uint32_t number)
{
    return by_number(made, number);
}

const struct table_info *tables_made_after(const struct tenant_tables *made, uint32_t number)
{
    return table_of(seek_after(made, number));
}

uint32_t tables_made_last_number(const struct tenant_tables *made)
{
    const struct table_info *last = table_of(last_node(made));
    return last == NULL ? 0 : last->number;
}

struct table_info *tables_made_take(struct tenant_tables *made)
{
    struct table_info *table = table_of(skip_first(&made->by_number));
    if (table != NULL) {
        skip_remove(&made->by_name, table->by_name);
        skip_remove(&made->by_number, table->by_number);
    }
    return table;
}
