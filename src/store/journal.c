/*
 * The log. A record is a header of 48 bytes, rows, and zeros up to the next page of 4,096 bytes:
 *
 *     magic u64 ‖ previous ts u64 ‖ ts u64 ‖ rows' bytes u64 ‖ hash of the rows u64 ‖ hash of
 *     the header u64
 *
 * and each row is its key's size u32 ‖ its value's size u32 ‖ key ‖ value, as they go into LMDB.
 * Values are sealed by themselves, so the hash of the rows covers their sizes and checksums alone.
 *
 * Records are a chain by time: each names the timestamp where the one before it ended, in
 * whichever file. Reading looks for records at every page, so that what is left of older ones, or
 * a damaged one, hides nothing behind it; those that LMDB has are passed over, and the rest must
 * form the chain that begins at LMDB's own timestamp. A gap is damage, and named. Only the end of
 * the chain cannot be told from a write that was under way: a record cut off there is left out,
 * which is right, as no answer ever waited for less than its whole sync.
 *
 * A commit that somebody has seen cannot be refused any more, so its room in the file is claimed
 * before it is published: the file's blocks are allocated up to where the commit could end if it
 * became a record of its own. Commits that share a record leave some of that to the next.
 *
 * Allocated blocks are filled with zeros a good deal ahead of the records: on ext4 an fdatasync
 * that also has to record that a block is in use takes twice as long.
 */
#include "store/journal.h"

#include "base/advice.h"
#include "base/memory.h"
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAGIC 0x636f72646f6e4a31u /* "cordonJ1" */
#define GROW_BYTES ((uint64_t)256 << 10)
#define KEEP_BYTES ((uint64_t)16 << 20) /* a larger file is cut when the store is opened */

enum {
    PAGE_BYTES = 4096,
    HEADER_BYTES = 48,
    FILES = 2,
    VECTORS_MAX = 256,
};

struct journal_file {
    int fd;
    uint64_t written;   /* bytes whose blocks were written once; of who appends */
    uint64_t allocated; /* bytes whose blocks are the file's; under the commit lock */
};

/* What commits need that are visible, or about to be, and not taken yet; under the commit lock. */
struct claims {
    unsigned file;
    uint64_t begin; /* where they start in the file, at the latest */
    uint64_t bytes;
};

struct journal {
    struct journal_file files[FILES];
    struct claims claims;
    unsigned current;
    uint64_t at;  /* where the next record goes in the current file */
    uint64_t end; /* where it ends at the latest: what was claimed for it */
    uint64_t last_ts;
    uint64_t seed; /* of the headers' hashes: from the cluster's id */
    unsigned unfinished;
};

static const uint8_t zeros[16 * PAGE_BYTES];

static uint64_t round_up(uint64_t size, uint64_t step)
{
    return (size + step - 1) / step * step;
}

/* -- Life ------------------------------------------------------------------------------------ */

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    for (unsigned i = 0; i < FILES; i++) {
        if (journal->files[i].fd >= 0) {
            (void)close(journal->files[i].fd);
        }
    }
    mem_free(journal);
}

static cordon_error *refused(const char *what, int code)
{
    return cordon_error_new(
        CORDON_E_SYSTEM, "cannot %s the log of the data folder: %s%s", what, strerrordesc_np(code),
        disk_advice(code));
}

bool journal_is_there(const char *folder)
{
    for (unsigned i = 0; i < FILES; i++) {
        char path[PATH_MAX];
        struct stat info;
        const int size = snprintf(path, sizeof path, "%s/log.%u", folder, i);
        if (size < (int)sizeof path && stat(path, &info) == 0 && info.st_size > 0) {
            return true;
        }
    }
    return false;
}

static cordon_error *open_file(
    int folder_fd, unsigned number, bool to_write, struct journal_file *file)
{
    char name[16];
    struct stat info;
    (void)snprintf(name, sizeof name, "log.%u", number);
    file->fd = openat(folder_fd, name, (to_write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    if (file->fd < 0 && !to_write && errno == ENOENT) {
        return NULL;
    }
    if (file->fd < 0 || fstat(file->fd, &info) != 0) {
        return refused("open", errno);
    }
    file->written = round_up((uint64_t)info.st_size, PAGE_BYTES);
    return NULL;
}

static cordon_error *open_files(struct journal *journal, const char *folder, bool to_write)
{
    const int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0) {
        return refused("open", errno);
    }
    cordon_error *error = NULL;
    bool are_new = false;
    for (unsigned i = 0; i < FILES && error == NULL; i++) {
        error = open_file(folder_fd, i, to_write, &journal->files[i]);
        are_new = are_new || journal->files[i].written == 0;
    }
    /* The names of new files must survive a power cut before anything in them counts. */
    if (error == NULL && are_new && to_write && fsync(folder_fd) != 0) {
        error = refused("sync", errno);
    }
    (void)close(folder_fd);
    return error;
}

static cordon_error *open_journal(
    const char *folder, const uint8_t cluster_id[16], bool to_write, struct journal **out_journal)
{
    CORDON_CLEANUP(journal_closep) struct journal *journal = MEM_NEW(struct journal);
    if (journal == NULL) {
        return error_no_memory();
    }
    for (unsigned i = 0; i < FILES; i++) {
        journal->files[i].fd = -1;
    }
    journal->seed = hash_fast(slice_of(cluster_id, 16), 0);
    TRY(open_files(journal, folder, to_write));
    *out_journal = CORDON_TAKE(journal);
    return NULL;
}

cordon_error *journal_open(
    const char *folder, const uint8_t cluster_id[16], struct journal **out_journal)
{
    return open_journal(folder, cluster_id, true, out_journal);
}

cordon_error *journal_open_to_read(
    const char *folder, const uint8_t cluster_id[16], struct journal **out_journal)
{
    return open_journal(folder, cluster_id, false, out_journal);
}

/* A file may have holes, if it was copied. Where they cannot be filled now, claims try again. */
static void start_file(struct journal_file *file)
{
    /* A file that cannot be cut only keeps its size. */
    if (file->written > KEEP_BYTES && ftruncate(file->fd, (off_t)KEEP_BYTES) == 0) {
        file->written = KEEP_BYTES;
    }
    const uint64_t wanted = round_up(file->written, GROW_BYTES);
    file->allocated = disk_allocate(file->fd, 0, wanted) == 0 ? wanted : 0;
}

void journal_start(struct journal *journal, uint64_t last_ts)
{
    journal->current = 0;
    journal->at = 0;
    journal->end = 0;
    journal->claims = (struct claims){0};
    journal->last_ts = last_ts;
    for (unsigned i = 0; i < FILES; i++) {
        start_file(&journal->files[i]);
    }
}

uint64_t journal_bytes(const struct journal *journal)
{
    return journal->at;
}

void journal_switch(struct journal *journal)
{
    journal->current = (journal->current + 1) % FILES;
    journal->at = 0;
}

/* -- Room ------------------------------------------------------------------------------------ */

uint64_t journal_padded(uint64_t bytes)
{
    return round_up(bytes, PAGE_BYTES);
}

static uint64_t record_bytes(uint64_t rows_bytes)
{
    return journal_padded(HEADER_BYTES + rows_bytes);
}

static cordon_error *no_room(int code)
{
    if (!disk_is_full(code)) {
        return cordon_error_new(
            CORDON_E_STORE, "the log cannot grow: %s; nothing was written%s", strerrordesc_np(code),
            advice_on(code));
    }
    return cordon_error_new(
        CORDON_E_DISK_FULL,
        "the disk is full: %s; nothing was written, free some space and try again",
        strerrordesc_np(code));
}

cordon_error *journal_claim(struct journal *journal, const struct batch *batch)
{
    struct claims *claims = &journal->claims;
    struct journal_file *file = &journal->files[claims->file];
    const uint64_t bytes = record_bytes(batch->bytes + batch->count * BATCH_FRAME_BYTES);
    const uint64_t end = round_up(claims->begin + claims->bytes + bytes, GROW_BYTES);
    if (end > file->allocated) {
        const int code = disk_allocate(file->fd, file->allocated, end);
        if (code != 0) {
            return no_room(code);
        }
        file->allocated = end;
    }
    claims->bytes += bytes;
    return NULL;
}

void journal_take(struct journal *journal, bool turns)
{
    struct claims *claims = &journal->claims;
    journal->end = journal->at + claims->bytes;
    *claims = (struct claims){
        .file = turns ? (journal->current + 1) % FILES : journal->current,
        .begin = turns ? 0 : journal->end,
    };
}

/* -- Headers --------------------------------------------------------------------------------- */

struct header {
    uint64_t previous_ts;
    uint64_t ts;
    uint64_t rows_bytes;
    uint64_t rows_hash;
};

static void write_header(const struct journal *journal, const struct header *header, uint8_t *at)
{
    layout_store64(at, MAGIC);
    layout_store64(at + 8, header->previous_ts);
    layout_store64(at + 16, header->ts);
    layout_store64(at + 24, header->rows_bytes);
    layout_store64(at + 32, header->rows_hash);
    layout_store64(at + 40, hash_fast(slice_of(at, 40), journal->seed));
}

static bool read_header(const struct journal *journal, const uint8_t *at, struct header *out_header)
{
    if (layout_load64(at) != MAGIC ||
        layout_load64(at + 40) != hash_fast(slice_of(at, 40), journal->seed)) {
        return false;
    }
    *out_header = (struct header){
        .previous_ts = layout_load64(at + 8),
        .ts = layout_load64(at + 16),
        .rows_bytes = layout_load64(at + 24),
        .rows_hash = layout_load64(at + 32),
    };
    return true;
}

/* Takes one row into the hash: its sizes and the checksum that seals its value. */
static uint64_t hash_row(struct slice frame, size_t key_bytes, uint64_t hash)
{
    uint8_t bytes[16];
    memcpy(bytes, frame.data, BATCH_FRAME_BYTES);
    memcpy(bytes + BATCH_FRAME_BYTES, frame.data + BATCH_FRAME_BYTES + key_bytes, 8);
    return hash_fast(slice_of(bytes, sizeof bytes), hash);
}

/* -- Appending ------------------------------------------------------------------------------- */

/* A growing write at one place of a file, gathered from many pieces. */
struct gather {
    int fd;
    uint64_t at;
    struct iovec vectors[VECTORS_MAX];
    int count;
};

/* Writes what has been gathered, all of it. */
static cordon_error *gather_flush(struct gather *gather)
{
    int first = 0;
    while (first < gather->count) {
        const ssize_t written =
            pwritev(gather->fd, &gather->vectors[first], gather->count - first, (off_t)gather->at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            const int code = written == 0 ? EIO : errno;
            return cordon_error_new(
                CORDON_E_STORE, "writing the log failed: %s%s", strerrordesc_np(code),
                disk_advice(code));
        }
        gather->at += (uint64_t)written;
        size_t left = (size_t)written;
        while (first < gather->count && left >= gather->vectors[first].iov_len) {
            left -= gather->vectors[first].iov_len;
            first++;
        }
        if (first < gather->count) {
            struct iovec *part = &gather->vectors[first];
            part->iov_base = (uint8_t *)part->iov_base + left;
            part->iov_len -= left;
        }
    }
    gather->count = 0;
    return NULL;
}

static cordon_error *gather_add(struct gather *gather, struct slice bytes)
{
    if (bytes.size == 0) {
        return NULL;
    }
    if (gather->count == VECTORS_MAX) {
        TRY(gather_flush(gather));
    }
    gather->vectors[gather->count++] =
        (struct iovec){.iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.size};
    return NULL;
}

static cordon_error *gather_zeros(struct gather *gather, uint64_t size)
{
    while (size > 0) {
        const size_t part = size < sizeof zeros ? (size_t)size : sizeof zeros;
        TRY(gather_add(gather, slice_of(zeros, part)));
        size -= part;
    }
    return NULL;
}

static struct header describe(const struct journal *journal, const struct batch *chain, uint64_t ts)
{
    struct header header = {.previous_ts = journal->last_ts, .ts = ts};
    for (const struct batch *batch = chain; batch != NULL; batch = batch->next_unlogged) {
        for (const struct batch_row *row = batch->first; row != NULL; row = row->next) {
            const struct slice frame = batch_row_frame(row);
            header.rows_bytes += frame.size;
            header.rows_hash = hash_row(frame, row->node->key.size, header.rows_hash);
        }
    }
    return header;
}

static cordon_error *gather_record(
    struct gather *gather, struct slice header, const struct batch *chain)
{
    TRY(gather_add(gather, header));
    for (const struct batch *batch = chain; batch != NULL; batch = batch->next_unlogged) {
        for (const struct batch_row *row = batch->first; row != NULL; row = row->next) {
            TRY(gather_add(gather, batch_row_frame(row)));
        }
    }
    return NULL;
}

cordon_error *journal_append(struct journal *journal, const struct batch *chain, uint64_t ts)
{
    struct journal_file *file = &journal->files[journal->current];
    const struct header header = describe(journal, chain, ts);
    uint8_t header_bytes[HEADER_BYTES];
    write_header(journal, &header, header_bytes);
    const uint64_t size = HEADER_BYTES + header.rows_bytes;
    const uint64_t end = journal->at + record_bytes(header.rows_bytes);
    const uint64_t grown = end > file->written ? round_up(end, GROW_BYTES) : end;
    CORDON_ASSERT(end <= journal->end);

    struct gather gather = {.fd = file->fd, .at = journal->at};
    TRY(gather_record(&gather, slice_of(header_bytes, sizeof header_bytes), chain));
    TRY(gather_zeros(&gather, grown - journal->at - size));
    TRY(gather_flush(&gather));
    if (fdatasync(file->fd) != 0) {
        return cordon_error_new(
            CORDON_E_STORE, "syncing the log failed: %s%s", strerrordesc_np(errno),
            disk_advice(errno));
    }
    file->written = grown > file->written ? grown : file->written;
    journal->at = end;
    journal->last_ts = ts;
    return NULL;
}

/* -- Recovering ------------------------------------------------------------------------------ */

/* A record that LMDB does not have. */
struct found_record {
    struct header header;
    unsigned file;
    uint64_t at;
};

struct recovery {
    struct journal *journal;
    uint64_t last_ts;
    struct found_record *records;
    size_t count;
    size_t capacity;
};

static void recovery_done(struct recovery *recovery)
{
    mem_free(recovery->records);
}

static void bytes_freep(uint8_t **bytes)
{
    mem_free(*bytes);
}

/*
 * What is behind the file's end counts as zeros, as it will be when the file has grown: a record
 * that would be whole then is whole now.
 */
static cordon_error *read_at(int fd, uint8_t *bytes, size_t size, uint64_t at)
{
    while (size > 0) {
        const ssize_t got = pread(fd, bytes, size, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refused("read", errno);
        }
        if (got == 0) {
            memset(bytes, 0, size);
            return NULL;
        }
        bytes += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return NULL;
}

static cordon_error *add_record(struct recovery *recovery, const struct found_record *record)
{
    if (recovery->count == recovery->capacity) {
        const size_t capacity = recovery->capacity == 0 ? 64 : 2 * recovery->capacity;
        struct found_record *grown =
            mem_realloc(recovery->records, capacity * sizeof *recovery->records);
        if (grown == NULL) {
            return error_no_memory();
        }
        recovery->records = grown;
        recovery->capacity = capacity;
    }
    recovery->records[recovery->count++] = *record;
    return NULL;
}

bool journal_next_row(struct slice *rows, struct kv_row *out_row)
{
    if (rows->size < BATCH_FRAME_BYTES) {
        return false;
    }
    const size_t key_bytes = layout_load32(rows->data);
    const size_t value_bytes = layout_load32(rows->data + 4);
    const size_t rest = rows->size - BATCH_FRAME_BYTES;
    if (key_bytes > LAYOUT_KEY_BYTES_MAX || key_bytes <= LAYOUT_PREFIX_BYTES || key_bytes > rest ||
        value_bytes < LAYOUT_SEAL_BYTES || value_bytes > rest - key_bytes) {
        return false;
    }
    out_row->key = slice_of(rows->data + BATCH_FRAME_BYTES, key_bytes);
    out_row->value = slice_of(out_row->key.data + key_bytes, value_bytes);
    *rows = slice_from(*rows, BATCH_FRAME_BYTES + key_bytes + value_bytes);
    return true;
}

static bool is_sealed(const struct kv_row *row)
{
    enum layout_kind kind = LAYOUT_TOMBSTONE;
    struct slice body = {0};
    cordon_error *error = layout_open(row->key, row->value, &kind, &body);
    cordon_error_free(error);
    return error == NULL;
}

static bool rows_are_whole(const struct header *header, struct slice rows)
{
    uint64_t hash = 0;
    while (rows.size > 0) {
        const struct slice frame = rows;
        struct kv_row row;
        if (!journal_next_row(&rows, &row) || !is_sealed(&row)) {
            return false;
        }
        hash = hash_row(frame, row.key.size, hash);
    }
    return hash == header->rows_hash;
}

/* Header and rows; `*out_record` is in `*out_bytes`. */
static cordon_error *read_record(
    const struct journal *journal,
    const struct found_record *record,
    uint8_t **out_bytes,
    struct slice *out_record)
{
    const size_t size = HEADER_BYTES + (size_t)record->header.rows_bytes;
    CORDON_CLEANUP(bytes_freep) uint8_t *bytes = mem_realloc(NULL, size);
    if (bytes == NULL) {
        return error_no_memory();
    }
    TRY(read_at(journal->files[record->file].fd, bytes, size, record->at));
    *out_record = slice_of(bytes, size);
    *out_bytes = CORDON_TAKE(bytes);
    return NULL;
}

/* Looks at one page; `*at` moves past the record there, or past the page. */
static cordon_error *look_at_page(struct recovery *recovery, unsigned file, uint64_t *at)
{
    struct journal *journal = recovery->journal;
    const uint64_t room = journal->files[file].written - *at;
    uint8_t header_bytes[HEADER_BYTES];
    struct found_record record = {.file = file, .at = *at};
    TRY(read_at(journal->files[file].fd, header_bytes, sizeof header_bytes, *at));
    *at += PAGE_BYTES;
    if (!read_header(journal, header_bytes, &record.header)) {
        journal->unfinished += layout_load64(header_bytes) == MAGIC ? 1 : 0;
        return NULL;
    }
    if (record.header.ts <= recovery->last_ts) {
        return NULL;
    }
    journal->unfinished++;
    if (record.header.rows_bytes > room - HEADER_BYTES) {
        return NULL;
    }
    CORDON_CLEANUP(bytes_freep) uint8_t *bytes = NULL;
    struct slice whole = {0};
    TRY(read_record(journal, &record, &bytes, &whole));
    if (!rows_are_whole(&record.header, slice_from(whole, HEADER_BYTES))) {
        return NULL;
    }
    journal->unfinished--;
    *at = record.at + journal_padded(whole.size);
    return add_record(recovery, &record);
}

static cordon_error *find_records(struct recovery *recovery)
{
    for (unsigned file = 0; file < FILES; file++) {
        uint64_t at = 0;
        while (at < recovery->journal->files[file].written) {
            TRY(look_at_page(recovery, file, &at));
        }
    }
    return NULL;
}

static int compare_records(const void *a, const void *b)
{
    const uint64_t x = ((const struct found_record *)a)->header.ts;
    const uint64_t y = ((const struct found_record *)b)->header.ts;
    return (x > y) - (x < y);
}

static cordon_error *missing(uint64_t from, uint64_t to)
{
    return cordon_error_new(
        CORDON_E_STORE,
        "the log of the data folder is damaged: commits between %llu and %llu are missing; "
        "restore the data folder from a backup",
        (unsigned long long)from, (unsigned long long)to);
}

static cordon_error *check_chain(const struct recovery *recovery)
{
    uint64_t ts = recovery->last_ts;
    for (size_t i = 0; i < recovery->count; i++) {
        const struct header *header = &recovery->records[i].header;
        if (header->previous_ts != ts) {
            return missing(ts, header->previous_ts);
        }
        ts = header->ts;
    }
    return NULL;
}

unsigned journal_unfinished(const struct journal *journal)
{
    return journal->unfinished;
}

/* Who writes the log may have begun to write over a record since it was found. */
static cordon_error *visit_record(
    const struct recovery *recovery,
    const struct found_record *found,
    cordon_error *(*visit)(void *arg, const struct journal_record *record),
    void *arg)
{
    CORDON_CLEANUP(bytes_freep) uint8_t *bytes = NULL;
    struct slice whole = {0};
    struct header header;
    TRY(read_record(recovery->journal, found, &bytes, &whole));
    const struct slice rows = slice_from(whole, HEADER_BYTES);
    if (!read_header(recovery->journal, bytes, &header) || header.ts != found->header.ts ||
        !rows_are_whole(&found->header, rows)) {
        return missing(found->header.previous_ts, found->header.ts);
    }
    const struct journal_record record = {
        .previous_ts = header.previous_ts,
        .ts = header.ts,
        .file = found->file,
        .at = found->at,
        .bytes = whole,
        .rows = rows,
    };
    return visit(arg, &record);
}

cordon_error *journal_each(
    struct journal *journal,
    uint64_t *last_ts,
    cordon_error *(*visit)(void *arg, const struct journal_record *record),
    void *arg)
{
    CORDON_CLEANUP(recovery_done) struct recovery recovery = {
        .journal = journal, .last_ts = *last_ts};
    journal->unfinished = 0;
    TRY(find_records(&recovery));
    if (recovery.count == 0) {
        return NULL;
    }
    qsort(recovery.records, recovery.count, sizeof recovery.records[0], compare_records);
    TRY(check_chain(&recovery));
    for (size_t i = 0; i < recovery.count; i++) {
        TRY(visit_record(&recovery, &recovery.records[i], visit, arg));
    }
    *last_ts = recovery.records[recovery.count - 1].header.ts;
    return NULL;
}

static cordon_error *apply(void *arg, const struct journal_record *record)
{
    struct kv *kv = arg;
    struct slice rows = record->rows;
    struct kv_row row;
    while (journal_next_row(&rows, &row)) {
        TRY(kv->ops->write_put(kv, row.key, row.value));
    }
    return NULL;
}

cordon_error *journal_recover(struct journal *journal, struct kv *kv, uint64_t *last_ts)
{
    return journal_each(journal, last_ts, apply, kv);
}
