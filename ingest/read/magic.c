#include "ingest/read/magic.h"

#include <string.h>

/* '\1' in `first` stands for any byte: none of these has one that counts there. Where letters begin it, as much
 * follows as no text has. */
struct kind {
    struct rs_slice first;
    struct rs_magic magic;
};

#define FIRST(text)                                                                                          \
    {                                                                                                        \
        .data = (const uint8_t *)(text), .size = sizeof(text) - 1                                            \
    }

static const struct kind kinds[] = {
    {FIRST("\x1f\x8b"), {.packed = RS_UNPACK_GZIP}},
    {FIRST("\x28\xb5\x2f\xfd"), {.packed = RS_UNPACK_ZSTD}},
    {FIRST("\xfd"
           "7zXZ\0"),
     {.packed = RS_UNPACK_XZ}},
    {FIRST("BZh\1\x31\x41\x59\x26\x53\x59"), {.packed = RS_UNPACK_BZIP2}},
    {FIRST("BZh\1\x17\x72\x45\x38\x50\x90"), {.packed = RS_UNPACK_BZIP2}}, /* of no bytes */
    {FIRST("PK\x03\x04"), {.foreign = "is a ZIP archive; unpack it first (unzip -p)"}},
    {FIRST("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
     {.foreign = "is a file of an old Office program (xls); save the sheet as CSV in UTF-8"}},
    {FIRST("PAR1\x15"), {.foreign = "is a Parquet file; write it as CSV or Avro first"}},
    {FIRST("\x04\x22\x4d\x18"), {.foreign = "is an lz4 file; unpack it first (lz4 -dc)"}},
    {FIRST("7z\xbc\xaf\x27\x1c"), {.foreign = "is a 7z archive; unpack it first (7z x)"}},
    {FIRST("\x1f\x9d"), {.foreign = "is packed by compress; unpack it first (zcat)"}},
};

static bool begins(const struct kind *kind, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size && i < kind->first.size; i++) {
        if (data[i] != kind->first.data[i] && kind->first.data[i] != '\1') {
            return false;
        }
    }
    return true;
}

/* The first entry of the archive of a spreadsheet tells; its name follows a head of 30 bytes. */
static const char *sheet_of(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"[Content_Types].xml", "_rels/", "xl/", "docProps/"};
    static const char ods[] = "mimetypeapplication/vnd.oasis.opendocument.spreadsheet";
    size_t have = size > 30 ? size - 30 : 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (have >= strlen(names[i]) && memcmp(data + 30, names[i], strlen(names[i])) == 0) {
            return "is an Excel workbook (xlsx); save the sheet as CSV in UTF-8";
        }
    }
    return have >= sizeof ods - 1 && memcmp(data + 30, ods, sizeof ods - 1) == 0
               ? "is an OpenDocument spreadsheet (ods); save the sheet as CSV in UTF-8"
               : NULL;
}

bool rs_magic_find(const uint8_t *data, size_t size, struct rs_magic *out)
{
    bool open = false;
    *out = (struct rs_magic){0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct kind *kind = &kinds[i];
        if (!begins(kind, data, size)) {
            continue;
        }
        if (size >= kind->first.size) {
            const char *sheet = data[0] == 'P' ? sheet_of(data, size) : NULL;
            *out = kind->magic;
            out->foreign = sheet ? sheet : out->foreign;
            return true;
        }
        open = true;
    }
    return !open;
}
