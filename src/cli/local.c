/* The runtime of `run` and `check`, and where its parts lie. */
#include "cli/local.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"

/* Of any module, however much is allowed, so that a refusal can tell its size. */
#define MODULE_READ_BYTES ((uint64_t)256 << 20)

/* From the folder of this program, as it is installed; as it is built they lie beside it. */
#define INSTALLED "../libexec/cordon/"

/* The path of a program of ours: what the variable says, else where it lies. */
static const char *find_program(const char *name, const char *variable, struct text *path)
{
    const char *const named = getenv(variable);
    if (named != NULL && named[0] != '\0') {
        return named;
    }
    char own[4096];
    const ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
    own[size < 0 ? 0 : size] = '\0';
    const char *const slash = strrchr(own, '/');
    const size_t folder_size = slash == NULL ? 0 : (size_t)(slash - own) + 1;
    text_append(path, own, folder_size);
    text_printf(path, "%s", name);
    if (access(path->data, X_OK) != 0) {
        text_done(path);
        text_append(path, own, folder_size);
        text_printf(path, INSTALLED "%s", name);
    }
    return path->data;
}

const char *local_worker(struct text *path)
{
    return find_program("cordon-compile", "CORDON_COMPILE_WORKER", path);
}

const char *local_fetcher(struct text *path)
{
    return find_program("cordon-fetch", "CORDON_KEY_FETCHER", path);
}

cordon_error *local_open(const struct cli_options *options, cordon_runtime **out_runtime)
{
    TEXT_CLEANUP worker = {0};
    const cordon_runtime_options wanted = {
        .size = sizeof wanted,
        .data_folder = options->data,
        .compile_worker = local_worker(&worker),
        .limits = options->limits,
        .guard_faults = true,
    };
    return cordon_runtime_new(&wanted, out_runtime);
}

void local_close(cordon_runtime **runtime)
{
    cordon_runtime_free(*runtime);
}

const char *local_module_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

int local_read_module(const struct cli_options *options, const char *path, struct text *out_bytes)
{
    const uint64_t allowed = options->limits.value[CORDON_LIMIT_MODULE_BYTES];
    const uint64_t wanted = allowed > MODULE_READ_BYTES ? allowed : MODULE_READ_BYTES;
    const size_t most = wanted < SIZE_MAX / 2 ? (size_t)wanted : SIZE_MAX / 2;
    const int unread = text_read_file(out_bytes, path, most);
    if (unread == CLI_OK && out_bytes->size > most) {
        return terminal_fail(
            CLI_USAGE, "'%s' is larger than %zu bytes, and so no module; name a .wasm file", path,
            most);
    }
    return unread;
}

int local_fail(const struct cli_options *options, cordon_error *error)
{
    const int exit_code = terminal_exit_code(cordon_error_get_code(error));
    if (options->format == CLI_TEXT || exit_code == CLI_USAGE) {
        return terminal_error(error);
    }
    char *json = NULL;
    cordon_error *const second = cordon_error_to_json(error, &json);
    if (second != NULL) {
        cordon_error_free(second);
        return terminal_error(error);
    }
    cordon_error_free(error);
    (void)terminal_print_json(json);
    return exit_code;
}
