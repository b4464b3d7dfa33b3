/* Durable commits, to be measured; see commits.h. */
#include "commits.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAP_BYTES ((size_t)64 << 30)

uint8_t commits_filler[FILLER_BYTES];
static struct random_stream ids;
static double next_time = 1.0;

void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "%s: %s failed\n", program_invocation_short_name, what);
        exit(1);
    }
}

void must_ok(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(
            stderr, "%s: %s\n", program_invocation_short_name, cordon_error_get_message(error));
        exit(1);
    }
}

void commits_seed(const uint8_t seed[RANDOM_SEED_BYTES])
{
    random_stream_init(&ids, seed, 0);
}

double commits_next_time(void)
{
    return next_time++;
}

struct store_id commits_new_id(double creation_time)
{
    uint8_t random[DOCUMENT_ID_RANDOM_BYTES];
    random_stream_fill(&ids, random, sizeof random);
    const struct document_id id = document_id_new(10001, creation_time, random);
    return store_id_of(&id);
}

/* -- Bare LMDB ------------------------------------------------------------------------------- */

static void bare_put(struct bare *bare, MDB_txn *txn, const struct layout_key *key, size_t size)
{
    MDB_val k = {.mv_size = key->size, .mv_data = (void *)(uintptr_t)key->bytes};
    MDB_val v = {.mv_size = size, .mv_data = commits_filler};
    must(mdb_put(txn, bare->dbi, &k, &v, 0) == 0, "mdb_put");
}

/* One commit of so many inserted documents: document and index entry of each, so many audit
 * records, and the meta record. */
static void put_all(struct bare *bare, size_t documents, size_t audits)
{
    MDB_txn *txn = NULL;
    struct layout_key key;
    must(mdb_txn_begin(bare->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    for (size_t i = 0; i < documents; i++) {
        const double time = commits_next_time();
        const struct store_id id = commits_new_id(time);
        bare->sequence++;
        layout_document(&key, 1, &id);
        layout_append_ts(&key, bare->sequence);
        bare_put(bare, txn, &key, LAYOUT_SEAL_BYTES + LAYOUT_TIME_BYTES + BODY_BYTES);
        layout_entry(&key, 1, &id, 0, (struct slice){0}, time);
        layout_append_ts(&key, bare->sequence);
        bare_put(bare, txn, &key, LAYOUT_SEAL_BYTES);
        if (i < audits) {
            layout_audit(&key, 1, bare->sequence);
            bare_put(bare, txn, &key, sizeof commits_filler);
        }
    }
    layout_meta(&key);
    bare_put(bare, txn, &key, LAYOUT_SEAL_BYTES + 36);
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
}

void bare_commit(struct bare *bare, size_t documents)
{
    put_all(bare, documents, documents);
}

void bare_load(struct bare *bare, size_t documents)
{
    must(mdb_env_set_flags(bare->env, MDB_NOSYNC, 1) == 0, "flags");
    for (size_t done = 0; done < documents; done += LOAD_GROUP) {
        put_all(bare, LOAD_GROUP, 1);
    }
    must(mdb_env_sync(bare->env, 1) == 0, "mdb_env_sync");
    must(mdb_env_set_flags(bare->env, MDB_NOSYNC, bare->never_syncs) == 0, "flags");
}

void bare_open(struct bare *bare, const char *folder, bool never_syncs, size_t documents)
{
    const bool is_new = mkdir(folder, 0700) == 0;
    must(is_new || errno == EEXIST, "mkdir");
    *bare = (struct bare){.sequence = clock_monotonic_ns(), .never_syncs = never_syncs};
    must(mdb_env_create(&bare->env) == 0, "mdb_env_create");
    must(mdb_env_set_mapsize(bare->env, MAP_BYTES) == 0, "mdb_env_set_mapsize");
    must(mdb_env_open(bare->env, folder, MDB_NOTLS, 0600) == 0, "mdb_env_open");
    MDB_txn *txn = NULL;
    must(mdb_txn_begin(bare->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    must(mdb_dbi_open(txn, NULL, 0, &bare->dbi) == 0, "mdb_dbi_open");
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
    bare_load(bare, is_new ? documents : 0);
}

void bare_close(struct bare *bare)
{
    mdb_env_close(bare->env);
}

/* -- The store ------------------------------------------------------------------------------- */

static void ring(void *arg)
{
    struct crowd_client *client = arg;
    struct crowd *crowd = client->crowd;
    (void)pthread_mutex_lock(&crowd->lock);
    client->next = crowd->ready;
    crowd->ready = client;
    (void)pthread_cond_signal(&crowd->rung);
    (void)pthread_mutex_unlock(&crowd->lock);
}

static void put_document(struct store_txn *txn)
{
    const double time = commits_next_time();
    const struct store_id id = commits_new_id(time);
    must_ok(store_put(txn, &id, time, slice_of(commits_filler, BODY_BYTES)));
}

static void make_table(struct store_txn *txn)
{
    enum store_step step = STORE_PENDING;
    uint32_t table = 0;
    must_ok(store_table_ensure(txn, SLICE("bench"), &step, &table));
    must(step == STORE_DONE && table == 10001, "making the table");
}

enum store_step crowd_commit(struct crowd_client *client)
{
    const struct store_commit_facts facts = {.audit_body = slice_of(commits_filler, AUDIT_BYTES)};
    struct store_commit_result result = {0};
    enum store_step step = STORE_PENDING;
    must_ok(store_commit(client->txn, &facts, &step, &result));
    must(!result.conflict, "committing without a conflict");
    return step;
}

void crowd_begin_empty(struct crowd_client *client)
{
    must_ok(store_begin(client->crowd->store, 1, (struct store_wake){ring, client}, &client->txn));
}

void crowd_begin(struct crowd_client *client)
{
    crowd_begin_empty(client);
    put_document(client->txn);
}

struct crowd_client *crowd_wait(struct crowd *crowd)
{
    (void)pthread_mutex_lock(&crowd->lock);
    while (crowd->ready == NULL) {
        (void)pthread_cond_wait(&crowd->rung, &crowd->lock);
    }
    struct crowd_client *client = crowd->ready;
    crowd->ready = client->next;
    (void)pthread_mutex_unlock(&crowd->lock);
    return client;
}

void crowd_drive(struct crowd *crowd, size_t clients, size_t commits)
{
    static struct crowd_client all[CLIENTS];
    size_t begun = 0;
    size_t done = 0;
    for (; begun < clients && begun < commits; begun++) {
        all[begun] = (struct crowd_client){.crowd = crowd};
        crowd_begin(&all[begun]);
        if (crowd_commit(&all[begun]) == STORE_DONE) {
            ring(&all[begun]);
        }
    }
    while (done < commits) {
        struct crowd_client *client = crowd_wait(crowd);
        if (crowd_commit(client) == STORE_PENDING) {
            continue;
        }
        store_end(&client->txn);
        done++;
        if (begun < commits) {
            begun++;
            crowd_begin(client);
            if (crowd_commit(client) == STORE_DONE) {
                ring(client);
            }
        }
    }
}

void crowd_load(struct crowd *crowd, size_t documents)
{
    struct crowd_client client = {.crowd = crowd};
    for (size_t done = 0; done < documents; done += LOAD_GROUP) {
        crowd_begin(&client);
        if (done == 0) {
            make_table(client.txn);
        }
        for (size_t i = 1; i < LOAD_GROUP; i++) {
            put_document(client.txn);
        }
        while (crowd_commit(&client) == STORE_PENDING) {
            (void)crowd_wait(crowd);
        }
        store_end(&client.txn);
    }
}

void crowd_open(struct crowd *crowd, const char *folder, bool flusher_thread, size_t documents)
{
    const struct store_options options = {.flusher_thread = flusher_thread, .map_bytes = MAP_BYTES};
    *crowd = (struct crowd){0};
    (void)pthread_mutex_init(&crowd->lock, NULL);
    (void)pthread_cond_init(&crowd->rung, NULL);
    if (folder == NULL) {
        must_ok(store_open_memory(&options, &crowd->store));
    } else {
        must_ok(store_open_lmdb(folder, &options, &crowd->store));
    }
    crowd_load(crowd, documents);
}

void crowd_close(struct crowd *crowd)
{
    store_close(crowd->store);
    (void)pthread_mutex_destroy(&crowd->lock);
    (void)pthread_cond_destroy(&crowd->rung);
}
