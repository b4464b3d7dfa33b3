/* Verified tokens; see verified.h. A table with one place for each hash, so that it never grows. */
#include "auth/verified.h"

#include "base/memory.h"

#include <pthread.h>

#define PLACES 512 /* a power of two */

struct auth_verified {
    pthread_mutex_t lock;
    struct auth_proof places[PLACES]; /* without a provider: free */
};

cordon_error *auth_verified_new(struct auth_verified **out_verified)
{
    struct auth_verified *verified = MEM_NEW(struct auth_verified);
    if (verified == NULL) {
        return error_no_memory();
    }
    (void)pthread_mutex_init(&verified->lock, NULL);
    *out_verified = verified;
    return NULL;
}

void auth_verified_free(struct auth_verified *verified)
{
    if (verified != NULL) {
        (void)pthread_mutex_destroy(&verified->lock);
        mem_free(verified);
    }
}

struct auth_proof auth_proof_of(struct slice token, const void *provider, uint64_t reading)
{
    struct auth_proof proof = {.provider = provider, .reading = reading};
    hash_sha256(&token, 1, proof.token);
    return proof;
}

static struct auth_proof *place_of(struct auth_verified *verified, const struct auth_proof *proof)
{
    const size_t at = ((size_t)proof->token[0] << 8 | proof->token[1]) % PLACES;
    return &verified->places[at];
}

bool auth_verified_has(struct auth_verified *verified, const struct auth_proof *proof)
{
    (void)pthread_mutex_lock(&verified->lock);
    const struct auth_proof *kept = place_of(verified, proof);
    const bool found = kept->provider == proof->provider && kept->reading == proof->reading &&
                       memcmp(kept->token, proof->token, sizeof kept->token) == 0;
    (void)pthread_mutex_unlock(&verified->lock);
    return found;
}

void auth_verified_add(struct auth_verified *verified, const struct auth_proof *proof)
{
    (void)pthread_mutex_lock(&verified->lock);
    *place_of(verified, proof) = *proof;
    (void)pthread_mutex_unlock(&verified->lock);
}
