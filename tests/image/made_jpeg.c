// SPDX-License-Identifier: MIT
// The smallest JPEG encoder that is worth the name: DC coefficients only. A block of one value v
// has the DC coefficient 8 (v - 128); with a quantiser of 8 the file holds v - 128 itself.
#include "made.h"

#include <stdlib.h>

typedef struct bits {
    made *file;
    unsigned held;
    int count;
} bits;

static void put_bits(bits *b, unsigned value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        b->held = b->held << 1 | (value >> i & 1);
        if (++b->count < 8)
            continue;
        made_byte(b->file, b->held);
        if ((b->held & 255) == 255)
            made_byte(b->file, 0); // stuffing
        b->held = 0;
        b->count = 0;
    }
}

static void pad_bits(bits *b)
{
    while (b->count)
        put_bits(b, 1, 1);
}

static void put_block(bits *b, int value, int *previous, bool progressive)
{
    int difference = value - *previous, size = 0;
    *previous = value;
    for (int rest = abs(difference); rest; rest >>= 1)
        size++;
    put_bits(b, (unsigned)size, 4); // the code of a size is the size itself
    put_bits(b, (unsigned)(difference < 0 ? difference - 1 : difference), size);
    if (!progressive)
        put_bits(b, 0, 1); // end of block
}

static int value_of(const jpeg_wish *wish, int component, int x, int y)
{
    if (wish->plain && (component == 1 || component == 2))
        return 0;
    return (int)made_sample(component, x, y, 255) - 128;
}

static int sampling_of(const jpeg_wish *wish, int component)
{
    return component == 0 && wish->sampling > 1 ? wish->sampling : 1;
}

// A scan of the components first..last.
static void put_scan(made *file, const jpeg_wish *wish, int first, int last)
{
    made_big(file, 0xffda, 2);
    made_big(file, (unsigned)(6 + 2 * (last - first + 1)), 2);
    made_byte(file, (unsigned)(last - first + 1));
    for (int c = first; c <= last; c++)
        made_big(file, (unsigned)(c + 1) << 8, 2);
    made_byte(file, 0);
    made_byte(file, wish->progressive ? 0 : 63);
    made_byte(file, 0);
    bits b = {.file = file};
    int previous[4] = {0}, most = wish->sampling > 1 ? wish->sampling : 1;
    bool alone = first == last;
    // A component alone goes block by block over its own size, several in units of all.
    int unit = alone ? 8 * most / sampling_of(wish, first) : 8 * most;
    int across = (wish->width + unit - 1) / unit, down = (wish->height + unit - 1) / unit;
    for (int i = 0; i < across * down; i++) {
        if (wish->restart && i && i % wish->restart == 0) {
            pad_bits(&b);
            made_big(file, (unsigned)(0xffd0 + (i / wish->restart - 1) % 8), 2);
            for (int c = 0; c < 4; c++)
                previous[c] = 0;
        }
        for (int c = first; c <= last; c++) {
            int s = alone ? 1 : sampling_of(wish, c);
            for (int k = 0; k < s * s; k++)
                put_block(&b, value_of(wish, c, i % across * s + k % s, i / across * s + k / s),
                          &previous[c], wish->progressive);
        }
    }
    pad_bits(&b);
}

made made_jpeg(const jpeg_wish *wish)
{
    made file = {0};
    made_big(&file, 0xffd8, 2);
    if (wish->adobe) {
        static const uint8_t adobe[12] = "Adobe\0d\0\0\0\0"; // transform 0
        made_segment(&file, 0xee, adobe, sizeof adobe);
    }
    made_big(&file, 0xffdb, 2); // quantisation: 8 everywhere
    made_big(&file, 67, 2);
    made_byte(&file, 0);
    for (int i = 0; i < 64; i++)
        made_byte(&file, 8);
    made_big(&file, wish->progressive ? 0xffc2 : 0xffc0, 2);
    made_big(&file, (unsigned)(8 + 3 * wish->components), 2);
    made_byte(&file, 8);
    made_big(&file, (unsigned)wish->height, 2);
    made_big(&file, (unsigned)wish->width, 2);
    made_byte(&file, (unsigned)wish->components);
    for (int c = 0; c < wish->components; c++) {
        made_byte(&file, (unsigned)c + 1);
        made_byte(&file, (unsigned)sampling_of(wish, c) * 0x11);
        made_byte(&file, 0);
    }
    made_big(&file, 0xffc4, 2); // DC: sizes 0 to 11, four bits each
    made_big(&file, 19 + 12, 2);
    made_byte(&file, 0x00);
    for (int i = 1; i <= 16; i++)
        made_byte(&file, i == 4 ? 12 : 0);
    for (unsigned i = 0; i < 12; i++)
        made_byte(&file, i);
    made_big(&file, 0xffc4, 2); // AC: end of block, one bit
    made_big(&file, 19 + 1, 2);
    made_byte(&file, 0x10);
    for (int i = 1; i <= 16; i++)
        made_byte(&file, i == 1);
    made_byte(&file, 0);
    if (wish->restart) {
        made_big(&file, 0xffdd, 2);
        made_big(&file, 4, 2);
        made_big(&file, (unsigned)wish->restart, 2);
    }
    if (wish->separate)
        for (int c = 0; c < wish->components; c++)
            put_scan(&file, wish, c, c);
    else
        put_scan(&file, wish, 0, wish->components - 1);
    made_big(&file, 0xffd9, 2);
    return file;
}

void made_segment(made *jpeg, unsigned marker, const void *data, size_t size)
{
    made segment = {0};
    made_big(&segment, 0xff00 | marker, 2);
    made_big(&segment, (unsigned)size + 2, 2);
    made_add(&segment, data, size);
    made_insert(jpeg, 2, segment.data, segment.size);
    made_free(&segment);
}

made made_exif(int orientation, bool big_endian)
{
    made block = {0};
    void (*put)(made *, unsigned, int) = big_endian ? made_big : made_little;
    made_text(&block, big_endian ? "MM" : "II");
    put(&block, 42, 2);
    put(&block, 8 + 2, 4); // two bytes between header and directory
    made_big(&block, 0xabcd, 2);
    static const unsigned tags[3] = {0x0100, 0x0112, 0x0213}; // width, orientation, YCbCr position
    put(&block, 3, 2);
    for (int i = 0; i < 3; i++) {
        put(&block, tags[i], 2);
        put(&block, 3, 2); // SHORT
        put(&block, 1, 4);
        put(&block, tags[i] == 0x0112 ? (unsigned)orientation : 1, 2);
        put(&block, 0, 2);
    }
    put(&block, 0, 4);
    return block;
}
