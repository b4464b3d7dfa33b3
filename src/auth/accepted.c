/* Accepted tokens; see accepted.h. A table with one place for each hash, so that it never grows. */
#include "auth/accepted.h"

#include "base/memory.h"

#include <pthread.h>

struct place {
    struct auth_token_id id;
    struct auth_acceptance acceptance; /* without a provider: the place is free */
    uint8_t *text;                     /* of its identity */
};

struct auth_accepted {
    pthread_mutex_t lock;
    struct place places[AUTH_ACCEPTED_MAX];
};

cordon_error *auth_accepted_new(struct auth_accepted **out_accepted)
{
    struct auth_accepted *accepted = MEM_NEW(struct auth_accepted);
    if (accepted == NULL) {
        return error_no_memory();
    }
    (void)pthread_mutex_init(&accepted->lock, NULL);
    *out_accepted = accepted;
    return NULL;
}

static void empty(struct place *place)
{
    mem_free(place->text);
    *place = (struct place){0};
}

void auth_accepted_free(struct auth_accepted *accepted)
{
    if (accepted != NULL) {
        for (size_t i = 0; i < AUTH_ACCEPTED_MAX; i++) {
            empty(&accepted->places[i]);
        }
        (void)pthread_mutex_destroy(&accepted->lock);
        mem_free(accepted);
    }
}

/* No name of a tenant has a NUL, so the two can't be cut in another place. */
struct auth_token_id auth_token_id_of(struct slice tenant, struct slice token)
{
    struct auth_token_id id = {{0}};
    const struct slice parts[] = {tenant, slice_of((const uint8_t *)"", 1), token};
    hash_sha256(parts, sizeof parts / sizeof parts[0], id.hash);
    return id;
}

static struct place *place_of(struct auth_accepted *accepted, const struct auth_token_id *id)
{
    const size_t at = ((size_t)id->hash[0] << 8 | id->hash[1]) % AUTH_ACCEPTED_MAX;
    return &accepted->places[at];
}

/* Under the lock. */
static bool has(const struct place *place, const struct auth_token_id *id)
{
    return place->acceptance.provider != NULL &&
           memcmp(place->id.hash, id->hash, sizeof id->hash) == 0;
}

bool auth_accepted_look(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    struct auth_acceptance *out_acceptance)
{
    (void)pthread_mutex_lock(&accepted->lock);
    const struct place *place = place_of(accepted, id);
    const bool found = has(place, id);
    if (found) {
        *out_acceptance = place->acceptance;
        out_acceptance->identity = (struct identity){0}; /* its text may go with the lock */
    }
    (void)pthread_mutex_unlock(&accepted->lock);
    return found;
}

/* Of the text of an identity: its token, then its attributes. */
static size_t text_size(const struct identity *identity)
{
    return identity->token.size + identity->json.size;
}

/* Has it stand in a copy of its text. */
static void move_to(struct identity *identity, const uint8_t *text)
{
    identity->token = slice_of(text, identity->token.size);
    identity->json = slice_of(text + identity->token.size, identity->json.size);
}

/* Under the lock. */
static bool copy_out(const struct place *place, struct buffer *out_text, struct identity *out)
{
    const struct identity *identity = &place->acceptance.identity;
    const size_t before = out_text->size;
    cordon_error *error = buffer_append(out_text, slice_of(place->text, text_size(identity)));
    if (error != NULL) {
        cordon_error_free(error);
        return false;
    }
    *out = *identity;
    move_to(out, out_text->data + before);
    return true;
}

bool auth_accepted_take(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    struct auth_acceptance *acceptance,
    struct buffer *out_text)
{
    (void)pthread_mutex_lock(&accepted->lock);
    const struct place *place = place_of(accepted, id);
    const bool taken = has(place, id) && place->acceptance.reading == acceptance->reading &&
                       copy_out(place, out_text, &acceptance->identity);
    (void)pthread_mutex_unlock(&accepted->lock);
    return taken;
}

void auth_accepted_drop(struct auth_accepted *accepted, const struct auth_token_id *id)
{
    (void)pthread_mutex_lock(&accepted->lock);
    struct place *place = place_of(accepted, id);
    if (has(place, id)) {
        empty(place);
    }
    (void)pthread_mutex_unlock(&accepted->lock);
}

/* Under the lock; the place is free. */
static void fill(struct place *place, const struct auth_acceptance *acceptance)
{
    const struct identity *identity = &acceptance->identity;
    const size_t size = text_size(identity);
    uint8_t *text = size <= AUTH_ACCEPTED_BYTES_MAX ? mem_new(size) : NULL;
    if (text == NULL) {
        return;
    }
    memcpy(text, identity->token.data, identity->token.size);
    memcpy(text + identity->token.size, identity->json.data, identity->json.size);
    place->acceptance = *acceptance;
    move_to(&place->acceptance.identity, text);
    place->text = text;
}

void auth_accepted_add(
    struct auth_accepted *accepted,
    const struct auth_token_id *id,
    const struct auth_acceptance *acceptance)
{
    (void)pthread_mutex_lock(&accepted->lock);
    struct place *place = place_of(accepted, id);
    empty(place);
    fill(place, acceptance);
    place->id = *id;
    (void)pthread_mutex_unlock(&accepted->lock);
}
