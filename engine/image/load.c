// SPDX-License-Identifier: MIT
#include "image.h"
#include "../error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef vkstyle_image *(*read_fn)(const vks_file *file, vks_tags *tags, vkstyle_error *error);

static bool starts(const vks_file *file, size_t at, const char *magic, size_t size)
{
    return file->size >= at + size && !memcmp(file->data + at, magic, size);
}

// The reader of a format, by its first bytes. NULL with *what set: known, but not read.
static read_fn find_reader(const vks_file *file, const char **what)
{
    static const struct {
        size_t at;
        const char *magic;
        size_t size;
        read_fn read;
        const char *what;
    } formats[] = {
        {0, "\x89PNG\r\n\x1a\n", 8, vks_png_read, NULL},
        {0, "\xff\xd8\xff", 3, vks_jpeg_read, NULL},
        {0, "BM", 2, vks_bmp_read, NULL},
        {0, "GIF8", 4, NULL, "a GIF"},
        {8, "WEBP", 4, NULL, "a WebP"},
        {0, "II*\0", 4, NULL, "a TIFF or camera raw"},
        {0, "MM\0*", 4, NULL, "a TIFF or camera raw"},
        {4, "ftypavif", 8, NULL, "an AVIF"},
        {4, "ftyphei", 7, NULL, "a HEIF"},
        {4, "ftypmif1", 8, NULL, "a HEIF"},
        {0, "8BPS", 4, NULL, "a Photoshop"},
        {0, "gimp xcf", 8, NULL, "a GIMP"},
        {0, "\xff\x0a", 2, NULL, "a JPEG XL"},
        {4, "JXL ", 4, NULL, "a JPEG XL"},
        {4, "jP  ", 4, NULL, "a JPEG 2000"},
        {0, "v/1\x01", 4, NULL, "an OpenEXR"},
        {0, "#?RADIANCE", 10, NULL, "a Radiance HDR"},
        {0, "P7\n", 3, NULL, "a PAM"},
        {0, "<svg", 4, NULL, "an SVG"},
        {0, "%PDF", 4, NULL, "a PDF"},
    };
    *what = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (starts(file, formats[i].at, formats[i].magic, formats[i].size)) {
            *what = formats[i].what;
            return formats[i].read;
        }
    // P1 to P6, then space or a comment: else it is a text that begins with these letters.
    if (file->size > 2 && file->data[0] == 'P' && file->data[1] >= '1' && file->data[1] <= '6' &&
        (strchr(" \t\r\n#", file->data[2]) && file->data[2]))
        return vks_pnm_read;
    return vks_tga_probe(file->data, file->size) ? vks_tga_read : NULL;
}

vkstyle_image *vks_image_decode(const uint8_t *data, size_t size, const char *name,
                                vkstyle_error *error)
{
    const vks_file file = {vks_image_name(name), data, size};
    vks_tags tags = {0};
    const char *what;
    read_fn read = find_reader(&file, &what);
    if (!read) {
        if (!size)
            vks_fail(error, VKSTYLE_FAILED, "'%s' is empty", file.name);
        else if (what)
            vks_fail(error, VKSTYLE_FAILED, "'%s' is %s file, which is not read; convert it to PNG",
                     file.name, what);
        else
            vks_fail(
                error, VKSTYLE_FAILED,
                "'%s' is not a picture that can be read: it is neither PNG, JPEG, BMP, TGA nor "
                "PNM",
                file.name);
        return NULL;
    }
    vkstyle_image *image = read(&file, &tags, error);
    if (image && (!vks_image_to_srgb(image, &tags, file.name, error) ||
                  !vks_image_orient(image, tags.orientation, error)))
        vkstyle_image_free(&image);
    free(tags.icc);
    return image;
}

// Reads to the end. A regular file's size is known and checked; a pipe's grows as it comes.
static uint8_t *read_all(int fd, const struct stat *status, size_t *size, const char *name,
                         vkstyle_error *error)
{
    enum { FIRST = 1 << 20, PIPE_MOST = 1 << 30 };
    bool regular = S_ISREG(status->st_mode);
    size_t capacity = regular ? (size_t)status->st_size + 1 : FIRST; // + 1: sees the end
    uint8_t *data = malloc(capacity);
    *size = 0;
    while (data) {
        if (*size == capacity) {
            if (capacity >= PIPE_MOST) {
                vks_fail(error, VKSTYLE_FAILED,
                         "'%s' gives more than %d MB and no end; save it as a file first", name,
                         PIPE_MOST / 1000000);
                free(data);
                return NULL;
            }
            uint8_t *larger = realloc(data, capacity *= 2);
            if (!larger)
                free(data);
            data = larger;
            continue;
        }
        ssize_t got = read(fd, data + *size, capacity - *size);
        if (got == 0)
            return data;
        if (got < 0 && errno != EINTR) {
            vks_fail(error, VKSTYLE_FAILED, "'%s' cannot be read: %s", name, strerror(errno));
            free(data);
            return NULL;
        }
        *size += got > 0 ? (size_t)got : 0;
    }
    vks_fail(error, VKSTYLE_NO_MEMORY, "'%s': no memory for a file of %zu MB", name,
             capacity / 1000000 + 1);
    return NULL;
}

static uint8_t *read_file(const char *path, size_t *size, vkstyle_error *error)
{
    const char *name = vks_image_name(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *data = NULL;
    if (fd < 0 || fstat(fd, &status)) {
        vks_fail(error, VKSTYLE_FAILED,
                 errno == ENOENT ? "'%s' cannot be read: there is no such file"
                                 : "'%s' cannot be read: %s",
                 name, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is a folder; name a picture in it", name);
    } else if (S_ISREG(status.st_mode) && status.st_size == 0) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is empty", name);
    } else {
        data = read_all(fd, &status, size, name, error);
    }
    if (fd >= 0)
        close(fd);
    return data;
}

vkstyle_image *vkstyle_image_load(const char *path, vkstyle_error *error)
{
    if (!path || !*path) {
        vks_fail(error, VKSTYLE_USAGE, "No picture is named; give a file name");
        return NULL;
    }
    char file[VKSTYLE_PATH];
    const char *tensor;
    if (vks_tensor_path(path, file, &tensor))
        return vks_tensor_read(file, tensor, error);
    size_t size;
    uint8_t *data = read_file(path, &size, error);
    if (!data)
        return NULL;
    vkstyle_image *image = vks_image_decode(data, size, path, error);
    free(data);
    return image;
}
