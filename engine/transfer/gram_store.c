// SPDX-License-Identifier: MIT
#include "gram_store.h"
#include "keep.h"
#include "../vkstyle.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// In front of the values.
typedef struct header {
    char magic[8];
    char key[VKS_SHA256_TEXT], sum[VKS_SHA256_TEXT]; // sum: of sizes and values
} header;

static const char MAGIC[8] = "vksgram1", PREFIX[] = "style-";
enum { PATH_ROOM = VKSTYLE_PATH * 2 };

typedef struct file_name {
    char text[sizeof PREFIX + VKS_SHA256_TEXT];
} file_name;

static file_name name_of(const char *key)
{
    file_name name;
    snprintf(name.text, sizeof name.text, "%s%s", PREFIX, key);
    return name;
}

bool vks_grams_are_kept(void)
{
    const char *asked = getenv("VKSTYLE_STYLES");
    return !asked || strcmp(asked, "0") != 0;
}

static size_t bytes_of(const size_t *sizes, int count)
{
    size_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += sizes[i] * sizeof(float);
    return sum;
}

static header header_of(const char *key, float *const *grams, const size_t *sizes, int count)
{
    header h = {.magic = {0}};
    vks_sha256 hash;
    vks_sha256_init(&hash);
    for (int i = 0; i < count; i++)
        if (sizes[i])
            vks_sha256_fold(&hash, grams[i], sizes[i] * sizeof(float));
    vks_sha256_final(&hash, h.sum);
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    snprintf(h.key, sizeof h.key, "%s", key);
    return h;
}

bool vks_grams_find(const char key[VKS_SHA256_TEXT], float *const *grams, const size_t *sizes,
                    int count)
{
    char path[PATH_ROOM];
    bool there = vks_keep_path(name_of(key).text, false, path, sizeof path);
    FILE *file = there ? fopen(path, "rb") : NULL;
    header is;
    struct stat status;
    if (!file)
        return false;
    bool good = !fstat(fileno(file), &status) && S_ISREG(status.st_mode) &&
                (size_t)status.st_size == sizeof is + bytes_of(sizes, count) &&
                fread(&is, sizeof is, 1, file) == 1;
    for (int i = 0; good && i < count; i++)
        good = !sizes[i] || fread(grams[i], sizeof(float), sizes[i], file) == sizes[i];
    if (good) {
        header right = header_of(key, grams, sizes, count);
        good = !memcmp(&is, &right, sizeof is);
    }
    if (good) // it was asked for now
        (void)futimens(fileno(file), NULL);
    fclose(file);
    return good;
}

// Removes what is oldest until the rest is small enough.
static void forget(void)
{
    for (;;) {
        char folder[PATH_ROOM], path[PATH_ROOM], oldest[PATH_ROOM] = "";
        struct timespec then = {0};
        size_t bytes = 0;
        DIR *list = vks_keep_path("", false, folder, sizeof folder) ? opendir(folder) : NULL;
        for (struct dirent *entry; list && (entry = readdir(list));) {
            struct stat status;
            if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) ||
                !vks_keep_path(entry->d_name, false, path, sizeof path) || stat(path, &status))
                continue;
            struct timespec at = status.st_mtim;
            bytes += (size_t)status.st_size;
            if (!*oldest || at.tv_sec < then.tv_sec ||
                (at.tv_sec == then.tv_sec && at.tv_nsec < then.tv_nsec)) {
                memcpy(oldest, path, sizeof oldest);
                then = at;
            }
        }
        if (list)
            closedir(list);
        if (bytes <= VKS_GRAMS_MOST || !*oldest || unlink(oldest))
            return;
    }
}

void vks_grams_keep(const char key[VKS_SHA256_TEXT], float *const *grams, const size_t *sizes,
                    int count)
{
    vks_keeping keeping;
    if (bytes_of(sizes, count) > VKS_GRAMS_EACH)
        return;
    FILE *file = vks_keep_begin(&keeping, name_of(key).text);
    if (!file)
        return;
    header h = header_of(key, grams, sizes, count);
    bool done = fwrite(&h, sizeof h, 1, file) == 1;
    for (int i = 0; done && i < count; i++)
        done = !sizes[i] || fwrite(grams[i], sizeof(float), sizes[i], file) == sizes[i];
    vks_keep_end(&keeping, file, done);
    forget();
}
