// SPDX-License-Identifier: MIT
#include "image.h"
#include "../error.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t vks_memory_free(void)
{
    const char *debug = getenv("VKSTYLE_DEBUG_IMAGE_BYTES");
    if (debug && *debug)
        return strtoull(debug, NULL, 10);
    uint64_t kilobytes = 0;
    FILE *meminfo = fopen("/proc/meminfo", "re");
    if (meminfo) {
        char line[256];
        while (!kilobytes && fgets(line, sizeof line, meminfo))
            if (!strncmp(line, "MemAvailable:", 13))
                kilobytes = strtoull(line + 13, NULL, 10);
        fclose(meminfo);
    }
    if (kilobytes)
        return kilobytes * 1024;
    // No Linux: the whole memory is the best that is known.
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
}

bool vks_image_room(const char *subject, int64_t width, int64_t height, int bytes_per_pixel,
                    vkstyle_error *error)
{
    if (width < 1 || height < 1)
        return vks_fail(error, VKSTYLE_FAILED,
                        "%s is %" PRId64 "x%" PRId64 " pixels; a picture has at least 1x1", subject,
                        width, height);
    if (width > VKS_IMAGE_SIDE || height > VKS_IMAGE_SIDE)
        return vks_fail(error, VKSTYLE_FAILED,
                        "%s is %" PRId64 "x%" PRId64 " pixels; no side may be longer than %d",
                        subject, width, height, VKS_IMAGE_SIDE);
    // At most 1e12 pixels of a few dozen bytes: far from the end of 64 bits.
    uint64_t need = (uint64_t)width * (uint64_t)height * (uint64_t)bytes_per_pixel;
    uint64_t have = vks_memory_free();
    if (need > have || need > SIZE_MAX / 2)
        return vks_fail(error, VKSTYLE_NO_MEMORY,
                        "%s is %" PRId64 "x%" PRId64 " pixels: that takes %" PRIu64
                        " MB of memory and %" PRIu64 " MB are free; make it smaller first",
                        subject, width, height, need / 1000000 + 1, have / 1000000);
    return true;
}

const char *vks_image_name(const char *path)
{
    size_t length = strlen(path);
    if (length <= 300)
        return path;
    path += length - 300;
    while ((*path & 0xc0) == 0x80) // not from the middle of a character
        path++;
    return path;
}

vkstyle_image *vkstyle_image_create(int width, int height, bool with_alpha, vkstyle_error *error)
{
    if (!vks_image_room("The picture to make", width, height, with_alpha ? 16 : 12, error))
        return NULL;
    size_t pixels = (size_t)width * (size_t)height;
    vkstyle_image *image = calloc(1, sizeof *image);
    if (image) {
        image->width = width;
        image->height = height;
        image->rgb = calloc(pixels, 3 * sizeof *image->rgb);
        if (with_alpha)
            image->alpha = calloc(pixels, sizeof *image->alpha);
    }
    if (!image || !image->rgb || (with_alpha && !image->alpha)) {
        vkstyle_image_free(&image);
        vks_fail(
            error, VKSTYLE_NO_MEMORY,
            "A picture of %dx%d pixels takes %zu MB of memory, more than the system gives; make "
            "it smaller or end other programs",
            width, height, pixels * (with_alpha ? 16 : 12) / 1000000 + 1);
        return NULL;
    }
    return image;
}

void vkstyle_image_free(vkstyle_image **image)
{
    if (!image || !*image)
        return;
    free((*image)->rgb);
    free((*image)->alpha);
    free(*image);
    *image = NULL;
}

static void hash_words(vks_sha256 *hash, const void *words, size_t count)
{
    const uint8_t *from = words;
    uint8_t bytes[4096];
    while (count) {
        size_t some = count < sizeof bytes / 4 ? count : sizeof bytes / 4;
        for (size_t i = 0; i < some; i++) {
            uint32_t word;
            memcpy(&word, from + 4 * i, 4);
            for (int b = 0; b < 4; b++) // little endian on every machine
                bytes[4 * i + b] = (uint8_t)(word >> 8 * b);
        }
        vks_sha256_update(hash, bytes, 4 * some);
        from += 4 * some;
        count -= some;
    }
}

void vks_image_hash(const vkstyle_image *image, char text[VKS_SHA256_TEXT])
{
    const uint32_t size[2] = {(uint32_t)image->width, (uint32_t)image->height};
    size_t pixels = (size_t)image->width * (size_t)image->height;
    vks_sha256 hash;
    vks_sha256_init(&hash);
    hash_words(&hash, size, 2);
    hash_words(&hash, image->rgb, 3 * pixels);
    if (image->alpha)
        hash_words(&hash, image->alpha, pixels);
    vks_sha256_final(&hash, text);
}

// ---------------------------------------------------------------- threads

enum { MAX_THREADS = 16 };

typedef struct share {
    pthread_t thread;
    bool started, done_well;
    int first, last;
    vks_rows_fn work;
    void *user;
} share;

static void *work_share(void *argument)
{
    share *mine = argument;
    mine->done_well = mine->work(mine->first, mine->last, mine->user);
    return NULL;
}

bool vks_image_rows(int count, vks_rows_fn work, void *user)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (int)cores;
    if (threads > count)
        threads = count;
    share shares[MAX_THREADS] = {0};
    for (int i = 0; i < threads; i++) {
        shares[i].first = (int)((int64_t)count * i / threads);
        shares[i].last = (int)((int64_t)count * (i + 1) / threads);
        shares[i].work = work;
        shares[i].user = user;
        // The first share is the caller's own; so is one for which there is no thread to be had.
        if (i)
            shares[i].started = !pthread_create(&shares[i].thread, NULL, work_share, &shares[i]);
    }
    bool well = true;
    for (int i = 0; i < threads; i++) {
        if (shares[i].started)
            pthread_join(shares[i].thread, NULL);
        else
            work_share(&shares[i]);
        well &= shares[i].done_well;
    }
    return well;
}
