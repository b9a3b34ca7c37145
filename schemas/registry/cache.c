#include "schemas/registry/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "schemas/registry/answer.h"

#define FORMAT      1
#define FILE_MAX    (2 * RS_REGISTRY_SCHEMA_MAX + 1024) /* JSON in JSON */
#define UNFINISHED  ".new-"
#define ABANDONED_S 60 /* a write takes no longer than that */
#define HEX_SIZE    (2 * SHA256_DIGEST_SIZE + 1)
#define NAME_SIZE   128

struct rs_registry_cache {
    struct rs_report report;
    bool look_only;
    struct rs_log_limit limit;
    size_t files;
    uint64_t bytes;
    char path[];
};

struct found {
    char name[NAME_SIZE];
    int64_t used_ns;
    uint64_t size;
};

static void tell(struct rs_registry_cache *cache, const char *name, const char *what, const char *then)
{
    if (rs_log_allowed(&cache->limit, 5, rs_clock_mono(rs_clock_system()))) {
        rs_report(&cache->report, RS_LOG_WARNING, "schema cache: %s/%s %s%s", cache->path, name, what, then);
    }
}

static void hex(struct rs_slice text, char out[HEX_SIZE])
{
    struct sha256_ctx sha;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&sha);
    sha256_update(&sha, text.size, text.data);
    sha256_digest(&sha, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}

/* ---- the directory ---- */

static int oldest_first(const void *a, const void *b)
{
    const struct found *one = a;
    const struct found *other = b;

    return one->used_ns < other->used_ns ? -1 : one->used_ns > other->used_ns;
}

/* Files of ours; what a write that was killed has left is removed. */
static bool look(int directory, const char *name, struct found *out)
{
    struct stat about;
    size_t size = strlen(name);

    if (size >= NAME_SIZE || fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(about.st_mode)) {
        return false;
    }
    if (strncmp(name, UNFINISHED, sizeof UNFINISHED - 1) == 0) {
        int64_t now_us = rs_clock_wall(rs_clock_system());
        if (now_us / 1000000 - about.st_mtim.tv_sec > ABANDONED_S) {
            (void)unlinkat(directory, name, 0);
        }
        return false;
    }
    memcpy(out->name, name, size + 1);
    out->used_ns = (int64_t)about.st_mtim.tv_sec * 1000000000 + about.st_mtim.tv_nsec;
    out->size = (uint64_t)about.st_size;
    return true;
}

static int named_as_ours(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);

    return strncmp(entry->d_name, UNFINISHED, sizeof UNFINISHED - 1) == 0 ||
           (size > 5 && strcmp(entry->d_name + size - 5, ".json") == 0);
}

static void remove_oldest(struct rs_registry_cache *cache, int directory, struct found *all, size_t count)
{
    qsort(all, count, sizeof *all, oldest_first);
    for (size_t i = 0; i <= count / 4 && i < count; i++) {
        if (unlinkat(directory, all[i].name, 0) == 0) {
            cache->files--;
            cache->bytes -= all[i].size;
        }
    }
}

/* Counts what is there, and where that is too much removes the oldest quarter of it, so that it need not be
 * done again soon. */
static int tidy(struct rs_registry_cache *cache, struct rs_error *error)
{
    struct dirent **entries = NULL;
    int directory = open(cache->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = directory < 0 ? -1 : scandir(cache->path, &entries, named_as_ours, NULL);
    struct found *all = count < 0 ? NULL : calloc((size_t)count + 1, sizeof *all);

    cache->files = 0;
    cache->bytes = 0;
    int code = all ? 0 : rs_fail(error, RS_EIO, "schema cache %s: %s", cache->path, strerrordesc_np(errno));
    for (int i = 0; i < count; i++) {
        if (all && look(directory, entries[i]->d_name, &all[cache->files])) {
            cache->bytes += all[cache->files++].size;
        }
        free(entries[i]);
    }
    if (cache->files >= RS_REGISTRY_CACHE_FILES || cache->bytes >= RS_REGISTRY_CACHE_BYTES) {
        remove_oldest(cache, directory, all, cache->files);
    }
    free(entries);
    free(all);
    if (directory >= 0) {
        close(directory);
    }
    return code;
}

/* errno where it is false. */
static bool usable(const char *path, bool look_only)
{
    return (look_only || mkdir(path, 0700) == 0 || errno == EEXIST) &&
           access(path, look_only ? R_OK | X_OK : R_OK | W_OK | X_OK) == 0;
}

int rs_registry_cache_open(const char *path, bool look_only, const struct rs_report *report,
                           struct rs_registry_cache **out, struct rs_error *error)
{
    size_t size = strlen(path) + 1;
    struct rs_registry_cache *cache = calloc(1, sizeof *cache + size);

    if (!cache) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    memcpy(cache->path, path, size);
    cache->report = *report;
    cache->look_only = look_only;
    int code = usable(path, look_only)
                   ? 0
                   : rs_fail(error, RS_EIO, "schema cache %s: %s", path, strerrordesc_np(errno));
    code = code == 0 && !look_only ? tidy(cache, error) : code;
    if (code != 0) {
        free(cache);
        return code;
    }
    *out = cache;
    return 0;
}

void rs_registry_cache_free(struct rs_registry_cache **cache)
{
    free(*cache);
    *cache = NULL;
}

/* ---- a file ---- */

/* NULL: out of memory. */
static const char *file_path(const struct rs_registry_cache *cache, const char *key, struct rs_buf *out)
{
    rs_buf_printf(out, "%s/%s.json", cache->path, key);
    return rs_buf_cstr(out);
}

/* The text of a file that is whole; NULL: it is damaged, or another's. */
static const char *whole(const json_t *root, const char *key)
{
    char sum[HEX_SIZE];
    const json_t *schema = json_object_get(root, "schema");
    const char *told_key = json_string_value(json_object_get(root, "key"));
    const char *told_sum = json_string_value(json_object_get(root, "sha256"));

    if (json_integer_value(json_object_get(root, "format")) != FORMAT || !json_is_string(schema) ||
        !told_key || !told_sum || strcmp(told_key, key) != 0) {
        return NULL;
    }
    hex(rs_slice_of(json_string_value(schema), json_string_length(schema)), sum);
    return strcmp(told_sum, sum) == 0 ? json_string_value(schema) : NULL;
}

bool rs_registry_cache_get(struct rs_registry_cache *cache, const char *key, struct rs_buf *out)
{
    struct rs_buf path = {0};
    struct rs_buf file = {0};
    struct rs_error error;
    const char *schema = NULL;
    json_t *root = NULL;

    const char *name = file_path(cache, key, &path);
    if (name && access(name, F_OK) == 0) {
        if (rs_file_read(name, FILE_MAX, &file, &error) == 0) {
            root = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, NULL);
        }
        schema = root ? whole(root, key) : NULL;
        if (schema) {
            if (!cache->look_only) {
                (void)utimensat(AT_FDCWD, name, NULL, 0);
            }
            rs_buf_text(out, schema);
        } else {
            tell(cache, key, "is damaged or cannot be read and counts for nothing",
                 ": the registry is asked again");
        }
    }
    json_decref(root);
    rs_buf_fini(&file);
    rs_buf_fini(&path);
    return schema && !out->failed;
}

/* What is renamed into place was written whole. It is not forced to the disk, which would take longer than
 * asking the registry does: what a loss of power has left of it fails its checksum. False: errno. */
static bool write_file(const char *unfinished, const char *path, const char *text, size_t size)
{
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return false;
    }
    bool written = rs_file_write_all(fd, rs_slice_of(text, size));
    int reason = errno;
    written = close(fd) == 0 && written;
    if (written && rename(unfinished, path) == 0) {
        return true;
    }
    reason = written ? errno : reason;
    (void)unlink(unfinished);
    errno = reason;
    return false;
}

void rs_registry_cache_put(struct rs_registry_cache *cache, const char *key, struct rs_slice schema)
{
    char sum[HEX_SIZE];
    struct rs_buf path = {0};
    struct rs_buf unfinished = {0};
    struct rs_error error;

    if (cache->look_only) {
        return;
    }
    hex(schema, sum);
    json_t *root = json_pack("{s:i, s:s, s:s, s:s%}", "format", FORMAT, "key", key, "sha256", sum, "schema",
                             (const char *)schema.data, schema.size);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    rs_buf_printf(&unfinished, "%s/" UNFINISHED "%ld-%s", cache->path, (long)getpid(), key);
    const char *from = rs_buf_cstr(&unfinished);
    const char *to = file_path(cache, key, &path);
    if (text && from && to) {
        size_t size = strlen(text);
        if (!write_file(from, to, text, size)) {
            tell(cache, key, "cannot be written: ", strerrordesc_np(errno));
        }
        cache->files++;
        cache->bytes += size;
        if (cache->files >= RS_REGISTRY_CACHE_FILES || cache->bytes >= RS_REGISTRY_CACHE_BYTES) {
            (void)tidy(cache, &error);
        }
    }
    free(text);
    rs_buf_fini(&unfinished);
    rs_buf_fini(&path);
}
