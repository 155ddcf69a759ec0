// SPDX-License-Identifier: MIT
// The one place where stb_image and stb_image_write are compiled; nothing of them is seen outside.
#include "image.h"
#include "../error.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

// GCC reports this one at the end of the file, whatever is popped before.
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wtype-limits"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wpointer-arith"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
// stb relies on integers that wrap around (2.27: products of damaged JPEG coefficients; write 1.16:
// shifts of its bit buffer): make that so, and keep the sanitizer of clang out of it.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("undefined"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC optimize("wrapv")
#endif
// PNG is libpng's and PNM pnm.c's: see there. No other format is needed, and each is a risk.
// Memory is zeroed: 2.27 reads tables that a damaged file does not define.
#define STBI_MALLOC(size)        calloc(1, size)
#define STBI_REALLOC(data, size) realloc(data, size)
#define STBI_FREE(data)          free(data)
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_TGA
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 1000000
#define STBI_FAILURE_USERMSG
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#pragma GCC diagnostic pop

vkstyle_image *vks_stb_read(const vks_file *file, int64_t width, int64_t height, vks_tags *tags,
                            vkstyle_error *error)
{
    if (file->size > INT_MAX || width * height > INT_MAX / 4) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' is a picture of %lldx%lld pixels in %zu MB, more than the decoder of this "
                 "format takes; convert it to PNG",
                 file->name, (long long)width, (long long)height, file->size / 1000000);
        return NULL;
    }
    int got_width = 0, got_height = 0, channels = 0;
    uint8_t *bytes =
        stbi_load_from_memory(file->data, (int)file->size, &got_width, &got_height, &channels, 0);
    if (!bytes) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' cannot be decoded (%s): it is damaged or of a rare kind; convert it to PNG",
                 file->name, stbi_failure_reason() ? stbi_failure_reason() : "no reason given");
        return NULL;
    }
    vkstyle_image *image = NULL;
    if (got_width != width || got_height != height || channels < 1 || channels > 4)
        vks_fail(error, VKSTYLE_FAILED, "'%s' is damaged: its header contradicts itself",
                 file->name);
    else
        image = vkstyle_image_create(got_width, got_height, channels % 2 == 0, error);
    if (image) {
        tags->grey = channels < 3;
        size_t pixels = (size_t)width * (size_t)height;
        for (int c = 0; c < channels; c++) {
            bool is_alpha = channels % 2 == 0 && c == channels - 1;
            float *plane = is_alpha ? image->alpha : image->rgb + (size_t)c * pixels;
            const uint8_t *from = bytes + c;
            for (size_t i = 0; i < pixels; i++)
                plane[i] = (float)from[i * (size_t)channels] / 255.0f;
        }
    }
    stbi_image_free(bytes);
    return image;
}

void vks_drop_void_alpha(vkstyle_image *image)
{
    if (!image->alpha)
        return;
    size_t pixels = (size_t)image->width * (size_t)image->height;
    float first = image->alpha[0];
    if (first > 0 && first < 1)
        return;
    for (size_t i = 1; i < pixels; i++)
        if (image->alpha[i] != first)
            return;
    free(image->alpha);
    image->alpha = NULL;
}

typedef struct sink {
    FILE *to;
    int why; // errno of the first write that failed
} sink;

static void put(void *user, void *data, int size)
{
    sink *s = user;
    if (!s->why && fwrite(data, 1, (size_t)size, s->to) != (size_t)size)
        s->why = errno ? errno : EIO;
}

bool vks_jpeg_write(const vkstyle_image *image, FILE *to, const char *name, vkstyle_error *error)
{
    enum { LONGEST = 65535, QUALITY = 95 }; // above 90 stb_image_write keeps all of the colour
    size_t pixels = (size_t)image->width * (size_t)image->height;
    if (image->width > LONGEST || image->height > LONGEST || pixels > INT_MAX / 3)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': %dx%d pixels are too many for JPEG; save as PNG", name, image->width,
                        image->height);
    uint8_t *bytes = malloc(3 * pixels);
    if (!bytes)
        return vks_fail(error, VKSTYLE_NO_MEMORY,
                        "'%s': writing JPEG takes %zu MB of memory more, which the system does not "
                        "give; save as PNG",
                        name, 3 * pixels / 1000000 + 1);
    for (int c = 0; c < 3; c++) {
        const float *plane = image->rgb + (size_t)c * pixels;
        for (size_t i = 0; i < pixels; i++) {
            float alpha = image->alpha ? image->alpha[i] : 1.0f;
            alpha = alpha < 0 ? 0 : alpha > 1 ? 1 : alpha;
            float value = plane[i] < 0 ? 0 : plane[i] > 1 ? 1 : plane[i];
            bytes[3 * i + (size_t)c] = vks_byte(value * alpha + (1.0f - alpha));
        }
    }
    sink s = {.to = to};
    bool well = stbi_write_jpg_to_func(put, &s, image->width, image->height, 3, bytes, QUALITY);
    free(bytes);
    if (!well || s.why)
        return vks_fail(error, VKSTYLE_FAILED, "'%s' cannot be written: %s", name,
                        s.why ? strerror(s.why) : "the JPEG encoder failed; save as PNG");
    return true;
}
