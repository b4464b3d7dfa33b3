/*
 * Writes the pages of docs/ that are made from tables of the public headers, so that no page can
 * say what the code does not: `docs_tables limits PART` and `docs_tables error-codes`, to stdout.
 * PART is what `make bench` measured, as bench/prices.mjs wrote it, and stands at the page's end.
 */
#include <cordon/outcome.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PAGE_NOTE                                                                                  \
    "<!-- Made from include/cordon/ by tests/docs/tables.c; `cmake --build build --target docs` "  \
    "writes it anew. -->\n\n"

static void print_number(unsigned long long number)
{
    char digits[32];
    const int size = snprintf(digits, sizeof digits, "%llu", number);
    for (int i = 0; i < size; i++) {
        (void)putchar(digits[i]);
        if ((size - i) % 3 == 1 && i + 1 < size) {
            (void)putchar(',');
        }
    }
}

static const char *scope_name(cordon_limit_scope scope)
{
    switch (scope) {
    case CORDON_SCOPE_RUN:
        return "run";
    case CORDON_SCOPE_PROCESS:
        return "process";
    case CORDON_SCOPE_TENANT:
        return "tenant";
    }
    return "?";
}

static void print_limits(void)
{
    (void)puts(
        PAGE_NOTE
        "# Limits\n\n"
        "Every limit is on by default. `cordon run --limit NAME=VALUE` and the operator's\n"
        "settings (`limits` in the config file of `cordon serve`) may raise or lower one; a\n"
        "request or a module only lowers. A run that passes a limit ends with its code, the\n"
        "limit's name, what was used and what was allowed; a limit on documents or bytes\n"
        "read or written is first a refusal that the function may handle. A\n"
        "document that is too much counts as read all the same, so that no later one is let\n"
        "through.\n\n"
        "`per run` limits hold for each run; `per process` ones are fixed when a server, or\n"
        "`cordon run`, starts. An action has no transaction, so that nothing counts there.\n\n"
        "## Limits of runs and processes\n\n"
        "| limit | query | mutation | action | unit | per | code | what is counted |\n"
        "|---|---:|---:|---:|---|---|---|---|");
    for (int i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const cordon_limit_info *const info = cordon_limit_get_info((cordon_limit)i);
        (void)printf("| `%s` |", info->name);
        for (int kind = 0; kind < CORDON_KIND_COUNT; kind++) {
            (void)putchar(' ');
            print_number(info->defaults[kind]);
            (void)fputs(" |", stdout);
        }
        (void)printf(
            " %s | %s | `%s` | %s |\n", info->unit, scope_name(info->scope), info->code,
            info->text);
    }
}

static void print_bounds(void)
{
    (void)puts("\n## Bounds on a module\n\n"
               "A module over one of these is refused (`ModuleRefused`) before any code is\n"
               "generated. They are fixed, and stand far above what compilers make of real\n"
               "programs; `cordon limits` lists them too.\n\n"
               "| bound | at most | unit | what is counted |\n"
               "|---|---:|---|---|");
    const cordon_module_bound *bound = NULL;
    for (size_t i = 0; (bound = cordon_module_bound_get(i)) != NULL; i++) {
        (void)printf("| `%s` | ", bound->name);
        print_number(bound->most);
        (void)printf(" | %s | %s |\n", bound->unit, bound->text);
    }
}

/* False if it is not there. */
static bool print_file(const char *path)
{
    char text[4096];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    (void)putchar('\n');
    for (size_t size = sizeof text; size == sizeof text;) {
        size = fread(text, 1, sizeof text, file);
        (void)fwrite(text, 1, size, stdout);
    }
    return fclose(file) == 0;
}

static void print_outcomes(void)
{
    (void)puts("## What comes of a run\n\n"
               "The `code` of an outcome, and the exit code of `cordon run`. A run that a limit\n"
               "ended has the code of that limit, which [limits.md](limits.md) lists, and exit\n"
               "code 3.\n\n"
               "| code | exit | what happened |\n"
               "|---|---:|---|");
#define OUTCOME_ROW(id, name, exit_code, text)                                                     \
    if (CORDON_OUTCOME_##id != CORDON_OUTCOME_LIMIT) {                                             \
        (void)printf("| `%s` | %d | %s |\n", name, exit_code, text);                               \
    }
    CORDON_OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
}

static void print_error_codes(void)
{
    (void)puts(PAGE_NOTE "# Error codes\n");
    print_outcomes();
    (void)puts(
        "\n## Errors of the library and the server\n\n"
        "What `cordon_error_get_code()` gives, and the `code` of an HTTP answer whose status\n"
        "is not 200. `retry` says whether the same request, sent again, is safe and may\n"
        "succeed.\n\n"
        "| code | HTTP status | retry | what is wrong |\n"
        "|---|---:|---|---|");
#define CODE_ROW(id, name, status, retry, text)                                                    \
    (void)printf("| `%s` | %d | %s | %s |\n", name, status, (retry) ? "yes" : "no", text);
    CORDON_ERROR_CODES(CODE_ROW)
#undef CODE_ROW
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "limits") == 0) {
        print_limits();
        print_bounds();
        if (!print_file(argv[2])) {
            (void)fprintf(stderr, "docs_tables: cannot read %s\n", argv[2]);
            return 1;
        }
    } else if (argc == 2 && strcmp(argv[1], "error-codes") == 0) {
        print_error_codes();
    } else {
        (void)fputs("usage: docs_tables limits PART | error-codes\n", stderr);
        return 2;
    }
    return 0;
}
