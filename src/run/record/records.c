/* The folder of records; see records.h. What is in it is known from its opening on. */
#include "run/record/records.h"

#include "base/clock.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/sealed.h"
#include "store/disk.h"
#include "value/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define WHAT "the folder for records of runs"
#define SUFFIX ".record"
#define TEMPORARY "new-"

/* Hex digits of an id's time, in ms; the rest is randomness. */
enum { TIME_DIGITS = 12, ID_DIGITS = 32 };

/* Where the records of tenants are counted. */
enum { COUNT_PLACES = 1024 };

struct record_entry {
    uint32_t tenant;
    struct record_id id;
    uint64_t bytes;
};

struct records {
    int folder;
    uint64_t bytes_max;
    uint64_t keep_ms;
    pthread_mutex_t lock;         /* guards all below */
    struct record_entry *entries; /* RECORDS_COUNT_MAX of them, the oldest first */
    size_t count;
};

struct file_name {
    char text[sizeof TEMPORARY + 10 + 1 + ID_DIGITS + sizeof SUFFIX];
};

/* -- Ids and names --------------------------------------------------------------------------- */

static struct record_id make_id(void)
{
    struct record_id id;
    uint8_t random[(ID_DIGITS - TIME_DIGITS) / 2];
    random_system(random, sizeof random);
    const uint64_t ms = (clock_wall_ns() / 1000000) & 0xffffffffffff;
    (void)snprintf(id.text, sizeof id.text, "%012" PRIx64, ms);
    hex_encode(slice_of(random, sizeof random), id.text + TIME_DIGITS);
    return id;
}

/* Only what make_id() makes is an id: another text never becomes part of a file's name. */
static bool read_id(struct slice text, struct record_id *out_id)
{
    uint8_t bytes[ID_DIGITS / 2];
    if (!hex_decode(text, bytes, sizeof bytes)) {
        return false;
    }
    hex_encode(slice_of(bytes, sizeof bytes), out_id->text);
    return slice_equal(slice_str(out_id->text), text);
}

static uint64_t id_time_ms(const struct record_id *id)
{
    uint8_t bytes[TIME_DIGITS / 2];
    uint64_t ms = 0;
    CORDON_ASSERT(hex_decode(slice_of(id->text, TIME_DIGITS), bytes, sizeof bytes));
    for (size_t i = 0; i < sizeof bytes; i++) {
        ms = ms << 8 | bytes[i];
    }
    return ms;
}

static struct file_name name_of(uint32_t tenant, const struct record_id *id)
{
    struct file_name name;
    (void)snprintf(name.text, sizeof name.text, "%" PRIu32 "-%s" SUFFIX, tenant, id->text);
    return name;
}

static struct file_name temporary_name(uint32_t tenant, const struct record_id *id)
{
    struct file_name name;
    (void)snprintf(
        name.text, sizeof name.text, TEMPORARY "%" PRIu32 "-%s" SUFFIX, tenant, id->text);
    return name;
}

/* The record that a file of that name is; false: it is none. */
static bool read_name(const char *name, struct record_entry *out_entry)
{
    char *end = NULL;
    errno = 0;
    const unsigned long tenant = strtoul(name, &end, 10);
    if (errno != 0 || tenant > UINT32_MAX || *end != '-' || strlen(end + 1) <= ID_DIGITS ||
        !read_id(slice_of(end + 1, ID_DIGITS), &out_entry->id)) {
        return false;
    }
    out_entry->tenant = (uint32_t)tenant;
    return strcmp(name, name_of(out_entry->tenant, &out_entry->id).text) == 0;
}

/* -- What there is --------------------------------------------------------------------------- */

/* Takes the file of an entry away, and the entry. */
static void remove_at(struct records *records, size_t at)
{
    const struct record_entry *entry = &records->entries[at];
    (void)unlinkat(records->folder, name_of(entry->tenant, &entry->id).text, 0);
    records->count--;
    memmove(
        &records->entries[at], &records->entries[at + 1],
        (records->count - at) * sizeof records->entries[0]);
}

static void remove_expired(struct records *records)
{
    const uint64_t now_ms = clock_wall_ns() / 1000000;
    size_t at = 0;
    while (at < records->count) {
        const uint64_t made_ms = id_time_ms(&records->entries[at].id);
        if (made_ms < now_ms && now_ms - made_ms >= records->keep_ms) {
            remove_at(records, at);
        } else {
            at++;
        }
    }
}

static uint64_t bytes_of(const struct records *records, uint32_t tenant)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < records->count; i++) {
        bytes += records->entries[i].tenant == tenant ? records->entries[i].bytes : 0;
    }
    return bytes;
}

static void remove_oldest_of(struct records *records, uint32_t tenant)
{
    size_t at = 0;
    while (records->entries[at].tenant != tenant) {
        at++;
    }
    remove_at(records, at);
}

/*
 * The oldest of whoever has most, so that nobody's are taken by one who makes many. Tenants whose
 * numbers are alike count together.
 */
static void remove_oldest_of_most(struct records *records)
{
    uint16_t counts[COUNT_PLACES] = {0};
    uint32_t most = 0;
    _Static_assert(RECORDS_COUNT_MAX <= UINT16_MAX, "all of them may be one tenant's");
    for (size_t i = 0; i < records->count; i++) {
        const uint32_t place = records->entries[i].tenant % COUNT_PLACES;
        counts[place]++;
        most = counts[place] > counts[most] ? place : most;
    }
    size_t at = 0;
    while (records->entries[at].tenant % COUNT_PLACES != most) {
        at++;
    }
    remove_at(records, at);
}

/* For one more of so many bytes, of which there may be. */
static void make_room(struct records *records, uint32_t tenant, uint64_t bytes)
{
    remove_expired(records);
    uint64_t held = bytes_of(records, tenant);
    while (held > 0 && held + bytes > records->bytes_max) {
        remove_oldest_of(records, tenant);
        held = bytes_of(records, tenant);
    }
    if (records->count == RECORDS_COUNT_MAX) {
        remove_oldest_of_most(records);
    }
}

/* Takes note of a file that was there at the opening; of more than there may be, none is kept. */
static void note_file(int folder, const char *name, void *arg)
{
    struct records *records = arg;
    struct record_entry entry = {0};
    struct stat status;
    if (strncmp(name, TEMPORARY, sizeof TEMPORARY - 1) == 0) {
        (void)unlinkat(folder, name, 0); /* what a crash has left half-written */
        return;
    }
    if (!read_name(name, &entry) || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode)) {
        return;
    }
    if (records->count == RECORDS_COUNT_MAX) {
        (void)unlinkat(folder, name, 0);
        return;
    }
    entry.bytes = (uint64_t)status.st_size;
    records->entries[records->count++] = entry;
}

static int by_id(const void *a, const void *b)
{
    const struct record_entry *x = a;
    const struct record_entry *y = b;
    return strcmp(x->id.text, y->id.text);
}

static void records_closep(struct records **records)
{
    records_close(*records);
}

cordon_error *records_open(const struct records_options *options, struct records **out_records)
{
    CORDON_CLEANUP(records_closep) struct records *records = MEM_NEW(struct records);
    if (records == NULL) {
        return error_no_memory();
    }
    records->folder = NO_FD;
    records->bytes_max = options->bytes_max;
    records->keep_ms = options->keep_ms;
    (void)pthread_mutex_init(&records->lock, NULL);
    records->entries = mem_new_array(RECORDS_COUNT_MAX, sizeof *records->entries);
    if (records->entries == NULL) {
        return error_no_memory();
    }
    TRY(folder_open(options->folder, WHAT, &records->folder));
    folder_each(records->folder, note_file, records);
    qsort(records->entries, records->count, sizeof *records->entries, by_id);
    remove_expired(records);
    *out_records = CORDON_TAKE(records);
    return NULL;
}

void records_close(struct records *records)
{
    if (records == NULL) {
        return;
    }
    fd_closep(&records->folder);
    (void)pthread_mutex_destroy(&records->lock);
    mem_free(records->entries);
    mem_free(records);
}

void records_drop(struct records *records, uint32_t tenant)
{
    size_t at = 0;
    (void)pthread_mutex_lock(&records->lock);
    while (at < records->count) {
        if (records->entries[at].tenant == tenant) {
            remove_at(records, at);
        } else {
            at++;
        }
    }
    (void)pthread_mutex_unlock(&records->lock);
}

void records_sweep(struct records *records)
{
    (void)pthread_mutex_lock(&records->lock);
    remove_expired(records);
    (void)pthread_mutex_unlock(&records->lock);
}

/* -- Writing --------------------------------------------------------------------------------- */

static cordon_error *check_disk(const struct records *records, uint64_t bytes)
{
    struct statvfs disk;
    if (fstatvfs(records->folder, &disk) != 0) {
        return NULL; /* writing will say what is wrong, if anything is */
    }
    const uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes < RECORDS_DISK_RESERVE_BYTES ||
        free_bytes - RECORDS_DISK_RESERVE_BYTES < bytes) {
        return cordon_error_new(
            CORDON_E_DISK_FULL,
            "a record is not kept, as less than %" PRIu64 " MiB of the disk would stay free; free "
            "some space",
            RECORDS_DISK_RESERVE_BYTES >> 20);
    }
    return NULL;
}

static cordon_error *failed(const char *what)
{
    return cordon_error_new(
        disk_is_full(errno) ? CORDON_E_DISK_FULL : CORDON_E_SYSTEM,
        "a file in " WHAT " could not be %s: %s%s", what, strerrordesc_np(errno),
        disk_is_full(errno) ? "; free some space" : "");
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        const ssize_t written = write(fd, bytes.data, bytes.size);
        if (written == -1 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        bytes = slice_from(bytes, (size_t)written);
    }
    return true;
}

/* Under another name first; whatever is left of that is taken away. */
static cordon_error *write_file(
    const struct records *records, const char *temporary, const char *name, struct slice bytes)
{
    CORDON_CLEANUP(fd_closep) int fd = openat(
        records->folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        S_IRUSR | S_IWUSR);
    if (fd == NO_FD) {
        return failed("made");
    }
    cordon_error *error = NULL;
    if (!write_all(fd, bytes)) {
        error = failed("written");
    } else if (renameat(records->folder, temporary, records->folder, name) != 0) {
        error = failed("put in its place");
    }
    if (error != NULL) {
        (void)unlinkat(records->folder, temporary, 0);
    }
    return error;
}

static cordon_error *put(
    struct records *records, uint32_t tenant, struct slice record, struct record_id *out_id)
{
    const struct record_entry entry = {.tenant = tenant, .id = make_id(), .bytes = record.size};
    make_room(records, tenant, record.size);
    TRY(check_disk(records, record.size));
    TRY(write_file(
        records, temporary_name(tenant, &entry.id).text, name_of(tenant, &entry.id).text, record));
    records->entries[records->count++] = entry;
    *out_id = entry.id;
    return NULL;
}

cordon_error *records_put(
    struct records *records, uint32_t tenant, struct slice record, struct record_id *out_id)
{
    if (record.size > records->bytes_max) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE,
            "the record has %zu bytes, and all records together may have %" PRIu64
            "; the operator's setting `records_bytes` allows more",
            record.size, records->bytes_max);
    }
    (void)pthread_mutex_lock(&records->lock);
    cordon_error *error = put(records, tenant, record, out_id);
    (void)pthread_mutex_unlock(&records->lock);
    return error;
}

/* -- Reading --------------------------------------------------------------------------------- */

static cordon_error *read_file(int fd, struct buffer *out)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return failed("read");
    }
    TRY(buffer_reserve(out, (size_t)status.st_size));
    for (;;) {
        uint8_t chunk[16384];
        const ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got == -1) {
            return failed("read");
        }
        if (got == 0) {
            return NULL;
        }
        TRY(buffer_append(out, slice_of(chunk, (size_t)got)));
    }
}

bool records_is_id(struct slice text)
{
    struct record_id id;
    return read_id(text, &id);
}

cordon_error *records_get(
    struct records *records, uint32_t tenant, struct slice id, struct buffer *out, bool *out_found)
{
    struct record_id good;
    *out_found = false;
    if (!read_id(id, &good)) {
        return NULL;
    }
    records_sweep(records);
    CORDON_CLEANUP(fd_closep) int fd = openat(
        records->folder, name_of(tenant, &good).text,
        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd == NO_FD) {
        return errno == ENOENT ? NULL : failed("opened");
    }
    TRY(read_file(fd, out));
    *out_found = true;
    return NULL;
}

static cordon_error *write_list(const struct records *records, uint32_t tenant, struct buffer *out)
{
    TRY(buffer_append_byte(out, '['));
    for (size_t i = records->count; i > 0; i--) {
        const struct record_entry *entry = &records->entries[i - 1];
        if (entry->tenant == tenant) {
            TRY(json_write_comma(out));
            TRY(buffer_printf(
                out, "{\"id\":\"%s\",\"time_ms\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
                entry->id.text, id_time_ms(&entry->id), entry->bytes));
        }
    }
    return buffer_append_byte(out, ']');
}

cordon_error *records_list(struct records *records, uint32_t tenant, struct buffer *out)
{
    (void)pthread_mutex_lock(&records->lock);
    remove_expired(records);
    cordon_error *error = write_list(records, tenant, out);
    (void)pthread_mutex_unlock(&records->lock);
    return error;
}
