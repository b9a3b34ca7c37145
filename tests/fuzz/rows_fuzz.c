/* Files of rows: byte 0 says format (2 bits: found out, CSV, NDJSON, container), CSV's delimiter (1 bit), whether unknown keys
 * are passed by (1 bit) and the way times are given (2 bits); the rest is the file, which may be gzipped. Every row is an
 * event that the decoder takes, or refused with words; lines never go back; reading the file again gives the same. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "ingest/read/row_file.h"
#include "schemas/program.h"
#include "tests/fuzz/fuzz.h"

#define ROWS_MAX 400

static const char schema_text[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"time\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},"
    "{\"name\":\"price\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,"
    "\"scale\":4}],"
    "\"default\":null},"
    "{\"name\":\"n\",\"type\":\"long\",\"default\":7},"
    "{\"name\":\"x\",\"type\":[\"null\",\"double\",\"string\"],\"default\":null},"
    "{\"name\":\"side\",\"type\":[\"null\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}],"
    "\"default\":null},"
    "{\"name\":\"raw\",\"type\":\"bytes\",\"default\":\"\"},"
    "{\"name\":\"day\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}],\"default\":null},"
    "{\"name\":\"place\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"P\",\"fields\":["
    "{\"name\":\"code\",\"type\":{\"type\":\"array\",\"items\":\"float\"}},"
    "{\"name\":\"more\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"}}]}],\"default\":null}]}";

static const char *const formats[] = {NULL, "csv", "ndjson", "avro"};
static const char *const times[] = {"iso", "ms", "period", "%Y-%m-%d %H:%M:%S.%f"};

static struct rs_schema_document *document;
static struct rs_program *program;
static int file = -1;
static char path[64];

struct account {
    uint64_t rows, bad, lost;
    uint64_t line;
    struct rs_buf data;
    int end; /* 0, or why it was given up */
};

static void must(int code, const struct rs_error *error)
{
    rs_fuzz_require(code == 0, error->text);
}

static void start(void)
{
    struct rs_error error = {0};
    must(rs_schema_parse("fuzz", schema_text, strlen(schema_text), &document, &error), &error);
    must(rs_program_compile(rs_schema_root(document), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &program, &error),
         &error);
    file = memfd_create("rows", MFD_CLOEXEC);
    rs_fuzz_require(file >= 0, "no file in memory");
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
}

static void write_file(struct rs_slice bytes)
{
    rs_fuzz_require(ftruncate(file, 0) == 0, "cannot empty the file");
    rs_fuzz_require(pwrite(file, bytes.data, bytes.size, 0) == (ssize_t)bytes.size, "cannot write the file");
}

/* Whether there may be more. */
static bool take(struct account *account, struct rs_row_file *rows)
{
    struct rs_buf datum = {0};
    struct rs_row row = {.line = 0};
    struct rs_error error = {0};
    uint64_t lost = 0;
    size_t at = 0;
    int code = rs_row_file_next(rows, &datum, &row, &lost, &error);
    if (code == 1) {
        rs_fuzz_require(rs_program_run(program, rs_buf_slice(&datum), NULL, &at) == RS_REASON_NONE,
                        "a row became an event that the decoder refuses");
        rs_fuzz_require(row.line > account->line, "lines go back");
        account->line = row.line;
        account->rows++;
        rs_buf_put(&account->data, datum.data, datum.size);
    } else if (code != 0) {
        rs_fuzz_require(error.text[0] != '\0', "an error says nothing");
        account->bad++;
        account->lost += lost;
        account->end = code == RS_ERECORD ? 0 : code;
    }
    rs_buf_fini(&datum);
    return code == 1 || code == RS_ERECORD;
}

static struct account read_file(const struct rs_rows_options *options, const char *time)
{
    struct rs_row_file *rows = NULL;
    struct rs_mapping mapping;
    struct rs_error error = {0};
    struct account account = {.rows = 0};
    rs_mapping_init(&mapping, rs_schema_root(document));
    mapping.ignore_unknown = options->ignore_unknown;
    must(rs_mapping_time(&mapping, time, &error), &error);
    const struct rs_row_context context = {
        .options = options, .mapping = &mapping, .schema = rs_schema_root(document)};
    account.end = rs_row_file_open(&context, path, &rows, &error);
    rs_fuzz_require(account.end == 0 || error.text[0] != '\0', "an error says nothing");
    for (size_t i = 0; i < ROWS_MAX && account.end == 0 && take(&account, rows); i++) {
    }
    rs_row_file_close(&rows);
    rs_mapping_fini(&mapping);
    return account;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (!document) {
        start();
    }
    const struct rs_rows_options options = {.format = formats[data[0] & 3],
                                            .delimiter = data[0] & 4 ? ';' : '\0',
                                            .ignore_unknown = (data[0] & 8) != 0};
    const char *time = times[data[0] >> 4 & 3];
    write_file(rs_slice_of(data + 1, size - 1));
    struct account first = read_file(&options, time);
    struct account second = read_file(&options, time);
    rs_fuzz_require(first.rows == second.rows && first.bad == second.bad && first.lost == second.lost &&
                        first.end == second.end &&
                        rs_slice_equal(rs_buf_slice(&first.data), rs_buf_slice(&second.data)),
                    "reading again gives something else");
    rs_buf_fini(&first.data);
    rs_buf_fini(&second.data);
    return 0;
}
