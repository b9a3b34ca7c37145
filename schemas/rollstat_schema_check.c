#include "schemas/rollstat_schema_check.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "schemas/compat.h"

/* Bits: what is compatible. Both make it full. */
enum { BACKWARD = 1, FORWARD = 2 };

static const char *const names[] = {"none", "backward", "forward", "full"};

static int number_of(const char *need)
{
    for (int i = 0; i < 4; i++) {
        if (strcmp(names[i], need) == 0) {
            return i;
        }
    }
    return -1;
}

bool rs_schema_check_knows(const char *need)
{
    return number_of(need) >= 0;
}

/* What one direction came to. */
struct finding {
    struct rs_buf text;
    size_t count;
    bool json;
};

static void put_break(void *self, const struct rs_compat_break *found)
{
    struct finding *finding = self;
    struct rs_buf *out = &finding->text;
    if (!finding->json) {
        rs_buf_printf(out, "  %s: %s: %s\n", found->path, rs_break_name(found->kind), found->text);
        return;
    }
    rs_buf_text(out, out->size == 0 ? "{\"path\":" : ",{\"path\":");
    rs_buf_json_string(out, rs_slice_text(found->path));
    rs_buf_printf(out, ",\"code\":\"%s\",\"text\":", rs_break_name(found->kind));
    rs_buf_json_string(out, rs_slice_text(found->text));
    rs_buf_char(out, '}');
}

static void put_json(const struct finding findings[2], int compatible, struct rs_buf *out)
{
    rs_buf_printf(out, "{\"compatibility\":\"%s\"", names[compatible]);
    for (int i = 0; i < 2; i++) {
        rs_buf_printf(out, ",\"%s\":{\"compatible\":%s,\"breaks\":[", names[i + 1],
                      findings[i].count == 0 ? "true" : "false");
        rs_buf_put(out, findings[i].text.data, findings[i].text.size);
        rs_buf_text(out, "]}");
    }
    rs_buf_text(out, "}\n");
}

static void put_text(const struct finding findings[2], int compatible, struct rs_buf *out)
{
    static const char *const meanings[] = {"the new schema reads what the old one wrote",
                                           "the old schema reads what the new one writes"};
    rs_buf_printf(out, "compatibility: %s\n", names[compatible]);
    for (int i = 0; i < 2; i++) {
        rs_buf_printf(out, "%s: %s (%s)\n", names[i + 1], findings[i].count == 0 ? "yes" : "no", meanings[i]);
        rs_buf_put(out, findings[i].text.data, findings[i].text.size);
    }
}

/* Returns which are compatible, or a negative code. */
static int compare(const struct rs_schema *old, const struct rs_schema *new, struct finding findings[2],
                   struct rs_error *error)
{
    int code = rs_compat_check(old, new, put_break, &findings[0], &findings[0].count, error);
    if (code == 0) {
        code = rs_compat_check(new, old, put_break, &findings[1], &findings[1].count, error);
    }
    if (code == 0 && (findings[0].text.failed || findings[1].text.failed)) {
        code = rs_fail(error, RS_ENOMEM, "out of memory");
    }
    return code != 0 ? code
                     : (findings[0].count == 0 ? BACKWARD : 0) | (findings[1].count == 0 ? FORWARD : 0);
}

int rs_schema_check_run(const struct rs_program_info *info, const struct rs_schema_document *old,
                        const char *path, const char *need, bool json)
{
    struct rs_error error = {0};
    struct rs_schema_document *new = NULL;
    if (rs_schema_load(path, &new, &error) != 0) {
        rs_usage_complain(info, &error);
        return error.code == RS_ESCHEMA ? RS_EXIT_USAGE : RS_EXIT_ENVIRONMENT;
    }
    struct finding findings[2] = {{.json = json}, {.json = json}};
    int compatible = compare(rs_schema_root(old), rs_schema_root(new), findings, &error);
    struct rs_buf out = {0};
    if (compatible >= 0) {
        (json ? put_json : put_text)(findings, compatible, &out);
    }
    int wanted = number_of(need);
    int status = (compatible & wanted) == wanted ? RS_EXIT_OK : RS_EXIT_REJECTED;
    if (compatible < 0 || out.failed || fwrite(out.data, 1, out.size, stdout) != out.size) {
        rs_fail(&error, RS_EIO, "out of memory, or the output cannot be written");
        rs_usage_complain(info, &error);
        status = RS_EXIT_ENVIRONMENT;
    }
    rs_buf_fini(&out);
    rs_buf_fini(&findings[0].text);
    rs_buf_fini(&findings[1].text);
    rs_schema_free(&new);
    return status;
}
