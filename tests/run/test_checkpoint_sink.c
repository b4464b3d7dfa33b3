/*
 * Checkpoints told elsewhere: to a file and to a socket of the system's log; and a share that does
 * not answer, which holds up nobody.
 */
#include "run/audit/checkpoint_sink.h"

#include "base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cordon-sink-XXXXXX";
static char file[64];
static char socket_path[64];

static void assert_good(cordon_error *error)
{
    if (error != NULL) {
        fail_msg("%s", cordon_error_get_message(error));
    }
}

static struct checkpoint_sink *open_sink(const struct checkpoint_sink_options *options)
{
    struct checkpoint_sink *sink = NULL;
    assert_good(checkpoint_sink_new(options, &sink));
    return sink;
}

static void without_a_place_there_is_none(void **state)
{
    (void)state;
    const struct checkpoint_sink_options options = {.file = NULL};
    assert_null(open_sink(&options));
    checkpoint_sink_tell(NULL, SLICE("x"));
    checkpoint_sink_free(NULL, 1000);
}

static void lines_come_in_order_and_whole(void **state)
{
    (void)state;
    const struct checkpoint_sink_options options = {.file = file};
    struct checkpoint_sink *sink = open_sink(&options);
    checkpoint_sink_tell(sink, SLICE("{\"n\":1}"));
    checkpoint_sink_tell(sink, SLICE("{\"n\":2}"));
    checkpoint_sink_free(sink, 10000);
    char text[64] = "";
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    (void)close(fd);
    assert_string_equal(text, "{\"n\":1}\n{\"n\":2}\n");
}

static void the_systems_log_gets_a_datagram_each(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    const struct checkpoint_sink_options options = {.syslog_socket = socket_path};
    struct checkpoint_sink *sink = open_sink(&options);
    checkpoint_sink_tell(sink, SLICE("{\"n\":1}"));
    checkpoint_sink_tell(sink, SLICE("{\"n\":2}"));
    checkpoint_sink_free(sink, 10000);
    for (int n = 1; n <= 2; n++) {
        char text[128] = "";
        char wanted[128];
        assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
        (void)snprintf(wanted, sizeof wanted, "<85>cordon[%ld]: {\"n\":%d}", (long)getpid(), n);
        assert_string_equal(text, wanted);
    }
    (void)close(fd);
    (void)unlink(socket_path);
}

/* What the log says, so far. */
static void read_log(int fd, char *text, size_t size)
{
    const ssize_t got = pread(fd, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
}

static void a_log_that_nobody_reads_is_told(void **state)
{
    (void)state;
    char path[80];
    char text[1024];
    struct log *log = NULL;
    (void)snprintf(path, sizeof path, "%s/log", folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_good(log_new(fd, LOG_JSON, &log));
    const struct checkpoint_sink_options options = {.syslog_socket = socket_path, .log = log};
    struct checkpoint_sink *sink = open_sink(&options);
    checkpoint_sink_tell(sink, SLICE("{}"));
    checkpoint_sink_free(sink, 10000);
    log_free(log);
    read_log(fd, text, sizeof text);
    assert_non_null(strstr(text, "\"event\":\"audit_checkpoint_unsaved\""));
    assert_non_null(strstr(text, "audit_checkpoint_syslog"));
    (void)close(fd);
    (void)unlink(path);
}

/* -- A share that does not answer ------------------------------------------------------------- */

static pthread_mutex_t stalled = PTHREAD_MUTEX_INITIALIZER;
static atomic_int hanging;
static atomic_int written;

static ssize_t stall(int fd, const void *bytes, size_t size)
{
    (void)fd;
    (void)bytes;
    atomic_fetch_add(&hanging, 1);
    (void)pthread_mutex_lock(&stalled);
    (void)pthread_mutex_unlock(&stalled);
    atomic_fetch_add(&written, 1);
    return (ssize_t)size;
}

static void a_stalled_share_holds_up_no_end(void **state)
{
    (void)state;
    char path[80];
    char text[4096];
    struct log *log = NULL;
    (void)snprintf(path, sizeof path, "%s/log", folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_good(log_new(fd, LOG_JSON, &log));
    const struct checkpoint_sink_options options = {.file = file, .log = log, .write = stall};
    (void)pthread_mutex_lock(&stalled);
    struct checkpoint_sink *sink = open_sink(&options);
    const uint64_t began_ns = clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) { /* far more than are kept */
        checkpoint_sink_tell(sink, SLICE("{}"));
    }
    while (atomic_load(&hanging) == 0) {
        (void)usleep(1000);
    }
    checkpoint_sink_free(sink, 200);
    assert_true(clock_monotonic_ns() - began_ns < (uint64_t)10 * 1000000000);
    log_free(log); /* the thread that hangs must not touch it any more */
    read_log(fd, text, sizeof text);
    assert_non_null(strstr(text, "which does not answer; those that wait longest make room"));
    assert_non_null(strstr(text, "the server ends without what was to be written there"));
    (void)pthread_mutex_unlock(&stalled);
    while (atomic_load(&written) == 0) {
        (void)usleep(1000);
    }
    (void)usleep(50000); /* it ends, and frees what it had */
    assert_int_equal(atomic_load(&hanging), 1);
    (void)close(fd);
    (void)unlink(path);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(file, sizeof file, "%s/checkpoints", folder);
    (void)snprintf(socket_path, sizeof socket_path, "%s/syslog", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_place_there_is_none),
        cmocka_unit_test(lines_come_in_order_and_whole),
        cmocka_unit_test(the_systems_log_gets_a_datagram_each),
        cmocka_unit_test(a_log_that_nobody_reads_is_told),
        cmocka_unit_test(a_stalled_share_holds_up_no_end),
    };
    return cmocka_run_group_tests_name("run/checkpoint_sink", tests, make_folder, remove_folder);
}
