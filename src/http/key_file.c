/* Files of keys; see key_file.h. */
#include "http/key_file.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "http/target.h"
#include "value/printable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_HEX_SIZE ((size_t)2 * SHA256_BYTES)
#define FIRST_HEAD SLICE("cordon admin key 1 sha256 ")
#define ADMIN_HEAD SLICE("cordon admin key 2 sha256 ")
#define OPERATOR_HEAD SLICE("cordon operator key 2 sha256 ")
#define OPERATOR_NAME "operator"
#define DEFAULT_NAME "default"
/* All that a file can say, and a byte by which one that says more is seen. */
#define FILE_BYTES_MAX 512

const char *key_kind_name(enum key_kind kind)
{
    switch (kind) {
    case KEY_ADMIN:
        break;
    case KEY_OPERATOR:
        return "operator";
    }
    return "admin";
}

struct key_id key_file_id(const struct key_file *file)
{
    struct key_id id = {""};
    hex_encode(slice_of(file->hash, KEY_ID_BYTES), id.text);
    return id;
}

static void mem_freep(char **text)
{
    mem_free(*text);
    *text = NULL;
}

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

cordon_error *key_folder_path(const char *data_folder, char **out_path)
{
    return join(data_folder, "keys.d", out_path);
}

/* -- Reading -------------------------------------------------------------------------------- */

/* A failure that says nothing of the file: it may be there and good. */
enum key_state key_state_of_failure(int code)
{
    const bool is_of_machine = code == EMFILE || code == ENFILE || code == ENOMEM || code == EIO;
    return is_of_machine ? KEY_UNSEEN : KEY_NONE;
}

bool key_file_is_ours(const struct stat *status, unsigned closed_to_others)
{
    return status->st_uid == geteuid() && (status->st_mode & closed_to_others) == 0;
}

/* Takes a line that begins so; what is behind that. */
static bool take_line(struct slice *text, struct slice head, struct slice *out_rest)
{
    struct slice line;
    const bool found = slice_take_line(text, &line) && slice_starts_with(line, head);
    if (found) {
        *out_rest = slice_from(line, head.size);
    }
    return found;
}

/* The lines behind the first one. */
static bool read_lines(struct slice text, struct key_file *file)
{
    struct slice tenant = SLICE("");
    struct slice made;
    if (file->kind == KEY_ADMIN &&
        (!take_line(&text, SLICE("tenant "), &tenant) || !tenant_name_is_good(tenant))) {
        return false;
    }
    if (!take_line(&text, SLICE("made "), &made) ||
        !http_read_number(made, UINT64_MAX, &file->made_ms) || text.size > 0) {
        return false;
    }
    (void)snprintf(file->tenant, sizeof file->tenant, "%.*s", SLICE_FMT(tenant));
    return true;
}

static bool parse(struct slice text, struct key_file *file)
{
    struct slice all = text;
    struct slice hash;
    if (take_line(&text, FIRST_HEAD, &hash)) {
        (void)snprintf(file->tenant, sizeof file->tenant, DEFAULT_NAME);
        return hex_decode(hash, file->hash, SHA256_BYTES);
    }
    text = all;
    if (!take_line(&text, ADMIN_HEAD, &hash)) {
        text = all;
        file->kind = KEY_OPERATOR;
        if (!take_line(&text, OPERATOR_HEAD, &hash)) {
            return false;
        }
    }
    return hex_decode(hash, file->hash, SHA256_BYTES) && read_lines(text, file);
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

static enum key_state read_open_file(int fd, struct key_file *file)
{
    struct stat status;
    char text[FILE_BYTES_MAX];
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
    file->made_ms = (uint64_t)status.st_mtim.tv_sec * 1000; /* where it does not say it itself */
    if ((size_t)size == sizeof text || !parse(slice_of(text, (size_t)size), file)) {
        return KEY_NONE;
    }
    return key_file_is_ours(&status, S_IRWXG | S_IRWXO) ? KEY_GOOD : KEY_EXPOSED;
}

enum key_state key_file_read(int folder, const char *name, struct key_file *out_file)
{
    CORDON_ASSERT(folder >= 0);
    struct key_file file = {.kind = KEY_ADMIN};
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return key_state_of_failure(errno);
    }
    const enum key_state state = read_open_file(fd, &file);
    (void)close(fd);
    if (state == KEY_GOOD || state == KEY_EXPOSED) {
        (void)snprintf(file.name, sizeof file.name, "%s", name);
        *out_file = file;
    }
    return state;
}

/* True to go on. */
static bool visit_file(
    int folder,
    const char *name,
    bool (*visit)(void *arg, const struct key_file *file, enum key_state state),
    void *arg)
{
    struct key_file file;
    const enum key_state state = name[0] == '.' ? KEY_NONE : key_file_read(folder, name, &file);
    if (state == KEY_NONE || state == KEY_UNSEEN) {
        return state == KEY_NONE;
    }
    return visit(arg, &file, state);
}

bool key_files_each(
    const char *path,
    bool (*visit)(void *arg, const struct key_file *file, enum key_state state),
    void *arg)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return key_state_of_failure(errno) == KEY_NONE;
    }
    bool is_seen = true;
    bool more = true;
    while (is_seen && more) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        more = entry != NULL;
        is_seen = more ? visit_file(dirfd(folder), entry->d_name, visit, arg) : errno == 0;
    }
    (void)closedir(folder);
    return is_seen;
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
        strerrordesc_np(errno));
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
            CORDON_E_SYSTEM, "the key can't be kept in '%s': %s; %s", folder,
            strerrordesc_np(reason),
            reason == ENOSPC || reason == EDQUOT
                ? "make room on its disk and try again"
                : "run this as the user of the server, or name its data folder with --data");
    }
    return NULL;
}

/* What a file holds, for a key with that hash. */
static cordon_error *write_content(
    enum key_kind kind, const char *tenant, const char *hash_hex, struct buffer *out)
{
    const struct slice head = kind == KEY_ADMIN ? ADMIN_HEAD : OPERATOR_HEAD;
    TRY(buffer_printf(out, "%.*s%s\n", SLICE_FMT(head), hash_hex));
    if (kind == KEY_ADMIN) {
        TRY(buffer_printf(out, "tenant %s\n", tenant));
    }
    return buffer_printf(out, "made %" PRIu64 "\n", clock_wall_ns() / 1000000);
}

/* The text is there before there is a file that nobody knows the key of. */
static cordon_error *make_in(
    const char *folder, enum key_kind kind, const char *tenant, char **out_key)
{
    uint8_t secret[KEY_SECRET_BYTES];
    uint8_t hash[SHA256_BYTES];
    char secret_hex[2 * KEY_SECRET_BYTES + 1];
    char hash_hex[HASH_HEX_SIZE + 1];
    random_system(secret, sizeof secret);
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, hash);
    hex_encode(part, secret_hex);
    hex_encode(slice_of(hash, sizeof hash), hash_hex);
    CORDON_CLEANUP_BUFFER struct buffer text;
    CORDON_CLEANUP_BUFFER struct buffer key;
    buffer_init(&text, FILE_BYTES_MAX);
    buffer_init(&key, 256);
    TRY(write_content(kind, tenant, hash_hex, &text));
    TRY(buffer_printf(&key, "%s|%s", kind == KEY_ADMIN ? tenant : OPERATOR_NAME, secret_hex));
    TRY(buffer_append_byte(&key, '\0'));
    char name[32];
    (void)snprintf(name, sizeof name, "%s-%.16s", key_kind_name(kind), hash_hex);
    TRY(put_file(folder, name, buffer_slice(&text)));
    size_t size = 0;
    *out_key = (char *)buffer_take(&key, &size);
    return NULL;
}

cordon_error *key_file_make(
    const char *data_folder, enum key_kind kind, const char *tenant, char **out_key)
{
    CORDON_CLEANUP(mem_freep) char *folder = NULL;
    if (kind == KEY_ADMIN && !tenant_name_is_good(slice_str(tenant))) {
        return cordon_error_new(
            CORDON_E_INVALID,
            "'%s' is no name of a tenant: it must have small letters, digits and hyphens, 1 to %d, "
            "no hyphen at an end",
            printable(slice_str(tenant)).text, TENANT_NAME_BYTES_MAX);
    }
    TRY(make_folder(data_folder));
    TRY(key_folder_path(data_folder, &folder));
    TRY(make_folder(folder));
    return make_in(folder, kind, tenant, out_key);
}

/* -- Revoking ------------------------------------------------------------------------------- */

/* Which keys are to go, and how many did. */
struct revocation {
    int folder;
    const char *id;
    const char *tenant;
    size_t count;
    int failed; /* errno */
};

static bool revoke_one(void *arg, const struct key_file *file, enum key_state state)
{
    (void)state;
    struct revocation *revocation = arg;
    const struct key_id id = key_file_id(file);
    const bool meant = revocation->id != NULL ? strcmp(id.text, revocation->id) == 0
                                              : file->kind == KEY_ADMIN &&
                                                    strcmp(file->tenant, revocation->tenant) == 0;
    if (meant && unlinkat(revocation->folder, file->name, 0) != 0) {
        revocation->failed = errno;
        return false;
    }
    revocation->count += meant;
    return true;
}

cordon_error *key_files_revoke(
    const char *data_folder, const char *id, const char *tenant, size_t *out_count)
{
    CORDON_CLEANUP(mem_freep) char *path = NULL;
    TRY(key_folder_path(data_folder, &path));
    struct revocation revocation = {
        .folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .id = id, .tenant = tenant};
    if (revocation.folder < 0 && errno == ENOENT) {
        *out_count = 0;
        return NULL; /* there are no keys */
    }
    const bool done = revocation.folder >= 0 && key_files_each(path, revoke_one, &revocation) &&
                      (revocation.count == 0 || fsync(revocation.folder) == 0);
    const int reason = revocation.failed != 0 ? revocation.failed : errno;
    if (revocation.folder >= 0) {
        (void)close(revocation.folder);
    }
    if (!done) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the keys in '%s' can't be read or removed: %s; run this as the user of the server",
            path, strerrordesc_np(reason));
    }
    *out_count = revocation.count;
    return NULL;
}
