/* Who has done what a record speaks of; see actor.h. */
#include "audit/actor.h"

#include "value/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct audit_actor audit_actor_user(uint32_t uid, const char *rights)
{
    struct audit_actor actor = {.by = ""};
    (void)snprintf(actor.by, sizeof actor.by, "uid %" PRIu32 " %s", uid, rights);
    return actor;
}

struct audit_actor audit_actor_local(void)
{
    return audit_actor_user((uint32_t)geteuid(), "with the data folder");
}

static cordon_error *write_member(struct buffer *out, const char *name, const char *text)
{
    if (text[0] == '\0') {
        return NULL;
    }
    TRY(json_write_key(out, slice_str(name)));
    return json_write_string(out, slice_str(text));
}

cordon_error *audit_actor_write(struct buffer *out, const struct audit_actor *actor)
{
    if (actor == NULL) {
        return NULL;
    }
    TRY(write_member(out, "by", actor->by));
    TRY(write_member(out, "by_key", actor->key));
    return write_member(out, "request_id", actor->request_id);
}

/* A text that may be missing. */
static bool read_member(
    const struct json_node *object, const char *name, char *out_text, size_t size)
{
    const struct json_node *node = json_get(object, slice_str(name));
    const struct slice text = json_string(node);
    if (node != NULL && (json_kind(node) != JSON_STRING || text.size >= size)) {
        return false;
    }
    (void)snprintf(out_text, size, "%.*s", SLICE_FMT(text));
    return true;
}

bool audit_actor_read(const struct json_node *object, struct audit_actor *out_actor)
{
    struct audit_actor actor = {.by = ""};
    const bool good = read_member(object, "by", actor.by, sizeof actor.by) &&
                      read_member(object, "by_key", actor.key, sizeof actor.key) &&
                      read_member(object, "request_id", actor.request_id, sizeof actor.request_id);
    if (good) {
        *out_actor = actor;
    }
    return good;
}

cordon_error *audit_actor_end(struct buffer *out, const struct audit_actor *actor)
{
    TRY(audit_actor_write(out, actor));
    return buffer_append_byte(out, '}');
}
