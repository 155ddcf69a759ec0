// SPDX-License-Identifier: MIT
// Inside engine/image: decoders fill planes and say what the file tells about them (vks_tags);
// load.c brings that to upright sRGB. And what other parts of the engine may use of pictures
// besides vkstyle.h: hash and filling of transparent parts.
//
// Debug variable VKSTYLE_DEBUG_IMAGE_BYTES: the most bytes one picture may take while it is made or
// read, instead of what the machine has free. For tests of the refusal.
#ifndef VKS_IMAGE_H
#define VKS_IMAGE_H

#include "../vkstyle.h"
#include "../sha256.h"

#include <stdio.h>

enum { VKS_IMAGE_SIDE = 1000000 }; // longest side of a picture, in pixels

// ---------------------------------------------------------------- for the engine

// SHA-256 of width, height and the bits of the floats (rgb, then alpha where there is one), in
// hexadecimal and the same on every machine.
void vks_image_hash(const vkstyle_image *image, char text[VKS_SHA256_TEXT]);

// A copy (alpha included) whose colours where alpha is 0 are a smooth extension of the visible ones
// and depend in no way on what was hidden there; nearly transparent pixels (alpha under 1/16) fade
// into it. All transparent: mid grey. Opaque: a plain copy. Give it back to vkstyle_image_free.
vkstyle_image *vks_image_fill_transparent(const vkstyle_image *image, vkstyle_error *error);

// Decodes a whole file in memory, as vkstyle_image_load does; name is for messages.
vkstyle_image *vks_image_decode(const uint8_t *data, size_t size, const char *name,
                                vkstyle_error *error);

// ---------------------------------------------------------------- inside engine/image

// A file read into memory.
typedef struct vks_file {
    const char *name; // for messages
    const uint8_t *data;
    size_t size;
} vks_file;

// What a file says about its pixels.
typedef struct vks_tags {
    bool grey;       // only the first plane of rgb is filled
    int orientation; // as EXIF counts, 1 to 8; 0 or 1: upright
    uint8_t *icc;    // profile, malloc'ed, or NULL
    size_t icc_size;
    double gamma;     // of PNG's gAMA (0.45455: as sRGB); 0: not said
    double chroma[8]; // of PNG's cHRM: x, y of white, red, green, blue; chroma[1] is 0: not said
} vks_tags;

// Decoders: planes filled, tags set; the structure is checked first, so that a file cut short is
// refused whatever the decoder behind would make of it. The caller frees tags->icc, also after a
// failure.
vkstyle_image *vks_png_read(const vks_file *file, vks_tags *tags, vkstyle_error *error);
vkstyle_image *vks_jpeg_read(const vks_file *file, vks_tags *tags, vkstyle_error *error);
vkstyle_image *vks_bmp_read(const vks_file *file, vks_tags *tags, vkstyle_error *error);
vkstyle_image *vks_tga_read(const vks_file *file, vks_tags *tags, vkstyle_error *error);
vkstyle_image *vks_pnm_read(const vks_file *file, vks_tags *tags, vkstyle_error *error);
// TGA has no magic number: true when the header's fields fit together.
bool vks_tga_probe(const uint8_t *data, size_t size);

// The common end of the formats that stb_image decodes (JPEG, BMP, TGA), once their structure is
// known to be whole and width x height is what the header says.
vkstyle_image *vks_stb_read(const vks_file *file, int64_t width, int64_t height, vks_tags *tags,
                            vkstyle_error *error);
// Drops an alpha that says nothing, 0 everywhere (old programs leave the fourth byte unset;
// stb_image makes it 1 everywhere in BMP) or 1 everywhere.
void vks_drop_void_alpha(vkstyle_image *image);

// Colours to sRGB by the profile (or gamma) of the tags; all three planes are filled afterwards. A
// profile that cannot be used is a notice, not a failure.
bool vks_image_to_srgb(vkstyle_image *image, const vks_tags *tags, const char *name,
                       vkstyle_error *error);

// The orientation (1 to 8) in a block of EXIF (from "II" or "MM" on); 1 when there is none.
int vks_exif_orientation(const uint8_t *data, size_t size);
// Turns and mirrors the picture so that it is upright.
bool vks_image_orient(vkstyle_image *image, int orientation, vkstyle_error *error);

// "FILE.safetensors:NAME" or "FILE.safetensors" (tensor "image"): splits path into file (capacity
// VKSTYLE_PATH) and tensor name. False when path is neither.
bool vks_tensor_path(const char *path, char *file, const char **tensor);
vkstyle_image *vks_tensor_read(const char *file, const char *tensor, vkstyle_error *error);
bool vks_tensor_write(const vkstyle_image *image, const char *path, vkstyle_error *error);

// Writers into an open file. False with *error filled; they never close it.
bool vks_png_write(const vkstyle_image *image, int bits, FILE *to, const char *name,
                   vkstyle_error *error);
bool vks_jpeg_write(const vkstyle_image *image, FILE *to, const char *name, vkstyle_error *error);
// 0..1 to 0..255, nearest, clamped.
uint8_t vks_byte(float value);

// A file written beside its name: nothing of it is seen until it is whole.
typedef struct vks_output {
    FILE *file;
    const char *shown;            // the caller's path (its end), for messages
    char name[VKSTYLE_PATH];      // where it goes, symbolic links followed
    char temporary[VKSTYLE_PATH]; // where it is meanwhile; "" when name is a device and written to
} vks_output;

bool vks_output_open(vks_output *output, const char *path, vkstyle_error *error);
// Flushes to the disk and renames into place. Ends the output also on failure.
bool vks_output_commit(vks_output *output, vkstyle_error *error);
// Gives it up: an existing file is as it was and no other is left. Legal after commit.
void vks_output_abandon(vks_output *output);

// Bytes of main memory that are free.
uint64_t vks_memory_free(void);
// Fails with VKSTYLE_NO_MEMORY and the numbers when width x height pixels of so many bytes do not
// fit in the memory that is free. subject begins the sentence.
bool vks_image_room(const char *subject, int64_t width, int64_t height, int bytes_per_pixel,
                    vkstyle_error *error);
// The end of a long path, short enough for a message.
const char *vks_image_name(const char *path);

// Calls work(first, last, user) for parts of 0..count-1 on several threads and waits for all.
// True when every call returned true.
typedef bool (*vks_rows_fn)(int first, int last, void *user);
bool vks_image_rows(int count, vks_rows_fn work, void *user);

#endif
