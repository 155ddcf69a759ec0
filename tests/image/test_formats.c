// SPDX-License-Identifier: MIT
// Every format, depth and kind of colours, pixel by pixel.
#include "check.h"

#include <png.h>

static const int sizes[][2] = {{1, 1}, {5, 3}, {17, 9}, {64, 2}};

enum { SIZES = sizeof sizes / sizeof *sizes };

// ---------------------------------------------------------------- PNG

static float png_value(const png_wish *w, int c, int x, int y)
{
    unsigned most = (1u << w->depth) - 1;
    if (w->colours) {
        unsigned index = made_sample(0, x, y, (unsigned)w->colours - 1);
        if (c == 3 && !w->transparent)
            return 1;
        return (float)made_sample(c, (int)index, 0, 255) / 255.0f;
    }
    bool grey = w->type == PNG_COLOR_TYPE_GRAY || w->type == PNG_COLOR_TYPE_GRAY_ALPHA;
    if (c < 3)
        return (float)made_sample(grey ? 0 : c, x, y, most) / (float)most;
    if (w->type & PNG_COLOR_MASK_ALPHA)
        return (float)made_sample(grey ? 1 : 3, x, y, most) / (float)most;
    bool clear = w->transparent;
    for (int i = 0; clear && i < (grey ? 1 : 3); i++)
        clear = made_sample(i, x, y, most) == made_sample(i, 0, 0, most);
    return clear ? 0 : 1;
}

static void check_png(const png_wish *w)
{
    vkstyle_image *image = decode(made_png(w));
    assert_int_equal(image->width, w->width);
    assert_int_equal(image->height, w->height);
    assert_int_equal(image->alpha != NULL, w->transparent || w->type & PNG_COLOR_MASK_ALPHA);
    if (w->type == PNG_COLOR_TYPE_PALETTE)
        assert_int_equal(image->alpha != NULL, w->transparent);
    for (int c = 0; c < 4; c++)
        for (int y = 0; y < w->height; y++)
            for (int x = 0; x < w->width; x++) {
                float got = value_at(image, c, x, y), due = png_value(w, c, x, y);
                if (got != due)
                    fail_msg("type %d depth %d: channel %d at %d,%d is %g, not %g", w->type,
                             w->depth, c, x, y, got, due);
            }
    vkstyle_image_free(&image);
}

static void test_png(void **state)
{
    (void)state;
    static const struct {
        int type, depths[6];
    } kinds[] = {{PNG_COLOR_TYPE_GRAY, {1, 2, 4, 8, 16, 0}},
                 {PNG_COLOR_TYPE_RGB, {8, 16, 0}},
                 {PNG_COLOR_TYPE_PALETTE, {1, 2, 4, 8, 0}},
                 {PNG_COLOR_TYPE_GRAY_ALPHA, {8, 16, 0}},
                 {PNG_COLOR_TYPE_RGB_ALPHA, {8, 16, 0}}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int d = 0; kinds[k].depths[d]; d++)
            for (int variant = 0; variant < 4 * SIZES; variant++) {
                png_wish w = {.width = sizes[variant / 4][0], .height = sizes[variant / 4][1]};
                w.type = kinds[k].type;
                w.depth = kinds[k].depths[d];
                w.colours = w.type == PNG_COLOR_TYPE_PALETTE ? 1 << w.depth : 0;
                w.interlaced = variant & 1;
                w.transparent = variant & 2 && !(w.type & PNG_COLOR_MASK_ALPHA);
                check_png(&w);
            }
}

// ---------------------------------------------------------------- JPEG

// The value of a block of component c, as the grey or luma of the picture.
static void check_jpeg(const jpeg_wish *w, bool exact)
{
    vkstyle_image *image = decode(made_jpeg(w));
    assert_int_equal(image->width, w->width);
    assert_int_equal(image->height, w->height);
    assert_null(image->alpha);
    for (int y = 0; exact && y < w->height; y++)
        for (int x = 0; x < w->width; x++)
            for (int c = 0; c < 3; c++) {
                float got = value_at(image, c, x, y) * 255;
                float due = (float)made_sample(0, x / 8, y / 8, 255);
                if (fabsf(got - due) > 1.01f)
                    fail_msg("%dx%d of %d: channel %d at %d,%d is %g, not %g", w->width, w->height,
                             w->components, c, x, y, got, due);
            }
    vkstyle_image_free(&image);
}

static void test_jpeg(void **state)
{
    (void)state;
    static const int jpeg_sizes[][2] = {{1, 1}, {8, 8}, {17, 33}, {70, 41}};
    for (int s = 0; s < 4; s++)
        for (int variant = 0; variant < 32; variant++) {
            jpeg_wish w = {.width = jpeg_sizes[s][0], .height = jpeg_sizes[s][1]};
            w.components = variant & 1 ? 3 : 1;
            w.sampling = variant & 2 && variant & 1 ? 2 : 1;
            w.progressive = variant & 4;
            w.separate = variant & 8;
            w.restart = variant & 16 ? 3 : 0;
            w.plain = true;
            check_jpeg(&w, true);
            w.plain = false;
            check_jpeg(&w, w.components == 1);
        }
}

static void test_jpeg_cmyk(void **state)
{
    (void)state;
    jpeg_wish w = {.width = 20, .height = 20, .components = 4, .sampling = 1, .adobe = true};
    clear_notice();
    vkstyle_image *image = decode(made_jpeg(&w));
    assert_non_null(strstr(last_notice, "CMYK"));
    assert_non_null(strstr(last_notice, "made up"));
    // Adobe stores inverted ink: more of K (the fourth) is lighter.
    for (int c = 0; c < 3; c++) {
        float ink = (float)made_sample(c, 0, 0, 255) / 255;
        float black = (float)made_sample(3, 0, 0, 255) / 255;
        assert_true(fabsf(value_at(image, c, 3, 3) - ink * black) < 0.02f);
    }
    vkstyle_image_free(&image);
}

// Position of the body of the nth segment of that kind.
static size_t segment(const made *file, unsigned marker, int nth)
{
    for (size_t at = 0; at + 4 < file->size; at++)
        if (file->data[at] == 0xff && file->data[at + 1] == marker && nth-- == 0)
            return at + 4;
    fail_msg("no segment %x", marker);
    return 0;
}

// What stb_image 2.27 reads or writes beyond its memory for.
static void test_jpeg_tables(void **state)
{
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        jpeg_wish w = {.width = 40, .height = 24, .components = 3, .sampling = 2};
        w.progressive = progressive;
        made file = made_jpeg(&w);
        uint8_t *dc = file.data + segment(&file, 0xc4, 0),
                *ac = file.data + segment(&file, 0xc4, 1);
        uint8_t *dq = file.data + segment(&file, 0xdb, 0), *sof = dq;
        sof = file.data + segment(&file, progressive ? 0xc2 : 0xc0, 0);
        dc[0] = 0x03; // the table that the scan names is not there
        refuse(&file, "a table that is not there");
        dc[0] = 0x04;
        refuse(&file, "Huffman tables are broken");
        dc[0] = 0x00;
        dc[16] = 255; // more codes than the segment holds, and than there are symbols
        refuse(&file, "Huffman tables are broken");
        dc[16] = 0;
        dq[0] = 0x01;
        refuse(&file, "a table that is not there");
        dq[0] = 0x30;
        refuse(&file, "quantisation tables are broken");
        dq[0] = 0x00;
        ac[0] = 0x11;
        if (!progressive) // a DC scan needs none
            refuse(&file, "a table that is not there");
        ac[0] = 0x10;
        sof[7] = 0x32; // 3 against 1 is fine, 2 against 3 is a fraction
        sof[10] = 0x22;
        refuse(&file, "sampling factors");
        made_free(&file);
    }
    // 256 codes or more, all there: a table has room for 255.
    jpeg_wish w = {.width = 8, .height = 8, .components = 1, .sampling = 1};
    made file = made_jpeg(&w), table = {0};
    made_byte(&table, 0x13);
    for (int i = 1; i <= 16; i++)
        made_byte(&table, i > 14 ? 150 : 0);
    for (unsigned i = 0; i < 300; i++)
        made_byte(&table, i);
    made_segment(&file, 0xc4, table.data, table.size);
    refuse(&file, "Huffman tables are broken");
    made_free(&table);
    made_free(&file);
}

// ---------------------------------------------------------------- BMP and TGA

static void check_samples(const vkstyle_image *image, int width, int height, bool grey, float steps,
                          float tolerance)
{
    assert_int_equal(image->width, width);
    assert_int_equal(image->height, height);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                float due = (float)made_sample(grey ? 0 : c, x, y, (unsigned)steps) / steps;
                if (fabsf(value_at(image, c, x, y) - due) > tolerance)
                    fail_msg("channel %d at %d,%d is %g, not %g", c, x, y, value_at(image, c, x, y),
                             due);
            }
}

static void check_palette(const vkstyle_image *image, int width, int height, int colours)
{
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                unsigned index = made_sample(0, x, y, (unsigned)colours - 1);
                float due = (float)made_sample(c, (int)index, 0, 255) / 255.0f;
                assert_true(value_at(image, c, x, y) == due);
            }
}

static void test_bmp(void **state)
{
    (void)state;
    static const int bits[] = {1, 4, 8, 16, 24, 32};
    for (int variant = 0; variant < 6 * SIZES * 4; variant++) {
        bmp_wish w = {.width = sizes[variant % SIZES][0], .height = sizes[variant % SIZES][1]};
        w.bits = bits[variant / SIZES % 6];
        int options = variant / SIZES / 6;
        w.top_down = options & 1;
        w.alpha = options & 2;
        vkstyle_image *image = decode(made_bmp(&w));
        // 32 bits whose fourth byte is 0 everywhere have no alpha.
        assert_int_equal(image->alpha != NULL, w.bits == 32 && w.alpha);
        if (w.bits <= 8)
            check_palette(image, w.width, w.height, 1 << w.bits);
        else if (w.bits == 16)
            check_samples(image, w.width, w.height, false, 31, 1.01f / 255);
        else
            check_samples(image, w.width, w.height, false, 255, 0);
        if (image->alpha)
            assert_true(value_at(image, 3, 0, 0) == (float)made_sample(3, 0, 0, 255) / 255.0f);
        vkstyle_image_free(&image);
    }
    bmp_wish w = {.width = 5, .height = 3, .bits = 24, .old = true};
    vkstyle_image *image = decode(made_bmp(&w));
    check_samples(image, 5, 3, false, 255, 0);
    vkstyle_image_free(&image);
    w.old = false;
    made file = made_bmp(&w);
    file.data[30] = 1; // run-length coded
    refuse(&file, "run-length|PNG");
    made_free(&file);
}

static void test_tga(void **state)
{
    (void)state;
    static const int kinds[][2] = {{1, 8}, {2, 16}, {2, 24}, {2, 32}, {3, 8}, {3, 16}};
    for (int variant = 0; variant < 6 * 16; variant++) {
        tga_wish w = {.width = 17, .height = 9};
        w.type = kinds[variant % 6][0];
        w.bits = kinds[variant % 6][1];
        int options = variant / 6;
        w.type |= options & 1 ? 8 : 0;
        w.top = options & 2;
        w.right = options & 4;
        w.void_alpha = options & 8;
        bool alpha = w.bits == 32 || (w.bits == 16 && (w.type & 7) == 3);
        // Promised alpha that is 0 everywhere stays; without a promise it is dropped.
        w.alpha_bits = alpha && options & 1 ? 8 : 0;
        vkstyle_image *image = decode(made_tga(&w));
        assert_int_equal(image->alpha != NULL, alpha && (!w.void_alpha || w.alpha_bits));
        if ((w.type & 7) == 1)
            check_palette(image, 17, 9, 16);
        else if ((w.type & 7) == 2 && w.bits == 16)
            check_samples(image, 17, 9, false, 31, 1.01f / 255);
        else
            check_samples(image, 17, 9, (w.type & 7) == 3, 255, 0);
        for (int x = 0; image->alpha && !w.void_alpha && x < 17; x++)
            assert_true(value_at(image, 3, x, 4) == (float)made_sample(3, x, 4, 255) / 255.0f);
        vkstyle_image_free(&image);
    }
}

// ---------------------------------------------------------------- PNM

static void test_pnm(void **state)
{
    (void)state;
    static const unsigned values[] = {1, 15, 255, 1023, 65535};
    for (char kind = '1'; kind <= '6'; kind++)
        for (int s = 0; s < SIZES; s++)
            for (int v = 0; v < 5; v++) {
                int width = sizes[s][0], height = sizes[s][1];
                bool bitmap = kind == '1' || kind == '4', colour = kind == '3' || kind == '6';
                unsigned most = bitmap ? 1 : values[v];
                vkstyle_image *image = decode(made_pnm(kind, width, height, most));
                assert_null(image->alpha);
                for (int c = 0; c < 3; c++)
                    for (int y = 0; y < height; y++)
                        for (int x = 0; x < width; x++) {
                            unsigned sample = made_sample(colour ? c : 0, x, y, most);
                            float due = (float)(bitmap ? 1 - sample : sample) / (float)most;
                            assert_true(value_at(image, c, x, y) == due);
                        }
                vkstyle_image_free(&image);
            }
    static const char *const broken[] = {"P5",
                                         "P5 ",
                                         "P5 3 3 255",
                                         "P5 0 3 255\n1234",
                                         "P5 3 3 0\n123456789",
                                         "P5 3 3 65536\n123456789012345678",
                                         "P6 99999999999 3 255\n",
                                         "P2 2 2 255\n1 2 3 256\n",
                                         "P2 2 2 255\n1 2 -3 4\n",
                                         "P1 2 2\n0 1 2 0\n",
                                         "P3 1 1 255\n1 2 ",
                                         "P5 3 -3 255\n123456789"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        made file = {0};
        made_text(&file, broken[i]);
        refuse(&file, "made up");
        made_free(&file);
    }
}

// ---------------------------------------------------------------- sizes

static void test_huge(void **state)
{
    (void)state;
    png_wish w = {.width = 40, .height = 30, .type = PNG_COLOR_TYPE_RGB, .depth = 8};
    made file = made_png(&w);
    vkstyle_error error = {0};
    assert_int_equal(setenv("VKSTYLE_DEBUG_IMAGE_BYTES", "19000", 1), 0);
    assert_null(vks_image_decode(file.data, file.size, "made up", &error));
    expect_words(&error, VKSTYLE_NO_MEMORY, "made up|40x30|MB|smaller");
    assert_int_equal(setenv("VKSTYLE_DEBUG_IMAGE_BYTES", "20000", 1), 0);
    vkstyle_image *image = decode(file);
    assert_null(vkstyle_image_create(100, 100, false, &error));
    expect_words(&error, VKSTYLE_NO_MEMORY, "100x100");
    assert_null(vkstyle_image_resize(image, 100, 100, &error));
    assert_int_equal(unsetenv("VKSTYLE_DEBUG_IMAGE_BYTES"), 0);
    vkstyle_image_free(&image);
    // A million by a million pixels: refused by the header alone, in every format.
    file = made_pnm('6', 1, 1, 255);
    file.size = 0;
    made_text(&file, "P6 1000000 1000000 255\n");
    refuse(&file, "1000000x1000000|memory");
    file.size = 0;
    made_text(&file, "P6 1000001 1 255\n");
    refuse(&file, "1000001x1|1000000");
    made_free(&file);
    bmp_wish b = {.width = 1, .height = 1, .bits = 24};
    file = made_bmp(&b);
    memcpy(file.data + 18, "\x40\x42\x0f\0\x40\x42\x0f", 8);
    refuse(&file, "1000000x1000000|memory");
    memcpy(file.data + 18, "\0\0\0\x80\0\0\0\x80", 8); // the most negative number, twice
    refuse(&file, "made up");
    made_free(&file);
    tga_wish t = {.width = 65535, .height = 1, .type = 2, .bits = 24};
    file = made_tga(&t);
    file.data[15] = file.data[14] = 255;
    refuse(&file, "65535x65535");
    made_free(&file);
    jpeg_wish j = {.width = 65500, .height = 8, .components = 3, .sampling = 1};
    file = made_jpeg(&j);
    vkstyle_image *wide = decode(file);
    assert_int_equal(wide->width, 65500);
    vkstyle_image_free(&wide);
    assert_null(vkstyle_image_create(0, 5, false, &error));
    expect_words(&error, VKSTYLE_FAILED, "0x5");
    assert_null(vkstyle_image_create(5, -1, false, NULL));
    assert_null(vkstyle_image_create(1000000, 1000000, true, &error));
    expect_words(&error, VKSTYLE_NO_MEMORY, "MB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),       cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_cmyk), cmocka_unit_test(test_jpeg_tables),
        cmocka_unit_test(test_bmp),       cmocka_unit_test(test_tga),
        cmocka_unit_test(test_pnm),       cmocka_unit_test(test_huge),
    };
    return cmocka_run_group_tests_name("image formats", tests, check_setup, check_teardown);
}
