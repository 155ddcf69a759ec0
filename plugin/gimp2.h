// SPDX-License-Identifier: MIT
// What the files of the host for GIMP 2.10 share. Functions that fail fill error.
#ifndef VKSTYLE_GIMP2_H
#define VKSTYLE_GIMP2_H

#include "filter.h"

// Whether this drawable can be the content; a layer mask becomes its layer.
bool gimp2_check_drawable(gint32 image, gint32 *drawable, vkstyle_error *error);
// Reads all that a run needs of the layer. filter_layer_clear it, also after a failure.
bool gimp2_read_layer(filter_layer *layer, gint32 image, gint32 drawable, vkstyle_error *error);
// The selection over the layer, as it is now; *mask stays NULL where nothing is selected.
bool gimp2_read_selection(GeglBuffer **mask, const filter_layer *layer, vkstyle_error *error);
// Makes the layer and puts it into the image, above the layer `above`: -1 after a failure, and then
// there is none.
gint32 gimp2_add_result(gint32 drawable, gint32 above, const filter_layer *source,
                        GeglBuffer *selection, const vkstyle_image *result, const char *name,
                        vkstyle_error *error);

// Last values: those for all images, and those that belong to one.
void gimp2_load_last(filter_settings *settings, gint32 image);
void gimp2_save_last(const filter_settings *settings, gint32 image);
// True when the user pressed OK; settings are then the dialog's.
bool gimp2_ask(filter_worker *worker, filter_settings *settings, gint32 image, gint32 drawable,
               const filter_layer *layer);
// The layer that a result was made from, where it is still there and as large; or -1.
gint32 gimp2_source_of(gint32 image, gint32 result);

#endif
