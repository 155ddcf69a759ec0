// SPDX-License-Identifier: MIT
#include "filter_picture.h"

#include <math.h>

static guchar to_byte(float value)
{
    return (guchar)lroundf(CLAMP(value, 0.0f, 1.0f) * 255);
}

static GdkPixbuf *make_pixbuf(const vkstyle_image *image, int side)
{
    int longest = MAX(image->width, image->height);
    int width = MAX(1, (int)lround((double)image->width * side / longest));
    int height = MAX(1, (int)lround((double)image->height * side / longest));
    vkstyle_image *scaled = vkstyle_image_resize(image, width, height, NULL);
    if (!scaled)
        return NULL;
    GdkPixbuf *pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, width, height);
    size_t plane = (size_t)width * (size_t)height;
    int stride = pixbuf ? gdk_pixbuf_get_rowstride(pixbuf) : 0;
    for (int y = 0; pixbuf && y < height; y++) {
        guchar *row = gdk_pixbuf_get_pixels(pixbuf) + (size_t)y * (size_t)stride;
        for (int x = 0; x < width; x++) {
            size_t i = (size_t)y * (size_t)width + (size_t)x;
            float alpha = scaled->alpha ? scaled->alpha[i] : 1;
            float checks = ((x >> 3) + (y >> 3)) & 1 ? 0.4f : 0.6f;
            for (size_t c = 0; c < 3; c++)
                row[3 * (size_t)x + c] =
                    to_byte(alpha * scaled->rgb[c * plane + i] + (1 - alpha) * checks);
        }
    }
    vkstyle_image_free(&scaled);
    return pixbuf;
}

// Rows of cells, each with a picture in its middle.
static GdkPixbuf *make_sheet(const vkstyle_image *const *images, int count, int side)
{
    int columns = count > 4 ? 3 : 2, shown = MIN(count, columns * columns);
    int rows = (shown + columns - 1) / columns, step = side / columns, cell = step - 2;
    GdkPixbuf *sheet = gdk_pixbuf_new(GDK_COLORSPACE_RGB, TRUE, 8, side, rows * step);
    if (!sheet)
        return NULL;
    gdk_pixbuf_fill(sheet, 0x00000000u);
    for (int i = 0; i < shown; i++) {
        GdkPixbuf *small = make_pixbuf(images[i], cell);
        if (!small)
            continue;
        int width = gdk_pixbuf_get_width(small), height = gdk_pixbuf_get_height(small);
        gdk_pixbuf_copy_area(small, 0, 0, width, height, sheet,
                             i % columns * step + (step - width) / 2,
                             i / columns * step + (step - height) / 2);
        g_object_unref(small);
    }
    return sheet;
}

void filter_picture_set(GtkWidget *widget, const vkstyle_image *image, int side)
{
    filter_picture_set_all(widget, &image, image ? 1 : 0, side);
}

void filter_picture_set_all(GtkWidget *widget, const vkstyle_image *const *images, int count,
                            int side)
{
    GdkPixbuf *pixbuf = count > 1   ? make_sheet(images, count, side)
                        : count > 0 ? make_pixbuf(images[0], side)
                                    : NULL;
    if (!pixbuf) {
        pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, side, side * 3 / 4);
        if (pixbuf)
            gdk_pixbuf_fill(pixbuf, 0x80808040u);
    }
    gtk_image_set_from_pixbuf(GTK_IMAGE(widget), pixbuf);
    g_clear_object(&pixbuf);
}
