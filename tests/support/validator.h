/*
 * The engine's validator alone, without a compilation behind it. A file of its own, as the engine's
 * header and that of our reader have names in common.
 */
#ifndef SUPPORT_VALIDATOR_H
#define SUPPORT_VALIDATOR_H

#include "base/slice.h"

struct support_validator;

/* With the settings that modules are compiled with. A test that cannot have one stops. */
struct support_validator *support_validator_new(void);
void support_validator_free(struct support_validator *validator);

/* True if the module is valid; else `words` has the reason, in the words that an author gets. */
bool support_validator_accepts(
    const struct support_validator *validator, struct slice wasm, char *words, size_t words_size);

#endif
