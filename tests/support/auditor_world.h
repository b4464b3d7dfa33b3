/*
 * What tests of the keeper of the audit log stand on: a store in memory with a folder for secrets
 * and checkpoints, a keeper, and the log as its reader sees it. One at a time.
 */
#ifndef SUPPORT_AUDITOR_WORLD_H
#define SUPPORT_AUDITOR_WORLD_H

#include "audit/chain.h"
#include "run/audit/auditor.h"

enum { TENANT = 1, OTHER = 2 };

extern char auditor_folder[64];

/* A store, and a new folder. end_store() closes it and removes both. */
struct store *new_store(void);
void end_store(struct store *store);

/* A file of that name in the folder. */
void path_of(char out[128], const char *name);

/* The keeper of TENANT's log, with the file `checkpoints` in the folder; 0: no interval. */
struct auditor *start_auditor(struct store *store, uint32_t interval_ms);

/* Appends a record to TENANT's log. */
void add_record(struct store *store, const char *body);

/* All of TENANT's log, as lines. */
void read_log(struct store *store, struct buffer *out);

/* What a check of all of it finds. */
struct audit_verdict check_log(struct store *store);

/* How often these words stand in it. */
size_t count_in_log(struct store *store, const char *words);

#endif
