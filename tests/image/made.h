// SPDX-License-Identifier: MIT
// Picture files made by the tests themselves, byte by byte or by libpng, with known pixels.
#ifndef MADE_H
#define MADE_H

#include "../../engine/vkstyle.h"

// Bytes that grow.
typedef struct made {
    uint8_t *data;
    size_t size, capacity;
} made;

void made_free(made *file);
void made_add(made *file, const void *data, size_t size);
void made_byte(made *file, unsigned value);
void made_big(made *file, unsigned value, int bytes);    // big endian
void made_little(made *file, unsigned value, int bytes); // little endian
void made_text(made *file, const char *text);
// Puts more in at a place inside.
void made_insert(made *file, size_t at, const void *data, size_t size);

// A value from 0 to most that depends on all four: the pixels of the files below.
unsigned made_sample(int channel, int x, int y, unsigned most);

// A fresh folder, and names in it (the text is valid until 8 calls later); removed with all it
// holds by made_folder_remove.
void made_folder(void);
const char *made_path(const char *name);
void made_folder_remove(void);
int made_folder_count(void); // files in it
void made_write(const char *path, const void *data, size_t size);
made made_read(const char *path);

// ---------------------------------------------------------------- PNG

typedef struct png_wish {
    int width, height;
    int type, depth; // as libpng counts; samples are made_sample(c, x, y, 2^depth - 1)
    int colours;     // of a palette: colour i is made_sample(c, i, 0, 255)
    bool interlaced;
    bool transparent; // tRNS: palette entry i has alpha made_sample(3, i, 0, 255); grey and RGB:
                      // the colour of pixel (0, 0) is transparent
    const made *icc, *exif;
    bool exif_late; // after the pixels
    bool srgb;
    double gamma;         // gAMA, 0: none
    const double *chroma; // cHRM: 8 values, or NULL
} png_wish;

made made_png(const png_wish *wish);

// ---------------------------------------------------------------- JPEG

// Blocks of 8x8 pixels of one value each: component c of block (x, y) is made_sample(c, x, y, 255),
// or 128 for c of 1 and 2 where plain is set, so that the picture is grey.
typedef struct jpeg_wish {
    int width, height, components;
    int sampling;     // of the first component, both ways: 1 or 2
    bool progressive; // one DC scan
    bool separate;    // each component in a scan of its own
    int restart;      // units between restart markers; 0: none
    bool plain;
    bool adobe; // APP14 with transform 0: CMYK where there are four components
} jpeg_wish;

made made_jpeg(const jpeg_wish *wish);
// Puts a segment behind the SOI.
void made_segment(made *jpeg, unsigned marker, const void *data, size_t size);

// A block of EXIF with that orientation and a few other fields.
made made_exif(int orientation, bool big_endian);

// ---------------------------------------------------------------- BMP, TGA, PNM

typedef struct bmp_wish {
    int width, height, bits; // 1, 4, 8 with palette; 16 (5-5-5), 24, 32
    bool top_down, old;      // old: the 12-byte header
    bool alpha;              // the fourth byte is made_sample(3, ...), else 0
} bmp_wish;

made made_bmp(const bmp_wish *wish);

typedef struct tga_wish {
    int width, height;
    int type, bits;  // 1 palette, 2 colour, 3 grey; + 8 run-length coded
    bool top, right; // where the first row and column are
    int alpha_bits;
    bool void_alpha; // the fourth byte is 0
} tga_wish;

made made_tga(const tga_wish *wish);

// kind '1' to '6'.
made made_pnm(char kind, int width, int height, unsigned most);

#endif
