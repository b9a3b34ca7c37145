/* kafka client: what all do alike who have a client of librdkafka: making it, queues that wake a thread, and the
 * end of a producer.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_KAFKA_CLIENT_H
#define RS_BASE_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "base/error.h"

/* Takes *conf, also where it fails, and leaves NULL. `whose` is in front of what librdkafka has against it.
 * Errors: RS_ECONFIG. */
RS_MUST_USE int rs_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t **conf, const char *whose,
                                    rd_kafka_t **out, struct rs_error *error);

/* Where a client with `log.queue` puts its lines; NULL: the main queue.
 * Errors: RS_EBROKER. */
RS_MUST_USE int rs_kafka_client_log_to(rd_kafka_t *client, rd_kafka_queue_t *queue, struct rs_error *error);

/* Has something that comes into the empty queue wake the descriptor, which is rs_wake_open's. */
void rs_kafka_queue_wakes(rd_kafka_queue_t *queue, int wake_fd);
/* Ends that too: the queue may live on in librdkafka, and the descriptor's number may soon be another's. NULL:
 * nothing to do; leaves NULL. */
void rs_kafka_queue_free(rd_kafka_queue_t **queue);

/* Fails what a producer has not delivered, in flight or not, and serves the delivery reports, for
 * RS_KAFKA_GIVE_UP_MS at most. Whether what was in flight has arrived nobody knows. */
#define RS_KAFKA_GIVE_UP_MS 10000
void rs_kafka_producer_give_up(rd_kafka_t *producer);

#endif
