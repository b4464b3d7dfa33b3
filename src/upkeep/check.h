/*
 * A look at a data file before LMDB opens it, so that damage is one line and an exit code, where
 * LMDB would fault or hang: its length, both meta pages, the pages of the trees. Of a file of up
 * to 8 MiB all pages are walked over; of a larger one 64 ways from the root to a leaf, other ones
 * at each opening. Rows are checked when they are read, and all of them by verify.h.
 */
#ifndef UPKEEP_CHECK_H
#define UPKEEP_CHECK_H

#include "base/error.h"

/*
 * Checks the data file in `folder`, in a child process and for ten seconds at most. NULL too where
 * there is none, or another process has the folder open. Errors: CORDON_E_STORE for damage, with
 * the byte; CORDON_E_SYSTEM.
 */
CORDON_MUST_USE cordon_error *check_before_opening(const char *folder);

#endif
