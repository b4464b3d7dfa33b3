/*
 * Checks a history for strict serializability: whether all of its committed transactions could have
 * been done one after the other, each between its beginning and its answer, with the same reads.
 *
 * The method is Elle's (Kingsbury and Alvaro, VLDB 2020) over Adya's phenomena: from what was read
 * follows who overwrote whom and who read what from whom, and with that a graph whose cycles are
 * anomalies. A history without any is strictly serializable as far as its reads can tell: what was
 * blindly written to a register and never read is in no order. A cycle is an anomaly for certain.
 *
 * Linear in the history, save that who has found anomalies searches for the gravest cycle of each
 * knot with a budget; when that is spent a knot is still told, if perhaps as a lesser kind.
 */
#ifndef HISTORY_CHECK_H
#define HISTORY_CHECK_H

#include "history/report.h"

/*
 * `report` was made by report_init() and is filled in. Of each knot of transactions that all stand
 * before each other, one cycle counts, of the gravest kind. Takes at most `bytes_max` of memory.
 * Errors: CORDON_E_INVALID for a history that cannot be checked, CORDON_E_TOO_LARGE,
 * CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *history_check(
    const struct history *history, uint64_t bytes_max, struct history_report *report);

#endif
