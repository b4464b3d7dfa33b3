/* The process, from /proc/self; see process_metrics.h. */
#include "observe/process_metrics.h"

#include "base/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* Fields of /proc/self/stat behind the name of the program, from 0; proc(5) counts from 3. */
enum { STAT_THREADS = 17, STAT_VIRTUAL = 20, STAT_RESIDENT = 21, STAT_FIELDS };

cordon_error *process_metrics_init(struct process_metrics *process, struct metrics *metrics)
{
    const struct {
        const char *name;
        const char *help;
        struct gauge **gauge;
    } gauges[] = {
        {"process_resident_memory_bytes", "Memory of the process that is in RAM.",
         &process->resident_bytes},
        {"process_virtual_memory_bytes", "Address space of the process, most of it reserved.",
         &process->virtual_bytes},
        {"process_open_fds", "Open files and sockets of the process.", &process->open_fds},
        {"process_max_fds", "Files and sockets that it may open.", &process->max_fds},
        {"process_threads", "Threads of the process.", &process->threads},
        {"process_start_time_seconds", "When the server was started, in seconds since 1970.",
         &process->start_time_s},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        TRY(metrics_gauge(metrics, gauges[i].name, NULL, gauges[i].help, gauges[i].gauge));
    }
    gauge_set(process->start_time_s, (int64_t)(clock_wall_ns() / 1000000000));
    return metrics_counter_seconds(
        metrics, "process_cpu_seconds_total", NULL,
        "Processor time of the process, of compile workers without.", &process->cpu_ns);
}

/* False where /proc does not tell. A program's name may have anything in it but has an end. */
static bool read_stat(unsigned long long out_fields[STAT_FIELDS])
{
    char text[1024] = "";
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL) {
        return false;
    }
    const size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    const char *at = strrchr(text, ')');
    if (at == NULL || size < 4 || at[1] != ' ' || at[2] == '\0') {
        return false;
    }
    at += 3; /* the state is a letter, and field 0 */
    for (int i = 1; i < STAT_FIELDS; i++) {
        char *end = NULL;
        out_fields[i] = strtoull(at, &end, 10);
        if (end == at) {
            return false;
        }
        at = end;
    }
    return true;
}

/* Without the one that looks; -1: not known. */
static int64_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return -1;
    }
    int64_t count = -3; /* `.`, `..` and this folder */
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static uint64_t ns_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

static void refresh_cpu(struct process_metrics *process)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        const uint64_t now_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime);
        const uint64_t before_ns = counter_get(process->cpu_ns);
        counter_add(process->cpu_ns, now_ns > before_ns ? now_ns - before_ns : 0);
    }
}

void process_metrics_refresh(struct process_metrics *process)
{
    unsigned long long fields[STAT_FIELDS] = {0};
    struct rlimit limit;
    const int64_t fds = count_fds();
    refresh_cpu(process);
    if (fds >= 0) {
        gauge_set(process->open_fds, fds);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        gauge_set(
            process->max_fds, limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur);
    }
    if (read_stat(fields)) {
        gauge_set(process->threads, (int64_t)fields[STAT_THREADS]);
        gauge_set(process->virtual_bytes, (int64_t)fields[STAT_VIRTUAL]);
        gauge_set(process->resident_bytes, (int64_t)fields[STAT_RESIDENT] * sysconf(_SC_PAGESIZE));
    }
}
