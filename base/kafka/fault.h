/* kafka fault: what librdkafka says when a connection fails, in an operator's words.
 * Thread: any; of certificates the newest verdict is kept. */
#ifndef RS_BASE_KAFKA_FAULT_H
#define RS_BASE_KAFKA_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#define RS_KAFKA_ADDRESS_MAX 128
#define RS_KAFKA_REASON_MAX  192

struct rs_kafka_fault {
    char address[RS_KAFKA_ADDRESS_MAX]; /* HOST:PORT */
    char reason[RS_KAFKA_REASON_MAX];
};

/* Of the text of an error: "ssl://host:port/2: Connect to … failed: Connection refused (after …)". false: it
 * is about no broker. */
bool rs_kafka_fault_parse(const char *text, struct rs_kafka_fault *out);
/* What OpenSSL has against a broker's certificate (its X509_V_ERR numbers; 0: nothing). librdkafka says no more than that it
 * could not be verified, so that whoever reads of it next is told this. */
void rs_kafka_fault_certificate(int x509_error);

/* Of a broker's name, "ssl://host:port/2" or "host:port/bootstrap". */
void rs_kafka_fault_address(const char *name, size_t size, char *out, size_t room);

#endif
