#include "base/kafka/fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static atomic_int certificate_fault; /* X509_V_ERR, 0: none */

void rs_kafka_fault_certificate(int x509_error)
{
    atomic_store_explicit(&certificate_fault, x509_error, memory_order_relaxed);
}

/* NULL: librdkafka's words have to do. */
static const char *certificate_words(void)
{
    switch (atomic_load_explicit(&certificate_fault, memory_order_relaxed)) {
    case 9: return "its certificate is not valid yet; are the clocks right?";
    case 10: return "its certificate has expired";
    case 18:
    case 19:
    case 20:
    case 21: return "its certificate is signed by a CA that ssl.ca.location does not have";
    case 23: return "its certificate has been revoked";
    case 62:
    case 64: return "its certificate is for another name than the address in bootstrap.servers";
    default: return NULL;
    }
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* "ssl://host:port/2" and "host:port/bootstrap" are the broker host:port. */
void rs_kafka_fault_address(const char *name, size_t size, char *out, size_t room)
{
    const char *scheme = memmem(name, size, "://", 3);
    if (scheme) {
        size -= (size_t)(scheme + 3 - name);
        name = scheme + 3;
    }
    const char *end = memchr(name, '/', size);
    (void)snprintf(out, room, "%.*s", (int)(!end ? size : (size_t)(end - name)), name);
}

/* In an operator's words where there are some; else librdkafka's without the times of its states. */
static void put_reason(const char *text, char *out, size_t room)
{
    static const char *const words[][2] = {
        {"Connection refused", "connection refused"},
        {"No route to host", "no route to host"},
        {"Network is unreachable", "the network is unreachable"},
        {"Failed to resolve", "its name cannot be resolved"},
        {"timed out", "it does not answer"},
        {"Timed out", "it does not answer"},
        {"Connection reset", "it has closed the connection"},
        {"verify that security.protocol",
         "it has closed the connection at once; is security.protocol right?"},
        {"Disconnected", "it has closed the connection"},
        {"Connection closed", "it has closed the connection"},
    };
    const char *certificate = strstr(text, "certificate verify failed") ? certificate_words() : NULL;
    if (certificate) {
        (void)snprintf(out, room, "%s", certificate);
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(text, words[i][0])) {
            (void)snprintf(out, room, "%s", words[i][1]);
            return;
        }
    }
    const char *end = strstr(text, " (after ");
    (void)snprintf(out, room, "%.*s", (int)(!end ? strlen(text) : (size_t)(end - text)), text);
}

bool rs_kafka_fault_parse(const char *text, struct rs_kafka_fault *out)
{
    static const char coordinator[] = "GroupCoordinator: ";

    text += starts(text, coordinator) ? strlen(coordinator) : 0;
    const char *end = strstr(text, ": ");
    if (!end || memchr(text, ' ', (size_t)(end - text))) {
        return false;
    }
    rs_kafka_fault_address(text, (size_t)(end - text), out->address, sizeof out->address);
    put_reason(end + 2, out->reason, sizeof out->reason);
    return true;
}
