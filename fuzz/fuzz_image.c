/*
 * The data file, as any bytes may be found in it. A sound one is made at the start, with documents,
 * an index, long values and free pages; the input is pokes into it, of four bytes each: a place in
 * three bytes, and the bits that are turned there. From `NO_PLACE` on a place cuts the file.
 *
 * What must hold: verifying ends, and reads nothing outside of the bytes; and what it tells sound
 * gives out the very rows that were there, one after the other and each by its key.
 */
#include "store/layout.h"
#include "store/store.h"
#include "upkeep/verify.h"
#include "value/row.h"

#include "base/hash.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TENANT = 7, DOCUMENTS = 60, POKE_BYTES = 4, NO_PLACE = 0xff0000, ROW_BYTES = 6000 };

static uint8_t *sound;
static size_t sound_bytes;
static uint64_t sound_rows; /* a hash of all */

static void require_ok(cordon_error *error)
{
    if (error != NULL) {
        (void)fprintf(stderr, "%s\n", cordon_error_get_message(error));
    }
    CORDON_ASSERT(error == NULL);
}

/* -- The sound file -------------------------------------------------------------------------- */

static void wake_nobody(void *arg)
{
    (void)arg;
}

static struct store_txn *begin(struct store *store)
{
    struct store_txn *txn = NULL;
    require_ok(store_begin(store, TENANT, (struct store_wake){.call = wake_nobody}, &txn));
    return txn;
}

static void commit(struct store_txn *txn)
{
    const struct store_commit_facts facts = {.audit_body = SLICE("{}")};
    struct store_commit_result result = {0};
    enum store_step step = STORE_PENDING;
    require_ok(store_commit(txn, &facts, &step, &result));
    CORDON_ASSERT(step == STORE_DONE && !result.conflict);
    store_end(&txn);
}

static void put_index(struct store *store, uint32_t *out_table)
{
    const struct store_index by_n = {
        .name = SLICE("by_n"), .fields = {SLICE("n")}, .field_count = 1};
    enum store_step step = STORE_PENDING;
    struct store_txn *txn = begin(store);
    require_ok(store_table_ensure(txn, SLICE("things"), &step, out_table));
    require_ok(store_indexes_put(txn, *out_table, &by_n, 1, &step));
    commit(txn);
}

static void put_document(struct store *store, uint32_t table, int n)
{
    static const uint8_t head[ROW_HEADER_BYTES] = {ROW_FORMAT, 20};
    char row[ROW_BYTES];
    struct store_id id = {.table = table, .internal = {(uint8_t)n}};
    memcpy(row, head, sizeof head);
    const int size = snprintf(
        row + sizeof head, sizeof row - sizeof head, "{\"n\":%d,\"text\":\"%0*d\"}", n % 9,
        n % 20 == 3 ? 5000 : 1 + n, n);
    struct store_txn *txn = begin(store);
    require_ok(store_put(txn, &id, n, slice_of((const uint8_t *)row, sizeof head + (size_t)size)));
    commit(txn);
}

static void fill(const char *folder)
{
    const struct store_options options = {.map_bytes = (uint64_t)1 << 28, .disk_reserve_bytes = 1};
    struct store *store = NULL;
    uint32_t table = 0;
    require_ok(store_open_lmdb(folder, &options, &store));
    put_index(store, &table);
    for (int n = 0; n < DOCUMENTS; n++) {
        put_document(store, table, n);
    }
    store_close(store);
}

static void read_sound(const char *path)
{
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    CORDON_ASSERT(fd >= 0 && fstat(fd, &info) == 0);
    sound_bytes = (size_t)info.st_size;
    CORDON_ASSERT(sound_bytes < NO_PLACE);
    sound = mem_new(sound_bytes);
    CORDON_ASSERT(sound != NULL && read(fd, sound, sound_bytes) == (ssize_t)sound_bytes);
    (void)close(fd);
}

/* -- Checking -------------------------------------------------------------------------------- */

/* How many rows there are from the end to the start. */
static uint64_t walk_back(struct kv_reader *reader)
{
    uint8_t last[LAYOUT_KEY_BYTES_MAX];
    struct kv_row row = {0};
    bool found = false;
    uint64_t rows = 0;
    memset(last, 0xff, sizeof last);
    require_ok(reader->ops->seek_before(reader, slice_of(last, sizeof last), &found, &row));
    while (found) {
        rows++;
        require_ok(reader->ops->previous(reader, &found, &row));
    }
    return rows;
}

/* Every row, and each is found by its key; and back again. */
static uint64_t hash_rows(struct kv *kv)
{
    struct kv_reader *walker = NULL;
    struct kv_reader *seeker = NULL;
    struct kv_row row = {0};
    bool found = false;
    uint64_t hash = 0;
    uint64_t rows = 0;
    require_ok(kv->ops->reader_open(kv, &walker));
    require_ok(kv->ops->reader_open(kv, &seeker));
    require_ok(walker->ops->seek(walker, SLICE("\0"), &found, &row));
    while (found) {
        struct kv_row again = {0};
        rows++;
        hash = hash_fast(row.value, hash_fast(row.key, hash));
        require_ok(seeker->ops->seek(seeker, row.key, &found, &again));
        CORDON_ASSERT(found && again.key.data == row.key.data);
        require_ok(walker->ops->next(walker, &found, &row));
    }
    const uint64_t backwards = walk_back(walker);
    CORDON_ASSERT(backwards == rows);
    kv_reader_closep(&walker);
    kv_reader_closep(&seeker);
    return hash;
}

static cordon_error *count(void *arg, const struct verify_damage *damage)
{
    char name[VERIFY_NAME_BYTES];
    (void)arg;
    if (damage->key.size > 0) {
        verify_name_row(damage->key, name);
    }
    return NULL;
}

/* False if anything is wrong with the bytes; else what rows they have. */
static bool check(struct slice bytes, uint64_t *out_rows)
{
    struct snapshot snapshot = {.fd = -1};
    struct verify verify = {.damage = count};
    cordon_error *error = image_read(bytes, IMAGE_NEWEST, &snapshot.image);
    if (error != NULL) {
        CORDON_ASSERT(cordon_error_get_code(error) == CORDON_E_STORE);
        cordon_error_free(error);
        return false;
    }
    cordon_error_free(image_sample(&snapshot.image, 4, 1));
    require_ok(kv_open_image(&snapshot.image, &snapshot.kv));
    require_ok(verify_snapshot(&verify, &snapshot));
    const bool is_sound = verify.counts.damages == 0;
    if (is_sound) {
        *out_rows = hash_rows(snapshot.kv);
    }
    snapshot_done(&snapshot);
    return is_sound;
}

static void make_sound(void)
{
    char folder[64];
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", "log.0", "log.1"};
    const bool in_memory = access("/dev/shm", W_OK) == 0;
    (void)snprintf(folder, sizeof folder, "%s/cordon-fuzz-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
    CORDON_ASSERT(mkdtemp(folder) != NULL);
    fill(folder);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[sizeof folder + 16];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (i == 0) {
            read_sound(path);
        }
        (void)unlink(path);
    }
    (void)rmdir(folder);
    CORDON_ASSERT(check(slice_of(sound, sound_bytes), &sound_rows));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sound == NULL) {
        make_sound();
    }
    size_t bytes = sound_bytes;
    uint64_t rows = 0;
    uint8_t *poked = mem_new(sound_bytes);
    CORDON_ASSERT(poked != NULL);
    memcpy(poked, sound, sound_bytes);
    for (size_t i = 0; size - i >= POKE_BYTES; i += POKE_BYTES) {
        const size_t place = (size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | (size_t)data[i + 2];
        if (place >= NO_PLACE) {
            bytes = (place - NO_PLACE) % (sound_bytes + 1);
        } else {
            poked[place % sound_bytes] ^= data[i + 3];
        }
    }
    /* A copy of its own size, so that the sanitizer sees the first byte behind it. */
    uint8_t *exact = mem_new(bytes == 0 ? 1 : bytes);
    CORDON_ASSERT(exact != NULL);
    memcpy(exact, poked, bytes);
    if (check(slice_of(exact, bytes), &rows)) {
        CORDON_ASSERT(rows == sound_rows);
    }
    mem_free(exact);
    mem_free(poked);
    return 0;
}
