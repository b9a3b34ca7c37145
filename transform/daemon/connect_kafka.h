/* connect kafka: what --check --connect and --create-topics ask of Kafka: whether it is there and lets the daemon do
 * what it has to, and topics that are made before it runs.
 * Every question has a deadline; where one broker answers nothing within it, no further one is put to the cluster. No
 * group is joined, nothing is committed or produced; without `make` nothing is changed at all.
 * Thread: the caller's, which waits. */
#ifndef RS_TRANSFORM_DAEMON_CONNECT_KAFKA_H
#define RS_TRANSFORM_DAEMON_CONNECT_KAFKA_H

#include "base/report.h"
#include "ingest/kafka/source.h"
#include "transform/daemon/rollstatd.h"

struct rs_connect {
    struct rs_settings *settings; /* gets the inputs that patterns take now */
    /* ERROR: it would not work; WARNING: something will be amiss, or cannot be told; INFO: what is well. */
    struct rs_report report;
    bool make;                /* topics that are missing; else the broker is asked whether it would */
    int32_t input_partitions; /* of input topics that are made; 0: they are not */
    char cluster[RS_KAFKA_CLUSTER_MAX]; /* filled in; empty: it is not told */
};

void rs_connect_kafka(struct rs_connect *connect);

#endif
