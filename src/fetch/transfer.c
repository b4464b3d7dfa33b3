/* Fetches by libcurl; see transfer.h. */
#include "fetch/transfer.h"

#include "auth/keys.h"

#include <stdlib.h>

enum { TIME_MS_MAX = 20000 };

static size_t take(char *bytes, size_t one, size_t count, void *arg)
{
    struct transfer *const transfer = arg;
    cordon_error *error = buffer_append(&transfer->body, slice_of(bytes, one * count));
    if (error == NULL) {
        return one * count;
    }
    transfer->is_too_large = cordon_error_get_code(error) == CORDON_E_TOO_LARGE;
    cordon_error_free(error);
    return 0; /* by which libcurl ends it */
}

/* Where certificates are, if not where the system has them. */
static void set_certificates(CURL *easy)
{
    /* There is one thread that reads it. NOLINTBEGIN(concurrency-mt-unsafe) */
    const char *const file = getenv("SSL_CERT_FILE");
    const char *const folder = getenv("SSL_CERT_DIR");
    /* NOLINTEND(concurrency-mt-unsafe) */
    if (file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    }
    if (folder != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, folder);
    }
}

/* What an option that is not taken would leave open, none may leave. */
static bool set_rules(CURL *easy, const char *url)
{
    const char *const protocol = key_url_is_secure(url) ? "https" : "http";
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocol) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIME_MS_MAX) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)AUTH_KEYS_BYTES_MAX) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "cordon") == CURLE_OK;
}

bool transfer_begin(struct transfer *transfer, CURLM *multi, const char *url, void *arg)
{
    CURL *const easy = curl_easy_init();
    if (easy == NULL) {
        return false;
    }
    transfer->is_too_large = false;
    transfer->error[0] = '\0';
    buffer_init(&transfer->body, AUTH_KEYS_BYTES_MAX);
    set_certificates(easy);
    if (!set_rules(easy, url) || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_PRIVATE, arg) != CURLE_OK ||
        curl_multi_add_handle(multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        return false;
    }
    transfer->easy = easy;
    return true;
}

static const char *advice_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return "its certificate must be valid for that host and signed by who this machine trusts: "
               "package ca-certificates, or the file that SSL_CERT_FILE names";
    case CURLE_COULDNT_RESOLVE_HOST:
        return "see whether this machine can look that name up (/etc/resolv.conf, /etc/hosts)";
    default:
        return "see whether this machine reaches it, with `curl -v`";
    }
}

static cordon_error *judge_status(long status)
{
    if (status >= 300 && status < 400) {
        return cordon_error_new(
            CORDON_E_SYSTEM,
            "it redirects (status %ld), which is not followed; name the URL that it leads to",
            status);
    }
    return status == 200 ? NULL
                         : cordon_error_new(
                               CORDON_E_SYSTEM,
                               "it answers with status %ld; see whether the URL is that of the "
                               "provider's `jwks_uri`",
                               status);
}

cordon_error *transfer_judge(const struct transfer *transfer, CURLcode code)
{
    long status = 0;
    if (transfer->is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return cordon_error_new(
            CORDON_E_TOO_LARGE,
            "it answers with more than %zu bytes, and so with no key set; see whether the URL is "
            "that of the provider's `jwks_uri`",
            AUTH_KEYS_BYTES_MAX);
    }
    if (code != CURLE_OK) {
        return cordon_error_new(
            CORDON_E_SYSTEM, "%s; %s",
            transfer->error[0] == '\0' ? curl_easy_strerror(code) : transfer->error,
            advice_of(code));
    }
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return judge_status(status);
}

void transfer_end(struct transfer *transfer, CURLM *multi)
{
    if (transfer->easy != NULL) {
        (void)curl_multi_remove_handle(multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
        transfer->easy = NULL;
        buffer_done(&transfer->body);
    }
}
