/* The token that came last; see memo.h. */
#include "auth/memo.h"

#include "base/hash.h"

void auth_memo_init(struct auth_memo *memo, struct account *account)
{
    *memo = (struct auth_memo){.config = 0};
    buffer_init_charged(&memo->text, AUTH_MEMO_BYTES_MAX, account);
}

void auth_memo_done(struct auth_memo *memo)
{
    memo->asked_size = 0;
    buffer_done(&memo->text);
}

void auth_memo_trim(struct auth_memo *memo, size_t bytes_max)
{
    if (memo->text.capacity > bytes_max) {
        auth_memo_done(memo);
    }
}

/* Others may come by the same connection, from a proxy: time tells nothing of a token. */
static bool is_same(const struct auth_memo *memo, struct slice tenant, struct slice token)
{
    if (memo->asked_size != tenant.size + 1 + token.size) {
        return false;
    }
    const uint8_t *const asked = memo->text.data;
    return asked[tenant.size] == '\0' && memcmp(asked, tenant.data, tenant.size) == 0 &&
           hash_equal_constant_time(asked + tenant.size + 1, token.data, token.size);
}

/* What it is asked now; an identity comes behind it. */
static cordon_error *write_asked(struct auth_memo *memo, struct slice tenant, struct slice token)
{
    buffer_clear(&memo->text);
    memo->asked_size = 0;
    if (token.size > AUTH_TOKEN_BYTES_MAX) { /* which nobody accepts */
        return NULL;
    }
    TRY(buffer_append(&memo->text, tenant));
    TRY(buffer_append_byte(&memo->text, '\0'));
    return buffer_append(&memo->text, token);
}

static enum auth_verdict judge(
    struct auth_memo *memo,
    struct auth_config *config,
    struct slice tenant,
    struct slice token,
    double now_s)
{
    cordon_error *error = write_asked(memo, tenant, token);
    if (error != NULL) {
        cordon_error_free(error);
        return AUTH_UNSEEN;
    }
    const size_t asked_size = memo->text.size;
    const enum auth_verdict verdict =
        auth_config_judge(config, tenant, token, now_s, &memo->text, &memo->acceptance);
    if (verdict == AUTH_ACCEPTED) {
        memo->config = auth_config_number(config);
        memo->asked_size = asked_size;
    }
    return verdict;
}

enum auth_verdict auth_memo_judge(
    struct auth_memo *memo,
    struct auth_config *config,
    struct slice tenant,
    struct slice token,
    double now_s,
    struct identity *out_identity)
{
    const bool holds = config != NULL && is_same(memo, tenant, token) &&
                       memo->config == auth_config_number(config) &&
                       auth_config_holds(config, &memo->acceptance, now_s);
    const enum auth_verdict verdict =
        holds ? AUTH_ACCEPTED : judge(memo, config, tenant, token, now_s);
    if (verdict == AUTH_ACCEPTED) {
        *out_identity = memo->acceptance.identity;
    }
    return verdict;
}
