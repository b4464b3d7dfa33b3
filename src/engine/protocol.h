/*
 * What the process that wants a module compiled and the starter of cordon-compile say to each
 * other. Both are of one build, which the starter's first message proves, so messages are plain
 * structs. One message is one packet of a SOCK_SEQPACKET socket.
 *
 *   starter  → us        hello, once; a starter that takes the place of another says it too
 *   us       → starter   request, with three descriptors: module, artifact, reply
 *   starter  → us        reply, once, over the socket `reply`
 *
 * Closing our end of `reply` takes the request back: its worker is killed.
 *
 * A worker says nothing to anybody: it has the two files and its exit code. What it writes into
 * the artifact is machine code, or a refusal.
 */
#ifndef ENGINE_PROTOCOL_H
#define ENGINE_PROTOCOL_H

#include "base/error.h"
#include "base/slice.h"
#include "base/spawn.h"
#include "engine/codegen.h"
#include "engine/config.h"

/* The starter's and the worker's descriptors beside 0, 1 and 2, which are /dev/null or stderr. */
enum {
    STARTER_FD_SOCKET = SPAWN_FD_SOCKET,
    WORKER_FD_MODULE = 3,
    WORKER_FD_ARTIFACT = 4,
    WORKER_FD_COUNT = 5,
};

/* Workers at one time. */
enum { WORKERS_MAX = 2 };

/*
 * Address space that a worker has beside `memory_bytes`: program, libraries, stack, and the
 * compiler before it has a module. 20 MiB measured; the text of compile_bytes states it.
 */
#define PROTOCOL_WORKER_OWN_BYTES ((uint64_t)64 << 20)

#define PROTOCOL_MAGIC ((uint64_t)0x31636e6f64726f43)

struct protocol_hello {
    uint64_t magic;
    uint8_t digest[CONFIG_DIGEST_BYTES]; /* config_digest() of the executable */
    uint32_t replaces;                   /* 1: another starter was here before and died */
    uint32_t signal;                     /* that ended it; 0: it ended by itself */
};

struct protocol_request {
    uint64_t time_ms;
    uint64_t memory_bytes;
    uint64_t artifact_bytes_max;
};

enum { PROTOCOL_REQUEST_FDS = 3 };

enum protocol_verdict {
    VERDICT_COMPILED,
    VERDICT_REFUSED,     /* the artifact holds a struct refusal */
    VERDICT_TIME,        /* over time_ms */
    VERDICT_MEMORY,      /* over memory_bytes */
    VERDICT_LARGE,       /* over artifact_bytes_max */
    VERDICT_DIED,        /* `detail` is the signal, 0 if it ended in a way of its own */
    VERDICT_NOT_STARTED, /* `detail` is errno */
    VERDICT_UNCONFINED,  /* the worker could not give up its rights */
};

struct protocol_reply {
    uint32_t verdict; /* enum protocol_verdict */
    uint32_t detail;
};

/* How a worker ends. */
enum worker_exit {
    WORKER_EXIT_COMPILED = 0,
    WORKER_EXIT_REFUSED = 10,
    WORKER_EXIT_MEMORY = 11,
    WORKER_EXIT_LARGE = 12,
    WORKER_EXIT_UNCONFINED = 13,
    WORKER_EXIT_FAILED = 14,
    WORKER_EXIT_NOT_STARTED = 15, /* the fork of the starter, before it is a worker */
};

/*
 * Sends one message; the descriptors stay the caller's. Never waits. False: errno tells, EAGAIN
 * that the other end does not read. Any thread.
 */
CORDON_MUST_USE bool protocol_send(
    int socket, struct slice message, const int *fds, size_t fd_count);

/*
 * Waits for one message of exactly `size` bytes and `fd_count` descriptors, which are the caller's
 * then (closed on exec). False: the other end is gone, or has sent something else.
 */
CORDON_MUST_USE bool protocol_receive(
    int socket, void *out_message, size_t size, int *out_fds, size_t fd_count);

#endif
