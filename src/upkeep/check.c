/*
 * The check before opening; see check.h. Its child process holds the folder's lock, shared, while
 * it looks, so that nobody begins to write meanwhile; a folder that is locked is left alone, as
 * opening it will be refused.
 */
#include "upkeep/check.h"

#include "base/child.h"
#include "base/clock.h"
#include "upkeep/snapshot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALKED_PAGES_MAX = 2048, SAMPLED_PATHS = 64, DEADLINE_MS = 10000 };

static cordon_error *refuse(void *arg, uint64_t offset, const char *words)
{
    (void)arg;
    return cordon_error_new(
        CORDON_E_STORE,
        "the data file is damaged at byte %" PRIu64
        ": %s; `cordon verify` says more, `cordon restore` makes a folder of a backup",
        offset, words);
}

static cordon_error *pass_row(void *arg, const struct kv_row *row, uint64_t offset)
{
    (void)arg;
    (void)row;
    (void)offset;
    return NULL;
}

/* What the file lacks at its end may be free; that takes a walk over all of it to know. */
static cordon_error *check_short_image(const struct image *image)
{
    const struct image_visit visit = {.row = pass_row, .damage = refuse};
    struct image_counts counts;
    cordon_error *const error = image_check(image, &visit, &counts);
    if (error == NULL || cordon_error_get_code(error) != CORDON_E_STORE) {
        return error;
    }
    cordon_error_free(error);
    return image_cut_short(image);
}

static cordon_error *check_image(const struct image *image)
{
    if (image->written_count < image->page_count) {
        return check_short_image(image);
    }
    if (image->page_count > WALKED_PAGES_MAX) {
        return image_sample(image, SAMPLED_PATHS, clock_wall_ns());
    }
    const struct image_visit visit = {.row = pass_row, .damage = refuse};
    struct image_counts counts;
    return image_check(image, &visit, &counts);
}

static int open_in(const char *folder, const char *name, int flags)
{
    char path[PATH_MAX];
    const int size = snprintf(path, sizeof path, "%s/%s", folder, name);
    return size < (int)sizeof path ? open(path, flags | O_CLOEXEC) : -1;
}

/*
 * Where what the file lacks is free, it gets its length, which opening asks for. If it can't have
 * it, opening says so.
 */
static void lengthen(const char *folder, const struct image *image)
{
    if (image->written_count < image->page_count) {
        const int fd = open_in(folder, "data.mdb", O_WRONLY);
        (void)!ftruncate(fd, (off_t)(image->page_count * image->page_bytes));
    }
}

/* What is opened is closed by the end of the child. */
static cordon_error *check_file(const char *folder)
{
    const int lock_fd = open_in(folder, "lock", O_RDONLY);
    const int data_fd = open_in(folder, "data.mdb", O_RDONLY);
    CORDON_CLEANUP(snapshot_done) struct snapshot snapshot = {.fd = -1};
    struct stat info;
    if (lock_fd >= 0 && flock(lock_fd, LOCK_SH | LOCK_NB) != 0) {
        return NULL;
    }
    if (data_fd < 0 || fstat(data_fd, &info) != 0 || info.st_size == 0) {
        return NULL; /* opening says why */
    }
    TRY(snapshot_of_file(data_fd, 0, (uint64_t)info.st_size, &snapshot));
    TRY(check_image(&snapshot.image));
    lengthen(folder, &snapshot.image);
    return NULL;
}

static cordon_error *check_in_child(void *arg, struct child *child, struct buffer *out)
{
    (void)child;
    (void)out;
    return check_file(arg);
}

cordon_error *check_before_opening(const char *folder)
{
    char path[PATH_MAX];
    struct stat info;
    if (snprintf(path, sizeof path, "%s/data.mdb", folder) >= (int)sizeof path ||
        stat(path, &info) != 0 || info.st_size == 0) {
        return NULL; /* a new folder, or opening says why not */
    }
    const struct child_work work = {
        .what = "the check of the data file",
        .run = check_in_child,
        .arg = (void *)(uintptr_t)folder,
        .deadline_ms = DEADLINE_MS,
    };
    struct buffer nothing;
    buffer_init(&nothing, 0);
    cordon_error *error = child_run(&work, &nothing);
    buffer_done(&nothing);
    return error;
}
