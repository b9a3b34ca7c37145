#include "sink/redis/tls.h"

#ifndef RS_WITH_REDIS_TLS

#include "sink/redis/tls_missing.h"

int rs_redis_tls_begin(redisContext *context, const struct rs_redis_address *address, bool *late,
                       struct rs_error *error)
{
    (void)context;
    (void)address;
    *late = false;
    return rs_fail(error, RS_EREDIS, "%s", rs_redis_tls_missing());
}

#else

#include <arpa/inet.h>
#include <errno.h>

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define ANSWER_MAX 512 /* bytes of a line */

/* The innermost reason, without the library's internals around it. */
static const char *why(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text ? text : "reason unknown";
}

/* OpenSSL would ask the terminal, and the daemon would wait for it. */
static int no_passphrase(char *buffer, int size, int writing, void *ctx)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

static int load_files(SSL_CTX *tls, const struct rs_redis_address *address, struct rs_error *error)
{
    if (address->ca[0] == '\0' && SSL_CTX_set_default_verify_paths(tls) != 1) {
        return rs_fail(error, RS_EREDIS, "the system's CAs cannot be loaded: %s", why());
    }
    if (address->ca[0] != '\0' && SSL_CTX_load_verify_locations(tls, address->ca, NULL) != 1) {
        return rs_fail(error, RS_EREDIS, "`redis.ca` cannot be used: %s: %s", why(), address->ca);
    }
    if (address->certificate[0] == '\0') {
        return 0;
    }
    if (SSL_CTX_use_certificate_chain_file(tls, address->certificate) != 1) {
        return rs_fail(error, RS_EREDIS, "`redis.certificate` cannot be used: %s: %s", why(),
                       address->certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(tls, address->key, SSL_FILETYPE_PEM) != 1) {
        return rs_fail(error, RS_EREDIS,
                       "`redis.key` cannot be used: %s; it has to be without a passphrase and belong to "
                       "`redis.certificate`: %s",
                       why(), address->key);
    }
    return 0;
}

/* hiredis may write the same bytes again from another address, when more was appended meanwhile. */
static int make_context(const struct rs_redis_address *address, SSL_CTX **out, struct rs_error *error)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls) {
        return rs_fail(error, RS_ENOMEM, "out of memory for TLS");
    }
    (void)SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    (void)SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(tls, no_passphrase);
    int code = load_files(tls, address, error);
    if (code < 0) {
        SSL_CTX_free(tls);
        return code;
    }
    *out = tls;
    return 0;
}

static const char *name_of(const struct rs_redis_address *address)
{
    return address->server_name[0] != '\0' ? address->server_name : address->host;
}

/* hiredis itself compares no name (before August 2026), so the name is set on what it is given. An address has
 * no place in SNI. */
static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static int explain(SSL *ssl, const struct rs_redis_address *address, bool *late, struct rs_error *error)
{
    long verdict = SSL_get_verify_result(ssl);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        return rs_fail(error, RS_EREDIS,
                       "the server's certificate is not for %s: `redis.server_name` says which name it has",
                       name_of(address));
    }
    if (verdict != X509_V_OK) {
        return rs_fail(error, RS_EREDIS,
                       "the server's certificate is refused: %s; `redis.ca` names whom to trust",
                       X509_verify_cert_error_string(verdict));
    }
    if (ERR_peek_last_error() == 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        *late = true;
        return rs_fail(error, RS_EREDIS, "no answer to TLS in time");
    }
    const char *text = ERR_peek_last_error() == 0 ? "the server hung up; does this port speak TLS?" : why();
    return rs_fail(error, RS_EREDIS, "TLS failed: %s", text);
}

/* In TLS 1.3 a server judges the client's certificate when the client believes to be done, and hangs up: whether
 * its alert still arrives is chance. A question of no consequence finds out here, where it can be said; an answer
 * that refuses it (NOAUTH, NOPERM) is one, too. Read byte by byte, so that nothing is taken but its line. */
static int confirm(SSL *ssl, const struct rs_redis_address *address, bool *late, struct rs_error *error)
{
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    char byte = '\0';
    ERR_clear_error();
    errno = 0;
    bool alive = SSL_write(ssl, ping, sizeof ping - 1) > 0;
    for (int i = 0; alive && byte != '\n' && i < ANSWER_MAX; i++) {
        alive = SSL_read(ssl, &byte, 1) > 0;
    }
    if (alive && byte == '\n') {
        return 0;
    }
    if (ERR_peek_last_error() == 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        *late = true;
        return rs_fail(error, RS_EREDIS, "no answer in time");
    }
    return rs_fail(error, RS_EREDIS, "the server hung up behind TLS (%s): %s",
                   ERR_peek_last_error() == 0 ? "without a reason" : why(),
                   address->certificate[0] == '\0'
                       ? "does it want a certificate of the client, `redis.certificate` and `redis.key`?"
                       : "does it trust who signed `redis.certificate`?");
}

/* hiredis takes the session over when it succeeds, and not before. */
int rs_redis_tls_begin(redisContext *context, const struct rs_redis_address *address, bool *late,
                       struct rs_error *error)
{
    SSL_CTX *tls = NULL;
    *late = false;
    int code = make_context(address, &tls, error);
    if (code < 0) {
        return code;
    }
    SSL *ssl = SSL_new(tls);
    SSL_CTX_free(tls);
    if (!ssl || !expect_name(ssl, name_of(address))) {
        SSL_free(ssl);
        return rs_fail(error, RS_EREDIS, "TLS cannot be set up for %s: %s", name_of(address), why());
    }
    ERR_clear_error();
    errno = 0;
    if (redisInitiateSSL(context, ssl) != REDIS_OK) {
        code = explain(ssl, address, late, error);
        SSL_free(ssl);
        return code;
    }
    return confirm(ssl, address, late, error);
}

#endif
