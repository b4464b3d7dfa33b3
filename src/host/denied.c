/*
 * What is said of a call that the function's kind may not make: the call, and the kind that could.
 * Where Convex refuses the same thing, its words come first.
 */
#include "host/host.h"

#define ACTIONS_ALONE                                                                              \
    "Can't use %s in queries and mutations. Please consider using an action. See "                 \
    "https://docs.convex.dev/functions/actions for more details. "

/* What Convex calls the effect behind a call of convex/effect; NULL for every other call. */
static const char *effect_of(const struct engine_import *import)
{
    static const struct {
        const char *name;
        const char *effect;
    } effects[] = {
        {"crypto_random", "cryptographic randomness"},
        {"sleep", "sleep()"},
    };
    if (strcmp(import->module, "convex/effect") != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        if (strcmp(import->name, effects[i].name) == 0) {
            return effects[i].effect;
        }
    }
    return NULL;
}

/* The first kind that may make the call. */
static cordon_kind able_kind(const struct engine_import *import)
{
    int kind = 0;
    while (kind < KIND_COUNT - 1 && (import->kinds & 1u << kind) == 0) {
        kind++;
    }
    return (cordon_kind)kind;
}

static const char *with_article(cordon_kind kind)
{
    switch (kind) {
    case CORDON_QUERY:
        return "A query";
    case CORDON_MUTATION:
        return "A mutation";
    case CORDON_ACTION:
        break;
    }
    return "An action";
}

enum engine_answer host_denied(void *run, const struct engine_import *import)
{
    struct host *host = run;
    const char *caller = with_article(host->options.kind);
    const char *able = with_article(able_kind(import));
    const char *effect = effect_of(import);
    if (effect != NULL) {
        return host_stop(
            host, CORDON_OUTCOME_CAPABILITY_DENIED,
            ACTIONS_ALONE "%s can't call `%s` of `%s`. %s can.", effect, caller, import->name,
            import->module, able);
    }
    return host_stop(
        host, CORDON_OUTCOME_CAPABILITY_DENIED,
        "%s can't call `%s` of `%s`. %s can: make this function one, or move the call there.",
        caller, import->name, import->module, able);
}
