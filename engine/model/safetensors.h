// SPDX-License-Identifier: MIT
// Reader and writer of .safetensors: 8 bytes of header length (little endian), a JSON header, data.
// The reader maps the file and trusts nothing: offsets, shapes and types are checked against the
// file's own size before anything is allocated. Do not let another program truncate a file while it
// is open here: the system answers a read beyond the new end with SIGBUS.
#ifndef VKS_SAFETENSORS_H
#define VKS_SAFETENSORS_H

#include "../vkstyle.h"

typedef enum vks_dtype { VKS_U8, VKS_F16, VKS_BF16, VKS_F32, VKS_F64 } vks_dtype;

enum {
    VKS_MAX_RANK = 6,
    // Larger headers are refused: 1 MiB describes more than ten thousand tensors, and what cJSON
    // needs to hold a header is some forty times its length.
    VKS_MAX_HEADER = 1 << 20
};

typedef struct vks_tensor_info {
    const char *name;
    vks_dtype dtype;
    int rank;
    int64_t shape[VKS_MAX_RANK];
    uint64_t values;  // product of the shape
    const void *data; // in the mapped file, little endian; not aligned
} vks_tensor_info;

typedef struct vks_safetensors vks_safetensors;

// Opens and checks the whole header; the data is not read. Everything that the functions below
// return, except copies, lives until close.
vks_safetensors *vks_safetensors_open(const char *path, vkstyle_error *error);
void vks_safetensors_close(vks_safetensors **file);
// Tensors in the order of their data.
int vks_safetensors_count(const vks_safetensors *file);
const vks_tensor_info *vks_safetensors_at(const vks_safetensors *file, int index);
const vks_tensor_info *vks_safetensors_find(const vks_safetensors *file, const char *name);
// A string of the header's "__metadata__", or NULL.
const char *vks_safetensors_metadata(const vks_safetensors *file, const char *key);
// Values as float32, whatever the type (U8 is widened); free() it.
float *vks_safetensors_floats(const vks_tensor_info *tensor, vkstyle_error *error);

// Bytes of one value.
size_t vks_dtype_size(vks_dtype dtype);
// True for 1 to 255 bytes without control characters.
bool vks_is_tensor_name(const char *text);
// JSON is UTF-8 by definition, and texts end up in messages that toolkits insist are UTF-8.
bool vks_is_utf8(const void *data, size_t size);
// "F32": the format's own word.
const char *vks_dtype_name(vks_dtype dtype);

// Writing. Tensors are copied when added; the file is written beside its name and renamed. The same
// calls give the same bytes: wide types first (so that data is aligned), otherwise in the order
// added.
typedef struct vks_safetensors_writer vks_safetensors_writer;
vks_safetensors_writer *vks_safetensors_writer_create(vkstyle_error *error);
// data: little endian, product of the shape values.
bool vks_safetensors_add(vks_safetensors_writer *writer, const char *name, vks_dtype dtype,
                         int rank, const int64_t *shape, const void *data, vkstyle_error *error);
bool vks_safetensors_set_metadata(vks_safetensors_writer *writer, const char *key,
                                  const char *value, vkstyle_error *error);
// On failure a file that was there is as it was, and no other is left.
bool vks_safetensors_write(vks_safetensors_writer *writer, const char *path, vkstyle_error *error);
void vks_safetensors_writer_free(vks_safetensors_writer **writer);

#endif
