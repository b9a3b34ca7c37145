#include "base/kafka/client.h"

#include <stdint.h>
#include <stdio.h>

#include "base/kafka/fault.h"

#define ERRSTR_MAX 512

/* Changes no verdict of OpenSSL's, and keeps it for the text of the error that follows. A chain is looked at from the CA
 * down to the broker's own certificate, which is the one of depth 0.
 * NOLINTNEXTLINE(readability-non-const-parameter): librdkafka's type */
static int keep_verdict(rd_kafka_t *client, const char *broker, int32_t id, int *x509_error, int depth,
                        const char *certificate, size_t size, char *text, size_t room, void *opaque)
{
    (void)client, (void)broker, (void)id, (void)certificate, (void)size, (void)opaque;
    if (*x509_error != 0 || depth == 0) {
        rs_kafka_fault_certificate(*x509_error);
    }
    (void)snprintf(text, room, "X509 error %d", *x509_error);
    return *x509_error == 0;
}

int rs_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t **conf, const char *whose, rd_kafka_t **out,
                        struct rs_error *error)
{
    char text[ERRSTR_MAX] = "";
    /* Refused where librdkafka was built without TLS. */
    (void)rd_kafka_conf_set_ssl_cert_verify_cb(*conf, keep_verdict);
    rd_kafka_t *client = rd_kafka_new(type, *conf, text, sizeof text);
    int rc = 0;

    if (client) {
        *out = client;
    } else {
        rd_kafka_conf_destroy(*conf); /* librdkafka takes it only on success */
        rc = rs_fail(error, RS_ECONFIG, "%s: %s", whose, text);
    }
    *conf = NULL;
    return rc;
}

int rs_kafka_client_log_to(rd_kafka_t *client, rd_kafka_queue_t *queue, struct rs_error *error)
{
    return rd_kafka_set_log_queue(client, queue) == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : rs_fail(error, RS_EBROKER, "kafka: librdkafka gives no log queue");
}

void rs_kafka_queue_wakes(rd_kafka_queue_t *queue, int wake_fd)
{
    const uint64_t one = 1;

    rd_kafka_queue_io_event_enable(queue, wake_fd, &one, sizeof one);
}

void rs_kafka_queue_free(rd_kafka_queue_t **queue)
{
    if (*queue) {
        rd_kafka_queue_io_event_enable(*queue, -1, NULL, 0);
        rd_kafka_queue_destroy(*queue);
        *queue = NULL;
    }
}

void rs_kafka_producer_give_up(rd_kafka_t *producer)
{
    (void)rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(producer, RS_KAFKA_GIVE_UP_MS);
}
