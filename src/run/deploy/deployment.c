/* Deployments and their index by path; see deployment.h. */
#include "run/deploy/deployment.h"

#include "base/memory.h"
#include "base/random.h"
#include "value/printable.h"

/* Functions of a whole deployment: one metadata section of 1 MiB holds some 10,000. */
#define FUNCTIONS_MAX ((size_t)1 << 20)

struct slice deployment_module_key(struct deployment_key *key, const uint8_t hash[SHA256_BYTES])
{
    memcpy(key->bytes, "module/", 7);
    memcpy(key->bytes + 7, hash, SHA256_BYTES);
    return slice_of(key->bytes, sizeof key->bytes);
}

cordon_error *deployment_new(
    uint32_t tenant, size_t modules_max, struct deployment **out_deployment)
{
    struct deployment *deployment = MEM_NEW(struct deployment);
    if (deployment == NULL) {
        return error_no_memory();
    }
    atomic_store(&deployment->references, 1);
    deployment->tenant = tenant;
    random_system(&deployment->index_seed, sizeof deployment->index_seed);
    arena_init(&deployment->arena, (size_t)1 << 30);
    deployment->modules =
        arena_alloc(&deployment->arena, modules_max * sizeof *deployment->modules);
    if (deployment->modules == NULL) {
        deployment_unref(deployment);
        return error_no_memory();
    }
    *out_deployment = deployment;
    return NULL;
}

bool deployment_pay(
    struct deployment *deployment, struct shared *shared, atomic_ullong *owner, uint32_t percent)
{
    uint64_t bytes = arena_bytes(&deployment->arena);
    for (size_t i = 0; i < deployment->module_count; i++) {
        bytes += engine_module_bytes(deployment->modules[i].engine_module);
    }
    CORDON_ASSERT(bytes >= deployment->paid);
    if (!shared_take(shared, owner, bytes - deployment->paid, percent)) {
        return false;
    }
    deployment->paid_to = shared;
    deployment->paid_by = owner;
    deployment->paid = bytes;
    return true;
}

struct deployment *deployment_ref(struct deployment *deployment)
{
    (void)atomic_fetch_add(&deployment->references, 1);
    return deployment;
}

void deployment_unref(struct deployment *deployment)
{
    if (deployment == NULL || atomic_fetch_sub(&deployment->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < deployment->module_count; i++) {
        engine_module_unref(deployment->modules[i].engine_module);
    }
    if (deployment->paid_to != NULL) {
        shared_give(deployment->paid_to, deployment->paid_by, deployment->paid);
    }
    arena_done(&deployment->arena);
    explicit_bzero(deployment->cursor_key, sizeof deployment->cursor_key);
    mem_free(deployment);
}

/* The place of a path in the index, or the free place where it belongs. */
static size_t place_of(const struct deployment *deployment, struct slice path)
{
    const size_t mask = deployment->index_size - 1;
    size_t at = (size_t)hash_fast(path, deployment->index_seed) & mask;
    while (
        deployment->index[at] != 0 &&
        !slice_equal(deployment->functions[deployment->index[at] - 1].metadata->path.text, path)) {
        at = (at + 1) & mask;
    }
    return at;
}

static cordon_error *add_function(
    struct deployment *deployment,
    const struct deployed_module *module,
    const struct wasm_metadata_function *metadata)
{
    const size_t at = place_of(deployment, metadata->path.text);
    if (deployment->index[at] != 0) {
        const struct deployed_module *other =
            deployment->functions[deployment->index[at] - 1].module;
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED,
            "The function `%.*s` is in two modules, %s and %s. A path belongs to one function: "
            "rename one of them.",
            SLICE_FMT(metadata->path.text), printable(other->name).text,
            printable(module->name).text);
    }
    deployment->functions[deployment->function_count] = (struct deployed_function){
        .metadata = metadata,
        .module = module,
    };
    deployment->index[at] = (uint32_t)++deployment->function_count;
    return NULL;
}

cordon_error *deployment_index(struct deployment *deployment)
{
    size_t count = 0;
    for (size_t i = 0; i < deployment->module_count; i++) {
        count += deployment->modules[i].metadata->function_count;
    }
    if (count > FUNCTIONS_MAX) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "A deployment has at most %zu functions.", FUNCTIONS_MAX);
    }
    size_t size = 8;
    while (size < 2 * count) {
        size *= 2;
    }
    deployment->functions =
        arena_alloc(&deployment->arena, (count + 1) * sizeof *deployment->functions);
    deployment->index = arena_alloc(&deployment->arena, size * sizeof *deployment->index);
    if (deployment->functions == NULL || deployment->index == NULL) {
        return error_no_memory();
    }
    deployment->index_size = size;
    for (size_t i = 0; i < deployment->module_count; i++) {
        const struct deployed_module *module = &deployment->modules[i];
        for (uint32_t k = 0; k < module->metadata->function_count; k++) {
            TRY(add_function(deployment, module, &module->metadata->functions[k]));
        }
    }
    return NULL;
}

/* -- Schemas -------------------------------------------------------------------------------- */

/* A table, and who brings it. */
struct brought {
    struct schema_table table;
    const struct deployed_module *module;
};

static int compare_brought(const void *a, const void *b)
{
    const struct brought *left = a;
    const struct brought *right = b;
    return slice_compare(left->table.name, right->table.name);
}

static cordon_error *bring(
    const struct deployed_module *module, struct arena *arena, struct brought *all, size_t *count)
{
    for (size_t i = 0; module->schema != NULL && i < module->schema->table_count; i++) {
        struct brought *one = &all[(*count)++];
        *one = (struct brought){.table = module->schema->tables[i], .module = module};
        if (!module->schema->validates) {
            TRY(validator_parse(NULL, arena, &one->table.document));
            one->table.document_json = SLICE("null");
        }
    }
    return NULL;
}

static cordon_error *check_brought(const struct brought *all, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(all[i - 1].table.name, all[i].table.name)) {
            return cordon_error_new(
                CORDON_E_MODULE_REFUSED,
                "The table `%.*s` is in the schemas of two modules, %s and %s. A table belongs to "
                "one of them: take it out of the other.",
                SLICE_FMT(all[i].table.name), printable(all[i - 1].module->name).text,
                printable(all[i].module->name).text);
        }
    }
    return NULL;
}

cordon_error *deployment_merge_schemas(struct deployment *deployment)
{
    size_t count_max = 0;
    for (size_t i = 0; i < deployment->module_count; i++) {
        const struct schema *schema = deployment->modules[i].schema;
        count_max += schema == NULL ? 0 : schema->table_count;
    }
    if (count_max > SCHEMA_TABLES_MAX) {
        return cordon_error_new(
            CORDON_E_MODULE_REFUSED, "A deployment has at most %d tables in its schema.",
            SCHEMA_TABLES_MAX);
    }
    struct arena *arena = &deployment->arena;
    struct brought *all = arena_alloc(arena, (count_max + 1) * sizeof *all);
    struct schema_table *tables = arena_alloc(arena, (count_max + 1) * sizeof *tables);
    if (all == NULL || tables == NULL) {
        return error_no_memory();
    }
    size_t count = 0;
    for (size_t i = 0; i < deployment->module_count; i++) {
        TRY(bring(&deployment->modules[i], arena, all, &count));
    }
    qsort(all, count, sizeof *all, compare_brought);
    TRY(check_brought(all, count));
    for (size_t i = 0; i < count; i++) {
        tables[i] = all[i].table;
    }
    deployment->schema = (struct schema){.tables = tables, .table_count = count, .validates = true};
    return NULL;
}

/* -- Finding -------------------------------------------------------------------------------- */

static const struct deployed_function *find_exact(
    const struct deployment *deployment, struct slice path)
{
    const uint32_t number = deployment->index[place_of(deployment, path)];
    return number == 0 ? NULL : &deployment->functions[number - 1];
}

const struct deployed_function *deployment_find(
    const struct deployment *deployment, struct slice path)
{
    if (deployment->index_size == 0) {
        return NULL;
    }
    const struct deployed_function *found = find_exact(deployment, path);
    if (found != NULL) {
        return found;
    }
    CORDON_CLEANUP_ARENA struct arena arena;
    arena_init(&arena, 65536);
    struct function_path parsed;
    CORDON_CLEANUP(cordon_error_freep) cordon_error *error =
        function_path_parse(path, &arena, &parsed);
    return error == NULL ? find_exact(deployment, parsed.text) : NULL;
}
