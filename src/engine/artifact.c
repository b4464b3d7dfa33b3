/*
 * Machine code on disk, for the next start of the program.
 *
 * Whoever loads machine code trusts it wholly, so a file of this cache counts for nothing until its
 * MAC holds, by a key that only we can read, over everything that says what it is: tenant, hash of
 * the module, fingerprint of the engine (and so of every setting), size, bytes. The file is copied
 * into a sealed memfd first and checked there, so that nobody swaps it after the check. A file that
 * does not hold is deleted and made anew: after an update of the engine that is every file.
 *
 * One file for each tenant and module, `<tenant>-<hash>`:
 *
 *     magic (8) | version u32 | zero u32 | size of the code u64 | MAC (32) | code
 *
 * Numbers are little-endian. Files appear whole, by rename. They are not synced: what a power
 * failure leaves of one does not hold.
 */
#include "engine/compiler.h"

#include "base/advice.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 32 };

/* 2: compiled without custom sections, so that no name of the module is in the code. */
enum { VERSION = 2 };

/* Most bytes of code that are kept. More is compiled each time, and put says so. */
#define CODE_BYTES_MAX ((uint64_t)4 << 30)

static const char key_name[] = "artifacts.key";
static const char temporary_prefix[] = "new-";
static const char magic[8] = "CORDONMC";

enum { HEADER_BYTES = 24 + SHA256_BYTES };

struct artifact_cache {
    int folder;
    uint8_t key[KEY_BYTES];
    uint8_t fingerprint[SHA256_BYTES];
};

/* -- The folder and the key ----------------------------------------------------------------- */

/* A name that nobody else uses. */
struct temporary_name {
    char text[sizeof temporary_prefix + 2 * (size_t)16];
};

static struct temporary_name make_temporary_name(void)
{
    uint8_t random[16];
    struct temporary_name name;
    random_system(random, sizeof random);
    memcpy(name.text, temporary_prefix, sizeof temporary_prefix - 1);
    hex_encode(slice_of(random, sizeof random), name.text + sizeof temporary_prefix - 1);
    return name;
}

static cordon_error *open_new(int folder, const char *name, int *out_fd)
{
    const int fd = openat(
        folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd == -1) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "a file in the folder for compiled modules could not be made: %s%s",
            strerrordesc_np(errno), advice_on(errno));
    }
    *out_fd = fd;
    return NULL;
}

/* Makes the key, whole and on disk, or leaves the one that somebody else has just made. */
static cordon_error *make_key(int folder)
{
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    const struct temporary_name name = make_temporary_name();
    uint8_t key[KEY_BYTES];
    random_system(key, sizeof key);
    TRY(open_new(folder, name.text, &fd));
    cordon_error *error = fd_write(fd, slice_of(key, sizeof key));
    explicit_bzero(key, sizeof key);
    if (error == NULL && (fsync(fd) != 0 || (linkat(folder, name.text, folder, key_name, 0) != 0 &&
                                             errno != EEXIST))) {
        error = cordon_error_new(
            CORDON_E_SYSTEM, "the key file %s could not be made: %s%s", key_name,
            strerrordesc_np(errno), advice_on(errno));
    }
    (void)unlinkat(folder, name.text, 0);
    return error;
}

/* Reads exactly `size` bytes from the file's place. */
static bool read_whole(int fd, void *out, size_t size)
{
    uint8_t *bytes = out;
    while (size > 0) {
        const ssize_t got = read(fd, bytes, size);
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        bytes += got;
        size -= (size_t)got;
    }
    return true;
}

/* Opens a regular file of the folder for reading; never follows a link, never waits for a pipe. */
static int open_file(int folder, const char *name, struct stat *out_status)
{
    CORDON_CLEANUP(fd_closep) int fd =
        openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == NO_FD) {
        return NO_FD;
    }
    if (fstat(fd, out_status) != 0 || !S_ISREG(out_status->st_mode)) {
        errno = EINVAL;
        return NO_FD;
    }
    return fd_take(&fd);
}

static cordon_error *read_key(int folder, uint8_t out_key[KEY_BYTES])
{
    struct stat status;
    CORDON_CLEANUP(fd_closep) int fd = open_file(folder, key_name, &status);
    if (fd == NO_FD && errno == ENOENT) {
        TRY(make_key(folder));
        fd = open_file(folder, key_name, &status);
    }
    if (fd == NO_FD) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "the key file %s could not be opened: %s%s", key_name,
            strerrordesc_np(errno), advice_on(errno));
    }
    if (!folder_is_private(&status)) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the key file %s is not this user's alone; delete it, as others may know it, and all "
            "modules are compiled anew",
            key_name);
    }
    if (status.st_size != KEY_BYTES || !read_whole(fd, out_key, KEY_BYTES)) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the key file %s is damaged; delete it, and all modules are compiled anew", key_name);
    }
    return NULL;
}

/* Which files are to be deleted. */
struct deletion {
    bool (*is_over)(const char *name, const void *arg);
    const void *arg;
};

static void delete_if_over(int folder, const char *name, void *arg)
{
    const struct deletion *deletion = arg;
    if (deletion->is_over(name, deletion->arg)) {
        (void)unlinkat(folder, name, 0);
    }
}

/* Best effort: what stays is only in the way. */
static void delete_where(
    int folder, bool (*is_over)(const char *name, const void *arg), const void *arg)
{
    struct deletion deletion = {is_over, arg};
    folder_each(folder, delete_if_over, &deletion);
}

/* What a crash has left half-written. */
static bool is_temporary(const char *name, const void *arg)
{
    (void)arg;
    return slice_starts_with(slice_str(name), slice_str(temporary_prefix));
}

static void cache_closep(struct artifact_cache **cache)
{
    artifact_cache_close(*cache);
}

cordon_error *artifact_cache_open(
    const char *folder, const struct engine *engine, struct artifact_cache **out_cache)
{
    CORDON_CLEANUP(cache_closep) struct artifact_cache *cache = MEM_NEW(struct artifact_cache);
    if (cache == NULL) {
        return error_no_memory();
    }
    cache->folder = NO_FD;
    memcpy(cache->fingerprint, engine_fingerprint(engine), sizeof cache->fingerprint);
    TRY(folder_open(folder, "the folder for compiled modules", &cache->folder));
    TRY(read_key(cache->folder, cache->key));
    delete_where(cache->folder, is_temporary, NULL);
    *out_cache = CORDON_TAKE(cache);
    return NULL;
}

void artifact_cache_close(struct artifact_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    fd_closep(&cache->folder);
    explicit_bzero(cache->key, sizeof cache->key);
    mem_free(cache);
}

/* -- One file ------------------------------------------------------------------------------- */

struct file_name {
    char text[10 + 1 + 2 * SHA256_BYTES + 1];
};

static struct file_name name_of(uint32_t tenant, const uint8_t module_hash[SHA256_BYTES])
{
    struct file_name name;
    const int size = snprintf(name.text, sizeof name.text, "%" PRIu32 "-", tenant);
    hex_encode(slice_of(module_hash, SHA256_BYTES), name.text + size);
    return name;
}

struct kept {
    uint32_t tenant;
    const uint8_t (*hashes)[SHA256_BYTES];
    size_t count;
};

/* An artifact of that tenant, and of none of these modules. */
static bool is_not_kept(const char *name, const void *arg)
{
    const struct kept *kept = arg;
    static const uint8_t no_hash[SHA256_BYTES];
    const struct file_name some = name_of(kept->tenant, no_hash);
    const size_t prefix_size = strlen(some.text) - 2 * (size_t)SHA256_BYTES;
    if (strlen(name) != strlen(some.text) || memcmp(name, some.text, prefix_size) != 0) {
        return false;
    }
    for (size_t i = 0; i < kept->count; i++) {
        if (strcmp(name, name_of(kept->tenant, kept->hashes[i]).text) == 0) {
            return false;
        }
    }
    return true;
}

void artifact_cache_keep(
    struct artifact_cache *cache,
    uint32_t tenant,
    const uint8_t (*module_hashes)[SHA256_BYTES],
    size_t count)
{
    const struct kept kept = {.tenant = tenant, .hashes = module_hashes, .count = count};
    delete_where(cache->folder, is_not_kept, &kept);
}

static void put_number(uint8_t *out, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(number >> (8 * i));
    }
}

/* All of the header but the MAC, which covers it and everything else. */
static void make_header(
    const struct artifact_cache *cache,
    uint32_t tenant,
    const uint8_t module_hash[SHA256_BYTES],
    struct slice code,
    uint8_t out_header[HEADER_BYTES])
{
    uint8_t tenant_bytes[4];
    put_number(tenant_bytes, tenant, sizeof tenant_bytes);
    memcpy(out_header, magic, sizeof magic);
    put_number(out_header + 8, VERSION, 4);
    put_number(out_header + 12, 0, 4);
    put_number(out_header + 16, code.size, 8);
    const struct slice parts[] = {
        slice_of(out_header, HEADER_BYTES - SHA256_BYTES),
        slice_of(tenant_bytes, sizeof tenant_bytes),
        slice_of(module_hash, SHA256_BYTES),
        slice_of(cache->fingerprint, sizeof cache->fingerprint),
        code,
    };
    hash_hmac_sha256(
        slice_of(cache->key, KEY_BYTES), parts, sizeof parts / sizeof parts[0],
        out_header + HEADER_BYTES - SHA256_BYTES);
}

/* Copies `size` bytes, each file from its place; `*out_whole` is false if `from` ends before. */
static cordon_error *copy(int from, int to, uint64_t size, bool *out_whole)
{
    uint8_t chunk[16384];
    while (size > 0) {
        const size_t part = size < sizeof chunk ? (size_t)size : sizeof chunk;
        if (!read_whole(from, chunk, part)) {
            *out_whole = false;
            return NULL;
        }
        TRY(fd_write(to, slice_of(chunk, part)));
        size -= part;
    }
    *out_whole = true;
    return NULL;
}

/* The code of an open file in a sealed memfd, if it holds. */
static cordon_error *read_verified(
    const struct artifact_cache *cache,
    int file,
    uint64_t file_size,
    uint32_t tenant,
    const uint8_t module_hash[SHA256_BYTES],
    bool *out_holds,
    int *out_fd)
{
    uint8_t found[HEADER_BYTES];
    *out_holds = false;
    if (file_size <= HEADER_BYTES || file_size - HEADER_BYTES > CODE_BYTES_MAX ||
        !read_whole(file, found, sizeof found)) {
        return NULL;
    }
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    bool whole = false;
    TRY(sealed_new(&fd));
    TRY(copy(file, fd, file_size - HEADER_BYTES, &whole));
    if (!whole) {
        return NULL;
    }
    TRY(sealed_finish(fd));
    CORDON_CLEANUP(sealed_view_close) struct sealed_view view = {0};
    TRY(sealed_view_open(fd, &view));
    uint8_t wanted[HEADER_BYTES];
    make_header(cache, tenant, module_hash, view.bytes, wanted);
    if (hash_equal_constant_time(found, wanted, HEADER_BYTES)) {
        *out_holds = true;
        *out_fd = fd_take(&fd);
    }
    return NULL;
}

cordon_error *artifact_cache_get(
    struct artifact_cache *cache,
    uint32_t tenant,
    const uint8_t module_hash[SHA256_BYTES],
    bool *out_found,
    int *out_fd)
{
    const struct file_name name = name_of(tenant, module_hash);
    struct stat status;
    CORDON_CLEANUP(fd_closep) int file = open_file(cache->folder, name.text, &status);
    if (file == NO_FD && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "a compiled module could not be opened: %s%s", strerrordesc_np(errno),
            advice_on(errno));
    }
    if (file == NO_FD) {
        /* Not there, or not a file of ours: a link, a pipe. put() replaces whatever it is. */
        *out_found = false;
        return NULL;
    }
    bool holds = false;
    TRY(read_verified(cache, file, (uint64_t)status.st_size, tenant, module_hash, &holds, out_fd));
    if (!holds) {
        (void)unlinkat(cache->folder, name.text, 0);
    }
    *out_found = holds;
    return NULL;
}

static cordon_error *write_file(int file, const uint8_t header[HEADER_BYTES], struct slice code)
{
    TRY(fd_write(file, slice_of(header, HEADER_BYTES)));
    return fd_write(file, code);
}

cordon_error *artifact_cache_put(
    struct artifact_cache *cache, uint32_t tenant, const uint8_t module_hash[SHA256_BYTES], int fd)
{
    CORDON_CLEANUP(sealed_view_close) struct sealed_view view = {0};
    TRY(sealed_view_open(fd, &view));
    if (view.bytes.size > CODE_BYTES_MAX) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE, "machine code of %zu bytes is not kept; at most %llu are",
            view.bytes.size, (unsigned long long)CODE_BYTES_MAX);
    }
    uint8_t header[HEADER_BYTES];
    make_header(cache, tenant, module_hash, view.bytes, header);

    const struct file_name name = name_of(tenant, module_hash);
    const struct temporary_name temporary = make_temporary_name();
    CORDON_CLEANUP(fd_closep) int file = NO_FD;
    TRY(open_new(cache->folder, temporary.text, &file));
    cordon_error *error = write_file(file, header, view.bytes);
    if (error == NULL && renameat(cache->folder, temporary.text, cache->folder, name.text) != 0) {
        error = cordon_error_new(
            CORDON_E_SYSTEM, "a compiled module could not be put in its place: %s%s",
            strerrordesc_np(errno), advice_on(errno));
    }
    if (error != NULL) {
        (void)unlinkat(cache->folder, temporary.text, 0);
    }
    return error;
}
