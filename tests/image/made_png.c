// SPDX-License-Identifier: MIT
#include "made.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

static void give(png_structp png, png_bytep data, size_t size)
{
    made_add(png_get_io_ptr(png), data, size);
}

static void flush(png_structp png)
{
    (void)png;
}

// Sample by sample into the row, high bits first.
static void fill_row(uint8_t *row, const png_wish *wish, int y)
{
    int channels = wish->type == PNG_COLOR_TYPE_RGB          ? 3
                   : wish->type == PNG_COLOR_TYPE_RGB_ALPHA  ? 4
                   : wish->type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                             : 1;
    unsigned most = wish->colours ? (unsigned)wish->colours - 1 : (1u << wish->depth) - 1;
    size_t bit = 0;
    memset(row, 0, (size_t)wish->width * 8);
    for (int x = 0; x < wish->width; x++)
        for (int c = 0; c < channels; c++) {
            unsigned sample = made_sample(c, x, y, most);
            for (int b = wish->depth - 1; b >= 0; b--, bit++)
                row[bit / 8] |= (uint8_t)((sample >> b & 1) << (7 - bit % 8));
        }
}

static void add_colours(png_structp png, png_infop info, const png_wish *wish)
{
    png_color palette[256];
    uint8_t alpha[256];
    for (int i = 0; i < wish->colours; i++) {
        palette[i].red = (png_byte)made_sample(0, i, 0, 255);
        palette[i].green = (png_byte)made_sample(1, i, 0, 255);
        palette[i].blue = (png_byte)made_sample(2, i, 0, 255);
        alpha[i] = (uint8_t)made_sample(3, i, 0, 255);
    }
    if (wish->colours)
        png_set_PLTE(png, info, palette, wish->colours);
    if (wish->transparent) {
        unsigned most = (1u << wish->depth) - 1;
        png_color_16 clear = {.red = (png_uint_16)made_sample(0, 0, 0, most),
                              .green = (png_uint_16)made_sample(1, 0, 0, most),
                              .blue = (png_uint_16)made_sample(2, 0, 0, most)};
        clear.gray = clear.red;
        png_set_tRNS(png, info, alpha, wish->colours, &clear);
    }
    if (wish->icc)
        png_set_iCCP(png, info, "made", PNG_COMPRESSION_TYPE_BASE, wish->icc->data,
                     (png_uint_32)wish->icc->size);
    if (wish->srgb)
        png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    if (wish->gamma > 0)
        png_set_gAMA(png, info, wish->gamma);
    const double *c = wish->chroma;
    if (c)
        png_set_cHRM(png, info, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]);
}

made made_png(const png_wish *wish)
{
    made file = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    uint8_t *rows = calloc((size_t)wish->height, (size_t)wish->width * 8);
    if (!info || !rows)
        abort();
    // No setjmp: without one libpng aborts on an error, as a maker of test files should.
    png_set_write_fn(png, &file, give, flush);
    png_set_IHDR(png, info, (png_uint_32)wish->width, (png_uint_32)wish->height, wish->depth,
                 wish->type, wish->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    add_colours(png, info, wish);
    if (wish->exif && !wish->exif_late)
        png_set_eXIf_1(png, info, (png_uint_32)wish->exif->size, wish->exif->data);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int y = 0; y < wish->height; y++)
        fill_row(rows + (size_t)y * (size_t)wish->width * 8, wish, y);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < wish->height; y++)
            png_write_row(png, rows + (size_t)y * (size_t)wish->width * 8);
    if (wish->exif && wish->exif_late)
        png_write_chunk(png, (png_const_bytep) "eXIf", wish->exif->data, wish->exif->size);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    free(rows);
    return file;
}
