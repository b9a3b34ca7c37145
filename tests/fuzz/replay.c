/* Runs a libFuzzer harness over the files of the directories named, where there is no libFuzzer (gcc).
 * No file at all is a failure: a corpus that is not found tests nothing. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)1 << 20)

static int replay_file(const char *path)
{
    struct rs_buf input = {0};
    struct rs_error error;
    if (rs_file_read(path, INPUT_MAX, &input, &error) != 0) {
        fprintf(stderr, "replay: %s\n", error.text);
        rs_buf_fini(&input);
        return -1;
    }
    LLVMFuzzerTestOneInput(input.data, input.size);
    rs_buf_fini(&input);
    return 0;
}

static int replay_directory(const char *name, size_t *count)
{
    DIR *directory = opendir(name);
    if (!directory) {
        fprintf(stderr, "replay: cannot open %s\n", name);
        return -1;
    }
    int failures = 0;
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        char path[4096];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
            failures += replay_file(path) != 0;
            (*count)++;
        }
    }
    closedir(directory);
    return failures;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int failures = 0;
    for (int i = 1; i < argc; i++) {
        failures += replay_directory(argv[i], &count) != 0;
    }
    printf("replay: %zu inputs\n", count);
    return failures == 0 && count > 0 ? 0 : 1;
}
