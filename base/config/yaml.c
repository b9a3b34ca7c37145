#include <libfyaml.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/internal.h"
#include "base/utf8.h"

/* The tree is built from parser events, not from libfyaml's document: that keeps depth and size within bounds
 * while reading, and gives every key and value a position of its own. Anchors, aliases and tags are refused
 * where met. */
struct builder {
    struct rs_config *config;
    struct rs_config_node *open[RS_CONFIG_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    size_t documents;
    bool stopped; /* a limit or the end of memory: nothing more is read */
};

struct position {
    unsigned line;
    unsigned column;
};

static unsigned from_one(int zero_based)
{
    return zero_based >= 0 && zero_based < INT_MAX ? (unsigned)zero_based + 1 : 1;
}

/* Events without a token (implicit ends, empty values) take the place of what is around them. Callers pass
 * only tokens for bytes that are there: libfyaml 0.8 also makes one for an empty value, behind its colon, and
 * for the start of a document that nothing announces; 0.7.12 does not, and messages have to be the same. */
static struct position position_of(const struct builder *b, struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (mark) {
        return (struct position){from_one(mark->line), from_one(mark->column)};
    }
    if (b->depth > 0) {
        const struct rs_config_node *parent = b->open[b->depth - 1];
        const struct rs_config_node *near = parent->last ? parent->last : parent;
        return (struct position){near->line, near->column};
    }
    return (struct position){1, 1};
}

static const char second_document[] = "a second document begins here; a configuration is a single one";

static void complain_at(struct builder *b, struct position at, const char *text)
{
    rs_config_note_at(b->config, false, at.line, at.column, "%s", text);
}

static void stop(struct builder *b, struct position at, const char *text)
{
    complain_at(b, at, text);
    b->stopped = true;
}

static void stop_no_memory(struct builder *b)
{
    b->config->failed = true;
    b->stopped = true;
}

static bool next_is_key(const struct builder *b)
{
    return b->depth > 0 && b->open[b->depth - 1]->kind == RS_CONFIG_MAPPING &&
           b->open[b->depth - 1]->count % 2 == 0;
}

static struct rs_config_node *add_node(struct builder *b, enum rs_config_kind kind, struct fy_token *token)
{
    struct position at = position_of(b, token);
    if (b->documents > 1) {
        stop(b, at, second_document);
        return NULL;
    }
    if (b->nodes++ == RS_CONFIG_NODES_MAX) {
        stop(b, at, "the document holds more than 100000 values");
        return NULL;
    }
    struct rs_config_node *node = rs_arena_alloc(&b->config->arena, sizeof *node);
    if (!node) {
        stop_no_memory(b);
        return NULL;
    }
    node->kind = kind;
    node->line = at.line;
    node->column = at.column;
    if (b->depth == 0) {
        b->config->root = node;
        return node;
    }
    struct rs_config_node *parent = b->open[b->depth - 1];
    if (!parent->first) {
        parent->first = node;
    } else {
        parent->last->next = node;
    }
    parent->last = node;
    parent->count++;
    return node;
}

/* ---- duplicate keys ---- */

static int by_key(const void *a, const void *b)
{
    const struct rs_config_node *x = *(struct rs_config_node *const *)a;
    const struct rs_config_node *y = *(struct rs_config_node *const *)b;
    int order = strcmp(x->text, y->text);
    if (order != 0) {
        return order;
    }
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : (x->column > y->column) - (x->column < y->column);
}

static void check_duplicates(struct builder *b, const struct rs_config_node *mapping)
{
    size_t pairs = mapping->count / 2;
    if (pairs < 2) {
        return;
    }
    struct rs_config_node **keys = calloc(pairs, sizeof(struct rs_config_node *));
    if (!keys) {
        stop_no_memory(b);
        return;
    }
    for (size_t i = 0; i < pairs; i++) {
        keys[i] = mapping->items[2 * i];
    }
    qsort(keys, pairs, sizeof(struct rs_config_node *), by_key);
    for (size_t i = 1; i < pairs; i++) {
        if (strcmp(keys[i]->text, keys[i - 1]->text) == 0 && !keys[i]->faulty) {
            rs_config_complain(b->config, keys[i], "the key \"%s\" is here twice; the other is on line %u",
                               keys[i]->text, keys[i - 1]->line);
        }
    }
    free(keys);
}

/* ---- events ---- */

static void close_node(struct builder *b)
{
    RS_ASSERT(b->depth > 0);
    struct rs_config_node *node = b->open[--b->depth];
    node->items = rs_arena_array(&b->config->arena, node->count, sizeof(struct rs_config_node *));
    if (!node->items) {
        stop_no_memory(b);
        return;
    }
    size_t at = 0;
    for (struct rs_config_node *child = node->first; child; child = child->next) {
        node->items[at++] = child;
    }
    if (node->kind == RS_CONFIG_MAPPING) {
        check_duplicates(b, node);
    }
}

static void refuse_anchor(struct builder *b, struct fy_token *anchor)
{
    if (anchor) {
        complain_at(b, position_of(b, anchor),
                    "anchors (&name) are not supported; write the value where it is needed");
    }
}

/* Valid as long as the token's event. */
static struct rs_slice token_text(struct fy_token *token)
{
    size_t size = 0;
    const char *bytes = token ? fy_token_get_text(token, &size) : NULL;
    return rs_slice_of(bytes, bytes ? size : 0);
}

enum tag { TAG_NONE, TAG_TEXT, TAG_FILE };

static enum tag read_tag(struct builder *b, struct fy_token *token, bool scalar)
{
    struct rs_slice tag = token_text(token);
    if (tag.size == 0) {
        return TAG_NONE;
    }
    if (scalar && rs_slice_equal(tag, rs_slice_text("!file"))) {
        return TAG_FILE;
    }
    if (scalar && rs_slice_equal(tag, rs_slice_text("tag:yaml.org,2002:str"))) {
        return TAG_TEXT;
    }
    struct position at = position_of(b, token);
    rs_config_note_at(b->config, false, at.line, at.column,
                      "the tag \"%.*s\" is not supported here; only !file PATH is",
                      (int)rs_utf8_cut(tag.data, tag.size < 64 ? tag.size : 64), (const char *)tag.data);
    return TAG_NONE;
}

static void open_node(struct builder *b, enum rs_config_kind kind, struct fy_token *token,
                      struct fy_token *anchor, struct fy_token *tag)
{
    struct position at = position_of(b, token);
    if (next_is_key(b)) {
        stop(b, at, "a key must be a single name, not a mapping or sequence");
        return;
    }
    if (b->depth == RS_CONFIG_DEPTH_MAX) {
        stop(b, at, "the document nests deeper than 32 levels");
        return;
    }
    refuse_anchor(b, anchor);
    (void)read_tag(b, tag, false);
    struct rs_config_node *node = add_node(b, kind, token);
    if (node) {
        b->open[b->depth++] = node;
    }
}

static bool is_null(const char *text)
{
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
           strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

/* What is wrong with a scalar's own bytes (escapes can make zero bytes and lone surrogates); NULL: nothing.
 */
static const char *scalar_fault(struct rs_slice text, bool key)
{
    if (text.size > 0 && memchr(text.data, '\0', text.size)) {
        return "a text must not hold a zero byte";
    }
    if (!rs_utf8_valid(text.data, text.size)) {
        return "a text is not valid Unicode";
    }
    return key && text.size == 0 ? "a key is empty" : NULL;
}

static bool is_plain(struct fy_token *token)
{
    enum fy_scalar_style style = fy_scalar_token_get_style(token);
    return style == FYSS_PLAIN || style == FYSS_ANY;
}

static void note_style(struct rs_config_node *node, struct fy_token *token, bool text)
{
    enum fy_scalar_style style = token ? fy_scalar_token_get_style(token) : FYSS_PLAIN;
    node->quoted = (style != FYSS_PLAIN && style != FYSS_ANY) || text;
    /* The mark of a quoted scalar stands behind its quote. */
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && node->column > 1) {
        node->column--;
    }
}

static void read_scalar(struct builder *b, struct fy_event_scalar_data *scalar)
{
    bool key = next_is_key(b);
    refuse_anchor(b, scalar->anchor);
    enum tag tag = read_tag(b, scalar->tag, !key);
    struct rs_slice text = token_text(scalar->value);
    struct fy_token *value = scalar->value;
    if (value && text.size == 0 && is_plain(value)) {
        value = NULL; /* nothing is written there */
    }
    /* An empty value has no place of its own; its tag has. */
    bool at_tag = text.size == 0 && scalar->tag;
    struct rs_config_node *node = add_node(b, RS_CONFIG_SCALAR, at_tag ? scalar->tag : value);
    if (!node) {
        return;
    }
    note_style(node, value, tag == TAG_TEXT);
    node->text = rs_arena_slice(&b->config->arena, text);
    if (!node->text) {
        stop_no_memory(b);
        return;
    }
    const char *fault = scalar_fault(text, key);
    if (fault) {
        rs_config_complain(b->config, node, "%s", fault);
        node->faulty = true;
    } else if (!key) {
        if (!node->quoted && is_null(node->text)) {
            node->kind = RS_CONFIG_NULL;
        }
        rs_config_expand(b->config, node, tag == TAG_FILE);
    }
}

static void read_alias(struct builder *b, struct fy_token *anchor)
{
    struct rs_config_node *node = add_node(b, RS_CONFIG_SCALAR, anchor);
    if (node) {
        node->text = "";
        node->faulty = true;
        rs_config_complain(b->config, node, "aliases (*name) are not supported; write the value out");
    }
}

/* What no "---" announces begins with its first node, see add_node. */
static void read_document_start(struct builder *b, struct fy_token *token, bool announced)
{
    if (++b->documents > 1 && announced) {
        stop(b, position_of(b, token), second_document);
    }
}

static void handle(struct builder *b, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        read_document_start(b, event->document_start.document_start, !event->document_start.implicit);
        break;
    case FYET_SCALAR: read_scalar(b, &event->scalar); break;
    case FYET_ALIAS: read_alias(b, event->alias.anchor); break;
    case FYET_SEQUENCE_START:
        open_node(b, RS_CONFIG_SEQUENCE, event->sequence_start.sequence_start, event->sequence_start.anchor,
                  event->sequence_start.tag);
        break;
    case FYET_MAPPING_START:
        open_node(b, RS_CONFIG_MAPPING, event->mapping_start.mapping_start, event->mapping_start.anchor,
                  event->mapping_start.tag);
        break;
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END: close_node(b); break;
    default: break;
    }
}

/* The first error is the cause; libfyaml's later ones follow from it. Unlike marks, they count from one. */
static void take_syntax_error(struct builder *b, struct fy_diag *diag)
{
    void *cursor = NULL;
    const struct fy_diag_error *fault = fy_diag_errors_iterate(diag, &cursor);
    if (!fault) {
        stop(b, position_of(b, NULL), "this is not valid YAML");
        return;
    }
    b->stopped = true;
    unsigned line = fault->line > 0 ? (unsigned)fault->line : 1;
    unsigned column = fault->column > 0 ? (unsigned)fault->column : 1;
    rs_config_note_at(b->config, false, line, column, "this is not valid YAML: %s", fault->msg);
}

static void read_events(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    while (!b->stopped) {
        struct fy_event *event = fy_parser_parse(parser);
        if (!event) {
            break;
        }
        handle(b, event);
        fy_parser_event_free(parser, event);
    }
    if (!b->stopped && fy_parser_get_stream_error(parser)) {
        take_syntax_error(b, diag);
    }
}

static void parse_with(struct builder *b, struct fy_diag *diag, const char *text, size_t size)
{
    struct fy_parse_cfg cfg = {
        .search_path = "",
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create(&cfg);
    if (!parser || fy_parser_set_string(parser, text, size) != 0) {
        stop_no_memory(b);
    } else {
        read_events(b, parser, diag);
    }
    fy_parser_destroy(parser);
}

/* libfyaml is not asked to judge bytes that are no text at all. */
static bool check_bytes(struct builder *b, const char *text, size_t size)
{
    size_t good = rs_utf8_valid_until((const uint8_t *)text, size);
    const char *zero = memchr(text, '\0', good);
    if (zero) {
        good = (size_t)(zero - text);
    }
    if (good == size) {
        return true;
    }
    struct position at = {1, 1};
    for (size_t i = 0; i < good; i++) {
        at.column = text[i] == '\n' ? 1 : at.column + (((uint8_t)text[i] & 0xC0) != 0x80);
        at.line += text[i] == '\n';
    }
    stop(b, at,
         zero ? "a zero byte; the file is not YAML" : "a byte that is not UTF-8; the file is not YAML");
    return false;
}

static void check_root(struct builder *b)
{
    struct rs_config_node *root = b->config->root;
    if (!b->stopped && (!root || root->kind == RS_CONFIG_NULL)) {
        complain_at(b, (struct position){1, 1}, "the document is empty");
    } else if (!b->stopped && root->kind != RS_CONFIG_MAPPING) {
        complain_at(b, (struct position){root->line, root->column},
                    "the document must be a mapping (key: value)");
    }
    /* A tree that was not read to its end has open nodes: nobody may look at it. */
    if (b->stopped || !root || root->kind != RS_CONFIG_MAPPING) {
        b->config->root = NULL;
    }
}

void rs_config_parse(struct rs_config *config, const char *text, size_t size)
{
    struct builder b = {.config = config};
    struct fy_diag_cfg cfg = {.level = FYET_ERROR, .module_mask = UINT_MAX};
    if (size > 0 && check_bytes(&b, text, size)) {
        struct fy_diag *diag = fy_diag_create(&cfg);
        if (diag) {
            fy_diag_set_collect_errors(diag, true);
            parse_with(&b, diag, text, size);
        } else {
            stop_no_memory(&b);
        }
        fy_diag_destroy(diag);
    }
    check_root(&b);
}
