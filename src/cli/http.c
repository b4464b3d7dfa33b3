/*
 * HTTP by libcurl. Only http and https, no redirects (an admin key is sent, and goes nowhere but
 * to the server that was named), no proxy for addresses of this machine, an answer of bounded size.
 */
#include "cli/http.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/flags.h"
#include "cli/libcurl.h"
#include "cli/terminal.h"

enum { CONNECT_TIMEOUT_MS = 5000, ANSWER_BYTES_MAX = 64 << 20, STATUS_OK = 200 };

struct exchange {
    const struct libcurl *lib; /* NULL if there is none */
    CURL *curl;
    struct curl_slist *headers;
    const struct http_request *request;
    struct text *answer;
    bool too_large;
    long shown_s; /* seconds for which progress was last shown */
};

static void exchange_done(struct exchange *exchange)
{
    if (exchange->lib != NULL) {
        exchange->lib->slist_free_all(exchange->headers);
        exchange->lib->easy_cleanup(exchange->curl);
    }
}

const char *http_admin_key(const struct cli_options *options)
{
    const char *const key =
        options->admin_key != NULL ? options->admin_key : getenv("CORDON_ADMIN_KEY");
    return key == NULL || key[0] == '\0' ? NULL : key;
}

const char *http_url(const struct cli_options *options, struct text *url)
{
    const char *const base = options->url == NULL ? CLI_DEFAULT_URL : options->url;
    size_t size = strlen(base);
    while (size > 0 && base[size - 1] == '/') {
        size--;
    }
    text_append(url, base, size);
    return url->data;
}

void http_append_segment(struct text *path, const char *segment, size_t size)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < size; i++) {
        if (memchr(plain, segment[i], sizeof plain - 1) != NULL) {
            text_append(path, &segment[i], 1);
        } else {
            text_printf(path, "%%%02X", (unsigned char)segment[i]);
        }
    }
}

static size_t take_answer(char *bytes, size_t one, size_t size, void *arg)
{
    struct exchange *const exchange = arg;
    (void)one;
    exchange->too_large = size > ANSWER_BYTES_MAX - exchange->answer->size;
    if (exchange->too_large) {
        return 0;
    }
    text_append(exchange->answer, bytes, size);
    return size;
}

/* One line that is written over once a second; only for a person who watches. */
static int show_progress(
    void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct exchange *const exchange = arg;
    (void)down_total;
    (void)down;
    curl_off_t total_us = 0;
    (void)exchange->lib->easy_getinfo(exchange->curl, CURLINFO_TOTAL_TIME_T, &total_us);
    const long seconds = (long)(total_us / 1000000);
    if (seconds == exchange->shown_s) {
        return 0;
    }
    exchange->shown_s = seconds;
    if (up < up_total) {
        (void)fprintf(
            stderr, "\rsending, %lld of %lld KiB ", (long long)up / 1024,
            (long long)up_total / 1024);
    } else {
        (void)fprintf(stderr, "\r%s, %ld s ", exchange->request->working, seconds);
    }
    return 0;
}

static bool add_header(struct exchange *exchange, const char *name, const char *value)
{
    TEXT_CLEANUP line = {0};
    text_printf(&line, "%s: %s", name, value);
    struct curl_slist *const longer = exchange->lib->slist_append(exchange->headers, line.data);
    if (longer != NULL) {
        exchange->headers = longer;
    }
    return longer != NULL;
}

/* Never through a proxy to this machine, whatever else the environment excludes. */
static void set_proxy(const struct exchange *exchange)
{
    const char *named = getenv("no_proxy");
    if (named == NULL) {
        named = getenv("NO_PROXY");
    }
    TEXT_CLEANUP excluded = {0};
    text_printf(&excluded, "%s,localhost,127.0.0.1,::1", named == NULL ? "" : named);
    (void)exchange->lib->easy_setopt(exchange->curl, CURLOPT_NOPROXY, excluded.data);
}

static bool add_body(struct exchange *exchange)
{
    const struct http_request *const request = exchange->request;
    const struct libcurl *const lib = exchange->lib;
    const char *const bytes = request->body->size == 0 ? "" : request->body->data;
    (void)lib->easy_setopt(exchange->curl, CURLOPT_POSTFIELDS, bytes);
    (void)lib->easy_setopt(
        exchange->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body->size);
    return add_header(exchange, "Content-Type", request->content_type) &&
           add_header(exchange, "Expect", "");
}

static bool prepare(struct exchange *exchange, const char *url)
{
    const struct http_request *const request = exchange->request;
    const char *const key = http_admin_key(request->options);
    const struct libcurl *const lib = exchange->lib;
    CURL *const curl = exchange->curl;
    if (curl == NULL || (request->body != NULL && !add_body(exchange))) {
        return false;
    }
    if (key != NULL) {
        TEXT_CLEANUP value = {0};
        text_printf(&value, "Convex %s", key);
        if (!add_header(exchange, "Authorization", value.data)) {
            return false;
        }
    }
    set_proxy(exchange);
    if (request->socket != NULL) {
        (void)lib->easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->socket);
    }
    (void)lib->easy_setopt(curl, CURLOPT_URL, url);
    (void)lib->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)lib->easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
    (void)lib->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)lib->easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
    (void)lib->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)lib->easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    (void)lib->easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    if (request->working != NULL && isatty(STDERR_FILENO)) {
        (void)lib->easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        (void)lib->easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
        (void)lib->easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    }
    return true;
}

/* Begins like http://host or https://host. What else is wrong with it libcurl says. */
static bool is_server(const char *url)
{
    static const char *const starts[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        const size_t size = strlen(starts[i]);
        if (strncmp(url, starts[i], size) == 0 && url[size] != '\0' && url[size] != '/') {
            return true;
        }
    }
    return false;
}

static int say_no_server(const struct http_request *request, const char *url)
{
    return terminal_usage(
        request->options->command, "'%s' is no URL of a server; one looks like " CLI_DEFAULT_URL,
        url);
}

static int say_no_answer(const struct exchange *exchange, const char *url, CURLcode code)
{
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        return terminal_usage(
            exchange->request->options->command,
            "'%s' is no URL of a server; one looks like " CLI_DEFAULT_URL, url);
    }
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
        (code == CURLE_OPERATION_TIMEDOUT && exchange->answer->size == 0)) {
        return terminal_fail(
            CLI_MACHINE,
            "no server answers at %s (%s)\n"
            "Start one with `cordon serve`, or name another one with --url.",
            url, exchange->lib->easy_strerror(code));
    }
    if (code == CURLE_SSL_CONNECT_ERROR) {
        return terminal_fail(
            CLI_MACHINE,
            "what answers at %s does not speak TLS\n"
            "A Cordon server itself speaks plain HTTP: name it by http:// with --url.",
            url);
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        return terminal_fail(
            CLI_MACHINE,
            "the certificate of %s is not one that is trusted here (%s)\n"
            "Name the server by the name in its certificate, or have the certificate trusted.",
            url, exchange->lib->easy_strerror(code));
    }
    if (exchange->too_large) {
        return terminal_fail(
            CLI_MACHINE, "the answer of %s is larger than %d bytes; is that a Cordon server?", url,
            ANSWER_BYTES_MAX);
    }
    return terminal_fail(
        CLI_MACHINE,
        "%s did not answer to the end: %s\n"
        "Is that a Cordon server, and does it still run? Its log may say more.",
        url, exchange->lib->easy_strerror(code));
}

/* The exit code for the name of an error code of ours; others go by the status. */
static int exit_code_of(cordon_text name, long status)
{
    for (int code = 0; code < CORDON_ERROR_CODE_COUNT; code++) {
        const char *const known = cordon_error_code_name((cordon_error_code)code);
        if (strlen(known) == name.size && memcmp(known, name.data, name.size) == 0) {
            return terminal_exit_code((cordon_error_code)code);
        }
    }
    return status >= 400 && status < 500 ? CLI_USAGE : CLI_MACHINE;
}

static const char *hint_for(long status)
{
    if (status >= 300 && status < 400) {
        return "It redirects, which is not followed: name the server itself with --url.";
    }
    if (status >= 500) {
        return "Is that a Cordon server? What stands before it, if anything, may not reach it.";
    }
    return "Is that a Cordon server? Name another one with --url.";
}

/*
 * An answer that is no 200 is an object with code and message, if it is from a server of ours, and
 * its message says what to do. What another server may have meant is told here.
 */
static int refusal(const struct exchange *exchange, const char *url, long status)
{
    cordon_json *json = NULL;
    cordon_error_free(cordon_json_parse(
        exchange->answer->size == 0 ? "" : exchange->answer->data, exchange->answer->size, &json));
    const cordon_json_value *const root = json == NULL ? NULL : cordon_json_get_root(json);
    const cordon_text code = cordon_json_get_text(cordon_json_get_member(root, "code"));
    const cordon_text message = cordon_json_get_text(cordon_json_get_member(root, "message"));
    const int exit_code = exit_code_of(code, status);

    if (exchange->request->quiet) {
        cordon_json_free(json);
        return exit_code;
    }
    if (code.size == 0) {
        (void)terminal_fail(
            0, "%s answered with HTTP status %ld\n%s", url, status, hint_for(status));
    } else {
        terminal_complain(code, message);
    }
    cordon_json_free(json);
    return exit_code;
}

static bool is_sendable(const char *key)
{
    for (; key != NULL && *key != '\0'; key++) {
        if (*key <= ' ' || *key >= 0x7f) {
            return false;
        }
    }
    return true;
}

static int perform(const struct http_request *request, struct text *out_answer)
{
    if (!is_sendable(http_admin_key(request->options))) {
        return terminal_usage(
            request->options->command, "the admin key holds characters that no admin key has");
    }
    TEXT_CLEANUP url = {0};
    (void)http_url(request->options, &url);
    if (!is_server(url.data)) {
        return say_no_server(request, url.data);
    }
    const size_t base_size = url.size;
    text_append(&url, request->path, strlen(request->path));

    const struct libcurl *const lib = libcurl_load();
    CLI_CLEANUP(exchange_done)
    struct exchange exchange = {
        .lib = lib,
        .curl = lib == NULL ? NULL : lib->easy_init(),
        .request = request,
        .answer = out_answer,
    };
    if (lib == NULL || !prepare(&exchange, url.data)) {
        return terminal_fail(
            CLI_MACHINE, "libcurl cannot be loaded or has no memory; on Debian `apt install "
                         "libcurl4` brings it");
    }
    const CURLcode code = lib->easy_perform(exchange.curl);
    if (exchange.shown_s > 0) {
        (void)fputs("\r\033[K", stderr); /* a terminal, or nothing would have been shown */
    }
    url.data[base_size] = '\0';
    if (code != CURLE_OK) {
        return request->quiet ? CLI_MACHINE : say_no_answer(&exchange, url.data, code);
    }
    long status = 0;
    (void)lib->easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &status);
    return status == STATUS_OK ? CLI_OK : refusal(&exchange, url.data, status);
}

int http_post(const struct http_request *request, struct text *out_answer)
{
    return perform(request, out_answer);
}

int http_get(const struct http_request *request, struct text *out_answer)
{
    return perform(request, out_answer);
}
