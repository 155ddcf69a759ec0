// SPDX-License-Identifier: MIT
// Pictures of the engine in widgets.
#ifndef VKSTYLE_FILTER_PICTURE_H
#define VKSTYLE_FILTER_PICTURE_H

#include "filter.h"

#include <gtk/gtk.h>

// Shows the picture in a GtkImage, its long side scaled to `side` pixels; NULL: an empty frame of
// that size. Transparent parts are shown on grey checks.
void filter_picture_set(GtkWidget *widget, const vkstyle_image *image, int side);

// The same of several pictures: a sheet of the first nine at most.
void filter_picture_set_all(GtkWidget *widget, const vkstyle_image *const *images, int count,
                            int side);

#endif
