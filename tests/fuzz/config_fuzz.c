/* Configurations: streams that are complete, or complaints; never a crash, never neither. Incomplete ones are
 * there all the same, for the aggregates' faults. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(const char *text)
{
    struct rs_config *config = NULL;
    struct rs_streams *streams = NULL;
    struct rs_error error = {0};
    if (rs_config_load_text("fuzz", text, &config, &error) != 0) {
        return;
    }
    size_t before = rs_config_complaints(config); /* what is wrong with the text itself */
    int code = rs_streams_load(config, &streams, &error);
    struct rs_buf report = {0};
    rs_config_report(config, &report);
    bool complained = rs_config_complaints(config) > before || !rs_config_root(config);
    if ((code == 0 && (!streams || complained)) || (code != 0 && error.text[0] == '\0')) {
        abort();
    }
    for (size_t i = 0; code == 0 && i < streams->count; i++) {
        const struct rs_stream *stream = &streams->items[i];
        if (!stream->schema || !stream->time_path || !stream->time_type.schema || !stream->topic) {
            abort();
        }
    }
    rs_buf_fini(&report);
    rs_streams_free(&streams);
    rs_config_free(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text) {
        if (size > 0) {
            memcpy(text, data, size);
        }
        text[size] = '\0';
        load(text);
    }
    free(text);
    return 0;
}
