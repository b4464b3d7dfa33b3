/* Validators with the store behind them; see check.h. */
#include "host/check.h"

/* Pairs of validator and value looked at for one check: some tens of milliseconds at worst. */
#define CHECK_STEPS_MAX 2000000

static const struct check_table *known_table(const struct checker *checker, uint32_t number)
{
    const struct check_table *table = checker->tables;
    while (table != NULL && table->number != number) {
        table = table->next;
    }
    return table;
}

static cordon_error *ask_store(
    struct checker *checker,
    uint32_t number,
    enum store_step *out_step,
    const struct check_table **out_table)
{
    bool found = false;
    struct slice name = {0};
    TRY(store_table_name(checker->txn, number, out_step, &found, &name));
    if (*out_step == STORE_PENDING) {
        return NULL;
    }
    struct check_table *table = arena_alloc(checker->arena, sizeof *table);
    if (table == NULL) {
        return arena_error(checker->arena);
    }
    table->number = number;
    table->found = found;
    table->name = arena_copy(checker->arena, name);
    if (table->name.data == NULL) {
        return arena_error(checker->arena);
    }
    table->next = checker->tables;
    checker->tables = table;
    *out_table = table;
    return NULL;
}

static enum validator_table look_up(void *arg, uint32_t number, struct slice *out_name)
{
    struct checker *checker = arg;
    const struct check_table *table = known_table(checker, number);
    enum store_step step = STORE_DONE;
    if (table == NULL && checker->error == NULL) {
        checker->error = ask_store(checker, number, &step, &table);
    }
    if (step == STORE_PENDING) {
        return VALIDATOR_TABLE_PENDING;
    }
    if (table == NULL || !table->found) {
        return VALIDATOR_TABLE_UNKNOWN;
    }
    *out_name = table->name;
    return VALIDATOR_TABLE_NAMED;
}

cordon_error *check_value(
    struct checker *checker,
    const struct validator *validator,
    const struct value *value,
    struct buffer *message,
    enum check_verdict *out_verdict)
{
    struct validator_context context = {
        .lookup = look_up,
        .lookup_arg = checker,
        .steps_left = CHECK_STEPS_MAX,
    };
    enum validator_verdict verdict = VALIDATOR_MATCH;
    cordon_error *error = validator_check(validator, value, &context, message, &verdict);
    checker->steps = CHECK_STEPS_MAX - context.steps_left;
    if (checker->error != NULL) {
        cordon_error_free(error);
        return CORDON_TAKE(checker->error);
    }
    TRY(error);
    switch (verdict) {
    case VALIDATOR_MATCH:
        *out_verdict = CHECK_GOOD;
        break;
    case VALIDATOR_MISMATCH:
        *out_verdict = CHECK_BAD;
        break;
    case VALIDATOR_PENDING:
        *out_verdict = CHECK_PENDING;
        break;
    }
    return NULL;
}
