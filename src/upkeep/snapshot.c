/*
 * Opening a snapshot; see snapshot.h.
 *
 * LMDB takes numbers of the meta pages for true, so they are read before it opens the file. Once
 * its snapshot stands, its meta page is looked for by its number: the writer writes over it two
 * commits later, and then the snapshot is taken again.
 */
#include "upkeep/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk.h"

enum { TRIES_MAX = 100 };

void snapshot_done(struct snapshot *snapshot)
{
    kv_closep(&snapshot->kv);
    kv_pin_closep(&snapshot->pin);
    if (snapshot->map != NULL) {
        (void)munmap(snapshot->map, snapshot->map_bytes);
        snapshot->map = NULL;
    }
    if (snapshot->fd >= 0) {
        (void)close(snapshot->fd);
        snapshot->fd = -1;
    }
}

static cordon_error *refused(int code)
{
    if (code == ENOMEM) {
        return error_no_memory();
    }
    return cordon_error_new(
        CORDON_E_SYSTEM, "cannot read the data file: %s%s", strerrordesc_np(code),
        disk_advice(code));
}

static cordon_error *open_file(const char *folder, int *out_fd)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/data.mdb", folder) >= (int)sizeof path) {
        return refused(ENAMETOOLONG);
    }
    *out_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*out_fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return cordon_error_new(
            CORDON_E_NOT_FOUND,
            "there is no data file in the folder '%s'; name the data folder of a server", folder);
    }
    return *out_fd < 0 ? refused(errno) : NULL;
}

/* Maps all that the file is by now. */
static cordon_error *map_file(struct snapshot *snapshot)
{
    struct stat info;
    if (fstat(snapshot->fd, &info) != 0) {
        return refused(errno);
    }
    if (snapshot->map != NULL) {
        (void)munmap(snapshot->map, snapshot->map_bytes);
        snapshot->map = NULL;
    }
    snapshot->map_bytes = (size_t)info.st_size;
    if (info.st_size == 0) {
        return NULL; /* which no meta page is in */
    }
    void *map = mmap(NULL, snapshot->map_bytes, PROT_READ, MAP_SHARED, snapshot->fd, 0);
    if (map == MAP_FAILED) {
        return refused(errno);
    }
    snapshot->map = map;
    return NULL;
}

static cordon_error *read_image(struct snapshot *snapshot, size_t from, uint64_t txn)
{
    const size_t size = snapshot->map == NULL ? 0 : snapshot->map_bytes;
    return image_read(slice_from(slice_of(snapshot->map, size), from), txn, &snapshot->image);
}

/* A meta page that is being written may be seen in half. */
static cordon_error *read_any_image(struct snapshot *snapshot)
{
    cordon_error *error = NULL;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        cordon_error_free(error);
        TRY(map_file(snapshot));
        error = read_image(snapshot, 0, IMAGE_NEWEST);
        if (error == NULL) {
            return NULL;
        }
    }
    return error;
}

static cordon_error *read_pinned_image(struct snapshot *snapshot)
{
    cordon_error *error = NULL;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        cordon_error_free(error);
        TRY(map_file(snapshot)); /* it may have grown until the snapshot */
        error = read_image(snapshot, 0, kv_pin_txn(snapshot->pin));
        if (error == NULL) {
            return NULL;
        }
        cordon_error *failed = kv_pin_renew(snapshot->pin);
        if (failed != NULL) {
            cordon_error_free(error);
            return failed;
        }
    }
    return error;
}

static cordon_error *open_snapshot(const char *folder, struct snapshot *snapshot)
{
    TRY(open_file(folder, &snapshot->fd));
    TRY(read_any_image(snapshot));
    TRY(kv_pin_open(folder, &snapshot->pin));
    TRY(read_pinned_image(snapshot));
    return kv_open_image(&snapshot->image, &snapshot->kv);
}

cordon_error *snapshot_open(const char *folder, struct snapshot *out_snapshot)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    TRY(open_snapshot(folder, &snapshot));
    *out_snapshot = snapshot;
    snapshot = (struct snapshot){.fd = -1};
    return NULL;
}

cordon_error *snapshot_of_file(int fd, uint64_t at, uint64_t bytes, struct snapshot *out_snapshot)
{
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    void *map = mmap(NULL, (size_t)(at + bytes), PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return refused(errno);
    }
    snapshot.map = map;
    snapshot.map_bytes = (size_t)(at + bytes);
    TRY(read_image(&snapshot, (size_t)at, IMAGE_NEWEST));
    TRY(kv_open_image(&snapshot.image, &snapshot.kv));
    *out_snapshot = snapshot;
    snapshot = (struct snapshot){.fd = -1};
    return NULL;
}

cordon_error *snapshot_meta(const struct snapshot *snapshot, struct meta *out_meta)
{
    struct meta meta;
    TRY(meta_read(snapshot->kv, &meta));
    TRY(meta_check_format(meta.format));
    *out_meta = meta;
    return NULL;
}
