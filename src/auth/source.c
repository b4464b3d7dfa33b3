/* Files of keys; see source.h. */
#include "auth/source.h"

#include "auth/key_url.h"
#include "base/clock.h"
#include "base/memory.h"
#include "value/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

/* File times move in steps; a file that changed this lately may change again unseen. */
#define SETTLED_AFTER_S 2
/* What is wrong with a file is told once in so long. */
#define TELL_EVERY_NS ((uint64_t)60 * 1000000000)
/* The file is looked at this often at most. */
#define LOOK_EVERY_NS ((uint64_t)100 * 1000000)

struct auth_source {
    char *path;         /* NULL: it stands in the configuration */
    char *url;          /* whose keys are kept there; NULL: it is a file of the operator's */
    atomic_uint wishes; /* 0: that its keys be fetched is not wished */
    struct auth_teller teller;
    pthread_mutex_t lock; /* over all below */
    struct auth_keys *keys;
    uint64_t readings;
    struct stat seen; /* of the file that they are of */
    bool is_settled;
    uint64_t looked_ns;
    uint64_t told_ns;
};

/* -- Reading -------------------------------------------------------------------------------- */

static cordon_error *unreadable(const char *path, int reason)
{
    return cordon_error_new(
        CORDON_E_SYSTEM,
        "the key set '%s' can't be read: %s; put the provider's public keys there, readable by "
        "this user. A server that runs and is confined reads new ones in the folders of the old "
        "ones and of its config file",
        path, strerrordesc_np(reason));
}

static bool is_ours(const struct stat *status)
{
    return (status->st_uid == geteuid() || status->st_uid == 0) &&
           (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static cordon_error *check_file(const char *path, const struct stat *status)
{
    if (!S_ISREG(status->st_mode)) {
        return cordon_error_new(CORDON_E_SYSTEM, "the key set '%s' must be a file", path);
    }
    if (!is_ours(status)) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the key set '%s' belongs to another user, or others may write to it: who can do that "
            "can be every user. Run `chown` and `chmod 644`",
            path);
    }
    return NULL;
}

/* Up to the ceiling and a byte more, so that a file over it is seen to be. */
static cordon_error *read_file(const char *path, int fd, struct buffer *out)
{
    for (;;) {
        TRY(buffer_reserve(out, 4096));
        const ssize_t got = read(fd, out->data + out->size, 4096);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return unreadable(path, errno);
        }
        out->size += (size_t)got;
        if (got == 0 || out->size > AUTH_KEYS_BYTES_MAX) {
            return NULL;
        }
    }
}

static cordon_error *parse_file(
    const char *path, int fd, struct stat *out_status, struct auth_keys **out_keys)
{
    CORDON_CLEANUP_BUFFER struct buffer text;
    buffer_init(&text, AUTH_KEYS_BYTES_MAX + 8192);
    if (fstat(fd, out_status) != 0) {
        return unreadable(path, errno);
    }
    TRY(check_file(path, out_status));
    TRY(read_file(path, fd, &text));
    cordon_error *error = auth_keys_parse(buffer_slice(&text), out_keys);
    if (error == NULL || cordon_error_get_code(error) == CORDON_E_NO_MEMORY) {
        return error;
    }
    cordon_error *told = cordon_error_new(
        cordon_error_get_code(error), "the key set '%s': %s", path,
        cordon_error_get_message(error));
    cordon_error_free(error);
    return told;
}

static cordon_error *load(const char *path, struct stat *out_status, struct auth_keys **out_keys)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return unreadable(path, errno);
    }
    cordon_error *error = parse_file(path, fd, out_status, out_keys);
    (void)close(fd);
    return error;
}

/* -- Changes -------------------------------------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool has_settled(const struct stat *status)
{
    return clock_wall_ns() / 1000000000 > (uint64_t)status->st_ctim.tv_sec + SETTLED_AFTER_S;
}

static void tell(struct auth_source *source, const char *words)
{
    const uint64_t now_ns = clock_monotonic_ns();
    if (source->teller.tell != NULL &&
        (source->told_ns == 0 || now_ns - source->told_ns >= TELL_EVERY_NS)) {
        source->told_ns = now_ns;
        source->teller.tell(source->teller.arg, source->path, words);
    }
}

static void replace(struct auth_source *source, struct auth_keys *keys)
{
    auth_keys_unref(source->keys);
    source->keys = keys;
    source->readings++;
}

/* The old keys stay if the new ones can't be read; they are looked for again. */
static void reload(struct auth_source *source)
{
    struct auth_keys *keys = NULL;
    struct stat status = {0};
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = load(source->path, &status, &keys);
    if (error != NULL) {
        tell(source, cordon_error_get_message(error));
        source->is_settled = false;
        return;
    }
    replace(source, keys);
    source->seen = status;
    source->is_settled = has_settled(&status);
}

/* Of a URL there is no file before its keys have come. */
static void lose(struct auth_source *source)
{
    if (source->url == NULL || source->keys != NULL) {
        tell(source, "the file of keys is gone; nobody can sign in by it any more");
    }
    replace(source, NULL);
    source->is_settled = false;
}

static void refresh(struct auth_source *source)
{
    const uint64_t now_ns = clock_monotonic_ns();
    struct stat status;
    if (now_ns - source->looked_ns < LOOK_EVERY_NS) {
        return;
    }
    source->looked_ns = now_ns;
    if (stat(source->path, &status) != 0 && errno == ENOENT) {
        lose(source);
    } else if (!source->is_settled || !is_same(&status, &source->seen)) {
        reload(source);
    }
}

const char *auth_source_path(const struct auth_source *source)
{
    return source->path;
}

const char *auth_source_url(const struct auth_source *source)
{
    return source->url;
}

void auth_source_wish(struct auth_source *source, bool is_wished)
{
    (void)atomic_fetch_or(&source->wishes, is_wished ? 1U : 0U);
}

bool auth_source_take_wish(struct auth_source *source)
{
    return atomic_exchange(&source->wishes, 0U) != 0 && source->url != NULL;
}

struct auth_keys *auth_source_keys(struct auth_source *source, uint64_t *out_reading)
{
    (void)pthread_mutex_lock(&source->lock);
    if (source->path != NULL) {
        refresh(source);
    }
    struct auth_keys *keys = auth_keys_ref(source->keys);
    *out_reading = source->readings;
    (void)pthread_mutex_unlock(&source->lock);
    return keys;
}

/* -- Life ----------------------------------------------------------------------------------- */

#define DATA_PREFIX "data:"
#define DATA_MARK ";base64,"

/* A key set in a text as Convex's data URLs have it. */
static cordon_error *parse_data(const char *place, struct auth_keys **out_keys)
{
    const char *mark = strstr(place, DATA_MARK);
    const struct slice text = slice_str(mark == NULL ? "" : mark + sizeof DATA_MARK - 1);
    CORDON_CLEANUP_BUFFER struct buffer bytes;
    buffer_init(&bytes, 2 * AUTH_KEYS_BYTES_MAX);
    TRY(buffer_reserve(&bytes, base64_decoded_size_max(text.size)));
    if (mark == NULL || !base64_decode(text, BASE64_STANDARD, bytes.data, &bytes.size)) {
        return cordon_error_new(
            CORDON_E_INVALID, "a key set in the configuration is `data:application/json;base64,` "
                              "and its text in base64");
    }
    return auth_keys_parse(buffer_slice(&bytes), out_keys);
}

/* What was fetched before is good at once; what can't be read of it is told, and comes again. */
static cordon_error *open_url(struct auth_source *source, const char *url, const char *folder)
{
    CORDON_CLEANUP_BUFFER struct buffer path;
    buffer_init(&path, 65536);
    TRY(key_url_check(url));
    if (folder == NULL) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "the keys of '%s' would be kept in the data folder, which there is none of; name a "
            "file in `jwks`, or give the runtime a data folder",
            url);
    }
    TRY(key_url_path(folder, url, &path));
    source->path = mem_copy_string(slice_str((const char *)path.data));
    source->url = mem_copy_string(slice_str(url));
    if (source->path == NULL || source->url == NULL) {
        return error_no_memory();
    }
    refresh(source);
    return NULL;
}

static cordon_error *open_source(
    struct auth_source *source, const char *place, const char *url_folder)
{
    if (key_url_is(place)) {
        return open_url(source, place, url_folder);
    }
    if (strncmp(place, DATA_PREFIX, sizeof DATA_PREFIX - 1) == 0) {
        return parse_data(place, &source->keys);
    }
    source->path = mem_copy_string(slice_str(place));
    if (source->path == NULL) {
        return error_no_memory();
    }
    TRY(load(place, &source->seen, &source->keys));
    source->is_settled = has_settled(&source->seen);
    return NULL;
}

cordon_error *auth_source_new(
    const char *place,
    const char *url_folder,
    struct auth_teller teller,
    struct auth_source **out_source)
{
    struct auth_source *source = MEM_NEW(struct auth_source);
    if (source == NULL) {
        return error_no_memory();
    }
    source->teller = teller;
    (void)pthread_mutex_init(&source->lock, NULL);
    cordon_error *error = open_source(source, place, url_folder);
    if (error != NULL) {
        auth_source_free(source);
        return error;
    }
    *out_source = source;
    return NULL;
}

void auth_source_free(struct auth_source *source)
{
    if (source != NULL) {
        (void)pthread_mutex_destroy(&source->lock);
        auth_keys_unref(source->keys);
        mem_free(source->path);
        mem_free(source->url);
        mem_free(source);
    }
}
