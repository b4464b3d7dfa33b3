/*
 * Runs one function of a module that nobody need trust, with limits of this program's own:
 *
 *     cc embed.c $(pkg-config --cflags --libs cordon) -o embed
 *     ./embed "$(pkg-config --variable=compile_worker cordon)" messages_c.wasm math:fib '{"n": 20}'
 */
#include <cordon/cordon.h>
#include <stdio.h>
#include <stdlib.h>

static char bytes[16 << 20];

/* Everything that went wrong outside of the function itself. */
static void must(cordon_error *error)
{
    if (error != NULL) {
        fprintf(stderr, "embed: %s\n", cordon_error_get_message(error));
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    FILE *file = argc == 5 ? fopen(argv[2], "rb") : NULL;
    if (file == NULL) {
        fputs("usage: embed COMPILE-WORKER MODULE PATH ARGS-JSON\n", stderr);
        return EXIT_FAILURE;
    }
    const cordon_module module = {argv[2], bytes, fread(bytes, 1, sizeof bytes, file)};
    fclose(file);

    cordon_runtime_options options = {.size = sizeof options};
    options.compile_worker = argv[1];
    options.limits.set[CORDON_LIMIT_FUEL] = true;
    options.limits.value[CORDON_LIMIT_FUEL] = 100000000;
    cordon_runtime *runtime = NULL;
    char *report = NULL;
    must(cordon_runtime_new(&options, &runtime));
    must(cordon_load(runtime, &module, 1, &report));

    cordon_request request = {.size = sizeof request};
    request.path = argv[3];
    request.args = argv[4];
    cordon_call *call = NULL;
    char *json = NULL;
    must(cordon_call_new(runtime, &request, NULL, NULL, &call));
    cordon_call_finish(call);
    must(cordon_outcome_to_json(cordon_call_get_outcome(call), &json));
    puts(json);

    const int exit_code = cordon_outcome_get_exit_code(cordon_call_get_outcome(call));
    cordon_free(json);
    cordon_free(report);
    cordon_call_free(call);
    cordon_runtime_free(runtime);
    return exit_code;
}
