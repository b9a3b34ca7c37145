/* config internal: what the parts of config share.
 * Thread: one, as config.h. */
#ifndef RS_BASE_CONFIG_INTERNAL_H
#define RS_BASE_CONFIG_INTERNAL_H

#include "base/arena.h"
#include "base/config/config.h"

#define RS_CONFIG_SIZE_MAX   ((size_t)1 << 20)
#define RS_CONFIG_SECRET_MAX ((size_t)64 << 10)
#define RS_CONFIG_DEPTH_MAX  32
#define RS_CONFIG_NODES_MAX  100000
#define RS_CONFIG_NOTES_MAX  1000 /* complaints kept; more are only counted */

struct rs_config_node {
    enum rs_config_kind kind;
    bool quoted;
    bool secret; /* the text came from the environment or a file */
    bool faulty; /* complained about at loading: getters stay silent */
    unsigned line;
    unsigned column;
    const char *text;
    struct rs_config_node **items; /* mapping: key, value, key, value ... */
    size_t count;                  /* of items */
    struct rs_config_node *first;  /* children while the node is being built */
    struct rs_config_node *last;
    struct rs_config_node *next;
};

struct rs_config_note {
    unsigned line;
    unsigned column;
    bool warning;
    const char *text;
};

struct rs_config {
    struct rs_arena arena;
    const char *name;
    const char *directory;
    struct rs_config_node *root;
    struct rs_config_note *notes; /* by position, then in the order they were made */
    size_t note_count;
    size_t complaints;
    size_t warnings;
    bool failed; /* out of memory on the way; counts as a complaint */
};

/* Complaint at a position. */
void rs_config_note_at(struct rs_config *config, bool warning, unsigned line, unsigned column,
                       const char *format, ...) RS_PRINTF(5, 6);

/* Reads YAML into config->root; faults become complaints. */
void rs_config_parse(struct rs_config *config, const char *text, size_t size);

/* Replaces ${NAME} in a scalar's text, and the text by the file's content for `!file`. */
void rs_config_expand(struct rs_config *config, struct rs_config_node *scalar, bool file);

#endif
