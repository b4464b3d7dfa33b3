/*
 * What cordon/backup.h promises: the store's checks, backups and restores, each in a child process
 * that answers with its report.
 */
#include <cordon/backup.h>

#include "api/api.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/hash.h"
#include "store/disk.h"
#include "upkeep/backup.h"
#include "value/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REPORT_BYTES_MAX ((size_t)16 << 20)

/* Without any processor time, after which one that keeps a server's pages from use is ended. */
#define STALL_MS 600000

enum { DAMAGE_TOLD_MAX = 1000, NAME_BYTES = 64 };

static cordon_error *check_path(const char *path, const char *what)
{
    return path != NULL && path[0] != '\0'
               ? NULL
               : cordon_error_new(CORDON_E_INVALID, "%s must be named", what);
}

/* Runs the work in its child. What is appended to the report is a text then. */
static cordon_error *work_in_child(
    struct child_work *work, const cordon_progress *progress, char **out_report)
{
    CORDON_CLEANUP_BUFFER struct buffer report;
    buffer_init(&report, REPORT_BYTES_MAX + 1);
    work->answer_bytes_max = REPORT_BYTES_MAX;
    if (progress != NULL) {
        work->progress = progress->tell;
        work->progress_arg = progress->arg;
    }
    TRY(child_run(work, &report));
    return api_give_text(&report, out_report);
}

static void pass_on(void *arg, const char *phase, uint64_t done, uint64_t total)
{
    child_tell(arg, phase, done, total);
}

/* -- Reports --------------------------------------------------------------------------------- */

/* Nanoseconds are more than a double can tell apart. */
static cordon_error *write_time(struct buffer *out, const char *name, uint64_t ns)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, ns);
    return json_write_member_string(out, name, slice_str(text));
}

static cordon_error *write_backup(
    struct buffer *out, const char *what, const char *place, const struct backup_info *info)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_member_string(out, what, slice_str(place)));
    TRY(json_write_member_u64(out, "bytes", info->bytes));
    TRY(json_write_member_u64(out, "format", info->format));
    TRY(write_time(out, "begun", info->begun_ns));
    TRY(write_time(out, "lastCommit", info->last_ts));
    return buffer_append_byte(out, '}');
}

/* -- Verifying ------------------------------------------------------------------------------- */

struct verifying {
    const char *folder;
    struct child *child;
    struct buffer damage; /* the items of a JSON array */
    uint64_t told;
};

static cordon_error *write_damage(struct buffer *out, const struct verify_damage *damage)
{
    char name[VERIFY_NAME_BYTES];
    char hex[2 * LAYOUT_KEY_BYTES_MAX + 1];
    TRY(json_write_comma(out));
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_member_string(out, "file", slice_str(damage->file)));
    if (damage->has_offset) {
        TRY(json_write_member_u64(out, "offset", damage->offset));
    }
    if (damage->key.size > 0 && damage->key.size <= LAYOUT_KEY_BYTES_MAX) {
        hex_encode(damage->key, hex);
        verify_name_row(damage->key, name);
        TRY(json_write_member_string(out, "key", slice_str(hex)));
        TRY(json_write_member_string(out, "row", slice_str(name)));
    }
    TRY(json_write_member_string(out, "message", slice_str(damage->words)));
    return buffer_append_byte(out, '}');
}

static cordon_error *take_damage(void *arg, const struct verify_damage *damage)
{
    struct verifying *verifying = arg;
    verifying->told++;
    return verifying->told > DAMAGE_TOLD_MAX ? NULL : write_damage(&verifying->damage, damage);
}

static void tell_rows(void *arg, uint64_t done, uint64_t total)
{
    child_tell(((const struct verifying *)arg)->child, "checking", done, total);
}

static cordon_error *write_counts(struct buffer *out, const struct verify_counts *counts)
{
    const struct {
        const char *name;
        uint64_t number;
    } numbers[] = {
        {"damages", counts->damages},
        {"pages", counts->image.pages},
        {"freePages", counts->image.free_pages},
        {"lostPages", counts->image.lost_pages},
        {"rows", counts->rows},
        {"documents", counts->documents},
        {"indexEntries", counts->entries},
        {"tables", counts->tables},
        {"auditRecords", counts->audit_records},
        {"logRecords", counts->log_records},
        {"logRows", counts->log_rows},
        {"logUnfinished", counts->log_unfinished},
    };
    TRY(json_write_member_bool(out, "sound", counts->damages == 0));
    TRY(json_write_member_bool(out, "agreement", !counts->skipped_agreement));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        TRY(json_write_member_u64(out, numbers[i].name, numbers[i].number));
    }
    return NULL;
}

static cordon_error *verify_into(
    struct verifying *verifying, struct verify *verify, struct buffer *out)
{
    TRY(verify_folder(verify, verifying->folder));
    TRY(buffer_append_byte(out, '{'));
    TRY(write_counts(out, &verify->counts));
    TRY(json_write_comma(out));
    TRY(json_write_key(out, SLICE("damage")));
    TRY(buffer_append_byte(out, '['));
    TRY(buffer_append(out, buffer_slice(&verifying->damage)));
    return buffer_append(out, SLICE("]}"));
}

static cordon_error *verify_in_child(void *arg, struct child *child, struct buffer *out)
{
    struct verifying verifying = {.folder = arg, .child = child};
    struct verify verify = {.arg = &verifying, .damage = take_damage, .progress = tell_rows};
    buffer_init(&verifying.damage, REPORT_BYTES_MAX);
    cordon_error *error = verify_into(&verifying, &verify, out);
    buffer_done(&verifying.damage);
    return error;
}

cordon_error *cordon_folder_verify(
    const char *data_folder, const cordon_progress *progress, bool *out_sound, char **out_report)
{
    TRY(api_need(out_sound, "out_sound"));
    TRY(api_need(out_report, "out_report"));
    TRY(check_path(data_folder, "the data folder"));
    struct child_work work = {
        .what = "the check of the data folder",
        .stall_ms = STALL_MS,
        .run = verify_in_child,
        .arg = (void *)(uintptr_t)data_folder,
    };
    char *report = NULL;
    TRY(work_in_child(&work, progress, &report));
    *out_sound = strncmp(report, "{\"sound\":true", strlen("{\"sound\":true")) == 0;
    *out_report = report;
    return NULL;
}

/* -- Backups --------------------------------------------------------------------------------- */

/* A file that has its name only when it is whole. */
struct beside {
    char path[PATH_MAX];   /* where it is to be */
    char beside[PATH_MAX]; /* where it is made */
    int fd;
};

static void beside_done(struct beside *file)
{
    if (file->fd >= 0) {
        (void)unlink(file->beside);
        (void)close(file->fd);
    }
}

static cordon_error *refused(const char *what, const char *path, int code)
{
    return cordon_error_new(
        disk_is_full(code) ? CORDON_E_DISK_FULL : CORDON_E_SYSTEM, "cannot %s '%s': %s%s", what,
        path, strerrordesc_np(code),
        code == ENOENT ? "; make the folder above it first" : disk_advice(code));
}

static cordon_error *is_there(const char *path)
{
    return cordon_error_new(
        CORDON_E_INVALID, "'%s' is there already; name another file, or ask for it to be replaced",
        path);
}

/* In a folder that is there a backup is named by its time, in UTC. */
static cordon_error *name_file(const cordon_backup_options *options, struct beside *file)
{
    struct stat info;
    char name[NAME_BYTES] = "";
    if (stat(options->file, &info) == 0 && S_ISDIR(info.st_mode)) {
        const time_t now = (time_t)(clock_wall_ns() / 1000000000u);
        struct tm parts;
        (void)gmtime_r(&now, &parts);
        (void)strftime(name, sizeof name, "/cordon-%Y%m%dT%H%M%SZ.backup", &parts);
    }
    const int whole = snprintf(file->path, PATH_MAX, "%s%s", options->file, name);
    const int part = snprintf(file->beside, PATH_MAX, "%s%s.partial", options->file, name);
    if (whole >= PATH_MAX || part >= PATH_MAX) {
        return refused("make", options->file, ENAMETOOLONG);
    }
    return !options->replace && lstat(file->path, &info) == 0 ? is_there(file->path) : NULL;
}

/* One that an earlier try left is written over, unless that try still goes on. */
static cordon_error *make_beside(struct beside *file)
{
    const int fd = open(file->beside, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return refused("make", file->beside, errno);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return cordon_error_new(
            CORDON_E_INVALID, "another backup is being written to '%s'; wait for it", file->path);
    }
    file->fd = fd;
    return ftruncate(fd, 0) == 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0
               ? NULL
               : refused("make", file->beside, errno);
}

static cordon_error *sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *const slash = strrchr(path, '/');
    const int size = slash == NULL ? 0 : (int)(slash - path);
    (void)snprintf(folder, sizeof folder, "%.*s", size == 0 ? 1 : size, slash == NULL ? "." : path);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    const int code = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return synced ? NULL : refused("sync", folder, code);
}

static cordon_error *put_in_place(struct beside *file, bool replace)
{
    const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
    if (renameat2(AT_FDCWD, file->beside, AT_FDCWD, file->path, flags) != 0) {
        return errno == EEXIST ? is_there(file->path) : refused("name", file->path, errno);
    }
    (void)close(file->fd);
    file->fd = -1;
    return sync_folder_of(file->path);
}

struct backing_up {
    const char *folder;
    const struct beside *file;
};

static cordon_error *back_up_in_child(void *arg, struct child *child, struct buffer *out)
{
    const struct backing_up *work = arg;
    const struct backup_progress progress = {.tell = pass_on, .arg = child};
    struct backup_info info;
    TRY(backup_write(work->folder, work->file->fd, &progress, &info));
    return write_backup(out, "file", work->file->path, &info);
}

static cordon_error *read_options(
    const cordon_backup_options *given, cordon_backup_options *out_options)
{
    TRY(api_take_struct(
        given, "options", "cordon_backup_options", sizeof *out_options, out_options));
    TRY(check_path(out_options->data_folder, "the data folder"));
    return check_path(out_options->file, "the file of the backup");
}

cordon_error *cordon_folder_backup(const cordon_backup_options *options, char **out_report)
{
    TRY(api_need(out_report, "out_report"));
    cordon_backup_options whole;
    CORDON_CLEANUP(beside_done) struct beside file = {.fd = -1};
    TRY(read_options(options, &whole));
    TRY(name_file(&whole, &file));
    TRY(make_beside(&file));
    struct backing_up backing_up = {.folder = whole.data_folder, .file = &file};
    struct child_work work = {
        .what = "the backup of the data folder",
        .run = back_up_in_child,
        .arg = &backing_up,
        .stall_ms = STALL_MS};
    char *report = NULL;
    TRY(work_in_child(&work, &whole.progress, &report));
    cordon_error *error = put_in_place(&file, whole.replace);
    if (error != NULL) {
        cordon_free(report);
        return error;
    }
    *out_report = report;
    return NULL;
}

/* -- Restoring ------------------------------------------------------------------------------- */

struct restoring {
    const char *folder;
    int fd;
};

static cordon_error *restore_in_child(void *arg, struct child *child, struct buffer *out)
{
    const struct restoring *work = arg;
    const struct backup_progress progress = {.tell = pass_on, .arg = child};
    struct backup_info info;
    TRY(backup_read(work->fd, &progress, &info));
    TRY(backup_restore(work->fd, &info, work->folder, &progress));
    return write_backup(out, "folder", work->folder, &info);
}

cordon_error *cordon_folder_restore(
    const char *data_folder, const char *file, const cordon_progress *progress, char **out_report)
{
    TRY(api_need(out_report, "out_report"));
    TRY(check_path(data_folder, "the data folder"));
    TRY(check_path(file, "the file of the backup"));
    struct restoring restoring = {.folder = data_folder, .fd = open(file, O_RDONLY | O_CLOEXEC)};
    if (restoring.fd < 0) {
        return errno == ENOENT
                   ? cordon_error_new(
                         CORDON_E_NOT_FOUND, "there is no file '%s'; name a backup", file)
                   : refused("open", file, errno);
    }
    struct child_work work = {
        .what = "the restoring of the backup", .run = restore_in_child, .arg = &restoring};
    cordon_error *error = work_in_child(&work, progress, out_report);
    (void)close(restoring.fd);
    return error;
}
