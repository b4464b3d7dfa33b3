/*
 * The ids that the documents of one table have had so far, to find one that comes twice.
 */
#ifndef CLI_IDS_H
#define CLI_IDS_H

#include "cli/cli.h"

/* All zeros is empty. Memory grows with the ids, by 20 to 40 bytes each. */
struct ids {
    unsigned char (*slots)[16];
    size_t capacity; /* a power of two, or 0 */
    size_t count;
    bool has_zero; /* the id that marks a free slot */
    uint64_t seed; /* where an id is, nobody can choose: files are hostile */
};

enum ids_answer { IDS_NEW, IDS_TWICE, IDS_NONE /* the text is no id */ };

/* Adds the id of a document, by its text. Memory that is out ends the command with words. */
enum ids_answer ids_add(struct ids *ids, cordon_text text);

void ids_done(struct ids *ids);

#endif
