// SPDX-License-Identifier: MIT
// Files cut short are refused, whatever the decoder behind makes of them; rubbish behind the end is
// not.
#include "check.h"

#include <png.h>

static bool reads(const made *file, size_t size)
{
    // Memory of exactly that size, so that the sanitizer sees a read beyond.
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, file->data, size);
    vkstyle_error error = {0};
    vkstyle_image *image = vks_image_decode(copy, size, "made up", &error);
    free(copy);
    bool well = image != NULL;
    if (!well)
        expect_words(&error, VKSTYLE_FAILED, "made up");
    vkstyle_image_free(&image);
    return well;
}

// Refused at every length below `whole`, read from there on and with rubbish behind.
static void sweep(made file, size_t whole)
{
    for (size_t size = 0; size < whole; size += size + 300 < whole && size > 300 ? 7 : 1)
        if (reads(&file, size))
            fail_msg("read, although cut to %zu of %zu bytes", size, file.size);
    for (size_t size = whole; size <= file.size; size++)
        assert_true(reads(&file, size));
    for (int i = 0; i < 100; i++)
        made_byte(&file, (unsigned)i * 37);
    assert_true(reads(&file, file.size));
    made_free(&file);
}

static void sweep_all(made file)
{
    sweep(file, file.size);
}

static void test_png(void **state)
{
    (void)state;
    png_wish w = {.width = 20, .height = 15, .type = PNG_COLOR_TYPE_RGB, .depth = 8};
    for (int i = 0; i < 4; i++) {
        w.interlaced = i & 1;
        w.depth = i & 2 ? 16 : 8;
        sweep_all(made_png(&w));
    }
    // A single changed byte among the pixels does not pass its checksum.
    made file = made_png(&w);
    for (size_t at = file.size - 100; at < file.size - 20; at++) {
        file.data[at] ^= 0x10;
        assert_false(reads(&file, file.size));
        file.data[at] ^= 0x10;
    }
    made_free(&file);
}

static void test_jpeg(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        jpeg_wish w = {.width = 90, .height = 70, .components = i & 1 ? 3 : 1};
        w.sampling = i & 1 ? 2 : 1;
        w.progressive = i & 2;
        w.separate = i & 4;
        w.restart = i & 8 ? 2 : 0;
        sweep_all(made_jpeg(&w));
    }
}

// The tail lost but an end of image put there, as some programs that download do.
static void test_jpeg_ended(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        jpeg_wish w = {.width = 400, .height = 400, .components = 3, .sampling = 1};
        w.progressive = i & 1;
        w.restart = i & 2 ? 1 : 0;
        made file = made_jpeg(&w);
        size_t lost = w.restart ? 10 : file.size * 9 / 10;
        file.size -= lost;
        made_big(&file, 0xffd9, 2);
        refuse(&file, "part of its pixels is missing");
        made_free(&file);
    }
    // A component without any scan.
    jpeg_wish w = {.width = 40, .height = 40, .components = 3, .sampling = 1, .separate = true};
    made file = made_jpeg(&w);
    size_t at = file.size - 1;
    while (file.data[at - 1] != 0xff || file.data[at] != 0xda)
        at--;
    file.size = at - 1;
    made_big(&file, 0xffd9, 2);
    refuse(&file, "part of its pixels is missing");
    made_free(&file);
}

// A thumbnail inside has an end of its own, which is not the picture's.
static void test_jpeg_thumbnail(void **state)
{
    (void)state;
    jpeg_wish small = {.width = 16, .height = 16, .components = 1, .sampling = 1};
    jpeg_wish large = {.width = 200, .height = 100, .components = 1, .sampling = 1};
    made thumbnail = made_jpeg(&small), file = made_jpeg(&large);
    made_segment(&file, 0xe1, thumbnail.data, thumbnail.size);
    // Fill bytes before a marker are legal, padding between segments at least common.
    made_insert(&file, 2 + 4 + thumbnail.size, "\0\0\xff\xff\xff", 5);
    made_free(&thumbnail);
    sweep_all(file);
}

static void test_bmp_tga(void **state)
{
    (void)state;
    static const int bits[] = {1, 4, 8, 16, 24, 32};
    for (int i = 0; i < 6; i++) {
        bmp_wish w = {.width = 13, .height = 9, .bits = bits[i], .alpha = true};
        made file = made_bmp(&w);
        size_t padding = (4 - (size_t)(13 * bits[i] + 7) / 8 % 4) % 4;
        sweep(file, file.size - padding); // nobody misses the padding of the last row
    }
    static const int kinds[][2] = {{1, 8}, {2, 16}, {2, 24}, {2, 32}, {3, 8}, {3, 16}};
    for (int i = 0; i < 12; i++) {
        tga_wish w = {.width = 13, .height = 9, .type = kinds[i % 6][0], .bits = kinds[i % 6][1]};
        w.type += i / 6 * 8;
        sweep_all(made_tga(&w));
    }
}

static void test_pnm(void **state)
{
    (void)state;
    for (char kind = '1'; kind <= '6'; kind++)
        for (unsigned most = 9; most <= 900; most += 891) {
            made file = made_pnm(kind, 13, 9, most);
            // Plain files end in a space or not and in a newline; a last number may have any
            // number of digits.
            size_t whole = file.size;
            if (kind <= '3') {
                while (file.data[whole - 1] <= ' ')
                    whole--;
                while (kind != '1' && file.data[whole - 2] > ' ')
                    whole--;
            }
            sweep(file, whole);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_jpeg_ended), cmocka_unit_test(test_jpeg_thumbnail),
        cmocka_unit_test(test_bmp_tga),    cmocka_unit_test(test_pnm),
    };
    return cmocka_run_group_tests_name("image truncated", tests, check_setup, check_teardown);
}
