/* rollstat-schema: what an Avro schema is to rollstat, for people at a terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/usage.h"
#include "schemas/frame.h"
#include "schemas/program.h"
#include "schemas/rollstat_schema_check.h"

#define MESSAGE_MAX ((size_t)64 * 1024 * 1024)
#define FIELDS_MAX  256

static const struct rs_option options[] = {
    {"schema", 's', "FILE", "the Avro schema (decode, explain; the others also take it as an operand)"},
    {"framing", 'f', "NAME",
     "auto, bare, confluent or single-object; default auto, which takes a single-object header\n"
     "off that names this schema, and else reads the message as bare"},
    {"hex", 'x', NULL, "the message is hexadecimal text; blanks and line ends are passed over"},
    {"fields", 'F', "A,B", "the fields to extract (explain), as in price,venue.country; default none"},
    {"need", 'n', "NAME",
     "what has to hold for exit code 0 (check): backward, forward, full or none; default full"},
    {"json", 'j', NULL, "the result as JSON (check)"},
    {NULL, '\0', NULL, NULL}};

static const struct rs_program_info info = {
    .name = "rollstat-schema",
    .synopsis = "COMMAND [OPTION]... [FILE]",
    .summary =
        "Shows what an Avro schema is to rollstat.\n"
        "\n"
        "  canonical FILE                        the Parsing Canonical Form\n"
        "  fingerprint FILE                      CRC-64-AVRO and SHA-256 of that form\n"
        "  decode --schema FILE [MESSAGE|-]      one message as JSON, or why it is refused\n"
        "  explain --schema FILE [--fields A,B]  the ops that decode and check a message\n"
        "  check OLD NEW                         whether NEW reads what OLD wrote (backward) and OLD what\n"
        "                                        NEW writes (forward), and where and why not",
    .options = options,
    .footer = "Exit codes: 0 done, 1 usage or a wrong schema, 2 a file cannot be read, 3 the message is "
              "refused or\n"
              "the schemas are not as compatible as --need asks.",
};

struct request {
    const char *command;
    const char *schema;
    const char *operand;
    const char *second; /* operand: the new schema (check) */
    const char *fields;
    const char *need;
    enum rs_framing framing;
    bool hex;
    bool json;
};

/* ---- commands ---- */

static int show_canonical(const struct rs_schema_document *document)
{
    struct rs_buf text = {0};
    rs_schema_canonical(rs_schema_root(document), &text);
    rs_buf_char(&text, '\n');
    bool written = !text.failed && fwrite(text.data, 1, text.size, stdout) == text.size;
    rs_buf_fini(&text);
    return written ? RS_EXIT_OK : RS_EXIT_ENVIRONMENT;
}

static int show_fingerprint(const struct rs_schema_document *document)
{
    uint64_t crc64 = rs_schema_crc64(rs_schema_root(document));
    uint8_t digest[32];
    rs_schema_sha256(rs_schema_root(document), digest);
    uint8_t prefix[10];
    size_t size = rs_frame_prefix(RS_FRAMING_SINGLE_OBJECT, 0, crc64, prefix);
    printf("CRC-64-AVRO           %016" PRIx64 " (%" PRId64 ")\nsingle-object header  ", crc64,
           (int64_t)crc64);
    for (size_t i = 0; i < size; i++) {
        printf("%02x", prefix[i]);
    }
    printf("\nSHA-256               ");
    for (size_t i = 0; i < sizeof digest; i++) {
        printf("%02x", digest[i]);
    }
    printf("\n");
    return RS_EXIT_OK;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Turns hexadecimal text into the bytes it stands for, in place. */
static int unhex(struct rs_buf *text, struct rs_error *error)
{
    size_t digits = 0;
    for (size_t i = 0; i < text->size; i++) {
        uint8_t c = text->data[i];
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            continue;
        }
        int digit = hex_digit(c);
        if (digit < 0) {
            return rs_fail(error, RS_EUSAGE, "byte %zu of the message is not a hexadecimal digit", i + 1);
        }
        uint8_t *byte = &text->data[digits / 2];
        *byte = (uint8_t)(digits % 2 == 0 ? digit << 4 : *byte | digit);
        digits++;
    }
    if (digits % 2 != 0) {
        return rs_fail(error, RS_EUSAGE, "the message has an odd number of hexadecimal digits");
    }
    text->size = digits / 2;
    return 0;
}

static int read_message(const struct request *request, struct rs_buf *out, struct rs_error *error)
{
    const char *path =
        !request->operand || strcmp(request->operand, "-") == 0 ? "/dev/stdin" : request->operand;
    int code = rs_file_read(path, MESSAGE_MAX, out, error);
    return code == 0 && request->hex ? unhex(out, error) : code;
}

/* One schema is known. A Confluent id says nothing here, so whichever it is stands for that schema. */
static enum rs_reason take_framing_off(const struct rs_schema_document *document, enum rs_framing framing,
                                       struct rs_slice message, struct rs_slice *datum,
                                       struct rs_error *error)
{
    struct rs_frame_registry *registry = NULL;
    size_t number = 0;
    enum rs_reason reason = RS_REASON_NONE;
    int code = rs_frame_registry_new(&registry, error);
    if (code == 0) {
        code = rs_frame_add(registry, rs_schema_root(document), &number, error);
    }
    if (code == 0 && framing == RS_FRAMING_CONFLUENT && message.size >= 5) {
        const uint8_t *b = message.data;
        uint32_t id = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
        code = rs_frame_add_id(registry, id, number, error);
    }
    if (code == 0) {
        reason = rs_frame_split(registry, framing, number, message, &number, datum);
    }
    rs_frame_registry_free(&registry);
    return reason;
}

static int report_refusal(enum rs_reason reason, size_t at)
{
    fprintf(stderr, "%s: the message is refused at byte %zu: %s: %s\n", info.name, at, rs_reason_name(reason),
            rs_reason_text(reason));
    return RS_EXIT_REJECTED;
}

static int decode_message(const struct rs_schema_document *document, const struct request *request,
                          struct rs_slice message, struct rs_error *error)
{
    struct rs_slice datum = message;
    struct rs_program *program = NULL;
    error->code = 0;
    enum rs_reason reason = take_framing_off(document, request->framing, message, &datum, error);
    if (error->code != 0 || rs_program_compile(rs_schema_root(document), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT,
                                               &program, error) != 0) {
        rs_usage_complain(&info, error);
        return RS_EXIT_ENVIRONMENT;
    }
    struct rs_buf json = {0};
    size_t at = 0;
    if (reason == RS_REASON_NONE) {
        reason = rs_program_json(program, datum, &json, &at);
    }
    int status = RS_EXIT_OK;
    if (reason != RS_REASON_NONE) {
        status = report_refusal(reason, at + message.size - datum.size);
    } else {
        rs_buf_char(&json, '\n');
        status = !json.failed && fwrite(json.data, 1, json.size, stdout) == json.size ? RS_EXIT_OK
                                                                                      : RS_EXIT_ENVIRONMENT;
    }
    rs_buf_fini(&json);
    rs_program_free(&program);
    return status;
}

static int show_message(const struct rs_schema_document *document, const struct request *request)
{
    struct rs_error error = {0};
    struct rs_buf message = {0};
    int status = RS_EXIT_OK;
    if (read_message(request, &message, &error) != 0) {
        rs_usage_complain(&info, &error);
        status = error.code == RS_EUSAGE ? RS_EXIT_USAGE : RS_EXIT_ENVIRONMENT;
    } else {
        status = decode_message(document, request, rs_buf_slice(&message), &error);
    }
    rs_buf_fini(&message);
    return status;
}

/* Splits "a,b" in place. */
static size_t split_fields(char *text, const char *paths[FIELDS_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *field = strtok_r(text, ",", &rest); field && count < FIELDS_MAX;
         field = strtok_r(NULL, ",", &rest)) {
        paths[count++] = field;
    }
    return count;
}

static int show_ops(const struct rs_schema_document *document, const struct request *request)
{
    struct rs_error error = {0};
    const char *paths[FIELDS_MAX];
    char *fields = strdup(!request->fields ? "" : request->fields);
    struct rs_program *program = NULL;
    size_t count = !fields ? 0 : split_fields(fields, paths);
    int code = !fields ? rs_fail(&error, RS_ENOMEM, "out of memory")
                       : rs_program_compile(rs_schema_root(document), paths, count, RS_PROGRAM_LIMITS_DEFAULT,
                                            &program, &error);
    struct rs_buf text = {0};
    if (code == 0) {
        rs_program_explain(program, &text);
        code = text.failed || fwrite(text.data, 1, text.size, stdout) != text.size
                   ? rs_fail(&error, RS_EIO, "the output cannot be written")
                   : 0;
    }
    if (code != 0) {
        rs_usage_complain(&info, &error);
    }
    rs_buf_fini(&text);
    rs_program_free(&program);
    free(fields);
    return code == 0 ? RS_EXIT_OK : code == RS_ECONFIG ? RS_EXIT_USAGE : RS_EXIT_ENVIRONMENT;
}

/* ---- command line ---- */

static int take_operand(struct request *request, const char *value, struct rs_error *error)
{
    if (!request->command) {
        request->command = value;
    } else if (!request->operand) {
        request->operand = value;
    } else if (!request->second) {
        request->second = value;
    } else {
        return rs_usage_fail(&info, error, "'%s' is one file too many", value);
    }
    return 0;
}

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    struct request *request = ctx;
    if (!option) {
        return take_operand(request, value, error);
    }
    switch (option->letter) {
    case 's': request->schema = value; return 0;
    case 'F': request->fields = value; return 0;
    case 'x': request->hex = true; return 0;
    case 'n': request->need = value; return 0;
    case 'j': request->json = true; return 0;
    default: break;
    }
    return rs_framing_parse(value, &request->framing) == 0
               ? 0
               : rs_usage_fail(&info, error, "--framing is auto, bare, confluent or single-object, not '%s'",
                               value);
}

enum command { CANONICAL, FINGERPRINT, DECODE, EXPLAIN, CHECK, COMMAND_COUNT };

static int find_command(const struct request *request, enum command *out, struct rs_error *error)
{
    static const char *const names[] = {"canonical", "fingerprint", "decode", "explain", "check", NULL};
    if (!request->command) {
        return rs_usage_fail(&info, error, "a command is missing");
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(names[i], request->command) == 0) {
            *out = (enum command)i;
            return 0;
        }
    }
    return rs_usage_fail(&info, error,
                         "'%s' is not a command: canonical, fingerprint, decode, explain, check",
                         request->command);
}

/* Of the command that compares two schemas, and of the others what is that one's. */
static int check_compared(struct request *request, enum command command, struct rs_error *error)
{
    if (command != CHECK) {
        return request->second ? rs_usage_fail(&info, error, "'%s' is one file too many", request->second)
               : request->need || request->json
                   ? rs_usage_fail(&info, error, "--need and --json belong to check")
                   : 0;
    }
    if (request->schema || !request->second) {
        return rs_usage_fail(&info, error, "check takes two files, the old schema and the new one");
    }
    request->schema = request->operand;
    request->operand = NULL;
    return !request->need || rs_schema_check_knows(request->need)
               ? 0
               : rs_usage_fail(&info, error, "--need is backward, forward, full or none, not '%s'",
                               request->need);
}

static int check_request(struct request *request, enum command command, struct rs_error *error)
{
    if (check_compared(request, command, error) != 0) {
        return error->code;
    }
    if (command != DECODE && !request->schema) {
        request->schema = request->operand;
    } else if (command != DECODE && request->operand) {
        return rs_usage_fail(&info, error, "'%s' is one file too many", request->operand);
    }
    if (!request->schema) {
        return rs_usage_fail(&info, error, "the file with the schema is missing%s",
                             command == DECODE ? " (--schema FILE)" : "");
    }
    if (request->fields && command != EXPLAIN) {
        return rs_usage_fail(&info, error, "--fields belongs to explain");
    }
    if (command != DECODE && (request->hex || request->framing != RS_FRAMING_AUTO)) {
        return rs_usage_fail(&info, error, "--hex and --framing belong to decode");
    }
    return 0;
}

static int run(const struct rs_schema_document *document, const struct request *request, enum command command)
{
    switch (command) {
    case CANONICAL: return show_canonical(document);
    case FINGERPRINT: return show_fingerprint(document);
    case DECODE: return show_message(document, request);
    case CHECK:
        return rs_schema_check_run(&info, document, request->second, !request->need ? "full" : request->need,
                                   request->json);
    default: return show_ops(document, request);
    }
}

static int finish(int status)
{
    if (fflush(stdout) != 0) {
        fprintf(stderr, "%s: the output cannot be written\n", info.name);
        return RS_EXIT_ENVIRONMENT;
    }
    return status;
}

int main(int argc, char **argv)
{
    struct rs_error error = {0};
    struct request request = {0};
    enum command command = CANONICAL;
    int code = rs_usage_read(&info, argc, argv, take, &request, &error);
    if (code == RS_USAGE_SHOWN) {
        return finish(RS_EXIT_OK);
    }
    if (code == 0) {
        code = find_command(&request, &command, &error);
    }
    if (code == 0) {
        code = check_request(&request, command, &error);
    }
    struct rs_schema_document *document = NULL;
    if (code == 0) {
        code = rs_schema_load(request.schema, &document, &error);
    }
    if (code != 0) {
        rs_usage_complain(&info, &error);
        return code == RS_EUSAGE || code == RS_ESCHEMA ? RS_EXIT_USAGE : RS_EXIT_ENVIRONMENT;
    }
    int status = run(document, &request, command);
    rs_schema_free(&document);
    return finish(status);
}
