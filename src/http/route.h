/*
 * What a request asks for: method and target become a route. Pure.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/parse.h"
#include "limits/kind.h"

enum http_route_id {
    ROUTE_CALL,   /* run a function */
    ROUTE_DEPLOY, /* replace the functions: by a deploy, or `is_rollback` */
    ROUTE_RECORD, /* give a record, or the list of them */
    ROUTE_LOGS,   /* give the runs after a cursor, once there are any */
    ROUTE_DATA,   /* documents and variables for an operator: `data` */
    ROUTE_TEXT,   /* answer `text` */
    ROUTE_PREFLIGHT,
    ROUTE_HEALTH,  /* say whether the server lives, or is ready: `asks_ready` */
    ROUTE_METRICS, /* on the operator's listener alone, as the next */
    ROUTE_AUDIT,   /* give records of the audit log */
    ROUTE_REFUSED, /* answer `refusal` */
};

/*
 * What is done with documents, run/data/data.h, environment variables, run/deploy/environment.h,
 * and, on the operator's listener, tenants, run/tenant/tenant_admin.h.
 */
enum http_data {
    DATA_HOLD,
    DATA_RELEASE,
    DATA_TABLES,
    DATA_DOCUMENTS,
    DATA_IMPORT,
    DATA_CLEAR,
    DATA_ENV_LIST,
    DATA_ENV_CHANGE,
    DATA_AUDIT_PRUNE, /* on the operator's listener */
    DATA_TENANT_LIST,
    DATA_TENANT_CREATE,
    DATA_TENANT_CHANGE,
    DATA_TENANT_REMOVE,
    DATA_DEPLOYS
};

struct http_route {
    enum http_route_id id;
    struct http_refusal refusal;
    const char *allow;      /* for status 405 */
    const char *text;       /* for ROUTE_TEXT */
    int status;             /* for ROUTE_TEXT */
    bool cross_origin;      /* answers carry CORS headers: all but admin routes */
    bool needs_admin;       /* only with an admin key */
    struct slice record;    /* ROUTE_RECORD: its id; data NULL: the list */
    uint64_t after_us;      /* ROUTE_LOGS: the cursor; 0: all that is kept */
    enum http_data data;    /* ROUTE_DATA */
    bool asks_ready;        /* ROUTE_HEALTH: whether it is ready, and not only alive */
    uint64_t from;          /* ROUTE_AUDIT: the first sequence */
    uint32_t tenant_number; /* ROUTE_AUDIT: the same by number, of one that was removed; 0: not */
    struct slice tenant;    /* of the operator: whose, by name; empty: the default tenant's */
    bool is_rollback;       /* ROUTE_DEPLOY: one of the last ones is to hold again */
    /* ROUTE_CALL: */
    bool any_kind;
    cordon_kind kind;
    struct slice path;   /* of the function, from the target of /api/run/...; else in the body */
    bool in_query;       /* the call is in the query string of a GET */
    bool args_is_object; /* /api/function: `args` is the object itself */
};

/* The route of a request to the public listener, or to the operator's. */
void http_route(const struct http_request *request, bool is_operator, struct http_route *out_route);

#endif
