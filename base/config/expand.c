#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config/internal.h"
#include "base/file.h"
#include "base/utf8.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* Why a text that was put in cannot stand in a configuration; NULL: it can. */
static const char *unfit(struct rs_slice text)
{
    if (text.size > 0 && memchr(text.data, '\0', text.size)) {
        return "holds a zero byte";
    }
    return rs_utf8_valid(text.data, text.size) ? NULL : "is not valid UTF-8";
}

static void set_text(struct rs_config *config, struct rs_config_node *scalar, const struct rs_buf *text)
{
    const char *kept = text->failed ? NULL : rs_arena_slice(&config->arena, rs_buf_slice(text));
    if (!kept) {
        config->failed = true;
        scalar->faulty = true;
        return;
    }
    scalar->text = kept;
    scalar->secret = true;
}

/* A shell knows HOSTNAME without handing it on, and a service has none: the host itself is asked. NULL: not
 * set. */
static const char *value_of(struct rs_config *config, const char *name)
{
    char host[HOST_NAME_MAX + 1] = "";
    const char *value = secure_getenv(name);
    if (!value && strcmp(name, "HOSTNAME") == 0 && gethostname(host, sizeof host - 1) == 0 &&
        host[0] != '\0') {
        value = rs_arena_text(&config->arena, host);
    }
    return value;
}

/* One word for a shell, whatever the text holds: where it is more than a plain path it stands between quotes,
 * and a quote itself outside of them. */
static void put_shell_word(struct rs_buf *out, const char *text)
{
    if (text[strspn(text, NAME_CHARACTERS "/.-+:,@%")] == '\0') {
        rs_buf_text(out, text);
        return;
    }
    rs_buf_char(out, '\'');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'') {
            rs_buf_text(out, "'\\'");
        }
        rs_buf_char(out, *c);
    }
    rs_buf_char(out, '\'');
}

static void complain_unset(struct rs_config *config, const struct rs_config_node *scalar, const char *name)
{
    if (strcmp(name, "CREDENTIALS_DIRECTORY") == 0) {
        struct rs_buf directory = {0};
        put_shell_word(&directory, config->directory);
        const char *word = rs_buf_cstr(&directory);
        rs_config_complain(config, scalar,
                           "the environment variable %s is not set: systemd sets it for a service that has "
                           "LoadCredential=; by hand name the directory of these files in front of the "
                           "command: %s=%s/credentials %s ...",
                           name, name, word ? word : ".", program_invocation_short_name);
        rs_buf_fini(&directory);
    } else {
        rs_config_complain(config, scalar,
                           "the environment variable %s is not set; put it in front of the command (%s=... "
                           "%s ...), for a service into its unit (Environment=)",
                           name, name, program_invocation_short_name);
    }
}

/* Appends the variable named between `name` and the closing brace; the text after the brace, NULL on a
 * complaint. */
static const char *put_variable(struct rs_config *config, const struct rs_config_node *scalar,
                                const char *name, struct rs_buf *out)
{
    size_t size = strspn(name, NAME_CHARACTERS);
    if (size == 0 || name[size] != '}' || (name[0] >= '0' && name[0] <= '9')) {
        rs_config_complain(config, scalar,
                           "\"${\" must be followed by a variable's name and \"}\"; for the two "
                           "characters themselves write \"$${\"");
        return NULL;
    }
    char *text = rs_arena_slice(&config->arena, rs_slice_of(name, size));
    if (!text) {
        config->failed = true;
        return NULL;
    }
    const char *value = value_of(config, text);
    if (!value) {
        complain_unset(config, scalar, text);
        return NULL;
    }
    const char *reason = unfit(rs_slice_text(value));
    if (reason) {
        rs_config_complain(config, scalar, "the environment variable %s %s", text, reason);
        return NULL;
    }
    rs_buf_text(out, value);
    return name + size + 1;
}

static bool substitute(struct rs_config *config, const struct rs_config_node *scalar, struct rs_buf *out)
{
    const char *at = scalar->text;
    for (;;) {
        const char *mark = strstr(at, "${");
        if (!mark) {
            rs_buf_text(out, at);
            return true;
        }
        if (mark > at && mark[-1] == '$') {
            rs_buf_put(out, at, (size_t)(mark - at) - 1);
            rs_buf_text(out, "${");
            at = mark + 2;
            continue;
        }
        rs_buf_put(out, at, (size_t)(mark - at));
        at = put_variable(config, scalar, mark + 2, out);
        if (!at) {
            return false;
        }
    }
}

static void expand_variables(struct rs_config *config, struct rs_config_node *scalar)
{
    struct rs_buf text = {0};
    if (substitute(config, scalar, &text)) {
        set_text(config, scalar, &text);
    } else {
        scalar->faulty = true;
    }
    rs_buf_fini(&text);
}

static bool read_secret(struct rs_config *config, const struct rs_config_node *scalar, struct rs_buf *out)
{
    struct rs_error error;
    const char *path = rs_arena_path(&config->arena, config->directory, scalar->text);
    if (!path) {
        config->failed = true;
        return false;
    }
    if (rs_file_read(path, RS_CONFIG_SECRET_MAX, out, &error) != 0) {
        /* Not errno: it is of the last call, whichever that was. */
        bool denied = error.code == RS_EIO && access(path, R_OK) != 0 && errno == EACCES;
        rs_config_complain(config, scalar, "!file: %s%s", error.text,
                           denied ? "; run the command as a user who may read it (sudo), or give it to the "
                                    "service by LoadCredential="
                                  : "");
        return false;
    }
    if (out->size > 0 && out->data[out->size - 1] == '\n') {
        out->size--;
    }
    const char *reason = unfit(rs_buf_slice(out));
    if (reason) {
        rs_config_complain(config, scalar, "!file: \"%s\" %s", path, reason);
        return false;
    }
    return true;
}

static void expand_file(struct rs_config *config, struct rs_config_node *scalar)
{
    struct rs_buf content = {0};
    if (scalar->kind != RS_CONFIG_SCALAR || scalar->text[0] == '\0') {
        rs_config_complain(config, scalar, "!file needs the path of a file");
        scalar->faulty = true;
    } else if (read_secret(config, scalar, &content)) {
        set_text(config, scalar, &content);
        scalar->quoted = true;
    } else {
        scalar->faulty = true;
    }
    rs_buf_fini(&content);
}

void rs_config_expand(struct rs_config *config, struct rs_config_node *scalar, bool file)
{
    if (scalar->kind == RS_CONFIG_SCALAR && strstr(scalar->text, "${")) {
        expand_variables(config, scalar);
    }
    if (file && !scalar->faulty) {
        expand_file(config, scalar);
    }
}
