// SPDX-License-Identifier: MIT
#include "import.h"

#include "../error.h"
#include "codebook.h"
#include "hdf5.h"

#include <stdlib.h>
#include <string.h>

const char *vks_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static vkstyle_model *read_any(const char *from, vkstyle_error *error)
{
    vks_map map;
    if (!vks_map_open(&map, from, error))
        return NULL;
    vkstyle_model *model = NULL;
    if (vks_hdf5_is(map.data, map.size)) {
        model = vks_import_keras(from, &map, error);
    } else {
        vks_safetensors *file = vks_safetensors_open(from, error);
        if (file && vks_safetensors_find(file, "features.0.weight"))
            model = vks_import_torch(from, file, error);
        else if (file && vks_safetensors_metadata(file, "architecture"))
            model = vks_model_read(from, error); // our own, to be stored with other bits
        else if (file)
            vks_fail(error, VKSTYLE_FAILED,
                     "'%s' has no tensor 'features.0.weight': it is not a VGG with torchvision's "
                     "names",
                     from);
        vks_safetensors_close(&file);
    }
    vks_map_close(&map);
    return model;
}

// Brings a layer to the wanted storage: a codebook for 8 bits, else plain weights.
static bool convert(vks_layer *layer, int bits, vkstyle_error *error)
{
    size_t count = vks_layer_weight_count(layer);
    if (count == 0 || (bits == 8) == (layer->indices != NULL))
        return true;
    if (bits != 8) {
        layer->weights = vks_layer_weights(layer, error);
        if (!layer->weights)
            return false;
        free(layer->indices);
        free(layer->codebook);
        layer->indices = NULL;
        layer->codebook = NULL;
        return true;
    }
    layer->indices = malloc(count);
    layer->codebook = malloc(256 * sizeof *layer->codebook);
    if (!layer->indices || !layer->codebook)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the codebook of '%s'",
                        layer->name);
    if (!vks_codebook_fit(layer->weights, count, layer->codebook, layer->indices, error))
        return false;
    free(layer->weights);
    layer->weights = NULL;
    return true;
}

bool vkstyle_model_import(const char *from, const char *to, int bits, vkstyle_error *error)
{
    static const char ending[] = ".safetensors";
    size_t length = strlen(to), tail = sizeof ending - 1;
    if (bits != 8 && bits != 16 && bits != 32)
        return vks_fail(error, VKSTYLE_USAGE, "a model has 8, 16 or 32 bits a weight, not %d",
                        bits);
    if (length <= tail || strcmp(to + length - tail, ending))
        return vks_fail(error, VKSTYLE_USAGE, "'%s': a model's name must end in .safetensors", to);
    vkstyle_model *model = read_any(from, error);
    if (!model)
        return false;
    model->bits = bits;
    bool done = true;
    for (int i = 0; done && i < model->layer_count; i++)
        done = convert(&model->layers[i], bits, error);
    done = done && vks_model_write(model, to, error);
    vkstyle_model_free(&model);
    return done;
}
