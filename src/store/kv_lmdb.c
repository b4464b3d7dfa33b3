/*
 * The embedded backend: one LMDB environment in a folder of its own. The only includer of lmdb.h.
 *
 * What is chosen, and why:
 * - One unnamed database, no DUPSORT: Debian's 0.9.24 has bugs there that later versions fixed.
 * - MDB_NOTLS: a read transaction belongs to whoever holds it, not to a thread. Readers are pooled
 *   with their cursor: renewing one costs a tenth of making it.
 * - No MDB_WRITEMAP: pages are written by write(2), so that a full disk is an error of the commit
 *   and not a SIGBUS, and a stray pointer cannot write into the data.
 * - No MDB_NOSYNC, NOMETASYNC, NOLOCK: a commit that returned is on the disk.
 * - The map is reserved once, huge: address space costs nothing, and growing would need all
 *   readers out.
 * - LMDB's file of readers is mapped for writing, so its blocks are allocated at opening: a new
 *   reader on a full disk would be a SIGBUS otherwise.
 * - LMDB writes the first pages of a new file without a sync, and takes what a power cut leaves of
 *   them for a foreign file. So the file is made under another name, synced, and renamed.
 * - A lock file of our own, by flock(2), beside LMDB's: two processes could share an environment,
 *   but not our write log and overlay. The file holds the process id for the message.
 */
#include "base/memory.h"
#include "store/disk.h"
#include "store/kv.h"
#include "store/map_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAP_BYTES_DEFAULT ((uint64_t)1 << 40)
#define PIN_BYTES_MORE ((uint64_t)16 << 30)
#define MAP_BYTES_STEP ((uint64_t)1 << 16) /* a multiple of every page size */
#define DATA_FILE "data.mdb"
#define NEW_FILE "new.mdb"
#define CUT_WRITES_MAX 3 /* one after the other, before a disk with room is given up */
#define READERS_MAX 1022 /* read transactions at one moment: threads inside a read */
#define PROBE_BYTES ((uint64_t)1 << 20) /* more than a write that was cut short leaves free */

struct lmdb_reader {
    struct kv_reader base;
    struct lmdb_kv *kv;
    struct lmdb_reader *next; /* in the pool */
    MDB_txn *txn;
    MDB_cursor *cursor;
};

struct lmdb_kv {
    struct kv base;
    MDB_env *env;
    MDB_dbi dbi;
    int folder_fd;
    int lock_fd;
    int data_fd;    /* never read, only asked for failed syncs */
    int readers_fd; /* open as long as the environment: closing it would drop LMDB's own locks */
    uint64_t map_bytes;
    size_t page_bytes;
    char *folder;
    const void *guarded; /* its map; NULL: not guarded */
    MDB_txn *batch;      /* of the one writer */
    unsigned cut_writes; /* since a batch was written; of the one writer */
    uint64_t file_bytes; /* the file has at least so many; of the one writer */
    pthread_mutex_t pool_lock;
    struct lmdb_reader *pool;
};

static MDB_val val_of(struct slice bytes)
{
    /* LMDB takes input through the same non-const struct as output; it does not write to it. */
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

/* Why a call of LMDB failed. Its own words speak of its inside and tell nobody what to do. */
static const char *reason_of(int code)
{
    switch (code) {
    case MDB_PANIC:
        return "a write to the data file failed before, so that nothing is done with it any more; "
               "see to the disk and start again";
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        return "the data file is damaged; restore it from a backup";
    case MDB_READERS_FULL:
        return "too many transactions read at one time; try again later";
    case MDB_MAP_RESIZED:
        return "another program has changed the data file; stop it and start again";
    default:
        break;
    }
    const char *words = code > 0 ? strerrordesc_np(code) : NULL;
    return words != NULL ? words : "the data file refused it; start again";
}

static cordon_error *failed_to(const char *what, int code)
{
    if (code == ENOMEM) {
        return error_no_memory();
    }
    return cordon_error_new(
        CORDON_E_STORE, "%s failed: %s%s", what, reason_of(code), disk_advice(code));
}

/* -- Reading --------------------------------------------------------------------------------- */

static struct lmdb_reader *pool_take(struct lmdb_kv *kv)
{
    (void)pthread_mutex_lock(&kv->pool_lock);
    struct lmdb_reader *reader = kv->pool;
    if (reader != NULL) {
        kv->pool = reader->next;
    }
    (void)pthread_mutex_unlock(&kv->pool_lock);
    return reader;
}

static void pool_give(struct lmdb_reader *reader)
{
    struct lmdb_kv *kv = reader->kv;
    (void)pthread_mutex_lock(&kv->pool_lock);
    reader->next = kv->pool;
    kv->pool = reader;
    (void)pthread_mutex_unlock(&kv->pool_lock);
}

static void reader_free(struct lmdb_reader *reader)
{
    if (reader->cursor != NULL) {
        mdb_cursor_close(reader->cursor);
    }
    if (reader->txn != NULL) {
        mdb_txn_abort(reader->txn);
    }
    mem_free(reader);
}

static void reader_freep(struct lmdb_reader **reader)
{
    if (*reader != NULL) {
        reader_free(*reader);
    }
}

static cordon_error *reader_make(struct lmdb_kv *kv, struct lmdb_reader **out_reader)
{
    CORDON_CLEANUP(reader_freep) struct lmdb_reader *reader = MEM_NEW(struct lmdb_reader);
    if (reader == NULL) {
        return error_no_memory();
    }
    reader->base.ops = kv->base.ops;
    reader->kv = kv;
    int code = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &reader->txn);
    if (code == 0) {
        code = mdb_cursor_open(reader->txn, kv->dbi, &reader->cursor);
    }
    if (code != 0) {
        return failed_to("opening a read transaction", code);
    }
    *out_reader = CORDON_TAKE(reader);
    return NULL;
}

static cordon_error *reader_open(struct kv *base, struct kv_reader **out_reader)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    CORDON_CLEANUP(reader_freep) struct lmdb_reader *reader = pool_take(kv);
    if (reader == NULL) {
        TRY(reader_make(kv, &reader));
    } else {
        int code = mdb_txn_renew(reader->txn);
        if (code == 0) {
            code = mdb_cursor_renew(reader->txn, reader->cursor);
        }
        if (code != 0) {
            return failed_to("renewing a read transaction", code);
        }
    }
    struct lmdb_reader *ready = CORDON_TAKE(reader);
    *out_reader = &ready->base;
    return NULL;
}

static void reader_close(struct kv_reader *base)
{
    struct lmdb_reader *reader = (struct lmdb_reader *)base;
    mdb_txn_reset(reader->txn);
    pool_give(reader);
}

static cordon_error *move(
    struct kv_reader *base, MDB_cursor_op op, bool *out_found, struct kv_row *out_row)
{
    MDB_val key = {0};
    MDB_val value = {0};
    const int code = mdb_cursor_get(((struct lmdb_reader *)base)->cursor, &key, &value, op);
    if (code != 0 && code != MDB_NOTFOUND) {
        return failed_to("reading the data file", code);
    }
    *out_found = code == 0;
    if (code == 0) {
        out_row->key = slice_of(key.mv_data, key.mv_size);
        out_row->value = slice_of(value.mv_data, value.mv_size);
    }
    return NULL;
}

static cordon_error *seek(
    struct kv_reader *base, struct slice from, bool *out_found, struct kv_row *out_row)
{
    MDB_val key = val_of(from);
    MDB_val value = {0};
    const int code =
        mdb_cursor_get(((struct lmdb_reader *)base)->cursor, &key, &value, MDB_SET_RANGE);
    if (code != 0 && code != MDB_NOTFOUND) {
        return failed_to("reading the data file", code);
    }
    *out_found = code == 0;
    if (code == 0) {
        out_row->key = slice_of(key.mv_data, key.mv_size);
        out_row->value = slice_of(value.mv_data, value.mv_size);
    }
    return NULL;
}

static cordon_error *seek_before(
    struct kv_reader *base, struct slice before, bool *out_found, struct kv_row *out_row)
{
    TRY(seek(base, before, out_found, out_row));
    return move(base, *out_found ? MDB_PREV : MDB_LAST, out_found, out_row);
}

static cordon_error *next(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    return move(base, MDB_NEXT, out_found, out_row);
}

static cordon_error *previous(struct kv_reader *base, bool *out_found, struct kv_row *out_row)
{
    return move(base, MDB_PREV, out_found, out_row);
}

/* -- Writing --------------------------------------------------------------------------------- */

/* What the disk has left. */
static uint64_t free_on_disk(const struct lmdb_kv *kv)
{
    struct statvfs disk;
    if (fstatvfs(kv->folder_fd, &disk) != 0) {
        return 0; /* a disk that cannot even say so is not one to write to */
    }
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

/* Why the data file cannot grow, or 0 if it can; found out by letting it, as it will need to. */
static int growth_code(const struct lmdb_kv *kv)
{
    mdb_filehandle_t fd = -1;
    struct stat file;
    if (mdb_env_get_fd(kv->env, &fd) != 0 || fstat(fd, &file) != 0) {
        return 0; /* not for lack of room, in any case */
    }
    if (fallocate(fd, 0, file.st_size, (off_t)PROBE_BYTES) == 0) {
        return 0;
    }
    if (disk_is_full(errno)) {
        return errno;
    }
    return free_on_disk(kv) < PROBE_BYTES ? ENOSPC : 0; /* a file system without that call */
}

/* Whether LMDB gave up, as its meta page may hold anything: then it only says so from now on. */
static bool is_given_up(const struct lmdb_kv *kv)
{
    MDB_txn *txn = NULL;
    const int code = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn);
    if (code == 0) {
        mdb_txn_abort(txn);
    }
    return code == MDB_PANIC;
}

/* Whether a sync of the data file failed: the kernel tells it to each descriptor once. */
static bool sync_failed(const struct lmdb_kv *kv)
{
    return fdatasync(kv->data_fd) != 0;
}

/*
 * Whatever part of a batch failed, but for the meta page, LMDB still has its old state, and a
 * batch writes all its pages again when it is repeated. So a full disk may be waited for. LMDB has
 * one code for a failed sync, after which nobody should rely on a disk, for a failed write, and
 * for a write that was cut short; by a disk that was full, it may be, and has room again.
 */
static bool may_be_repeated(struct lmdb_kv *kv, int code)
{
    if (is_given_up(kv)) {
        return false;
    }
    if (code == EIO && !sync_failed(kv)) {
        kv->cut_writes++;
        return kv->cut_writes < CUT_WRITES_MAX;
    }
    return disk_is_full(code);
}

static cordon_error *write_failed(struct lmdb_kv *kv, const char *what, int code)
{
    const int limit = code == EIO ? growth_code(kv) : 0;
    const int reason = limit != 0 ? limit : code;
    if (reason == ENOMEM && !is_given_up(kv) && !sync_failed(kv)) {
        return error_no_memory(); /* nothing that counts was written; a batch may be repeated */
    }
    if (reason == MDB_MAP_FULL) {
        return cordon_error_new(
            CORDON_E_DISK_FULL,
            "%s failed: the map of %llu MiB over the data file is full; start again with a larger "
            "one",
            what, (unsigned long long)(kv->map_bytes >> 20));
    }
    return cordon_error_new(
        may_be_repeated(kv, reason) ? CORDON_E_DISK_FULL : CORDON_E_STORE, "%s failed: %s%s", what,
        reason_of(reason), disk_advice(reason));
}

static cordon_error *write_begin(struct kv *base)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    int dead = 0;
    CORDON_ASSERT(kv->batch == NULL);
    /* Snapshots of other processes, such as a backup's, that were killed. */
    (void)mdb_reader_check(kv->env, &dead);
    const int code = mdb_txn_begin(kv->env, NULL, 0, &kv->batch);
    return code == 0 ? NULL : write_failed(kv, "beginning a write", code);
}

static cordon_error *write_put(struct kv *base, struct slice key, struct slice value)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    const int code = mdb_put(kv->batch, kv->dbi, &k, &v, 0);
    return code == 0 ? NULL : write_failed(kv, "writing a row", code);
}

static cordon_error *write_remove(struct kv *base, struct slice key)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    MDB_val k = val_of(key);
    const int code = mdb_del(kv->batch, kv->dbi, &k, NULL);
    return code == 0 || code == MDB_NOTFOUND ? NULL : write_failed(kv, "removing a row", code);
}

/*
 * Pages at the end that a transaction took and gave back again are never written, so that the file
 * may end before the last page that its meta page knows. It gets its length, or else a file that
 * was cut short could not be told from it. Where the process ends before this, or the disk does not
 * let the file grow, the check before opening looks at all of it (upkeep/check.c).
 */
static void keep_length(struct lmdb_kv *kv)
{
    MDB_envinfo info;
    struct stat file;
    mdb_filehandle_t fd = -1;
    if (mdb_env_info(kv->env, &info) != 0) {
        return;
    }
    const uint64_t needed = ((uint64_t)info.me_last_pgno + 1) * kv->page_bytes;
    if (needed <= kv->file_bytes || mdb_env_get_fd(kv->env, &fd) != 0 || fstat(fd, &file) != 0) {
        return;
    }
    const bool is_long = (uint64_t)file.st_size >= needed || ftruncate(fd, (off_t)needed) == 0;
    kv->file_bytes = is_long ? needed : kv->file_bytes;
}

static cordon_error *write_commit(struct kv *base)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    MDB_txn *batch = CORDON_TAKE(kv->batch);
    const int code = mdb_txn_commit(batch);
    if (code != 0) {
        return write_failed(kv, "writing to the disk", code);
    }
    keep_length(kv);
    kv->cut_writes = 0;
    return NULL;
}

static void write_abort(struct kv *base)
{
    MDB_txn *batch = CORDON_TAKE(((struct lmdb_kv *)base)->batch);
    if (batch != NULL) {
        mdb_txn_abort(batch);
    }
}

/* -- Readers elsewhere ------------------------------------------------------------------------ */

/* One line of the table of readers: process, thread and, if it reads, the snapshot. */
static int note_reader(const char *line, void *context)
{
    struct kv_elsewhere *oldest = context;
    char *behind_pid = NULL;
    char *behind_thread = NULL;
    char *behind = NULL;
    const unsigned long pid = strtoul(line, &behind_pid, 10);
    (void)strtoul(behind_pid, &behind_thread, 16);
    const unsigned long long snapshot = strtoull(behind_thread, &behind, 10);
    const bool reads = behind_pid != line && behind != behind_thread; /* else it is no number */
    if (reads && pid != (unsigned long)getpid() &&
        (oldest->pid == 0 || snapshot < oldest->snapshot)) {
        *oldest = (struct kv_elsewhere){.pid = (uint32_t)pid, .snapshot = snapshot};
    }
    return 0;
}

/* Of one that has ended nothing is told, whether there was a write since or not. */
static void pin_elsewhere(struct kv *base, struct kv_elsewhere *out_pin)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    int dead = 0;
    *out_pin = (struct kv_elsewhere){.pid = 0};
    (void)mdb_reader_check(kv->env, &dead);
    (void)mdb_reader_list(kv->env, note_reader, out_pin);
}

/* The lesser of what the disk and the reserved map have left. Pages free inside the file come on
 * top: the answer errs on the safe side. */
static uint64_t free_bytes(struct kv *base)
{
    const struct lmdb_kv *kv = (const struct lmdb_kv *)base;
    MDB_envinfo info;
    if (mdb_env_info(kv->env, &info) != 0) {
        return 0;
    }
    const uint64_t on_disk = free_on_disk(kv);
    const uint64_t used = ((uint64_t)info.me_last_pgno + 1) * kv->page_bytes;
    const uint64_t in_map = kv->map_bytes > used ? kv->map_bytes - used : 0;
    return on_disk < in_map ? on_disk : in_map;
}

/* -- Opening --------------------------------------------------------------------------------- */

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void close_kv(struct kv *base)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    write_abort(base);
    while (kv->pool != NULL) {
        struct lmdb_reader *reader = kv->pool;
        kv->pool = reader->next;
        reader_free(reader);
    }
    map_guard_remove(kv->guarded);
    if (kv->env != NULL) {
        mdb_env_close(kv->env);
    }
    mem_free(kv->folder);
    close_fd(kv->data_fd);
    close_fd(kv->readers_fd);
    close_fd(kv->lock_fd); /* lets the next process in */
    close_fd(kv->folder_fd);
    (void)pthread_mutex_destroy(&kv->pool_lock);
    mem_free(kv);
}

/* LMDB does not tell where its map is; but a row is in it. */
static cordon_error *guard(struct kv *base)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    CORDON_CLEANUP(kv_reader_closep) struct kv_reader *reader = NULL;
    struct kv_row row = {0};
    bool found = false;
    TRY(reader_open(base, &reader));
    TRY(move(reader, MDB_LAST, &found, &row));
    CORDON_ASSERT(found); /* the meta record at least */
    return map_guard_add(row.key.data, kv->folder, &kv->guarded);
}

static const struct kv_ops lmdb_ops = {
    .guard = guard,
    .reader_open = reader_open,
    .reader_close = reader_close,
    .seek = seek,
    .seek_before = seek_before,
    .next = next,
    .previous = previous,
    .write_begin = write_begin,
    .write_put = write_put,
    .write_remove = write_remove,
    .write_commit = write_commit,
    .write_abort = write_abort,
    .pin_elsewhere = pin_elsewhere,
    .free_bytes = free_bytes,
    .close = close_kv,
};

static cordon_error *refused(const char *what, const char *folder, int code)
{
    return cordon_error_new(
        CORDON_E_SYSTEM, "%s '%s': %s%s", what, folder, strerrordesc_np(code), disk_advice(code));
}

bool kv_is_there_lmdb(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_there = fd >= 0 && faccessat(fd, DATA_FILE, F_OK, 0) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_there;
}

static const char *folder_advice(int code)
{
    switch (code) {
    case ENOENT:
        return "; make the folder above it first, or choose another folder";
    case ENOTDIR:
        return "; a part of its path is a file: choose another folder";
    case ELOOP:
    case ENAMETOOLONG:
        return "; choose another folder";
    default:
        return disk_advice(code);
    }
}

static cordon_error *folder_refused(const char *what, const char *folder, int code)
{
    return cordon_error_new(
        CORDON_E_SYSTEM, "cannot %s the data folder '%s': %s%s", what, folder,
        strerrordesc_np(code), folder_advice(code));
}

/* A new folder is ours alone. One that was there keeps its mode: the files in it are 0600. */
static cordon_error *open_folder(struct lmdb_kv *kv, const char *folder)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return folder_refused("make", folder, errno);
    }
    kv->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (kv->folder_fd < 0) {
        return folder_refused("open", folder, errno);
    }
    return NULL;
}

static long read_owner(int fd)
{
    char text[32] = {0};
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    return got > 0 ? strtol(text, NULL, 10) : 0;
}

/* Who only wants to read can: a backup needs no lock. */
static cordon_error *refused_lock(const char *folder, int code)
{
    if (code != EROFS) {
        return refused("cannot lock the data folder", folder, code);
    }
    return cordon_error_new(
        CORDON_E_SYSTEM,
        "cannot lock the data folder '%s': the disk is read-only; make it writable and start "
        "again, or read a copy on another disk: `cordon backup --data %s FILE`, then `cordon "
        "restore --data COPY FILE`",
        folder, folder);
}

static cordon_error *take_lock(struct lmdb_kv *kv, const char *folder)
{
    kv->lock_fd = openat(kv->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (kv->lock_fd < 0) {
        return refused_lock(folder, errno);
    }
    if (flock(kv->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return refused("cannot lock the data folder", folder, errno);
        }
        return cordon_error_new(
            CORDON_E_STORE,
            "the data folder '%s' is in use by process %ld; stop that one or choose another folder",
            folder, read_owner(kv->lock_fd));
    }
    char text[32];
    const int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(kv->lock_fd, 0) != 0 || pwrite(kv->lock_fd, text, (size_t)size, 0) != size) {
        return refused("cannot write into the data folder", folder, errno);
    }
    return NULL;
}

/* What LMDB says at opening, in words that say what to do. */
static cordon_error *explain_open(int code, const char *folder, uint64_t map_bytes)
{
    if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH) {
        return cordon_error_new(
            CORDON_E_STORE,
            "'data.mdb' in the data folder '%s' is not a data file of this program; "
            "move it away or choose another folder",
            folder);
    }
    if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND) {
        return cordon_error_new(
            CORDON_E_STORE,
            "'data.mdb' in the data folder '%s' is damaged; restore it from a backup", folder);
    }
    if (code == ENOMEM) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "no address space for a map of %llu bytes over the data folder '%s'; "
            "raise the limit (ulimit -v) or set a smaller map",
            (unsigned long long)map_bytes, folder);
    }
    return code > 0 ? refused("cannot open the data file in", folder, code)
                    : failed_to("opening the data file", code);
}

/* A file cut short would be a SIGBUS at the first read past its end. */
static cordon_error *check_whole(struct lmdb_kv *kv, const char *folder)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    mdb_filehandle_t fd = -1;
    if (mdb_env_info(kv->env, &info) != 0 || mdb_env_stat(kv->env, &stat) != 0 ||
        mdb_env_get_fd(kv->env, &fd) != 0 || fstat(fd, &file) != 0) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the data file in '%s' cannot be examined; see to the disk and start again", folder);
    }
    kv->page_bytes = stat.ms_psize;
    const uint64_t needed = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
    if ((uint64_t)file.st_size < needed) {
        return cordon_error_new(
            CORDON_E_STORE,
            "'data.mdb' in the data folder '%s' ends at byte %lld of %llu; it was cut short: "
            "restore it from a backup",
            folder, (long long)file.st_size, (unsigned long long)needed);
    }
    return NULL;
}

/* An empty environment in a file, on the disk when this returns. */
static int make_env(const char *path)
{
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code != 0) {
        return code;
    }
    code = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
    if (code == 0) {
        code = mdb_env_sync(env, 1);
    }
    mdb_env_close(env);
    return code;
}

/*
 * LMDB takes an empty file for a new one. Ours has its name only once it holds something, so this
 * one held something, too.
 */
static cordon_error *lost(const char *folder)
{
    return cordon_error_new(
        CORDON_E_STORE,
        "'data.mdb' in the data folder '%s' is empty, and was not when it was made: restore it "
        "from a backup, or move the whole folder away to begin anew",
        folder);
}

/* Makes the data file, if there is none, whole or not at all. Its name is synced with the rest. */
static cordon_error *make_data_file(const struct lmdb_kv *kv, const char *folder)
{
    char path[PATH_MAX];
    struct stat file;
    if (fstatat(kv->folder_fd, DATA_FILE, &file, 0) == 0) {
        return file.st_size > 0 ? NULL : lost(folder);
    }
    if (errno != ENOENT) { /* or a file that is there would be replaced by an empty one */
        return refused("cannot examine the data file in", folder, errno);
    }
    if (snprintf(path, sizeof path, "%s/" NEW_FILE, folder) >= (int)sizeof path) {
        return refused("cannot make the data file in", folder, ENAMETOOLONG);
    }
    (void)unlinkat(kv->folder_fd, NEW_FILE, 0); /* what a power cut has left */
    int code = make_env(path);
    if (code == 0 && renameat(kv->folder_fd, NEW_FILE, kv->folder_fd, DATA_FILE) != 0) {
        code = errno;
    }
    return code == 0 ? NULL : explain_open(code, folder, kv->map_bytes);
}

static cordon_error *open_env(struct lmdb_kv *kv, const char *folder)
{
    int code = mdb_env_create(&kv->env);
    if (code == 0) {
        code = mdb_env_set_mapsize(kv->env, (size_t)kv->map_bytes);
    }
    if (code == 0) {
        code = mdb_env_set_maxreaders(kv->env, READERS_MAX);
    }
    if (code == 0) {
        code = mdb_env_open(kv->env, folder, MDB_NOTLS, 0600);
    }
    if (code != 0) {
        return explain_open(code, folder, kv->map_bytes);
    }
    return check_whole(kv, folder);
}

/* The files of the environment that are ours to know too. */
static cordon_error *open_files(struct lmdb_kv *kv, const char *folder)
{
    struct stat file;
    kv->data_fd = openat(kv->folder_fd, DATA_FILE, O_RDONLY | O_CLOEXEC);
    if (kv->data_fd < 0) {
        return refused("cannot open the data file in", folder, errno);
    }
    kv->readers_fd = openat(kv->folder_fd, "lock.mdb", O_RDWR | O_CLOEXEC);
    if (kv->readers_fd < 0 || fstat(kv->readers_fd, &file) != 0) {
        return refused("cannot open the file of readers in", folder, errno);
    }
    const int code = disk_allocate(kv->readers_fd, 0, (uint64_t)file.st_size);
    return code == 0 ? NULL : refused("cannot make room for the readers of", folder, code);
}

/* Opens the one database and says whether it holds nothing yet. */
static cordon_error *open_dbi(struct lmdb_kv *kv, bool *out_new)
{
    MDB_txn *txn = NULL;
    MDB_stat stat;
    int code = mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn);
    if (code != 0) {
        return failed_to("reading the data file", code);
    }
    code = mdb_dbi_open(txn, NULL, 0, &kv->dbi);
    if (code == 0) {
        code = mdb_stat(txn, kv->dbi, &stat);
    }
    /* Committed, not aborted, so that the handle lives on. */
    const int ended = mdb_txn_commit(txn);
    if (code != 0 || ended != 0) {
        return failed_to("reading the data file", code != 0 ? code : ended);
    }
    *out_new = stat.ms_entries == 0;
    return NULL;
}

static void kv_freep(struct lmdb_kv **kv)
{
    if (*kv != NULL) {
        close_kv(&(*kv)->base);
    }
}

cordon_error *kv_open_lmdb(
    const char *folder, uint64_t map_bytes, bool *out_new, struct kv **out_kv)
{
    CORDON_CLEANUP(kv_freep) struct lmdb_kv *kv = MEM_NEW(struct lmdb_kv);
    if (kv == NULL) {
        return error_no_memory();
    }
    kv->base.ops = &lmdb_ops;
    kv->folder_fd = -1;
    kv->lock_fd = -1;
    kv->data_fd = -1;
    kv->readers_fd = -1;
    kv->map_bytes = map_bytes == 0 ? MAP_BYTES_DEFAULT : map_bytes & ~(MAP_BYTES_STEP - 1);
    (void)pthread_mutex_init(&kv->pool_lock, NULL);
    kv->folder = mem_copy_string(slice_str(folder));
    if (kv->folder == NULL) {
        return error_no_memory();
    }
    TRY(open_folder(kv, folder));
    TRY(take_lock(kv, folder));
    TRY(make_data_file(kv, folder));
    TRY(open_env(kv, folder));
    TRY(open_files(kv, folder));
    TRY(open_dbi(kv, out_new));
    /* The names of the new files must survive a power cut too. */
    if (fsync(kv->folder_fd) != 0) {
        return refused("cannot sync the data folder", folder, errno);
    }
    struct lmdb_kv *ready = CORDON_TAKE(kv);
    *out_kv = &ready->base;
    return NULL;
}

/* -- Snapshots for another process ----------------------------------------------------------- */

struct kv_pin {
    MDB_env *env;
    MDB_txn *txn;
};

/* For the file and all that it may grow by while a snapshot of it is copied. */
static uint64_t pin_map_bytes(const char *folder)
{
    char path[PATH_MAX];
    struct stat file = {0};
    const int size = snprintf(path, sizeof path, "%s/" DATA_FILE, folder);
    const bool is_known = size < (int)sizeof path && stat(path, &file) == 0;
    const uint64_t bytes = is_known ? 4 * (uint64_t)file.st_size + PIN_BYTES_MORE : 0;
    return bytes & ~(MAP_BYTES_STEP - 1);
}

static cordon_error *open_pin(struct kv_pin *pin, const char *folder)
{
    const uint64_t map_bytes = pin_map_bytes(folder);
    int code = mdb_env_create(&pin->env);
    if (code == 0) {
        code = mdb_env_set_mapsize(pin->env, (size_t)map_bytes);
    }
    if (code == 0) {
        code = mdb_env_set_maxreaders(pin->env, READERS_MAX);
    }
    if (code == 0) {
        code = mdb_env_open(pin->env, folder, MDB_RDONLY | MDB_NOTLS, 0600);
    }
    if (code == 0) {
        code = mdb_txn_begin(pin->env, NULL, MDB_RDONLY, &pin->txn);
    }
    return code == 0 ? NULL : explain_open(code, folder, map_bytes);
}

cordon_error *kv_pin_open(const char *folder, struct kv_pin **out_pin)
{
    CORDON_CLEANUP(kv_pin_closep) struct kv_pin *pin = MEM_NEW(struct kv_pin);
    if (pin == NULL) {
        return error_no_memory();
    }
    TRY(open_pin(pin, folder));
    *out_pin = CORDON_TAKE(pin);
    return NULL;
}

uint64_t kv_pin_txn(const struct kv_pin *pin)
{
    return mdb_txn_id(pin->txn);
}

cordon_error *kv_pin_renew(struct kv_pin *pin)
{
    mdb_txn_reset(pin->txn);
    const int code = mdb_txn_renew(pin->txn);
    return code == 0 ? NULL : failed_to("renewing a read transaction", code);
}

cordon_error *kv_pin_copy(struct kv_pin *pin, int fd)
{
    const int code = mdb_env_copyfd2(pin->env, fd, MDB_CP_COMPACT);
    if (disk_is_full(code)) {
        return cordon_error_new(
            CORDON_E_DISK_FULL, "copying the data file failed: %s%s", reason_of(code),
            disk_advice(code));
    }
    return code == 0 ? NULL : failed_to("copying the data file", code);
}

void kv_pin_close(struct kv_pin *pin)
{
    if (pin == NULL) {
        return;
    }
    if (pin->txn != NULL) {
        mdb_txn_abort(pin->txn);
    }
    if (pin->env != NULL) {
        mdb_env_close(pin->env);
    }
    mem_free(pin);
}
