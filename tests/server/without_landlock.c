/* without_landlock PROGRAM WORD...: runs it as on a kernel that has no Landlock. */
#include "support/without_landlock.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc > 1 && landlock_taken_away()) {
        (void)execv(argv[1], argv + 1);
    }
    perror("without_landlock");
    return 1;
}
