/* redis_config: the `redis:` section and Redis URLs.
 * The password comes from the URL, from `password: !file PATH` or from `${NAME}`; it appears in no text made
 * here.
 * Thread: plain values, any. */
#ifndef RS_SINK_REDIS_CONFIG_H
#define RS_SINK_REDIS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config/config.h"
#include "base/error.h"

#define RS_REDIS_HOST_MAX      256
#define RS_REDIS_PATH_MAX      108 /* sun_path of sockaddr_un */
#define RS_REDIS_SECRET_MAX    512
#define RS_REDIS_FILE_MAX      1024
#define RS_REDIS_PREFIX_MAX    64
#define RS_REDIS_TEXT_MAX      320
#define RS_REDIS_SENTINELS_MAX 8

/* Who is asked where the master is. */
struct rs_redis_sentinels {
    uint32_t count; /* 0: Redis is where its address says */
    struct rs_redis_sentinel {
        char host[RS_REDIS_HOST_MAX];
        int port;
    } items[RS_REDIS_SENTINELS_MAX];
    char service[RS_REDIS_HOST_MAX];    /* the master's name there */
    char username[RS_REDIS_SECRET_MAX]; /* of sentinels that want one */
    char password[RS_REDIS_SECRET_MAX];
};

/* Where Redis is and who we are there. */
struct rs_redis_address {
    char host[RS_REDIS_HOST_MAX]; /* empty: Unix socket `path`, or asked of sentinels */
    int port;
    char path[RS_REDIS_PATH_MAX];
    int database;
    char username[RS_REDIS_SECRET_MAX]; /* empty: the default user */
    char password[RS_REDIS_SECRET_MAX]; /* empty: no AUTH */
    bool tls;
    char ca[RS_REDIS_FILE_MAX];                                  /* PEM; empty: those of the system */
    char certificate[RS_REDIS_FILE_MAX], key[RS_REDIS_FILE_MAX]; /* PEM; empty: none is shown */
    char server_name[RS_REDIS_HOST_MAX];                         /* in the certificate; empty: the host */
    struct rs_redis_sentinels sentinels;
};

struct rs_redis_config {
    struct rs_redis_address address;
    char prefix[RS_REDIS_PREFIX_MAX];
    int64_t publish_every_us;
    int64_t connect_timeout_us;
    int64_t timeout_us; /* of a command */
    uint32_t connections;
};

/* redis://localhost:6379/0, prefix rs, 100ms, one connection. */
void rs_redis_config_default(struct rs_redis_config *out);

/* Reads `redis` from the document's root; complaints go to `config`. RS_ECONFIG when there were any. */
RS_MUST_USE int rs_redis_config_load(struct rs_config *config, struct rs_redis_config *out,
                                     struct rs_error *error);

/* redis://[user[:password]@]host[:port][/database], rediss:// with TLS, or unix:///path[?db=N]; or the master that
 * sentinels know: sentinel://[user[:password]@]host[:port][,host[:port]…]/service[/database], sentinels:// with TLS to
 * them and to it. User and password are Redis', percent-encoded.
 * RS_ECONFIG: not such a URL, or a scheme that this version does not have. The text never holds the URL. */
RS_MUST_USE int rs_redis_url_parse(const char *url, struct rs_redis_address *out, struct rs_error *error);

/* For people: the URL without user and password. */
void rs_redis_address_text(const struct rs_redis_address *address, char out[RS_REDIS_TEXT_MAX]);

/* Complaint about a key prefix, or NULL. */
const char *rs_redis_prefix_fault(const char *prefix);

#endif
