/*
 * A compile worker that does what the module says: a module that begins with one of the words below
 * makes it hang, die, lie or break out; any other is compiled. The starter is the real one.
 */
#include "engine/codegen.h"
#include "engine/protocol.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int leave(const char *bytes, size_t size, int code)
{
    return write(WORKER_FD_ARTIFACT, bytes, size) == (ssize_t)size ? code : WORKER_EXIT_FAILED;
}

/* What looks like machine code, for whoever got away with something. */
static int success(void)
{
    return leave(
        "\x7f"
        "ELF and so on",
        14, WORKER_EXIT_COMPILED);
}

static int hang(void)
{
    while (pause() == -1) {
    }
    return WORKER_EXIT_FAILED;
}

static int spin(void)
{
    for (volatile unsigned i = 0; i < 2; i ^= 1) {
    }
    return WORKER_EXIT_FAILED;
}

static int crash(void)
{
    return raise(SIGSEGV);
}

static int number(void)
{
    return 77;
}

static int junk(void)
{
    return leave("no machine code", 15, WORKER_EXIT_COMPILED);
}

static int nothing(void)
{
    return WORKER_EXIT_COMPILED;
}

/* Unprintable, and without an end. */
static int words(void)
{
    static struct refusal refusal = {.offset = 7, .reason = "\x1b[31mred\n\xff"};
    const size_t size = strlen(refusal.reason);
    memset(refusal.reason + size, 'x', sizeof refusal.reason - size);
    return leave((const char *)&refusal, sizeof refusal, WORKER_EXIT_REFUSED);
}

static int half_a_refusal(void)
{
    return leave("half", 4, WORKER_EXIT_REFUSED);
}

static int silent(void)
{
    return WORKER_EXIT_REFUSED;
}

/* Past the limit on the size of a file, then up to it and on in a file with holes. */
static int much(void)
{
    static char block[1 << 16];
    (void)signal(SIGXFSZ, SIG_IGN);
    for (;;) {
        if (write(WORKER_FD_ARTIFACT, block, sizeof block) <= 0) {
            return errno == EFBIG ? WORKER_EXIT_LARGE : WORKER_EXIT_FAILED;
        }
    }
}

static int eat(void)
{
    allocation_must_succeed();
    for (;;) {
        void *volatile block = malloc((size_t)1 << 20);
        if (block == NULL) {
            return WORKER_EXIT_FAILED;
        }
    }
}

static int kill_starter(void)
{
    (void)kill(getppid(), SIGKILL);
    return hang();
}

/* Leaves a process behind that has the artifact mapped for writing, for a while. */
static int keep_mapped(void)
{
    if (ftruncate(WORKER_FD_ARTIFACT, 4096) != 0 ||
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, WORKER_FD_ARTIFACT, 0) == MAP_FAILED) {
        return WORKER_EXIT_FAILED;
    }
    if (fork() == 0) {
        (void)poll(NULL, 0, 1000);
    }
    return WORKER_EXIT_COMPILED;
}

/* Ends only if another worker does the same at the same time. */
static int meet(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int size = snprintf(
        address.sun_path + 1, sizeof address.sun_path - 1, "cordon-test-%d", (int)getppid());
    const socklen_t length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)size;
    const int own = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(own, (struct sockaddr *)&address, length) == 0) {
        const bool met = listen(own, 1) == 0 && accept(own, NULL, NULL) != -1;
        return met ? success() : WORKER_EXIT_FAILED;
    }
    while (connect(own, (struct sockaddr *)&address, length) != 0) {
        (void)poll(NULL, 0, 1);
    }
    return success();
}

/* -- Confined, and then: each must end it ----------------------------------------------------- */

static int opens(void)
{
    (void)open("/dev/null", O_RDONLY);
    return success();
}

static int connects(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) == -2 ? WORKER_EXIT_FAILED : success();
}

static int forks(void)
{
    return fork() == -2 ? WORKER_EXIT_FAILED : success();
}

static int executes(void)
{
    (void)execl("/bin/true", "true", (char *)NULL);
    return success();
}

static int makes_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == NULL ? WORKER_EXIT_FAILED : success();
}

static int makes_data_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)mprotect(page, 4096, PROT_READ | PROT_EXEC);
    return success();
}

static int maps_artifact(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, WORKER_FD_ARTIFACT, 0);
    return page == NULL ? WORKER_EXIT_FAILED : success();
}

static int signals(void)
{
    (void)kill(getppid(), 0);
    return success();
}

static int traces(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    return success();
}

static int writes_module(void)
{
    const ssize_t written = write(WORKER_FD_MODULE, "x", 1);
    return written == 1 ? WORKER_EXIT_FAILED : success();
}

/* What it may do: the twin of all the others. */
static int behaves(void)
{
    char byte;
    const bool fine = read(WORKER_FD_MODULE, &byte, 0) == 0 && malloc((size_t)1 << 20) != NULL;
    return fine ? success() : WORKER_EXIT_FAILED;
}

static const struct {
    const char *word;
    int (*run)(void);
    bool is_confined;
} acts[] = {
    {"hang", hang, false},
    {"spin", spin, false},
    {"crash", crash, false},
    {"number", number, false},
    {"junk", junk, false},
    {"nothing", nothing, false},
    {"words", words, false},
    {"half a refusal", half_a_refusal, false},
    {"silent", silent, false},
    {"much", much, false},
    {"eat", eat, false},
    {"kill starter", kill_starter, false},
    {"keep mapped", keep_mapped, false},
    {"meet", meet, false},
    {"opens", opens, true},
    {"connects", connects, true},
    {"forks", forks, true},
    {"executes", executes, true},
    {"makes code", makes_code, true},
    {"makes data code", makes_data_code, true},
    {"maps artifact", maps_artifact, true},
    {"signals", signals, true},
    {"traces", traces, true},
    {"writes module", writes_module, true},
    {"behaves", behaves, true},
};

static int act(void)
{
    char word[32] = "";
    const ssize_t size = pread(WORKER_FD_MODULE, word, sizeof word - 1, 0);
    for (size_t i = 0; size > 0 && i < sizeof acts / sizeof acts[0]; i++) {
        if (strcmp(word, acts[i].word) == 0) {
            /* _exit(), as a confined process can't do what a proper end may ask for. */
            _exit(acts[i].is_confined && !confine() ? WORKER_EXIT_UNCONFINED : acts[i].run());
        }
    }
    return worker_run();
}

/* A starter of another build, if the executable was reached by such a name. */
static int start(void)
{
    const char *name = (const char *)getauxval(AT_EXECFN);
    if (strstr(name, "other-build") != NULL) {
        const struct protocol_hello hello = {.magic = PROTOCOL_MAGIC};
        return protocol_send(STARTER_FD_SOCKET, slice_of(&hello, sizeof hello), NULL, 0) ? hang()
                                                                                         : 1;
    }
    return keeper_run();
}

int main(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], "--starter") == 0 ? start() : act();
}
