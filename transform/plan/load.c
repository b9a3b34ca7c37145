#include "transform/plan/load.h"

#include <stdio.h>

#include "base/kafka/config.h"

static int load_streams(const char *path, enum rs_load what, struct rs_loaded *out, struct rs_error *error)
{
    rs_kafka_config_check(out->document, rs_config_get(rs_config_root(out->document), "kafka"));
    int rc = rs_streams_load(out->document, &out->streams, error);
    if (what != RS_LOAD_STREAMS && out->streams) {
        int engine_rc = rs_engine_load(out->document, out->streams, &out->engine, error);
        rc = rc < 0 ? rc : engine_rc;
    }
    size_t complaints = rs_config_complaints(out->document);
    if (complaints > 0) {
        rc = rs_fail(error, RS_ECONFIG, "%s: %zu error%s", path, complaints, complaints == 1 ? "" : "s");
    }
    return rc;
}

static void report_complaints(const struct rs_config *document)
{
    struct rs_buf report = {0};
    rs_config_report(document, &report);
    (void)fwrite(report.data, 1, report.size, stderr);
    rs_buf_fini(&report);
}

int rs_loaded_open(const char *path, enum rs_load what, struct rs_loaded *out, struct rs_error *error)
{
    static const char *const used[] = {"group", "kafka", "schemas", "streams", "aggregates", NULL};
    *out = (struct rs_loaded){0};
    int rc = rs_config_load_file(path, &out->document, error);
    if (rc == 0) {
        rs_config_use_only(out->document, used);
        if (what != RS_LOAD_JUDGE) {
            rs_config_pass_by(out->document, "schemas.registry");
        }
    }
    if (rc == 0 && rs_config_root(out->document)) {
        rc = load_streams(path, what, out, error);
    } else if (rc == 0) {
        rc = rs_fail(error, RS_ECONFIG, "%s: it cannot be read", path);
    }
    if (out->document && rs_config_complaints(out->document) > 0) {
        report_complaints(out->document);
    }
    return rc;
}

void rs_loaded_close(struct rs_loaded *loaded)
{
    rs_engine_free(&loaded->engine);
    rs_streams_free(&loaded->streams);
    rs_config_free(&loaded->document);
}
