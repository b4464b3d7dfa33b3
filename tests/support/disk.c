/*
 * The disk that fails; see disk.h. One lock holds over each call and its bookkeeping, so that what
 * is noted has the order of what happened. The kernel is asked by syscall(2), as every other way
 * would lead back here.
 *
 * A sync is noted and not made: what counts as safe is decided here, and the tests are faster.
 */
#include "support/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES_MAX = 16, NAME_BYTES = 32, SECTOR_BYTES = 512, BLOCK_BYTES = 4096 };

enum change_kind { CHANGE_BYTES, CHANGE_REACH, CHANGE_CUT };

/* Something that was done to a file since its last sync. */
struct change {
    struct change *next;
    enum change_kind kind;
    bool is_safe;  /* written with O_DSYNC */
    uint64_t at;   /* of the bytes; else the size that the file has, or has at least, then */
    uint64_t size; /* of the bytes */
    uint8_t bytes[];
};

struct content {
    uint8_t *bytes;
    uint64_t size;
    uint64_t capacity;
};

struct file {
    ino_t number;
    char name[NAME_BYTES];      /* "" once it is removed */
    char safe_name[NAME_BYTES]; /* as of the folder's last sync; "" for none */
    int failed_fd; /* a sync by it failed with the code; every other descriptor is told once, too */
    int failed_code; /* 0 for none */
    struct content safe;
    struct change *first;
    struct change *last;
    uint8_t *blocks; /* for each, 1 if it is allocated */
    uint64_t block_count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over all that follows */
static bool armed;
static struct disk_plan plan;
static int folder_fd = -1;
static struct stat folder_status;
static struct file files[FILES_MAX];
static size_t file_count;
static uint64_t calls;
static uint64_t calls_that_may_fail;
static uint64_t failures;
static uint64_t random_state;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool holding;
static uint64_t held;

static _Noreturn void broken(const char *what)
{
    (void)dprintf(STDERR_FILENO, "the disk of the tests: %s: %s\n", what, strerrordesc_np(errno));
    abort();
}

static void *allocate(void *block, uint64_t size)
{
    void *grown = realloc(block, size);
    if (grown == NULL) {
        broken("realloc");
    }
    return grown;
}

/* SplitMix64: a sequence that is the seed's alone. */
static uint64_t draw(uint64_t below)
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = random_state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return (mixed ^ (mixed >> 31)) % below;
}

static ssize_t kernel_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return syscall(SYS_pwrite64, fd, bytes, size, at);
}

/* -- Content --------------------------------------------------------------------------------- */

static void reach(struct content *content, uint64_t size)
{
    if (size > content->capacity) {
        content->capacity = 2 * size;
        content->bytes = allocate(content->bytes, content->capacity);
    }
    if (size > content->size) {
        memset(content->bytes + content->size, 0, size - content->size);
        content->size = size;
    }
}

static void put(struct content *content, uint64_t at, const uint8_t *bytes, uint64_t size)
{
    reach(content, at + size);
    memcpy(content->bytes + at, bytes, size);
}

static struct content read_all(int fd, uint64_t size)
{
    struct content content = {
        .bytes = allocate(NULL, size + 1), .size = size, .capacity = size + 1};
    for (uint64_t at = 0; at < size;) {
        const ssize_t got = pread(fd, content.bytes + at, size - at, (off_t)at);
        if (got <= 0) {
            broken("pread");
        }
        at += (uint64_t)got;
    }
    return content;
}

static void write_all(int fd, const struct content *content)
{
    for (uint64_t at = 0; at < content->size;) {
        const ssize_t written =
            kernel_pwrite(fd, content->bytes + at, content->size - at, (off_t)at);
        if (written <= 0) {
            broken("pwrite");
        }
        at += (uint64_t)written;
    }
}

/* -- Files ----------------------------------------------------------------------------------- */

static uint64_t blocks_of(uint64_t bytes)
{
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

static void know_blocks(struct file *file, uint64_t count, uint8_t allocated)
{
    if (count > file->block_count) {
        file->blocks = allocate(file->blocks, count);
        memset(file->blocks + file->block_count, allocated, count - file->block_count);
        file->block_count = count;
    }
}

static struct file *add_file(const char *name, const struct stat *status)
{
    if (file_count == FILES_MAX || strlen(name) >= NAME_BYTES) {
        broken("too many files, or too long a name");
    }
    struct file *file = &files[file_count++];
    *file = (struct file){.number = status->st_ino};
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    know_blocks(file, blocks_of((uint64_t)status->st_size), 1);
    return file;
}

static struct file *find_number(ino_t number)
{
    for (size_t i = 0; i < file_count; i++) {
        if (files[i].number == number && files[i].name[0] != '\0') {
            return &files[i];
        }
    }
    return NULL;
}

static struct file *find_name(const char *name)
{
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].name, name) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

/* What follows the folder in a path, or NULL if the path leads elsewhere. */
static const char *name_in_folder(const char *path)
{
    const size_t size = strlen(plan.folder);
    const bool inside = strncmp(path, plan.folder, size) == 0 && path[size] == '/';
    return inside && strchr(path + size + 1, '/') == NULL ? path + size + 1 : NULL;
}

/* The file behind a descriptor, if it is one of the folder's. */
static struct file *find_file(int fd)
{
    struct stat status;
    if (!armed || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink == 0 ||
        status.st_dev != folder_status.st_dev) {
        return NULL;
    }
    struct file *file = find_number(status.st_ino);
    if (file != NULL) {
        return file;
    }
    char link[64];
    char path[PATH_MAX] = {0};
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0) {
        broken("readlink");
    }
    const char *name = name_in_folder(path);
    return name == NULL ? NULL : add_file(name, &status);
}

static bool is_folder(int fd)
{
    struct stat status;
    return armed && fstat(fd, &status) == 0 && status.st_ino == folder_status.st_ino &&
           status.st_dev == folder_status.st_dev;
}

/* Takes up the files that nothing was done with yet. If they are safe, so is what they hold. */
static void look_at_folder(bool are_safe)
{
    DIR *entries = opendir(plan.folder);
    if (entries == NULL) {
        broken("opendir");
    }
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        struct stat status;
        const int fd = openat(folder_fd, entry->d_name, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) != 0) {
            broken("a file of the folder");
        }
        if (S_ISREG(status.st_mode) && find_number(status.st_ino) == NULL) {
            struct file *file = add_file(entry->d_name, &status);
            if (are_safe) {
                file->safe = read_all(fd, (uint64_t)status.st_size);
            }
        }
        (void)close(fd);
    }
    (void)closedir(entries);
}

/* -- What is safe ---------------------------------------------------------------------------- */

static void note(struct file *file, const struct change *what, const void *bytes)
{
    if (plan.power_calls == 0) {
        return;
    }
    struct change *change = allocate(NULL, sizeof *change + what->size);
    *change = *what;
    if (what->size > 0) {
        memcpy(change->bytes, bytes, what->size);
    }
    if (file->last == NULL) {
        file->first = change;
    } else {
        file->last->next = change;
    }
    file->last = change;
}

/* How much of a change has reached the disk. */
enum luck { LUCK_NONE, LUCK_ALL, LUCK_SOME };

static void apply_bytes(struct content *content, const struct change *change, enum luck luck)
{
    uint64_t size = 0;
    for (uint64_t done = 0; done < change->size; done += size) {
        const uint64_t at = change->at + done;
        const uint64_t rest = SECTOR_BYTES - at % SECTOR_BYTES;
        size = rest < change->size - done ? rest : change->size - done;
        if (luck == LUCK_ALL || draw(2) == 0) {
            put(content, at, change->bytes + done, size);
        }
    }
}

static void apply(struct content *content, const struct change *change, enum luck luck)
{
    if (luck == LUCK_NONE) {
        return;
    }
    switch (change->kind) {
    case CHANGE_BYTES:
        apply_bytes(content, change, luck);
        break;
    case CHANGE_CUT:
        if (change->at < content->size) {
            content->size = change->at;
            break;
        }
        reach(content, change->at);
        break;
    case CHANGE_REACH:
        reach(content, change->at);
        break;
    }
}

static void sync_file(struct file *file)
{
    while (file->first != NULL) {
        struct change *change = file->first;
        file->first = change->next;
        apply(&file->safe, change, LUCK_ALL);
        free(change);
    }
    file->last = NULL;
}

static void sync_names(void)
{
    look_at_folder(false);
    for (size_t i = 0; i < file_count; i++) {
        memcpy(files[i].safe_name, files[i].name, sizeof files[i].name);
    }
}

/* -- Power ----------------------------------------------------------------------------------- */

/* What is not safe of a file is all lost, all there, or each change has its own luck. */
static void apply_by_luck(struct file *file)
{
    const enum luck of_all = (enum luck)draw(3);
    for (const struct change *change = file->first; change != NULL; change = change->next) {
        const enum luck own = of_all == LUCK_SOME ? (enum luck)draw(3) : of_all;
        apply(&file->safe, change, change->is_safe ? LUCK_ALL : own);
    }
}

static void leave_file(int left_fd, const char *name, struct file *file)
{
    apply_by_luck(file);
    const int fd = openat(left_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        broken("a file of what is left");
    }
    write_all(fd, &file->safe);
    (void)close(fd);
}

static _Noreturn void lose_power(void)
{
    look_at_folder(false);
    const int left_fd = open(plan.left, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (left_fd < 0) {
        broken("the folder for what is left");
    }
    const bool new_names = draw(2) == 0;
    for (size_t i = 0; i < file_count; i++) {
        const char *name = new_names ? files[i].name : files[i].safe_name;
        if (name[0] != '\0') {
            leave_file(left_fd, name, &files[i]);
        }
    }
    _exit(DISK_POWER_WENT);
}

/* Each call that writes or syncs counts: the power goes after a write is under way, and before a
 * sync has done anything. */
static void count_call(void)
{
    calls++;
    if (calls == plan.power_calls) {
        lose_power();
    }
}

/* -- Errors and room ------------------------------------------------------------------------- */

static bool concerns(const struct file *file)
{
    return plan.only == NULL || strncmp(file->name, plan.only, strlen(plan.only)) == 0;
}

/* Waits with the lock given away, so that other calls go on. */
static void wait_while_held(const struct file *file)
{
    held++;
    while (holding && concerns(file)) {
        (void)pthread_cond_wait(&released, &lock);
    }
    held--;
}

/* The code with which this call is to fail, or 0. */
static int code_for(const struct file *file, enum disk_call call)
{
    if (plan.fails != call || !concerns(file)) {
        return 0;
    }
    calls_that_may_fail++;
    if (calls_that_may_fail < plan.fails_at ||
        (calls_that_may_fail > plan.fails_at && !plan.fails_on)) {
        return 0;
    }
    failures++;
    return plan.code;
}

static void take_block(struct file *file, uint64_t block)
{
    if (file->blocks[block] == 0) {
        file->blocks[block] = 1;
        plan.room_bytes -= BLOCK_BYTES;
    }
}

/* How many of the bytes have room, whose blocks are then the file's. */
static uint64_t take_room(struct file *file, uint64_t at, uint64_t size)
{
    if (!plan.has_room || size == 0) {
        return size;
    }
    const uint64_t end = blocks_of(at + size);
    know_blocks(file, end, 0);
    for (uint64_t block = at / BLOCK_BYTES; block < end; block++) {
        if (file->blocks[block] == 0 && plan.room_bytes < BLOCK_BYTES) {
            return block * BLOCK_BYTES > at ? block * BLOCK_BYTES - at : 0;
        }
        take_block(file, block);
    }
    return size;
}

static int take_all_room(struct file *file, uint64_t at, uint64_t size)
{
    const uint64_t end = blocks_of(at + size);
    uint64_t needed = 0;
    if (!plan.has_room) {
        return 0;
    }
    know_blocks(file, end, 0);
    for (uint64_t block = at / BLOCK_BYTES; block < end; block++) {
        needed += file->blocks[block] == 0 ? BLOCK_BYTES : 0;
    }
    if (needed > plan.room_bytes) {
        return ENOSPC;
    }
    (void)take_room(file, at, size);
    return 0;
}

/* -- Writing --------------------------------------------------------------------------------- */

static ssize_t fail(int code)
{
    errno = code;
    return -1;
}

static ssize_t write_file(struct file *file, int fd, const uint8_t *bytes, size_t size, off_t at)
{
    const bool is_safe = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    if (is_safe) {
        wait_while_held(file);
    }
    const int code = code_for(file, is_safe ? DISK_WRITE_SYNCED : DISK_WRITE);
    if (code != 0) {
        return fail(code);
    }
    uint64_t part = take_room(file, (uint64_t)at, size);
    if (part == 0 && size > 0) {
        return fail(ENOSPC);
    }
    if (plan.shortens && part > 1 && concerns(file)) {
        part = 1 + draw(part);
    }
    const ssize_t written = kernel_pwrite(fd, bytes, part, at);
    if (written > 0) {
        const struct change change = {
            .kind = CHANGE_BYTES,
            .is_safe = is_safe,
            .at = (uint64_t)at,
            .size = (uint64_t)written,
        };
        note(file, &change, bytes);
    }
    count_call();
    return written;
}

/* One block of all the vectors' bytes, the caller's to free. */
static uint8_t *join(const struct iovec *vectors, int count, size_t *out_size)
{
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += vectors[i].iov_len;
    }
    uint8_t *bytes = allocate(NULL, size + 1);
    uint8_t *end = bytes;
    for (int i = 0; i < count; i++) {
        memcpy(end, vectors[i].iov_base, vectors[i].iov_len);
        end += vectors[i].iov_len;
    }
    *out_size = size;
    return bytes;
}

static ssize_t write_vectors(
    struct file *file, int fd, const struct iovec *vectors, int count, off_t at)
{
    size_t size = 0;
    uint8_t *bytes = join(vectors, count, &size);
    const ssize_t written = write_file(file, fd, bytes, size, at);
    const int code = errno;
    free(bytes);
    errno = code;
    return written;
}

/* At the descriptor's place, which moves on. */
static ssize_t write_here(struct file *file, int fd, const struct iovec *vectors, int count)
{
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const ssize_t written = write_vectors(file, fd, vectors, count, at);
    if (written > 0) {
        (void)lseek(fd, at + written, SEEK_SET);
    }
    return written;
}

static int set_size(struct file *file, int fd, off_t size)
{
    const int failed = (int)syscall(SYS_ftruncate, fd, size);
    if (failed == 0) {
        note(file, &(struct change){.kind = CHANGE_CUT, .at = (uint64_t)size}, NULL);
        for (uint64_t i = blocks_of((uint64_t)size); i < file->block_count; i++) {
            plan.room_bytes += file->blocks[i] != 0 ? BLOCK_BYTES : 0;
            file->blocks[i] = 0;
        }
    }
    count_call();
    return failed;
}

/* Returns the code of the failure, or 0. */
static int allocate_blocks(struct file *file, int fd, int mode, off_t at, off_t size)
{
    int code = code_for(file, DISK_ALLOCATE);
    if (code == 0) {
        code = take_all_room(file, (uint64_t)at, (uint64_t)size);
    }
    if (code == 0 && syscall(SYS_fallocate, fd, mode, at, size) != 0) {
        code = errno;
    }
    if (code == 0 && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
        note(file, &(struct change){.kind = CHANGE_REACH, .at = (uint64_t)(at + size)}, NULL);
    }
    count_call();
    return code;
}

static int sync_code(struct file *file, int fd)
{
    if (file->failed_code != 0 && file->failed_fd != fd) {
        const int told = file->failed_code;
        file->failed_code = 0;
        return told;
    }
    const int code = code_for(file, DISK_SYNC);
    if (code != 0) {
        file->failed_fd = fd;
        file->failed_code = code;
    }
    return code;
}

static int sync_fd(int fd, long number)
{
    struct file *file = find_file(fd);
    if (file == NULL && !is_folder(fd)) {
        return (int)syscall(number, fd);
    }
    if (file != NULL) {
        wait_while_held(file);
    }
    count_call();
    if (file == NULL) {
        sync_names();
        return 0;
    }
    const int code = sync_code(file, fd);
    if (code != 0) {
        return (int)fail(code);
    }
    sync_file(file);
    return 0;
}

/* -- The calls ------------------------------------------------------------------------------- */

static struct file *enter(int fd)
{
    (void)pthread_mutex_lock(&lock);
    return find_file(fd);
}

/* Leaves with errno as it is. */
static void leave(void)
{
    const int code = errno;
    (void)pthread_mutex_unlock(&lock);
    errno = code;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    struct file *file = enter(fd);
    const ssize_t written =
        file == NULL ? kernel_pwrite(fd, bytes, size, at) : write_file(file, fd, bytes, size, at);
    leave();
    return written;
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t at)
{
    struct file *file = enter(fd);
    const ssize_t written = file == NULL ? syscall(SYS_pwritev, fd, vectors, count, at, 0)
                                         : write_vectors(file, fd, vectors, count, at);
    leave();
    return written;
}

/* A pipe may make its writer wait, so what is no file of ours does not hold the lock. */
ssize_t write(int fd, const void *bytes, size_t size)
{
    struct file *file = enter(fd);
    const struct iovec vector = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    const ssize_t written = file == NULL ? 0 : write_here(file, fd, &vector, 1);
    leave();
    return file == NULL ? syscall(SYS_write, fd, bytes, size) : written;
}

ssize_t writev(int fd, const struct iovec *vectors, int count)
{
    struct file *file = enter(fd);
    const ssize_t written = file == NULL ? 0 : write_here(file, fd, vectors, count);
    leave();
    return file == NULL ? syscall(SYS_writev, fd, vectors, count) : written;
}

int ftruncate(int fd, off_t size)
{
    struct file *file = enter(fd);
    const int failed =
        file == NULL ? (int)syscall(SYS_ftruncate, fd, size) : set_size(file, fd, size);
    leave();
    return failed;
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    struct file *file = enter(fd);
    int failed = 0;
    if (file == NULL) {
        failed = (int)syscall(SYS_fallocate, fd, mode, at, size);
    } else {
        const int code = allocate_blocks(file, fd, mode, at, size);
        failed = code == 0 ? 0 : (int)fail(code);
    }
    leave();
    return failed;
}

int posix_fallocate(int fd, off_t at, off_t size)
{
    return fallocate(fd, 0, at, size) == 0 ? 0 : errno;
}

int fdatasync(int fd)
{
    (void)pthread_mutex_lock(&lock);
    const int failed = sync_fd(fd, SYS_fdatasync);
    leave();
    return failed;
}

int fsync(int fd)
{
    (void)pthread_mutex_lock(&lock);
    const int failed = sync_fd(fd, SYS_fsync);
    leave();
    return failed;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    (void)pthread_mutex_lock(&lock);
    const int failed = (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
    if (failed == 0 && is_folder(from_fd) && is_folder(to_fd)) {
        struct file *file = find_name(from);
        struct file *replaced = find_name(to);
        if (replaced != NULL) {
            replaced->name[0] = '\0';
        }
        if (file != NULL) {
            (void)snprintf(file->name, sizeof file->name, "%s", to);
        }
        count_call();
    }
    leave();
    return failed;
}

int unlinkat(int folder, const char *name, int flags)
{
    (void)pthread_mutex_lock(&lock);
    const int failed = (int)syscall(SYS_unlinkat, folder, name, flags);
    struct file *file = failed == 0 && is_folder(folder) ? find_name(name) : NULL;
    if (file != NULL) {
        file->name[0] = '\0';
        count_call();
    }
    leave();
    return failed;
}

int fstatvfs(int fd, struct statvfs *out_status)
{
    /* The C library has no call to the kernel for this; its other function does the same. */
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (statvfs(link, out_status) != 0) {
        return -1;
    }
    (void)pthread_mutex_lock(&lock);
    if (armed && plan.has_room && is_folder(fd)) {
        out_status->f_frsize = BLOCK_BYTES;
        out_status->f_bavail = plan.room_bytes / BLOCK_BYTES;
        out_status->f_bfree = out_status->f_bavail;
    }
    leave();
    return 0;
}

/* On this machine the two sizes of an offset are one. */
_Static_assert(sizeof(off_t) == sizeof(off64_t), "a file's size has 64 bits");
#define SAME_AS(name) __attribute__((alias(#name), copy(name)))
SAME_AS(pwrite) ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at);
SAME_AS(pwritev) ssize_t pwritev64(int fd, const struct iovec *vectors, int count, off64_t at);
SAME_AS(ftruncate) int ftruncate64(int fd, off64_t size);
SAME_AS(fallocate) int fallocate64(int fd, int mode, off64_t at, off64_t size);
SAME_AS(posix_fallocate) int posix_fallocate64(int fd, off64_t at, off64_t size);

/* -- The plan -------------------------------------------------------------------------------- */

void disk_arm(const struct disk_plan *wanted)
{
    (void)pthread_mutex_lock(&lock);
    plan = *wanted;
    calls = 0;
    calls_that_may_fail = 0;
    failures = 0;
    random_state = plan.seed;
    if (folder_fd >= 0) {
        (void)close(folder_fd);
    }
    folder_fd = open(plan.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0 || fstat(folder_fd, &folder_status) != 0) {
        broken("the folder");
    }
    armed = true;
    if (file_count == 0) {
        look_at_folder(plan.power_calls > 0);
        sync_names();
    }
    leave();
}

void disk_hold(void)
{
    (void)pthread_mutex_lock(&lock);
    holding = true;
    (void)pthread_mutex_unlock(&lock);
}

void disk_release(void)
{
    (void)pthread_mutex_lock(&lock);
    holding = false;
    (void)pthread_cond_broadcast(&released);
    (void)pthread_mutex_unlock(&lock);
}

uint64_t disk_held(void)
{
    (void)pthread_mutex_lock(&lock);
    const uint64_t count = held;
    (void)pthread_mutex_unlock(&lock);
    return count;
}

void disk_set_room(uint64_t bytes)
{
    (void)pthread_mutex_lock(&lock);
    plan.room_bytes = bytes;
    leave();
}

uint64_t disk_failures(void)
{
    (void)pthread_mutex_lock(&lock);
    const uint64_t count = failures;
    leave();
    return count;
}
