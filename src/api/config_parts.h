/*
 * What the files that read, compare and write settings share: api/config.c has the table and reads
 * by it, api/config_changes.c compares and writes, api/config_providers.c knows auth providers.
 */
#ifndef API_CONFIG_PARTS_H
#define API_CONFIG_PARTS_H

#include <cordon/config.h>
#include <cordon/json.h>

#include "base/arena.h"
#include "base/buffer.h"

/* What holds where nothing is said; 0 and NULL are the defaults of the options that they become. */
#define CONFIG_USUAL {.replay_sample = CORDON_REPLAY_SAMPLE_DEFAULT, .confine = true}

enum setting_type {
    SETTING_TEXT,
    SETTING_TEXTS,
    SETTING_U32,
    SETTING_U64,
    SETTING_FLAG,
    SETTING_LIMITS,
    SETTING_PROVIDERS
};

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;      /* in cordon_config */
    size_t count_at;    /* of a list: where its length is */
    const char *wanted; /* of a number: its unit, or nothing */
    uint64_t least;     /* of a number, as the next one */
    uint64_t most;
};

/* All of them; static. */
const struct setting *config_settings(size_t *out_count);

/* "…" must be …, by the setting's own words. */
cordon_error *config_wrong(const struct setting *setting);

/* "there is no … "lisen"; did you mean "listen"?", or all that there are. */
cordon_error *config_unknown(
    const char *what, cordon_text name, const char *const *names, size_t count);

/* A copy in the arena; an empty text, and one with a NUL in it, name nothing and are refused. */
CORDON_MUST_USE cordon_error *config_read_text(
    struct arena *arena, const struct setting *setting, struct slice text, const char **out_text);

/* Borrowed. */
struct slice config_text_of(const cordon_json_value *value);

/* NULL equals NULL alone. */
bool config_same_text(const char *a, const char *b);

/* As JSON; NULL is null. */
CORDON_MUST_USE cordon_error *config_write_text(struct buffer *out, const char *text);

/*
 * One provider, its texts in the arena. Convex has two kinds: those of OpenID Connect, and any
 * other that signs tokens. Errors: CORDON_E_INVALID, also for a URL of keys that is none to take.
 */
CORDON_MUST_USE cordon_error *config_read_provider(
    struct arena *arena,
    const struct setting *setting,
    const cordon_json_value *value,
    cordon_auth_provider *out_provider);

bool config_same_providers(const cordon_config *a, const cordon_config *b);

/* As a list of objects. */
CORDON_MUST_USE cordon_error *config_write_providers(
    struct buffer *out, const cordon_config *config);

#endif
