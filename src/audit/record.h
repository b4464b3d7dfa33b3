/*
 * An audit record, and the line of text in which it leaves the store:
 *
 *     {"sequence":7,"ts":"1764137000000000000","previous":"<hex>","hash":"<hex>","body":{...}}
 *
 * The hash is over the very bytes of the body (docs/audit.md), so a line has this one form, and no
 * other is read.
 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include "base/buffer.h"
#include "base/hash.h"

struct json_doc;

/* The largest body: a deploy with all its functions has one of 2 MiB at most. */
#define AUDIT_BODY_BYTES_MAX ((size_t)4 << 20)

/* What a record takes beside its body, as `audit_bytes` counts it: hashes, numbers, its key. */
#define AUDIT_RECORD_BYTES 128

struct audit_record {
    uint64_t sequence; /* from 1, without gaps, per tenant */
    uint64_t ts;       /* of its commit, ns */
    uint8_t previous[SHA256_BYTES];
    uint8_t hash[SHA256_BYTES];
    struct slice body; /* borrowed */
};

/* Appends the line and its newline. Errors: those of buffer_append(). */
CORDON_MUST_USE cordon_error *audit_record_write(
    struct buffer *out, const struct audit_record *record);

/*
 * Appends a line that stands for a record whose row in the store is damaged, so that who reads the
 * log learns where. audit_record_read() takes it for none. Errors: the same.
 */
CORDON_MUST_USE cordon_error *audit_record_write_damaged(struct buffer *out, uint64_t sequence);

/* Whether a line, without its newline, is such a one, and of which record. */
bool audit_record_is_damaged(struct slice line, uint64_t *out_sequence);

/* Reads a line without its newline; the body is borrowed from it. False for any other form. */
bool audit_record_read(struct slice line, struct audit_record *out_record);

/*
 * The hash that a record must have: SHA-256 over sequence ‖ ts ‖ previous ‖ body, integers in eight
 * bytes big-endian (docs/layout.md).
 */
void audit_record_hash(const struct audit_record *record, uint8_t out_hash[SHA256_BYTES]);

/*
 * The JSON of a body that the keeper of the log writes, which is small and flat; NULL in `*out_doc`
 * for a text that is none, whoever made it. Freed with json_free(). Errors: CORDON_E_NO_MEMORY.
 */
CORDON_MUST_USE cordon_error *audit_body_parse(struct slice body, struct json_doc **out_doc);

#endif
