/*
 * The sandbox engine as the rest of the program sees it: Wasmtime behind a few types of ours.
 *
 * Each run gets a fresh store and instance on a fiber. The guest runs in slices of a fixed amount
 * of fuel; engine_call_poll() runs one slice and comes back. A suspended call may be polled from
 * another thread than before, never from two at once. Freeing a call at any point unwinds it.
 *
 * This folder alone includes wasmtime.h. No text of the engine leaves it as it is: how a call ended
 * is told by codes, and what the validator says goes through refusal.c.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/error.h"
#include "base/slice.h"
#include "limits/kind.h"

struct engine;
struct engine_module;
struct engine_call;
struct engine_guest;

/* What a host function answers. */
enum engine_answer {
    ENGINE_ANSWERED, /* the result slot is written; the guest goes on */
    ENGINE_WAIT,     /* ask again at the next poll; only for imports with `may_wait` */
    ENGINE_STOP,     /* end the run now; whoever answered so keeps the reason */
};

/*
 * A host function. `run` is the pointer given to engine_call_new(). `slots` holds the arguments,
 * zero-extended, and takes the result in slots[0]. After ENGINE_WAIT it is called again with the
 * same arguments. Runs on the guest's fiber: small frames only (16 KiB at most), no blocking.
 */
typedef enum engine_answer engine_handler(void *run, struct engine_guest *guest, uint64_t *slots);

/* A row of the import table: everything a module may import. Static, borrowed for ever. */
struct engine_import {
    const char *module;
    const char *name;
    const char *params; /* one letter each: i = i32, I = i64, f = f32, F = f64 */
    const char *result; /* one such letter, or "" */
    unsigned kinds;     /* bit mask of 1u << cordon_kind: who may call it */
    bool may_wait;      /* may answer ENGINE_WAIT */
    engine_handler *handler;
    const void *arg; /* for the handler; see engine_guest_import() */
};

/* 30,000 take 121 TB of the 128 of address space that a process has. */
#define ENGINE_INSTANCES_MAX 30000

struct engine_options {
    const struct engine_import *imports;
    size_t import_count;
    /* Called in place of a handler when this kind may not make the call; answers ENGINE_STOP. */
    enum engine_answer (*denied)(void *run, const struct engine_import *import);
    uint64_t memory_bytes_max;   /* greatest memory_bytes of any run; slots get headroom on top */
    uint64_t table_elements_max; /* greatest table_elements of any run */
    uint64_t stack_bytes;        /* of guest code on its fiber */
    uint32_t instances_max;      /* calls alive at one time; at most ENGINE_INSTANCES_MAX */
    /*
     * Resets memories by PAGEMAP_SCAN (Linux 6.7): up to 2 us a run cheaper. Only where all guests
     * belong to one owner: a page that the kernel is moving while it scans is not wiped, and the
     * next guest could read it. Refused on a machine with swap, where that is likely.
     */
    bool reset_by_page_scan;
};

/*
 * Fuel for each page that a memory grows by: sixteen first touches of 4 KiB, which take the system
 * 150 to 2,000 ns each; and for each element that a table grows by, which takes it 2 to 3.
 */
#define ENGINE_PAGE_BYTES ((uint64_t)65536)
#define ENGINE_PAGE_FUEL ((uint64_t)150000)
#define ENGINE_ELEMENT_FUEL ((uint64_t)30)

/* Memory over the limit that a run may still take after its first refused grow, to report. */
#define ENGINE_HEADROOM_BYTES ((uint64_t)1 << 20)

/*
 * Fuel between two looks at the clock. A constant of ABI version 1 and part of the fingerprint:
 * fuel after a trap depends on it. 50,000 keeps the slowest plain work (first touch of fresh
 * pages) below 10 ms a slice; measured 8.6 ms, design 3.1.
 */
#define ENGINE_SLICE_FUEL ((uint64_t)50000)

/* Most frames of the guest's stack that a call keeps. */
enum { ENGINE_FRAMES_MAX = 64 };

/* One engine per process is enough. Installs handlers for SIGSEGV, SIGILL, SIGFPE (chained). */
CORDON_MUST_USE cordon_error *engine_new(
    const struct engine_options *options, struct engine **out_engine);

/* All modules and calls must be gone. NULL accepted. */
void engine_free(struct engine *engine);

/*
 * SHA-256 over everything a compiled artifact and a run's fuel depend on: engine version, target,
 * CPU and WebAssembly features, settings, slice length, ABI version. Borrowed for the engine's
 * life.
 */
const uint8_t *engine_fingerprint(const struct engine *engine);

/* What is alive now, and what the pool says of it. All zero when everything was given back. */
struct engine_counts {
    uint32_t calls;
    uint32_t modules;
    uint32_t instances;
    uint32_t pool_memories;
    uint32_t pool_stacks;
};

/* For metrics, tests and shutdown. Any thread. */
struct engine_counts engine_get_counts(const struct engine *engine);

/* Instances that the pool has room for. */
uint32_t engine_slots(const struct engine *engine);

/* Slots that engine_trim() takes at one time. */
enum { ENGINE_TRIM_SLOTS = 4 };

/*
 * Gives the system back what free slots keep of their memories and stacks once more than 8 calls
 * had an instance at one time, and no more have one now; otherwise it does nothing. Calls go on
 * meanwhile; one that needs one of the last ENGINE_TRIM_SLOTS may find them taken, for less than a
 * millisecond. Starts threads that are over when it returns. An empty module is compiled the first
 * time, in this process if `compiler` is NULL. `*out_bytes` is what was seen to go. Any thread.
 * Errors: those of compiling.
 */
struct compiler;
CORDON_MUST_USE cordon_error *engine_trim(
    struct engine *engine, struct compiler *compiler, size_t *out_bytes);

/* -- Modules -------------------------------------------------------------------------------- */

#define ENGINE_NO_OFFSET UINT64_MAX

/*
 * Makes the error for a module that is not valid. `reason` is a line in words of ours and
 * printable, `offset` that of the byte in question, from the start of the module; of a worker that
 * was taken over both can be anything. Whoever reads modules knows more about the place than the
 * engine does.
 */
struct engine_refuser {
    cordon_error *(*refuse)(void *arg, uint64_t offset, const char *reason);
    void *arg;
};

/*
 * Compiles inside this process, for any engine, by a compiler that is made for it and goes again:
 * engines have none. Only for embedders and tests that ask for it by name; a server compiles in the
 * worker (compiler.h). Errors: CORDON_E_NO_MEMORY, CORDON_E_MODULE_REFUSED, by `refuser`, or in
 * words of the engine's own if it is NULL. `*out_artifact` is a malloc'ed block, the caller's.
 */
CORDON_MUST_USE cordon_error *engine_compile_inside(
    struct slice wasm, const struct engine_refuser *refuser, struct slice *out_artifact);

/*
 * Loads machine code. Trusts it wholly: only what artifact_open() has authenticated, or what was
 * just compiled inside. `fd` is a sealed memfd (borrowed during the call). The module holds one
 * prepared instance per kind. Any thread.
 */
CORDON_MUST_USE cordon_error *engine_module_load(
    struct engine *engine, int fd, struct engine_module **out_module);

/* As engine_module_load, from memory. */
CORDON_MUST_USE cordon_error *engine_module_load_bytes(
    struct engine *engine, struct slice artifact, struct engine_module **out_module);

/* Counted references; calls hold their own. NULL accepted by unref. Any thread. */
struct engine_module *engine_module_ref(struct engine_module *module);
void engine_module_unref(struct engine_module *module);

/* Bytes of machine code and metadata mapped. */
size_t engine_module_bytes(const struct engine_module *module);

/* -- Calls ---------------------------------------------------------------------------------- */

/* Where a call is: the import phase covers instantiation, a start section and `_initialize`. */
enum engine_phase { ENGINE_IMPORTING, ENGINE_RUNNING };

struct engine_call_options {
    struct engine_module *module;
    cordon_kind kind;
    struct slice export_name; /* of type () -> (); borrowed until the call is freed */
    bool has_initialize;      /* call the export `_initialize` first */
    uint64_t fuel;            /* granted for the whole call */
    uint64_t loading_fuel;    /* charged first, for what the instance takes to make */
    uint64_t fuel_stop;       /* it ends as out of fuel after so much; 0: after all of it */
    uint64_t memory_bytes;    /* limit of the linear memory */
    uint64_t table_elements;  /* limit over all tables */
    void *run;                /* given to handlers and hooks */
    /* Called by engine_call_poll() when the import phase ends and the function itself begins. */
    void (*on_running)(void *run);
    /*
     * Asked before memory grows by `more` bytes within the limit (and once for the initial size,
     * before instantiation). False ends the run: the process has no memory for it.
     */
    bool (*may_grow)(void *run, uint64_t more);
};

enum engine_state {
    ENGINE_YIELDED,  /* a slice is over; poll again when it may go on */
    ENGINE_WAITING,  /* a handler answered ENGINE_WAIT; poll again when its wait is over */
    ENGINE_RETURNED, /* the function came to its end */
    ENGINE_ENDED,    /* trap, stop, out of fuel, refused instantiation: see engine_call_end */
};

/* Why a call ended without returning. */
enum engine_end {
    ENGINE_END_STOPPED,        /* a handler answered ENGINE_STOP */
    ENGINE_END_NO_HOST_MEMORY, /* may_grow said no */
    ENGINE_END_OUT_OF_FUEL,
    ENGINE_END_STACK_OVERFLOW,
    ENGINE_END_TRAP,      /* engine_call_trap_text says which */
    ENGINE_END_POOL_FULL, /* no slot free: instances_max is too small for what was admitted */
    ENGINE_END_INTERNAL,
};

/* Nothing of the guest runs yet. Errors: CORDON_E_NO_MEMORY, CORDON_E_ENGINE. */
CORDON_MUST_USE cordon_error *engine_call_new(
    const struct engine_call_options *options, struct engine_call **out_call);

/*
 * Runs the guest for at most one slice. Fuel charged by engine_charge() since the last slice is
 * taken off here, so that the points where fuel changes depend on the run alone.
 */
enum engine_state engine_call_poll(struct engine_call *call);

/* Ends a call wherever it is: finalizers run, the slot is reset. NULL accepted. */
void engine_call_free(struct engine_call *call);

enum engine_phase engine_call_phase(const struct engine_call *call);
enum engine_end engine_call_end(const struct engine_call *call);

/* In words of ours: "unreachable code was reached", "integer division by zero". Static. */
const char *engine_call_trap_text(const struct engine_call *call);

/* A place in the module as it was given to the compiler. What it is called, others know. */
struct engine_frame {
    uint32_t function_index; /* imported functions first */
    uint64_t module_offset;  /* of the instruction; ENGINE_NO_OFFSET: not known */
};

/* Innermost first, at most 64. Borrowed until the call is freed. */
const struct engine_frame *engine_call_frames(const struct engine_call *call, size_t *out_count);

/* Fuel used so far, host charges included; never more than granted. Exact after the end. */
uint64_t engine_call_fuel_used(struct engine_call *call);

/* Size of the linear memory now (its greatest, as memories never shrink), in bytes. */
uint64_t engine_call_memory_bytes(struct engine_call *call);

/* Elements of all tables together now (their greatest, as tables never shrink). */
uint64_t engine_call_table_elements(const struct engine_call *call);

struct engine_refused_grow {
    bool happened;
    bool is_table;
    uint64_t wanted; /* bytes of memory, or elements of a table, that would have been in use */
};

/* The first grow that the limits refused (the guest saw -1). */
struct engine_refused_grow engine_call_refused_grow(const struct engine_call *call);

/* How long the stages before the function took, waits between slices included. */
struct engine_timing {
    uint64_t instantiate_ns; /* with the start section */
    uint64_t initialize_ns;  /* of `_initialize`; 0: there is none */
    bool has_instance;       /* instantiation came to its end */
    bool has_begun;          /* the function did begin */
};

struct engine_timing engine_call_timing(const struct engine_call *call);

/* -- For handlers --------------------------------------------------------------------------- */

/*
 * The guest's memory now. `*out_size` is 0 before it exists. Valid until the handler returns; the
 * guest does not run meanwhile and there are no threads, so it does not change under the handler.
 */
uint8_t *engine_guest_memory(struct engine_guest *guest, uint64_t *out_size);

/* Elements of all the guest's tables together, now. */
uint64_t engine_guest_table_elements(const struct engine_guest *guest);

/* The row that is being called. */
const struct engine_import *engine_guest_import(const struct engine_guest *guest);

/*
 * Charges host work to the run's fuel. False: there is not enough; the handler must answer
 * ENGINE_STOP and engine_call_end() will say ENGINE_END_OUT_OF_FUEL.
 */
CORDON_MUST_USE bool engine_charge(struct engine_guest *guest, uint64_t fuel);

/* Fuel that remains, after all charges. */
uint64_t engine_fuel_left(struct engine_guest *guest);

#endif
