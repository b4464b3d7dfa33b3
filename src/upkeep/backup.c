/*
 * Writing and reading backups; see backup.h. backup_restore.c makes folders of them.
 *
 * Why a backup is one moment, with everything in it that was answered before it began: an answer
 * waits until its commit is in the log. A record of the log is written over only when the data
 * file has it. The log is read first and the data file copied afterwards, so a commit that was
 * answered before is in the log as it was read, or it had left the log by then and the data file
 * has it. Records in order of time are a chain, and the copy of the data file ends at one of its
 * links, or behind it; so what the two hold together is every commit up to one, and none after.
 *
 * The data file is walked over before it is copied, because LMDB's copy trusts each page; and the
 * sums are made of what the file holds in the end.
 */
#include "upkeep/backup.h"

#include "base/clock.h"
#include "store/disk.h"
#include "store/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKUP_MAGIC "cordonBK"

enum {
    BACKUP_VERSION = 1,
    VERSION_AT = 8,
    FORMAT_AT = 12,
    CLUSTER_AT = 16,
    BEGUN_AT = 32,
    LAST_TS_AT = 40,
    LOG_BYTES_AT = 48,
    DATA_BYTES_AT = 56,
    SUM_AT = 64,
    HEAD_SUM_AT = SUM_AT + SHA256_BYTES,
};

static cordon_error *refused(const char *what, int code)
{
    return cordon_error_new(
        disk_is_full(code) ? CORDON_E_DISK_FULL : CORDON_E_SYSTEM, "%s the backup failed: %s%s",
        what, strerrordesc_np(code), disk_advice(code));
}

static void tell(
    const struct backup_progress *progress, const char *phase, uint64_t done, uint64_t total)
{
    if (progress != NULL && progress->tell != NULL) {
        progress->tell(progress->arg, phase, done, total);
    }
}

/* -- Sums ------------------------------------------------------------------------------------ */

/* SHA-256 of all that is behind the head. */
static cordon_error *sum_file(int fd, uint64_t bytes, uint8_t out_sum[SHA256_BYTES])
{
    void *map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return refused("reading", errno);
    }
    const struct slice behind = slice_from(slice_of(map, (size_t)bytes), BACKUP_HEAD_BYTES);
    hash_sha256(&behind, 1, out_sum);
    (void)munmap(map, (size_t)bytes);
    return NULL;
}

static void sum_head(const uint8_t *head, uint8_t out_sum[SHA256_BYTES])
{
    const struct slice before = slice_of(head, HEAD_SUM_AT);
    hash_sha256(&before, 1, out_sum);
}

/* -- Writing --------------------------------------------------------------------------------- */

struct writing {
    int fd;
    uint64_t at;
    uint64_t last_ts;
    const struct backup_progress *progress;
};

static cordon_error *write_at(int fd, struct slice bytes, uint64_t at)
{
    while (bytes.size > 0) {
        const ssize_t written = pwrite(fd, bytes.data, bytes.size, (off_t)at);
        if (written < 0 && errno != EINTR) {
            return refused("writing", errno);
        }
        if (written > 0) {
            bytes = slice_from(bytes, (size_t)written);
            at += (uint64_t)written;
        }
    }
    return NULL;
}

static cordon_error *begin_again(void *arg)
{
    struct writing *writing = arg;
    if (ftruncate(writing->fd, 0) != 0 || ftruncate(writing->fd, BACKUP_HEAD_BYTES) != 0) {
        return refused("writing", errno);
    }
    writing->at = BACKUP_HEAD_BYTES;
    writing->last_ts = 0;
    return NULL;
}

static cordon_error *write_record(void *arg, const struct journal_record *record)
{
    struct writing *writing = arg;
    TRY(write_at(writing->fd, record->bytes, writing->at));
    writing->at += journal_padded(record->bytes.size);
    writing->last_ts = record->ts;
    return NULL;
}

static cordon_error *refuse_damaged(void *arg, const struct verify_damage *damage)
{
    (void)arg;
    char name[VERIFY_NAME_BYTES] = "";
    if (damage->key.size > 0) {
        verify_name_row(damage->key, name);
    }
    return cordon_error_new(
        CORDON_E_STORE,
        "the data folder is damaged, and a backup of it would be, too: %s%s%s at byte %" PRIu64
        " of %s; `cordon verify` lists everything",
        name, name[0] == '\0' ? "" : ": ", damage->words, damage->offset, damage->file);
}

static void tell_rows(void *arg, uint64_t done, uint64_t total)
{
    tell(((const struct writing *)arg)->progress, "checking", done, total);
}

/* The data file, from the end of the log on. */
static cordon_error *copy_data(
    struct writing *writing, const struct snapshot *snapshot, struct backup_info *info)
{
    struct meta meta;
    struct stat file;
    TRY(snapshot_meta(snapshot, &meta));
    struct verify verify = {.arg = writing, .damage = refuse_damaged, .progress = tell_rows};
    TRY(verify_rows(&verify, snapshot, &meta));
    tell(writing->progress, "copying", 0, 0);
    if (ftruncate(writing->fd, (off_t)writing->at) != 0 ||
        lseek(writing->fd, (off_t)writing->at, SEEK_SET) < 0) {
        return refused("writing", errno);
    }
    TRY(kv_pin_copy(snapshot->pin, writing->fd));
    if (fstat(writing->fd, &file) != 0) {
        return refused("writing", errno);
    }
    info->format = meta.format;
    memcpy(info->cluster_id, meta.cluster_id, sizeof info->cluster_id);
    info->log_bytes = writing->at - BACKUP_HEAD_BYTES;
    info->data_bytes = (uint64_t)file.st_size - writing->at;
    info->bytes = (uint64_t)file.st_size;
    return NULL;
}

/* The copy may be newer than the snapshot that was checked. */
static cordon_error *find_last_ts(const struct writing *writing, struct backup_info *info)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot copy = {.fd = -1};
    struct meta meta;
    TRY(snapshot_of_file(writing->fd, writing->at, info->data_bytes, &copy));
    TRY(snapshot_meta(&copy, &meta));
    info->last_ts = meta.last_ts > writing->last_ts ? meta.last_ts : writing->last_ts;
    return NULL;
}

static cordon_error *write_head(int fd, const struct backup_info *info)
{
    uint8_t head[HEAD_SUM_AT + SHA256_BYTES] = {0};
    memcpy(head, BACKUP_MAGIC, sizeof BACKUP_MAGIC - 1);
    layout_store32(head + VERSION_AT, BACKUP_VERSION);
    layout_store32(head + FORMAT_AT, info->format);
    memcpy(head + CLUSTER_AT, info->cluster_id, sizeof info->cluster_id);
    layout_store64(head + BEGUN_AT, info->begun_ns);
    layout_store64(head + LAST_TS_AT, info->last_ts);
    layout_store64(head + LOG_BYTES_AT, info->log_bytes);
    layout_store64(head + DATA_BYTES_AT, info->data_bytes);
    TRY(sum_file(fd, info->bytes, head + SUM_AT));
    sum_head(head, head + HEAD_SUM_AT);
    TRY(write_at(fd, slice_of(head, sizeof head), 0));
    return fsync(fd) == 0 ? NULL : refused("syncing", errno);
}

cordon_error *backup_write(
    const char *folder,
    int fd,
    const struct backup_progress *progress,
    struct backup_info *out_info)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    struct backup_info info = {.begun_ns = clock_wall_ns()};
    struct writing writing = {.fd = fd, .progress = progress};
    unsigned unfinished = 0;
    TRY(verify_take_log(folder, begin_again, write_record, &writing, &unfinished, &snapshot));
    TRY(copy_data(&writing, &snapshot, &info));
    snapshot_done(&snapshot); /* a server's pages are kept from use no longer than they are read */
    tell(progress, "summing", 0, info.bytes);
    TRY(find_last_ts(&writing, &info));
    TRY(write_head(fd, &info));
    *out_info = info;
    return NULL;
}

/* -- Reading --------------------------------------------------------------------------------- */

static cordon_error *no_backup(const char *why)
{
    return cordon_error_new(
        CORDON_E_STORE, "the file is no whole backup: %s; take another one", why);
}

static cordon_error *read_head(int fd, uint8_t head[BACKUP_HEAD_BYTES], uint64_t *out_bytes)
{
    struct stat file;
    if (fstat(fd, &file) != 0) {
        return refused("reading", errno);
    }
    const ssize_t got = pread(fd, head, BACKUP_HEAD_BYTES, 0);
    if (got < 0) {
        return refused("reading", errno);
    }
    if (got < BACKUP_HEAD_BYTES || memcmp(head, BACKUP_MAGIC, sizeof BACKUP_MAGIC - 1) != 0) {
        return no_backup("it does not begin as one");
    }
    *out_bytes = (uint64_t)file.st_size;
    return NULL;
}

/* Versions are looked at first: a newer one may have its sums elsewhere. */
static cordon_error *check_head(const uint8_t *head)
{
    uint8_t sum[SHA256_BYTES];
    const uint32_t version = layout_load32(head + VERSION_AT);
    if (version != BACKUP_VERSION) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the backup is of version %u and this program reads version %d; restore it with the "
            "cordon that wrote it",
            version, BACKUP_VERSION);
    }
    sum_head(head, sum);
    return memcmp(sum, head + HEAD_SUM_AT, sizeof sum) == 0
               ? NULL
               : no_backup("the checksum of its head does not match");
}

cordon_error *backup_read(
    int fd, const struct backup_progress *progress, struct backup_info *out_info)
{
    uint8_t head[BACKUP_HEAD_BYTES];
    uint8_t sum[SHA256_BYTES];
    struct backup_info info = {0};
    TRY(read_head(fd, head, &info.bytes));
    TRY(check_head(head));
    info.format = layout_load32(head + FORMAT_AT);
    memcpy(info.cluster_id, head + CLUSTER_AT, sizeof info.cluster_id);
    info.begun_ns = layout_load64(head + BEGUN_AT);
    info.last_ts = layout_load64(head + LAST_TS_AT);
    info.log_bytes = layout_load64(head + LOG_BYTES_AT);
    info.data_bytes = layout_load64(head + DATA_BYTES_AT);
    const uint64_t behind = info.bytes - BACKUP_HEAD_BYTES;
    if (info.log_bytes > behind || info.data_bytes != behind - info.log_bytes ||
        info.data_bytes == 0) {
        return no_backup("it was cut short or went on growing");
    }
    tell(progress, "summing", 0, info.bytes);
    TRY(sum_file(fd, info.bytes, sum));
    if (memcmp(sum, head + SUM_AT, sizeof sum) != 0) {
        return no_backup("its checksum does not match, so that a byte of it has changed");
    }
    *out_info = info;
    return NULL;
}
