/*
 * Notes of one's own, for users who have signed in: the same functions as in ../notes_rust.
 */
#include "cordon.h"

/* clang-format off */
#define TEXT CORDON_OBJECT(CORDON_FIELD("text", CORDON_STRING))

CORDON_SCHEMA(
    CORDON_TABLE("notes",
        CORDON_OBJECT(CORDON_FIELD("owner", CORDON_STRING), CORDON_FIELD("text", CORDON_STRING)),
        CORDON_INDEX("by_owner", "owner")))

CORDON_FUNCTIONS(
    CORDON_QUERY("notes:me", tell_who,
        CORDON_NO_ARGS,
        CORDON_ANY),
    CORDON_MUTATION("notes:add", add_note,
        TEXT,
        CORDON_ID("notes")),
    CORDON_QUERY("notes:mine", list_mine,
        CORDON_NO_ARGS,
        CORDON_ARRAY(CORDON_STRING)),
    CORDON_ACTION("notes:add_and_count", add_and_count,
        TEXT,
        CORDON_NUMBER))
/* clang-format on */

/* Who calls, or an error that clients can tell from others. */
static const char *signed_in(void)
{
    const cordon_value *const identity = cordon_identity();
    if (identity == NULL) {
        cordon_fail_data(cordon_string("not signed in"));
    }
    return cordon_to_string(cordon_get(identity, "tokenIdentifier"));
}

/* What the token says of who calls: all claims, or null. */
cordon_value *tell_who(void)
{
    cordon_value *const identity = cordon_identity();
    return identity == NULL ? cordon_null() : identity;
}

cordon_value *add_note(void)
{
    cordon_value *const note = cordon_set(cordon_object(), "owner", cordon_string(signed_in()));
    cordon_set(note, "text", cordon_get(cordon_args(), "text"));
    return cordon_string(cordon_db_insert("notes", note));
}

/* One's own, oldest first; nobody sees another's. */
cordon_value *list_mine(void)
{
    cordon_query *const query = cordon_query_index("notes", "by_owner");
    cordon_query_eq(query, "owner", cordon_string(signed_in()));
    const cordon_value *const notes = cordon_query_collect(query);
    cordon_value *const texts = cordon_array();
    for (size_t i = 0; i < cordon_count(notes); i++) {
        cordon_push(texts, cordon_get(cordon_at(notes, i), "text"));
    }
    return texts;
}

/* The functions that an action calls are told the same as it is. */
cordon_value *add_and_count(void)
{
    cordon_action_run_mutation("notes:add", cordon_args(), NULL);
    const cordon_value *const notes = cordon_action_run_query("notes:mine", NULL, NULL);
    return cordon_number((double)cordon_count(notes));
}
