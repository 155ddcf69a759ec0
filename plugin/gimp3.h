// SPDX-License-Identifier: MIT
// What the files of the host for GIMP 3 share. Functions that fail fill error.
#ifndef VKSTYLE_GIMP3_H
#define VKSTYLE_GIMP3_H

#include "filter.h"

// The settings as GIMP keeps them, and back.
bool gimp3_read_config(filter_settings *settings, GimpProcedureConfig *config,
                       vkstyle_error *error);
void gimp3_write_config(GimpProcedureConfig *config, const filter_settings *settings);

// The one layer that is the content, or NULL; a layer mask stands for its layer.
GimpLayer *gimp3_check_drawables(GimpImage *image, GimpDrawable **drawables, vkstyle_error *error);
// Reads all that a run needs of the layer. filter_layer_clear it, also after a failure.
bool gimp3_read_layer(filter_layer *layer, GimpImage *image, GimpLayer *source,
                      vkstyle_error *error);
// The selection over the layer, as it is now; *mask stays NULL where nothing is selected.
bool gimp3_read_selection(GeglBuffer **mask, GimpImage *image, const filter_layer *layer,
                          vkstyle_error *error);

// Last values that belong to the image.
void gimp3_load_last(filter_settings *settings, GimpImage *image);
void gimp3_save_last(const filter_settings *settings, GimpImage *image);

// Where a run's result goes.
typedef struct gimp3_target {
    GimpImage *image;
    int source, above;     // layers; either may be gone by now
    GeglBuffer *selection; // or NULL
} gimp3_target;

// Makes the layer and puts it into the image: NULL after a failure, and then there is none.
GimpLayer *gimp3_add_result(const gimp3_target *to, const filter_layer *source,
                            const vkstyle_image *result, const char *name, vkstyle_error *error);

// True when the user pressed OK; settings are then the dialog's.
bool gimp3_ask(filter_worker *worker, filter_settings *settings, GimpProcedure *procedure,
               GimpProcedureConfig *config, GimpImage *image, GimpLayer *content,
               const filter_layer *layer);
// The layer that a result was made from, where it is still there and in the same place; or NULL.
GimpLayer *gimp3_source_of(GimpImage *image, GimpLayer *result);

#endif
