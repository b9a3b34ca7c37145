/* Texts as librdkafka 2.0.2 and 2.8.0 give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/kafka/fault.h"

static void expect(const char *text, const char *address, const char *reason)
{
    struct rs_kafka_fault fault;

    assert_true(rs_kafka_fault_parse(text, &fault));
    assert_string_equal(fault.address, address);
    assert_string_equal(fault.reason, reason);
}

static void test_words_of_an_operator(void **state)
{
    (void)state;
    expect("127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in "
           "state CONNECT)",
           "127.0.0.1:9", "connection refused");
    expect("k:9/bootstrap: Disconnected: verify that security.protocol is correctly configured, broker might "
           "require SASL "
           "authentication (after 3ms in state UP)",
           "k:9", "it has closed the connection at once; is security.protocol right?");
    expect("ssl://kafka-1:9093/2: Disconnected (after 31982ms in state UP)", "kafka-1:9093",
           "it has closed the connection");
    expect("sasl_ssl://[::1]:9093/2: 3 request(s) timed out: disconnect (after 60000ms in state UP)",
           "[::1]:9093", "it does not answer");
    expect("GroupCoordinator: kafka-1:9092: Connect to ipv4#10.0.0.1:9092 failed: No route to host (after "
           "3ms in state "
           "CONNECT)",
           "kafka-1:9092", "no route to host");
    expect("nowhere:9092/bootstrap: Failed to resolve 'nowhere:9092': Name or service not known (after 2ms "
           "in state "
           "CONNECT)",
           "nowhere:9092", "its name cannot be resolved");
    expect("k:9/1: SASL authentication error: wrong password (after 5ms in state AUTH_REQ)", "k:9",
           "SASL authentication error: wrong password");
}

static void test_what_is_wrong_with_a_certificate(void **state)
{
    static const char text[] =
        "sasl_ssl://k:9/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify "
        "failed: broker certificate could not be verified, verify that ssl.ca.location is right (after 39ms "
        "in state SSL_HANDSHAKE)";

    (void)state;
    rs_kafka_fault_certificate(10);
    expect(text, "k:9", "its certificate has expired");
    rs_kafka_fault_certificate(62);
    expect(text, "k:9", "its certificate is for another name than the address in bootstrap.servers");
    expect("k:9/1: Connect to ipv4#127.0.0.1:9 failed: Connection refused", "k:9", "connection refused");
    rs_kafka_fault_certificate(0);
    expect(text, "k:9",
           "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate "
           "could not be verified, verify that ssl.ca.location is right");
}

static void test_what_is_of_no_broker(void **state)
{
    struct rs_kafka_fault fault;

    (void)state;
    assert_false(rs_kafka_fault_parse("", &fault));
    assert_false(rs_kafka_fault_parse("1/1 brokers are down", &fault));
    assert_false(rs_kafka_fault_parse("Consumer group session timed out: rejoining", &fault));
}

static void test_long_texts_are_cut(void **state)
{
    struct rs_kafka_fault fault;
    char text[4096];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + 1000, ": ", 2);
    assert_true(rs_kafka_fault_parse(text, &fault));
    assert_int_equal(strlen(fault.address), RS_KAFKA_ADDRESS_MAX - 1);
    assert_int_equal(strlen(fault.reason), RS_KAFKA_REASON_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_an_operator),
        cmocka_unit_test(test_what_is_wrong_with_a_certificate),
        cmocka_unit_test(test_what_is_of_no_broker),
        cmocka_unit_test(test_long_texts_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
