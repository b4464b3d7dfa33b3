/*
 * Machine code on disk, as anybody may have changed it. Whatever is in the file, it counts for
 * nothing until its MAC holds: nothing of it is read for what it says before, and nothing but the
 * very bytes that were put ever comes back.
 *
 * The input is either a whole file (first byte even), or changes to a good one (first byte odd):
 * its size, and for each change two bytes of place, modulo the file's size, and one to xor; a place
 * without a byte behind it cuts the file there. A file that does not hold is deleted.
 */
#include "engine/compiler.h"

#include "base/hash.h"
#include "engine/internal.h"
#include "engine/sealed.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TENANT = 7, CODE_BYTES_MAX = 256, FILE_BYTES_MAX = 4096 };

/* Of the engine the cache only asks for the fingerprint. */
static struct engine engine = {.fingerprint = {1}};
static const uint8_t module_hash[SHA256_BYTES] = {0xaa, 1, 2, 3};
static struct artifact_cache *cache;
static char folder[64];
static char path[sizeof folder + 2 * SHA256_BYTES + 16];

static void must(cordon_error *error)
{
    CORDON_ASSERT(error == NULL);
}

static void remove_folder(void)
{
    char key[sizeof folder + 16];
    (void)snprintf(key, sizeof key, "%s/artifacts.key", folder);
    (void)unlink(path);
    (void)unlink(key);
    (void)rmdir(folder);
    artifact_cache_close(cache);
}

/* One folder for all runs, in memory if there is a place. */
static void open_cache(void)
{
    char hex[2 * SHA256_BYTES + 1];
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(folder, sizeof folder, "%s/cordon-fuzz-XXXXXX", base);
    CORDON_ASSERT(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    hex_encode(slice_of(module_hash, sizeof module_hash), hex);
    (void)snprintf(path, sizeof path, "%s/%d-%s", folder, TENANT, hex);
    must(artifact_cache_open(folder, &engine, &cache));
}

/* -- Files ----------------------------------------------------------------------------------- */

struct file {
    size_t size;
    uint8_t bytes[FILE_BYTES_MAX];
};

static void read_file(struct file *file)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    CORDON_ASSERT(fd >= 0);
    const ssize_t got = read(fd, file->bytes, sizeof file->bytes);
    CORDON_ASSERT(got > 0 && close(fd) == 0);
    file->size = (size_t)got;
}

static void write_file(const struct file *file)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    CORDON_ASSERT(fd >= 0);
    const ssize_t written = write(fd, file->bytes, file->size);
    CORDON_ASSERT(written == (ssize_t)file->size && close(fd) == 0);
}

/* Puts code, and takes the file that came of it. */
static void put(struct slice code, struct file *out_file)
{
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    must(sealed_new(&fd));
    must(fd_write(fd, code));
    must(sealed_finish(fd));
    must(artifact_cache_put(cache, TENANT, module_hash, fd));
    read_file(out_file);
}

static void change(struct file *file, struct slice changes)
{
    while (changes.size >= 2 && file->size > 0) {
        const size_t at = ((size_t)changes.data[0] << 8 | changes.data[1]) % file->size;
        if (changes.size == 2) {
            file->size = at;
            return;
        }
        file->bytes[at] ^= changes.data[2];
        changes = slice_from(changes, 3);
    }
}

/* -- What comes back ------------------------------------------------------------------------- */

static void expect(struct slice code, bool holds)
{
    CORDON_CLEANUP(fd_closep) int fd = NO_FD;
    bool found = false;
    must(artifact_cache_get(cache, TENANT, module_hash, &found, &fd));
    CORDON_ASSERT(found == holds && (fd != NO_FD) == holds);
    CORDON_ASSERT((access(path, F_OK) == 0) == holds);
    if (holds) {
        CORDON_CLEANUP(sealed_view_close) struct sealed_view view = {0};
        must(sealed_view_open(fd, &view));
        CORDON_ASSERT(slice_equal(view.bytes, code));
    }
}

/* What a deploy keeps, and what it does not. */
static void keep(struct slice code)
{
    static struct file file;
    put(code, &file);
    artifact_cache_keep(cache, TENANT + 1, NULL, 0);
    artifact_cache_keep(cache, TENANT, &module_hash, 1);
    expect(code, true);
    artifact_cache_keep(cache, TENANT, NULL, 0);
    expect(code, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t code[CODE_BYTES_MAX];
    static struct file good;
    static struct file file;
    if (cache == NULL) {
        open_cache();
    }
    if (size < 2) {
        return 0;
    }
    const struct slice all = slice_of(code, (size_t)data[1] + 1);
    const struct slice rest = slice_of(data + 2, size - 2);
    put(all, &good);
    expect(all, true);
    file = good;
    if (data[0] % 2 == 1) {
        change(&file, rest);
    } else {
        file.size = rest.size < sizeof file.bytes ? rest.size : sizeof file.bytes;
        memcpy(file.bytes, rest.data, file.size);
    }
    write_file(&file);
    /* Not by memcmp, from which a fuzzer learns what it compares: the MAC of a file. */
    expect(
        all, file.size == good.size && hash_equal_constant_time(file.bytes, good.bytes, good.size));
    keep(all);
    return 0;
}
