// SPDX-License-Identifier: MIT
// From the colours of the file to sRGB, through Little CMS: relative colorimetric with black point
// compensation, in floating point. (Its 16-bit path is seven times as fast and wrong by 6 % in the
// shadows of gamma curves: lcms2 2.14 turns them into a table of 33 steps.)
#include "image.h"
#include "../error.h"

#include <lcms2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// A profile that moves no colour further than this is sRGB: the many published variants of it
// differ by less, and 8-bit files then come through bit for bit.
static const float SAME = 1.0f / 256;

typedef struct conversion {
    cmsContext context;
    cmsHPROFILE from, to;
    cmsHTRANSFORM transform; // float grey or RGB to float RGB
    bool grey;
    vkstyle_image *image;
} conversion;

static void quiet(cmsContext context, cmsUInt32Number code, const char *text)
{
    (void)context, (void)code, (void)text; // a NULL result says enough: see the notices below
}

static void spread_grey(vkstyle_image *image)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    memcpy(image->rgb + pixels, image->rgb, pixels * sizeof *image->rgb);
    memcpy(image->rgb + 2 * pixels, image->rgb, pixels * sizeof *image->rgb);
}

// A profile out of PNG's gAMA and cHRM, or NULL where these say sRGB or nothing.
static cmsHPROFILE profile_of_gamma(cmsContext context, const vks_tags *tags)
{
    // White, red, green and blue of sRGB; a gamma of 1/2.2 is how files write its curve.
    static const double srgb[8] = {0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06};
    const double *c = tags->chroma[1] > 0 ? tags->chroma : srgb;
    bool same_colours = true;
    for (int i = 0; i < 8; i++)
        same_colours &= fabs(c[i] - srgb[i]) < 0.002;
    bool same_curve = tags->gamma <= 0 || fabs(tags->gamma - 1 / 2.2) < 0.02;
    if (same_curve && (same_colours || tags->grey))
        return NULL;
    // Little CMS stops at gammas that no picture has.
    double gamma = tags->gamma <= 0 ? 2.2 : 1 / fmin(fmax(tags->gamma, 0.05), 10);
    cmsToneCurve *curve = cmsBuildGamma(context, gamma);
    if (!curve)
        return NULL;
    cmsCIExyY white = {c[0], c[1], 1};
    cmsCIExyYTRIPLE primaries = {{c[2], c[3], 1}, {c[4], c[5], 1}, {c[6], c[7], 1}};
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = tags->grey ? cmsCreateGrayProfileTHR(context, cmsD50_xyY(), curve)
                                     : cmsCreateRGBProfileTHR(context, &white, &primaries, curves);
    cmsFreeToneCurve(curve);
    return profile;
}

// Whether the transform leaves colours as they are, tried on a lattice of them.
static bool is_srgb(const conversion *c)
{
    enum { STEPS = 33, SIDE = 6 };
    int count = c->grey ? STEPS : STEPS + SIDE * SIDE * SIDE;
    for (int i = 0; i < count; i++) {
        float in[3], out[3] = {0};
        for (int k = 0, rest = i - STEPS; k < 3; k++, rest /= SIDE)
            in[k] = i < STEPS ? (float)i / (STEPS - 1) : (float)(rest % SIDE) / (SIDE - 1);
        cmsDoTransform(c->transform, in, out, 1);
        for (int k = 0; k < 3; k++)
            if (!(fabsf(out[k] - in[c->grey ? 0 : k]) <= SAME)) // so that a NaN is no sRGB
                return false;
    }
    return true;
}

static bool convert_rows(int first, int last, void *user)
{
    conversion *c = user;
    size_t width = (size_t)c->image->width, pixels = width * (size_t)c->image->height;
    float *in = malloc(3 * width * sizeof *in), *out = malloc(3 * width * sizeof *out);
    bool well = in && out;
    for (int y = first; well && y < last; y++) {
        float *row = c->image->rgb + (size_t)y * width;
        size_t channels = c->grey ? 1 : 3;
        for (size_t k = 0; k < channels; k++)
            for (size_t x = 0; x < width; x++)
                in[x * channels + k] = row[k * pixels + x];
        cmsDoTransform(c->transform, in, out, (cmsUInt32Number)width);
        // Colours outside sRGB go to its border; a NaN of a broken profile becomes 0.
        for (size_t k = 0; k < 3; k++)
            for (size_t x = 0; x < width; x++) {
                float value = out[3 * x + k];
                row[k * pixels + x] = value > 0 ? (value < 1 ? value : 1) : 0;
            }
    }
    free(in);
    free(out);
    return well;
}

// True unless memory ended. On a false *usable the picture is unchanged, all planes filled.
static bool convert(conversion *c, const vks_tags *tags, const char **trouble)
{
    cmsColorSpaceSignature space = cmsGetColorSpace(c->from);
    c->grey = tags->grey && space == cmsSigGrayData;
    if (tags->grey && !c->grey)
        spread_grey(c->image); // a grey picture with the RGB profile it had before is common
    if (!c->grey && space != cmsSigRgbData) {
        *trouble = space == cmsSigCmykData   ? "is for CMYK and its pixels are not"
                   : space == cmsSigGrayData ? "is for grey and its pixels are not"
                                             : "is for another kind of colours than its pixels";
        return true;
    }
    c->to = cmsCreate_sRGBProfileTHR(c->context);
    if (c->to)
        c->transform = cmsCreateTransformTHR(
            c->context, c->from, c->grey ? TYPE_GRAY_FLT : TYPE_RGB_FLT, c->to, TYPE_RGB_FLT,
            INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE);
    if (!c->transform)
        *trouble = "is damaged";
    if (*trouble || is_srgb(c)) {
        if (c->grey)
            spread_grey(c->image);
        return true;
    }
    return vks_image_rows(c->image->height, convert_rows, c);
}

bool vks_image_to_srgb(vkstyle_image *image, const vks_tags *tags, const char *name,
                       vkstyle_error *error)
{
    bool tagged = tags->icc || tags->gamma > 0 || tags->chroma[1] > 0;
    conversion c = {.image = image};
    if (tagged)
        c.context = cmsCreateContext(NULL, NULL);
    if (c.context) {
        cmsSetLogErrorHandlerTHR(c.context, quiet);
        c.from = tags->icc ? cmsOpenProfileFromMemTHR(c.context, tags->icc,
                                                      (cmsUInt32Number)tags->icc_size)
                           : profile_of_gamma(c.context, tags);
    }
    const char *trouble = NULL;
    bool well = true;
    if (c.from) {
        well = convert(&c, tags, &trouble);
    } else {
        trouble = tags->icc ? "is damaged" : NULL;
        if (tags->grey)
            spread_grey(image);
    }
    if (trouble)
        vks_notice("'%s': the colour profile in the file %s; it was ignored", name, trouble);
    if (c.transform)
        cmsDeleteTransform(c.transform);
    if (c.from)
        cmsCloseProfile(c.from);
    if (c.to)
        cmsCloseProfile(c.to);
    if (c.context)
        cmsDeleteContext(c.context);
    if (!well)
        vks_fail(error, VKSTYLE_NO_MEMORY, "'%s': no memory left to convert its colours", name);
    return well;
}
