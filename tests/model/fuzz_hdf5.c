// SPDX-License-Identifier: MIT
// Any file as Keras' HDF5. Its seed is tiny_keras.h5.
#include "fuzz.h"

#include "model/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vkstyle_error error = {0};
    if (size == 0)
        return 0;
    vks_map map = {data, size};
    vkstyle_model *model = vks_import_keras("fuzz.h5", &map, &error);
    if (model)
        fuzz_accepted = true;
    else
        fuzz_check_failure(&error);
    vkstyle_model_free(&model);
    return 0;
}

bool fuzz_seed(int index, const char *path)
{
    (void)index;
    (void)path;
    return false;
}
