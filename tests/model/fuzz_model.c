// SPDX-License-Identifier: MIT
// Any file as a model: native, or with torchvision's names.
#include "fuzz.h"

#include "model/import.h"
#include "small_model.h"

#include <stdio.h>
#include <stdlib.h>

// What a program does with a model that was accepted.
static void use(vkstyle_model *model)
{
    fuzz_accepted = true;
    for (int i = 0; i < model->layer_count; i++) {
        const vks_layer *layer = &model->layers[i];
        if (vks_model_find(model, layer->name) != i)
            abort();
        if (layer->kind == VKS_POOL)
            continue;
        float *weights = vks_layer_weights(layer, NULL);
        if (!weights || !vks_all_finite(weights, vks_layer_weight_count(layer)) ||
            !vks_all_finite(layer->bias, (size_t)layer->out))
            abort();
        free(weights);
    }
    char *text = vkstyle_model_describe(model, NULL);
    if (!text)
        abort();
    free(text);
    vkstyle_model_free(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vkstyle_error error = {0};
    if (size == 0)
        return 0;
    const char *path = fuzz_file(data, size);
    vkstyle_model *model = vks_model_read(path, &error);
    if (model)
        use(model);
    else
        fuzz_check_failure(&error);
    vks_safetensors *file = vks_safetensors_open(path, NULL);
    if (!file)
        return 0;
    model = vks_import_torch(path, file, &error);
    if (model)
        use(model);
    else
        fuzz_check_failure(&error);
    vks_safetensors_close(&file);
    return 0;
}

static bool write_torch(const char *path)
{
    static const float values[9 * 3 * 4];
    static const int indices[] = {0, 2, 5};
    vks_safetensors_writer *writer = vks_safetensors_writer_create(NULL);
    bool done = writer;
    for (int i = 0; done && i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "features.%d.weight", indices[i]);
        done = vks_safetensors_add(writer, name, VKS_F32, 4, (const int64_t[]){3, 3, 3, 3}, values,
                                   NULL);
        snprintf(name, sizeof name, "features.%d.bias", indices[i]);
        done = done &&
               vks_safetensors_add(writer, name, VKS_F16, 1, (const int64_t[]){3}, values, NULL);
    }
    done = done && vks_safetensors_write(writer, path, NULL);
    vks_safetensors_writer_free(&writer);
    return done;
}

bool fuzz_seed(int index, const char *path)
{
    char native[256];
    snprintf(native, sizeof native, "%s.safetensors", path);
    switch (index) {
    case 0:
        return write_torch(path);
    case 1:
        return small_model_write(path, "conv1_1:2 conv1_2:3 pool1 conv2_1:2", 1, NULL);
    case 2: // the same with codebooks
        if (!small_model_write(path, "conv1_1:2 pool1 conv2_1:2", 1, NULL) ||
            !vkstyle_model_import(path, native, 8, NULL))
            return false;
        return rename(native, path) == 0;
    default:
        return false;
    }
}
