// SPDX-License-Identifier: MIT
//
// Where styles act: masks and the strength map, as the engine takes them.
#include "filter.h"

// "style-mask: what is wrong with it".
static bool wrong(int argument, const char *text, vkstyle_error *error)
{
    error->status = VKSTYLE_USAGE;
    g_snprintf(error->text, sizeof error->text, "%s: %s", filter_arguments[argument].name, text);
    return false;
}

// What of a mask counts: its grey, by its alpha, in all three planes. The greatest of them.
static float make_grey(vkstyle_image *image)
{
    size_t plane = (size_t)image->width * (size_t)image->height;
    float most = 0;
    for (size_t i = 0; i < plane; i++) {
        float grey = (image->rgb[i] + image->rgb[plane + i] + image->rgb[2 * plane + i]) / 3;
        grey *= image->alpha ? image->alpha[i] : 1;
        for (size_t c = 0; c < 3; c++)
            image->rgb[c * plane + i] = grey;
        if (image->alpha)
            image->alpha[i] = 1;
        most = MAX(most, grey);
    }
    return most;
}

static bool load_mask(vkstyle_image **mask, const filter_settings *settings, int argument,
                      const filter_layer *layer, vkstyle_error *error)
{
    int item = filter_item_in(settings, argument);
    int image = item < 0 ? -1 : filter_item_image(item);
    if (item < 0)
        return true;
    if (image < 0)
        return wrong(argument, _("that layer or channel is not there any more; choose another one"),
                     error);
    if (image != layer->image)
        return wrong(argument,
                     _("that layer or channel is in another image; choose one of this image"),
                     error);
    if (!(*mask = filter_load_mask(item, layer, error)))
        return false;
    return make_grey(*mask) > 0 ||
           wrong(argument,
                 _("it is black or transparent all over the content, so that nothing "
                   "would be painted; paint white into it where the style shall act"),
                 error);
}

// Where the other one is not.
static vkstyle_image *inverse_of(const vkstyle_image *mask, vkstyle_error *error)
{
    vkstyle_image *inverse = vkstyle_image_create(mask->width, mask->height, false, error);
    size_t count = 3 * (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; inverse && i < count; i++)
        inverse->rgb[i] = 1 - mask->rgb[i];
    return inverse;
}

bool filter_regions_load(filter_pictures *pictures, const filter_settings *settings,
                         const filter_layer *layer, vkstyle_error *error)
{
    vkstyle_image **mask = pictures->mask;
    bool second = filter_has_style(&settings->style[1]);
    vkstyle_image_free(&mask[0]);
    vkstyle_image_free(&mask[1]);
    vkstyle_image_free(&pictures->strength);
    if (!second && settings->style[1].mask >= 0)
        return wrong(FILTER_SECOND_MASK,
                     _("there is no second style that could act there; give one as "
                       "second-style-file, second-style-folder or second-style-layer"),
                     error);
    if (!load_mask(&mask[0], settings, FILTER_STYLE_MASK, layer, error) ||
        !load_mask(&mask[1], settings, FILTER_SECOND_MASK, layer, error) ||
        !load_mask(&pictures->strength, settings, FILTER_STRENGTH_MAP, layer, error))
        return false;
    // One region is enough to part a picture in two.
    int alone = mask[0] ? 0 : 1;
    return !second || !mask[0] == !mask[1] || (mask[1 - alone] = inverse_of(mask[alone], error));
}
