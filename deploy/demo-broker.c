/* rollstat-demo-broker: librdkafka's mock cluster as a program, for the demo and for tests of error paths.
 * Usage: rollstat-demo-broker TOPIC:PARTITIONS...
 * Prints "bootstrap HOST:PORT" and runs until its standard input ends or it gets SIGTERM or SIGINT.
 * It keeps 5 MiB a partition, in memory: not a broker for data that matters. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static bool topic_create(rd_kafka_mock_cluster_t *cluster, char *spec)
{
    char *colon = strrchr(spec, ':');
    char *end = NULL;
    long partitions = !colon ? 0 : strtol(colon + 1, &end, 10);
    if (colon == spec || partitions < 1 || partitions > 1000 || *end != '\0') {
        fprintf(stderr, "rollstat-demo-broker: %s: write TOPIC:PARTITIONS, 1 to 1000 partitions\n", spec);
        return false;
    }
    *colon = '\0';
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(cluster, spec, (int)partitions, 1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "rollstat-demo-broker: %s: %s\n", spec, rd_kafka_err2str(code));
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void wait_for_end(int signals)
{
    char bytes[256];
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 && fds[1].revents == 0) {
        if (fds[0].revents != 0 && read(STDIN_FILENO, bytes, sizeof bytes) <= 0) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    char text[256];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!rk || signals < 0) {
        fprintf(stderr, "rollstat-demo-broker: cannot start: %s\n", !rk ? text : "signalfd");
        return 2;
    }
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, 1);
    bool ok = cluster && argc > 1;
    for (int i = 1; ok && i < argc; i++) {
        ok = topic_create(cluster, argv[i]);
    }
    if (ok) {
        printf("bootstrap %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        wait_for_end(signals);
    } else if (argc <= 1) {
        fputs("usage: rollstat-demo-broker TOPIC:PARTITIONS...\n", stderr);
    }
    if (cluster) {
        rd_kafka_mock_cluster_destroy(cluster);
    }
    rd_kafka_destroy(rk);
    close(signals);
    return ok ? 0 : 1;
}
