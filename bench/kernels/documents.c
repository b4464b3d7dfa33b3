/*
 * Documents: what most functions spend their time on, objects built field by field, printed as
 * JSON, parsed again and read; many small functions, branches and loads that follow pointers, in
 * the code that every function in C is linked with.
 */
#include "cordon.h"

enum { DOCUMENTS = 40, TAGS = 4, ROUNDS = 50 };

/* What must come out of each round: bytes of JSON, and the sum that read_documents() makes. */
enum { TEXT_BYTES = 7509, SUM = 2227 };

static cordon_value *make_document(int number)
{
    cordon_value *tags = cordon_array();
    for (int i = 0; i < TAGS; i++) {
        cordon_push(tags, cordon_string(number & 1 << i ? "it's \"quoted\"" : "plain"));
    }
    cordon_value *document = cordon_object();
    cordon_set(document, "author", cordon_string("someone who writes"));
    cordon_set(document, "body", cordon_string("a line of text\nand one more, of a usual length"));
    cordon_set(document, "likes", cordon_number(number * 3));
    cordon_set(document, "score", cordon_number(number / 8.0));
    cordon_set(document, "edited", cordon_boolean(number % 3 == 0));
    return cordon_set(document, "tags", tags);
}

static const char *print_documents(size_t *out_size)
{
    cordon_value *documents = cordon_array();
    for (int i = 0; i < DOCUMENTS; i++) {
        cordon_push(documents, make_document(i));
    }
    return cordon_print(documents, out_size);
}

/* Likes of all that were edited, and bytes of all tags. */
static double read_documents(const char *json, size_t size)
{
    const cordon_value *documents = cordon_parse(json, size);
    double sum = 0;
    for (size_t i = 0; i < cordon_count(documents); i++) {
        const cordon_value *document = cordon_at(documents, i);
        if (cordon_to_boolean(cordon_get(document, "edited"))) {
            sum += cordon_to_number(cordon_get(document, "likes"));
        }
        const cordon_value *tags = cordon_get(document, "tags");
        for (size_t tag = 0; tag < cordon_count(tags); tag++) {
            sum += (double)cordon_size(cordon_at(tags, tag));
        }
    }
    return sum;
}

cordon_value *copy_documents(void)
{
    double sum = 0;
    size_t bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const cordon_mark mark = cordon_mark_now();
        size_t size;
        const char *json = print_documents(&size);
        sum += read_documents(json, size);
        cordon_release(mark);
        bytes += size;
    }
    if (bytes != TEXT_BYTES * ROUNDS || sum != SUM * ROUNDS) {
        cordon_fail("the documents that were read are not those that were written");
    }
    return cordon_number(sum);
}
