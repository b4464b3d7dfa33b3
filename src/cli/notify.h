/*
 * Telling a service manager how the server is, by the datagrams of sd_notify(3): a few lines to the
 * Unix socket that $NOTIFY_SOCKET names. Where nothing is named nothing is told.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

/* Connects to the manager's socket; -1 if there is none, or none that can be reached. */
int notify_open(void);

/*
 * Sends a state, such as "READY=1". Does nothing for -1. A manager that is behind is waited for,
 * five seconds at most. Any thread.
 */
void notify_tell(int fd, const char *state);

/* The same without waiting, also for a signal handler. */
void notify_tell_at_once(int fd, const char *state);

/* Says that settings are read again, and when that began; "READY=1" ends it. Any thread. */
void notify_tell_reloading(int fd);

#endif
