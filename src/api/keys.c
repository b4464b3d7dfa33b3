/* Keys of a data folder, over http/key_file.h. */
#include "api/api.h"

#include <cordon/server.h>

#include "base/memory.h"
#include "http/key_file.h"
#include "value/json.h"

static cordon_error *check_folder(const char *data_folder)
{
    return data_folder == NULL || data_folder[0] == '\0'
               ? cordon_error_new(CORDON_E_INVALID, "a key belongs to a data folder")
               : NULL;
}

cordon_error *cordon_keygen_admin(const char *data_folder, char **out_key)
{
    return cordon_keygen_tenant(data_folder, "default", out_key);
}

cordon_error *cordon_keygen_tenant(const char *data_folder, const char *tenant, char **out_key)
{
    TRY(api_need(out_key, "out_key"));
    TRY(check_folder(data_folder));
    return key_file_make(data_folder, KEY_ADMIN, tenant == NULL ? "" : tenant, out_key);
}

cordon_error *cordon_keygen_operator(const char *data_folder, char **out_key)
{
    TRY(api_need(out_key, "out_key"));
    TRY(check_folder(data_folder));
    return key_file_make(data_folder, KEY_OPERATOR, NULL, out_key);
}

/* -- Lists ---------------------------------------------------------------------------------- */

struct listing {
    struct buffer json;
    cordon_error *error;
};

static cordon_error *write_file(
    struct buffer *out, const struct key_file *file, enum key_state state)
{
    const struct key_id id = key_file_id(file);
    TRY(json_write_comma(out));
    TRY(buffer_printf(out, "{\"id\":\"%s\",\"of\":\"%s\",", id.text, key_kind_name(file->kind)));
    TRY(buffer_append(out, SLICE("\"tenant\":")));
    TRY(file->kind == KEY_OPERATOR ? buffer_append(out, SLICE("null"))
                                   : json_write_string(out, slice_str(file->tenant)));
    TRY(buffer_append(out, SLICE(",\"madeMs\":")));
    TRY(json_write_u64(out, file->made_ms));
    TRY(buffer_append(out, SLICE(",\"accepted\":")));
    TRY(json_write_bool(out, state == KEY_GOOD));
    return buffer_append_byte(out, '}');
}

static bool list_file(void *arg, const struct key_file *file, enum key_state state)
{
    struct listing *listing = arg;
    listing->error = write_file(&listing->json, file, state);
    return listing->error == NULL;
}

static cordon_error *list(const char *path, struct listing *listing)
{
    TRY(buffer_append_byte(&listing->json, '['));
    if (!key_files_each(path, list_file, listing)) {
        return listing->error != NULL
                   ? CORDON_TAKE(listing->error)
                   : cordon_error_new(
                         CORDON_E_SYSTEM, "the keys can't be read; try again as the server's user");
    }
    return buffer_append_byte(&listing->json, ']');
}

static void mem_freep(char **text)
{
    mem_free(*text);
}

cordon_error *cordon_keys(const char *data_folder, char **out_json)
{
    TRY(api_need(out_json, "out_json"));
    CORDON_CLEANUP(mem_freep) char *path = NULL;
    struct listing listing = {0};
    TRY(check_folder(data_folder));
    TRY(key_folder_path(data_folder, &path));
    buffer_init(&listing.json, (size_t)4 << 20);
    cordon_error *error = list(path, &listing);
    if (error == NULL) {
        error = api_give_text(&listing.json, out_json);
    }
    buffer_done(&listing.json);
    return error;
}

cordon_error *cordon_keys_revoke(
    const char *data_folder, const char *id, const char *tenant, size_t *out_count)
{
    TRY(api_need(out_count, "out_count"));
    TRY(check_folder(data_folder));
    if ((id == NULL) == (tenant == NULL)) {
        return cordon_error_new(
            CORDON_E_INVALID, "name the key by its id, or all of a tenant by its name");
    }
    return key_files_revoke(data_folder, id, tenant, out_count);
}
