/* Runs a function of a module that nobody need trust and that may ask this program for prices. */
#include <cordon/cordon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything that went wrong outside of the function itself. */
static void must(cordon_error *error)
{
    if (error != NULL) {
        fprintf(stderr, "embed: %s\n", cordon_error_get_message(error));
        exit(EXIT_FAILURE);
    }
}

static cordon_host_answer tell_prices(void *arg, cordon_host_call *call)
{
    cordon_host_call_reply(call, arg, strlen(arg));
    return CORDON_HOST_DONE;
}

int main(int argc, char **argv)
{
    static char bytes[16 << 20];
    FILE *file = argc == 5 ? fopen(argv[2], "rb") : NULL;
    if (file == NULL) {
        fputs("usage: embed COMPILE-WORKER MODULE PATH ARGS-JSON\n", stderr);
        return EXIT_FAILURE;
    }
    const cordon_module module = {argv[2], bytes, fread(bytes, 1, sizeof bytes, file)};
    cordon_host_function prices = {.size = sizeof prices, .module = "shop", .name = "prices"};
    prices.kinds = CORDON_HOST_QUERIES;
    prices.fuel = 10000;
    prices.call = tell_prices;
    prices.arg = "{\"tea\": 2.5, \"cake\": 4}";

    cordon_runtime_options options = {.size = sizeof options, .compile_worker = argv[1]};
    options.host_functions = (const cordon_host_function *const[]){&prices};
    options.host_function_count = 1;
    options.limits.set[CORDON_LIMIT_FUEL] = true;
    options.limits.value[CORDON_LIMIT_FUEL] = 100000000;
    cordon_runtime *runtime = NULL;
    char *text = NULL;
    must(cordon_runtime_new(&options, &runtime));
    must(cordon_load(runtime, &module, 1, &text));
    cordon_free(text);

    const cordon_request request = {.size = sizeof request, .path = argv[3], .args = argv[4]};
    cordon_call *call = NULL;
    must(cordon_call_new(runtime, &request, NULL, NULL, &call));
    cordon_call_finish(call);
    must(cordon_outcome_to_json(cordon_call_get_outcome(call), &text));
    puts(text);
    cordon_free(text);
    const int exit_code = cordon_outcome_get_exit_code(cordon_call_get_outcome(call));
    cordon_call_free(call);
    cordon_runtime_free(runtime);
    return exit_code;
}
