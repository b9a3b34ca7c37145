/* rollstat-dlq: what is in the dead-letter topics of a configuration, and back with it after the mend. */
#include <string.h>

#include "transform/dlqtool/internal.h"

/* ---- configuration ---- */

static int check_stream(const struct rs_dlq_tool *tool, struct rs_error *error)
{
    const char *name = tool->request.stream;
    const struct rs_stream *stream = name ? rs_streams_find(tool->loaded.streams, name) : NULL;
    if (name && !stream) {
        return rs_usage_fail(&rs_dlq_info, error, "--stream: the configuration has no stream \"%s\"", name);
    }
    if (stream && !stream->dead_letters) {
        return rs_usage_fail(&rs_dlq_info, error,
                             "--stream: \"%s\" keeps no dead letters (dead_letters: false)", name);
    }
    return 0;
}

static int load(struct rs_dlq_tool *tool, struct rs_error *error)
{
    bool judges = rs_dlq_is(&tool->request, "show") || rs_dlq_is(&tool->request, "replay");
    int rc =
        rs_loaded_open(tool->request.config, judges ? RS_LOAD_JUDGE : RS_LOAD_STREAMS, &tool->loaded, error);
    rc = rc == 0 ? check_stream(tool, error) : rc;
    return rc == 0 && judges ? rs_asking_begin(&tool->loaded, &tool->registry, error) : rc;
}

/* ---- the program ---- */

static int run_command(struct rs_dlq_tool *tool, struct rs_error *error)
{
    static const struct {
        const char *name;
        int (*run)(struct rs_dlq_tool *tool, struct rs_error *error);
    } commands[] = {{"list", rs_dlq_list},
                    {"stats", rs_dlq_stats},
                    {"show", rs_dlq_show},
                    {"export", rs_dlq_export},
                    {"replay", rs_dlq_replay}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (rs_dlq_is(&tool->request, commands[i].name)) {
            return commands[i].run(tool, error);
        }
    }
    return rs_fail(error, RS_EUSAGE, "no command");
}

static int complain(const struct rs_error *error)
{
    rs_usage_complain(&rs_dlq_info, error);
    return rs_usage_exit(error);
}

static int outcome(const struct rs_dlq_tool *tool)
{
    if (tool->found < tool->request.filter.position_count) {
        fprintf(stderr, "%s: of the letters that were named, not all are there\n", rs_dlq_info.name);
        return RS_EXIT_USAGE;
    }
    return tool->failed > 0 ? RS_EXIT_REJECTED : RS_EXIT_OK;
}

static int run(struct rs_dlq_tool *tool)
{
    struct rs_error error = {0};
    int rc = load(tool, &error);
    if (rc == 0) {
        rc = rs_kafka_reader_new(rs_dlq_kafka(tool), (int)tool->request.timeout_s * 1000, &tool->kafka,
                                 &error);
    }
    if (rc == 0 && rs_streams_have_patterns(tool->loaded.streams)) {
        rc = rs_kafka_reader_topics(tool->kafka, rs_streams_learn, tool->loaded.streams, &error);
    }
    if (rc == 0) {
        rc = run_command(tool, &error);
    }
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        rc = rs_fail(&error, RS_EIO, "the output cannot be written");
    }
    int code = rc < 0 ? complain(&error) : outcome(tool);
    rs_kafka_reader_free(&tool->kafka);
    rs_registry_free(&tool->registry);
    rs_loaded_close(&tool->loaded);
    return code;
}

int main(int argc, char **argv)
{
    struct rs_error error = {0};
    struct rs_dlq_tool tool = {0};
    int rc = rs_dlq_read_arguments(argc, argv, &tool.request, &error);
    if (rc == RS_USAGE_SHOWN) {
        return RS_EXIT_OK;
    }
    return rc < 0 ? complain(&error) : run(&tool);
}
