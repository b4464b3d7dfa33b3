/*
 * `cordon deploy`: puts modules on a running server, all of them or none. They travel as a sequence
 * of name and bytes, each with its size as 32 bits, little-endian, before it (docs/protocol.md);
 * one alone too, as its bare bytes would carry no name.
 */
#include <string.h>

#include "cli/flags.h"
#include "cli/http.h"
#include "cli/local.h"
#include "cli/report.h"
#include "cli/terminal.h"

enum { MODULE_READ_MAX = 1 << 30, MODULES_MAX = 256 };

static void append_size(struct text *body, size_t size)
{
    const unsigned char bytes[4] = {
        (unsigned char)size,
        (unsigned char)(size >> 8),
        (unsigned char)(size >> 16),
        (unsigned char)(size >> 24),
    };
    text_append(body, bytes, sizeof bytes);
}

static void append_part(struct text *body, const char *bytes, size_t size)
{
    append_size(body, size);
    text_append(body, bytes, size);
}

static int append_module(struct text *body, const char *path)
{
    TEXT_CLEANUP bytes = {0};
    const int unread = text_read_file(&bytes, path, MODULE_READ_MAX);
    if (unread != CLI_OK) {
        return unread;
    }
    if (bytes.size > MODULE_READ_MAX) {
        return terminal_fail(
            CLI_USAGE, "'%s' is larger than %d bytes, and so no module; name a .wasm file", path,
            MODULE_READ_MAX);
    }
    const char *const name = local_module_name(path);
    append_part(body, name, strlen(name));
    append_part(body, bytes.data, bytes.size);
    return CLI_OK;
}

static int run(const struct cli_options *options)
{
    if (http_admin_key(options) == NULL) {
        return terminal_usage(
            options->command,
            "a deploy needs an admin key: --admin-key KEY or $CORDON_ADMIN_KEY\n"
            "`cordon keygen admin --data DIR` makes one, also while the server runs.");
    }
    TEXT_CLEANUP body = {0};
    for (int i = 0; i < options->operand_count; i++) {
        const int failed = append_module(&body, options->operands[i]);
        if (failed != CLI_OK) {
            return failed;
        }
    }
    const struct http_request request = {
        .options = options,
        .path = "/api/cordon/deploy",
        .content_type = "application/vnd.cordon.modules",
        .body = &body,
        .working = "compiling",
    };
    TEXT_CLEANUP answer = {0};
    const int failed = http_post(&request, &answer);
    if (failed != CLI_OK) {
        return failed;
    }
    return report_print(options, (cordon_text){answer.data, answer.size});
}

static const struct cli_flag flags[] = {
    FLAG_URL,
    FLAG_ADMIN_KEY,
    FLAG_FORMAT,
    FLAGS_END,
};

const struct cli_command cli_deploy = {
    .name = "deploy",
    .operands = "MODULE...",
    .operands_min = 1,
    .operands_max = MODULES_MAX,
    .summary = "puts modules on a running server",
    .details =
        "Replaces all functions of the server by those of these WebAssembly files, 256 at most;\n"
        "or, if one of them is refused, changes nothing. Calls under way end with the functions\n"
        "they began with.\n"
        "\n"
        "Exit code: 0 deployed; 2 wrong usage or a key that is not accepted; 4 a module was\n"
        "refused; 5 no server answers, or it failed.",
    .example = "  export CORDON_ADMIN_KEY=$(cordon keygen admin | awk '{print $NF}')\n"
               "  cordon deploy messages.wasm",
    .flags = flags,
    .run = run,
};
