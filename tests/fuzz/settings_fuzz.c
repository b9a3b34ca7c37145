/* The daemon's whole configuration: settings, or complaints, each with its place. Run in the project's root: schemas are found
 * by `schemas: {directory: /proc/self/cwd/schemas}`. */
#include <ctype.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "transform/daemon/rollstatd.h"

/* "PATH:LINE:COLUMN: text". A complaint may go on in further lines that are indented. */
static void check_line(const char *line, const char *path)
{
    size_t size = strlen(path);
    rs_fuzz_require(strncmp(line, path, size) == 0 && line[size] == ':', "a complaint has no file");
    const char *at = line + size + 1;
    for (int number = 0; number < 2; number++) {
        rs_fuzz_require(isdigit((unsigned char)*at), "a complaint has no place");
        at += strspn(at, "0123456789");
        rs_fuzz_require(*at == ':', "a complaint has no place");
        at++;
    }
    rs_fuzz_require(at[0] == ' ' && at[1] != '\0' && at[1] != '\n', "a complaint says nothing");
}

static void check_report(const struct rs_buf *report, const char *path)
{
    for (size_t at = 0; at < report->size;) {
        const uint8_t *end = memchr(report->data + at, '\n', report->size - at);
        rs_fuzz_require(end != NULL, "the last complaint has no end");
        char *line = rs_fuzz_text(rs_slice_of(report->data + at, (size_t)(end - report->data) - at));
        check_line(line, path);
        free(line);
        at = (size_t)(end - report->data) + 1;
    }
}

static void check(const char *path, enum rs_daemon_mode mode)
{
    struct rs_settings settings = {.document = NULL};
    struct rs_buf report = {0};
    struct rs_error error = {0};
    int code = rs_settings_load(path, mode, &settings, &report, &error);
    rs_fuzz_require(code == 0 || error.text[0] != '\0', "an error says nothing");
    rs_fuzz_require(code != 0 || (settings.streams && settings.engine), "settings that are not whole");
    rs_fuzz_require(code != RS_ECONFIG || report.size > 0, "nothing is complained about");
    check_report(&report, path);
    rs_buf_fini(&report);
    rs_settings_fini(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("settings", MFD_CLOEXEC);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    rs_fuzz_require(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size,
                    "no file in memory");
    check(path, RS_DAEMON_CHECK);
    check(path, RS_DAEMON_REPLAY);
    return 0;
}
