/*
 * Where tenants are looked up and changed: at the operator's listener of a server, by its URL or by
 * the socket in its data folder, or in a folder that no server uses.
 */
#ifndef CLI_TENANT_PLACE_H
#define CLI_TENANT_PLACE_H

#include "cli/cli.h"
#include "cli/text.h"

struct tenant_place {
    struct cli_options options;
    struct text socket_path;
    const char *socket;
    cordon_runtime *runtime; /* NULL: a server */
};

/*
 * Finds the place and opens it; to be closed in any case, if it was all zeros before. CLI_OK, or
 * the exit code after having said what failed.
 */
int tenant_place_open(struct tenant_place *place, const struct cli_options *options);

void tenant_place_close(struct tenant_place *place);

/* The list of the tenants there, as cordon_tenant_list() gives it. The exit code, as above. */
int tenant_place_list(struct tenant_place *place, cordon_json **out_list);

/*
 * Whether a folder has that tenant; `*out_known` is false where that can't be told: a server uses
 * the folder and listens for the operator elsewhere, or the folder has no store yet. The exit code,
 * as above.
 */
int tenant_place_has(
    const struct cli_options *options, const char *tenant, bool *out_known, bool *out_has);

/* The one of that name in such a list; NULL: there is none. */
const cordon_json_value *tenant_place_find(const cordon_json_value *list, const char *tenant);

#endif
