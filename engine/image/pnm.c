// SPDX-License-Identifier: MIT
// PBM, PGM and PPM, plain and raw. Not through stb_image, which (2.27 to 2.30) takes samples of 16
// bits in the wrong byte order, ignores the largest value and knows neither bitmaps nor plain
// files.
#include "image.h"
#include "../error.h"

typedef struct reader {
    const uint8_t *data;
    size_t size, at;
    bool comments; // only the header may have them in practice
} reader;

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(reader *r)
{
    for (; r->at < r->size; r->at++) {
        if (r->comments && r->data[r->at] == '#')
            while (r->at < r->size && r->data[r->at] != '\n')
                r->at++;
        else if (!is_space(r->data[r->at]))
            return;
        if (r->at >= r->size)
            return;
    }
}

// A number written in decimal digits, or -1 when there is none or it is too large.
static int32_t decimal(reader *r)
{
    skip_space(r);
    int32_t value = -1;
    while (r->at < r->size && r->data[r->at] >= '0' && r->data[r->at] <= '9') {
        value = (value < 0 ? 0 : value * 10) + (r->data[r->at++] - '0');
        if (value > 100 * VKS_IMAGE_SIDE)
            return -1;
    }
    return value;
}

// The kind's digit: 1 to 3 plain, 4 to 6 raw; bitmap, grey, colour.
static bool read_plain(reader *r, int kind, int32_t most, vkstyle_image *image)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    size_t channels = kind == 3 ? 3 : 1;
    for (size_t i = 0; i < pixels * channels; i++) {
        int32_t sample;
        if (kind == 1) { // digits of a bitmap need no space between them
            skip_space(r);
            sample = r->at < r->size ? r->data[r->at++] - '0' : -1;
            sample = sample == 0 || sample == 1 ? 1 - sample : -1; // 1 is black
        } else {
            sample = decimal(r);
        }
        if (sample < 0 || sample > most)
            return false;
        image->rgb[i % channels * pixels + i / channels] = (float)sample / (float)most;
    }
    return true;
}

static void read_raw(const uint8_t *from, int kind, int32_t most, vkstyle_image *image)
{
    size_t width = (size_t)image->width, pixels = width * (size_t)image->height;
    if (kind == 4) {
        for (size_t i = 0; i < pixels; i++) {
            size_t x = i % width, y = i / width;
            image->rgb[i] = from[y * ((width + 7) / 8) + x / 8] >> (7 - x % 8) & 1 ? 0.0f : 1.0f;
        }
        return;
    }
    size_t channels = kind == 6 ? 3 : 1, bytes = most > 255 ? 2 : 1;
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < channels; c++, from += bytes) {
            int32_t sample = bytes == 2 ? from[0] << 8 | from[1] : from[0];
            image->rgb[c * pixels + i] = (float)(sample < most ? sample : most) / (float)most;
        }
}

vkstyle_image *vks_pnm_read(const vks_file *file, vks_tags *tags, vkstyle_error *error)
{
    reader r = {.data = file->data, .size = file->size, .at = 2, .comments = true};
    int kind = file->data[1] - '0';
    bool bitmap = kind % 3 == 1, raw = kind > 3;
    int64_t width = decimal(&r), height = decimal(&r);
    int32_t most = bitmap ? 1 : decimal(&r);
    if (width < 0 || height < 0 || most < 1 || most > 65535 || r.at >= r.size ||
        !is_space(r.data[r.at])) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is no whole PNM: its header is cut short or broken",
                 file->name);
        return NULL;
    }
    r.at++; // exactly one space before raw samples
    r.comments = false;
    char subject[400];
    snprintf(subject, sizeof subject, "'%s'", file->name);
    if (!vks_image_room(subject, width, height, 12, error))
        return NULL;
    int64_t channels = kind % 3 == 0 ? 3 : 1;
    int64_t row = kind == 4 ? (width + 7) / 8 : width * channels * (raw && most > 255 ? 2 : 1);
    // Plain samples take a digit and, but for bitmaps, a space each.
    int64_t need = raw ? row * height : bitmap ? row * height : 2 * row * height - 1;
    vkstyle_image *image = NULL;
    bool whole = (int64_t)(r.size - r.at) >= need;
    if (whole) {
        image = vkstyle_image_create((int)width, (int)height, false, error);
        if (!image)
            return NULL;
        tags->grey = channels == 1;
        if (raw)
            read_raw(r.data + r.at, kind, most, image);
        else
            whole = read_plain(&r, kind, most, image);
    }
    if (!whole) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' is cut short or damaged: not all of its %lldx%lld pixels are there; get the "
                 "picture again",
                 file->name, (long long)width, (long long)height);
        vkstyle_image_free(&image);
    }
    return image;
}
