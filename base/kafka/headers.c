#include "base/kafka/headers.h"

#include <librdkafka/rdkafka.h>

bool rs_kafka_header(const struct rs_record *record, const char *name, struct rs_slice *out)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;

    *out = (struct rs_slice){0};
    rd_kafka_resp_err_t err = rd_kafka_message_headers(record->origin, &headers);
    if (err == RD_KAFKA_RESP_ERR__NOENT) {
        return true;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    if (rd_kafka_header_get_last(headers, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR && value) {
        *out = rs_slice_of(value, size);
    }
    return true;
}
