/* Blocking SIGPIPE; see pipe_signal.h. */
#include "base/pipe_signal.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

static sigset_t pipe_only(void)
{
    sigset_t only;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, SIGPIPE);
    return only;
}

bool pipe_signal_block(sigset_t *out_before)
{
    const sigset_t only = pipe_only();
    return pthread_sigmask(SIG_BLOCK, &only, out_before) == 0;
}

void pipe_signal_unblock(const sigset_t *before, bool may_have_come)
{
    if (may_have_come && sigismember(before, SIGPIPE) == 0) {
        const sigset_t only = pipe_only();
        const struct timespec now = {0};
        (void)sigtimedwait(&only, NULL, &now);
    }
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}
