/* Deployments and their index by path; see deployment.h. */
#include "run/deployment.h"

#include "base/memory.h"
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

struct deployment *deployment_ref(struct deployment *deployment)
{
    (void)atomic_fetch_add(&deployment->references, 1);
    return deployment;
}

void deployment_unref(struct deployment *deployment)
{
    if (atomic_fetch_sub(&deployment->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < deployment->module_count; i++) {
        engine_module_unref(deployment->modules[i].engine_module);
    }
    arena_done(&deployment->arena);
    mem_free(deployment);
}

/* The place of a path in the index, or the free place where it belongs. */
static size_t place_of(const struct deployment *deployment, struct slice path)
{
    const size_t mask = deployment->index_size - 1;
    size_t at = (size_t)hash_fast(path, 0) & mask;
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
