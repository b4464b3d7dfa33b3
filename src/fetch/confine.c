/*
 * What the worker may ask of the kernel, as a list: memory of its own that holds data, threads (the
 * C library looks names up in one), files where Landlock lets them be reached, connections that it
 * makes, and none that come. What is not on the list fails with ENOSYS, so that libraries take
 * another way; what only somebody would try who has taken the process over ends it.
 *
 * Libraries are loaded by then. So names are looked up by what the C library has built in (`files`
 * and `dns`), and not by modules that it would load.
 */
#include "confine/confine.h"
#include "confine/rules.h"
#include "fetch/fetch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ALLOW_IF(filter, call, argument, mask, values)                                             \
    rules_allow_if(filter, call, argument, mask, values, COUNT(values))

/* Of the type of a socket, which has flags, too. */
#define SOCK_KIND ((scmp_datum_t)0xf)

/* -- Calls ---------------------------------------------------------------------------------- */

/* Allowed with any arguments, besides what all our processes need (confine/rules.h). */
static const int plain[] = {
    SCMP_SYS(connect),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
};

/* Connections are made, and none is taken. */
static const int deadly[] = {SCMP_SYS(listen)};

/* Of sockets that send to each other alone: one for datagrams would send to any of this machine. */
static int add_pairs(scmp_filter_ctx filter)
{
    static const scmp_datum_t kinds[] = {SOCK_STREAM, SOCK_SEQPACKET};
    int failed = 0;
    for (size_t i = 0; i < COUNT(kinds) && failed == 0; i++) {
        const struct scmp_arg_cmp is_pair[] = {
            SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0), SCMP_A1(SCMP_CMP_MASKED_EQ, SOCK_KIND, kinds[i])};
        failed = seccomp_rule_add_array(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), COUNT(is_pair), is_pair);
    }
    return failed;
}

static int add_parts(scmp_filter_ctx filter)
{
    static const scmp_datum_t data[] = {0};
    static const scmp_datum_t threads[] = {CLONE_THREAD};
    static const scmp_datum_t families[] = {AF_INET, AF_INET6, AF_NETLINK};
    static const scmp_datum_t requests[] = {FIONBIO, FIONREAD};
    static const scmp_datum_t purposes[] = {PR_SET_NAME, PR_GET_DUMPABLE, PR_SET_VMA};
    const scmp_datum_t own[] = {(scmp_datum_t)getpid()};
    int failed = ALLOW_IF(filter, SCMP_SYS(mmap), 2, PROT_EXEC, data);
    failed = failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(mprotect), 2, PROT_EXEC, data);
    failed = failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(clone), 0, CLONE_THREAD, threads);
    failed = failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(tgkill), 0, RULES_WHOLE, own);
    failed = failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(socket), 0, RULES_WHOLE, families);
    failed = failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(ioctl), 1, RULES_WHOLE, requests);
    failed = failed != 0 ? failed : ALLOW_IF(filter, SCMP_SYS(prctl), 0, RULES_WHOLE, purposes);
    return failed != 0 ? failed : add_pairs(filter);
}

/* errno, or 0. */
static int restrict_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) {
        return ENOMEM;
    }
    int failed = rules_add_common(filter);
    failed = failed != 0 ? failed : rules_add(filter, SCMP_ACT_ALLOW, plain, COUNT(plain));
    failed = failed != 0 ? failed : rules_add(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
    failed = failed != 0 ? failed : add_parts(filter);
    failed = failed != 0 ? failed : seccomp_load(filter);
    seccomp_release(filter);
    return -failed;
}

/* -- Files ---------------------------------------------------------------------------------- */

/* Certificates, and how names are looked up; folders where programs replace the files in them. */
static const char *const readable[] = {
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/lib/ssl",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
};

enum { VARIABLE_BYTES_MAX = 4096 };

/* The folder of the file that a variable names, as certificates are replaced too. */
static const char *folder_named(const char *variable, char out[VARIABLE_BYTES_MAX])
{
    /* There is one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *const path = getenv(variable);
    char *slash = NULL;
    if (path == NULL || strlen(path) >= VARIABLE_BYTES_MAX) {
        return NULL;
    }
    (void)snprintf(out, VARIABLE_BYTES_MAX, "%s", path);
    slash = strrchr(out, '/');
    if (slash == NULL) {
        return ".";
    }
    slash[slash == out ? 1 : 0] = '\0';
    return out;
}

static int restrict_files(const char *folder, int *out_version)
{
    char file[VARIABLE_BYTES_MAX];
    struct confine_path paths[COUNT(readable) + 3];
    size_t count = 0;
    for (; count < COUNT(readable); count++) {
        paths[count] = (struct confine_path){readable[count], CONFINE_READ};
    }
    paths[count++] = (struct confine_path){folder, CONFINE_CHANGE};
    const char *const certificates[] = {
        folder_named("SSL_CERT_FILE", file),
        getenv("SSL_CERT_DIR"), /* NOLINT(concurrency-mt-unsafe) */
    };
    for (size_t i = 0; i < COUNT(certificates); i++) {
        if (certificates[i] != NULL) {
            paths[count++] = (struct confine_path){certificates[i], CONFINE_READ};
        }
    }
    int ruleset = CONFINE_NO_RULESET;
    int failed = 0;
    landlock_make(paths, count, LANDLOCK_OF_FETCHER, &ruleset, out_version, &failed);
    if (ruleset != CONFINE_NO_RULESET) {
        failed = landlock_restrict(ruleset);
        (void)close(ruleset);
    }
    return failed;
}

/* -- Both ----------------------------------------------------------------------------------- */

CORDON_PRINTF(2, 3) static void add_missing(char words[FETCH_WORDS_BYTES], const char *format, ...)
{
    const size_t used = strlen(words);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(words + used, FETCH_WORDS_BYTES - used, format, arguments);
    va_end(arguments);
}

void fetch_confine(const char *folder, int32_t *out_landlock, char words[FETCH_WORDS_BYTES])
{
    int version = 0;
    words[0] = '\0';
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        add_missing(words, "no new privileges: %s; ", strerrordesc_np(errno));
    }
    const int files = restrict_files(folder, &version);
    if (files != 0) {
        add_missing(
            words, "Landlock: %s; ",
            files == ENOSYS || files == EOPNOTSUPP ? "this kernel has it not, or not switched on"
                                                   : strerrordesc_np(files));
        version = 0;
    }
    char lacking[LANDLOCK_WORDS_BYTES];
    landlock_lacks(version, LANDLOCK_OF_FETCHER, lacking);
    if (lacking[0] != '\0') {
        add_missing(words, "%s; ", lacking);
    }
    const int calls = restrict_calls();
    if (calls != 0) {
        add_missing(words, "seccomp: %s; ", strerrordesc_np(calls));
    }
    const size_t used = strlen(words);
    words[used < 2 ? 0 : used - 2] = '\0';
    *out_landlock = version;
}
