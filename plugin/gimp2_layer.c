// SPDX-License-Identifier: MIT
//
// Layers of GIMP 2.10: what is read, and what is made of it.
#include "gimp2.h"

#include <string.h>

// ---------------------------------------------------------------- reading

typedef struct place {
    gint32 parent; // -1: the image itself
    int position;
} place;

// Looks for a layer in the image's tree, without a call that would fail loudly where it is gone.
static bool find_below(gint32 parent, gint32 *ids, int count, gint32 layer, place *found)
{
    bool there = false;
    for (int i = 0; i < count && !there; i++) {
        if (ids[i] == layer) {
            *found = (place){parent, i};
            there = true;
        } else if (gimp_item_is_group(ids[i])) {
            int children;
            gint32 *child = gimp_item_get_children(ids[i], &children);
            there = find_below(ids[i], child, children, layer, found);
        }
    }
    g_free(ids);
    return there;
}

static bool find_layer(gint32 image, gint32 layer, place *found)
{
    int count;
    gint32 *ids = gimp_image_get_layers(image, &count);
    return find_below(-1, ids, count, layer, found);
}

static filter_colour colour_of(gint32 image)
{
    GimpPrecision precision = gimp_image_get_precision(image);
    return (filter_colour){
        .profile = gimp_image_get_color_profile(image),
        .grey = gimp_image_base_type(image) == GIMP_GRAY,
        .linear =
            precision == GIMP_PRECISION_U8_LINEAR || precision == GIMP_PRECISION_U16_LINEAR ||
            precision == GIMP_PRECISION_U32_LINEAR || precision == GIMP_PRECISION_HALF_LINEAR ||
            precision == GIMP_PRECISION_FLOAT_LINEAR || precision == GIMP_PRECISION_DOUBLE_LINEAR,
        .bytes = precision == GIMP_PRECISION_U8_LINEAR || precision == GIMP_PRECISION_U8_GAMMA,
    };
}

bool gimp2_check_drawable(gint32 image, gint32 *drawable, vkstyle_error *error)
{
    place found;
    if (!gimp_image_is_valid(image))
        return filter_usage(error, _("there is no such image"));
    if (gimp_image_base_type(image) == GIMP_INDEXED)
        return filter_usage(
            error, _("the image has indexed colours, which cannot hold a painting; convert "
                     "it first (Image > Mode > RGB)"));
    if (gimp_item_is_valid(*drawable) && gimp_item_is_layer_mask(*drawable))
        *drawable = gimp_layer_from_mask(*drawable);
    if (!gimp_item_is_valid(*drawable) || !gimp_item_is_layer(*drawable))
        return filter_usage(error,
                            _("a layer is needed as the content image; select one in the Layers "
                              "dialog"));
    if (gimp_layer_is_floating_sel(*drawable))
        return filter_usage(error,
                            _("the selected layer is a floating selection; anchor it or make it a "
                              "layer first (Layer > To New Layer)"));
    if (!find_layer(image, *drawable, &found))
        return filter_usage(error, _("the layer is not in this image"));
    return true;
}

bool gimp2_read_layer(filter_layer *layer, gint32 image, gint32 drawable, vkstyle_error *error)
{
    int x, y, width, height;
    layer->image = image;
    gimp_drawable_offsets(drawable, &layer->x, &layer->y);
    layer->width = gimp_drawable_width(drawable);
    layer->height = gimp_drawable_height(drawable);
    layer->colour = colour_of(image);
    if (!gimp_drawable_mask_intersect(drawable, &x, &y, &width, &height))
        return filter_usage(error,
                            _("the selection is outside the layer; select a part of it, or nothing "
                              "(Select > None)"));
    layer->part = (GeglRectangle){x, y, width, height};
    GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
    layer->pixels = filter_snapshot(buffer, layer->width, layer->height, 0, 0, error);
    g_object_unref(buffer);
    if (!layer->pixels)
        return false;
    gint32 mask = gimp_layer_get_mask(drawable);
    if (mask >= 0 && gimp_layer_get_apply_mask(drawable)) {
        buffer = gimp_drawable_get_buffer(mask);
        layer->mask = filter_snapshot(buffer, layer->width, layer->height, 0, 0, error);
        g_object_unref(buffer);
        if (!layer->mask)
            return false;
    }
    layer->content = filter_read(layer->pixels, &layer->part, layer->mask, &layer->colour, error);
    return layer->content != NULL;
}

// The selection over the layer, as it is now; *mask stays NULL where nothing is selected.
bool gimp2_read_selection(GeglBuffer **mask, const filter_layer *layer, vkstyle_error *error)
{
    if (gimp_selection_is_empty(layer->image))
        return true;
    GeglBuffer *buffer = gimp_drawable_get_buffer(gimp_image_get_selection(layer->image));
    *mask = filter_snapshot(buffer, layer->width, layer->height, -layer->x, -layer->y, error);
    g_object_unref(buffer);
    return *mask != NULL;
}

// ---------------------------------------------------------------- style, start and masks

int filter_item_image(int item)
{
    return gimp_item_is_valid(item) ? gimp_item_get_image(item) : -1;
}

char *filter_item_name(int item)
{
    return gimp_item_is_valid(item) ? gimp_item_get_name(item) : NULL;
}

static vkstyle_image *read_whole(gint32 drawable, const filter_colour *colour, vkstyle_error *error)
{
    GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
    GeglRectangle all = {0, 0, gimp_drawable_width(drawable), gimp_drawable_height(drawable)};
    vkstyle_image *image = filter_read(buffer, &all, NULL, colour, error);
    g_object_unref(buffer);
    return image;
}

vkstyle_image *filter_load_layer(int item, vkstyle_error *error)
{
    if (!gimp_item_is_valid(item) || !gimp_item_is_layer(item)) {
        filter_usage(error, _("there is no layer with that number any more; choose another one"));
        return NULL;
    }
    filter_colour colour = colour_of(gimp_item_get_image(item));
    vkstyle_image *image = read_whole(item, &colour, error);
    filter_colour_clear(&colour);
    return image;
}

// The one layer of a plain picture, or all visible ones merged; -1 where there is none.
static gint32 flat_layer(gint32 image)
{
    int count, x, y;
    gint32 *layers = gimp_image_get_layers(image, &count), layer = count ? layers[0] : -1;
    g_free(layers);
    if (layer < 0)
        return -1;
    // Merging gives an opaque picture an alpha channel that it did not have.
    gimp_drawable_offsets(layer, &x, &y);
    if (count == 1 && x == 0 && y == 0 && gimp_item_get_visible(layer) &&
        !gimp_item_is_group(layer) && gimp_layer_get_opacity(layer) >= 100 &&
        gimp_layer_get_mask(layer) < 0 && gimp_drawable_width(layer) == gimp_image_width(image) &&
        gimp_drawable_height(layer) == gimp_image_height(image))
        return layer;
    return gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);
}

vkstyle_image *filter_load_file(const char *path, vkstyle_error *error)
{
    char *shown = g_filename_display_name(path);
    vkstyle_image *style = NULL;
    error->status = VKSTYLE_FAILED;
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_snprintf(error->text, sizeof error->text,
                   _("the style image '%.800s' does not exist; choose another file"), shown);
        g_free(shown);
        return NULL;
    }
    gint32 image = gimp_file_load(GIMP_RUN_NONINTERACTIVE, path, path);
    if (image < 0)
        g_snprintf(error->text, sizeof error->text, _("the style image '%.500s': %.400s"), shown,
                   gimp_get_pdb_error());
    else {
        if (gimp_image_base_type(image) == GIMP_INDEXED)
            gimp_image_convert_rgb(image);
        gint32 layer = flat_layer(image);
        if (layer < 0)
            g_snprintf(error->text, sizeof error->text,
                       _("the style image '%.800s' has no visible layer"), shown);
        else {
            filter_colour colour = colour_of(image);
            style = read_whole(layer, &colour, error);
            filter_colour_clear(&colour);
        }
        gimp_image_delete(image);
    }
    g_free(shown);
    return style;
}

vkstyle_image *filter_load_init(const filter_settings *settings, const filter_layer *layer,
                                vkstyle_error *error)
{
    gint32 item = settings->init_layer;
    if (!gimp_item_is_valid(item) || !gimp_item_is_layer(item)) {
        filter_usage(error, _("the layer to start from is not there any more; choose another one"));
        return NULL;
    }
    if (gimp_drawable_width(item) != layer->width || gimp_drawable_height(item) != layer->height) {
        filter_usage(error, _("the layer to start from has another size than the content layer"));
        return NULL;
    }
    filter_colour colour = colour_of(gimp_item_get_image(item));
    GeglBuffer *buffer = gimp_drawable_get_buffer(item);
    vkstyle_image *image = filter_read(buffer, &layer->part, NULL, &colour, error);
    g_object_unref(buffer);
    filter_colour_clear(&colour);
    return image;
}

// A drawable's pixels where the content is.
static GeglBuffer *snapshot_over(gint32 drawable, int x, int y, const filter_layer *layer,
                                 vkstyle_error *error)
{
    GeglBuffer *buffer = gimp_drawable_get_buffer(drawable);
    GeglBuffer *snapshot =
        filter_snapshot(buffer, layer->width, layer->height, x - layer->x, y - layer->y, error);
    g_object_unref(buffer);
    return snapshot;
}

vkstyle_image *filter_load_mask(int item, const filter_layer *layer, vkstyle_error *error)
{
    int x, y;
    gimp_drawable_offsets(item, &x, &y);
    GeglBuffer *own = NULL, *pixels = snapshot_over(item, x, y, layer, error);
    vkstyle_image *mask = NULL;
    if (pixels && gimp_item_is_channel(item))
        mask = filter_read_grey(pixels, &layer->part, error);
    else if (pixels) {
        gint32 hides = gimp_layer_get_mask(item);
        bool hidden = hides >= 0 && gimp_layer_get_apply_mask(item);
        if (hidden)
            own = snapshot_over(hides, x, y, layer, error);
        if (!hidden || own)
            mask = filter_read(pixels, &layer->part, own, &layer->colour, error);
    }
    g_clear_object(&own);
    g_clear_object(&pixels);
    return mask;
}

// ---------------------------------------------------------------- the new layer

static bool failed_call(vkstyle_error *error)
{
    error->status = VKSTYLE_FAILED;
    g_snprintf(error->text, sizeof error->text, _("GIMP refused the new layer: %s"),
               gimp_get_pdb_error());
    return false;
}

static void remember_source(gint32 layer, gint32 drawable)
{
    char text[32];
    g_snprintf(text, sizeof text, "%u", gimp_item_get_tattoo(drawable));
    GimpParasite *parasite = gimp_parasite_new(FILTER_PARASITE, GIMP_PARASITE_PERSISTENT,
                                               (guint32)strlen(text) + 1, text);
    gimp_item_attach_parasite(layer, parasite);
    gimp_parasite_free(parasite);
}

static bool insert(gint32 image, gint32 layer, gint32 mask, gint32 above, vkstyle_error *error)
{
    // The user may have moved, grouped or deleted the layer meanwhile; then: on top.
    place to = {-1, 0};
    find_layer(image, above, &to);
    bool good = gimp_image_undo_group_start(image);
    good = gimp_image_insert_layer(image, layer, to.parent, to.position) && good;
    if (good && mask >= 0)
        good = gimp_layer_add_mask(layer, mask);
    if (!good)
        failed_call(error);
    gimp_image_undo_group_end(image);
    return good;
}

// Makes the layer and puts it into the image: -1 after a failure, and then there is none.
gint32 gimp2_add_result(gint32 drawable, gint32 above, const filter_layer *source,
                        GeglBuffer *selection, const vkstyle_image *result, const char *name,
                        vkstyle_error *error)
{
    gint32 image = source->image;
    if (!gimp_image_is_valid(image)) {
        filter_usage(error, _("the image was closed while its layer was painted"));
        return -1;
    }
    gint32 layer = gimp_layer_new(image, name, source->width, source->height,
                                  source->colour.grey ? GIMP_GRAYA_IMAGE : GIMP_RGBA_IMAGE, 100,
                                  gimp_image_get_default_new_layer_mode(image));
    if (layer < 0) {
        failed_call(error);
        return -1;
    }
    GeglBuffer *buffer = gimp_drawable_get_buffer(layer);
    bool good = filter_write(buffer, source->pixels, source->mask, result, &source->part,
                             &source->colour, error);
    g_object_unref(buffer);
    gint32 mask = -1;
    if (good && !gimp_layer_set_offsets(layer, source->x, source->y))
        good = failed_call(error);
    if (good && gimp_item_is_valid(drawable))
        remember_source(layer, drawable);
    if (good && selection) {
        mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_WHITE);
        if (mask < 0)
            good = failed_call(error);
        else {
            buffer = gimp_drawable_get_buffer(mask);
            gegl_buffer_copy(selection, NULL, GEGL_ABYSS_NONE, buffer, NULL);
            g_object_unref(buffer);
        }
    }
    good = good && insert(image, layer, mask, above, error);
    if (!good) {
        if (gimp_item_is_valid(layer))
            gimp_item_delete(layer);
        return -1;
    }
    gimp_drawable_update(layer, 0, 0, source->width, source->height);
    gimp_displays_flush();
    return layer;
}
