/* kafka fault: what librdkafka says when a connection fails, in an operator's words.
 * Thread: any; nothing is kept. */
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
/* Of a broker's name, "ssl://host:port/2" or "host:port/bootstrap". */
void rs_kafka_fault_address(const char *name, size_t size, char *out, size_t room);

#endif
