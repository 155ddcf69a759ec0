// SPDX-License-Identifier: MIT
#include "made.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A test without its files is no test: whatever fails here ends the program.
static void need(bool well, const char *what)
{
    if (well)
        return;
    perror(what);
    abort();
}

void made_free(made *file)
{
    free(file->data);
    *file = (made){0};
}

void made_add(made *file, const void *data, size_t size)
{
    if (file->size + size > file->capacity) {
        file->capacity = 2 * file->capacity + size + 64;
        file->data = realloc(file->data, file->capacity);
        need(file->data, "realloc");
    }
    if (size)
        memcpy(file->data + file->size, data, size);
    file->size += size;
}

void made_byte(made *file, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    made_add(file, &byte, 1);
}

void made_big(made *file, unsigned value, int bytes)
{
    while (bytes--)
        made_byte(file, value >> 8 * bytes);
}

void made_little(made *file, unsigned value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        made_byte(file, value >> 8 * i);
}

void made_text(made *file, const char *text)
{
    made_add(file, text, strlen(text));
}

void made_insert(made *file, size_t at, const void *data, size_t size)
{
    made rest = {0};
    made_add(&rest, file->data + at, file->size - at);
    file->size = at;
    made_add(file, data, size);
    made_add(file, rest.data, rest.size);
    made_free(&rest);
}

unsigned made_sample(int channel, int x, int y, unsigned most)
{
    unsigned h = (unsigned)channel * 2654435761u + (unsigned)x * 40503u + (unsigned)y * 2246822519u;
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    h *= 3266489917u;
    h ^= h >> 16;
    return h % (most + 1);
}

static char folder[64];

void made_folder(void)
{
    strcpy(folder, "/tmp/vkstyle-image-XXXXXX");
    need(mkdtemp(folder), "mkdtemp");
}

const char *made_path(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int each_file(bool remove_it)
{
    DIR *open = opendir(folder);
    need(open, folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(open));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        count++;
        if (remove_it)
            need(!remove(made_path(entry->d_name)), entry->d_name);
    }
    closedir(open);
    return count;
}

int made_folder_count(void)
{
    return each_file(false);
}

void made_folder_remove(void)
{
    each_file(true);
    need(!rmdir(folder), folder);
}

void made_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    need(file, path);
    need(fwrite(data, 1, size, file) == size, path);
    need(!fclose(file), path);
}

made made_read(const char *path)
{
    made file = {0};
    FILE *from = fopen(path, "rb");
    need(from, path);
    uint8_t buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, from));)
        made_add(&file, buffer, got);
    need(!ferror(from), path);
    fclose(from);
    return file;
}
