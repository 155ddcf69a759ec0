// SPDX-License-Identifier: MIT
#include "image.h"
#include "../error.h"

#include <math.h>
#include <string.h>
#include <strings.h>

typedef enum format { NONE, PNG, JPEG, TENSOR } format;

static format format_of(const char *path)
{
    static const struct {
        const char *ending;
        format format;
    } endings[] = {{"png", PNG}, {"jpg", JPEG}, {"jpeg", JPEG}, {"safetensors", TENSOR}};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot + 1, endings[i].ending))
            return endings[i].format;
    return NONE;
}

bool vkstyle_image_can_save(const char *path, vkstyle_error *error)
{
    if (!path || !*path)
        return vks_fail(error, VKSTYLE_USAGE, "No output is named; give a file name");
    const char *name = vks_image_name(path);
    if (format_of(path) == NONE)
        return vks_fail(
            error, VKSTYLE_USAGE,
            "'%s' cannot be written: its ending must be .png, .jpg, .jpeg or .safetensors", name);
    return true;
}

static bool all_finite(const vkstyle_image *image)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < 3 * pixels; i++)
        if (!isfinite(image->rgb[i]))
            return false;
    for (size_t i = 0; image->alpha && i < pixels; i++)
        if (!isfinite(image->alpha[i]))
            return false;
    return true;
}

uint8_t vks_byte(float value)
{
    return value <= 0 ? 0 : value >= 1 ? 255 : (uint8_t)(value * 255.0f + 0.5f);
}

bool vkstyle_image_save(const vkstyle_image *image, const char *path, int bits,
                        vkstyle_error *error)
{
    if (!path || !*path)
        return vks_fail(error, VKSTYLE_USAGE, "No output is named; give a file name");
    const char *name = vks_image_name(path);
    format kind = format_of(path);
    if (kind == NONE)
        return vkstyle_image_can_save(path, error);
    if (kind == PNG && bits != 8 && bits != 16)
        return vks_fail(error, VKSTYLE_USAGE, "'%s': PNG has 8 or 16 bits, not %d", name, bits);
    if (!all_finite(image))
        return vks_fail(
            error, VKSTYLE_FAILED,
            "'%s' was not written: the picture holds values that are no numbers (NaN or "
            "infinite)",
            name);
    if (kind == TENSOR)
        return vks_tensor_write(image, path, error);
    vks_output output;
    if (!vks_output_open(&output, path, error))
        return false;
    bool well = kind == PNG ? vks_png_write(image, bits, output.file, name, error)
                            : vks_jpeg_write(image, output.file, name, error);
    if (well)
        return vks_output_commit(&output, error);
    vks_output_abandon(&output);
    return false;
}
