/* Where the operator's listener is; see operator.h. */
#include "cli/operator.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/flags.h"

/* Whether a server listens at the socket. */
static bool is_served(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t size = strlen(path);
    if (size >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, path, size);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool served =
        fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return served;
}

bool operator_find(
    const struct cli_options *options,
    struct text *path,
    struct cli_options *out_options,
    const char **out_socket)
{
    *out_options = *options;
    const char *const key = getenv("CORDON_OPERATOR_KEY"); /* the socket in a folder needs none */
    out_options->admin_key = key == NULL ? "" : key;       /* no admin's in any case */
    *out_socket = NULL;
    if (options->url != NULL) {
        return true;
    }
    out_options->data = options->data == NULL ? CLI_DEFAULT_DATA : options->data;
    text_printf(path, "%s/operator.sock", out_options->data);
    if (!is_served(path->data)) {
        return false;
    }
    out_options->url = "http://127.0.0.1"; /* a name for what the socket leads to */
    *out_socket = path->data;
    return true;
}
