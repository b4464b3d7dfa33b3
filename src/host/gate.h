/*
 * The gate: every host call passes here, and only here.
 *
 *   descriptor ► phase ► fuel ► clock ► range in 64-bit ► size cap ► copy and decode ► do ► account
 *
 * Memory is charged to the run before it is taken, wherever the host takes some. A call that may
 * touch the store is the host's time from the first byte it reads of the guest's to its end.
 *
 * An operation sees checked arguments only. What the guest gets wrong in form (a range outside its
 * memory, malformed JSON, over the cap) ends the run with InvalidHostCall; what is well-formed but
 * cannot be done is a refusal that the guest may handle: status 1 and `{"code","message"}`.
 */
#ifndef HOST_GATE_H
#define HOST_GATE_H

#include "host/host.h"
#include "value/json.h"

enum gate_result {
    GATE_OK,      /* status 0; the length is `call->length`, of the reply unless set otherwise */
    GATE_REFUSED, /* status 1; gate_refuse() has written the reply */
    GATE_WAIT,    /* not ready, or it sleeps: the operation is called again later */
    GATE_STOP,    /* the run ends */
};

struct gate_call {
    const struct gate_descriptor *descriptor;
    struct engine_guest *guest;
    uint64_t *slots; /* raw arguments, for codec RAW; slots[0] takes a raw result */
    uint8_t *memory; /* of the guest, now */
    uint64_t memory_size;
    struct slice input;           /* the declared range, inside guest memory; for codec BYTES */
    uint8_t *output;              /* the same range, writable */
    const struct json_node *args; /* for codec JSON: the parsed object */
    uint64_t length;              /* for GATE_OK: the low half of the result */
};

typedef enum gate_result gate_operation(struct host *host, struct gate_call *call);

enum gate_codec {
    GATE_RAW,   /* own parameters; the operation checks ranges with gate_range() */
    GATE_FILL,  /* (ptr, len): a range that the host writes */
    GATE_BYTES, /* (ptr, len): a range that the host reads as it is */
    GATE_JSON,  /* (ptr, len): a JSON object, parsed before the operation sees it */
    GATE_NONE,  /* (ptr, len): the range is checked and not looked at */
};

/* Whose time a call takes. */
enum gate_work {
    GATE_SHORT,    /* the function's own (user) */
    GATE_LONG,     /* the host's (system), as it may touch the store */
    GATE_AT_TIMES, /* the host's where the operation says so, by gate_long_begin() */
};

struct gate_descriptor {
    gate_operation *operation;
    enum gate_codec codec;
    bool import_phase; /* may be called there */
    enum gate_work work;
    uint32_t size_max;     /* of the declared range, bytes */
    uint32_t fuel;         /* price of a call */
    uint32_t fuel_per_kib; /* price of 1,024 bytes declared */
    uint32_t measured_as;  /* its place in struct host_metrics, plus 1; 0: it has none */
    const struct engine_import *import;
};

/* The handler behind every import. */
enum engine_answer gate_enter(
    struct host *host,
    struct engine_guest *guest,
    uint64_t *slots,
    const struct gate_descriptor *descriptor);

/* Around work of GATE_AT_TIMES that is the host's: who paid before is said to its end. */
enum run_clock_account gate_long_begin(struct host *host);
void gate_long_end(struct host *host, enum run_clock_account paying);

/* True if [offset, offset + size) lies in guest memory; otherwise the run is stopped. */
CORDON_MUST_USE bool gate_range(
    struct host *host, const struct gate_call *call, uint64_t offset, uint64_t size);

/* Charges host work that depends on data found inside the call; false: the run is stopped. */
CORDON_MUST_USE bool gate_charge(struct host *host, const struct gate_call *call, uint64_t fuel);

/* Makes `json` the reply, and tells the guest its length. */
CORDON_MUST_USE enum gate_result gate_reply(
    struct host *host, struct gate_call *call, struct slice json);

/* Writes `{"code","message"}` as the reply. */
CORDON_PRINTF(3, 4) enum gate_result gate_refuse(
    struct host *host, const char *code, const char *format, ...);

/*
 * A refusal because of a limit that a guest may handle. If the guest fails later on, the limit is
 * what ended it.
 */
CORDON_PRINTF(4, 5) enum gate_result gate_refuse_limit(
    struct host *host, cordon_limit limit, uint64_t used, const char *format, ...);

/* Passes on an error of an operation: a bad value is a refusal, all else ends the run. */
enum gate_result gate_fail(struct host *host, cordon_error *error);

/* As TRY, inside an operation. */
#define GATE_TRY(host, expr)                                                                       \
    do {                                                                                           \
        cordon_error *const gate_error_ = (expr);                                                  \
        if (gate_error_ != NULL) {                                                                 \
            return gate_fail((host), gate_error_);                                                 \
        }                                                                                          \
    } while (0)

#endif
