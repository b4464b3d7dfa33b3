/*
 * An audit log that somebody else wrote: each line read, each record checked, each checkpoint taken
 * apart, each place to cut it asked for. Its first lines may be checkpoints that were kept
 * elsewhere, its last byte says what is known beforehand: `k` a key, `t` the tenant.
 */
#include "audit/chain.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(cordon_error *error)
{
    if (error != NULL) {
        abort();
    }
}

static void add_line(struct audit_chain *chain, struct slice line)
{
    struct audit_record record;
    uint64_t damaged = 0;
    uint64_t cut = 0;
    uint8_t hash[SHA256_BYTES];
    CORDON_CLEANUP_BUFFER struct buffer again;
    buffer_init(&again, 2 * line.size + 4096);
    if (audit_record_is_damaged(line, &damaged)) {
        audit_chain_add_damaged(chain, damaged);
        must(audit_record_write_damaged(&again, damaged));
        CORDON_ASSERT(slice_equal(slice_of(again.data, again.size - 1), line));
        return;
    }
    if (!audit_record_read(line, &record)) {
        audit_chain_add_malformed(chain);
        return;
    }
    must(audit_chain_add(chain, &record));
    audit_chain_cut(chain, &cut, hash);
    CORDON_ASSERT(cut >= 1);
    must(audit_record_write(&again, &record));
    struct audit_record reread;
    CORDON_ASSERT(audit_record_read(slice_of(again.data, again.size - 1), &reread));
    CORDON_ASSERT(reread.sequence == record.sequence && slice_equal(reread.body, record.body));
}

/* A checkpoint over the last line, by a secret of its own, is written as it is read, and signed. */
static void sign(struct slice line)
{
    struct audit_record record;
    if (!audit_record_read(line, &record)) {
        return;
    }
    struct audit_secret secret = {.epoch = record.ts % 3};
    struct audit_checkpoint checkpoint = {.tenant = 1, .covers = record.sequence >> 1};
    struct audit_checkpoint read = {0};
    bool is_whole = false;
    bool has_signed = false;
    memcpy(checkpoint.hash, record.hash, sizeof checkpoint.hash);
    must(audit_checkpoint_sign(&secret, &checkpoint));
    CORDON_CLEANUP_BUFFER struct buffer body;
    buffer_init(&body, 4096);
    must(audit_checkpoint_write(&body, &checkpoint));
    must(audit_checkpoint_read(buffer_slice(&body), &is_whole, &read));
    CORDON_ASSERT(is_whole && read.epoch == checkpoint.epoch && read.covers == checkpoint.covers);
    CORDON_ASSERT(audit_checkpoint_is_signed(&read));
    must(audit_secret_has_signed(&secret, &read, &has_signed));
    CORDON_ASSERT(has_signed);
    bool is_next = true;
    must(audit_secret_is_next(&secret, &read, &is_next));
    CORDON_ASSERT(!is_next);
    audit_secret_advance(&secret);
    must(audit_secret_has_signed(&secret, &read, &has_signed));
    CORDON_ASSERT(!has_signed);
    must(audit_secret_is_next(&secret, &read, &is_next));
    CORDON_ASSERT(is_next);
    read.hash[0] ^= 1;
    CORDON_ASSERT(!audit_checkpoint_is_signed(&read));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_chain *chain = NULL;
    must(audit_chain_new(&chain));
    if (size > 0 && data[size - 1] == 'k') { /* a key that was to be */
        const uint8_t key[SIGN_PUBLIC_BYTES] = {0};
        audit_chain_trust(chain, key);
    }
    if (size > 0 && data[size - 1] == 't') {
        audit_chain_of(chain, 1);
        audit_chain_reach(chain, size / 512, NULL);
    }
    struct slice rest = slice_of(data, size);
    for (bool is_kept = true; rest.size > 0;) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        const size_t length = end == NULL ? rest.size : (size_t)(end - rest.data);
        const struct slice line = slice_of(rest.data, length);
        if (is_kept) { /* so far all of them were */
            must(audit_chain_expect(chain, line, &is_kept));
        }
        if (!is_kept) {
            add_line(chain, line);
        }
        if (rest.size == length || rest.size == length + 1) {
            sign(line);
        }
        rest = slice_from(rest, end == NULL ? length : length + 1);
    }
    const struct audit_verdict verdict = audit_chain_end(chain);
    CORDON_ASSERT(verdict.is_good == (verdict.fault == NULL));
    CORDON_ASSERT(verdict.signed_to <= verdict.last);
    audit_chain_free(chain);
    return 0;
}
