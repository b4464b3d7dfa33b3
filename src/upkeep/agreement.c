/*
 * The check walks over what is live and looks its counterpart up, in both directions: documents
 * look for their entries, entries for their document, whose fields must give the same key again. A
 * look-up costs a few microseconds, and nothing is kept in memory but one document.
 *
 * Older versions, which transactions that were open could still read, are not asked: each is sound
 * by itself, and gone within the window.
 */
#include "upkeep/agreement.h"

#include "store/layout.h"
#include "store/tables.h"
#include "store/versions.h"
#include "upkeep/row_shape.h"

static const struct view no_memtables;

/* What is looked at, tenant by tenant and table by table. */
struct looking {
    struct agreement *agreement;
    uint32_t tenant;
    struct reading walked; /* a reading has one place; the walk keeps its own */
    struct reading asked;
    bool has_table;
    uint32_t table;
    bool table_exists;
    struct index_set *set; /* of the table; NULL: none */
    struct buffer fields;
};

static void looking_done(struct looking *looking)
{
    reading_done(&looking->walked);
    reading_done(&looking->asked);
    index_set_free(looking->set);
    buffer_done(&looking->fields);
}

/* The logical key of a version is the start of its row's key. */
static cordon_error *tell(const struct looking *looking, struct slice logical, const char *words)
{
    const struct slice key = slice_of(logical.data, logical.size + LAYOUT_TS_BYTES);
    return looking->agreement->damage(looking->agreement->arg, key, words);
}

static cordon_error *get(
    struct looking *looking,
    const struct layout_key *logical,
    bool *out_found,
    struct version *out_version)
{
    return version_get(
        &looking->asked, layout_slice(logical), looking->agreement->ts, out_found, out_version);
}

/* Calls `visit` for each live row from `low`, before `high`. */
static cordon_error *each(
    struct looking *looking,
    const struct layout_key *low,
    const struct layout_key *high,
    cordon_error *(*visit)(struct looking *looking, const struct version *version))
{
    struct walk walk;
    walk_begin(
        &walk, &looking->walked, looking->agreement->ts, STORE_ASCENDING, layout_slice(low),
        layout_slice(high));
    for (;;) {
        struct version version;
        bool found = false;
        TRY(walk_next(&walk, &found, &version));
        if (!found) {
            return NULL;
        }
        TRY(visit(looking, &version));
    }
}

/* -- Tables ---------------------------------------------------------------------------------- */

static cordon_error *check_name(struct looking *looking, const struct version *version)
{
    struct layout_key text;
    struct layout_key key;
    struct version number;
    bool found = false;
    layout_table_row(&key, looking->tenant, TABLE_BY_NUMBER, layout_load32(version->body.data), 0);
    TRY(get(looking, &key, &found, &number));
    /* The name comes after the letter, in the same groups as other rows' keys. */
    const bool is_read = layout_row_key(slice_from(version->logical, 1), &text);
    return found && is_read && slice_equal(number.body, layout_slice(&text))
               ? NULL
               : tell(looking, version->logical, "the number of this table has another name");
}

static cordon_error *check_number(struct looking *looking, const struct version *version)
{
    struct layout_key key;
    struct version name;
    bool found = false;
    const uint32_t table = layout_table_of_row(version->logical);
    looking->agreement->tables++;
    if (version->body.size == 0 || version->body.size > 64) {
        return tell(looking, version->logical, "the table has no name");
    }
    layout_table_name(&key, looking->tenant, version->body);
    TRY(get(looking, &key, &found, &name));
    return found && name.body.size == 4 && layout_load32(name.body.data) == table
               ? NULL
               : tell(looking, version->logical, "the name of this table has another number");
}

static cordon_error *check_set(struct looking *looking, const struct version *version)
{
    struct index_set *set = NULL;
    struct layout_key key;
    struct version name;
    bool found = false;
    cordon_error *error = index_set_read(version->body, &set);
    index_set_free(set);
    if (error != NULL && cordon_error_get_code(error) != CORDON_E_STORE) {
        return error;
    }
    if (error != NULL) {
        cordon_error_free(error);
        return tell(looking, version->logical, "the indexes of this table are malformed");
    }
    layout_table_row(
        &key, looking->tenant, TABLE_BY_NUMBER, layout_table_of_row(version->logical), 0);
    TRY(get(looking, &key, &found, &name));
    return found ? NULL : tell(looking, version->logical, "indexes of a table that is not there");
}

static cordon_error *check_tables(struct looking *looking)
{
    static const struct {
        enum layout_table_row row;
        cordon_error *(*visit)(struct looking *looking, const struct version *version);
    } sorts[] = {
        {TABLE_BY_NAME, check_name},
        {TABLE_BY_NUMBER, check_number},
        {TABLE_INDEXES, check_set},
    };
    for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
        struct layout_key low;
        struct layout_key high;
        layout_table_row_range(looking->tenant, sorts[i].row, &low, &high);
        TRY(each(looking, &low, &high, sorts[i].visit));
    }
    return NULL;
}

/* Makes the table the one that is asked; who gets there first tells of one that is not there. */
static cordon_error *use_table(struct looking *looking, uint32_t table, struct slice logical)
{
    struct layout_key key;
    struct version version;
    bool has_set = false;
    if (looking->has_table && looking->table == table) {
        return NULL;
    }
    index_set_free(CORDON_TAKE(looking->set));
    looking->has_table = true;
    looking->table = table;
    layout_table_row(&key, looking->tenant, TABLE_BY_NUMBER, table, 0);
    TRY(get(looking, &key, &looking->table_exists, &version));
    layout_table_row(&key, looking->tenant, TABLE_INDEXES, table, 0);
    TRY(get(looking, &key, &has_set, &version));
    if (has_set) {
        TRY(index_set_read(version.body, &looking->set));
    }
    return looking->table_exists ? NULL
                                 : tell(looking, logical, "it is in a table that is not there");
}

/* -- Documents ------------------------------------------------------------------------------- */

/* A document as its row has it. */
struct found_document {
    struct store_id id;
    double creation_time;
    struct slice text;
};

static struct found_document document_of(const struct version *version)
{
    struct found_document document = {
        .creation_time = layout_double_of(layout_load64(version->body.data)),
        .text = slice_from(version->body, LAYOUT_TIME_BYTES),
    };
    (void)layout_document_of(version->logical, &document.id);
    return document;
}

static cordon_error *want_entry(
    struct looking *looking, const struct version *document, const struct layout_key *entry)
{
    struct version version;
    bool found = false;
    TRY(get(looking, entry, &found, &version));
    return found ? NULL : tell(looking, document->logical, "it is missing from an index");
}

static cordon_error *check_indexes_of(
    struct looking *looking, const struct version *version, const struct found_document *document)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, INDEX_TREE_BYTES_MAX);
    struct value tree = {0};
    TRY(index_parse_body(document->text, &arena, &tree));
    for (size_t i = 0; i < looking->set->count; i++) {
        const struct store_index *index = &looking->set->items[i];
        struct layout_key entry;
        if (index->state != STORE_INDEX_ENABLED) {
            continue;
        }
        buffer_clear(&looking->fields);
        TRY(index_write_fields(index, &tree, &looking->fields));
        layout_entry(
            &entry, looking->tenant, &document->id, index->number, buffer_slice(&looking->fields),
            document->creation_time);
        TRY(want_entry(looking, version, &entry));
    }
    return NULL;
}

static cordon_error *check_document(struct looking *looking, const struct version *version)
{
    const struct found_document document = document_of(version);
    struct layout_key entry;
    looking->agreement->documents++;
    TRY(use_table(looking, document.id.table, version->logical));
    layout_entry(
        &entry, looking->tenant, &document.id, STORE_BY_CREATION, (struct slice){0},
        document.creation_time);
    TRY(want_entry(looking, version, &entry));
    return looking->set == NULL || looking->set->count == 0
               ? NULL
               : check_indexes_of(looking, version, &document);
}

/* -- Entries --------------------------------------------------------------------------------- */

/* An index that was dropped keeps its entries until they are removed. */
static cordon_error *check_dropped(
    struct looking *looking, const struct version *version, uint32_t index)
{
    struct layout_key key;
    struct version dropped;
    bool found = false;
    layout_table_row(&key, looking->tenant, TABLE_DROPPED, looking->table, index);
    TRY(get(looking, &key, &found, &dropped));
    return found ? NULL
                 : tell(looking, version->logical, "it is an entry of an index that is not there");
}

/* The document's fields must give the entry's key. */
static cordon_error *check_place(
    struct looking *looking,
    const struct version *version,
    const struct store_index *index,
    const struct found_document *document)
{
    struct layout_key entry;
    buffer_clear(&looking->fields);
    if (index != NULL) {
        TRY(index_write_fields_of(index, document->text, &looking->fields));
    }
    layout_entry(
        &entry, looking->tenant, &document->id, index == NULL ? STORE_BY_CREATION : index->number,
        buffer_slice(&looking->fields), document->creation_time);
    return slice_equal(layout_slice(&entry), version->logical)
               ? NULL
               : tell(looking, version->logical, "its document belongs elsewhere in the index");
}

static cordon_error *check_entry(struct looking *looking, const struct version *version)
{
    struct store_id id;
    struct layout_key key;
    struct version document;
    bool found = false;
    (void)layout_document_of(version->logical, &id);
    const uint32_t number = layout_load32(version->logical.data + LAYOUT_PREFIX_BYTES + 4);
    looking->agreement->entries++;
    TRY(use_table(looking, id.table, version->logical));
    const struct store_index *index =
        looking->set == NULL ? NULL : index_set_find(looking->set, number);
    if (number != STORE_BY_CREATION && index == NULL) {
        return check_dropped(looking, version, number);
    }
    layout_document(&key, looking->tenant, &id);
    TRY(get(looking, &key, &found, &document));
    if (!found) {
        return tell(looking, version->logical, "it is an entry without its document");
    }
    const struct found_document there = document_of(&document);
    return check_place(looking, version, index, &there);
}

/* -- Tenants --------------------------------------------------------------------------------- */

static cordon_error *check_keyspace(
    struct looking *looking,
    enum store_keyspace keyspace,
    cordon_error *(*visit)(struct looking *looking, const struct version *version))
{
    struct layout_key low;
    struct layout_key high;
    layout_keyspace_range(looking->tenant, keyspace, &low, &high);
    looking->has_table = false;
    return each(looking, &low, &high, visit);
}

static cordon_error *check_tenant(struct agreement *agreement, uint32_t tenant)
{
    CORDON_CLEANUP(looking_done) struct looking looking = {
        .agreement = agreement,
        .tenant = tenant,
        .walked = reading_begin(agreement->kv, &no_memtables),
        .asked = reading_begin(agreement->kv, &no_memtables),
    };
    buffer_init(&looking.fields, INDEX_FIELDS_BYTES_MAX);
    TRY(check_tables(&looking));
    TRY(check_keyspace(&looking, KEYSPACE_DOCUMENT, check_document));
    return check_keyspace(&looking, KEYSPACE_INDEX, check_entry);
}

/* The tenant of the first row at or after the tenant `from`; its own rows are the store's. */
static cordon_error *next_tenant(
    const struct agreement *agreement, uint32_t from, bool *out_found, uint32_t *out_tenant)
{
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    uint8_t key[4];
    struct kv_row row;
    layout_store32(key, from);
    TRY(agreement->kv->ops->reader_open(agreement->kv, &reader));
    TRY(reader->ops->seek(reader, slice_of(key, sizeof key), out_found, &row));
    if (*out_found) {
        *out_tenant = row_tenant(row.key);
    }
    return NULL;
}

cordon_error *agreement_check(struct agreement *agreement)
{
    uint32_t tenant = 0;
    bool found = false;
    TRY(next_tenant(agreement, 0, &found, &tenant));
    while (found && tenant != LAYOUT_TENANT_SYSTEM) {
        TRY(check_tenant(agreement, tenant));
        TRY(next_tenant(agreement, tenant + 1, &found, &tenant));
    }
    return NULL;
}
