// SPDX-License-Identifier: MIT
#include <stddef.h>
#include <stdint.h>
#include "scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

int scratch_create(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/vkstyle-test-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int visit(bool erase)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        count++;
        if (erase)
            remove(scratch_path(entry->d_name));
    }
    closedir(dir);
    return count;
}

int scratch_remove(void **state)
{
    (void)state;
    visit(true);
    return rmdir(folder);
}

int scratch_count(void)
{
    return visit(false);
}

const char *scratch_path(const char *name)
{
    static char paths[16][600];
    static int turn;
    char *path = paths[turn++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void scratch_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

char *scratch_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    data[*size] = '\0';
    fclose(file);
    return data;
}

bool scratch_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

const char *scratch_shared(const char *name)
{
    static char path[600];
    const char *base = getenv("VKSTYLE_SHARED");
    if (!base)
        base = getenv("VKSTYLE_SHARED_DEFAULT"); // meson's: ../shared beside the source
    if (!base)
        return NULL;
    snprintf(path, sizeof path, "%s/%s", base, name);
    return access(path, R_OK) == 0 ? path : NULL;
}

void check_failure(const vkstyle_error *error, vkstyle_status status, const char *words,
                   const char *file, int line)
{
    bool printable = error->text[0] != '\0';
    for (const char *c = error->text; *c; c++)
        printable = printable && (unsigned char)*c >= 0x20;
    if (error->status == status && strstr(error->text, words) && printable)
        return;
    print_error("wanted status %d and '%s', got %d: %s\n", status, words, error->status,
                error->text);
    _fail(file, line);
}
