/* What the tests that record histories share: the checker's verdict. */
#ifndef CONTRACT_VERDICT_H
#define CONTRACT_VERDICT_H

#include "history/history.h"

#define VERDICT_BYTES_MAX ((uint64_t)4 << 30)

/*
 * Requires that a history is strictly serializable, and says how large it was. If it is not, the
 * anomalies are printed and the history is left in a file, whose name is printed, for
 * `cordon selftest --check`.
 */
void expect_serializable(const struct history *history, const char *name);

#endif
