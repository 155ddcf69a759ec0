// SPDX-License-Identifier: MIT
#include "import.h"

#include "../error.h"
#include "hdf5.h"
#include "md5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 as Keras publishes it.
#define KERAS_MD5 "253f8cb515780f3b799900260a226db6"

// Keras changed the names of datasets once; block and convolution go where %d stands.
static const struct {
    const char *kernel, *bias;
} spellings[] = {
    {"block%d_conv%d/block%d_conv%d_W_1:0", "block%d_conv%d/block%d_conv%d_b_1:0"},
    {"block%d_conv%d/block%d_conv%d/kernel:0", "block%d_conv%d/block%d_conv%d/bias:0"},
};
enum { SPELLINGS = sizeof spellings / sizeof *spellings, LONGEST = 128 };

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void spell(char name[LONGEST], const char *pattern, int block, int conv)
{
    snprintf(name, LONGEST, pattern, block, conv, block, conv);
}
#pragma GCC diagnostic pop

static bool fill_layer(vkstyle_model *model, const char *path, const char *name,
                       const vks_hdf5_dataset *kernel, const vks_hdf5_dataset *bias,
                       vkstyle_error *error)
{
    vkstyle_error fault;
    if (kernel->rank != 4 || kernel->shape[0] != 3 || kernel->shape[1] != 3 || bias->rank != 1 ||
        bias->shape[0] != kernel->shape[3])
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': the kernel and bias of %s are not [3, 3, inputs, outputs] and "
                        "[outputs]",
                        path, name);
    vks_layer *layer = vks_model_add(model, name, (int)kernel->shape[3], &fault);
    if (!layer)
        return vks_fail(error, fault.status, "'%s': %.600s", path, fault.text);
    if (kernel->shape[2] != layer->in)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': the kernel of %s expects %lld inputs but %d arrive from the layer "
                        "before",
                        path, name, (long long)kernel->shape[2], layer->in);
    size_t in = (size_t)layer->in, out = (size_t)layer->out;
    layer->weights = malloc(kernel->values * sizeof *layer->weights);
    layer->bias = malloc(out * sizeof *layer->bias);
    if (!layer->weights || !layer->bias)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while reading '%s'", path);
    memcpy(layer->bias, bias->data, out * sizeof *layer->bias);
    const char *from = kernel->data;
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t i = 0; i < in; i++)
            for (size_t o = 0; o < out; o++, from += sizeof(float))
                memcpy(&layer->weights[(o * in + i) * 9 + tap], from, sizeof(float));
    if (!vks_all_finite(layer->weights, kernel->values) || !vks_all_finite(layer->bias, out))
        return vks_fail(error, VKSTYLE_FAILED, "'%s': %s has values that are not finite", path,
                        name);
    return true;
}

// Reads one convolution, with the pooling before it where a block begins.
static vks_hdf5_found read_conv(vkstyle_model *model, vks_hdf5 *file, const char *path, int block,
                                int conv, vkstyle_error *error)
{
    vks_hdf5_dataset kernel, bias;
    char name[LONGEST];
    for (int i = 0; i < SPELLINGS; i++) {
        spell(name, spellings[i].kernel, block, conv);
        vks_hdf5_found found = vks_hdf5_find(file, name, &kernel, error);
        if (found == VKS_HDF5_BROKEN)
            return found;
        if (found == VKS_HDF5_ABSENT)
            continue;
        spell(name, spellings[i].bias, block, conv);
        found = vks_hdf5_find(file, name, &bias, error);
        if (found == VKS_HDF5_ABSENT)
            vks_fail(error, VKSTYLE_FAILED, "'%s' has no dataset '%s'", path, name);
        if (found != VKS_HDF5_FOUND)
            return VKS_HDF5_BROKEN;
        vkstyle_error fault;
        snprintf(name, sizeof name, "pool%d", block - 1);
        if (conv == 1 && block > 1 && !vks_model_add(model, name, 0, &fault)) {
            vks_fail(error, fault.status, "'%s': %.600s", path, fault.text);
            return VKS_HDF5_BROKEN;
        }
        snprintf(name, sizeof name, "conv%d_%d", block, conv);
        return fill_layer(model, path, name, &kernel, &bias, error) ? VKS_HDF5_FOUND
                                                                    : VKS_HDF5_BROKEN;
    }
    return VKS_HDF5_ABSENT;
}

// After the first name that is absent, those beyond it must be, too: a network with a hole would
// become another network without a word.
static bool check_hole(vks_hdf5 *file, const char *path, int block, int conv, vkstyle_error *error)
{
    enum { BEYOND = 4 };
    vks_hdf5_dataset dataset;
    char name[LONGEST];
    for (int k = 1; k <= BEYOND; k++)
        for (int i = 0; i < SPELLINGS; i++) {
            // Where a block has no first convolution, it is the block that is absent.
            spell(name, spellings[i].kernel, conv == 1 ? block + k : block,
                  conv == 1 ? 1 : conv + k);
            vks_hdf5_found found = vks_hdf5_find(file, name, &dataset, error);
            if (found == VKS_HDF5_FOUND)
                return vks_fail(error, VKSTYLE_FAILED,
                                "'%s' has the dataset '%s' but not block%d_conv%d before it", path,
                                name, block, conv);
            if (found == VKS_HDF5_BROKEN)
                return false;
        }
    return true;
}

static bool read_chain(vkstyle_model *model, vks_hdf5 *file, const char *path, vkstyle_error *error)
{
    // Blocks follow each other until one has no first convolution.
    for (int block = 1, conv = 1;;) {
        vks_hdf5_found found = read_conv(model, file, path, block, conv, error);
        if (found == VKS_HDF5_BROKEN)
            return false;
        if (found == VKS_HDF5_FOUND) {
            conv++;
            continue;
        }
        if (!check_hole(file, path, block, conv, error))
            return false;
        if (conv == 1)
            break;
        block++;
        conv = 1;
    }
    if (model->layer_count == 0)
        return vks_fail(
            error, VKSTYLE_FAILED,
            "'%s' has no dataset 'block1_conv1/block1_conv1_W_1:0': it is not a VGG from "
            "Keras",
            path);
    return true;
}

static bool describe(vkstyle_model *model, const char *path, const vks_map *map,
                     vkstyle_error *error)
{
    char sum[33], source[512];
    vks_md5(map->data, map->size, sum);
    bool known = !strcmp(sum, KERAS_MD5);
    if (known)
        snprintf(source, sizeof source,
                 "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 of Keras (MD5 %s)", sum);
    else
        snprintf(source, sizeof source, "%.300s, in Keras' HDF5 layout (MD5 %s)",
                 vks_base_name(path), sum);
    if (!known)
        vks_notice("'%s' is not the file that Keras publishes (its MD5 is %s, not %s); its weights "
                   "are taken as they are",
                   path, sum, KERAS_MD5);
    return vks_model_set_text(&model->source, source, error) &&
           vks_model_set_text(&model->license, known ? VKS_OXFORD_LICENSE : "not stated", error);
}

vkstyle_model *vks_import_keras(const char *path, const vks_map *map, vkstyle_error *error)
{
    // The mean of ImageNet in B, G, R, which Oxford subtracted.
    static const double means[3] = {103.939, 116.779, 123.68};
    vks_hdf5 *file = vks_hdf5_open(path, map->data, map->size, error);
    vkstyle_model *model = file ? vks_model_create(error) : NULL;
    for (int i = 0; model && i < 3; i++) {
        model->order[i] = 2 - i;
        model->scale[i] = 255;
        model->shift[i] = -means[i];
    }
    if (model && (!read_chain(model, file, path, error) || !describe(model, path, map, error)))
        vkstyle_model_free(&model);
    vks_hdf5_close(&file);
    return model;
}
