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
 * - A lock file of our own, by flock(2), beside LMDB's: two processes could share an environment,
 *   but not our write log and overlay. The file holds the process id for the message.
 */
#include "base/memory.h"
#include "store/kv.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAP_BYTES_DEFAULT ((uint64_t)1 << 40)
#define MAP_BYTES_STEP ((uint64_t)1 << 16) /* a multiple of every page size */
#define READERS_MAX 1022 /* read transactions at one moment: threads inside a read */

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
    uint64_t map_bytes;
    size_t page_bytes;
    MDB_txn *batch; /* of the one writer */
    pthread_mutex_t pool_lock;
    struct lmdb_reader *pool;
};

static MDB_val val_of(struct slice bytes)
{
    /* LMDB takes input through the same non-const struct as output; it does not write to it. */
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

/* LMDB's own words, kept to its codes: they name no path and no content. */
static cordon_error *failed_to(const char *what, int code)
{
    return cordon_error_new(CORDON_E_STORE, "%s failed: %s", what, mdb_strerror(code));
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

static cordon_error *write_begin(struct kv *base)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    CORDON_ASSERT(kv->batch == NULL);
    const int code = mdb_txn_begin(kv->env, NULL, 0, &kv->batch);
    return code == 0 ? NULL : failed_to("beginning a write", code);
}

static cordon_error *write_put(struct kv *base, struct slice key, struct slice value)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    const int code = mdb_put(kv->batch, kv->dbi, &k, &v, 0);
    return code == 0 ? NULL : failed_to("writing a row", code);
}

static cordon_error *write_remove(struct kv *base, struct slice key)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    MDB_val k = val_of(key);
    const int code = mdb_del(kv->batch, kv->dbi, &k, NULL);
    return code == 0 || code == MDB_NOTFOUND ? NULL : failed_to("removing a row", code);
}

static cordon_error *write_commit(struct kv *base)
{
    MDB_txn *batch = CORDON_TAKE(((struct lmdb_kv *)base)->batch);
    const int code = mdb_txn_commit(batch);
    return code == 0 ? NULL : failed_to("writing to the disk", code);
}

static void write_abort(struct kv *base)
{
    MDB_txn *batch = CORDON_TAKE(((struct lmdb_kv *)base)->batch);
    if (batch != NULL) {
        mdb_txn_abort(batch);
    }
}

/* The lesser of what the disk and the reserved map have left. Pages free inside the file come on
 * top: the answer errs on the safe side. */
static uint64_t free_bytes(struct kv *base)
{
    const struct lmdb_kv *kv = (const struct lmdb_kv *)base;
    struct statvfs disk;
    MDB_envinfo info;
    if (fstatvfs(kv->folder_fd, &disk) != 0 || mdb_env_info(kv->env, &info) != 0) {
        return 0; /* a disk that cannot even say so is not one to write to */
    }
    const uint64_t on_disk = (uint64_t)disk.f_bavail * disk.f_frsize;
    const uint64_t used = ((uint64_t)info.me_last_pgno + 1) * kv->page_bytes;
    const uint64_t in_map = kv->map_bytes > used ? kv->map_bytes - used : 0;
    return on_disk < in_map ? on_disk : in_map;
}

/* -- Opening --------------------------------------------------------------------------------- */

static void close_kv(struct kv *base)
{
    struct lmdb_kv *kv = (struct lmdb_kv *)base;
    write_abort(base);
    while (kv->pool != NULL) {
        struct lmdb_reader *reader = kv->pool;
        kv->pool = reader->next;
        reader_free(reader);
    }
    if (kv->env != NULL) {
        mdb_env_close(kv->env);
    }
    if (kv->lock_fd >= 0) {
        (void)close(kv->lock_fd); /* last, as it lets the next process in */
    }
    if (kv->folder_fd >= 0) {
        (void)close(kv->folder_fd);
    }
    (void)pthread_mutex_destroy(&kv->pool_lock);
    mem_free(kv);
}

static const struct kv_ops lmdb_ops = {
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
    .free_bytes = free_bytes,
    .close = close_kv,
};

static cordon_error *refused(const char *what, const char *folder, int code)
{
    const char *advice = "";
    if (code == EROFS) {
        advice = "; the disk is read-only: choose a folder that can be written";
    } else if (code == ENOSPC || code == EDQUOT) {
        advice = "; free some space and start again";
    } else if (code == EACCES || code == EPERM) {
        advice = "; run as its owner or choose another folder";
    }
    return cordon_error_new(
        CORDON_E_SYSTEM, "%s '%s': %s%s", what, folder, strerrordesc_np(code), advice);
}

/* A new folder is ours alone. One that was there keeps its mode: the files in it are 0600. */
static cordon_error *open_folder(struct lmdb_kv *kv, const char *folder)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return refused("cannot make the data folder", folder, errno);
    }
    kv->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (kv->folder_fd < 0) {
        return refused("cannot open the data folder", folder, errno);
    }
    return NULL;
}

static long read_owner(int fd)
{
    char text[32] = {0};
    const ssize_t got = pread(fd, text, sizeof text - 1, 0);
    return got > 0 ? strtol(text, NULL, 10) : 0;
}

static cordon_error *take_lock(struct lmdb_kv *kv, const char *folder)
{
    kv->lock_fd = openat(kv->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (kv->lock_fd < 0) {
        return refused("cannot lock the data folder", folder, errno);
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
        return cordon_error_new(CORDON_E_STORE, "the data file in '%s' cannot be examined", folder);
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
    kv->map_bytes = map_bytes == 0 ? MAP_BYTES_DEFAULT : map_bytes & ~(MAP_BYTES_STEP - 1);
    (void)pthread_mutex_init(&kv->pool_lock, NULL);
    TRY(open_folder(kv, folder));
    TRY(take_lock(kv, folder));
    TRY(open_env(kv, folder));
    TRY(open_dbi(kv, out_new));
    /* The names of the new files must survive a power cut too. */
    if (fsync(kv->folder_fd) != 0) {
        return refused("cannot sync the data folder", folder, errno);
    }
    struct lmdb_kv *ready = CORDON_TAKE(kv);
    *out_kv = &ready->base;
    return NULL;
}
