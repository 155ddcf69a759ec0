// SPDX-License-Identifier: MIT
// BMP, TGA and PNM.
#include "made.h"

#include <stdio.h>
#include <string.h>

made made_bmp(const bmp_wish *wish)
{
    int bits = wish->bits, colours = bits <= 8 ? 1 << bits : 0;
    unsigned header = wish->old ? 12 : 40;
    // The old header has palette entries of three bytes.
    unsigned begin = 14 + header + (unsigned)(colours * (wish->old ? 3 : 4));
    made file = {0};
    made_text(&file, "BM");
    made_little(&file, 0, 4);
    made_little(&file, 0, 4);
    made_little(&file, begin, 4);
    made_little(&file, header, 4);
    int field = wish->old ? 2 : 4;
    made_little(&file, (unsigned)wish->width, field);
    made_little(&file, (unsigned)(wish->top_down ? -wish->height : wish->height), field);
    made_little(&file, 1, 2);
    made_little(&file, (unsigned)bits, 2);
    for (int i = 0; !wish->old && i < 6; i++)
        made_little(&file, i == 4 ? (unsigned)colours : 0, 4);
    for (int i = 0; i < colours; i++) {
        for (int c = 2; c >= 0; c--)
            made_byte(&file, made_sample(c, i, 0, 255));
        if (!wish->old)
            made_byte(&file, 0);
    }
    for (int i = 0; i < wish->height; i++) {
        int y = wish->top_down ? i : wish->height - 1 - i;
        size_t row = file.size;
        unsigned held = 0;
        for (int x = 0; x < wish->width; x++) {
            if (bits <= 8) {
                held = held << bits | made_sample(0, x, y, (unsigned)colours - 1);
                if ((x + 1) * bits % 8 == 0)
                    made_byte(&file, held);
                else if (x == wish->width - 1)
                    made_byte(&file, held << (8 - (x + 1) * bits % 8));
            } else if (bits == 16) {
                made_little(&file,
                            made_sample(0, x, y, 31) << 10 | made_sample(1, x, y, 31) << 5 |
                                made_sample(2, x, y, 31),
                            2);
            } else {
                for (int c = 2; c >= 0; c--)
                    made_byte(&file, made_sample(c, x, y, 255));
                if (bits == 32)
                    made_byte(&file, wish->alpha ? made_sample(3, x, y, 255) : 0);
            }
        }
        while ((file.size - row) % 4)
            made_byte(&file, 0);
    }
    return file;
}

// The bytes of a pixel.
static int tga_pixel(const tga_wish *wish, int x, int y, uint8_t out[4])
{
    int type = wish->type & 7;
    if (type == 1) {
        unsigned index = made_sample(0, x, y, 15);
        out[0] = (uint8_t)index;
        return 1;
    }
    if (wish->bits == 16 && type == 2) {
        unsigned value = made_sample(0, x, y, 31) << 10 | made_sample(1, x, y, 31) << 5 |
                         made_sample(2, x, y, 31);
        out[0] = (uint8_t)value;
        out[1] = (uint8_t)(value >> 8);
        return 2;
    }
    int count = 0;
    for (int c = type == 3 ? 0 : 2; c >= 0; c--)
        out[count++] = (uint8_t)made_sample(c, x, y, 255);
    if (wish->bits == 32 || (type == 3 && wish->bits == 16))
        out[count++] = wish->void_alpha ? 0 : (uint8_t)made_sample(3, x, y, 255);
    return count;
}

made made_tga(const tga_wish *wish)
{
    made file = {0};
    bool palette = (wish->type & 7) == 1;
    made_byte(&file, 3); // bytes of a comment
    made_byte(&file, palette);
    made_byte(&file, (unsigned)wish->type);
    made_little(&file, 0, 2);
    made_little(&file, palette ? 16 : 0, 2);
    made_byte(&file, palette ? 24 : 0);
    made_little(&file, 0, 4);
    made_little(&file, (unsigned)wish->width, 2);
    made_little(&file, (unsigned)wish->height, 2);
    made_byte(&file, (unsigned)wish->bits);
    made_byte(&file, (unsigned)(wish->alpha_bits | wish->right << 4 | wish->top << 5));
    made_text(&file, "hey");
    for (int i = 0; palette && i < 16; i++)
        for (int c = 2; c >= 0; c--)
            made_byte(&file, made_sample(c, i, 0, 255));
    int held = 0;
    for (int i = 0; i < wish->width * wish->height; i++) {
        int x = i % wish->width, y = i / wish->width;
        uint8_t pixel[4];
        int bytes = tga_pixel(wish, wish->right ? wish->width - 1 - x : x,
                              wish->top ? y : wish->height - 1 - y, pixel);
        if (wish->type & 8 && !held) {
            // Packets as they come: raw ones of up to 5 pixels and repeats of one.
            int left = wish->width * wish->height - i;
            held = i % 3 ? (left < 5 ? left : 5) : 1;
            made_byte(&file, (unsigned)(held - 1) | (held == 1 ? 128 : 0));
        }
        held -= held > 0;
        made_add(&file, pixel, (size_t)bytes);
    }
    return file;
}

made made_pnm(char kind, int width, int height, unsigned most)
{
    made file = {0};
    char text[64];
    snprintf(text, sizeof text, "P%c # a comment\n%d\t%d\n", kind, width, height);
    made_text(&file, text);
    bool bitmap = kind == '1' || kind == '4', raw = kind > '3';
    if (!bitmap) {
        snprintf(text, sizeof text, "# another\n%u\n", most);
        made_text(&file, text);
    }
    int channels = kind == '3' || kind == '6' ? 3 : 1;
    for (int y = 0; y < height; y++) {
        unsigned held = 0;
        for (int i = 0; i < width * channels; i++) {
            unsigned sample = made_sample(i % channels, i / channels, y, bitmap ? 1 : most);
            held = held << 1 | sample;
            if (kind == '4' && (i % 8 == 7 || i == width - 1))
                made_byte(&file, held << (7 - i % 8));
            else if (raw && !bitmap)
                made_big(&file, sample, most > 255 ? 2 : 1);
            if (raw)
                continue;
            snprintf(text, sizeof text, bitmap && i % 2 ? "%u" : "%u ", sample);
            made_text(&file, text);
        }
        if (!raw)
            made_text(&file, "\n");
    }
    return file;
}
