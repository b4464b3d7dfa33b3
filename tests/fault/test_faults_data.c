/*
 * Exports and imports under faults: documents are added, read in pages of one moment and removed,
 * while each allocation and each call of the machine fails in its turn. A batch is there as a whole
 * or not at all, one that was acknowledged is there also after the folder was opened again, and a
 * moment that was held is let go of whatever failed.
 */
#include "fault/ground.h"

#include "contract/harness.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 3 };

static const char lines[] =
    "{\"n\":1}\n{\"n\":{\"$integer\":\"KgAAAAAAAAA=\"},\"s\":\"x\"}\n\n{}\n";

static cordon_error *add(cordon_runtime *runtime, const char *table)
{
    const cordon_data_batch batch = {
        .size = sizeof batch,
        .table = table,
        .lines = lines,
        .lines_size = sizeof lines - 1,
        .first_line = 1,
    };
    char *answer = NULL;
    cordon_error *error = cordon_data_import(runtime, &batch, &answer);
    cordon_free(answer);
    return error;
}

static cordon_error *clear(cordon_runtime *runtime, const char *table)
{
    bool more = true;
    while (more) {
        char *answer = NULL;
        TRY(cordon_data_clear(runtime, NULL, table, NULL, &answer));
        more = strstr(answer, "\"hasMore\":true") != NULL;
        cordon_free(answer);
    }
    return NULL;
}

/* The number of a member of an answer's value. */
static uint64_t number_of(const cordon_json_value *value, const char *name)
{
    uint64_t number = UINT64_MAX;
    REQUIRE(cordon_json_get_u64(cordon_json_get_member(value, name), &number));
    return number;
}

/* How many documents the table has; there are never as many as are not counted. */
static cordon_error *count(cordon_runtime *runtime, uint64_t snapshot, uint64_t *out_count)
{
    char *answer = NULL;
    cordon_json *json = NULL;
    TRY(cordon_data_tables(runtime, NULL, snapshot, 0, &answer));
    cordon_error *error = cordon_json_parse(answer, strlen(answer), &json);
    cordon_free(answer);
    TRY(error);
    cordon_json_walk walk =
        cordon_json_walk_begin(cordon_json_get_member(cordon_json_get_root(json), "tables"));
    const cordon_json_value *table = cordon_json_walk_next(&walk, NULL);
    *out_count = table == NULL ? 0 : number_of(table, "documents");
    cordon_json_free(json);
    return NULL;
}

static cordon_error *read_pages(
    cordon_runtime *runtime, const char *table, uint64_t snapshot, uint64_t *out_count)
{
    char cursor[64] = "";
    *out_count = 0;
    for (;;) {
        const cordon_data_page page = {
            .size = sizeof page,
            .table = table,
            .snapshot = snapshot,
            .cursor = cursor[0] == '\0' ? NULL : cursor,
            .limit = 1,
        };
        char *answer = NULL;
        cordon_json *json = NULL;
        TRY(cordon_data_documents(runtime, &page, &answer));
        cordon_error *error = cordon_json_parse(answer, strlen(answer), &json);
        cordon_free(answer);
        TRY(error);
        const cordon_json_value *root = cordon_json_get_root(json);
        const cordon_text next = cordon_json_get_text(cordon_json_get_member(root, "cursor"));
        *out_count += cordon_json_walk_begin(cordon_json_get_member(root, "values")).left;
        REQUIRE(next.size < sizeof cursor);
        (void)snprintf(cursor, sizeof cursor, "%.*s", (int)next.size, next.data);
        cordon_json_free(json);
        if (cursor[0] == '\0') {
            return NULL;
        }
    }
}

/* -- Roads ----------------------------------------------------------------------------------- */

static void open_runtime(struct torture *torture, void **out_world)
{
    cordon_runtime *runtime = NULL;
    OK(ground_open(torture, &runtime));
    if (torture->taken == 0) {
        OK(add(runtime, "t"));
    }
    *out_world = runtime;
}

static void close_runtime(struct torture *torture, void *world)
{
    (void)torture;
    cordon_runtime_free(world);
}

static enum torture_answer take_import(struct torture *torture, void *world)
{
    cordon_error *error = add(world, "t");
    return error == NULL ? ANSWER_GOOD : torture_refuse(torture, error);
}

/* `memo` answers had been good when the table was empty last; three documents came before any. */
static void check_import(struct torture *torture, void *world)
{
    uint64_t documents = 0;
    OK(count(world, 0, &documents));
    TORTURE_REQUIRE(torture, documents % BATCH == 0);
    TORTURE_REQUIRE(torture, documents >= BATCH * (torture->acknowledged - torture->memo));
    OK(clear(world, "t"));
    torture->memo = torture->acknowledged;
}

/* What was acknowledged by this child, and not looked for yet, is there after another opening. */
static void close_import(struct torture *torture, void *world)
{
    cordon_runtime_free(world);
    cordon_runtime *again = NULL;
    OK(ground_open(torture, &again));
    check_import(torture, again);
    cordon_runtime_free(again);
}

static cordon_error *export_all(struct torture *torture, cordon_runtime *runtime, uint64_t snapshot)
{
    uint64_t counted = 0;
    uint64_t documents = 0;
    TRY(count(runtime, snapshot, &counted));
    TRY(read_pages(runtime, "t", snapshot, &documents));
    TORTURE_REQUIRE(torture, counted == BATCH && documents == BATCH);
    return NULL;
}

static enum torture_answer take_export(struct torture *torture, void *world)
{
    uint64_t snapshot = 0;
    cordon_error *error = cordon_data_hold(world, NULL, &snapshot);
    if (error == NULL) {
        error = export_all(torture, world, snapshot);
        cordon_data_release(world, NULL, snapshot);
    }
    return error == NULL ? ANSWER_GOOD : torture_refuse(torture, error);
}

/* As many are held as may be, and no more: none was left behind. */
static void check_export(struct torture *torture, void *world)
{
    uint64_t snapshots[STORE_HOLDS_OF_TENANT_MAX];
    uint64_t documents = 0;
    for (size_t i = 0; i < STORE_HOLDS_OF_TENANT_MAX; i++) {
        OK(cordon_data_hold(world, NULL, &snapshots[i]));
    }
    OK(read_pages(world, "t", snapshots[0], &documents));
    TORTURE_REQUIRE(torture, documents == BATCH);
    for (size_t i = 0; i < STORE_HOLDS_OF_TENANT_MAX; i++) {
        cordon_data_release(world, NULL, snapshots[i]);
    }
}

/*
 * A table of its own each time: a walk over one that was cleared passes by all that was in it, for
 * as long as old versions are kept. `memo` numbers it.
 */
struct name {
    char text[32];
};

static struct name name_of(const struct torture *torture)
{
    struct name name;
    (void)snprintf(name.text, sizeof name.text, "c%llu", (unsigned long long)torture->memo);
    return name;
}

static void fill(struct torture *torture, void *world)
{
    torture->memo = torture->taken + torture->in_doubt;
    const struct name name = name_of(torture);
    OK(add(world, name.text));
}

static enum torture_answer take_clear(struct torture *torture, void *world)
{
    const struct name name = name_of(torture);
    cordon_error *error = clear(world, name.text);
    return error == NULL ? ANSWER_GOOD : torture_refuse(torture, error);
}

/* All of them or none: they are few enough for one transaction. */
static void check_clear(struct torture *torture, void *world)
{
    const struct name name = name_of(torture);
    uint64_t documents = 0;
    OK(read_pages(world, name.text, 0, &documents));
    TORTURE_REQUIRE(torture, documents == 0 || documents == BATCH);
}

static const struct torture_road roads[] = {
    {.name = "import", open_runtime, close_import, .take = take_import, .check = check_import},
    {.name = "export", open_runtime, close_runtime, .take = take_export, .check = check_export},
    {.name = "clear",
     open_runtime,
     close_runtime,
     .prepare = fill,
     .take = take_clear,
     .check = check_clear},
};

int main(void)
{
    return torture_suite("faults/data", roads, sizeof roads / sizeof roads[0]);
}
