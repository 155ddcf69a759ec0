// SPDX-License-Identifier: MIT
//
// The pictures of a style: one file, one layer, or all in a folder.
#include "filter.h"

#include <math.h>
#include <string.h>

bool filter_has_style(const filter_style *style)
{
    return style->layer >= 0 || style->folder[0] || style->file[0];
}

bool filter_same_style(const filter_style *a, const filter_style *b)
{
    return a->layer == b->layer && !strcmp(a->folder, b->folder) && !strcmp(a->file, b->file);
}

char *filter_style_name(const filter_style *style)
{
    char *name = style->layer >= 0 ? filter_item_name(style->layer) : NULL;
    return name ? name
                : g_filename_display_basename(style->folder[0] ? style->folder : style->file);
}

void filter_style_free(filter_pictures *pictures, int which)
{
    for (int k = 0; k < pictures->count[which]; k++)
        vkstyle_image_free(&pictures->style[which][k]);
    pictures->count[which] = 0;
}

void filter_pictures_free(filter_pictures *pictures)
{
    for (int i = 0; i < FILTER_STYLES; i++) {
        filter_style_free(pictures, i);
        vkstyle_image_free(&pictures->mask[i]);
    }
    vkstyle_image_free(&pictures->strength);
    vkstyle_image_free(&pictures->init);
}

// ---------------------------------------------------------------- folders

// By its name: what GIMP can make of it shows when it is read.
static bool is_picture(const char *folder, const char *name)
{
    char *path = g_build_filename(folder, name, NULL);
    char *type = g_content_type_guess(name, NULL, 0, NULL);
    char *mime = type ? g_content_type_get_mime_type(type) : NULL;
    bool good = name[0] != '.' && mime && g_str_has_prefix(mime, "image/") &&
                g_file_test(path, G_FILE_TEST_IS_REGULAR);
    g_free(mime);
    g_free(type);
    g_free(path);
    return good;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool wrong(const char *folder, vkstyle_status status, const char *text, vkstyle_error *error)
{
    char *shown = g_filename_display_name(folder);
    error->status = status;
    g_snprintf(error->text, sizeof error->text, _("the style folder '%.500s': %.400s"), shown,
               text);
    g_free(shown);
    return false;
}

static bool list_folder(filter_reader *reader, const char *folder, vkstyle_error *error)
{
    GError *failure = NULL;
    GDir *entries = g_dir_open(folder, 0, &failure);
    if (!entries) {
        wrong(folder, VKSTYLE_FAILED, failure->message, error);
        g_clear_error(&failure);
        return false;
    }
    GPtrArray *names = g_ptr_array_new();
    for (const char *name; (name = g_dir_read_name(entries));)
        if (is_picture(folder, name))
            g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    g_dir_close(entries);
    g_ptr_array_sort(names, by_name);
    reader->count = (int)names->len;
    g_ptr_array_add(names, NULL);
    reader->names = (char **)g_ptr_array_free(names, FALSE);
    if (!reader->count)
        return wrong(folder, VKSTYLE_FAILED, _("there are no pictures in it"), error);
    if (reader->count <= VKSTYLE_MAX_STYLES)
        return true;
    char *text = g_strdup_printf(_("%d pictures are in it; %d are the most that a style may have"),
                                 reader->count, VKSTYLE_MAX_STYLES);
    wrong(folder, VKSTYLE_USAGE, text, error);
    g_free(text);
    return false;
}

// All pictures of a folder together have this many pixels at most (0.8 GB as the engine takes
// them): each its share, to which larger ones are scaled down. Parts cut from paintings are smaller
// by far; a folder of photographs would fill the memory of most.
#define FOLDER_PIXELS 64e6

static bool make_small(vkstyle_image **image, double pixels, vkstyle_error *error)
{
    double factor = sqrt(pixels / (*image)->width / (*image)->height);
    if (factor >= 1)
        return true;
    vkstyle_image *small = vkstyle_image_resize(*image, MAX(1, (int)((*image)->width * factor)),
                                                MAX(1, (int)((*image)->height * factor)), error);
    vkstyle_image_free(image);
    *image = small;
    return small != NULL;
}

// ---------------------------------------------------------------- reading

bool filter_reader_begin(filter_reader *reader, const filter_style *style, vkstyle_error *error)
{
    *reader = (filter_reader){.count = 1};
    if (!filter_has_style(style))
        return filter_usage(error, _("no style image was chosen; give a picture as style-file, a "
                                     "folder of pictures as style-folder, or a layer as "
                                     "style-layer"));
    if (style->layer >= 0)
        return true;
    if (style->folder[0])
        return list_folder(reader, style->folder, error);
    if (!g_file_test(style->file, G_FILE_TEST_IS_DIR))
        return true;
    return wrong(style->file, VKSTYLE_USAGE,
                 _("a folder is no style image; give it as style-folder"), error);
}

bool filter_reader_next(const filter_reader *reader, const filter_style *style,
                        filter_pictures *pictures, int which, vkstyle_error *error)
{
    int next = pictures->count[which];
    vkstyle_image *image =
        style->layer >= 0
            ? filter_load_layer(style->layer, error)
            : filter_load_file(reader->names ? reader->names[next] : style->file, error);
    if (!image || (reader->names && !make_small(&image, FOLDER_PIXELS / reader->count, error)))
        return false;
    pictures->style[which][pictures->count[which]++] = image;
    return true;
}

void filter_reader_end(filter_reader *reader)
{
    g_strfreev(reader->names);
    *reader = (filter_reader){0};
}
