/*
 * What the files of the server share: server.c starts and stops, listen.c binds, loop.c is one
 * thread's loop, accept.c lets clients in, connection.c moves bytes, exchange.c turns one request
 * into one answer, authorize.c says who asks, deploy.c does what takes longest, data.c what an
 * operator does with documents, jobs.c has both wait their turn, reading.c gives out what is kept
 * of runs.
 *
 * All of a connection is touched by its loop's thread alone, except while a piece of work is in
 * flight on another thread: then that thread has its run, call and answer, and the loop leaves
 * them alone.
 */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "audit/actor.h"
#include "auth/memo.h"
#include "base/random.h"
#include "http/answer.h"
#include "http/charge.h"
#include "http/keys.h"
#include "http/refusals.h"
#include "http/request_headers.h"
#include "http/server.h"
#include "http/site.h"
#include "http/target.h"
#include "observe/process_metrics.h"
#include "run/prober.h"
#include "run/record/recorder.h"
#include "run/run.h"
#include "run/tenant/tenants.h"
#include "run/turn.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

/* The most that any body may have: a deploy's, with an accepted key. */
#define DEPLOY_BYTES_MAX ((size_t)256 << 20)

struct http_settings {
    size_t body_bytes_max;
    /* These may change while the server runs; a wait that has begun keeps its deadline. */
    _Atomic uint64_t idle_timeout_ms;
    _Atomic uint64_t request_timeout_ms;
    _Atomic uint64_t write_timeout_ms;
    _Atomic uint64_t drain_timeout_ms;
    uint32_t connections_max; /* of all loops; changed by one thread at a time */
    uint32_t loops;
};

/* Whom a listener lets in, and by what sort of socket. */
struct listener_kind {
    bool is_operator;
    const char *unix_path; /* of a Unix socket, removed with the listener, which it outlives */
};

struct listener {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    struct listener_kind kind;
    bool is_open;
    bool is_ready;  /* a client waits */
    bool is_paused; /* there is no room; clients wait with the kernel */
};

/* Connections that wait for something, the longest first. One is in one of them, or in none. */
struct waiting {
    struct connection *first;
    struct connection *last;
};

/*
 * What each tenant's runs had of this turn of the loop. Tenants whose numbers are alike share a
 * place, which only makes each of them move to the compute threads a little earlier.
 */
enum { LOOP_PLACES = 64 };
struct loop_shares {
    uint64_t used_ns[LOOP_PLACES];
    uint32_t tenants; /* places in use */
    bool has_others;  /* there were several in the turn before */
};

struct loop {
    struct http_server *server;
    uv_loop_t uv;
    bool has_streams; /* libuv has made what it makes with a loop's first stream */
    pthread_t thread;
    bool has_thread;
    struct listener listener;
    struct listener operator_listener;
    atomic_uint connections_max;  /* its share of all */
    atomic_uint connection_count; /* changed by its own thread alone */
    uint32_t operator_count;      /* connections of the operator, which are none of these */
    atomic_bool is_asked_for_room;
    struct waiting idle;     /* without a request, or with one for news, or all answered */
    struct waiting arriving; /* their request has begun to come */
    struct waiting leaving;  /* their answer goes with others */
    uint32_t leaving_count;  /* that came since answers were sent, at least all of them */
    uint64_t leaving_since_ns;
    struct waiting taking;   /* their answer has begun to go */
    struct waiting deferred; /* have more requests here, and had their turn */
    uv_async_t woken;        /* runs that can go on */
    uv_async_t stop;
    uv_timer_t tick; /* timeouts of connections, the date */
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t more;         /* while there are deferred ones */
    uv_timer_t room;        /* when to look for room again */
    uint64_t turn_since_ns; /* when this turn of the loop began */
    uint64_t idle_ns;       /* how long the loop had waited by then, in all */
    struct loop_shares shares;
    uint64_t last_tick_ms; /* when the tick before this one was */
    struct connection *connections;
    pthread_mutex_t wake_lock;
    struct connection *wakes;    /* guarded by wake_lock */
    struct random_stream random; /* request ids */
    char date[40];
    bool stopping;
    bool closed;
    uint32_t draining;     /* connections from before it stopped; it refuses others until they go */
    uint64_t cancel_at_ms; /* when what still runs is cancelled and answered, once it stops */
    uint64_t close_at_ms;  /* when connections are closed that are there by then */
    uint64_t end_at_ms;    /* when nothing is waited for any more */
};

/* Whose jobs were done last, as far back as tenants take turns; of more, the first come first. */
#define JOBS_RECENT_MAX 64

/* Of a queue. */
#define JOBS_THREADS_MAX 64

struct jobs_options {
    void (*work)(struct connection *connection);
    uint32_t waiting_max; /* of each tenant */
    uint32_t threads_max;
    bool is_shared;       /* what one of a tenant's jobs does is done for all its others */
    bool keeps_operators; /* one of several threads is for no tenant's jobs */
};

/*
 * Deploys that wait; or, each kind in a queue with threads of its own, requests for documents, and
 * calls whose functions are to be loaded first, or compiled anew for that. See jobs.c.
 */
struct jobs {
    struct jobs_options options;
    pthread_t threads[JOBS_THREADS_MAX];
    uint32_t busy[JOBS_THREADS_MAX]; /* whose jobs are being done, one of each */
    uint32_t busy_count;
    uint32_t thread_count;
    pthread_mutex_t lock; /* over all of this, the links of connections included */
    pthread_cond_t changed;
    struct connection *first;
    uint32_t recent[JOBS_RECENT_MAX];
    size_t recent_count;
    bool ends;
};

/* Runs whose turn is next, or long texts, and the threads that have them: see compute.c. */
struct compute {
    void (*work)(struct turn *turn);
    int nice;
    pthread_mutex_t lock; /* over all of this, the links of turns included */
    pthread_cond_t changed;
    struct turn *first;
    struct turn *last;
    uint32_t waiting;
    uint32_t idle; /* threads */
    uint32_t thread_count;
    uint32_t threads_max;
    pthread_t *threads;
    bool ends;
};

struct http_server {
    struct http_server_options options;
    struct http_settings settings;
    struct keys *keys;
    char *data_folder; /* NULL: none */
    struct site site;
    bool has_hosts;         /* its tenants are told which are the default one's */
    struct histogram *hold; /* how long a loop works before it looks at its sockets again */
    struct counter *requests;
    struct gauge *open_connections;
    struct prober *prober;
    struct gauge *memory_used;      /* by connections, as of the last look */
    struct process_metrics process; /* of the operator's loop, as the next */
    struct counter *lines_unwritten;
    struct refusals *refusals;
    struct jobs deploys;
    struct jobs data;
    struct compute compute;
    struct compute texts; /* reads and writes long ones */
    struct jobs loads;
    struct jobs builds; /* loads whose machine code has to be made anew */
    struct purse purse; /* the memory of connections */
    struct loop *loops;
    uint32_t loop_count; /* of those that were made */
    char url[128];
    char operator_path[108]; /* of the operator's Unix socket, if it is one */
};

enum phase {
    PHASE_READING,   /* waits for a request */
    PHASE_RUNNING,   /* has one; waits for its run */
    PHASE_WORKING,   /* a piece of work is in flight on another thread */
    PHASE_WRITING,   /* the answer waits for others, or does not fit into the socket yet */
    PHASE_LINGERING, /* the last answer is out; what still comes is thrown away */
    PHASE_CLOSING,
};

enum work_kind {
    WORK_READ_CALL,
    WORK_POLL,
    WORK_ANSWER,
    WORK_READ,
    WORK_DEPLOY,
    WORK_DATA,
    WORK_LOAD,
};

/* Words about a record that was not kept. */
#define RECORD_ERROR_BYTES 256

struct connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    struct loop *loop;
    struct connection *next; /* of all of the loop */
    struct connection *previous;
    struct waiting *waits_in;
    uint64_t waits_since_ms;
    struct connection *waits_before;
    struct connection *waits_behind;
    bool is_operator;
    bool needs_operator_key; /* it came to an address */
    bool is_draining;        /* it was there when the loop stopped */
    enum phase phase;
    bool gone;   /* the client left: the socket is closed, what runs goes on to its end */
    bool paused; /* reading is stopped: the client sends more than is answered */
    int open_handles;
    uint64_t deadline_ms; /* of what it waits for now; 0: none */
    size_t step_bytes;    /* how far body or answer had come when the deadline was set */
    uint64_t linger_until_ms;
    size_t linger_bytes; /* thrown away so far */

    struct charge input_charge; /* of `input` and heads: the loop touches it while others work */
    struct charge charge;       /* of all the rest */
    struct buffer input;
    size_t input_at; /* how much of it was parsed */
    struct http_parser parser;

    struct tenant *tenant; /* whose functions and data the request is for, by its host name */
    struct http_route route;
    struct http_call call;
    bool has_call;
    bool is_large; /* its arguments take long to read and to check */
    enum http_format format;
    struct http_refusal refusal;
    struct identity identity;    /* whom it acts as, in one of the next two */
    struct auth_memo signed_in;  /* by a token */
    struct buffer identity_text; /* an admin does */
    struct audit_actor actor; /* the holder of a key, or the operator; else nobody in particular */
    bool is_refused;          /* by what a piece of work has found */
    bool is_built;            /* its tenant's machine code is made anew, or was, for it */
    bool is_admin;
    bool wants_record;       /* of its run, by its head */
    struct record_id record; /* under which it is kept, once it is */
    char record_error[RECORD_ERROR_BYTES];
    struct http_frame frame;
    char date[40]; /* the loop's, as of this request: a compute thread may write it */
    char request_id[68];
    struct slice request_id_text;
    struct buffer unpacked; /* a packed body, plain */

    struct run *run;
    uint64_t loop_ns_left; /* that the loop polls it for */
    uv_timer_t timer;
    enum work_kind work_kind;
    enum run_state run_state;
    bool woken;      /* its run was woken while work was in flight */
    bool has_worked; /* it comes back from another thread */
    bool was_woken;  /* its run was woken */
    bool wakes_run;  /* the next two become these: guarded by wake_lock */
    bool wakes_worked;
    bool in_wakes; /* guarded by wake_lock */
    bool waits_for_logs;
    struct turn turn;
    struct execution_waiter log_waiter;
    struct connection *next_wake;
    struct connection *next_job; /* guarded by the deploys' lock */

    struct buffer output;
    struct buffer scratch;
    uv_write_t write;
    uv_shutdown_t shutdown;
};

/* -- listen.c ------------------------------------------------------------------------------- */

/*
 * Has each loop listen for clients, the first for the operator too, as the options say; fills in
 * the URL. Errors: CORDON_E_INVALID for an address that cannot be or that is reached by others
 * than may be, CORDON_E_SYSTEM where the system refuses it.
 */
CORDON_MUST_USE cordon_error *server_listen(struct http_server *server);

/* -- server.c ------------------------------------------------------------------------------- */

/* Has the audit log say of each key when it came and when it went. Any thread. */
void server_watch_keys(struct http_server *server);

/*
 * Revokes all keys of a tenant for `actor`, which the audit log then says; without a data folder
 * nothing. Any thread. Errors: those of keys_revoke().
 */
CORDON_MUST_USE cordon_error *server_revoke_keys(
    struct http_server *server, const char *tenant, const struct audit_actor *actor);

/* -- loop.c --------------------------------------------------------------------------------- */

/* Handles and lists of a loop whose `server` is set. Errors: CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *loop_init(struct loop *loop);

/* Runs until it was told to stop and every connection is closed. */
void loop_run(struct loop *loop);

void loop_done(struct loop *loop);

/* The wake of a run: queues its connection and pokes the loop. Any thread. */
void loop_wake(void *connection);

/* The same, of a thread of compute.c that has done its work. */
void loop_wake_worked(struct connection *connection);

/* Takes a connection out of the queue of the woken. */
void loop_forget_wake(struct connection *connection);

/* Whether a tenant's runs have had enough of this turn; and what one of them had. */
bool loop_is_spent(const struct loop *loop, uint32_t tenant);
void loop_spend(struct loop *loop, uint32_t tenant, uint64_t took_ns);

/* How long this turn of the loop has worked. */
uint64_t loop_worked_ns(struct loop *loop);

/* Has a connection go on with what it has read, once others had their turn. */
void loop_defer(struct connection *connection);

/* Ends the loop if it is stopping and nothing is left. */
void loop_check_end(struct loop *loop);

/* -- accept.c ------------------------------------------------------------------------------- */

/*
 * Accepts from a socket that listens and does not block. It is the listener's from now on, on
 * failure too. Returns a code of libuv.
 */
int listener_open(struct listener *listener, struct loop *loop, int fd, struct listener_kind kind);

/* Does nothing if it is not open. */
void listener_close(struct listener *listener);

/* Lets clients in that have come. Called once what others have sent is read. */
void loop_accept(struct loop *loop);

/* Another loop has no descriptor, and nobody who could go for it: closes somebody here. */
void loop_give_room(struct loop *loop);

/* Looks at the listeners again where it was paused: there may be room now. */
void loop_accept_again(struct loop *loop);

/* Puts a connection last among those who wait, or, with NULL, takes it out from where it waits. */
void connection_wait_in(struct connection *connection, struct waiting *waiting);

/* -- connection.c --------------------------------------------------------------------------- */

/* A client's socket, which is closed if there is no memory for a connection. */
void connection_open(struct loop *loop, int fd, struct listener_kind kind);

/* Sends `output`, soon; the connection reads on or closes afterwards, as its frame says. */
void connection_send(struct connection *connection);

/* Sends the answers that wait for each other now; or if they have waited long enough. */
void loop_send(struct loop *loop);
void loop_send_late(struct loop *loop, uint64_t now_ns);

/* Sends a short text that needs no memory, if the socket takes it at once: the last answer. */
void connection_send_last(struct connection *connection, struct slice text);

/* Goes on with what has been read, if it is time to. The last thing an event does. */
void connection_settle(struct connection *connection);

/*
 * Closes the socket, at once. What is under way is cancelled and goes on to its end, so that what
 * is said of it is true; then the connection goes.
 */
void connection_close(struct connection *connection);

/* As that, but a run is not waited for, whatever becomes of its commit. */
void connection_abandon(struct connection *connection);

/* Does what is due if its deadline had passed at that time. */
void connection_check_deadline(struct connection *connection, uint64_t at_ms);

/* The loop stops: refuses what has begun to come, lets the rest answer. */
void connection_stop(struct connection *connection);

/* -- exchange.c ----------------------------------------------------------------------------- */

/* A request is complete in the parser. */
void exchange_begin(struct connection *connection);

/* The run was woken, or its time has come. */
void exchange_resume(struct connection *connection);

/* The client has left: cancels what is under way. False if there is nothing. */
bool exchange_cancel(struct connection *connection);

/* Ends a run that is under way; its client, who is there, is answered. False if there is none. */
bool exchange_cancel_run(struct connection *connection);

/* Lets go of body and call. Any thread that has the connection. */
void exchange_drop_request(struct connection *connection);

/* Lets go of run and request. */
void exchange_done(struct connection *connection);

/*
 * The body cap of a request by its head: large for a deploy with an accepted key. Where the body is
 * not small, what the connection holds is of the share of the tenant whose request it is from then
 * on, and not just from exchange_begin() on.
 */
size_t exchange_body_cap(void *connection, const struct http_request *head);

/* -- exchange_call.c --------------------------------------------------------------------------- */

/*
 * The server stops: ends a run that would sleep for longer than the others may run, and a wait for
 * log lines.
 */
void exchange_stop(struct connection *connection);

/* Tells those who follow the logs what an action that waits has logged; often. */
void exchange_tell_lines(struct connection *connection);

/* -- exchange_answer.c ------------------------------------------------------------------------- */

/* What came so far is refused; the connection ends after this answer. */
void exchange_refuse(struct connection *connection, const struct http_refusal *refusal);

/* What refuses requests once the server stops. */
extern const struct http_refusal exchange_stopping;

/* What refuses requests for a host that nobody has, or nobody any more. */
extern const struct http_refusal exchange_misdirected;

/* -- health.c ------------------------------------------------------------------------------- */

/* Writes what the server says of its health into `scratch`, with status and type in the frame. */
CORDON_MUST_USE cordon_error *health_write(struct connection *connection);

/* -- authorize.c ---------------------------------------------------------------------------- */

/*
 * Whether whoever sent a request may ask for its route: sets `is_admin` and `identity`. False:
 * refused. For the thread that has the connection.
 */
bool authorize(struct connection *connection, struct http_refusal *out_refusal);

/*
 * The same for what an admin asks for, which the audit log has to say: where that has no room, it
 * is refused before it is done.
 */
bool authorize_recorded(struct connection *connection, struct http_refusal *out_refusal);

/*
 * The same on the operator's listener: at an address it takes the operator's key, as everybody on
 * the machine reaches that; at a Unix socket the file system has looked who comes.
 */
bool authorize_operator(struct connection *connection, struct http_refusal *out_refusal);

/* Logs that a file of keys can't be used; `log` is the log, or NULL. Any thread. */
void authorize_tell(void *log, const char *path, const char *words);

/* -- reading.c ------------------------------------------------------------------------------ */

/*
 * Writes the answer to a request that reads what the server keeps of runs: records, log lines, the
 * audit log. It may block. False: refused. For the thread that has the connection.
 */
bool reading_write(struct connection *connection);

/* -- compute.c ------------------------------------------------------------------------------ */

/* A thread for each permit. Errors: CORDON_E_NO_MEMORY, CORDON_E_SYSTEM. */
CORDON_MUST_USE cordon_error *compute_init(struct compute *compute, uint32_t permits);

/* Those for long texts. Errors: as above. */
CORDON_MUST_USE cordon_error *compute_init_texts(struct compute *compute);

/* No work may be under way. Does nothing if it was not initialised. */
void compute_done(struct compute *compute);

/*
 * Does the work of a turn, such as polling its run, on another thread, whose it is until `worked`
 * is called. Any thread; `compute` is a struct compute.
 */
void compute_add(void *compute, struct turn *turn);

/* The same for what a connection's `work_kind` says; it is woken by loop_wake_worked(). */
void compute_add_connection(struct connection *connection);

/* -- jobs.c ------------------------------------------------------------------------------------ */

void jobs_init(struct jobs *jobs, const struct jobs_options *options);

/* None may be under way or wait. */
void jobs_done(struct jobs *jobs);

/*
 * Queues what a connection's request asks for. The connection is that job's until it is woken; its
 * answer is in `output` then, or it is refused. False: too many wait.
 */
CORDON_MUST_USE bool jobs_add(struct jobs *jobs, struct connection *connection);

/* Takes one out that has not begun; false if it has. */
CORDON_MUST_USE bool jobs_remove(struct jobs *jobs, struct connection *connection);

/* Most that wait for others, of each tenant: a deploy holds its modules in memory. */
#define JOBS_WAITING_MAX 8

/* Tenants whose documents are asked for at once, the operator being one of them. */
#define DATA_THREADS_MAX 4

/* Tenants that are loaded at once. */
#define LOADERS_MAX 4

/*
 * Tenants that deploy at once, and as many whose machine code is made anew for a load: a thread
 * for each, made when it is wanted, as they mostly wait for one of the few turns that all share.
 */
#define BUILDERS_MAX JOBS_THREADS_MAX

/* Calls of a tenant that may wait until its functions are loaded: an eighth of all connections. */
#define LOADS_WAITING_MAX 512

/* -- deploy.c ---------------------------------------------------------------------------------- */

/*
 * Loads the functions of a sleeping tenant, for a call that waits for it. It may sleep on after
 * load_work(), if that takes longer than to read them, and is for build_work() then.
 */
void load_work(struct connection *connection);
void build_work(struct connection *connection);

/* The work of a deploy: does it and writes the answer. On a thread of its queue. */
void deploy_work(struct connection *connection);

/* -- data.c --------------------------------------------------------------------------------- */

/* The same for a request for documents. */
void data_work(struct connection *connection);

#endif
