// SPDX-License-Identifier: MIT
// ICC profiles and PNG's gamma. The profiles are made here by Little CMS; what should come out is
// computed here in double precision from their definition.
#include "check.h"

#include <lcms2.h>
#include <png.h>

// White, red, green, blue.
static const double srgb_chroma[8] = {0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06};
static const double wide_chroma[8] = {0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06};

static made saved(cmsHPROFILE profile)
{
    assert_non_null(profile);
    cmsUInt32Number size = 0;
    assert_true(cmsSaveProfileToMem(profile, NULL, &size));
    made icc = {0};
    uint8_t *data = malloc(size);
    assert_non_null(data);
    assert_true(cmsSaveProfileToMem(profile, data, &size));
    made_add(&icc, data, size);
    free(data);
    cmsCloseProfile(profile);
    return icc;
}

static made rgb_profile(const double c[8], double gamma)
{
    cmsToneCurve *curve = cmsBuildGamma(NULL, gamma);
    assert_non_null(curve);
    cmsCIExyY white = {c[0], c[1], 1};
    cmsCIExyYTRIPLE primaries = {{c[2], c[3], 1}, {c[4], c[5], 1}, {c[6], c[7], 1}};
    cmsToneCurve *curves[3] = {curve, curve, curve};
    made icc = saved(cmsCreateRGBProfile(&white, &primaries, curves));
    cmsFreeToneCurve(curve);
    return icc;
}

static made grey_profile(double gamma)
{
    cmsToneCurve *curve = cmsBuildGamma(NULL, gamma);
    assert_non_null(curve);
    made icc = saved(cmsCreateGrayProfile(cmsD50_xyY(), curve));
    cmsFreeToneCurve(curve);
    return icc;
}

// ---------------------------------------------------------------- what should come out

static double srgb_encode(double linear)
{
    return linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
}

static double determinant(const double m[9])
{
    return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
           m[2] * (m[3] * m[7] - m[4] * m[6]);
}

// Cramer's rule: x with m x = b.
static void solve(const double m[9], const double b[3], double x[3])
{
    for (int k = 0; k < 3; k++) {
        double with[9];
        memcpy(with, m, sizeof with);
        for (int i = 0; i < 3; i++)
            with[3 * i + k] = b[i];
        x[k] = determinant(with) / determinant(m);
    }
}

// Linear RGB of these primaries to XYZ: the columns are the primaries, scaled so that they make
// white.
static void to_xyz(const double c[8], double m[9])
{
    double columns[9], scale[3];
    for (int k = 0; k < 3; k++) {
        double x = c[2 + 2 * k], y = c[3 + 2 * k];
        columns[k] = x / y;
        columns[3 + k] = 1;
        columns[6 + k] = (1 - x - y) / y;
    }
    const double white[3] = {c[0] / c[1], 1, (1 - c[0] - c[1]) / c[1]};
    solve(columns, white, scale);
    for (int i = 0; i < 9; i++)
        m[i] = columns[i] * scale[i % 3];
}

// Encoded values with a gamma and primaries (white as sRGB's) to sRGB.
static void expected(const double c[8], double gamma, const double in[3], double out[3])
{
    double from[9], srgb[9], xyz[3] = {0}, linear[3];
    to_xyz(c, from);
    to_xyz(srgb_chroma, srgb);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            xyz[i] += from[3 * i + k] * pow(in[k], gamma);
    solve(srgb, xyz, linear);
    for (int i = 0; i < 3; i++)
        out[i] = srgb_encode(fmin(fmax(linear[i], 0), 1));
}

// The picture of the wish against the definition. Dark values amplify the rounding of the profile's
// 16-bit numbers: hence 0.003.
static void check(const png_wish *w, const double c[8], double gamma)
{
    vkstyle_image *image = decode(made_png(w));
    unsigned most = (1u << w->depth) - 1;
    bool grey = !(w->type & PNG_COLOR_MASK_COLOR);
    for (int y = 0; y < w->height; y++)
        for (int x = 0; x < w->width; x++) {
            double in[3], out[3];
            for (int k = 0; k < 3; k++)
                in[k] = (double)made_sample(grey ? 0 : k, x, y, most) / most;
            expected(c, gamma, in, out);
            for (int k = 0; k < 3; k++)
                if (fabs(value_at(image, k, x, y) - out[k]) > 0.003)
                    fail_msg("%g %g %g: channel %d is %g, not %g", in[0], in[1], in[2], k,
                             value_at(image, k, x, y), out[k]);
        }
    vkstyle_image_free(&image);
}

// The samples of the file, untouched.
static void check_same(const png_wish *w)
{
    vkstyle_image *image = decode(made_png(w));
    unsigned most = (1u << w->depth) - 1;
    bool grey = !(w->type & PNG_COLOR_MASK_COLOR);
    for (int k = 0; k < 3; k++)
        for (int y = 0; y < w->height; y++)
            for (int x = 0; x < w->width; x++)
                assert_true(value_at(image, k, x, y) ==
                            (float)made_sample(grey ? 0 : k, x, y, most) / (float)most);
    vkstyle_image_free(&image);
}

// ---------------------------------------------------------------- tests

static png_wish wish_of(int type, int depth)
{
    return (png_wish){.width = 31, .height = 23, .type = type, .depth = depth};
}

static void test_rgb(void **state)
{
    (void)state;
    static const double gammas[] = {1.0, 1.8, 2.2};
    for (int g = 0; g < 3; g++)
        for (int wide = 0; wide < 2; wide++) {
            const double *c = wide ? wide_chroma : srgb_chroma;
            made icc = rgb_profile(c, gammas[g]);
            for (int depth = 8; depth <= 16; depth += 8) {
                png_wish w = wish_of(PNG_COLOR_TYPE_RGB, depth);
                w.icc = &icc;
                check(&w, c, gammas[g]);
                w.type = PNG_COLOR_TYPE_RGB_ALPHA;
                check(&w, c, gammas[g]);
            }
            made_free(&icc);
        }
}

static void test_srgb_is_left_alone(void **state)
{
    (void)state;
    clear_notice();
    made icc = saved(cmsCreate_sRGBProfile());
    for (int depth = 8; depth <= 16; depth += 8) {
        png_wish w = wish_of(PNG_COLOR_TYPE_RGB, depth);
        w.icc = &icc;
        check_same(&w);
        w.icc = NULL;
        w.srgb = true;
        check_same(&w);
        w.srgb = false;
        w.gamma = 0.45455;
        w.chroma = srgb_chroma;
        check_same(&w);
    }
    made_free(&icc);
    assert_string_equal(last_notice, "");
}

static void test_grey(void **state)
{
    (void)state;
    made linear = grey_profile(1.0), usual = grey_profile(2.2);
    png_wish w = wish_of(PNG_COLOR_TYPE_GRAY, 16);
    w.icc = &linear;
    check(&w, srgb_chroma, 1.0);
    w.icc = &usual;
    check(&w, srgb_chroma, 2.2);
    w.type = PNG_COLOR_TYPE_GRAY_ALPHA;
    check(&w, srgb_chroma, 2.2);
    made_free(&linear);
    made_free(&usual);
}

static void test_gamma_chunk(void **state)
{
    (void)state;
    png_wish w = wish_of(PNG_COLOR_TYPE_RGB, 16);
    w.gamma = 1;
    check(&w, srgb_chroma, 1);
    w.chroma = wide_chroma;
    check(&w, wide_chroma, 1);
    w.gamma = 1 / 1.8;
    check(&w, wide_chroma, 1.8);
    w = wish_of(PNG_COLOR_TYPE_GRAY, 8);
    w.gamma = 1;
    check(&w, srgb_chroma, 1);
    w.gamma = 0.45455;
    check_same(&w);
}

// A profile in a JPEG, cut into pieces.
static made jpeg_with(const made *icc, int components, int pieces, int lost)
{
    jpeg_wish w = {.width = 64, .height = 64, .components = components, .sampling = 1};
    w.plain = components < 4;
    w.adobe = components == 4;
    made file = made_jpeg(&w);
    for (int i = 0; i < pieces; i++) {
        if (i == lost)
            continue;
        size_t from = icc->size * (size_t)i / (size_t)pieces;
        size_t to = icc->size * (size_t)(i + 1) / (size_t)pieces;
        made segment = {0};
        made_add(&segment, "ICC_PROFILE\0", 12);
        made_byte(&segment, (unsigned)i + 1);
        made_byte(&segment, (unsigned)pieces);
        made_add(&segment, icc->data + from, to - from);
        made_segment(&file, 0xe2, segment.data, segment.size); // so that they come in reverse
        made_free(&segment);
    }
    return file;
}

static void test_jpeg(void **state)
{
    (void)state;
    made icc = rgb_profile(wide_chroma, 1.0), grey = grey_profile(1.0);
    for (int variant = 0; variant < 6; variant++) {
        int components = variant & 1 ? 3 : 1, pieces = variant / 2 * 4 + 1;
        // A grey JPEG may carry a grey profile or the RGB profile it had in colour.
        bool own = components == 1 && pieces > 1;
        clear_notice();
        vkstyle_image *image = decode(jpeg_with(own ? &grey : &icc, components, pieces, -1));
        for (int c = 0; c < 3; c++)
            for (int x = 0; x < 64; x += 8) {
                double due = srgb_encode((double)made_sample(0, x / 8, 0, 255) / 255);
                assert_true(fabs(value_at(image, c, x, 0) - due) < 0.02);
            }
        assert_string_equal(last_notice, "");
        vkstyle_image_free(&image);
    }
    made_free(&icc);
    made_free(&grey);
}

// The pixels as stored, and a notice with that word.
static void check_ignored(made file, const char *word)
{
    clear_notice();
    vkstyle_image *image = decode(file);
    if (!strstr(last_notice, word) || !strstr(last_notice, "made up"))
        fail_msg("'%s' is missing in the notice: %s", word, last_notice);
    for (int x = 0; x < 64 && image->width == 64; x += 8) {
        float due = (float)made_sample(0, x / 8, 0, 255) / 255;
        assert_true(fabsf(value_at(image, 2, x, 0) - due) < 0.01f);
    }
    vkstyle_image_free(&image);
}

static void test_ignored(void **state)
{
    (void)state;
    made icc = rgb_profile(wide_chroma, 1.0), grey = grey_profile(1.0);
    check_ignored(jpeg_with(&icc, 3, 5, 2), "not complete");
    check_ignored(jpeg_with(&grey, 3, 1, -1), "is for grey");
    made cmyk = saved(cmsCreateInkLimitingDeviceLink(cmsSigCmykData, 300));
    check_ignored(jpeg_with(&cmyk, 3, 60, -1), "is for CMYK");
    made lab = saved(cmsCreateLab4Profile(NULL));
    check_ignored(jpeg_with(&lab, 1, 1, -1), "another kind");
    for (size_t i = 0; i < icc.size; i += 4)
        memset(icc.data + i, (int)made_sample(0, (int)i, 0, 255), 4);
    check_ignored(jpeg_with(&icc, 3, 1, -1), "damaged");
    // PNG: libpng drops a profile whose header does not fit the pixels.
    png_wish w = wish_of(PNG_COLOR_TYPE_RGB, 8);
    made rgb = rgb_profile(wide_chroma, 1.0);
    w.icc = &rgb;
    made file = made_png(&w);
    for (size_t i = 0; i + 4 < file.size; i++)
        if (!memcmp(file.data + i, "iCCP", 4)) {
            file.data[i + 20] ^= 0xff; // the checksum does not hold any more
            break;
        }
    clear_notice();
    vkstyle_image *image = decode(file);
    assert_non_null(strstr(last_notice, "profile"));
    assert_true(value_at(image, 1, 3, 3) == (float)made_sample(1, 3, 3, 255) / 255.0f);
    vkstyle_image_free(&image);
    made_free(&icc);
    made_free(&grey);
    made_free(&cmyk);
    made_free(&lab);
    made_free(&rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rgb),  cmocka_unit_test(test_srgb_is_left_alone),
        cmocka_unit_test(test_grey), cmocka_unit_test(test_gamma_chunk),
        cmocka_unit_test(test_jpeg), cmocka_unit_test(test_ignored),
    };
    return cmocka_run_group_tests_name("image profiles", tests, check_setup, check_teardown);
}
