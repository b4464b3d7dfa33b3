/* Where the operator's listener is; see operator.h. */
#include "cli/operator.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/flags.h"
#include "cli/terminal.h"

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
    out_options->data = flags_folder(options);
    text_printf(path, "%s/operator.sock", out_options->data);
    if (!is_served(path->data)) {
        return false;
    }
    out_options->url = "http://127.0.0.1"; /* a name for what the socket leads to */
    *out_socket = path->data;
    return true;
}

/* The process that holds the folder's lock; 0: nobody does. */
static long owner_of(const char *folder)
{
    TEXT_CLEANUP path = {0};
    char text[32] = {0};
    text_printf(&path, "%s/lock", folder);
    const int fd = open(path.data, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const bool is_held =
        flock(fd, LOCK_SH | LOCK_NB) != 0 && pread(fd, text, sizeof text - 1, 0) > 0;
    (void)close(fd); /* and lets go of the lock */
    return is_held ? strtol(text, NULL, 10) : 0;
}

bool operator_is_elsewhere(const char *folder)
{
    const long owner = owner_of(folder);
    if (owner != 0) {
        (void)terminal_fail(
            0,
            "the data folder '%s' is in use by process %ld, which doesn't listen for the operator "
            "there\n"
            "If it is a server whose `operator_listen` is an address, name that by --url, with "
            "the\n"
            "operator's key (`cordon keygen operator`) in $CORDON_OPERATOR_KEY. Any other process "
            "has\nto end first.",
            folder, owner);
    }
    return owner != 0;
}
