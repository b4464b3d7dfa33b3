/*
 * A data folder from a backup. It is made beside its place, opened once, so that the log goes into
 * the data file, and verified whole; the rename is the last thing, and the only one that counts.
 * Timestamps go on after the newest in the backup, as they do after any opening.
 */
#include "upkeep/backup.h"

#include "base/folder.h"
#include "store/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BESIDE ".restoring"

static cordon_error *refused(const char *what, const char *name, int code)
{
    return cordon_error_new(
        disk_is_full(code) ? CORDON_E_DISK_FULL : CORDON_E_SYSTEM, "cannot %s '%s': %s%s", what,
        name, strerrordesc_np(code), disk_advice(code));
}

/* -- Where to -------------------------------------------------------------------------------- */

static void count_entry(int folder, const char *name, void *arg)
{
    (void)folder;
    *(size_t *)arg += strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? 0 : 1;
}

static cordon_error *not_empty(const char *folder)
{
    return cordon_error_new(
        CORDON_E_INVALID, "the data folder '%s' is not empty; name a new one, or move it away",
        folder);
}

/* A folder that holds something is somebody's. */
static cordon_error *check_free(const char *folder)
{
    size_t entries = 0;
    struct stat info;
    if (lstat(folder, &info) != 0) {
        return errno == ENOENT ? NULL : refused("examine", folder, errno);
    }
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return refused("open the data folder", folder, errno);
    }
    folder_each(fd, count_entry, &entries);
    (void)close(fd);
    return entries == 0 ? NULL : not_empty(folder);
}

static void remove_entry(int folder, const char *name, void *arg)
{
    (void)arg;
    (void)unlinkat(folder, name, 0);
}

/* Of one that an earlier try left, what is in it is removed. */
static void clear(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        folder_each(fd, remove_entry, NULL);
        (void)close(fd);
    }
}

static void drop(const char *folder)
{
    clear(folder);
    (void)rmdir(folder);
}

/* -- What ------------------------------------------------------------------------------------ */

static cordon_error *copy_bytes(int from, uint64_t at, uint64_t size, int to, const char *name)
{
    off_t position = (off_t)at;
    while (size > 0) {
        const size_t part = size < SSIZE_MAX / 2 ? (size_t)size : SSIZE_MAX / 2;
        ssize_t copied = copy_file_range(from, &position, to, NULL, part, 0);
        if (copied < 0 &&
            (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
            uint8_t bytes[65536]; /* between two file systems that cannot do it themselves */
            const size_t chunk = part < sizeof bytes ? part : sizeof bytes;
            copied = pread(from, bytes, chunk, position);
            copied = copied <= 0 ? copied : write(to, bytes, (size_t)copied);
            position += copied > 0 ? copied : 0;
        }
        if (copied < 0 && errno != EINTR) {
            return refused("write", name, errno);
        }
        if (copied == 0) {
            return refused("read", "the backup", EIO);
        }
        size -= copied > 0 ? (uint64_t)copied : 0;
    }
    return NULL;
}

static cordon_error *make_file(int from, uint64_t at, uint64_t size, int folder, const char *name)
{
    const int to = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0) {
        return refused("make", name, errno);
    }
    cordon_error *error = copy_bytes(from, at, size, to, name);
    if (error == NULL && fsync(to) != 0) {
        error = refused("sync", name, errno);
    }
    (void)close(to);
    return error;
}

static cordon_error *make_files(int from, const struct backup_info *info, const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return refused("open", folder, errno);
    }
    cordon_error *error =
        make_file(from, BACKUP_HEAD_BYTES + info->log_bytes, info->data_bytes, fd, "data.mdb");
    if (error == NULL) {
        error = make_file(from, BACKUP_HEAD_BYTES, info->log_bytes, fd, "log.0");
    }
    if (error == NULL && fsync(fd) != 0) {
        error = refused("sync", folder, errno);
    }
    (void)close(fd);
    return error;
}

/* -- Whether it is sound --------------------------------------------------------------------- */

static cordon_error *refuse_damaged(void *arg, const struct verify_damage *damage)
{
    (void)arg;
    char name[VERIFY_NAME_BYTES] = "";
    if (damage->key.size > 0) {
        verify_name_row(damage->key, name);
    }
    return cordon_error_new(
        CORDON_E_STORE, "the backup holds a damaged store: %s%s%s; take another one", name,
        name[0] == '\0' ? "" : ": ", damage->words);
}

/* LMDB opens it only after a look at every page. */
static cordon_error *check_pages(int fd, const struct backup_info *info)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    struct meta meta;
    struct verify verify = {.damage = refuse_damaged};
    TRY(snapshot_of_file(fd, BACKUP_HEAD_BYTES + info->log_bytes, info->data_bytes, &snapshot));
    TRY(snapshot_meta(&snapshot, &meta));
    return verify_rows(&verify, &snapshot, &meta);
}

static cordon_error *open_once(const char *folder, const struct backup_info *info)
{
    const struct store_options options = {.disk_reserve_bytes = 1};
    struct store *store = NULL;
    TRY(store_open_lmdb(folder, &options, &store));
    const uint64_t last_ts = store_durable_ts(store);
    store_close(store);
    return last_ts == info->last_ts ? NULL
                                    : cordon_error_new(
                                          CORDON_E_STORE,
                                          "the backup ends at commit %" PRIu64
                                          " and should end at %" PRIu64 "; take another one",
                                          last_ts, info->last_ts);
}

static cordon_error *fill(
    int fd,
    const struct backup_info *info,
    const char *folder,
    const struct backup_progress *progress)
{
    struct verify verify = {.damage = refuse_damaged};
    progress->tell(progress->arg, "copying", 0, info->bytes);
    TRY(make_files(fd, info, folder));
    TRY(open_once(folder, info));
    progress->tell(progress->arg, "verifying", 0, 0);
    return verify_folder(&verify, folder);
}

/* -- Its place ------------------------------------------------------------------------------- */

/* `folder` has no slash at its end. */
static cordon_error *sync_parent(const char *folder)
{
    char parent[PATH_MAX];
    const char *const slash = strrchr(folder, '/');
    const size_t size = slash == NULL ? 0 : (size_t)(slash - folder);
    (void)snprintf(
        parent, sizeof parent, "%.*s", size == 0 ? 1 : (int)size, slash == NULL ? "." : folder);
    const int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    const int code = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return synced ? NULL : refused("sync the folder above", folder, code);
}

static cordon_error *put_in_place(const char *beside, const char *folder)
{
    if (rename(beside, folder) == 0) {
        return sync_parent(folder);
    }
    if (errno == ENOTEMPTY || errno == EEXIST) {
        return not_empty(folder);
    }
    if (errno == EBUSY) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the data folder '%s' cannot be replaced, as a file system is mounted there; name a "
            "new folder inside of it",
            folder);
    }
    return refused("make the data folder", folder, errno);
}

/* The name without slashes at its end, and the one beside it. */
static cordon_error *name_beside(
    const char *folder, char out_folder[PATH_MAX], char out_beside[PATH_MAX])
{
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/') {
        size--;
    }
    const int whole = snprintf(out_folder, PATH_MAX, "%.*s", (int)size, folder);
    const int beside = snprintf(out_beside, PATH_MAX, "%.*s" BESIDE, (int)size, folder);
    return whole < PATH_MAX && beside < PATH_MAX ? NULL : refused("make", folder, ENAMETOOLONG);
}

cordon_error *backup_restore(
    int fd,
    const struct backup_info *info,
    const char *folder,
    const struct backup_progress *progress)
{
    char place[PATH_MAX];
    char beside[PATH_MAX];
    TRY(name_beside(folder, place, beside));
    TRY(check_free(place));
    TRY(check_pages(fd, info));
    clear(beside);
    if (mkdir(beside, 0700) != 0 && errno != EEXIST) {
        return refused("make", beside, errno);
    }
    cordon_error *error = fill(fd, info, beside, progress);
    if (error == NULL) {
        error = put_in_place(beside, place);
    }
    if (error != NULL) {
        drop(beside);
    }
    return error;
}
