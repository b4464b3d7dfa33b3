/*
 * What the store's tests share: ways to make each store, and blocking calls over the ones that may
 * be pending. A failed call fails the test. Test threads cannot fail a test by cmocka's jumps, so
 * everything here stops the process with words instead.
 */
#ifndef CONTRACT_HARNESS_H
#define CONTRACT_HARNESS_H

#include "store/store.h"

#include <pthread.h>

/* Says what is wrong and stops the process. */
#define REQUIRE(condition) ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))
_Noreturn void require_failed(const char *what, const char *file, int line);

/* The same for an error. */
#define OK(expression) require_ok((expression), #expression, __FILE__, __LINE__)
void require_ok(cordon_error *error, const char *what, const char *file, int line);

/* Requires an error of this code whose words hold `words`, and frees it. */
void require_error(cordon_error *error, cordon_error_code code, const char *words);

/* -- Stores ---------------------------------------------------------------------------------- */

/* A folder of its own below $TMPDIR for a store; made by folder_make, removed with its files. */
struct folder {
    char path[256];
};
void folder_make(struct folder *folder);
void folder_remove(struct folder *folder);

/* One way to make a store. */
struct backend_maker {
    const char *name;
    bool lmdb;
    bool program; /* over functions of a program */
    bool flusher_thread;
    int delay_ms; /* -1: no delaying wrapper */
};

extern const struct backend_maker backend_makers[];
extern const size_t backend_maker_count;

/* A program's store, over a map in memory: its functions, and what they are given. */
extern const cordon_store_functions program_functions;
void *program_map_new(void); /* freed by their close */

struct world {
    const struct backend_maker *maker;
    struct folder folder;
    struct store_options options;
    struct store *store;
};

/* Options by default; a test may change `options` and call world_reopen. */
void world_open(struct world *world, const struct backend_maker *maker);
void world_reopen(struct world *world);
void world_close(struct world *world);

/* -- Clients --------------------------------------------------------------------------------- */

/* A transaction and the means to wait for it. Does not move while it is open. */
struct client {
    struct store *store;
    struct store_txn *txn;
    pthread_mutex_t lock;
    pthread_cond_t rung;
    unsigned rings;   /* wakes so far */
    unsigned pending; /* pending answers so far */
};

void client_begin(struct client *client, struct store *store, uint32_t tenant);
void client_end(struct client *client);

/* The same on a snapshot that is held; after an error there is nothing to end. */
cordon_error *client_begin_held(
    struct client *client, struct store *store, uint32_t tenant, uint64_t snapshot);

/* Waits for the wake that belongs to the last pending answer. */
void client_wait(struct client *client);

/* Commits with an audit body (NULL for none) and ends. */
struct store_commit_result client_commit(struct client *client, const char *audit_body);
struct store_commit_result client_commit_keep(struct client *client, const char *audit_body);

uint32_t client_table(struct client *client, const char *name);
bool client_find(struct client *client, const char *name, uint32_t *out_table);

/* The document with number n, or an error; NULL and false if it is missing. */
struct store_id doc_id(uint32_t table, uint64_t n);
cordon_error *client_try_get(
    struct client *client, const struct store_id *id, bool *out_found, struct slice *out_body);
/* Requires that document n holds `text`, or is missing if NULL. */
void client_expect(struct client *client, uint32_t table, uint64_t n, const char *text);
bool client_has(struct client *client, uint32_t table, uint64_t n);
void client_put(
    struct client *client, uint32_t table, uint64_t n, double creation_time, const char *text);
void client_remove(struct client *client, uint32_t table, uint64_t n, double creation_time);

/* Writes document n in a commit of its own. */
void world_put(
    struct world *world,
    uint32_t tenant,
    uint32_t table,
    uint64_t n,
    double creation_time,
    const char *text);

/* The next document of a scan. */
bool client_next(struct client *client, struct store_scan *scan, struct slice *out_body);
/* Requires that a scan gives exactly these texts, separated by blanks, and ends. */
void client_expect_scan(
    struct client *client, uint32_t table, enum store_order order, const char *texts);

bool client_row_get(
    struct client *client, enum store_keyspace keyspace, struct slice key, struct slice *out_value);
bool client_row_next(
    struct client *client,
    enum store_keyspace keyspace,
    struct slice from,
    bool after,
    struct slice *out_key,
    struct slice *out_value);
bool client_audit(struct client *client, uint64_t sequence, struct audit_record *out_record);

#endif
