#include <limits.h>
#include <string.h>

#include "base/config/internal.h"

/* ---- complaints ---- */

static bool note_before(const struct rs_config_note *a, const struct rs_config_note *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static bool note_equal(const struct rs_config_note *a, const struct rs_config_note *b)
{
    return a->line == b->line && a->column == b->column && a->warning == b->warning &&
           strcmp(a->text, b->text) == 0;
}

/* Two stages may read the same key and find the same fault: it is told once. */
static void insert_note(struct rs_config *config, struct rs_config_note note)
{
    size_t at = config->note_count;
    while (at > 0 && note_before(&note, &config->notes[at - 1])) {
        at--;
    }
    for (size_t i = at; i > 0 && !note_before(&config->notes[i - 1], &note); i--) {
        if (note_equal(&config->notes[i - 1], &note)) {
            return;
        }
    }
    if (note.warning) {
        config->warnings++;
    } else {
        config->complaints++;
    }
    if (config->note_count == RS_CONFIG_NOTES_MAX) {
        return;
    }
    memmove(&config->notes[at + 1], &config->notes[at], (config->note_count - at) * sizeof note);
    config->notes[at] = note;
    config->note_count++;
}

/* One line each, whatever a value that is quoted in it holds. */
RS_PRINTF(5, 0)
static void note_vprintf(struct rs_config *config, bool warning, unsigned line, unsigned column,
                         const char *format, va_list args)
{
    struct rs_buf text = {0};
    struct rs_buf line_of_text = {0};
    rs_buf_vprintf(&text, format, args);
    rs_buf_printable(&line_of_text, rs_buf_slice(&text));
    bool failed = text.failed || line_of_text.failed;
    char *kept = failed ? NULL : rs_arena_slice(&config->arena, rs_buf_slice(&line_of_text));
    rs_buf_fini(&text);
    rs_buf_fini(&line_of_text);
    if (!kept) {
        config->failed = true;
        return;
    }
    insert_note(config, (struct rs_config_note){line, column, warning, kept});
}

void rs_config_note_at(struct rs_config *config, bool warning, unsigned line, unsigned column,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note_vprintf(config, warning, line, column, format, args);
    va_end(args);
}

static void position_of(const struct rs_config_node *node, unsigned *line, unsigned *column)
{
    *line = node ? node->line : 1;
    *column = node ? node->column : 1;
}

void rs_config_complain(struct rs_config *config, const struct rs_config_node *where, const char *format, ...)
{
    va_list args;
    unsigned line, column;
    position_of(where, &line, &column);
    va_start(args, format);
    note_vprintf(config, false, line, column, format, args);
    va_end(args);
}

void rs_config_warn(struct rs_config *config, const struct rs_config_node *where, const char *format, ...)
{
    va_list args;
    unsigned line, column;
    position_of(where, &line, &column);
    va_start(args, format);
    note_vprintf(config, true, line, column, format, args);
    va_end(args);
}

size_t rs_config_complaints(const struct rs_config *config)
{
    return config->complaints + config->failed;
}

void rs_config_report(const struct rs_config *config, struct rs_buf *out)
{
    for (size_t i = 0; i < config->note_count; i++) {
        const struct rs_config_note *note = &config->notes[i];
        rs_buf_printf(out, "%s:%u:%u: %s%s\n", config->name, note->line, note->column,
                      note->warning ? "warning: " : "", note->text);
    }
    size_t all = config->complaints + config->warnings;
    if (all > config->note_count) {
        rs_buf_printf(out, "%s: and %zu more\n", config->name, all - config->note_count);
    }
    if (config->failed) {
        rs_buf_printf(out, "%s: out of memory while reading it\n", config->name);
    }
}

/* ---- what a program does not use ---- */

struct place {
    unsigned line;
    unsigned column;
};

static bool not_before(const struct rs_config_note *note, struct place place)
{
    return note->line != place.line ? note->line > place.line : note->column >= place.column;
}

static void drop_notes(struct rs_config *config, struct place from, struct place to)
{
    size_t kept = 0;
    for (size_t i = 0; i < config->note_count; i++) {
        struct rs_config_note note = config->notes[i];
        if (!not_before(&note, from) || not_before(&note, to)) {
            config->notes[kept++] = note;
        } else if (note.warning) {
            config->warnings--;
        } else {
            config->complaints--;
        }
    }
    config->note_count = kept;
}

static struct place place_of(const struct rs_config_node *node)
{
    return (struct place){node->line, node->column};
}

/* From the pair's key to the next one, or to where the mapping ends. */
static struct place pair_end(const struct rs_config_node *mapping, size_t pair, struct place end)
{
    return 2 * pair + 2 < mapping->count ? place_of(mapping->items[2 * pair + 2]) : end;
}

static const struct place everything = {UINT_MAX, UINT_MAX};

void rs_config_use_only(struct rs_config *config, const char *const *keys)
{
    const struct rs_config_node *root = config->root;
    for (size_t i = 0; root && root->kind == RS_CONFIG_MAPPING && i < root->count / 2; i++) {
        const struct rs_config_node *key = root->items[2 * i];
        size_t k = 0;
        while (keys[k] && strcmp(keys[k], key->text) != 0) {
            k++;
        }
        if (!keys[k]) {
            drop_notes(config, place_of(key), pair_end(root, i, everything));
        }
    }
}

static void pass_by(struct rs_config *config, const struct rs_config_node *mapping, const char *path,
                    struct place end)
{
    size_t size = strcspn(path, ".");
    for (size_t i = 0; mapping && mapping->kind == RS_CONFIG_MAPPING && i < mapping->count / 2; i++) {
        const struct rs_config_node *key = mapping->items[2 * i];
        if (strlen(key->text) != size || memcmp(key->text, path, size) != 0) {
            continue;
        }
        if (path[size] == '\0') {
            drop_notes(config, place_of(key), pair_end(mapping, i, end));
        } else {
            pass_by(config, mapping->items[2 * i + 1], path + size + 1, pair_end(mapping, i, end));
        }
    }
}

void rs_config_pass_by(struct rs_config *config, const char *path)
{
    pass_by(config, config->root, path, everything);
}
