/*
 * Keeping a key set: under another name first, and under its own once it is whole on the disk, so
 * that the server, which looks at the file at any time, sees the old one or the new one.
 */
#include "fetch/fetch.h"

#include "auth/keys.h"
#include "base/advice.h"
#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 8192 };

static cordon_error *unsaved(const char *path, int code)
{
    return cordon_error_new(
        CORDON_E_SYSTEM, "its keys can't be kept in '%s': %s%s", path, strerrordesc_np(code),
        advice_on(code));
}

/* Takes the error. */
static cordon_error *unfit(cordon_error *error)
{
    CORDON_CLEANUP(cordon_error_freep) cordon_error *reason = error;
    return cordon_error_new(
        cordon_error_get_code(reason),
        "it answers with no key set that can be used: %s; see whether the URL is that of the "
        "provider's `jwks_uri`",
        cordon_error_get_message(reason));
}

static bool write_all(int fd, struct slice text)
{
    while (text.size > 0) {
        const ssize_t written = write(fd, text.data, text.size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text = slice_from(text, written < 0 ? 0 : (size_t)written);
    }
    return fsync(fd) == 0;
}

/* Whether the file has these very bytes. */
static bool has(const char *path, struct slice text)
{
    static uint8_t bytes[AUTH_KEYS_BYTES_MAX + 1];
    size_t size = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : 1;
    while (got > 0 && size < sizeof bytes) {
        got = read(fd, bytes + size, sizeof bytes - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0 && got == 0 && slice_equal(slice_of(bytes, size), text);
}

static cordon_error *replace(const char *path, struct slice text)
{
    char draft[PATH_BYTES_MAX];
    (void)snprintf(draft, sizeof draft, "%s.new", path);
    const int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return unsaved(path, errno);
    }
    const bool is_whole = write_all(fd, text);
    const int code = errno;
    (void)close(fd);
    if (!is_whole || rename(draft, path) != 0) {
        const int why = is_whole ? errno : code;
        (void)unlink(draft);
        return unsaved(path, why);
    }
    return NULL;
}

/* The name, too, is on the disk then. */
static cordon_error *sync_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return failed == 0 ? NULL : unsaved(folder, failed);
}

cordon_error *fetch_save(const char *folder, const char *url, struct slice text, bool *out_changed)
{
    CORDON_CLEANUP_BUFFER struct buffer path;
    struct auth_keys *keys = NULL;
    buffer_init(&path, PATH_BYTES_MAX - sizeof ".new");
    cordon_error *error = auth_keys_parse(text, &keys);
    if (error != NULL) {
        return unfit(error);
    }
    auth_keys_unref(keys);
    TRY(key_url_path(folder, url, &path));
    if (has((const char *)path.data, text)) {
        *out_changed = false;
        return NULL;
    }
    TRY(replace((const char *)path.data, text));
    *out_changed = true;
    return sync_folder(folder);
}
