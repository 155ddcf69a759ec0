// SPDX-License-Identifier: MIT
#include "safetensors.h"

#include "../error.h"
#include "half.h"
#include "map.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tensors are copied as they lie in files");

struct vks_safetensors {
    char *path;
    vks_map map;
    cJSON *header; // owns names and metadata
    vks_tensor_info *tensors;
    int count;
};

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {[VKS_U8] = {"U8", 1},
              [VKS_F16] = {"F16", 2},
              [VKS_BF16] = {"BF16", 2},
              [VKS_F32] = {"F32", 4},
              [VKS_F64] = {"F64", 8}};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

size_t vks_dtype_size(vks_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *vks_dtype_name(vks_dtype dtype)
{
    return dtypes[dtype].name;
}

bool vks_is_utf8(const void *data, size_t size)
{
    const uint8_t *text = data;
    for (size_t i = 0; i < size;) {
        uint8_t lead = text[i++];
        if (lead < 0x80)
            continue;
        int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4)
            return false;
        uint32_t code = lead & (0x3fu >> more);
        for (int k = 0; k < more; k++, i++) {
            if (i >= size || (text[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (text[i] & 0x3f);
        }
        if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10ffff)) ||
            (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

bool vks_is_tensor_name(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (length < 1 || length > 255)
        return false;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return true;
}

// JSON knows doubles only: whole numbers are exact up to 2^53, which no file's size reaches.
static bool read_whole(const cJSON *item, uint64_t *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > 0x1p53)
        return false;
    *value = (uint64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static bool read_shape(const cJSON *item, vks_tensor_info *tensor, const char *path,
                       vkstyle_error *error)
{
    if (!cJSON_IsArray(item))
        return vks_fail(error, VKSTYLE_FAILED, "'%s': tensor '%s' has no shape", path,
                        tensor->name);
    tensor->values = 1;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, item)
    {
        uint64_t side;
        if (tensor->rank == VKS_MAX_RANK)
            return vks_fail(error, VKSTYLE_FAILED, "'%s': tensor '%s' has more than %d dimensions",
                            path, tensor->name, VKS_MAX_RANK);
        if (!read_whole(entry, &side))
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': the shape of tensor '%s' is not made of whole numbers", path,
                            tensor->name);
        if (__builtin_mul_overflow(tensor->values, side, &tensor->values))
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': the shape of tensor '%s' is absurdly large", path, tensor->name);
        tensor->shape[tensor->rank++] = (int64_t)side;
    }
    return true;
}

// One entry of the header; data is where the file's data begins, size how much of it there is.
static bool read_tensor(const cJSON *item, const char *path, const uint8_t *data, uint64_t size,
                        vks_tensor_info *tensor, vkstyle_error *error)
{
    const cJSON *dtype = NULL, *shape = NULL, *offsets = NULL, *field;
    tensor->name = item->string;
    if (!vks_is_tensor_name(tensor->name))
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': a tensor's name is empty, too long or not printable", path);
    cJSON_ArrayForEach(field, item)
    {
        const char *key = field->string ? field->string : "";
        const cJSON **slot = !strcmp(key, "dtype")          ? &dtype
                             : !strcmp(key, "shape")        ? &shape
                             : !strcmp(key, "data_offsets") ? &offsets
                                                            : NULL;
        if (!slot || *slot)
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': the header's entry for tensor '%s' has an unknown or doubled "
                            "field",
                            path, tensor->name);
        *slot = field;
    }
    int type = 0;
    while (type < DTYPES &&
           !(cJSON_IsString(dtype) && !strcmp(dtype->valuestring, dtypes[type].name)))
        type++;
    if (type == DTYPES)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensor '%s' is of a type that vkstyle does not read (it reads U8, "
                        "F16, BF16, F32 and F64)",
                        path, tensor->name);
    tensor->dtype = (vks_dtype)type;
    if (!read_shape(shape, tensor, path, error))
        return false;
    uint64_t begin, end, bytes;
    if (cJSON_GetArraySize(offsets) != 2 || !cJSON_IsArray(offsets) ||
        !read_whole(offsets->child, &begin) || !read_whole(offsets->child->next, &end))
        return vks_fail(error, VKSTYLE_FAILED, "'%s': tensor '%s' has no valid data offsets", path,
                        tensor->name);
    if (begin > end || end > size)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': the data of tensor '%s' lies outside of the file; the file is "
                        "damaged or incomplete",
                        path, tensor->name);
    if (__builtin_mul_overflow(tensor->values, (uint64_t)dtypes[type].size, &bytes) ||
        bytes != end - begin)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': the data of tensor '%s' is not as long as its shape and type say",
                        path, tensor->name);
    tensor->data = data + begin;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const vks_tensor_info *)a)->name, ((const vks_tensor_info *)b)->name);
}

static int by_data(const void *a, const void *b)
{
    const vks_tensor_info *x = a, *y = b;
    if (x->data != y->data)
        return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return (x->values > 0) - (y->values > 0); // empty tensors first
}

static bool read_metadata(const cJSON *item, const char *path, vkstyle_error *error)
{
    const cJSON *entry;
    if (!cJSON_IsObject(item))
        return vks_fail(error, VKSTYLE_FAILED, "'%s': the metadata is not a list of strings", path);
    cJSON_ArrayForEach(entry, item)
    {
        if (!cJSON_IsString(entry))
            return vks_fail(error, VKSTYLE_FAILED, "'%s': a value of the metadata is not a string",
                            path);
    }
    return true;
}

static bool read_header(vks_safetensors *file, vkstyle_error *error)
{
    const char *path = file->path;
    if (file->map.size < 10)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s' is too short (%zu bytes) to be a .safetensors file", path,
                        file->map.size);
    uint64_t length;
    memcpy(&length, file->map.data, sizeof length);
    // Another kind of file shows itself here: its first bytes are no plausible length.
    if (length > file->map.size - 8 || length < 2 || file->map.data[8] != '{')
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s' is not a .safetensors file, or is damaged or incomplete", path);
    if (length > VKS_MAX_HEADER)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': the header has %llu bytes, more than the %d that vkstyle accepts",
                        path, (unsigned long long)length, VKS_MAX_HEADER);
    const char *text = (const char *)file->map.data + 8, *end = NULL;
    if (vks_is_utf8(file->map.data + 8, (size_t)length))
        file->header = cJSON_ParseWithLengthOpts(text, (size_t)length, &end, 0);
    while (end && end < text + length && (*end == ' ' || *end == '\n' || *end == '\t'))
        end++;
    if (!cJSON_IsObject(file->header) || end != text + length)
        return vks_fail(error, VKSTYLE_FAILED, "'%s': the header is not valid JSON", path);

    int entries = cJSON_GetArraySize(file->header);
    file->tensors = calloc((size_t)entries + 1, sizeof *file->tensors);
    if (!file->tensors)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while reading '%s'", path);
    const uint8_t *data = file->map.data + 8 + length;
    uint64_t size = file->map.size - 8 - length;
    const cJSON *item, *metadata = NULL;
    cJSON_ArrayForEach(item, file->header)
    {
        if (item->string && !strcmp(item->string, "__metadata__")) {
            if (metadata)
                return vks_fail(error, VKSTYLE_FAILED, "'%s' has its metadata twice", path);
            metadata = item;
            if (!read_metadata(item, path, error))
                return false;
        } else if (!read_tensor(item, path, data, size, &file->tensors[file->count++], error)) {
            return false;
        }
    }
    size_t count = (size_t)file->count;
    qsort(file->tensors, count, sizeof *file->tensors, by_name);
    for (size_t i = 1; i < count; i++)
        if (!strcmp(file->tensors[i - 1].name, file->tensors[i].name))
            return vks_fail(error, VKSTYLE_FAILED, "'%s' has two tensors named '%s'", path,
                            file->tensors[i].name);
    // The format demands data without holes; so a file that is one hides nothing.
    qsort(file->tensors, count, sizeof *file->tensors, by_data);
    const uint8_t *expected = data;
    for (size_t i = 0; i < count; i++) {
        const vks_tensor_info *tensor = &file->tensors[i];
        if (tensor->data != expected)
            return vks_fail(error, VKSTYLE_FAILED,
                            "'%s': the data of tensor '%s' overlaps another's or leaves a hole",
                            path, tensor->name);
        expected += tensor->values * dtypes[tensor->dtype].size;
    }
    if (expected != data + size)
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s' has %llu bytes after its last tensor; the file is damaged", path,
                        (unsigned long long)(data + size - expected));
    return true;
}

vks_safetensors *vks_safetensors_open(const char *path, vkstyle_error *error)
{
    vks_safetensors *file = calloc(1, sizeof *file);
    if (file)
        file->path = strdup(path);
    if (!file || !file->path) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while opening '%s'", path);
        vks_safetensors_close(&file);
        return NULL;
    }
    if (!vks_map_open(&file->map, path, error) || !read_header(file, error))
        vks_safetensors_close(&file);
    return file;
}

void vks_safetensors_close(vks_safetensors **file)
{
    if (!file || !*file)
        return;
    vks_map_close(&(*file)->map);
    cJSON_Delete((*file)->header);
    free((*file)->tensors);
    free((*file)->path);
    free(*file);
    *file = NULL;
}

int vks_safetensors_count(const vks_safetensors *file)
{
    return file->count;
}

const vks_tensor_info *vks_safetensors_at(const vks_safetensors *file, int index)
{
    return index >= 0 && index < file->count ? &file->tensors[index] : NULL;
}

const vks_tensor_info *vks_safetensors_find(const vks_safetensors *file, const char *name)
{
    for (int i = 0; i < file->count; i++)
        if (!strcmp(file->tensors[i].name, name))
            return &file->tensors[i];
    return NULL;
}

const char *vks_safetensors_metadata(const vks_safetensors *file, const char *key)
{
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(all, key);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

float *vks_safetensors_floats(const vks_tensor_info *tensor, vkstyle_error *error)
{
    // The values lie in the file, so four bytes for each are justified by its size.
    float *values = malloc(tensor->values ? tensor->values * sizeof *values : 1);
    if (!values) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory: tensor '%s' needs %llu MB", tensor->name,
                 (unsigned long long)(tensor->values * sizeof *values >> 20));
        return NULL;
    }
    if (tensor->dtype == VKS_F32) {
        memcpy(values, tensor->data, tensor->values * sizeof *values);
        return values;
    }
    const uint8_t *from = tensor->data;
    for (uint64_t i = 0; i < tensor->values; i++) {
        uint16_t half;
        double wide;
        switch (tensor->dtype) {
        case VKS_F16:
            memcpy(&half, from + 2 * i, sizeof half);
            values[i] = vks_half_to_float(half);
            break;
        case VKS_BF16:
            memcpy(&half, from + 2 * i, sizeof half);
            values[i] = vks_bfloat_to_float(half);
            break;
        case VKS_F64:
            memcpy(&wide, from + 8 * i, sizeof wide);
            values[i] = (float)wide;
            break;
        default:
            values[i] = from[i];
        }
    }
    return values;
}
