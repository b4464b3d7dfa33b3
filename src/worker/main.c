/* The executable cordon-compile: a keeper with its starter, or one of their workers. */
#include "worker/worker.h"

#include "base/descriptors.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    descriptors_open_standard();
    if (argc == 2 && strcmp(argv[1], "--starter") == 0) {
        return keeper_run();
    }
    if (argc == 2 && strcmp(argv[1], "--worker") == 0) {
        return worker_run();
    }
    (void)fputs(
        "cordon-compile turns modules into machine code for the program cordon, which starts it. "
        "It does nothing by hand.\n",
        stderr);
    return 2;
}
