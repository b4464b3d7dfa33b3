/* Keys that are accepted; see keys.h. */
#include "http/keys.h"

#include "audit/actor.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "http/key_file.h"
#include "http/parse.h"
#include "observe/log.h"
#include "value/json.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* File times move in steps; a folder that changed this lately may change again unseen. */
#define SETTLED_AFTER_S 2
/* What is wrong with the files is told once in so long. */
#define TELL_EVERY_NS ((uint64_t)60 * 1000000000)
/* Ids in the record of all that there are. */
#define IDS_MAX 256

/* Where keys may be: whether one is accepted its file says when it is asked for. */
struct key_list {
    struct key_file *files;
    size_t count;
};

struct keys {
    char *folder; /* keys.d, or NULL */
    struct log *log;
    pthread_mutex_t lock;    /* over all up to the list */
    struct timespec changed; /* of the folder, when it was read */
    bool read_once;
    uint64_t readings; /* of the folder, so far */
    uint64_t told_ns;
    struct key_list list;
    pthread_mutex_t watch_lock; /* over all below, and taken before the other one */
    struct key_list known;      /* in order of hashes: those that the audit log knows of */
    bool has_known;
    uint64_t known_readings; /* as of them */
};

/* -- The list ------------------------------------------------------------------------------- */

static bool list_add(struct key_list *list, const struct key_file *file)
{
    struct key_file *grown = mem_realloc(list->files, (list->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    list->files = grown;
    list->files[list->count++] = *file;
    return true;
}

static void list_done(struct key_list *list)
{
    mem_free(list->files);
    *list = (struct key_list){0};
}

static int compare_files(const void *a, const void *b)
{
    return memcmp(
        ((const struct key_file *)a)->hash, ((const struct key_file *)b)->hash, SHA256_BYTES);
}

static void list_sort(struct key_list *list)
{
    if (list->count > 0) {
        qsort(list->files, list->count, sizeof list->files[0], compare_files);
    }
}

/* Of a sorted one. */
static bool list_has(const struct key_list *list, const struct key_file *file)
{
    return list->count > 0 &&
           bsearch(file, list->files, list->count, sizeof list->files[0], compare_files) != NULL;
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

/* False if there is no memory to take note of it. */
static bool note_file(void *arg, const struct key_file *file, enum key_state state)
{
    struct keys *keys = arg;
    if (state == KEY_EXPOSED) {
        tell(keys, slice_str(file->name));
    }
    return keys->list.count == KEY_FILES_MAX || list_add(&keys->list, file);
}

static bool is_settled(const struct timespec *changed)
{
    const uint64_t now_s = clock_wall_ns() / 1000000000;
    return changed->tv_sec >= 0 && now_s > (uint64_t)changed->tv_sec + SETTLED_AFTER_S;
}

/* Forgets all keys; `is_gone`: there are none, and not only none that can be seen. */
static bool forget(struct keys *keys, bool is_gone)
{
    keys->readings++;
    keys->list.count = 0;
    keys->read_once = false;
    return is_gone;
}

/*
 * A rename into the folder changes its time, so a stat tells whether to look again. False if the
 * folder could not be seen now, or not all of it.
 */
static bool refresh(struct keys *keys)
{
    struct stat status;
    if (stat(keys->folder, &status) != 0) {
        return forget(keys, key_state_of_failure(errno) == KEY_NONE);
    }
    if (!key_file_is_ours(&status, S_IWGRP | S_IWOTH)) {
        tell(keys, SLICE("keys.d"));
        return forget(keys, true);
    }
    if (keys->read_once && status.st_mtim.tv_sec == keys->changed.tv_sec &&
        status.st_mtim.tv_nsec == keys->changed.tv_nsec) {
        return true;
    }
    keys->changed = status.st_mtim;
    keys->list.count = 0;
    keys->readings++;
    const bool is_seen = key_files_each(keys->folder, note_file, keys);
    keys->read_once = is_seen && keys->list.count > 0 && is_settled(&status.st_mtim);
    return is_seen;
}

/* The folder's time does not tell what became of a file that stayed where it was. */
static enum key_state look_again(struct keys *keys, const struct key_file *file)
{
    const int folder = open(keys->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return key_state_of_failure(errno);
    }
    struct key_file now;
    const enum key_state state = key_file_read(folder, file->name, &now);
    (void)close(folder);
    if (state == KEY_EXPOSED) {
        tell(keys, slice_str(file->name));
    }
    const bool is_same = state == KEY_GOOD && now.kind == file->kind &&
                         memcmp(now.hash, file->hash, sizeof now.hash) == 0 &&
                         strcmp(now.tenant, file->tenant) == 0;
    return state == KEY_GOOD && !is_same ? KEY_NONE : state;
}

/* -- Life ----------------------------------------------------------------------------------- */

cordon_error *keys_new(const char *folder, struct log *log, struct keys **out_keys)
{
    struct keys *keys = MEM_NEW(struct keys);
    if (keys == NULL) {
        return error_no_memory();
    }
    (void)pthread_mutex_init(&keys->lock, NULL);
    (void)pthread_mutex_init(&keys->watch_lock, NULL);
    keys->log = log;
    if (folder != NULL) {
        cordon_error *error = key_folder_path(folder, &keys->folder);
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
    (void)pthread_mutex_destroy(&keys->watch_lock);
    mem_free(keys->folder);
    list_done(&keys->list);
    list_done(&keys->known);
    mem_free(keys);
}

/* -- Accepting ------------------------------------------------------------------------------ */

/* Whose key is asked for: of a tenant's admin, or of the operator. */
struct wanted {
    enum key_kind kind;
    struct slice tenant; /* "" for the operator */
    uint8_t hash[SHA256_BYTES];
};

static enum keys_verdict judge(
    struct keys *keys, const struct wanted *wanted, struct key_id *out_id)
{
    const bool is_seen = refresh(keys);
    const struct key_file *found = NULL;
    for (size_t i = 0; i < keys->list.count; i++) { /* all of them, so that time tells nothing */
        const struct key_file *file = &keys->list.files[i];
        if (hash_equal_constant_time(wanted->hash, file->hash, SHA256_BYTES)) {
            found = file;
        }
    }
    if (found == NULL) {
        return is_seen ? KEYS_REFUSED : KEYS_UNSEEN;
    }
    if (found->kind != wanted->kind || !slice_equal(slice_str(found->tenant), wanted->tenant)) {
        return KEYS_REFUSED;
    }
    const enum key_state state = look_again(keys, found);
    if (state == KEY_GOOD) {
        *out_id = key_file_id(found);
        return KEYS_ACCEPTED;
    }
    return state == KEY_UNSEEN ? KEYS_UNSEEN : KEYS_REFUSED;
}

/* The text of a key is `name|` and the digits. */
static enum keys_verdict judge_text(
    struct keys *keys,
    struct slice text,
    struct slice name,
    struct wanted *wanted,
    struct key_id *out_id)
{
    uint8_t secret[KEY_SECRET_BYTES];
    if (keys->folder == NULL || !slice_starts_with(text, name) || text.size == name.size ||
        text.data[name.size] != '|' ||
        !hex_decode(slice_from(text, name.size + 1), secret, sizeof secret)) {
        return KEYS_REFUSED;
    }
    const struct slice part = slice_of(secret, sizeof secret);
    hash_sha256(&part, 1, wanted->hash);
    (void)pthread_mutex_lock(&keys->lock);
    const enum keys_verdict verdict = judge(keys, wanted, out_id);
    (void)pthread_mutex_unlock(&keys->lock);
    return verdict;
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

enum keys_verdict keys_judge(
    struct keys *keys, struct slice tenant, struct slice authorization, struct key_id *out_id)
{
    *out_id = (struct key_id){""};
    struct slice key = {0};
    struct slice rest = {0};
    if (!http_authorization_is(authorization, "convex", &rest)) {
        return KEYS_REFUSED;
    }
    (void)split(&rest, &key);
    struct wanted wanted = {.kind = KEY_ADMIN, .tenant = tenant};
    return judge_text(keys, key, tenant, &wanted, out_id);
}

enum keys_verdict keys_judge_operator(
    struct keys *keys, struct slice authorization, struct key_id *out_id)
{
    *out_id = (struct key_id){""};
    struct slice key = {0};
    if (!http_authorization_is(authorization, "convex", &key) &&
        !http_authorization_is(authorization, "bearer", &key)) {
        return KEYS_REFUSED;
    }
    struct wanted wanted = {.kind = KEY_OPERATOR, .tenant = SLICE("")};
    return judge_text(keys, key, SLICE("operator"), &wanted, out_id);
}

/* -- Watching ------------------------------------------------------------------------------- */

/* Where changes are told, and who has revoked all keys of a tenant just now, if somebody has. */
struct watch {
    void (*note)(void *arg, struct slice body);
    void *arg;
    const char *tenant; /* NULL: nobody has */
    const struct audit_actor *actor;
};

/* Others are by whoever can write to the folder, which is its owner: us. */
static struct audit_actor actor_of(const struct watch *watch, const struct key_file *file)
{
    const bool is_revoked = watch->tenant != NULL && file->kind == KEY_ADMIN &&
                            strcmp(file->tenant, watch->tenant) == 0;
    return is_revoked ? *watch->actor : audit_actor_local();
}

static cordon_error *write_change(
    const char *kind,
    const struct key_file *file,
    const struct audit_actor *actor,
    struct buffer *out)
{
    const struct key_id id = key_file_id(file);
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_member_string(out, "kind", slice_str(kind)));
    TRY(json_write_member_string(out, "key", slice_str(id.text)));
    TRY(json_write_member_string(out, "of", slice_str(key_kind_name(file->kind))));
    if (file->kind == KEY_ADMIN) {
        TRY(json_write_member_string(out, "tenant", slice_str(file->tenant)));
    }
    return audit_actor_end(out, actor);
}

/* Those that there are when a server begins: what came and went while there was none shows. */
static cordon_error *write_all(const struct key_list *list, struct buffer *out)
{
    TRY(buffer_append_byte(out, '{'));
    TRY(json_write_member_string(out, "kind", slice_str("keys")));
    TRY(json_write_key(out, SLICE("count")));
    TRY(json_write_u64(out, list->count));
    TRY(json_write_key(out, SLICE("keys")));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < list->count && i < IDS_MAX; i++) {
        const struct key_id id = key_file_id(&list->files[i]);
        TRY(json_write_comma(out));
        TRY(json_write_string(out, slice_str(id.text)));
    }
    return buffer_append(out, SLICE("]}"));
}

/* What is in one list and not in the other. */
static cordon_error *note_missing(
    const struct watch *watch,
    const char *kind,
    const struct key_list *list,
    const struct key_list *other)
{
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 4096);
    for (size_t i = 0; i < list->count; i++) {
        if (!list_has(other, &list->files[i])) {
            const struct audit_actor actor = actor_of(watch, &list->files[i]);
            buffer_clear(&body);
            TRY(write_change(kind, &list->files[i], &actor, &body));
            watch->note(watch->arg, buffer_slice(&body));
        }
    }
    return NULL;
}

static cordon_error *note_changes(
    struct keys *keys, const struct watch *watch, const struct key_list *now)
{
    if (keys->has_known) {
        const struct watch made = {watch->note, watch->arg, NULL, NULL};
        TRY(note_missing(&made, "key_made", now, &keys->known));
        return note_missing(watch, "key_revoked", &keys->known, now);
    }
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 65536);
    TRY(write_all(now, &body));
    watch->note(watch->arg, buffer_slice(&body));
    return NULL;
}

/* What is there now; false if that is no news, not all was seen, or there is no memory. */
static bool copy_news(struct keys *keys, struct key_list *out_list, uint64_t *out_readings)
{
    (void)pthread_mutex_lock(&keys->lock);
    bool good = refresh(keys) && !(keys->has_known && keys->readings == keys->known_readings);
    for (size_t i = 0; good && i < keys->list.count; i++) {
        good = list_add(out_list, &keys->list.files[i]);
    }
    *out_readings = keys->readings;
    (void)pthread_mutex_unlock(&keys->lock);
    list_sort(out_list);
    return good;
}

/* With the lock of watching. */
static void look(struct keys *keys, const struct watch *watch)
{
    struct key_list now = {0};
    uint64_t readings = 0;
    if (keys->folder == NULL || !copy_news(keys, &now, &readings)) {
        list_done(&now); /* the next time will tell */
        return;
    }
    cordon_error *error = note_changes(keys, watch, &now);
    if (error != NULL) {
        cordon_error_free(error);
        list_done(&now);
        return;
    }
    list_done(&keys->known);
    keys->known = now;
    keys->has_known = true;
    keys->known_readings = readings;
}

void keys_watch(struct keys *keys, void (*note)(void *arg, struct slice body), void *arg)
{
    const struct watch watch = {note, arg, NULL, NULL};
    (void)pthread_mutex_lock(&keys->watch_lock);
    look(keys, &watch);
    (void)pthread_mutex_unlock(&keys->watch_lock);
}

cordon_error *keys_revoke(
    struct keys *keys,
    const char *data_folder,
    const char *tenant,
    const struct audit_actor *actor,
    void (*note)(void *arg, struct slice body),
    void *arg)
{
    const struct watch before = {note, arg, NULL, NULL};
    const struct watch watch = {note, arg, tenant, actor};
    size_t revoked = 0;
    (void)pthread_mutex_lock(&keys->watch_lock);
    if (note != NULL) {
        look(keys, &before); /* what has gone until now was by others */
    }
    cordon_error *error = key_files_revoke(data_folder, NULL, tenant, &revoked);
    if (note != NULL) {
        look(keys, &watch);
    }
    (void)pthread_mutex_unlock(&keys->watch_lock);
    return error;
}
