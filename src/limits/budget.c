/* Counting use against the limit table; see budget.h. */
#include "limits/budget.h"

#include <stdio.h>

void budget_init(struct budget *budget, cordon_kind kind, const struct limit_changes *operator_set)
{
    *budget = (struct budget){0};
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        const bool changed = operator_set != NULL && operator_set->set[i];
        budget->allowed[i] = changed ? operator_set->value[i]
                                     : cordon_limit_get_info((cordon_limit)i)->defaults[kind];
    }
}

void budget_lower(struct budget *budget, const struct limit_changes *lower)
{
    for (size_t i = 0; i < CORDON_LIMIT_COUNT; i++) {
        if (lower->set[i] && lower->value[i] < budget->allowed[i]) {
            budget->allowed[i] = lower->value[i];
        }
    }
}

uint64_t limit_least(cordon_limit limit)
{
    const bool is_needed = limit_is_time(limit) || limit == CORDON_LIMIT_FUEL;
    return limit == CORDON_LIMIT_MEMORY_BYTES ? 65536 /* a page of WebAssembly */
           : is_needed                        ? 1
                                              : 0;
}

bool budget_fits(const struct budget *budget, cordon_limit limit, uint64_t amount)
{
    return amount <= budget_left(budget, limit);
}

bool budget_charge(struct budget *budget, cordon_limit limit, uint64_t amount)
{
    if (!budget_fits(budget, limit, amount)) {
        const uint64_t used = budget->used[limit];
        budget_trip(budget, limit, amount > UINT64_MAX - used ? UINT64_MAX : used + amount);
        return false;
    }
    budget->used[limit] += amount;
    return true;
}

void budget_trip(struct budget *budget, cordon_limit limit, uint64_t used)
{
    if (!budget->tripped) {
        budget->tripped = true;
        budget->tripped_limit = limit;
        budget->tripped_used = used;
    }
}

void budget_note_write(struct budget_write *nearest, uint64_t amount, const char *id)
{
    if (amount > nearest->amount) {
        nearest->amount = amount;
        (void)snprintf(nearest->id, sizeof nearest->id, "%s", id);
    }
}
