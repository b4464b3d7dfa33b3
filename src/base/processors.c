/* Processors for this process; see processors.h. */
#include "base/processors.h"

#include "base/cgroup.h"

#include <sched.h>
#include <unistd.h>

/* A set of the usual size has 1,024; where there are more, all that are online count. */
static uint32_t count_allowed(void)
{
    cpu_set_t set;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const long count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : online;
    return count < 1 ? 1 : (uint32_t)count;
}

uint32_t processors_count(void)
{
    const uint32_t allowed = count_allowed();
    const uint64_t milli = cgroup_processors_milli("");
    const uint64_t paid = milli / 1000 + (milli % 1000 > 0 || milli == 0);
    return paid < allowed ? (uint32_t)paid : allowed;
}
