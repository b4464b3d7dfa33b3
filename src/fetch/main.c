/* The executable cordon-fetch: fetches key sets for the program cordon, which starts it. */
#include "fetch/fetch.h"

#include "base/descriptors.h"

#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    descriptors_open_standard();
    if (argc != 2 || fcntl(SPAWN_FD_SOCKET, F_GETFD) == -1) {
        (void)fputs(
            "cordon-fetch fetches the key sets of auth providers for the program cordon, which "
            "starts it. It does nothing by hand.\n",
            stderr);
        return 2;
    }
    return supervise(argv[1]);
}
