/* How far a command is, on one line of a terminal that is written over and taken away again. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/cli.h"

/* Shows on stderr if that is a terminal; else it says nothing. */
cordon_progress progress_shown(void);

/* Takes the line away. */
void progress_end(void);

#endif
