/*
 * The log, as any bytes may be found in its files: torn, overwritten, hostile.
 *
 * The input is a run of pieces: flags, the page where it starts, its size in two bytes, and bytes.
 * Records are guarded by hashes that no mutation hits upon, so the flags say which of them are made
 * right: a piece is taken as header and rows, as docs/layout.md describes them.
 *
 * What must hold: recovery ends well or with an error of the store; only sealed rows come of it;
 * the time never goes back, and stays where it was on failure; and what was recovered once is not
 * found again.
 */
#include "store/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_BYTES = 4096,
    PAGES = 16,
    HEADER_BYTES = 48,
    PIECE_HEAD_BYTES = 4,
    LAST_TS = 1000, /* what the database has */
};

enum piece_flags {
    PIECE_IN_SECOND_FILE = 1,
    PIECE_MAGIC = 2,
    PIECE_SIZE = 4, /* of the rows: all the rest of the piece */
    PIECE_SEALS = 8,
    PIECE_ROWS_HASH = 16,
    PIECE_HEADER_HASH = 32,
    PIECE_GOES_ON = 64, /* of the first piece: after the recovery the log is written again */
};

static char folder[64];

static void remove_folder(void)
{
    static const char *const names[] = {"log.0", "log.1"};
    for (size_t i = 0; i < 2; i++) {
        char path[sizeof folder + 8];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

/* One folder for all runs, in memory if there is a place. */
static void make_folder(void)
{
    struct stat status;
    const bool in_memory = stat("/dev/shm", &status) == 0 && access("/dev/shm", W_OK) == 0;
    (void)snprintf(folder, sizeof folder, "%s/cordon-fuzz-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
    CORDON_ASSERT(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
}

/* -- Making records right -------------------------------------------------------------------- */

/* Seals the value of each row that fits, if that is asked for, and hashes as the log does. */
static uint64_t walk_rows(uint8_t *rows, size_t size, bool seals)
{
    uint64_t hash = 0;
    size_t at = 0;
    while (size - at >= BATCH_FRAME_BYTES) {
        uint8_t *frame = rows + at;
        const size_t key_bytes = layout_load32(frame);
        const size_t value_bytes = layout_load32(frame + 4);
        const size_t rest = size - at - BATCH_FRAME_BYTES;
        if (key_bytes > rest || value_bytes > rest - key_bytes || value_bytes < LAYOUT_SEAL_BYTES) {
            break;
        }
        uint8_t *value = frame + BATCH_FRAME_BYTES + key_bytes;
        if (seals) {
            const enum layout_kind kind = value[8] == 0 ? LAYOUT_TOMBSTONE : LAYOUT_LIVE;
            const uint64_t body = layout_seal_body(value, value_bytes, kind);
            layout_seal_key(value, slice_of(frame + BATCH_FRAME_BYTES, key_bytes), body);
        }
        uint8_t hashed[16];
        memcpy(hashed, frame, 8);
        memcpy(hashed + 8, value, 8);
        hash = hash_fast(slice_of(hashed, sizeof hashed), hash);
        at += BATCH_FRAME_BYTES + key_bytes + value_bytes;
    }
    return hash;
}

static void make_right(uint8_t *record, size_t size, unsigned flags, const uint8_t cluster_id[16])
{
    if (size < HEADER_BYTES) {
        return;
    }
    if ((flags & PIECE_MAGIC) != 0) {
        memcpy(record, "cordonJ1", 8);
    }
    if ((flags & PIECE_SIZE) != 0) {
        layout_store64(record + 24, size - HEADER_BYTES);
    }
    const bool seals = (flags & PIECE_SEALS) != 0;
    const uint64_t hash = walk_rows(record + HEADER_BYTES, size - HEADER_BYTES, seals);
    if ((flags & PIECE_ROWS_HASH) != 0) {
        layout_store64(record + 32, hash);
    }
    if ((flags & PIECE_HEADER_HASH) != 0) {
        const uint64_t seed = hash_fast(slice_of(cluster_id, 16), 0);
        layout_store64(record + 40, hash_fast(slice_of(record, 40), seed));
    }
}

/* -- Files ----------------------------------------------------------------------------------- */

/* Two files of one size at most, and where each ends. */
struct log_files {
    uint8_t bytes[2][PAGES * PAGE_BYTES];
    size_t size[2];
};

static void place(struct log_files *files, struct slice piece, const uint8_t cluster_id[16])
{
    const unsigned flags = piece.data[0];
    const unsigned file = flags & PIECE_IN_SECOND_FILE;
    const size_t at = (size_t)(piece.data[1] % PAGES) * PAGE_BYTES;
    const struct slice bytes = slice_from(piece, PIECE_HEAD_BYTES);
    const size_t room = sizeof files->bytes[file] - at;
    const size_t size = bytes.size < room ? bytes.size : room;
    if (size > 0) {
        memcpy(&files->bytes[file][at], bytes.data, size);
    }
    make_right(&files->bytes[file][at], size, flags, cluster_id);
    files->size[file] = at + size > files->size[file] ? at + size : files->size[file];
}

static void fill(struct log_files *files, struct slice input, const uint8_t cluster_id[16])
{
    while (input.size >= PIECE_HEAD_BYTES) {
        const size_t wanted = (size_t)input.data[2] << 8 | input.data[3];
        const size_t rest = input.size - PIECE_HEAD_BYTES;
        const size_t size = PIECE_HEAD_BYTES + (wanted < rest ? wanted : rest);
        place(files, slice_of(input.data, size), cluster_id);
        input = slice_from(input, size);
    }
}

static void write_files(const struct log_files *files)
{
    for (unsigned i = 0; i < 2; i++) {
        char path[sizeof folder + 8];
        (void)snprintf(path, sizeof path, "%s/log.%u", folder, i);
        const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        CORDON_ASSERT(fd >= 0);
        const ssize_t written = write(fd, files->bytes[i], files->size[i]);
        CORDON_ASSERT(written == (ssize_t)files->size[i] && close(fd) == 0);
    }
}

/* -- Recovering ------------------------------------------------------------------------------ */

static void must(cordon_error *error)
{
    CORDON_ASSERT(error == NULL);
}

/* Recovers into `kv` from `*ts` on, and commits what came of it, or nothing. */
static bool recover(struct kv *kv, const uint8_t cluster_id[16], uint64_t *ts)
{
    CORDON_CLEANUP(journal_closep) struct journal *journal = NULL;
    const uint64_t before = *ts;
    must(journal_open(folder, cluster_id, &journal));
    must(kv->ops->write_begin(kv));
    cordon_error *error = journal_recover(journal, kv, ts);
    if (error != NULL) {
        CORDON_ASSERT(cordon_error_get_code(error) == CORDON_E_STORE && *ts == before);
        cordon_error_free(error);
        kv->ops->write_abort(kv);
        return false;
    }
    CORDON_ASSERT(*ts >= before);
    must(kv->ops->write_commit(kv));
    return true;
}

/* How many rows there are; each is sealed. */
static size_t check_rows(struct kv *kv)
{
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    struct kv_row row = {0};
    bool found = false;
    size_t count = 0;
    must(kv->ops->reader_open(kv, &reader));
    must(reader->ops->seek(reader, SLICE("\0"), &found, &row));
    while (found) {
        enum layout_kind kind = LAYOUT_TOMBSTONE;
        struct slice body = {0};
        must(layout_open(row.key, row.value, &kind, &body));
        CORDON_ASSERT(row.key.size > LAYOUT_PREFIX_BYTES); /* the meta record is not the log's */
        CORDON_ASSERT(row.key.size <= LAYOUT_KEY_BYTES_MAX);
        count++;
        must(reader->ops->next(reader, &found, &row));
    }
    return count;
}

/* -- Going on ---------------------------------------------------------------------------------- */

/* Two commits onto the log, in two files: what the next recovery must find. */
static void append(const uint8_t cluster_id[16], uint64_t ts, struct slice body)
{
    CORDON_CLEANUP(journal_closep) struct journal *journal = NULL;
    struct audit_head head = {0};
    must(journal_open(folder, cluster_id, &journal));
    journal_start(journal, ts);
    for (uint64_t i = 1; i <= 2; i++) {
        CORDON_CLEANUP(batch_freep) struct batch *batch = NULL;
        uint8_t key[LAYOUT_PREFIX_BYTES + 1] = {0};
        key[LAYOUT_PREFIX_BYTES] = (uint8_t)i;
        must(batch_new(i, &batch));
        must(batch_add(batch, STAMP_VERSION, slice_of(key, sizeof key), LAYOUT_LIVE, &body, 1));
        batch_finish(batch, ts + i, &head);
        must(journal_claim(journal, batch));
        journal_take(journal, i == 1);
        must(journal_append(journal, batch, ts + i));
        CORDON_ASSERT(journal_bytes(journal) > 0);
        journal_switch(journal);
    }
    CORDON_ASSERT(journal_is_there(folder));
}

static void go_on(struct kv *kv, const uint8_t cluster_id[16], uint64_t ts, struct slice body)
{
    const size_t rows = check_rows(kv);
    append(cluster_id, ts, body);
    uint64_t reached = ts;
    CORDON_ASSERT(recover(kv, cluster_id, &reached) && reached == ts + 2);
    CORDON_ASSERT(check_rows(kv) >= rows); /* the two may have been there already */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t cluster_id[16] = "sixteen bytes...";
    static struct log_files files;
    CORDON_CLEANUP(kv_closep) struct kv *kv = NULL;
    uint64_t ts = LAST_TS;
    if (folder[0] == '\0') {
        make_folder();
    }
    memset(&files, 0, sizeof files);
    fill(&files, slice_of(data, size), cluster_id);
    write_files(&files);
    must(kv_open_memory(&kv));
    if (recover(kv, cluster_id, &ts)) {
        const size_t rows = check_rows(kv);
        const uint64_t reached = ts;
        CORDON_ASSERT(rows == 0 || reached > LAST_TS);
        CORDON_ASSERT(recover(kv, cluster_id, &ts) && ts == reached && check_rows(kv) == rows);
        if (size > 0 && (data[0] & PIECE_GOES_ON) != 0 && ts < UINT64_MAX - 2) {
            go_on(kv, cluster_id, ts, slice_of(data, size));
        }
    } else {
        CORDON_ASSERT(check_rows(kv) == 0);
    }
    return 0;
}
