/* Everything libcordon promises. */
#ifndef CORDON_CORDON_H
#define CORDON_CORDON_H

#include <cordon/audit.h>
#include <cordon/backup.h>
#include <cordon/config.h>
#include <cordon/data.h>
#include <cordon/env.h>
#include <cordon/error.h>
#include <cordon/host.h>
#include <cordon/json.h>
#include <cordon/limits.h>
#include <cordon/outcome.h>
#include <cordon/record.h>
#include <cordon/runtime.h>
#include <cordon/selftest.h>
#include <cordon/server.h>
#include <cordon/store.h>
#include <cordon/tenant.h>

#endif
