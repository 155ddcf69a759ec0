// SPDX-License-Identifier: MIT
//
// Layers of GIMP 3: what is read, and what is made of it.
#include "gimp3.h"

#include <string.h>

// ---------------------------------------------------------------- reading

typedef struct place {
    GimpItem *parent; // NULL: the image itself
    int position;
} place;

// Looks for a layer in the image's tree, without a call that would fail loudly where it is gone.
static bool find_below(GimpItem *parent, GimpItem **items, int layer, place *found)
{
    bool there = false;
    for (int i = 0; items && items[i] && !there; i++) {
        if (gimp_item_get_id(items[i]) == layer) {
            *found = (place){parent, i};
            there = true;
        } else if (gimp_item_is_group(items[i]))
            there = find_below(items[i], gimp_item_get_children(items[i]), layer, found);
    }
    g_free(items);
    return there;
}

static bool find_layer(GimpImage *image, int layer, place *found)
{
    return find_below(NULL, (GimpItem **)gimp_image_get_layers(image), layer, found);
}

static filter_colour colour_of(GimpImage *image)
{
    GimpPrecision precision = gimp_image_get_precision(image);
    return (filter_colour){
        .profile = gimp_image_get_color_profile(image),
        .grey = gimp_image_get_base_type(image) == GIMP_GRAY,
        .linear =
            precision == GIMP_PRECISION_U8_LINEAR || precision == GIMP_PRECISION_U16_LINEAR ||
            precision == GIMP_PRECISION_U32_LINEAR || precision == GIMP_PRECISION_HALF_LINEAR ||
            precision == GIMP_PRECISION_FLOAT_LINEAR || precision == GIMP_PRECISION_DOUBLE_LINEAR,
        .bytes = precision == GIMP_PRECISION_U8_NON_LINEAR,
    };
}

// The one layer that is the content, or NULL.
GimpLayer *gimp3_check_drawables(GimpImage *image, GimpDrawable **drawables, vkstyle_error *error)
{
    place found;
    if (!image || !gimp_image_is_valid(image)) {
        filter_usage(error, _("there is no such image"));
        return NULL;
    }
    if (gimp_image_get_base_type(image) == GIMP_INDEXED) {
        filter_usage(error,
                     _("the image has indexed colours, which cannot hold a painting; convert it "
                       "first (Image > Mode > RGB)"));
        return NULL;
    }
    int count = gimp_core_object_array_get_length((GObject **)drawables);
    if (count != 1) {
        error->status = VKSTYLE_USAGE;
        g_snprintf(error->text, sizeof error->text,
                   _("%d layers are selected; select one, the content image, in the Layers dialog"),
                   count);
        return NULL;
    }
    GimpLayer *layer = NULL;
    if (GIMP_IS_LAYER_MASK(drawables[0]))
        layer = gimp_layer_from_mask(GIMP_LAYER_MASK(drawables[0]));
    else if (GIMP_IS_LAYER(drawables[0]))
        layer = GIMP_LAYER(drawables[0]);
    if (!layer)
        filter_usage(error,
                     _("a layer is needed as the content image; select one in the Layers dialog"));
    else if (gimp_layer_is_floating_sel(layer)) {
        layer = NULL;
        filter_usage(error,
                     _("the selected layer is a floating selection; anchor it or make it a layer "
                       "first (Layer > To New Layer)"));
    } else if (!find_layer(image, gimp_item_get_id(GIMP_ITEM(layer)), &found)) {
        layer = NULL;
        filter_usage(error, _("the layer is not in this image"));
    }
    return layer;
}

// What the user sees of a layer in a rectangle of its own: with its filters, which the layer's own
// buffer does not have.
static GeglBuffer *snapshot_part(GimpLayer *layer, const GeglRectangle *part, vkstyle_error *error)
{
    int x, y, dx = 0, dy = 0;
    GimpDrawableFilter **filters = gimp_drawable_get_filters(GIMP_DRAWABLE(layer));
    bool filtered = filters && filters[0];
    g_free(filters);
    // Merged on a private copy: the user's layer keeps its filters.
    GimpLayer *copy = filtered ? gimp_layer_copy(layer) : NULL;
    if (filtered && (!copy || !gimp_drawable_merge_filters(GIMP_DRAWABLE(copy)))) {
        error->status = VKSTYLE_FAILED;
        g_snprintf(error->text, sizeof error->text,
                   _("the layer's filters could not be applied: %s"),
                   gimp_pdb_get_last_error(gimp_get_pdb()));
        if (copy)
            gimp_item_delete(GIMP_ITEM(copy));
        return NULL;
    }
    if (copy) {
        // Filters such as a drop shadow make the copy larger than the layer.
        gimp_drawable_get_offsets(GIMP_DRAWABLE(layer), &x, &y);
        gimp_drawable_get_offsets(GIMP_DRAWABLE(copy), &dx, &dy);
        dx -= x;
        dy -= y;
    }
    GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(copy ? copy : layer));
    GeglBuffer *snapshot =
        filter_snapshot(buffer, part->width, part->height, dx - part->x, dy - part->y, error);
    g_object_unref(buffer);
    if (copy)
        gimp_item_delete(GIMP_ITEM(copy));
    return snapshot;
}

static GeglBuffer *snapshot_of(GimpLayer *layer, vkstyle_error *error)
{
    return snapshot_part(layer,
                         GEGL_RECTANGLE(0, 0, gimp_drawable_get_width(GIMP_DRAWABLE(layer)),
                                        gimp_drawable_get_height(GIMP_DRAWABLE(layer))),
                         error);
}

bool gimp3_read_layer(filter_layer *layer, GimpImage *image, GimpLayer *source,
                      vkstyle_error *error)
{
    int x, y, width, height;
    layer->image = gimp_image_get_id(image);
    gimp_drawable_get_offsets(GIMP_DRAWABLE(source), &layer->x, &layer->y);
    layer->width = gimp_drawable_get_width(GIMP_DRAWABLE(source));
    layer->height = gimp_drawable_get_height(GIMP_DRAWABLE(source));
    layer->colour = colour_of(image);
    if (!gimp_drawable_mask_intersect(GIMP_DRAWABLE(source), &x, &y, &width, &height))
        return filter_usage(error,
                            _("the selection is outside the layer; select a part of it, or nothing "
                              "(Select > None)"));
    layer->part = (GeglRectangle){x, y, width, height};
    if (!(layer->pixels = snapshot_of(source, error)))
        return false;
    GimpLayerMask *mask = gimp_layer_get_mask(source);
    if (mask && gimp_layer_get_apply_mask(source)) {
        GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(mask));
        layer->mask = filter_snapshot(buffer, layer->width, layer->height, 0, 0, error);
        g_object_unref(buffer);
        if (!layer->mask)
            return false;
    }
    layer->content = filter_read(layer->pixels, &layer->part, layer->mask, &layer->colour, error);
    return layer->content != NULL;
}

// The selection over the layer, as it is now; *mask stays NULL where nothing is selected.
bool gimp3_read_selection(GeglBuffer **mask, GimpImage *image, const filter_layer *layer,
                          vkstyle_error *error)
{
    if (gimp_selection_is_empty(image))
        return true;
    GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(gimp_image_get_selection(image)));
    *mask = filter_snapshot(buffer, layer->width, layer->height, -layer->x, -layer->y, error);
    g_object_unref(buffer);
    return *mask != NULL;
}

// ---------------------------------------------------------------- style, start and masks

static GimpItem *item_by_id(int id)
{
    return gimp_item_id_is_valid(id) ? gimp_item_get_by_id(id) : NULL;
}

int filter_item_image(int item)
{
    GimpItem *found = item_by_id(item);
    return found ? gimp_image_get_id(gimp_item_get_image(found)) : -1;
}

char *filter_item_name(int item)
{
    GimpItem *found = item_by_id(item);
    return found ? gimp_item_get_name(found) : NULL;
}

static vkstyle_image *read_whole(GimpLayer *layer, const filter_colour *colour,
                                 vkstyle_error *error)
{
    GeglBuffer *buffer = snapshot_of(layer, error);
    if (!buffer)
        return NULL;
    vkstyle_image *image = filter_read(buffer, gegl_buffer_get_extent(buffer), NULL, colour, error);
    g_object_unref(buffer);
    return image;
}

static GimpLayer *layer_by_id(int id, vkstyle_error *error)
{
    GimpItem *item = item_by_id(id);
    if (item && GIMP_IS_LAYER(item))
        return GIMP_LAYER(item);
    filter_usage(error, _("there is no layer with that number any more; choose another one"));
    return NULL;
}

vkstyle_image *filter_load_layer(int id, vkstyle_error *error)
{
    GimpLayer *layer = layer_by_id(id, error);
    if (!layer)
        return NULL;
    filter_colour colour = colour_of(gimp_item_get_image(GIMP_ITEM(layer)));
    vkstyle_image *image = read_whole(layer, &colour, error);
    filter_colour_clear(&colour);
    return image;
}

// The one layer of a plain picture, or all visible ones merged; NULL where there is none.
static GimpLayer *flat_layer(GimpImage *image)
{
    GimpLayer **layers = gimp_image_get_layers(image);
    int count = gimp_core_object_array_get_length((GObject **)layers), x, y;
    GimpLayer *layer = count ? layers[0] : NULL;
    g_free(layers);
    if (!layer)
        return NULL;
    // Merging gives an opaque picture an alpha channel that it did not have.
    gimp_drawable_get_offsets(GIMP_DRAWABLE(layer), &x, &y);
    if (count == 1 && x == 0 && y == 0 && gimp_item_get_visible(GIMP_ITEM(layer)) &&
        !gimp_item_is_group(GIMP_ITEM(layer)) && gimp_layer_get_opacity(layer) >= 100 &&
        !gimp_layer_get_mask(layer) &&
        gimp_drawable_get_width(GIMP_DRAWABLE(layer)) == gimp_image_get_width(image) &&
        gimp_drawable_get_height(GIMP_DRAWABLE(layer)) == gimp_image_get_height(image))
        return layer;
    return gimp_image_merge_visible_layers(image, GIMP_CLIP_TO_IMAGE);
}

static vkstyle_image *read_file(GFile *file, const char *shown, vkstyle_error *error)
{
    vkstyle_image *style = NULL;
    GimpImage *image = gimp_file_load(GIMP_RUN_NONINTERACTIVE, file);
    error->status = VKSTYLE_FAILED;
    if (!image) {
        g_snprintf(error->text, sizeof error->text, _("the style image '%.500s': %.400s"), shown,
                   gimp_pdb_get_last_error(gimp_get_pdb()));
        return NULL;
    }
    if (gimp_image_get_base_type(image) == GIMP_INDEXED)
        gimp_image_convert_rgb(image);
    GimpLayer *layer = flat_layer(image);
    if (!layer)
        g_snprintf(error->text, sizeof error->text,
                   _("the style image '%.800s' has no visible layer"), shown);
    else {
        filter_colour colour = colour_of(image);
        style = read_whole(layer, &colour, error);
        filter_colour_clear(&colour);
    }
    gimp_image_delete(image);
    return style;
}

vkstyle_image *filter_load_file(const char *path, vkstyle_error *error)
{
    GFile *file = g_file_new_for_commandline_arg(path);
    char *shown = g_file_get_parse_name(file);
    vkstyle_image *style = NULL;
    if (g_file_query_exists(file, NULL))
        style = read_file(file, shown, error);
    else {
        error->status = VKSTYLE_FAILED;
        g_snprintf(error->text, sizeof error->text,
                   _("the style image '%.800s' does not exist; choose another file"), shown);
    }
    g_free(shown);
    g_object_unref(file);
    return style;
}

vkstyle_image *filter_load_init(const filter_settings *settings, const filter_layer *layer,
                                vkstyle_error *error)
{
    GimpLayer *start = layer_by_id(settings->init_layer, error);
    if (!start)
        return NULL;
    if (gimp_drawable_get_width(GIMP_DRAWABLE(start)) != layer->width ||
        gimp_drawable_get_height(GIMP_DRAWABLE(start)) != layer->height) {
        filter_usage(error, _("the layer to start from has another size than the content layer"));
        return NULL;
    }
    GeglBuffer *buffer = snapshot_of(start, error);
    if (!buffer)
        return NULL;
    filter_colour colour = colour_of(gimp_item_get_image(GIMP_ITEM(start)));
    vkstyle_image *image = filter_read(buffer, &layer->part, NULL, &colour, error);
    g_object_unref(buffer);
    filter_colour_clear(&colour);
    return image;
}

vkstyle_image *filter_load_mask(int id, const filter_layer *layer, vkstyle_error *error)
{
    GimpDrawable *drawable = GIMP_DRAWABLE(gimp_item_get_by_id(id));
    GeglBuffer *buffer, *pixels, *own = NULL;
    vkstyle_image *mask = NULL;
    int x, y;
    gimp_drawable_get_offsets(drawable, &x, &y);
    // The content's place, seen from there.
    const GeglRectangle part = {layer->x - x, layer->y - y, layer->width, layer->height};
    if (GIMP_IS_CHANNEL(drawable)) {
        buffer = gimp_drawable_get_buffer(drawable);
        pixels = filter_snapshot(buffer, part.width, part.height, -part.x, -part.y, error);
        g_object_unref(buffer);
        if (pixels)
            mask = filter_read_grey(pixels, &layer->part, error);
    } else if ((pixels = snapshot_part(GIMP_LAYER(drawable), &part, error))) {
        GimpLayerMask *hides = gimp_layer_get_mask(GIMP_LAYER(drawable));
        bool hidden = hides && gimp_layer_get_apply_mask(GIMP_LAYER(drawable));
        if (hidden) {
            buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(hides));
            own = filter_snapshot(buffer, part.width, part.height, -part.x, -part.y, error);
            g_object_unref(buffer);
        }
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
               gimp_pdb_get_last_error(gimp_get_pdb()));
    return false;
}

static void remember_source(GimpLayer *layer, int source)
{
    if (!gimp_item_id_is_valid(source))
        return;
    char text[32];
    g_snprintf(text, sizeof text, "%u", gimp_item_get_tattoo(gimp_item_get_by_id(source)));
    GimpParasite *parasite = gimp_parasite_new(FILTER_PARASITE, GIMP_PARASITE_PERSISTENT,
                                               (guint32)strlen(text) + 1, text);
    gimp_item_attach_parasite(GIMP_ITEM(layer), parasite);
    gimp_parasite_free(parasite);
}

static bool insert(GimpImage *image, GimpLayer *layer, GimpLayerMask *mask, int above,
                   vkstyle_error *error)
{
    // The user may have moved, grouped or deleted the layer meanwhile; then: on top.
    place to = {NULL, 0};
    find_layer(image, above, &to);
    bool good = gimp_image_undo_group_start(image);
    good = gimp_image_insert_layer(image, layer, to.parent ? GIMP_LAYER(to.parent) : NULL,
                                   to.position) &&
           good;
    if (good && mask)
        good = gimp_layer_add_mask(layer, mask);
    if (!good)
        failed_call(error);
    gimp_image_undo_group_end(image);
    return good;
}

// Makes the layer and puts it into the image: NULL after a failure, and then there is none.
GimpLayer *gimp3_add_result(const gimp3_target *to, const filter_layer *source,
                            const vkstyle_image *result, const char *name, vkstyle_error *error)
{
    if (!gimp_image_is_valid(to->image)) {
        filter_usage(error, _("the image was closed while its layer was painted"));
        return NULL;
    }
    GimpLayer *layer = gimp_layer_new(to->image, name, source->width, source->height,
                                      source->colour.grey ? GIMP_GRAYA_IMAGE : GIMP_RGBA_IMAGE, 100,
                                      gimp_image_get_default_new_layer_mode(to->image));
    if (!layer) {
        failed_call(error);
        return NULL;
    }
    GeglBuffer *buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(layer));
    bool good = filter_write(buffer, source->pixels, source->mask, result, &source->part,
                             &source->colour, error);
    g_object_unref(buffer);
    GimpLayerMask *mask = NULL;
    if (good && !gimp_layer_set_offsets(layer, source->x, source->y))
        good = failed_call(error);
    if (good)
        remember_source(layer, to->source);
    if (good && to->selection) {
        mask = gimp_layer_create_mask(layer, GIMP_ADD_MASK_WHITE);
        if (!mask)
            good = failed_call(error);
        else {
            buffer = gimp_drawable_get_buffer(GIMP_DRAWABLE(mask));
            gegl_buffer_copy(to->selection, NULL, GEGL_ABYSS_NONE, buffer, NULL);
            g_object_unref(buffer);
        }
    }
    good = good && insert(to->image, layer, mask, to->above, error);
    if (!good) {
        if (gimp_item_is_valid(GIMP_ITEM(layer)))
            gimp_item_delete(GIMP_ITEM(layer));
        return NULL;
    }
    gimp_drawable_update(GIMP_DRAWABLE(layer), 0, 0, source->width, source->height);
    gimp_displays_flush();
    return layer;
}
