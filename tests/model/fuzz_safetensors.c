// SPDX-License-Identifier: MIT
// Any file as .safetensors: opened and read whole, or refused in one sentence.
#include "fuzz.h"

#include "model/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vkstyle_error error = {0};
    if (size == 0)
        return 0;
    vks_safetensors *file = vks_safetensors_open(fuzz_file(data, size), &error);
    if (!file) {
        fuzz_check_failure(&error);
        return 0;
    }
    fuzz_accepted = true;
    uint64_t bytes = 0;
    for (int i = 0; i < vks_safetensors_count(file); i++) {
        const vks_tensor_info *tensor = vks_safetensors_at(file, i);
        bytes += tensor->values * vks_dtype_size(tensor->dtype);
        if (bytes > size || vks_safetensors_find(file, tensor->name) != tensor)
            abort();
        float *values = vks_safetensors_floats(tensor, &error);
        if (!values)
            abort();
        free(values);
    }
    vks_safetensors_metadata(file, "format");
    vks_safetensors_close(&file);
    return 0;
}

bool fuzz_seed(int index, const char *path)
{
    if (index > 0)
        return false;
    static const char values[16] = {1, 2, 3, 4, 5, 6, 7, 8};
    const int64_t shape[2] = {2, 1};
    vks_safetensors_writer *writer = vks_safetensors_writer_create(NULL);
    bool done = writer && vks_safetensors_set_metadata(writer, "format", "some text", NULL);
    for (int type = VKS_U8; done && type <= VKS_F64; type++)
        done = vks_safetensors_add(writer, vks_dtype_name(type), (vks_dtype)type,
                                   type == VKS_F32 ? 0 : 2, shape, values, NULL);
    done = done && vks_safetensors_write(writer, path, NULL);
    vks_safetensors_writer_free(&writer);
    return done;
}
