// SPDX-License-Identifier: MIT
// EXIF orientation in JPEG and PNG, and EXIF that lies.
#include "check.h"

#include <png.h>

enum { W = 24, H = 16 };

// Where the picture as seen has the stored pixel (x, y): the definition of the tag, as the sides of
// the picture that row 0 and column 0 are (EXIF 2.32, 4.6.4.A).
static void seen_at(int orientation, int w, int h, int x, int y, int *seen_x, int *seen_y)
{
    const int right = w - 1 - x, bottom = h - 1 - y;
    const int at[9][2] = {{x, y}, {x, y},      {right, y},      {right, bottom}, {x, bottom},
                          {y, x}, {bottom, x}, {bottom, right}, {y, right}};
    *seen_x = at[orientation][0];
    *seen_y = at[orientation][1];
}

static void check_turned(const vkstyle_image *image, const vkstyle_image *stored, int orientation)
{
    bool swapped = orientation >= 5;
    assert_int_equal(image->width, swapped ? stored->height : stored->width);
    assert_int_equal(image->height, swapped ? stored->width : stored->height);
    for (int c = 0; c < 4; c++)
        for (int y = 0; y < stored->height; y++)
            for (int x = 0; x < stored->width; x++) {
                int seen_x, seen_y;
                seen_at(orientation, stored->width, stored->height, x, y, &seen_x, &seen_y);
                assert_true(value_at(image, c, seen_x, seen_y) == value_at(stored, c, x, y));
            }
}

static made jpeg_with(const made *exif)
{
    jpeg_wish w = {.width = W, .height = H, .components = 3, .sampling = 1, .plain = true};
    made file = made_jpeg(&w), segment = {0};
    made_add(&segment, "Exif\0\0", 6);
    made_add(&segment, exif->data, exif->size);
    made_segment(&file, 0xe1, segment.data, segment.size);
    made_free(&segment);
    return file;
}

static void test_all_eight(void **state)
{
    (void)state;
    made upright = made_exif(1, false);
    vkstyle_image *stored = decode(jpeg_with(&upright));
    made_free(&upright);
    png_wish p = {.width = 37, .height = 70, .type = PNG_COLOR_TYPE_RGB_ALPHA, .depth = 8};
    vkstyle_image *stored_png = decode(made_png(&p));
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int big = 0; big < 2; big++) {
            made exif = made_exif(orientation, big);
            vkstyle_image *image = decode(jpeg_with(&exif));
            check_turned(image, stored, orientation);
            vkstyle_image_free(&image);
            p.exif = &exif;
            p.exif_late = big;
            image = decode(made_png(&p));
            check_turned(image, stored_png, orientation);
            vkstyle_image_free(&image);
            made_free(&exif);
        }
    vkstyle_image_free(&stored);
    vkstyle_image_free(&stored_png);
}

static void test_broken_exif(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        made exif = made_exif(6, big);
        assert_int_equal(vks_exif_orientation(exif.data, exif.size), 6);
        // Cut anywhere before the end of its entry there is no orientation; memory of exactly that
        // size, so that the sanitizer sees a read beyond.
        size_t entry_end = 10 + 2 + 2 * 12;
        for (size_t size = 0; size < exif.size; size++) {
            uint8_t *copy = malloc(size ? size : 1);
            assert_non_null(copy);
            memcpy(copy, exif.data, size);
            assert_int_equal(vks_exif_orientation(copy, size), size < entry_end ? 1 : 6);
            free(copy);
        }
        // Every byte with every value: an answer from 1 to 8 and no crash.
        for (size_t at = 0; at < exif.size; at++) {
            uint8_t old = exif.data[at];
            for (int value = 0; value < 256; value++) {
                exif.data[at] = (uint8_t)value;
                int got = vks_exif_orientation(exif.data, exif.size);
                assert_in_range(got, 1, 8);
            }
            exif.data[at] = old;
        }
        made_free(&exif);
    }
    for (int orientation = 9; orientation < 20; orientation++) {
        made exif = made_exif(orientation, true);
        assert_int_equal(vks_exif_orientation(exif.data, exif.size), 1);
        made_free(&exif);
    }
    made none = {0};
    made_text(&none, "no EXIF at all");
    vkstyle_image *image = decode(jpeg_with(&none));
    assert_int_equal(image->width, W);
    vkstyle_image_free(&image);
    made_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_eight),
        cmocka_unit_test(test_broken_exif),
    };
    return cmocka_run_group_tests_name("image orientation", tests, check_setup, check_teardown);
}
