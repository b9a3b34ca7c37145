/* config: YAML with line and column in every complaint, all complaints at once.
 * A document is loaded (libfyaml), then each stage reads its part with the getters below. A getter that finds
 * something wrong adds a complaint and returns false; the stage goes on, so that one run names every fault.
 * Unknown keys are complaints that name the nearest known key.
 * `${NAME}` in a value is replaced from the environment (`$${` stands for `${`; ${HOSTNAME} is the host's
 * name where the environment has none, as under systemd); `!file PATH`-tagged values are replaced by the
 * file's content without its last newline (secrets through systemd credentials), relative paths starting from
 * the configuration's directory. What was put in never shows in complaints. Anchors, aliases, tags other than
 * !file and !!str, equal keys, keys that are no scalars and second documents are refused.
 * Thread: one.
 * Owns: the document; nodes and strings live as long as it.
 * Limits: 1 MiB, 32 levels, 100000 values; 64 KiB for a file put in; 1000 complaints, more are counted. */
#ifndef RS_BASE_CONFIG_CONFIG_H
#define RS_BASE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/unit.h"

struct rs_config;      /* a loaded document and its complaints */
struct rs_config_node; /* a scalar, sequence or mapping in it */

/* RS_EIO: the file cannot be opened or read; RS_ECONFIG: it is too large. What is wrong inside are
 * complaints, not errors. */
RS_MUST_USE int rs_config_load_file(const char *path, struct rs_config **out, struct rs_error *error);
RS_MUST_USE int rs_config_load_text(const char *name, const char *text, struct rs_config **out,
                                    struct rs_error *error);
void rs_config_free(struct rs_config **config);

/* Root mapping; NULL, and a complaint, when the document could not be read to its end or is no mapping. */
const struct rs_config_node *rs_config_root(const struct rs_config *config);
/* Directory of the file, for relative paths inside; "." for text. */
const char *rs_config_directory(const struct rs_config *config);

/* ---- complaints ---- */
void rs_config_complain(struct rs_config *config, const struct rs_config_node *where, const char *format, ...)
    RS_PRINTF(3, 4);
void rs_config_warn(struct rs_config *config, const struct rs_config_node *where, const char *format, ...)
    RS_PRINTF(3, 4);
size_t rs_config_complaints(const struct rs_config *config);
/* "FILE:LINE:COLUMN: text" lines in document order; warnings as "FILE:LINE:COLUMN: warning: text". */
void rs_config_report(const struct rs_config *config, struct rs_buf *out);

/* A program that uses no more than these keys of the root (NULL-terminated), or one that does not use the
 * value at `path` ("redis.password"; dots lead into mappings), says so right behind loading: what was found
 * wrong there by then, such as a secret that only the service has, is none of its business. Getters stay
 * silent about it. */
void rs_config_use_only(struct rs_config *config, const char *const *keys);
void rs_config_pass_by(struct rs_config *config, const char *path);

/* ---- structure ---- */
enum rs_config_kind { RS_CONFIG_NULL, RS_CONFIG_SCALAR, RS_CONFIG_SEQUENCE, RS_CONFIG_MAPPING };
enum rs_config_kind rs_config_kind(const struct rs_config_node *node);
size_t rs_config_size(const struct rs_config_node *node); /* items or pairs */
const struct rs_config_node *rs_config_item(const struct rs_config_node *sequence, size_t index);
/* Pair number `index` of a mapping, in document order. */
void rs_config_pair(const struct rs_config_node *mapping, size_t index, const struct rs_config_node **key,
                    const struct rs_config_node **value);
/* NULL when absent. No complaint. */
const struct rs_config_node *rs_config_get(const struct rs_config_node *mapping, const char *key);
/* Raw text of a scalar after substitution; NULL for other kinds. */
const char *rs_config_text(const struct rs_config_node *scalar);
/* A null of which nothing is written, unlike the word null. */
bool rs_config_empty(const struct rs_config_node *node);
/* The text as complaints may show it: "(hidden)" for what came from the environment or a file. */
const char *rs_config_shown(const struct rs_config_node *scalar);
/* Complained about when it was loaded: the text is not what is meant. NULL: not. */
bool rs_config_faulty(const struct rs_config_node *node);

/* Complains unless `node` is a mapping whose keys are all in `known` (NULL-terminated), each once. */
bool rs_config_expect_mapping(struct rs_config *config, const struct rs_config_node *node, const char *what,
                              const char *const *known);

/* ---- typed getters: value of `key` in `mapping` ---- */
/* Absent: true, *out untouched. Wrong: complaint, false. */
bool rs_config_string(struct rs_config *c, const struct rs_config_node *mapping, const char *key,
                      const char **out);
bool rs_config_int(struct rs_config *c, const struct rs_config_node *mapping, const char *key, int64_t min,
                   int64_t max, int64_t *out);
bool rs_config_bool(struct rs_config *c, const struct rs_config_node *mapping, const char *key, bool *out);
/* 100ms 30s 5m 1h 7d 2w, also summed: 1h30m; in microseconds (us and ms accepted). */
bool rs_config_duration(struct rs_config *c, const struct rs_config_node *mapping, const char *key,
                        int64_t min_us, int64_t max_us, int64_t *out_us);
/* 512 64KiB 1MiB 2GiB (also kB MB GB) in bytes. */
bool rs_config_bytes(struct rs_config *c, const struct rs_config_node *mapping, const char *key, int64_t min,
                     int64_t max, int64_t *out);

#endif
