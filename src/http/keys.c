/* Keys and their files; see keys.h. */
#include "http/keys.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES 32
#define KEYS_MAX 4096
#define KEY_FILE_HEAD "cordon admin key 1 sha256 "
#define HASH_HEX_SIZE ((size_t)2 * SHA256_BYTES)

struct keys {
    char *folder; /* keys.d, or NULL */
    pthread_mutex_t lock;
    struct timespec changed; /* of the folder, when it was read */
    bool read_once;
    uint8_t (*hashes)[SHA256_BYTES];
    size_t count;
};

static cordon_error *join(const char *folder, const char *name, char **out_path)
{
    CORDON_CLEANUP_BUFFER struct buffer path;
    buffer_init(&path, 8192);
    TRY(buffer_printf(&path, "%s/%s", folder, name));
    TRY(buffer_append_byte(&path, '\0'));
    size_t size = 0;
    *out_path = (char *)buffer_take(&path, &size);
    return NULL;
}

static void mem_freep(char **text)
{
    mem_free(*text);
    *text = NULL;
}

cordon_error *keys_new(const char *folder, struct keys **out_keys)
{
    struct keys *keys = MEM_NEW(struct keys);
    if (keys == NULL) {
        return error_no_memory();
    }
    (void)pthread_mutex_init(&keys->lock, NULL);
    if (folder != NULL) {
        cordon_error *error = join(folder, "keys.d", &keys->folder);
        if (error != NULL) {
            keys_free(keys);
            return error;
        }
    }
    *out_keys = keys;
    return NULL;
}

void keys_free(struct keys *keys)
{
    if (keys == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&keys->lock);
    mem_free(keys->folder);
    mem_free(keys->hashes);
    mem_free(keys);
}

/* The hash in a key file; false unless it is ours alone and well-formed. */
static bool read_key_file(int folder, const char *name, uint8_t out_hash[SHA256_BYTES])
{
    CORDON_ASSERT(folder >= 0);
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    struct stat status;
    char text[sizeof KEY_FILE_HEAD + (size_t)2 * SHA256_BYTES] = "";
    ssize_t size = -1;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        (status.st_mode & 077) == 0) {
        size = read(fd, text, sizeof text);
    }
    (void)close(fd);
    const size_t head = sizeof KEY_FILE_HEAD - 1;
    return size >= (ssize_t)(head + HASH_HEX_SIZE) && memcmp(text, KEY_FILE_HEAD, head) == 0 &&
           hex_decode(slice_of(text + head, HASH_HEX_SIZE), out_hash, SHA256_BYTES);
}

static void read_folder(struct keys *keys)
{
    keys->count = 0;
    DIR *folder = opendir(keys->folder);
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL && keys->count < KEYS_MAX;
         entry = readdir(folder)) {
        uint8_t hash[SHA256_BYTES];
        if (entry->d_name[0] == '.' || !read_key_file(dirfd(folder), entry->d_name, hash)) {
            continue;
        }
        uint8_t(*grown)[SHA256_BYTES] =
            mem_realloc(keys->hashes, (keys->count + 1) * sizeof *keys->hashes);
        if (grown == NULL) {
            break;
        }
        keys->hashes = grown;
        memcpy(keys->hashes[keys->count++], hash, SHA256_BYTES);
    }
    (void)closedir(folder);
}

/* File times move in steps; a folder that changed this lately may change again unseen. */
#define SETTLED_AFTER_S 2

static bool is_settled(const struct timespec *changed)
{
    const uint64_t now_s = clock_wall_ns() / 1000000000;
    return changed->tv_sec >= 0 && now_s > (uint64_t)changed->tv_sec + SETTLED_AFTER_S;
}

/* A rename into the folder changes its time, so a stat tells whether to look again. */
static void refresh(struct keys *keys)
{
    struct stat status;
    if (stat(keys->folder, &status) != 0) {
        keys->count = 0;
        keys->read_once = false;
        return;
    }
    if (keys->read_once && status.st_mtim.tv_sec == keys->changed.tv_sec &&
        status.st_mtim.tv_nsec == keys->changed.tv_nsec) {
        return;
    }
    keys->changed = status.st_mtim;
    read_folder(keys);
    keys->read_once = keys->count > 0 && is_settled(&status.st_mtim);
}

bool keys_accept(struct keys *keys, struct slice authorization)
{
    const struct slice scheme = SLICE("Convex ");
    if (keys->folder == NULL || !slice_starts_with(authorization, scheme)) {
        return false;
    }
    struct slice key = slice_from(authorization, scheme.size);
    for (size_t i = key.size; i > 0; i--) { /* what stands before the last `|` is a name */
        if (key.data[i - 1] == '|') {
            key = slice_from(key, i);
            break;
        }
    }
    uint8_t secret[KEY_BYTES];
    if (!hex_decode(key, secret, sizeof secret)) {
        return false;
    }
    uint8_t hash[SHA256_BYTES];
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, hash);
    bool accepted = false;
    (void)pthread_mutex_lock(&keys->lock);
    refresh(keys);
    for (size_t i = 0; i < keys->count; i++) { /* all of them, so that time tells nothing */
        accepted |= hash_equal_constant_time(hash, keys->hashes[i], sizeof hash);
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return accepted;
}

/* -- Making --------------------------------------------------------------------------------- */

static cordon_error *make_folder(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST) {
        return NULL;
    }
    return cordon_error_new(
        CORDON_E_SYSTEM,
        "the folder '%s' can't be made: %s; name one that you may write to with --data", path,
        strerror(errno));
}

static bool write_whole(int fd, struct slice bytes)
{
    size_t at = 0;
    while (at < bytes.size) {
        const ssize_t written = write(fd, bytes.data + at, bytes.size - at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        at += (size_t)written;
    }
    return fsync(fd) == 0;
}

/* By a name of its own and a rename, so that nobody ever reads half a file. */
static cordon_error *put_file(const char *folder, const char *name, struct slice content)
{
    CORDON_CLEANUP(mem_freep) char *path = NULL;
    CORDON_CLEANUP(mem_freep) char *draft = NULL;
    CORDON_CLEANUP_BUFFER struct buffer hidden;
    buffer_init(&hidden, 256);
    TRY(buffer_printf(&hidden, ".%s", name));
    TRY(buffer_append_byte(&hidden, '\0'));
    TRY(join(folder, name, &path));
    TRY(join(folder, (const char *)hidden.data, &draft));
    const int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write_whole(fd, content);
    if (fd >= 0) {
        (void)close(fd);
    }
    good = good && rename(draft, path) == 0;
    if (!good) {
        const int reason = errno;
        (void)unlink(draft);
        return cordon_error_new(
            CORDON_E_SYSTEM, "the key can't be kept in '%s': %s", folder, strerror(reason));
    }
    return NULL;
}

cordon_error *keys_make(const char *folder, char **out_key)
{
    CORDON_CLEANUP(mem_freep) char *keys_folder = NULL;
    TRY(make_folder(folder));
    TRY(join(folder, "keys.d", &keys_folder));
    TRY(make_folder(keys_folder));
    uint8_t secret[KEY_BYTES];
    uint8_t hash[SHA256_BYTES];
    char secret_hex[2 * KEY_BYTES + 1];
    char hash_hex[2 * SHA256_BYTES + 1];
    random_system(secret, sizeof secret);
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, hash);
    hex_encode(part, secret_hex);
    hex_encode(slice_of(hash, sizeof hash), hash_hex);
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, 4096);
    TRY(buffer_printf(&text, "%s%s\n", KEY_FILE_HEAD, hash_hex));
    char name[32];
    (void)snprintf(name, sizeof name, "admin-%.16s", hash_hex);
    TRY(put_file(keys_folder, name, buffer_slice(&text)));
    buffer_clear(&text);
    TRY(buffer_printf(&text, "default|%s", secret_hex));
    TRY(buffer_append_byte(&text, '\0'));
    size_t size = 0;
    *out_key = (char *)buffer_take(&text, &size);
    return NULL;
}
