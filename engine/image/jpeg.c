// SPDX-License-Identifier: MIT
// JPEG: the structure (ITU-T T.81, annex B) is walked before stb_image decodes. Decoders fill what
// is missing with grey and call it success; here a file without its end, or with too little data
// for its size, is refused. On the way EXIF orientation and ICC profile are picked up.
#include "image.h"
#include "../error.h"

#include <stdlib.h>
#include <string.h>

enum { MARK_RST0 = 0xd0, MARK_RST7 = 0xd7, MARK_SOI = 0xd8, MARK_EOI = 0xd9, MARK_SOS = 0xda };
enum {
    MARK_DHT = 0xc4,
    MARK_DQT = 0xdb,
    MARK_DRI = 0xdd,
    MARK_APP1 = 0xe1,
    MARK_APP2 = 0xe2,
    MARK_TEM = 0x01
};

typedef struct component {
    int id, across, down; // sampling factors
    int quantiser;
    bool scanned;
} component;

typedef struct frame {
    int width, height, count; // count 0: no frame header yet
    int across, down;         // largest sampling factors
    bool progressive, arithmetic;
    component components[4];
    int restart;                     // MCUs between restart markers; 0: none
    bool codes[2][4], quantisers[4]; // Huffman (DC, AC) and quantisation tables defined so far
    // ICC profile, in numbered pieces (ICC.1, annex B.4).
    int pieces, found;
    const uint8_t *piece[256];
    size_t piece_size[256];
} frame;

static int pair(const uint8_t *at)
{
    return at[0] << 8 | at[1];
}

static bool is_frame_header(int marker)
{
    // SOF0 to SOF15 without DHT, JPG and DAC, which stand among them.
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// body: the segment after its length. The functions return NULL or what is wrong.
static const char *take_frame_header(frame *f, int marker, const uint8_t *body, size_t size)
{
    if (f->count)
        return "it has two frame headers";
    if (size < 6 || body[5] < 1 || body[5] > 4 || size < 6 + 3 * (size_t)body[5])
        return "its frame header is broken";
    f->height = pair(body + 1);
    f->width = pair(body + 3);
    f->count = body[5];
    f->progressive = marker == 0xc2;
    f->arithmetic = marker > 0xc8;
    if (f->width < 1 || f->height < 1)
        return "its frame header gives no size";
    for (int i = 0; i < f->count; i++) {
        const uint8_t *at = body + 6 + 3 * i;
        component *c = &f->components[i];
        *c = (component){.id = at[0], .across = at[1] >> 4, .down = at[1] & 15, .quantiser = at[2]};
        if (c->across < 1 || c->across > 4 || c->down < 1 || c->down > 4 || c->quantiser > 3)
            return "its sampling factors are broken";
        f->across = c->across > f->across ? c->across : f->across;
        f->down = c->down > f->down ? c->down : f->down;
    }
    for (int i = 0; i < f->count; i++)
        if (f->across % f->components[i].across || f->down % f->components[i].down)
            return "its sampling factors are broken";
    return NULL;
}

static const char *take_huffman_tables(frame *f, const uint8_t *body, size_t size)
{
    // stb_image takes the 256th code of a table for none; pictures of 8 bits need at most 226.
    enum { LENGTHS = 16, MOST = 255 };
    while (size) {
        if (size < 1 + LENGTHS || body[0] >> 4 > 1 || (body[0] & 15) > 3)
            return "its Huffman tables are broken";
        size_t codes = 0;
        for (int i = 1; i <= LENGTHS; i++)
            codes += body[i];
        if (codes > MOST || size - 1 - LENGTHS < codes)
            return "its Huffman tables are broken";
        f->codes[body[0] >> 4][body[0] & 15] = true;
        body += 1 + LENGTHS + codes;
        size -= 1 + LENGTHS + codes;
    }
    return NULL;
}

static const char *take_quantisers(frame *f, const uint8_t *body, size_t size)
{
    while (size) {
        size_t bytes = 1 + (body[0] >> 4 ? 128 : 64);
        if (body[0] >> 4 > 1 || (body[0] & 15) > 3 || size < bytes)
            return "its quantisation tables are broken";
        f->quantisers[body[0] & 15] = true;
        body += bytes;
        size -= bytes;
    }
    return NULL;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

// A scan needs some bits a block: in sequential mode a DC and an end-of-block code, each at least
// one bit long; in the first progressive scan of a component a DC code.
static const char *check_scan(frame *f, const uint8_t *body, size_t size, size_t bytes,
                              int restarts)
{
    if (!f->count)
        return "its pixels begin before its frame header";
    if (size < 1 || body[0] < 1 || body[0] > f->count || size < 4 + 2 * (size_t)body[0])
        return "its scan header is broken";
    int in_scan = body[0];
    bool first = body[1 + 2 * in_scan] == 0 && body[3 + 2 * in_scan] >> 4 == 0;
    int64_t blocks = 0, units = 0;
    for (int i = 0; i < in_scan; i++) {
        component *c = NULL;
        for (int k = 0; k < f->count; k++)
            if (f->components[k].id == body[1 + 2 * i])
                c = &f->components[k];
        if (!c)
            return "its scan header names a component that does not exist";
        // A scan of a progressive picture has either DC coefficients or AC ones.
        int dc = body[2 + 2 * i] >> 4, ac = body[2 + 2 * i] & 15, start = body[1 + 2 * in_scan];
        bool needs_dc = !f->progressive || first, needs_ac = !f->progressive || start > 0;
        if (!f->arithmetic && (dc > 3 || ac > 3 || (needs_dc && !f->codes[0][dc]) ||
                               (needs_ac && !f->codes[1][ac]) || !f->quantisers[c->quantiser]))
            return "its pixels need a table that is not there";
        if (needs_dc)
            c->scanned = true;
        // Blocks of this component's own size, the border of the last units not counted.
        int64_t own = ceil_div(ceil_div((int64_t)f->width * c->across, f->across), 8) *
                      ceil_div(ceil_div((int64_t)f->height * c->down, f->down), 8);
        blocks += own;
        units = own;
    }
    if (in_scan > 1)
        units = ceil_div(f->width, 8 * f->across) * ceil_div(f->height, 8 * f->down);
    if (f->arithmetic)
        return NULL; // no smallest size is known; stb_image refuses these anyway
    if (f->restart && restarts < ceil_div(units, f->restart) - 1)
        return "part of its pixels is missing";
    int64_t bits = !f->progressive ? 2 * blocks : first ? blocks : 0;
    return (int64_t)bytes < ceil_div(bits, 8) ? "part of its pixels is missing" : NULL;
}

static void take_application(frame *f, int marker, const uint8_t *body, size_t size, vks_tags *tags)
{
    if (marker == MARK_APP1 && size > 6 && !memcmp(body, "Exif\0\0", 6) && !tags->orientation)
        tags->orientation = vks_exif_orientation(body + 6, size - 6);
    if (marker == MARK_APP2 && size > 14 && !memcmp(body, "ICC_PROFILE\0", 12)) {
        int number = body[12], of = body[13];
        if (!f->pieces)
            f->pieces = of ? of : 1;
        if (number < 1 || number > of || of != f->pieces || f->piece[number]) {
            f->found = -256; // contradictory: never complete
            return;
        }
        f->piece[number] = body + 14;
        f->piece_size[number] = size - 14;
        f->found++;
    }
}

// Walks from marker to marker until the end of the image.
static const char *walk(const vks_file *file, frame *f, vks_tags *tags)
{
    static const char cut[] = "it is cut short";
    const uint8_t *data = file->data;
    size_t at = 2, size = file->size;
    for (;;) {
        // Old cameras pad between segments: what is no marker is passed over, as decoders do.
        while (at < size && data[at] != 0xff)
            at++;
        while (at < size && data[at] == 0xff)
            at++;
        if (at >= size)
            return cut;
        int marker = data[at++];
        if (marker == MARK_EOI)
            break;
        if (marker == 0 || marker == MARK_TEM || (marker >= MARK_RST0 && marker <= MARK_SOI))
            continue;
        if (size - at < 2)
            return cut;
        size_t length = (size_t)pair(data + at);
        if (length < 2)
            return "a segment of it is shorter than its own length";
        if (size - at < length)
            return cut;
        const uint8_t *body = data + at + 2;
        at += length;
        length -= 2;
        const char *wrong = NULL;
        if (is_frame_header(marker)) {
            wrong = take_frame_header(f, marker, body, length);
        } else if (marker == MARK_DHT) {
            wrong = take_huffman_tables(f, body, length);
        } else if (marker == MARK_DQT) {
            wrong = take_quantisers(f, body, length);
        } else if (marker == MARK_DRI && length >= 2) {
            f->restart = pair(body);
        } else if (marker == MARK_SOS) {
            size_t start = at;
            int restarts = 0;
            // Data end at a marker that is neither a stuffed zero nor a restart.
            for (; size - at >= 2; at++) {
                if (data[at] != 0xff || data[at + 1] == 0 || data[at + 1] == 0xff)
                    continue;
                if (data[at + 1] < MARK_RST0 || data[at + 1] > MARK_RST7)
                    break;
                restarts++;
            }
            if (size - at < 2)
                return cut;
            wrong = check_scan(f, body, length, at - start, restarts);
        } else {
            take_application(f, marker, body, length, tags);
        }
        if (wrong)
            return wrong;
    }
    if (!f->count)
        return "it has no frame header";
    for (int i = 0; i < f->count; i++)
        if (!f->components[i].scanned)
            return "part of its pixels is missing";
    return NULL;
}

static bool join_profile(const frame *f, const vks_file *file, vks_tags *tags, vkstyle_error *error)
{
    if (!f->pieces)
        return true;
    if (f->found != f->pieces) {
        vks_notice("'%s': the colour profile in the file is not complete and was ignored",
                   file->name);
        return true;
    }
    for (int i = 1; i <= f->pieces; i++)
        tags->icc_size += f->piece_size[i];
    tags->icc = malloc(tags->icc_size);
    if (!tags->icc)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "'%s': no memory left for its colour profile",
                        file->name);
    size_t at = 0;
    for (int i = 1; i <= f->pieces; i++) {
        memcpy(tags->icc + at, f->piece[i], f->piece_size[i]);
        at += f->piece_size[i];
    }
    return true;
}

vkstyle_image *vks_jpeg_read(const vks_file *file, vks_tags *tags, vkstyle_error *error)
{
    frame f = {0};
    const char *wrong = walk(file, &f, tags);
    if (wrong) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is no whole JPEG: %s; get the picture again",
                 file->name, wrong);
        return NULL;
    }
    char subject[400];
    snprintf(subject, sizeof subject, "'%s'", file->name);
    // Floats; stb_image's bytes, with its padded planes and, when progressive, coefficients.
    int bytes = 12 + f.count + f.count * (f.progressive ? 3 : 1);
    if (!vks_image_room(subject, f.width, f.height, bytes, error) ||
        !join_profile(&f, file, tags, error))
        return NULL;
    vkstyle_image *image = vks_stb_read(file, f.width, f.height, tags, error);
    if (image && f.count == 4)
        vks_notice("'%s' is a CMYK picture: its colours are only nearly right; for exact ones "
                   "convert it to RGB with its profile first",
                   file->name);
    return image;
}
