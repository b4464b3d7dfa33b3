/* `cordon limits`: the limit table, for people and for programs. */
#include "cli/flags.h"
#include "cli/terminal.h"

static void print_row(const cordon_limit_info *info)
{
    (void)printf("%-18s", info->name);
    for (int kind = 0; kind < CORDON_KIND_COUNT; kind++) {
        (void)printf(" %13llu", (unsigned long long)info->defaults[kind]);
    }
    (void)printf(" %-9s  %s\n", info->unit, info->code);
    (void)printf("    %s\n", info->text);
}

static void print_limits(void)
{
    (void)printf("%-18s", "limit");
    for (int kind = 0; kind < CORDON_KIND_COUNT; kind++) {
        (void)printf(" %13s", cordon_kind_name((cordon_kind)kind));
    }
    (void)printf(" %-9s  %s\n", "unit", "code of the error");
    for (int limit = 0; limit < CORDON_LIMIT_COUNT; limit++) {
        print_row(cordon_limit_get_info((cordon_limit)limit));
    }
}

static void print_bounds(void)
{
    (void)puts("\nA module is refused (ModuleRefused) over these, which are fixed:");
    const cordon_module_bound *bound = NULL;
    for (size_t i = 0; (bound = cordon_module_bound_get(i)) != NULL; i++) {
        (void)printf("%-23s %8u %-9s  %s\n", bound->name, bound->most, bound->unit, bound->text);
    }
}

static int run(const struct cli_options *options)
{
    if (options->format == CLI_JSON) {
        char *json = NULL;
        cordon_error *const error = cordon_limits_to_json(&json);
        return error == NULL ? terminal_print_json(json) : terminal_error(error);
    }
    print_limits();
    print_bounds();
    return CLI_OK;
}

static const struct cli_flag flags[] = {
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_limits = {
    .name = "limits",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .summary = "lists every limit with its defaults",
    .details =
        "Lists every limit: its name as in `cordon run --limit NAME=VALUE`, its default for each\n"
        "kind of function, and the code of the error when it ends a run. All of them are on; 0 "
        "for\n"
        "actions means that they have no transaction to count in. Below stand the bounds on what\n"
        "a module may carry, which nobody changes.",
    .example = "  cordon limits --format json",
    .flags = flags,
    .run = run,
};
