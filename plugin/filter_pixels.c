// SPDX-License-Identifier: MIT
//
// Between GIMP's buffers and the engine's pictures.
//
// GIMP 3 puts the image's colour space on the formats of its buffers, GIMP 2.10 does not; a profile
// made of tables fits into neither. So numbers are always taken as they are encoded in the buffer
// (by a format with the buffer's own space, which converts nothing but the number type), and the
// profile is applied here.
#include "filter.h"

#include <math.h>
#include <string.h>

// Rows converted at once: enough to be quick, little enough to need no memory worth mentioning.
enum { BAND = 64 };

static bool no_memory(vkstyle_error *error)
{
    error->status = VKSTYLE_NO_MEMORY;
    g_strlcpy(error->text,
              _("not enough memory for the layer's pixels; close other images, or select a smaller "
                "part"),
              sizeof error->text);
    return false;
}

void filter_colour_clear(filter_colour *colour)
{
    g_clear_object(&colour->profile);
}

GeglBuffer *filter_snapshot(GeglBuffer *buffer, int width, int height, int dx, int dy,
                            vkstyle_error *error)
{
    const Babl *format = gegl_buffer_get_format(buffer);
    size_t pixel = (size_t)babl_format_get_bytes_per_pixel(format);
    // Plain memory and not a new GeglBuffer of tiles: those may be swapped to a file, which a
    // killed process would leave behind.
    void *data = g_try_malloc0_n((size_t)width * (size_t)height, pixel);
    if (!data) {
        no_memory(error);
        return NULL;
    }
    gegl_buffer_get(buffer, GEGL_RECTANGLE(-dx, -dy, width, height), 1.0, format, data,
                    GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
    return gegl_buffer_linear_new_from_data(data, format, GEGL_RECTANGLE(0, 0, width, height),
                                            GEGL_AUTO_ROWSTRIDE, g_free, data);
}

// How one band travels: numbers in the buffer's encoding, and the transform to or from sRGB.
typedef struct path {
    const Babl *buffer_format; // with the buffer's space
    const Babl *encoded;       // the same encoding without a space, as the transform takes it
    const Babl *srgb;          // R'G'B'A float
    GimpColorTransform *transform;
    int channels; // of the encoded form
} path;

static bool path_open(path *p, GeglBuffer *buffer, const filter_colour *colour, bool to_srgb,
                      vkstyle_error *error)
{
    memset(p, 0, sizeof *p);
    p->srgb = babl_format("R'G'B'A float");
    p->channels = 4;
    if (!colour->profile) {
        p->buffer_format = p->srgb;
        return true;
    }
    bool grey = colour->grey;
    const char *name = grey             ? (colour->linear ? "YA float" : "Y'A float")
                       : colour->linear ? "RGBA float"
                                        : "R'G'B'A float";
    p->encoded = babl_format(name);
    p->buffer_format = babl_format_with_space(name, gegl_buffer_get_format(buffer));
    p->channels = grey ? 2 : 4;
    GimpColorProfile *srgb = gimp_color_profile_new_rgb_srgb();
    const GimpColorRenderingIntent intent = GIMP_COLOR_RENDERING_INTENT_RELATIVE_COLORIMETRIC;
    const GimpColorTransformFlags flags = GIMP_COLOR_TRANSFORM_FLAGS_BLACK_POINT_COMPENSATION;
    // Between equal profiles it is NULL: nothing to do.
    bool same = gimp_color_profile_is_equal(colour->profile, srgb);
    if (same && !grey) {
        p->buffer_format = p->srgb;
        p->channels = 4;
    } else if (to_srgb)
        p->transform =
            gimp_color_transform_new(colour->profile, p->encoded, srgb, p->srgb, intent, flags);
    else
        p->transform =
            gimp_color_transform_new(srgb, p->srgb, colour->profile, p->encoded, intent, flags);
    g_object_unref(srgb);
    if (p->transform || same)
        return true;
    error->status = VKSTYLE_FAILED;
    g_snprintf(error->text, sizeof error->text,
               _("the colour profile '%s' cannot be converted to sRGB; assign another one to the "
                 "image (Image > Color Management)"),
               gimp_color_profile_get_label(colour->profile));
    return false;
}

static void path_close(path *p)
{
    g_clear_object(&p->transform);
}

static float clean(float value)
{
    // NaN fails both comparisons.
    return value > 0 ? value < 1 ? value : 1 : 0;
}

// rgba: rows of the band in sRGB; scratch: as many rows, for the encoded form.
static void read_band(const path *p, GeglBuffer *buffer, const GeglRectangle *band, float *rgba,
                      float *scratch)
{
    float *target = p->transform ? scratch : rgba;
    gegl_buffer_get(buffer, band, 1.0, p->buffer_format, target, GEGL_AUTO_ROWSTRIDE,
                    GEGL_ABYSS_NONE);
    if (p->transform)
        gimp_color_transform_process_pixels(p->transform, p->encoded, scratch, p->srgb, rgba,
                                            (gsize)band->width * (gsize)band->height);
}

static void read_bytes(GeglBuffer *buffer, const GeglRectangle *band, float *rgba, uint8_t *scratch)
{
    // A byte becomes the very float that the command line makes of it, so that both hand the engine
    // the same bits.
    gegl_buffer_get(buffer, band, 1.0, babl_format("R'G'B'A u8"), scratch, GEGL_AUTO_ROWSTRIDE,
                    GEGL_ABYSS_NONE);
    size_t count = (size_t)band->width * (size_t)band->height * 4;
    for (size_t i = 0; i < count; i++)
        rgba[i] = (float)scratch[i] / 255.0f;
}

vkstyle_image *filter_read(GeglBuffer *buffer, const GeglRectangle *part, GeglBuffer *mask,
                           const filter_colour *colour, vkstyle_error *error)
{
    bool with_alpha = babl_format_has_alpha(gegl_buffer_get_format(buffer)) || mask;
    vkstyle_image *image = vkstyle_image_create(part->width, part->height, with_alpha, error);
    if (!image)
        return NULL;
    path p;
    size_t row = (size_t)part->width, plane = row * (size_t)part->height;
    float *rgba = g_try_malloc_n(row * BAND, 4 * sizeof *rgba);
    float *scratch = g_try_malloc_n(row * BAND, 4 * sizeof *scratch);
    bool good = rgba && scratch ? path_open(&p, buffer, colour, true, error) : no_memory(error);
    for (int y = 0; good && y < part->height; y += BAND) {
        GeglRectangle band = {part->x, part->y + y, part->width, MIN(BAND, part->height - y)};
        size_t count = row * (size_t)band.height, first = row * (size_t)y;
        if (!colour->profile && colour->bytes && !colour->linear)
            read_bytes(buffer, &band, rgba, (uint8_t *)scratch);
        else
            read_band(&p, buffer, &band, rgba, scratch);
        for (size_t i = 0; i < count; i++)
            for (size_t c = 0; c < 3; c++)
                image->rgb[c * plane + first + i] = clean(rgba[4 * i + c]);
        for (size_t i = 0; with_alpha && i < count; i++)
            image->alpha[first + i] = clean(rgba[4 * i + 3]);
        if (!mask)
            continue;
        gegl_buffer_get(mask, &band, 1.0, babl_format("Y float"), scratch, GEGL_AUTO_ROWSTRIDE,
                        GEGL_ABYSS_NONE);
        for (size_t i = 0; i < count; i++)
            image->alpha[first + i] *= clean(scratch[i]);
    }
    if (rgba && scratch)
        path_close(&p);
    g_free(rgba);
    g_free(scratch);
    if (!good)
        vkstyle_image_free(&image);
    return image;
}

vkstyle_image *filter_read_grey(GeglBuffer *buffer, const GeglRectangle *part, vkstyle_error *error)
{
    vkstyle_image *image = vkstyle_image_create(part->width, part->height, false, error);
    if (!image)
        return NULL;
    size_t plane = (size_t)part->width * (size_t)part->height;
    gegl_buffer_get(buffer, part, 1.0, babl_format("Y float"), image->rgb, GEGL_AUTO_ROWSTRIDE,
                    GEGL_ABYSS_NONE);
    for (size_t i = 0; i < plane; i++)
        image->rgb[i] = clean(image->rgb[i]);
    memcpy(image->rgb + plane, image->rgb, plane * sizeof *image->rgb);
    memcpy(image->rgb + 2 * plane, image->rgb, plane * sizeof *image->rgb);
    return image;
}

// Alpha times mask, over the whole buffer.
static bool apply_mask(GeglBuffer *buffer, GeglBuffer *mask, vkstyle_error *error)
{
    const GeglRectangle *all = gegl_buffer_get_extent(buffer);
    const Babl *format = babl_format_with_space("RGBA float", gegl_buffer_get_format(buffer));
    size_t row = (size_t)all->width;
    float *rgba = g_try_malloc_n(row * BAND, 4 * sizeof *rgba);
    float *opacity = g_try_malloc_n(row * BAND, sizeof *opacity);
    bool good = rgba && opacity ? true : no_memory(error);
    for (int y = 0; good && y < all->height; y += BAND) {
        GeglRectangle band = {0, y, all->width, MIN(BAND, all->height - y)};
        gegl_buffer_get(buffer, &band, 1.0, format, rgba, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
        gegl_buffer_get(mask, &band, 1.0, babl_format("Y float"), opacity, GEGL_AUTO_ROWSTRIDE,
                        GEGL_ABYSS_NONE);
        for (size_t i = 0; i < row * (size_t)band.height; i++)
            rgba[4 * i + 3] *= clean(opacity[i]);
        gegl_buffer_set(buffer, &band, 0, format, rgba, GEGL_AUTO_ROWSTRIDE);
    }
    g_free(rgba);
    g_free(opacity);
    return good;
}

static bool write_part(GeglBuffer *buffer, const vkstyle_image *result, const GeglRectangle *part,
                       const filter_colour *colour, vkstyle_error *error)
{
    path p;
    size_t row = (size_t)part->width, plane = row * (size_t)part->height;
    float *rgba = g_try_malloc_n(row * BAND, 4 * sizeof *rgba);
    float *scratch = g_try_malloc_n(row * BAND, 4 * sizeof *scratch);
    bool good = rgba && scratch ? path_open(&p, buffer, colour, false, error) : no_memory(error);
    for (int y = 0; good && y < part->height; y += BAND) {
        GeglRectangle band = {part->x, part->y + y, part->width, MIN(BAND, part->height - y)};
        size_t count = row * (size_t)band.height, first = row * (size_t)y;
        for (size_t i = 0; i < count; i++) {
            for (size_t c = 0; c < 3; c++)
                rgba[4 * i + c] = clean(result->rgb[c * plane + first + i]);
            rgba[4 * i + 3] = result->alpha ? clean(result->alpha[first + i]) : 1;
        }
        if (p.transform)
            gimp_color_transform_process_pixels(p.transform, p.srgb, rgba, p.encoded, scratch,
                                                count);
        gegl_buffer_set(buffer, &band, 0, p.buffer_format, p.transform ? scratch : rgba,
                        GEGL_AUTO_ROWSTRIDE);
    }
    if (rgba && scratch)
        path_close(&p);
    g_free(rgba);
    g_free(scratch);
    return good;
}

bool filter_write(GeglBuffer *buffer, GeglBuffer *source, GeglBuffer *mask,
                  const vkstyle_image *result, const GeglRectangle *part,
                  const filter_colour *colour, vkstyle_error *error)
{
    if (result->width != part->width || result->height != part->height) {
        error->status = VKSTYLE_FAILED;
        g_snprintf(error->text, sizeof error->text, _("the result is %dx%d instead of %dx%d"),
                   result->width, result->height, part->width, part->height);
        return false;
    }
    gegl_buffer_copy(source, NULL, GEGL_ABYSS_NONE, buffer, NULL);
    return (!mask || apply_mask(buffer, mask, error)) &&
           write_part(buffer, result, part, colour, error);
}
