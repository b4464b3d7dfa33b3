/* Keys and their files; see keys.h. */
#include "http/keys.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "http/parse.h"
#include "observe/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES 32
#define KEYS_MAX 4096
#define KEY_NAME "default|" /* the one deployment there is */
#define KEY_FILE_HEAD "cordon admin key 1 sha256 "
#define HASH_HEX_SIZE ((size_t)2 * SHA256_BYTES)
/* File times move in steps; a folder that changed this lately may change again unseen. */
#define SETTLED_AFTER_S 2
/* What is wrong with the files is told once in so long. */
#define TELL_EVERY_NS ((uint64_t)60 * 1000000000)

/* Where a key may be: whether it is accepted its file says when it is asked for. */
struct key_file {
    char name[NAME_MAX + 1];
    uint8_t hash[SHA256_BYTES];
};

struct keys {
    char *folder; /* keys.d, or NULL */
    struct log *log;
    pthread_mutex_t lock;
    struct timespec changed; /* of the folder, when it was read */
    bool read_once;
    uint64_t told_ns;
    struct key_file *files;
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

/* -- Reading -------------------------------------------------------------------------------- */

enum key_state {
    KEY_GOOD,
    KEY_EXPOSED, /* others may have read or changed it, or put it there */
    KEY_NONE,    /* no file of a key */
    KEY_UNSEEN,  /* the machine did not let us look */
};

/* A failure that says nothing of the file: it may be there and good. */
static bool is_of_machine(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOMEM || code == EIO;
}

static enum key_state state_of_failure(int code)
{
    return is_of_machine(code) ? KEY_UNSEEN : KEY_NONE;
}

static void tell(struct keys *keys, struct slice file)
{
    const uint64_t now = clock_monotonic_ns();
    if (keys->told_ns != 0 && now - keys->told_ns < TELL_EVERY_NS) {
        return;
    }
    keys->told_ns = now;
    const struct log_field fields[] = {
        LOG_FIELD_STRING(
            "message",
            SLICE("an admin key is not accepted: its file, or the folder, belongs to another user "
                  "or is open to others; remove the file and make a new key with `cordon keygen "
                  "admin`, as the user of this server")),
        LOG_FIELD_STRING("file", file)};
    log_write(keys->log, LOG_WARN, "admin_key_ignored", fields, sizeof fields / sizeof fields[0]);
}

static bool is_ours(const struct stat *status, mode_t closed_to_others)
{
    return status->st_uid == geteuid() && (status->st_mode & closed_to_others) == 0;
}

/* Up to `size` bytes of a file; -1 on failure. */
static ssize_t read_whole(int fd, char *bytes, size_t size)
{
    size_t at = 0;
    for (;;) {
        const ssize_t got = read(fd, bytes + at, size - at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -1 : (ssize_t)at;
        }
        at += (size_t)got;
    }
}

/* What an open file says, with the hash if it is one of a key. */
static enum key_state read_open_file(int fd, uint8_t out_hash[SHA256_BYTES])
{
    struct stat status;
    char text[sizeof KEY_FILE_HEAD + (size_t)2 * SHA256_BYTES] = "";
    if (fstat(fd, &status) != 0) {
        return KEY_UNSEEN;
    }
    if (!S_ISREG(status.st_mode)) {
        return KEY_NONE;
    }
    const ssize_t size = read_whole(fd, text, sizeof text);
    if (size < 0) {
        return KEY_UNSEEN;
    }
    const size_t head = sizeof KEY_FILE_HEAD - 1;
    if ((size_t)size < head + HASH_HEX_SIZE || memcmp(text, KEY_FILE_HEAD, head) != 0 ||
        !hex_decode(slice_of(text + head, HASH_HEX_SIZE), out_hash, SHA256_BYTES)) {
        return KEY_NONE;
    }
    return is_ours(&status, S_IRWXG | S_IRWXO) ? KEY_GOOD : KEY_EXPOSED;
}

/* The hash in a key file, if it is good or exposed. */
static enum key_state read_key_file(int folder, const char *name, uint8_t out_hash[SHA256_BYTES])
{
    CORDON_ASSERT(folder >= 0);
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return state_of_failure(errno);
    }
    const enum key_state state = read_open_file(fd, out_hash);
    (void)close(fd);
    return state;
}

/* Takes note of a file of the folder; false if it can't be seen, or there is no memory to. */
static bool note_file(struct keys *keys, int folder, const char *name)
{
    uint8_t hash[SHA256_BYTES];
    const enum key_state state = name[0] == '.' ? KEY_NONE : read_key_file(folder, name, hash);
    if (state == KEY_NONE || state == KEY_UNSEEN) {
        return state == KEY_NONE;
    }
    if (state == KEY_EXPOSED) {
        tell(keys, slice_str(name));
    }
    struct key_file *grown = mem_realloc(keys->files, (keys->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    keys->files = grown;
    struct key_file *file = &grown[keys->count++];
    (void)snprintf(file->name, sizeof file->name, "%s", name);
    memcpy(file->hash, hash, sizeof hash);
    return true;
}

/* False if not all of it could be seen. */
static bool read_folder(struct keys *keys)
{
    keys->count = 0;
    DIR *folder = opendir(keys->folder);
    if (folder == NULL) {
        return !is_of_machine(errno);
    }
    bool is_seen = true;
    bool more = true;
    while (is_seen && more && keys->count < KEYS_MAX) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        more = entry != NULL;
        is_seen = more ? note_file(keys, dirfd(folder), entry->d_name) : errno == 0;
    }
    (void)closedir(folder);
    return is_seen;
}

static bool is_settled(const struct timespec *changed)
{
    const uint64_t now_s = clock_wall_ns() / 1000000000;
    return changed->tv_sec >= 0 && now_s > (uint64_t)changed->tv_sec + SETTLED_AFTER_S;
}

/* Forgets all keys. */
static void forget(struct keys *keys)
{
    keys->count = 0;
    keys->read_once = false;
}

/*
 * A rename into the folder changes its time, so a stat tells whether to look again. False if the
 * folder could not be seen now, or not all of it.
 */
static bool refresh(struct keys *keys)
{
    struct stat status;
    if (stat(keys->folder, &status) != 0) {
        const bool is_gone = !is_of_machine(errno);
        forget(keys);
        return is_gone;
    }
    if (!is_ours(&status, S_IWGRP | S_IWOTH)) {
        tell(keys, SLICE("keys.d"));
        forget(keys);
        return true;
    }
    if (keys->read_once && status.st_mtim.tv_sec == keys->changed.tv_sec &&
        status.st_mtim.tv_nsec == keys->changed.tv_nsec) {
        return true;
    }
    keys->changed = status.st_mtim;
    const bool is_seen = read_folder(keys);
    keys->read_once = is_seen && keys->count > 0 && is_settled(&status.st_mtim);
    return is_seen;
}

/* The folder's time does not tell what became of a file that stayed where it was. */
static enum key_state look_again(struct keys *keys, const struct key_file *file)
{
    const int folder = open(keys->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return state_of_failure(errno);
    }
    uint8_t hash[SHA256_BYTES];
    const enum key_state state = read_key_file(folder, file->name, hash);
    (void)close(folder);
    if (state == KEY_EXPOSED) {
        tell(keys, slice_str(file->name));
    }
    return state == KEY_GOOD && memcmp(hash, file->hash, sizeof hash) != 0 ? KEY_NONE : state;
}

/* -- Accepting ------------------------------------------------------------------------------ */

cordon_error *keys_new(const char *folder, struct log *log, struct keys **out_keys)
{
    struct keys *keys = MEM_NEW(struct keys);
    if (keys == NULL) {
        return error_no_memory();
    }
    (void)pthread_mutex_init(&keys->lock, NULL);
    keys->log = log;
    if (folder != NULL) {
        cordon_error *error = join(folder, "keys.d", &keys->folder);
        if (error != NULL) {
            keys_free(keys);
            return error;
        }
        (void)refresh(keys); /* so that what is wrong with them is told at once */
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
    mem_free(keys->files);
    mem_free(keys);
}

static enum keys_verdict judge(struct keys *keys, const uint8_t hash[SHA256_BYTES])
{
    const bool is_seen = refresh(keys);
    const struct key_file *found = NULL;
    for (size_t i = 0; i < keys->count; i++) { /* all of them, so that time tells nothing */
        if (hash_equal_constant_time(hash, keys->files[i].hash, SHA256_BYTES)) {
            found = &keys->files[i];
        }
    }
    if (found == NULL) {
        return is_seen ? KEYS_REFUSED : KEYS_UNSEEN;
    }
    const enum key_state state = look_again(keys, found);
    return state == KEY_GOOD ? KEYS_ACCEPTED : state == KEY_UNSEEN ? KEYS_UNSEEN : KEYS_REFUSED;
}

/* Takes what is before the first `:` off; false if there is none. */
static bool split(struct slice *text, struct slice *out_before)
{
    const uint8_t *colon = text->size == 0 ? NULL : memchr(text->data, ':', text->size);
    *out_before = colon == NULL ? *text : slice_of(text->data, (size_t)(colon - text->data));
    *text = slice_from(*text, colon == NULL ? text->size : out_before->size + 1);
    return colon != NULL;
}

struct slice keys_acting(struct slice authorization)
{
    struct slice key = {0};
    struct slice rest = {0};
    const bool acts = http_authorization_is(authorization, "convex", &rest) && split(&rest, &key);
    return acts ? rest : slice_of(NULL, 0);
}

enum keys_verdict keys_judge(struct keys *keys, struct slice authorization)
{
    struct slice key = {0};
    struct slice rest = {0};
    uint8_t secret[KEY_BYTES];
    if (http_authorization_is(authorization, "convex", &rest)) {
        (void)split(&rest, &key);
    }
    if (keys->folder == NULL || !slice_starts_with(key, SLICE(KEY_NAME)) ||
        !hex_decode(slice_from(key, sizeof KEY_NAME - 1), secret, sizeof secret)) {
        return KEYS_REFUSED;
    }
    uint8_t hash[SHA256_BYTES];
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, hash);
    (void)pthread_mutex_lock(&keys->lock);
    const enum keys_verdict verdict = judge(keys, hash);
    (void)pthread_mutex_unlock(&keys->lock);
    return verdict;
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
            CORDON_E_SYSTEM, "the key can't be kept in '%s': %s; %s", folder, strerror(reason),
            reason == ENOSPC || reason == EDQUOT
                ? "make room on its disk and try again"
                : "run this as the user of the server, or name its data folder with --data");
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
    CORDON_CLEANUP_BUFFER struct buffer
        key; /* before there is a file that nobody knows the key of */
    buffer_init(&key, 256);
    TRY(buffer_printf(&key, KEY_NAME "%s", secret_hex));
    TRY(buffer_append_byte(&key, '\0'));
    TRY(put_file(keys_folder, name, buffer_slice(&text)));
    size_t size = 0;
    *out_key = (char *)buffer_take(&key, &size);
    return NULL;
}
