/* Environment variables of tenants; see environment.h. */
#include "run/deploy/environment.h"

#include "base/memory.h"
#include "run/await.h"
#include "run/internal.h"
#include "value/json.h"

#define KEY_PREFIX "env/"
#define KEY_PREFIX_BYTES (sizeof KEY_PREFIX - 1)

/* The key of a variable's row. */
struct env_key {
    uint8_t bytes[KEY_PREFIX_BYTES + ENV_NAME_BYTES_MAX];
    size_t size;
};

static struct slice key_of(struct slice name, struct env_key *key)
{
    CORDON_ASSERT(name.size <= ENV_NAME_BYTES_MAX);
    memcpy(key->bytes, KEY_PREFIX, KEY_PREFIX_BYTES);
    memcpy(key->bytes + KEY_PREFIX_BYTES, name.data, name.size);
    key->size = KEY_PREFIX_BYTES + name.size;
    return slice_of(key->bytes, key->size);
}

static void env_vars_unrefp(struct env_vars **vars)
{
    env_vars_unref(*vars);
}

/* -- Loading -------------------------------------------------------------------------------- */

/* The row behind `after`, if it is a variable's; the texts live in the arena. */
static cordon_error *read_next(
    struct rows *rows,
    struct env_key *after,
    struct arena *arena,
    bool *out_found,
    struct env_var *out_var)
{
    enum store_step step = STORE_DONE;
    struct slice key = {0};
    struct slice value = {0};
    const struct slice from = slice_of(after->bytes, after->size);
    AWAIT(
        rows, step,
        store_row_next(
            rows->txn, KEYSPACE_MODULE, from, after->size > KEY_PREFIX_BYTES, &step, out_found,
            &key, &value));
    *out_found = *out_found && slice_starts_with(key, SLICE(KEY_PREFIX));
    if (!*out_found) {
        return NULL;
    }
    out_var->name = arena_copy(arena, slice_from(key, KEY_PREFIX_BYTES));
    out_var->value = arena_copy(arena, value);
    if (out_var->name.data == NULL || out_var->value.data == NULL) {
        return arena_error(arena);
    }
    TRY(env_check_name(out_var->name));
    (void)key_of(out_var->name, after);
    return NULL;
}

static cordon_error *read_all(
    struct rows *rows, struct arena *arena, struct env_var *vars, size_t *out_count)
{
    struct env_key after = {.bytes = KEY_PREFIX, .size = KEY_PREFIX_BYTES};
    bool found = true;
    for (size_t count = 0; count <= ENV_VARS_MAX; count++) {
        TRY(read_next(rows, &after, arena, &found, &vars[count]));
        if (!found) {
            *out_count = count;
            return NULL;
        }
    }
    return cordon_error_new(
        CORDON_E_STORE, "the data folder holds more environment variables than a deployment can "
                        "have; start the version that wrote it, or restore a backup");
}

static cordon_error *load(struct rows *rows, struct tenant *tenant, struct arena *arena)
{
    size_t count = 0;
    struct env_var *vars = arena_alloc(arena, (ENV_VARS_MAX + 1) * sizeof *vars);
    if (vars == NULL) {
        return arena_error(arena);
    }
    TRY(read_all(rows, arena, vars, &count));
    CORDON_CLEANUP(env_vars_unrefp) struct env_vars *all = NULL;
    if (count > 0) {
        TRY(env_vars_new(vars, count, &all));
    }
    tenant_swap_env(tenant, CORDON_TAKE(all));
    return NULL;
}

cordon_error *environment_load(struct tenant *tenant)
{
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 4 * ENV_BYTES_MAX);
    struct rows rows;
    (void)pthread_mutex_lock(&tenant->env_lock);
    cordon_error *error = rows_begin(runner_store(tenant->runner), tenant->number, &rows);
    if (error == NULL) {
        error = load(&rows, tenant, &arena);
    }
    rows_end(&rows);
    (void)pthread_mutex_unlock(&tenant->env_lock);
    return error;
}

/* -- Changes: reading them ------------------------------------------------------------------ */

/* What a request asks for; texts live in its JSON. */
struct change {
    struct slice name;
    struct slice value;
    bool unsets;
};

struct changes {
    struct change *list; /* each name once */
    size_t count;
};

static cordon_error *wrong_shape(void)
{
    return cordon_error_new(
        CORDON_E_INVALID,
        "changes of environment variables are {\"changes\": [{\"name\": string, \"value\": string "
        "or null}]}, at most %zu of them",
        ENV_CHANGES_MAX);
}

static cordon_error *read_change(const struct json_node *item, struct change *out_change)
{
    const struct json_node *name = json_get(item, SLICE("name"));
    const struct json_node *value = json_get(item, SLICE("value"));
    const enum json_kind kind = json_kind(value);
    if (json_kind(name) != JSON_STRING ||
        (kind != JSON_STRING && kind != JSON_NULL && kind != JSON_MISSING)) {
        return wrong_shape();
    }
    *out_change = (struct change){
        .name = json_string(name),
        .value = json_string(value),
        .unsets = kind != JSON_STRING,
    };
    TRY(env_check_name(out_change->name));
    return env_check_value(out_change->name, out_change->value);
}

/* In the place of an earlier change of that name, or as one more. */
static void add_change(struct changes *changes, const struct change *change)
{
    size_t at = 0;
    while (at < changes->count && !slice_equal(changes->list[at].name, change->name)) {
        at++;
    }
    changes->list[at] = *change;
    changes->count += at == changes->count;
}

static cordon_error *read_changes(
    const struct json_node *root, struct arena *arena, struct changes *out_changes)
{
    const struct json_node *list = json_get(root, SLICE("changes"));
    const size_t count = json_count(list);
    if (json_kind(list) != JSON_ARRAY || count > ENV_CHANGES_MAX) {
        return wrong_shape();
    }
    struct changes changes = {.list = arena_alloc(arena, (count + 1) * sizeof *changes.list)};
    if (changes.list == NULL) {
        return arena_error(arena);
    }
    struct json_walk walk = json_walk_items(list);
    for (size_t i = 0; i < count; i++) {
        struct change change;
        TRY(read_change(json_next_item(&walk), &change));
        add_change(&changes, &change);
    }
    *out_changes = changes;
    return NULL;
}

/* Leaves out what would change nothing: unsetting what is not there. */
static void drop_idle(struct changes *changes, const struct env_vars *before)
{
    size_t kept = 0;
    for (size_t i = 0; i < changes->count; i++) {
        struct slice value;
        if (!changes->list[i].unsets || env_vars_find(before, changes->list[i].name, &value)) {
            changes->list[kept++] = changes->list[i];
        }
    }
    changes->count = kept;
}

static bool is_changed(const struct changes *changes, struct slice name)
{
    for (size_t i = 0; i < changes->count; i++) {
        if (slice_equal(changes->list[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* How it will be; NULL if nothing is left. */
static cordon_error *apply(
    const struct changes *changes,
    const struct env_vars *before,
    struct arena *arena,
    struct env_vars **out_vars)
{
    const size_t old_count = before == NULL ? 0 : before->count;
    struct env_var *vars = arena_alloc(arena, (old_count + changes->count + 1) * sizeof *vars);
    if (vars == NULL) {
        return arena_error(arena);
    }
    size_t count = 0;
    for (size_t i = 0; i < old_count; i++) {
        if (!is_changed(changes, before->vars[i].name)) {
            vars[count++] = before->vars[i];
        }
    }
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        if (!change->unsets) {
            vars[count++] = (struct env_var){change->name, change->value};
        }
    }
    return count == 0 ? NULL : env_vars_new(vars, count, out_vars);
}

/* -- Changes: writing them ------------------------------------------------------------------ */

static cordon_error *write_names(
    struct buffer *out, const char *key, const struct changes *changes, bool unset)
{
    TRY(json_write_key(out, slice_str(key)));
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; i < changes->count; i++) {
        if (changes->list[i].unsets == unset) {
            TRY(json_write_comma(out));
            TRY(json_write_string(out, changes->list[i].name));
        }
    }
    return buffer_append_byte(out, ']');
}

static cordon_error *write_audit(
    struct buffer *out, const struct changes *changes, const struct audit_actor *actor)
{
    TRY(buffer_append(out, SLICE("{\"kind\":\"env\"")));
    TRY(write_names(out, "set", changes, false));
    TRY(write_names(out, "unset", changes, true));
    return audit_actor_end(out, actor);
}

static cordon_error *write_rows(
    struct rows *rows,
    const struct changes *changes,
    const struct audit_actor *actor,
    bool *out_conflict)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->list[i];
        struct env_key key;
        const struct slice row = key_of(change->name, &key);
        if (change->unsets) {
            TRY(store_row_remove(rows->txn, KEYSPACE_MODULE, row));
        } else {
            TRY(store_row_put(rows->txn, KEYSPACE_MODULE, row, change->value));
        }
    }
    CORDON_CLEANUP_BUFFER struct buffer audit;
    buffer_init(&audit, ENV_CHANGES_MAX * (ENV_NAME_BYTES_MAX + 3) + 1024);
    TRY(write_audit(&audit, changes, actor));
    const struct store_commit_facts facts = {.audit_body = buffer_slice(&audit)};
    return rows_commit(rows, &facts, out_conflict);
}

static cordon_error *keep(
    struct store *store,
    uint32_t tenant,
    const struct changes *changes,
    const struct audit_actor *actor)
{
    bool conflict = false;
    struct rows rows;
    cordon_error *error = rows_begin(store, tenant, &rows);
    if (error == NULL) {
        error = write_rows(&rows, changes, actor, &conflict);
    }
    rows_end(&rows);
    if (error == NULL && conflict) {
        return cordon_error_new(
            CORDON_E_CONFLICT, "the machine was too busy to write it, and nothing was changed; try "
                               "again later");
    }
    return error;
}

/* With the lock of the variables. Nothing fails once the store has it. */
static cordon_error *change_now(
    struct tenant *tenant,
    struct changes *changes,
    const struct audit_actor *actor,
    struct arena *arena)
{
    CORDON_CLEANUP(env_vars_unrefp) struct env_vars *before = tenant_env(tenant);
    CORDON_CLEANUP(env_vars_unrefp) struct env_vars *after = NULL;
    drop_idle(changes, before);
    if (changes->count == 0) {
        return NULL;
    }
    TRY(apply(changes, before, arena, &after));
    TRY(keep(runner_store(tenant->runner), tenant->number, changes, actor));
    tenant_swap_env(tenant, CORDON_TAKE(after));
    return NULL;
}

cordon_error *environment_change(
    struct runner *runner, uint32_t number, struct slice json, const struct audit_actor *actor)
{
    const struct json_limits limits = {.bytes_max = (size_t)64 << 20, .depth_max = 8};
    CORDON_CLEANUP(json_freep) struct json_doc *doc = NULL;
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    struct changes changes;
    struct tenant *tenant = NULL;
    TRY(json_parse(json, &limits, &doc));
    TRY(read_changes(json_root(doc), &arena, &changes));
    TRY(runner_wake_tenant(runner, number, &tenant));
    (void)pthread_mutex_lock(&tenant->env_lock);
    cordon_error *error = change_now(tenant, &changes, actor, &arena);
    (void)pthread_mutex_unlock(&tenant->env_lock);
    tenant_sign_soon(tenant);
    tenant_leave(tenant);
    return error;
}

/* -- Listing -------------------------------------------------------------------------------- */

static cordon_error *write_list(const struct env_vars *vars, struct buffer *out)
{
    TRY(buffer_append_byte(out, '['));
    for (size_t i = 0; vars != NULL && i < vars->count; i++) {
        TRY(json_write_comma(out));
        TRY(buffer_append_byte(out, '{'));
        TRY(json_write_key(out, SLICE("name")));
        TRY(json_write_string(out, vars->vars[i].name));
        TRY(json_write_key(out, SLICE("value")));
        TRY(json_write_string(out, vars->vars[i].value));
        TRY(buffer_append_byte(out, '}'));
    }
    return buffer_append_byte(out, ']');
}

cordon_error *environment_list(struct runner *runner, uint32_t number, struct buffer *out)
{
    struct tenant *tenant = NULL;
    TRY(runner_wake_tenant(runner, number, &tenant));
    CORDON_CLEANUP(env_vars_unrefp) struct env_vars *vars = tenant_env(tenant);
    tenant_leave(tenant);
    return write_list(vars, out);
}
