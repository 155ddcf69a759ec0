// SPDX-License-Identifier: MIT
// BMP: header and size are checked here, stb_image decodes.
#include "image.h"
#include "../error.h"

static uint32_t number(const uint8_t *at, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

vkstyle_image *vks_bmp_read(const vks_file *file, vks_tags *tags, vkstyle_error *error)
{
    enum { OLD_HEADER = 12, FILE_HEADER = 14, RLE8 = 1, RLE4 = 2 };
    const uint8_t *data = file->data;
    uint32_t header = file->size >= 18 ? number(data + 14, 4) : 0;
    if (file->size < FILE_HEADER + OLD_HEADER || header < OLD_HEADER ||
        header > file->size - FILE_HEADER || (header > OLD_HEADER && header < 40)) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is no whole BMP: its header is cut short or broken",
                 file->name);
        return NULL;
    }
    bool old = header == OLD_HEADER;
    int64_t width = old ? (int64_t)number(data + 18, 2) : (int32_t)number(data + 18, 4);
    int64_t height = old ? (int64_t)number(data + 20, 2) : (int32_t)number(data + 22, 4);
    height = height < 0 ? -height : height; // negative: the top row comes first
    int64_t bits = number(data + (old ? 24 : 28), 2);
    uint32_t compression = old ? 0 : number(data + 30, 4);
    if (compression == RLE8 || compression == RLE4) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' is a run-length coded BMP, which is not read; convert it to PNG",
                 file->name);
        return NULL;
    }
    char subject[400];
    snprintf(subject, sizeof subject, "'%s'", file->name);
    if (!vks_image_room(subject, width, height, 16 + 4, error))
        return NULL;
    // Rows are padded to 4 bytes; nobody misses the padding of the last.
    int64_t row = (width * bits + 31) / 32 * 4;
    int64_t need = (int64_t)number(data + 10, 4) + row * (height - 1) + (width * bits + 7) / 8;
    if ((int64_t)file->size < need) {
        vks_fail(
            error, VKSTYLE_FAILED,
            "'%s' is cut short: %lldx%lld pixels of %lld bits end at byte %lld, the file at %zu; "
            "get the picture again",
            file->name, (long long)width, (long long)height, (long long)bits, (long long)need,
            file->size);
        return NULL;
    }
    vkstyle_image *image = vks_stb_read(file, width, height, tags, error);
    if (image)
        vks_drop_void_alpha(image);
    return image;
}
