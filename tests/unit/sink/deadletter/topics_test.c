/* Topics of dead letters where nobody answers: nothing waits, nothing is called missing. What a broker
 * answers is shown with a real one, in tests/integration/kafka_letters.py: the mock cluster makes no topics.
 */
#include <librdkafka/rdkafka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sink/deadletter/topics.h"

static void count_report(void *context, enum rs_log_level level, const char *text)
{
    (void)level;
    (void)text;
    ++*(int *)context;
}

static void test_nobody_answers(void **state)
{
    static const char *const names[] = {"a.dlq", NULL, "a.dlq", "b.dlq"};
    char text[RS_DEAD_LETTER_MISSING_MAX] = "?";
    int reports = 0;
    int pipes[2];
    (void)state;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", "127.0.0.1:1", NULL, 0), RD_KAFKA_CONF_OK);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
    assert_non_null(producer);
    assert_int_equal(pipe(pipes), 0);
    const struct rs_dead_letter_topics_options options = {
        .topics = names, .streams = 4, .clock = rs_clock_system(), .report = {count_report, &reports}};
    struct rs_dead_letter_topics *topics = rs_dead_letter_topics_new(&options);
    assert_non_null(topics);
    assert_false(rs_dead_letter_topics_serve(topics)); /* nobody to ask yet */
    rs_dead_letter_topics_open(topics, producer, pipes[1]);
    for (int i = 0; i < 3; i++) {
        assert_false(rs_dead_letter_topics_serve(topics));
    }
    for (size_t i = 0; i < 4; i++) {
        if (names[i]) {
            rs_dead_letter_topics_doubt(topics, i);
            assert_false(rs_dead_letter_topics_missing(topics, i));
        }
    }
    assert_int_equal(rs_dead_letter_topics_report(topics, text), 0);
    assert_string_equal(text, "");
    assert_int_equal(reports, 0);
    rs_dead_letter_topics_close(topics); /* with requests under way */
    rs_dead_letter_topics_open(topics, producer, pipes[1]);
    assert_false(rs_dead_letter_topics_serve(topics));
    rs_dead_letter_topics_free(&topics);
    assert_null(topics);
    rs_dead_letter_topics_free(&topics);
    rd_kafka_destroy(producer);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nobody_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
