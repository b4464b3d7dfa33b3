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

/* Appends `{"ids":[...]}` with the ids of the first documents in order of creation, which are as
 * random as any in the order that documents are stored by. */
static void append_ids(struct buffer *out)
{
    static const char args[] = "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":"
                               "\"documents\",\"order\":\"asc\"},\"operators\":[]},\"cursor\":null,"
                               "\"pageSize\":2000}";
    static const char field[] = "\"_id\":\"";
    struct buffer page;
    buffer_init(&page, PAGE_BYTES_MAX);
    (void)inside_run(&inside, "documents:page", args, &page);
    must(buffer_append_byte(&page, '\0'));
    must(buffer_append(out, SLICE("{\"ids\":[")));
    size_t count = 0;
    for (const char *at = strstr((const char *)buffer_slice(&page).data, field); at != NULL;
         at = strstr(at, field)) {
        at += sizeof field - 1;
        must_hold(at[ID_CHARACTERS] == '"', "an id has another size than the guest's", at);
        must(buffer_append(out, count++ == 0 ? SLICE("\"") : SLICE(",\"")));
        must(buffer_append(out, slice_of((const uint8_t *)at, ID_CHARACTERS + 1)));
    }
    must_hold(count == IDS, "it has too few documents", "the first page");
    must(buffer_append(out, SLICE("]}")));
    must(buffer_append_byte(out, '\0'));
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
    inside_open_at(&inside, folder, &module, 1);
    fill(documents);
    append_ids(&ids);
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
