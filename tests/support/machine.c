/* The machine that fails; see machine.h. */
#include "support/machine.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic bool armed;
static _Atomic enum machine_fault fault;
static _Atomic uint64_t fails_at;
static _Atomic uint64_t counted;
static const char *_Atomic *_Atomic name_of_failed;
static _Thread_local bool spared;

/* -- The plan -------------------------------------------------------------------------------- */

void machine_arm(enum machine_fault wanted, uint64_t nth, const char *_Atomic *name)
{
    atomic_store(&fault, wanted);
    atomic_store(&fails_at, nth);
    atomic_store(&name_of_failed, name);
    atomic_store(&counted, 0);
    atomic_store(&armed, true);
}

uint64_t machine_disarm(void)
{
    atomic_store(&armed, false);
    return atomic_load(&counted);
}

/* The plan is this process's: what becomes of a child it forks is for other tests. */
static void disarm_child(void)
{
    atomic_store(&armed, false);
}

__attribute__((constructor)) static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, disarm_child);
}

void machine_spare_thread(bool is_spared)
{
    spared = is_spared;
}

/* Whether this call is the one, of those to which `kind` can happen. */
static bool is_hit(enum machine_fault kind, const char *name)
{
    if (!atomic_load(&armed) || spared || atomic_load(&fault) != kind ||
        atomic_fetch_add(&counted, 1) + 1 != atomic_load(&fails_at)) {
        return false;
    }
    atomic_store(atomic_load(&name_of_failed), name);
    return true;
}

/* A wake-up that is lost is no failure of a call; see machine.h. */
static bool is_eventfd(int fd)
{
    char link[64];
    char target[64] = {0};
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, target, sizeof target - 1) > 0 &&
           strcmp(target, "anon_inode:[eventfd]") == 0;
}

/* The code of a call that can't be interrupted, or 0. */
static int refusal(const char *name, int code)
{
    return is_hit(MACHINE_REFUSES, name) ? code : 0;
}

/* The same for one that can be. */
static int failure(const char *name, int code)
{
    const int refused = refusal(name, code);
    return refused == 0 && is_hit(MACHINE_INTERRUPTS, name) ? EINTR : refused;
}

/* -- Passing on ------------------------------------------------------------------------------ */

static _Noreturn void broken(const char *name)
{
    (void)dprintf(STDERR_FILENO, "the machine of the tests: there is no %s\n", name);
    abort();
}

/* The function that this one stands before. */
static void *next_of(_Atomic(void *) *known, const char *name)
{
    void *function = atomic_load(known);
    if (function == NULL) {
        function = dlsym(RTLD_NEXT, name);
        if (function == NULL) {
            broken(name);
        }
        atomic_store(known, function);
    }
    return function;
}

/* ISO C has no way from an object's pointer to a function's; POSIX has. */
#define NEXT(name)                                                                                 \
    __extension__({                                                                                \
        static _Atomic(void *) known_;                                                             \
        void *const function_ = next_of(&known_, #name);                                           \
        __typeof__(&(name)) next_ = NULL;                                                          \
        memcpy(&next_, &function_, sizeof next_);                                                  \
        next_;                                                                                     \
    })

/* A function that answers with -1 and errno, NULL, or a code. `how` is refusal or failure. */
#define MINUS_ONE(code) (errno = (code), -1)
#define NO_POINTER(code) (errno = (code), NULL)
#define THE_CODE(code) (code)
#define WRAP(type, name, params, args, how, code, answer)                                          \
    type name params                                                                               \
    {                                                                                              \
        const int code_ = how(#name, code);                                                        \
        return code_ != 0 ? answer(code_) : NEXT(name) args;                                       \
    }

/*
 * A transfer of bytes: it can fail, be cut short, or, with `how` failure, be interrupted; one that
 * names a position is of a file on a disk, which no signal interrupts.
 */
#define TRANSFER(name, params, how, size, whole, half)                                             \
    ssize_t name params                                                                            \
    {                                                                                              \
        if (is_eventfd(fd)) {                                                                      \
            return NEXT(name) whole;                                                               \
        }                                                                                          \
        const int code_ = how(#name, EIO);                                                         \
        if (code_ != 0) {                                                                          \
            return MINUS_ONE(code_);                                                               \
        }                                                                                          \
        return (size) > 1 && is_hit(MACHINE_CUTS, #name) ? NEXT(name) half : NEXT(name) whole;     \
    }

/* -- Files ----------------------------------------------------------------------------------- */

/* The engine has names of its own, which end in 64 and stay as they are. */

TRANSFER(
    read,
    (int fd, void *bytes, size_t size),
    failure,
    size,
    (fd, bytes, size),
    (fd, bytes, size / 2))
TRANSFER(
    write,
    (int fd, const void *bytes, size_t size),
    failure,
    size,
    (fd, bytes, size),
    (fd, bytes, size / 2))
TRANSFER(
    pread,
    (int fd, void *bytes, size_t size, off_t at),
    refusal,
    size,
    (fd, bytes, size, at),
    (fd, bytes, size / 2, at))
TRANSFER(
    pwrite,
    (int fd, const void *bytes, size_t size, off_t at),
    refusal,
    size,
    (fd, bytes, size, at),
    (fd, bytes, size / 2, at))

/* Of several pieces, half are the first ones. */
TRANSFER(
    readv,
    (int fd, const struct iovec *pieces, int count),
    failure,
    count,
    (fd, pieces, count),
    (fd, pieces, count / 2))
TRANSFER(
    writev,
    (int fd, const struct iovec *pieces, int count),
    failure,
    count,
    (fd, pieces, count),
    (fd, pieces, count / 2))
TRANSFER(
    pwritev,
    (int fd, const struct iovec *pieces, int count, off_t at),
    refusal,
    count,
    (fd, pieces, count, at),
    (fd, pieces, count / 2, at))

static mode_t mode_of(int flags, va_list args)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = mode_of(flags, args);
    va_end(args);
    const int code = refusal("open", EMFILE);
    return code != 0 ? MINUS_ONE(code) : NEXT(open)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = mode_of(flags, args);
    va_end(args);
    const int code = refusal("openat", EMFILE);
    return code != 0 ? MINUS_ONE(code) : NEXT(openat)(folder, path, flags, mode);
}

/* The code of a command that needs something of the machine; flags and seals need nothing. */
static int code_of_command(int command)
{
    switch (command) {
    case F_DUPFD_CLOEXEC:
        return EMFILE;
    case F_SETLK:
    case F_SETLKW:
        return ENOLCK;
    default:
        return 0;
    }
}

/* What follows the command is a number or a pointer: in both cases one register. */
int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *const argument = va_arg(args, void *);
    va_end(args);
    const int code = code_of_command(command) == 0 ? 0 : refusal("fcntl", code_of_command(command));
    return code != 0 ? MINUS_ONE(code) : NEXT(fcntl)(fd, command, argument);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t at)
{
    const int code = fd >= 0 ? refusal("mmap", ENOMEM) : 0;
    if (code != 0) {
        errno = code;
        return MAP_FAILED;
    }
    return NEXT(mmap)(address, size, protection, flags, fd, at);
}

WRAP(int, fstat, (int fd, struct stat *out), (fd, out), refusal, EIO, MINUS_ONE)
WRAP(int, stat, (const char *path, struct stat *out), (path, out), refusal, EIO, MINUS_ONE)
WRAP(
    int,
    fstatat,
    (int folder, const char *path, struct stat *out, int flags),
    (folder, path, out, flags),
    refusal,
    EIO,
    MINUS_ONE)
WRAP(int, fstatvfs, (int fd, struct statvfs *out), (fd, out), failure, EIO, MINUS_ONE)
WRAP(int, fsync, (int fd), (fd), refusal, EIO, MINUS_ONE)
WRAP(int, fdatasync, (int fd), (fd), refusal, EIO, MINUS_ONE)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), refusal, EIO, MINUS_ONE)
WRAP(
    int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size), failure, ENOSPC, THE_CODE)
WRAP(int, flock, (int fd, int what), (fd, what), refusal, ENOLCK, MINUS_ONE)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), refusal, EIO, MINUS_ONE)
WRAP(int, unlink, (const char *path), (path), refusal, EIO, MINUS_ONE)
WRAP(
    int,
    unlinkat,
    (int folder, const char *path, int flags),
    (folder, path, flags),
    refusal,
    EIO,
    MINUS_ONE)
WRAP(int, rename, (const char *from, const char *to), (from, to), refusal, EIO, MINUS_ONE)
WRAP(
    int,
    renameat,
    (int from_folder, const char *from, int to_folder, const char *to),
    (from_folder, from, to_folder, to),
    refusal,
    EIO,
    MINUS_ONE)
WRAP(DIR *, opendir, (const char *path), (path), refusal, EMFILE, NO_POINTER)
WRAP(DIR *, fdopendir, (int fd), (fd), refusal, ENOMEM, NO_POINTER)
WRAP(FILE *, fopen, (const char *path, const char *mode), (path, mode), refusal, EMFILE, NO_POINTER)
WRAP(
    int,
    memfd_create,
    (const char *name, unsigned int flags),
    (name, flags),
    refusal,
    EMFILE,
    MINUS_ONE)

/* -- Sockets --------------------------------------------------------------------------------- */

WRAP(
    int,
    socket,
    (int domain, int type, int protocol),
    (domain, type, protocol),
    refusal,
    EMFILE,
    MINUS_ONE)
WRAP(
    int,
    socketpair,
    (int domain, int type, int protocol, int pair[2]),
    (domain, type, protocol, pair),
    refusal,
    EMFILE,
    MINUS_ONE)
WRAP(
    int,
    bind,
    (int fd, __CONST_SOCKADDR_ARG address, socklen_t size),
    (fd, address, size),
    refusal,
    EADDRINUSE,
    MINUS_ONE)
WRAP(int, listen, (int fd, int backlog), (fd, backlog), refusal, EADDRINUSE, MINUS_ONE)
WRAP(
    int,
    connect,
    (int fd, __CONST_SOCKADDR_ARG address, socklen_t size),
    (fd, address, size),
    failure,
    ECONNREFUSED,
    MINUS_ONE)
WRAP(
    int,
    accept4,
    (int fd, __SOCKADDR_ARG address, socklen_t *size, int flags),
    (fd, address, size, flags),
    failure,
    EMFILE,
    MINUS_ONE)
WRAP(
    int,
    getsockname,
    (int fd, __SOCKADDR_ARG address, socklen_t *size),
    (fd, address, size),
    refusal,
    ENOBUFS,
    MINUS_ONE)
WRAP(
    int,
    setsockopt,
    (int fd, int level, int option, const void *value, socklen_t size),
    (fd, level, option, value, size),
    refusal,
    ENOMEM,
    MINUS_ONE)
WRAP(
    ssize_t,
    sendmsg,
    (int fd, const struct msghdr *message, int flags),
    (fd, message, flags),
    failure,
    ENOBUFS,
    MINUS_ONE)
WRAP(
    ssize_t,
    recvmsg,
    (int fd, struct msghdr *message, int flags),
    (fd, message, flags),
    failure,
    ENOMEM,
    MINUS_ONE)
TRANSFER(
    send,
    (int fd, const void *bytes, size_t size, int flags),
    failure,
    size,
    (fd, bytes, size, flags),
    (fd, bytes, size / 2, flags))

/* -- Waiting, threads, processes ------------------------------------------------------------- */

WRAP(int, eventfd, (unsigned int count, int flags), (count, flags), refusal, EMFILE, MINUS_ONE)
WRAP(int, pipe2, (int pair[2], int flags), (pair, flags), refusal, EMFILE, MINUS_ONE)
WRAP(int, pidfd_open, (pid_t pid, unsigned int flags), (pid, flags), refusal, EMFILE, MINUS_ONE)
WRAP(
    int,
    pthread_create,
    (pthread_t *restrict thread,
     const pthread_attr_t *restrict attributes,
     void *(*run)(void *),
     void *restrict argument),
    (thread, attributes, run, argument),
    refusal,
    EAGAIN,
    THE_CODE)
WRAP(
    int,
    posix_spawn,
    (pid_t *restrict pid,
     const char *restrict path,
     const posix_spawn_file_actions_t *actions,
     const posix_spawnattr_t *restrict attributes,
     char *const *restrict arguments,
     char *const *restrict environment),
    (pid, path, actions, attributes, arguments, environment),
    refusal,
    EAGAIN,
    THE_CODE)

int poll(struct pollfd *waits, nfds_t count, int timeout_ms)
{
    return is_hit(MACHINE_INTERRUPTS, "poll") ? MINUS_ONE(EINTR)
                                              : NEXT(poll)(waits, count, timeout_ms);
}

/* The engine's draws have flags. */
ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
    if (flags == 0 && is_hit(MACHINE_INTERRUPTS, "getrandom")) {
        return MINUS_ONE(EINTR);
    }
    return NEXT(getrandom)(bytes, size, flags);
}

/* -- LMDB ------------------------------------------------------------------------------------ */

WRAP(int, mdb_env_create, (MDB_env * *env), (env), refusal, ENOMEM, THE_CODE)
WRAP(
    int,
    mdb_txn_begin,
    (MDB_env * env, MDB_txn *parent, unsigned int flags, MDB_txn **txn),
    (env, parent, flags, txn),
    refusal,
    ENOMEM,
    THE_CODE)
WRAP(int, mdb_txn_renew, (MDB_txn * txn), (txn), refusal, EIO, THE_CODE)
WRAP(
    int,
    mdb_dbi_open,
    (MDB_txn * txn, const char *name, unsigned int flags, MDB_dbi *dbi),
    (txn, name, flags, dbi),
    refusal,
    ENOMEM,
    THE_CODE)
WRAP(
    int,
    mdb_put,
    (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned int flags),
    (txn, dbi, key, value, flags),
    refusal,
    ENOMEM,
    THE_CODE)
WRAP(
    int,
    mdb_del,
    (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *value),
    (txn, dbi, key, value),
    refusal,
    ENOMEM,
    THE_CODE)
WRAP(
    int,
    mdb_cursor_open,
    (MDB_txn * txn, MDB_dbi dbi, MDB_cursor **cursor),
    (txn, dbi, cursor),
    refusal,
    ENOMEM,
    THE_CODE)
WRAP(
    int,
    mdb_cursor_renew,
    (MDB_txn * txn, MDB_cursor *cursor),
    (txn, cursor),
    refusal,
    EIO,
    THE_CODE)
WRAP(
    int,
    mdb_cursor_get,
    (MDB_cursor * cursor, MDB_val *key, MDB_val *value, MDB_cursor_op how),
    (cursor, key, value, how),
    refusal,
    EIO,
    THE_CODE)
WRAP(int, mdb_env_sync, (MDB_env * env, int force), (env, force), refusal, EIO, THE_CODE)

/* A commit that fails has ended its transaction. */
int mdb_txn_commit(MDB_txn *txn)
{
    const int code = refusal("mdb_txn_commit", EIO);
    if (code == 0) {
        return NEXT(mdb_txn_commit)(txn);
    }
    mdb_txn_abort(txn);
    return code;
}
