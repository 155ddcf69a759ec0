// SPDX-License-Identifier: MIT
// TGA (Truevision, version 2.0): header and size are checked here, stb_image decodes.
#include "image.h"
#include "../error.h"

enum { HEADER = 18, PALETTE = 1, COLOUR = 2, GREY = 3, RLE = 8 };

static size_t number(const uint8_t *at)
{
    return (size_t)(at[0] | at[1] << 8);
}

bool vks_tga_probe(const uint8_t *data, size_t size)
{
    if (size < HEADER || data[1] > 1)
        return false;
    int kind = data[2] & ~RLE, bits = data[16], palette_bits = data[7];
    bool palette = data[1] == 1;
    if (kind < PALETTE || kind > GREY || palette != (kind == PALETTE))
        return false;
    if (!number(data + 12) || !number(data + 14) || data[17] >> 6)
        return false;
    if (palette)
        return (bits == 8 || bits == 16) && number(data + 5) > 0 &&
               (palette_bits == 15 || palette_bits == 16 || palette_bits == 24 ||
                palette_bits == 32);
    if (kind == GREY)
        return bits == 8 || bits == 16;
    return bits == 15 || bits == 16 || bits == 24 || bits == 32;
}

// The run-length packets must give all pixels before the file ends.
static bool packets_whole(const vks_file *file, size_t at, size_t pixel, int64_t pixels)
{
    while (pixels > 0) {
        if (at >= file->size)
            return false;
        size_t count = (file->data[at] & 127) + 1u;
        size_t bytes = 1 + (file->data[at] & 128 ? 1 : count) * pixel;
        if (file->size - at < bytes)
            return false;
        at += bytes;
        pixels -= (int64_t)count;
    }
    return true;
}

vkstyle_image *vks_tga_read(const vks_file *file, vks_tags *tags, vkstyle_error *error)
{
    const uint8_t *data = file->data;
    int64_t width = (int64_t)number(data + 12), height = (int64_t)number(data + 14);
    size_t pixel = (data[16] + 7u) / 8;
    size_t begin = HEADER + data[0];
    bool palette = data[1] == 1, alpha_promised = data[17] & 15;
    if (palette)
        begin += number(data + 5) * ((data[7] + 7u) / 8);
    char subject[400];
    snprintf(subject, sizeof subject, "'%s'", file->name);
    if (!vks_image_room(subject, width, height, 16 + 4, error))
        return NULL;
    bool whole = data[2] & RLE ? packets_whole(file, begin, pixel, width * height)
                               : begin <= file->size && (int64_t)(file->size - begin) >=
                                                            width * height * (int64_t)pixel;
    if (!whole) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' is cut short: its %lldx%lld pixels do not end before the file does; get the "
                 "picture again",
                 file->name, (long long)width, (long long)height);
        return NULL;
    }
    if (palette && number(data + 3)) {
        // stb_image (2.27 to 2.30) takes this number for bytes to skip.
        vks_fail(
            error, VKSTYLE_FAILED,
            "'%s' has a palette that does not begin at 0, which is not read; convert it to PNG",
            file->name);
        return NULL;
    }
    vkstyle_image *image = vks_stb_read(file, width, height, tags, error);
    if (image && !alpha_promised)
        vks_drop_void_alpha(image);
    // stb_image minds from which side rows go on, but not from which side they begin.
    if (image && data[17] & 16)
        tags->orientation = 2;
    return image;
}
