// SPDX-License-Identifier: MIT
// Pictures as tensors: exact values in and out.
#include "image.h"
#include "../error.h"
#include "../model/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char ENDING[] = ".safetensors";

bool vks_tensor_path(const char *path, char *file, const char **tensor)
{
    size_t length = strlen(path), ending = strlen(ENDING);
    size_t end = 0; // of the file's name; the last ending that a colon follows, or the path's own
    for (size_t i = 0; i + ending <= length; i++)
        if (!strncasecmp(path + i, ENDING, ending) &&
            (path[i + ending] == ':' || path[i + ending] == 0))
            end = i + ending;
    if (!end || end >= VKSTYLE_PATH)
        return false;
    memcpy(file, path, end);
    file[end] = 0;
    *tensor = path[end] ? path + end + 1 : "image";
    return true;
}

static bool all_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

// Alpha as vks_tensor_write writes it, beside the tensor "image". Not there, or of another shape:
// none.
static bool read_alpha(const vks_safetensors *open, vkstyle_image *image, const char *name,
                       vkstyle_error *error)
{
    const vks_tensor_info *info = vks_safetensors_find(open, "alpha");
    if (!info || info->rank != 2 || info->dtype == VKS_U8 || info->shape[0] != image->height ||
        info->shape[1] != image->width)
        return true;
    image->alpha = vks_safetensors_floats(info, error);
    if (!image->alpha)
        return false;
    if (!all_finite(image->alpha, info->values))
        return vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensor 'alpha' holds values that are no numbers", name);
    return true;
}

// The picture in an open file, or NULL.
static vkstyle_image *read_open(const vks_safetensors *open, const char *name, const char *tensor,
                                vkstyle_error *error)
{
    const vks_tensor_info *info = vks_safetensors_find(open, tensor);
    if (!info) {
        const vks_tensor_info *first =
            vks_safetensors_count(open) ? vks_safetensors_at(open, 0) : NULL;
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' has no tensor '%.100s'; name one as FILE.safetensors:NAME (it holds %d, the "
                 "first '%.100s')",
                 name, tensor, vks_safetensors_count(open), first ? first->name : "");
        return NULL;
    }
    const int64_t *shape = info->shape;
    if (info->rank == 4 && shape[0] == 1)
        shape++;
    bool fits = info->rank == (shape == info->shape ? 3 : 4) && shape[0] == 3;
    if (!fits || info->dtype == VKS_U8) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s': tensor '%.100s' is no picture; that is floating point of shape [3,H,W]",
                 name, tensor);
        return NULL;
    }
    char subject[500];
    snprintf(subject, sizeof subject, "'%s:%.100s'", name, tensor);
    if (!vks_image_room(subject, shape[2], shape[1], 16, error))
        return NULL;
    vkstyle_image *image = calloc(1, sizeof *image);
    if (!image) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "'%s': no memory left to read it", name);
        return NULL;
    }
    image->width = (int)shape[2];
    image->height = (int)shape[1];
    image->rgb = vks_safetensors_floats(info, error);
    bool well = image->rgb;
    if (well && !all_finite(image->rgb, info->values))
        well = vks_fail(error, VKSTYLE_FAILED,
                        "'%s': tensor '%.100s' holds values that are no numbers (NaN or infinite)",
                        name, tensor);
    if (well && !strcmp(tensor, "image"))
        well = read_alpha(open, image, name, error);
    if (!well)
        vkstyle_image_free(&image);
    return image;
}

vkstyle_image *vks_tensor_read(const char *file, const char *tensor, vkstyle_error *error)
{
    vks_safetensors *open = vks_safetensors_open(file, error);
    if (!open)
        return NULL;
    vkstyle_image *image = read_open(open, vks_image_name(file), tensor, error);
    vks_safetensors_close(&open);
    return image;
}

bool vks_tensor_write(const vkstyle_image *image, const char *path, vkstyle_error *error)
{
    const int64_t shape[3] = {3, image->height, image->width};
    vks_safetensors_writer *writer = vks_safetensors_writer_create(error);
    bool well =
        writer && vks_safetensors_add(writer, "image", VKS_F32, 3, shape, image->rgb, error);
    if (well && image->alpha)
        well = vks_safetensors_add(writer, "alpha", VKS_F32, 2, shape + 1, image->alpha, error);
    well = well && vks_safetensors_write(writer, path, error);
    vks_safetensors_writer_free(&writer);
    return well;
}
