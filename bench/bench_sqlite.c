/*
 * SQLite doing what documents:touch of bench/guests/documents.wat does: one transaction reads a
 * document, writes it, and writes an audit row, and is durable when it ends (WAL,
 * synchronous=FULL).
 *
 *     bench_sqlite FILE DOCUMENTS CLIENTS SECONDS
 *     bench_sqlite --version
 *
 * The file is filled by the first call and kept for the next. Each client is a thread with a
 * connection of its own. As there is one writer at a time, they take turns by a mutex, which is
 * faster than SQLite's own waiting: it sleeps and tries again. Prints one JSON object.
 */
#include "base/clock.h"
#include "base/random.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CLIENTS_MAX = 256,
    ID_BYTES = 16,
    BODY_BYTES = 100,
    AUDIT_BYTES = 300,
    SAMPLES_MAX = 1 << 20, /* of one client */
};

static const char schema[] =
    "CREATE TABLE documents (id BLOB PRIMARY KEY, created REAL NOT NULL, body TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX by_creation ON documents (created);"
    "CREATE TABLE audit (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL);";

static char filler[AUDIT_BYTES];
static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool over;

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "bench_sqlite: %s\n", what);
        exit(1);
    }
}

static void must_ok(sqlite3 *db, int code)
{
    must(code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE, sqlite3_errmsg(db));
}

static void execute(sqlite3 *db, const char *sql)
{
    must_ok(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db = NULL;
    must(
        sqlite3_open_v2(
            path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) ==
            SQLITE_OK,
        "the file cannot be opened");
    execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
    return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    must_ok(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
    return statement;
}

static void bind_id(sqlite3 *db, sqlite3_stmt *statement, const uint8_t id[ID_BYTES])
{
    must_ok(db, sqlite3_bind_blob(statement, 1, id, ID_BYTES, SQLITE_TRANSIENT));
}

/* Steps a statement once, and makes it ready for the next time. */
static int step(sqlite3 *db, sqlite3_stmt *statement)
{
    const int code = sqlite3_step(statement);
    must_ok(db, code);
    must_ok(db, sqlite3_reset(statement));
    return code;
}

/* The id of a document, by its number. */
static void make_id(uint64_t number, uint8_t id[ID_BYTES])
{
    static const uint8_t seed[RANDOM_SEED_BYTES] = {1};
    struct random_stream stream;
    random_stream_init(&stream, seed, number);
    random_stream_fill(&stream, id, ID_BYTES);
}

/* -- Filling -------------------------------------------------------------------------------- */

static bool is_filled(sqlite3 *db)
{
    sqlite3_stmt *statement = prepare(db, "SELECT 1 FROM sqlite_schema WHERE name = 'documents'");
    const bool filled = step(db, statement) == SQLITE_ROW;
    must_ok(db, sqlite3_finalize(statement));
    return filled;
}

static void fill(sqlite3 *db, uint64_t documents)
{
    execute(db, "BEGIN");
    execute(db, schema);
    sqlite3_stmt *insert = prepare(db, "INSERT INTO documents VALUES (?1, ?2, ?3)");
    must_ok(db, sqlite3_bind_text(insert, 3, filler, BODY_BYTES, SQLITE_STATIC));
    for (uint64_t i = 0; i < documents; i++) {
        uint8_t id[ID_BYTES];
        make_id(i, id);
        bind_id(db, insert, id);
        must_ok(db, sqlite3_bind_double(insert, 2, (double)i));
        (void)step(db, insert);
    }
    must_ok(db, sqlite3_finalize(insert));
    execute(db, "COMMIT");
    execute(db, "PRAGMA wal_checkpoint(TRUNCATE)");
}

/* -- Clients -------------------------------------------------------------------------------- */

struct client {
    pthread_t thread;
    const char *path;
    uint64_t documents;
    uint64_t number;
    double *us; /* of each transaction */
    size_t count;
};

struct statements {
    sqlite3_stmt *begin;
    sqlite3_stmt *get;
    sqlite3_stmt *put;
    sqlite3_stmt *audit;
    sqlite3_stmt *commit;
};

static void prepare_all(sqlite3 *db, struct statements *statements)
{
    *statements = (struct statements){
        .begin = prepare(db, "BEGIN IMMEDIATE"),
        .get = prepare(db, "SELECT body FROM documents WHERE id = ?1"),
        .put = prepare(db, "UPDATE documents SET body = ?2 WHERE id = ?1"),
        .audit = prepare(db, "INSERT INTO audit (body) VALUES (?1)"),
        .commit = prepare(db, "COMMIT"),
    };
    must_ok(db, sqlite3_bind_text(statements->put, 2, filler, BODY_BYTES, SQLITE_STATIC));
    must_ok(db, sqlite3_bind_text(statements->audit, 1, filler, AUDIT_BYTES, SQLITE_STATIC));
}

static void finalize_all(sqlite3 *db, const struct statements *statements)
{
    sqlite3_stmt *const all[] = {
        statements->begin, statements->get, statements->put, statements->audit, statements->commit,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        must_ok(db, sqlite3_finalize(all[i]));
    }
}

static void touch(sqlite3 *db, const struct statements *statements, const uint8_t id[ID_BYTES])
{
    bind_id(db, statements->get, id);
    bind_id(db, statements->put, id);
    (void)pthread_mutex_lock(&writer);
    (void)step(db, statements->begin);
    must(step(db, statements->get) == SQLITE_ROW, "a document is missing");
    (void)step(db, statements->put);
    (void)step(db, statements->audit);
    (void)step(db, statements->commit);
    (void)pthread_mutex_unlock(&writer);
}

static void *run_client(void *arg)
{
    static const uint8_t seed[RANDOM_SEED_BYTES] = {2};
    struct client *client = arg;
    struct random_stream random;
    struct statements statements;
    sqlite3 *db = open_file(client->path);
    prepare_all(db, &statements);
    random_stream_init(&random, seed, client->number);
    while (!atomic_load(&over) && client->count < SAMPLES_MAX) {
        uint8_t id[ID_BYTES];
        uint64_t number = 0;
        random_stream_fill(&random, &number, sizeof number);
        make_id(number % client->documents, id);
        const uint64_t began = clock_monotonic_ns();
        touch(db, &statements, id);
        client->us[client->count++] = (double)(clock_monotonic_ns() - began) / 1000;
    }
    finalize_all(db, &statements);
    must(sqlite3_close(db) == SQLITE_OK, "the file cannot be closed");
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_result(const struct client *clients, size_t count, double seconds)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++) {
        all += clients[i].count;
    }
    double *us = calloc(all + 1, sizeof *us);
    must(us != NULL && all > 0, "nothing was measured");
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < clients[i].count; j++) {
            us[at++] = clients[i].us[j];
        }
    }
    qsort(us, all, sizeof us[0], by_size);
    (void)printf(
        "{\"name\": \"sqlite\", \"clients\": %zu, "
        "\"requests_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n",
        count, (double)all / seconds, us[all / 2], us[all * 99 / 100]);
    free(us);
}

static void run_all(const char *path, uint64_t documents, size_t count, double seconds)
{
    static struct client clients[CLIENTS_MAX];
    const uint64_t began = clock_monotonic_ns();
    for (size_t i = 0; i < count; i++) {
        clients[i] = (struct client){
            .path = path,
            .documents = documents,
            .number = i,
            .us = calloc(SAMPLES_MAX, sizeof(double)),
        };
        must(
            clients[i].us != NULL &&
                pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) == 0,
            "no memory or no thread");
    }
    const struct timespec time = {
        (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&time, NULL);
    atomic_store(&over, true);
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(clients[i].thread, NULL);
    }
    print_result(clients, count, (double)(clock_monotonic_ns() - began) / 1e9);
    for (size_t i = 0; i < count; i++) {
        free(clients[i].us);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)puts(sqlite3_libversion());
        return 0;
    }
    if (argc != 5) {
        (void)fprintf(stderr, "usage: bench_sqlite FILE DOCUMENTS CLIENTS SECONDS\n");
        return 2;
    }
    const uint64_t documents = strtoull(argv[2], NULL, 10);
    const size_t clients = strtoul(argv[3], NULL, 10);
    const double seconds = strtod(argv[4], NULL);
    must(documents > 0 && clients > 0 && clients <= CLIENTS_MAX && seconds > 0, "wrong arguments");
    for (size_t i = 0; i < sizeof filler; i++) {
        filler[i] = (char)('0' + i % 10);
    }
    sqlite3 *db = open_file(argv[1]);
    if (!is_filled(db)) {
        fill(db, documents);
    }
    run_all(argv[1], documents, clients, seconds);
    must(sqlite3_close(db) == SQLITE_OK, "the file cannot be closed");
    return 0;
}
