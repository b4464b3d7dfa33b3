/* What tenants and the hosts that they answer to may be called. Pure. */
#ifndef RUN_TENANT_NAME_H
#define RUN_TENANT_NAME_H

#include "base/slice.h"

/* As a label of a host name (RFC 1123, section 2.1), in small letters, of which it has one. */
#define TENANT_NAME_BYTES_MAX 63

/* Of host names (RFC 1035, section 2.3.4), and how many a tenant may have. */
#define TENANT_HOST_BYTES_MAX 253
#define TENANT_HOSTS_MAX 16

/* What a tenant's name may be. */
bool tenant_name_is_good(struct slice name);

/*
 * Why this can't be a host name, in small letters, by the rule that it breaks: words that can stand
 * behind a colon, static. NULL: it can be one. A tenant may not have this machine's own names.
 */
const char *tenant_host_wrong(struct slice host);
bool tenant_host_is_of_machine(struct slice host);

#endif
