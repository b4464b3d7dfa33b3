/*
 * What reading costs a function, in-process, with every check, limit and metric on: a document by
 * its id, and the first hundred of an index one by one, replies read by the guest. In memory, and
 * over LMDB in a folder, at the same number of documents.
 *
 *     bench_documents DOCUMENTS.wasm FOLDER [COUNT]     COUNT (default 100,000) are there
 *
 * The module is bench/guests/documents.wat. Prints one JSON object a line. Each figure is the
 * median of pairs of runs, one that reads and one that does all else alike: noise of the machine
 * hits both.
 */
#include "inside.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DOCUMENTS = 100000,
    FILL = 4000, /* of one mutation */
    PAIRS = 31,
    IDS = 2000,
    STEP = 757, /* has no divisor in common with it */
    PAGE = 2000,
    CURSOR_BYTES_MAX = 4096,
    ID_CHARACTERS = 32,
    RANGES = 40,
    RANGE_DOCUMENTS = 100, /* as the guest has it */
    ARGS_BYTES_MAX = 128 << 10,
    PAGE_BYTES_MAX = 1 << 20,
};

static struct inside inside;

static void fill(size_t documents)
{
    for (size_t done = 0; done < documents;) {
        char args[64];
        const size_t some = documents - done < FILL ? documents - done : FILL;
        (void)snprintf(args, sizeof args, "{\"n\":%zu}", some);
        (void)inside_run(&inside, "documents:fill", args, NULL);
        done += some;
    }
}

/* Reads the page behind a cursor, which is a JSON text; the ids of every `stride`th document. */
static size_t read_ids(
    struct buffer *page, const char *cursor, size_t stride, size_t first, struct buffer *out_ids)
{
    static const char field[] = "\"_id\":\"";
    char args[ARGS_BYTES_MAX];
    const int size = snprintf(
        args, sizeof args,
        "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"documents\","
        "\"order\":\"asc\"},\"operators\":[]},\"cursor\":%s,\"pageSize\":%d}",
        cursor, PAGE);
    must_hold(size > 0 && (size_t)size < sizeof args, "its cursor is too long", "a page");
    buffer_clear(page);
    (void)inside_run(&inside, "documents:page", args, page);
    must(buffer_append_byte(page, '\0'));
    size_t count = first;
    for (const char *at = strstr((const char *)buffer_slice(page).data, field); at != NULL;
         at = strstr(at, field), count++) {
        at += sizeof field - 1;
        must_hold(at[ID_CHARACTERS] == '"', "an id has another size than the guest's", at);
        if (count % stride == 0) {
            must(buffer_append(out_ids, slice_of(at, ID_CHARACTERS)));
        }
    }
    return count;
}

/* The cursor of a page that was read, as a JSON text. */
static void find_cursor(const struct buffer *page, char *out_cursor)
{
    static const char field[] = "\"continueCursor\":";
    const char *at = strstr((const char *)buffer_slice(page).data, field);
    must_hold(at != NULL, "has no cursor", "a page");
    if (at == NULL) {
        return; /* for readers that do not know that it does not return */
    }
    at += sizeof field - 1;
    const size_t size = (size_t)(strchr(at + 1, '"') + 1 - at);
    must_hold(size < CURSOR_BYTES_MAX, "its cursor is too long", "a page");
    memcpy(out_cursor, at, size);
    out_cursor[size] = '\0';
}

/*
 * Appends `{"ids":[...]}` with the ids of documents from all over the table, in no order:
 * neighbours lie side by side in the store, and would be found faster than others.
 */
static void append_ids(size_t documents, struct buffer *out)
{
    struct buffer page;
    struct buffer ids;
    char cursor[CURSOR_BYTES_MAX] = "null";
    buffer_init(&page, PAGE_BYTES_MAX);
    buffer_init(&ids, ARGS_BYTES_MAX);
    for (size_t done = 0; done < documents;) {
        done = read_ids(&page, cursor, documents / IDS, done, &ids);
        find_cursor(&page, cursor);
    }
    must_hold(ids.size >= (size_t)IDS * ID_CHARACTERS, "it has too few documents", "the table");
    must(buffer_append(out, SLICE("{\"ids\":[")));
    for (size_t i = 0; i < IDS; i++) {
        const size_t at = i * STEP % IDS * ID_CHARACTERS;
        must(buffer_append(out, i == 0 ? SLICE("\"") : SLICE(",\"")));
        must(buffer_append(out, slice_of(buffer_slice(&ids).data + at, ID_CHARACTERS)));
        must(buffer_append_byte(out, '"'));
    }
    must(buffer_append(out, SLICE("]}")));
    must(buffer_append_byte(out, '\0'));
    buffer_done(&ids);
    buffer_done(&page);
}

/* The difference of `path` and `without`, for each of `things` that `path` does. */
static void measure(
    const char *name,
    const char *where,
    const char *path,
    const char *without,
    const char *args,
    double things)
{
    double each[PAIRS];
    (void)inside_run(&inside, without, args, NULL);
    (void)inside_run(&inside, path, args, NULL);
    for (size_t i = 0; i < PAIRS; i++) {
        const double rest = inside_run(&inside, without, args, NULL).ns;
        each[i] = (inside_run(&inside, path, args, NULL).ns - rest) / things;
    }
    sort_figures(each, PAIRS);
    (void)printf(
        "{\"name\": \"%s_%s\", \"unit\": \"us\", \"each\": %.3f, \"least\": %.3f}\n", name, where,
        each[PAIRS / 2] / 1000, each[0] / 1000);
}

static void measure_all(const char *where, const char *module, const char *folder, size_t documents)
{
    struct buffer ids;
    char ranges[64];
    buffer_init(&ids, ARGS_BYTES_MAX);
    (void)snprintf(ranges, sizeof ranges, "{\"n\":%d}", RANGES);
    inside_open_at(&inside, folder, INSIDE_ALONE, &module, 1);
    fill(documents);
    append_ids(documents, &ids);
    measure(
        "point_read", where, "documents:get", "documents:ids",
        (const char *)buffer_slice(&ids).data, IDS);
    measure("range_100", where, "documents:range", "documents:count", ranges, RANGES);
    inside_close(&inside);
    buffer_done(&ids);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        (void)fprintf(stderr, "usage: bench_documents DOCUMENTS.wasm FOLDER [COUNT]\n");
        return 2;
    }
    const size_t documents = argc == 4 ? strtoul(argv[3], NULL, 10) : DOCUMENTS;
    char folder[4096];
    const int size = snprintf(folder, sizeof folder, "%s/documents-XXXXXX", argv[2]);
    must_hold(size > 0 && (size_t)size < sizeof folder, "its path is too long", argv[2]);
    must_hold(mkdtemp(folder) != NULL, "no folder can be made in it", argv[2]);
    measure_all("memory", argv[1], NULL, documents);
    measure_all("lmdb", argv[1], folder, documents);
    return 0;
}
