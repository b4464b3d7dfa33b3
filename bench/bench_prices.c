/*
 * What a unit of fuel takes, for each class of work: whole runs of bench/guests/prices.wat, of so
 * many turns and of twice as many; what the second takes more, in time and in fuel, is what counts.
 *
 *     bench_prices PRICES.wasm BENCH.wasm [NAME...]
 *
 * The second is bench/guests/bench.wat, for a document to read. Prints one JSON object a line:
 * nanoseconds and fuel of one turn, medians of a few pairs.
 */
#include "base/clock.h"
#include "inside.h"
#include "run/deploy/environment.h"

#include <stdio.h>
#include <string.h>

enum { PAIRS = 9, KIB = 1024, TEXT_BYTES_MAX = 128 * KIB };

/* What stands in the table of the guest, in its order. */
enum work {
    NOTHING,
    DIVISION,
    ROOT,
    MISS,
    TOUCH,
    TOUCH_FAR,
    FILL,
    COPY,
    GROW,
    GROW_TOUCH,
    TABLE_GROW,
    TABLE_FILL,
    NOW_MS,
    INPUT_READ,
    OUTPUT_WRITE,
    LOG,
    RANDOM_FILL,
    LEFT,
    GET,
    STREAM,
    STREAM_NEXT,
    NORMALIZE_ID,
    INSERT,
    MERGE,
    REPLACE,
    REMOVE,
    RUN_QUERY,
    RUN_UDF,
    CRYPTO_RANDOM,
    SLEEP,
    REPLY_READ,
    QUERY_CLEANUP,
    INSERT_REMOVE,
    WASI_ARGS_SIZES_GET,
    WASI_ARGS_GET,
    WASI_ENVIRON_SIZES_GET,
    WASI_ENVIRON_GET,
    WASI_CLOCK_TIME_GET,
    WASI_CLOCK_RES_GET,
    WASI_RANDOM_GET,
    WASI_FD_WRITE,
    WASI_FD_READ,
    WASI_FD_CLOSE,
    WASI_FD_SEEK,
    WASI_FD_FDSTAT_GET,
    WASI_FD_PRESTAT_GET,
    WASI_FD_PRESTAT_DIR_NAME,
    WASI_SCHED_YIELD,
    ENV_GET,
};

#define QUERY "prices:query"
#define MUTATION "prices:mutation"
#define ACTION "prices:action"
#define SCAN                                                                                       \
    "{\"query\":{\"source\":{\"type\":\"FullTableScan\",\"tableName\":\"things\","                 \
    "\"order\":\"asc\"},\"operators\":[]}"

/*
 * One class. `text` is what the call is given; `@` in it is the id of a document, `#` so many
 * letters that the whole is `size` bytes long. Without text there are `size` bytes of whatever.
 */
struct row {
    const char *name;
    const char *path;
    enum work work;
    uint32_t turns;
    uint32_t size;
    const char *text;
};

static const struct row rows[] = {
    {"nothing", QUERY, NOTHING, 100000, 0, NULL},
    {"division", QUERY, DIVISION, 2000, 0, NULL},
    {"root", QUERY, ROOT, 2000, 0, NULL},
    {"miss", QUERY, MISS, 2000, 0, NULL},
    {"touch", QUERY, TOUCH, 8000, 0, NULL},
    {"touch_far", QUERY, TOUCH_FAR, 500, 0, NULL},
    {"fill_64k", QUERY, FILL, 2000, 0, NULL},
    {"copy_64k", QUERY, COPY, 2000, 0, NULL},
    {"grow", QUERY, GROW, 1000, 0, NULL},
    {"grow_touch", QUERY, GROW_TOUCH, 500, 0, NULL},
    {"table_grow_100", QUERY, TABLE_GROW, 400, 0, NULL},
    {"table_fill_10000", QUERY, TABLE_FILL, 200, 0, NULL},
    {"now_ms", QUERY, NOW_MS, 20000, 0, NULL},
    {"input_read", QUERY, INPUT_READ, 20000, 16, NULL},
    {"input_read_64k", QUERY, INPUT_READ, 1000, 64 * KIB, "{\"pad\":\"#\"}"},
    {"output_write", QUERY, OUTPUT_WRITE, 20000, 0, "1234"},
    {"output_write_64k", QUERY, OUTPUT_WRITE, 1000, 64 * KIB, "\"#\""},
    {"log", QUERY, LOG, 100, 0, "{\"level\":\"LOG\",\"messages\":[\"0123456789\"]}"},
    {"log_16k", QUERY, LOG, 100, 16 * KIB, "{\"level\":\"LOG\",\"messages\":[\"#\"]}"},
    {"random_fill", QUERY, RANDOM_FILL, 20000, 16, NULL},
    {"random_fill_64k", QUERY, RANDOM_FILL, 200, 64 * KIB, NULL},
    {"left", QUERY, LEFT, 5000, 0, NULL},
    {"insert", MUTATION, INSERT, 1000, 0,
     "{\"table\":\"things\",\"value\":{\"body\":\"0123456789012345678901234567890123456789\"}}"},
    {"get", QUERY, GET, 2000, 0, "{\"id\":\"@\"}"},
    {"normalize_id", QUERY, NORMALIZE_ID, 2000, 0, "{\"table\":\"things\",\"idString\":\"@\"}"},
    {"query_stream", QUERY, STREAM, 20, 0, SCAN "}"},
    {"query_stream_next", QUERY, STREAM_NEXT, 1000, 0, SCAN "}"},
    {"insert_16k", MUTATION, INSERT, 100, 16 * KIB,
     "{\"table\":\"large\",\"value\":{\"body\":\"#\"}}"},
    {"shallow_merge", MUTATION, MERGE, 2000, 0, "{\"id\":\"@\",\"value\":{\"body\":\"other\"}}"},
    {"replace", MUTATION, REPLACE, 2000, 0, "{\"id\":\"@\",\"value\":{\"body\":\"another\"}}"},
    {"run_query", ACTION, RUN_QUERY, 500, 0, "{\"name\":\"bench:empty\",\"args\":{}}"},
    {"run_udf", QUERY, RUN_UDF, 500, 0,
     "{\"udfType\":\"query\",\"name\":\"bench:empty\",\"args\":{}}"},
    {"crypto_random", ACTION, CRYPTO_RANDOM, 5000, 16, NULL},
    {"crypto_random_64k", ACTION, CRYPTO_RANDOM, 100, 64 * KIB, NULL},
    {"sleep", ACTION, SLEEP, 5000, 0, "{\"ms\":0}"},
    {"reply_read", QUERY, REPLY_READ, 20000, 0, NULL},
    {"query_cleanup", QUERY, QUERY_CLEANUP, 500, 0, SCAN "}"},
    {"remove", MUTATION, INSERT_REMOVE, 500, 0,
     "{\"table\":\"gone\",\"value\":{\"body\":\"0123456789012345678901234567890123456789\"}}"},
    {"wasi_args_sizes_get", QUERY, WASI_ARGS_SIZES_GET, 20000, 0, NULL},
    {"wasi_args_get", QUERY, WASI_ARGS_GET, 20000, 0, NULL},
    {"wasi_environ_sizes_get", QUERY, WASI_ENVIRON_SIZES_GET, 20000, 0, NULL},
    {"wasi_environ_get", QUERY, WASI_ENVIRON_GET, 20000, 0, NULL},
    {"wasi_clock_time_get", QUERY, WASI_CLOCK_TIME_GET, 20000, 0, NULL},
    {"wasi_clock_res_get", QUERY, WASI_CLOCK_RES_GET, 20000, 0, NULL},
    {"wasi_random_get", QUERY, WASI_RANDOM_GET, 20000, 0, NULL},
    {"wasi_fd_write", QUERY, WASI_FD_WRITE, 100, 0, NULL},
    {"wasi_fd_read", QUERY, WASI_FD_READ, 20000, 0, NULL},
    {"wasi_fd_close", QUERY, WASI_FD_CLOSE, 20000, 0, NULL},
    {"wasi_fd_seek", QUERY, WASI_FD_SEEK, 20000, 0, NULL},
    {"wasi_fd_fdstat_get", QUERY, WASI_FD_FDSTAT_GET, 20000, 0, NULL},
    {"wasi_fd_prestat_get", QUERY, WASI_FD_PRESTAT_GET, 20000, 0, NULL},
    {"wasi_fd_prestat_dir_name", QUERY, WASI_FD_PRESTAT_DIR_NAME, 20000, 0, NULL},
    {"wasi_sched_yield", QUERY, WASI_SCHED_YIELD, 20000, 0, NULL},
    {"env_get", QUERY, ENV_GET, 5000, 0, "{\"name\":\"SMALL\"}"},
    {"env_get_none", QUERY, ENV_GET, 5000, 0, "{\"name\":\"MISSING\"}"},
    {"env_get_8k", QUERY, ENV_GET, 1000, 0, "{\"name\":\"LARGE\"}"},
    {"env_get_8k_escaped", QUERY, ENV_GET, 1000, 0, "{\"name\":\"ESCAPED\"}"},
};

static struct inside inside;
static struct buffer document_id; /* of a document, without its quotes */

/* The text of a row with its id and padding. */
static void write_text(const struct row *row, struct buffer *out)
{
    const char *text = row->text == NULL ? "0" : row->text;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '@') {
            must(buffer_append(out, buffer_slice(&document_id)));
        } else if (*at == '#') {
            for (size_t i = strlen(text) - 1; i < row->size; i++) {
                must(buffer_append_byte(out, 'x'));
            }
        } else {
            must(buffer_append_byte(out, (uint8_t)*at));
        }
    }
}

/* In processor time, as others may want the processor too. */
static struct inside_run run_turns(const struct row *row, struct slice text, uint32_t turns)
{
    static char args[TEXT_BYTES_MAX];
    const size_t size = row->size > 0 ? row->size : row->text == NULL ? 0 : text.size;
    const int length = snprintf(
        args, sizeof args, "{\"f\":%d,\"l\":%zu,\"n\":%u,\"t\":%.*s}", (int)row->work, size, turns,
        SLICE_FMT(text));
    must_hold(length > 0 && (size_t)length < sizeof args, "its arguments are too long", row->name);
    const uint64_t began = clock_thread_cpu_ns();
    struct inside_run run = inside_run(&inside, row->path, args, NULL);
    run.ns = (double)(clock_thread_cpu_ns() - began);
    return run;
}

static void measure(const struct row *row)
{
    double ns[PAIRS];
    double fuel = 0;
    struct buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    write_text(row, &text);
    (void)run_turns(row, buffer_slice(&text), row->turns);
    for (int i = 0; i < PAIRS; i++) {
        const struct inside_run less = run_turns(row, buffer_slice(&text), row->turns);
        const struct inside_run more = run_turns(row, buffer_slice(&text), 2 * row->turns);
        ns[i] = (more.ns - less.ns) / row->turns;
        fuel = (double)(more.fuel - less.fuel) / row->turns;
    }
    buffer_done(&text);
    sort_figures(ns, PAIRS);
    (void)printf(
        "{\"name\": \"%s\", \"unit\": \"ns\", \"each\": %.1f, \"least\": %.1f, \"fuel\": %.1f, "
        "\"turns\": %u}\n",
        row->name, ns[PAIRS / 2], ns[0], fuel, row->turns);
    (void)fflush(stdout);
}

/* A document whose id the rows may name; its quotes are taken off. */
static void insert_document(void)
{
    struct buffer value;
    buffer_init(&value, KIB);
    (void)inside_run(&inside, "bench:insert_one", "{}", &value);
    buffer_init(&document_id, KIB);
    must(buffer_append(&document_id, slice_of(value.data + 1, value.size - 2)));
    buffer_done(&value);
}

/* `count` times the text, as the value of a variable. */
static void add_variable(struct buffer *out, const char *name, const char *text, size_t count)
{
    must(buffer_printf(out, "{\"name\":\"%s\",\"value\":\"", name));
    for (size_t i = 0; i < count; i++) {
        must(buffer_append(out, slice_str(text)));
    }
    must(buffer_append(out, SLICE("\"},")));
}

/* Values of 16 bytes, and of 8 KiB that are written as they are or as six bytes each. */
static void set_variables(void)
{
    struct buffer changes;
    buffer_init(&changes, TEXT_BYTES_MAX);
    must(buffer_append(&changes, SLICE("{\"changes\":[")));
    add_variable(&changes, "SMALL", "x", 16);
    add_variable(&changes, "LARGE", "x", 8 * KIB);
    add_variable(&changes, "ESCAPED", "\\u0001", 8 * KIB);
    changes.size--;
    must(buffer_append(&changes, SLICE("]}")));
    must(environment_change(inside.runner, TENANT_DEFAULT, buffer_slice(&changes), NULL));
    buffer_done(&changes);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: bench_prices PRICES.wasm BENCH.wasm [NAME...]\n");
        return 2;
    }
    const char *const modules[] = {argv[1], argv[2]};
    inside_open(&inside, modules, 2);
    insert_document();
    set_variables();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool asked = argc == 3;
        for (int k = 3; k < argc; k++) {
            asked = asked || strcmp(argv[k], rows[i].name) == 0;
        }
        if (asked) {
            measure(&rows[i]);
        }
    }
    buffer_done(&document_id);
    inside_close(&inside);
    return 0;
}
