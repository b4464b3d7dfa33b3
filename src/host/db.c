/* Paying for reads, and refusing arguments; see db.h. */
#include "host/db.h"

#define READ_HELP                                                                                  \
    "Consider using smaller limits in your queries, paginating your queries, or using indexed "    \
    "queries with a selective index range expressions."

enum gate_result db_charge_range(struct host *host)
{
    struct budget *budget = host->options.budget;
    const cordon_limit limit = CORDON_LIMIT_INDEX_RANGES;
    if (!budget_fits(budget, limit, 1)) {
        return gate_refuse_limit(
            host, limit, budget->used[limit] + 1,
            "Too many reads in a single function execution (limit: %llu). " READ_HELP,
            (unsigned long long)budget->allowed[limit]);
    }
    budget->used[limit]++;
    return GATE_OK;
}

enum gate_result db_charge_read(struct host *host, struct gate_call *call, uint64_t size)
{
    struct budget *budget = host->options.budget;
    const bool fits_one = budget_fits(budget, CORDON_LIMIT_DOCUMENTS_READ, 1);
    const bool fits = budget_fits(budget, CORDON_LIMIT_BYTES_READ, size);
    budget->used[CORDON_LIMIT_DOCUMENTS_READ]++;
    budget->used[CORDON_LIMIT_BYTES_READ] += size;
    if (!fits_one) {
        return gate_refuse_limit(
            host, CORDON_LIMIT_DOCUMENTS_READ, budget->used[CORDON_LIMIT_DOCUMENTS_READ],
            "Too many documents read in a single function execution (limit: %llu). " READ_HELP,
            (unsigned long long)budget->allowed[CORDON_LIMIT_DOCUMENTS_READ]);
    }
    if (!fits) {
        return gate_refuse_limit(
            host, CORDON_LIMIT_BYTES_READ, budget->used[CORDON_LIMIT_BYTES_READ],
            "Too many bytes read in a single function execution (limit: %llu bytes). " READ_HELP,
            (unsigned long long)budget->allowed[CORDON_LIMIT_BYTES_READ]);
    }
    return gate_charge(host, call, size) ? GATE_OK : GATE_STOP;
}

enum gate_result db_fail_too_much(struct host *host, const char *code, cordon_error *error)
{
    if (cordon_error_get_code(error) != CORDON_E_TOO_LARGE || host_lacks_memory(host, error)) {
        return gate_fail(host, error);
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return gate_refuse(host, code, "%s", cordon_error_get_message(owned));
}

enum gate_result db_check_argument(
    struct host *host, const char *argument, const char *name, cordon_error *error)
{
    if (error == NULL) {
        return GATE_OK;
    }
    if (cordon_error_get_code(error) != CORDON_E_BAD_VALUE) {
        return gate_fail(host, error);
    }
    CORDON_CLEANUP(cordon_error_freep) cordon_error *owned = error;
    return gate_refuse(
        host, "InvalidArgument", "Invalid argument `%s` for `%s`: %s", argument, name,
        cordon_error_get_message(owned));
}
