/*
 * The secret's file; see secret_file.h.
 *
 * It is exchanged with a draft, so that what it was has a name until it is overwritten: who is
 * killed between the two leaves a draft, which the next start overwrites.
 */
#include "run/audit/secret_file.h"

#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_HEAD "cordon audit secret 1\n"

enum { SECRET_FILE_BYTES_MAX = 256 };

struct secret_name {
    char text[32];
};

static struct secret_name name_of(const struct secret_file *file, const char *ending)
{
    struct secret_name name;
    (void)snprintf(name.text, sizeof name.text, "%u%s", file->tenant, ending);
    return name;
}

static cordon_error *secret_failed(int code)
{
    return cordon_error_new(
        CORDON_E_SYSTEM,
        "the secret of the audit log can't be kept: %s; make room for it in the "
        "data folder, and let this user write there",
        strerrordesc_np(code));
}

/* Makes the file these bytes, in the places of those that it had. */
static bool write_all(int fd, const void *bytes, size_t size)
{
    return pwrite(fd, bytes, size, 0) == (ssize_t)size && ftruncate(fd, (off_t)size) == 0 &&
           fsync(fd) == 0;
}

/* What the file was is overwritten, not only unlinked. */
static void erase(int fd)
{
    static const uint8_t zeros[SECRET_FILE_BYTES_MAX];
    if (fd >= 0) {
        (void)write_all(fd, zeros, sizeof zeros);
        (void)close(fd);
    }
}

/* Waits for nobody: a pipe that nobody reads is an error. */
static int open_to_write(const struct secret_file *file, const char *name, int flags)
{
    const int all = flags | O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    return openat(file->folder, name, all, 0600);
}

/* A draft is the secret that was, or one that did not come to be. */
static void erase_draft(const struct secret_file *file)
{
    const struct secret_name draft = name_of(file, ".draft");
    const int fd = open_to_write(file, draft.text, 0);
    if (fd >= 0 && fsync(file->folder) == 0) { /* its name is no more that of the secret */
        erase(fd);
        (void)unlinkat(file->folder, draft.text, 0);
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

static cordon_error *write_draft(const struct secret_file *file)
{
    char hex[2 * SHA256_BYTES + 1];
    char text[SECRET_FILE_BYTES_MAX];
    hex_encode(slice_of(file->secret.bytes, SHA256_BYTES), hex);
    const int size = snprintf(
        text, sizeof text, SECRET_HEAD "%llu %llu %s\n", (unsigned long long)file->secret.epoch,
        (unsigned long long)file->covered, hex);
    const struct secret_name draft = name_of(file, ".draft");
    const int fd = open_to_write(file, draft.text, O_CREAT);
    const bool good = fd >= 0 && write_all(fd, text, (size_t)size);
    const int failed = errno;
    explicit_bzero(hex, sizeof hex);
    explicit_bzero(text, sizeof text);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!good) {
        erase_draft(file);
        return secret_failed(failed);
    }
    return NULL;
}

/*
 * The draft takes the name of the secret, and the secret that of the draft. Where the file system
 * can't exchange names, the one takes the place of the other, whose file is overwritten by its
 * number: who is killed in between leaves that one to the file system.
 */
static cordon_error *exchange(const struct secret_file *file)
{
    const struct secret_name name = name_of(file, ".secret");
    const struct secret_name draft = name_of(file, ".draft");
    const int folder = file->folder;
    int old = -1;
    int failed = renameat2(folder, draft.text, folder, name.text, RENAME_EXCHANGE);
    if (failed != 0) {
        old = open_to_write(file, name.text, 0);
        failed = renameat(folder, draft.text, folder, name.text);
    }
    const int code = errno;
    if (failed != 0 || fsync(folder) != 0) {
        const int why = failed != 0 ? code : errno;
        if (old >= 0) {
            (void)close(old);
        }
        return secret_failed(why);
    }
    erase(old);
    return NULL;
}

/* Replaces the file, so that it is there whole in any case. */
cordon_error *secret_file_keep(struct secret_file *file)
{
    file->is_kept = false;
    TRY(write_draft(file));
    TRY(exchange(file));
    file->is_kept = true;
    erase_draft(file);
    return NULL;
}

/* Takes a number and what must follow it off the front of a text. */
static bool take_number(const char **text, char behind, uint64_t *out_number)
{
    char *end = NULL;
    errno = 0;
    *out_number = strtoull(*text, &end, 10);
    const bool good = errno == 0 && **text >= '0' && **text <= '9' && *end == behind;
    *text = good ? end + 1 : *text;
    return good;
}

static bool parse_secret(struct secret_file *file, const char *text)
{
    const size_t digits = (size_t)2 * SHA256_BYTES;
    if (strncmp(text, SECRET_HEAD, strlen(SECRET_HEAD)) != 0) {
        return false;
    }
    text += strlen(SECRET_HEAD);
    return take_number(&text, ' ', &file->secret.epoch) &&
           take_number(&text, ' ', &file->covered) && strlen(text) == digits + 1 &&
           text[digits] == '\n' &&
           hex_decode(slice_of(text, digits), file->secret.bytes, SHA256_BYTES);
}

/* Its text; -1, and why not in `errno`. What is no file has none, and is not waited for. */
static ssize_t read_text(const struct secret_file *file, const char *name, char *text, size_t size)
{
    struct stat status;
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const int fd = openat(file->folder, name, flags);
    if (fd < 0) {
        return errno == ELOOP || errno == ENXIO ? 0 : -1;
    }
    const bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    const ssize_t got = is_file ? read(fd, text, size) : 0;
    const int code = errno;
    (void)close(fd);
    errno = code;
    return got;
}

/* The secret that is kept; where there is none, the first of a new chain is made later. */
static cordon_error *load(struct secret_file *file)
{
    const struct secret_name name = name_of(file, ".secret");
    char text[SECRET_FILE_BYTES_MAX + 1] = "";
    const ssize_t size = read_text(file, name.text, text, sizeof text - 1);
    if (size < 0 && errno == ENOENT) {
        file->is_new = true;
        return NULL;
    }
    if (size < 0) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "the secret of the audit log can't be read: %s; let this user read "
            "the data folder's audit.d",
            strerrordesc_np(errno));
    }
    const bool good = parse_secret(file, text);
    explicit_bzero(text, sizeof text);
    if (!good) {
        return cordon_error_new(
            CORDON_E_STORE,
            "the secret of the audit log, audit.d/%s in the data folder, is damaged, and a backup "
            "holds none; keep a copy of the folder and remove that file, after which the log is "
            "signed by new keys, and `cordon audit verify` says from where on",
            name.text);
    }
    file->is_kept = true;
    return NULL;
}

static cordon_error *open_folder(const char *path, int *out_fd)
{
    return folder_open(path, "the folder for secrets of the audit log", out_fd);
}

cordon_error *secret_file_open(const char *folder, uint32_t tenant, struct secret_file *file)
{
    *file = (struct secret_file){.folder = -1, .tenant = tenant};
    TRY(open_folder(folder, &file->folder));
    erase_draft(file);
    return load(file);
}

cordon_error *secret_file_find_folder(struct secret_file *file, const char *folder)
{
    struct stat open_one;
    struct stat named;
    if (fstat(file->folder, &open_one) == 0 && stat(folder, &named) == 0 &&
        open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino) {
        return NULL;
    }
    int found = -1;
    TRY(open_folder(folder, &found));
    (void)close(file->folder);
    file->folder = found;
    return NULL;
}

cordon_error *secret_file_covered(
    const char *folder, uint32_t tenant, uint64_t *out_covered, uint8_t out_key[SIGN_PUBLIC_BYTES])
{
    struct secret_file file = {.tenant = tenant};
    file.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cordon_error *error = file.folder < 0 ? NULL : load(&file);
    if (error != NULL && cordon_error_get_code(error) == CORDON_E_SYSTEM) { /* it is private */
        cordon_error_free(error);
        error = NULL;
    }
    *out_covered = file.is_kept ? file.covered : 0;
    if (error == NULL && file.is_kept) {
        error = audit_secret_key(&file.secret, out_key);
    }
    secret_file_close(&file);
    return error;
}

static void erase_if_draft(int folder, const char *name, void *arg)
{
    struct secret_file file = {.folder = folder};
    char *end = NULL;
    (void)arg;
    file.tenant = (uint32_t)strtoul(name, &end, 10);
    if (strcmp(name, name_of(&file, ".draft").text) == 0) {
        erase_draft(&file);
    }
}

void secret_file_erase_drafts(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        folder_each(fd, erase_if_draft, NULL);
        (void)close(fd);
    }
}

bool secret_file_may_have_signed(const char *folder, uint32_t tenant, uint64_t last)
{
    struct secret_file file = {.tenant = tenant};
    file.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error = file.folder < 0 ? NULL : load(&file);
    const bool may_have = error != NULL || (file.is_kept && file.covered + 1 != last);
    secret_file_close(&file);
    return may_have;
}

void secret_file_close(struct secret_file *file)
{
    if (file->folder >= 0) {
        (void)close(file->folder);
    }
    explicit_bzero(file, sizeof *file);
    file->folder = -1;
}
