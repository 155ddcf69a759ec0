// SPDX-License-Identifier: MIT
// Fuzzing of everything that reads picture files.
//
//   fuzz_image [FIRST [COUNT [SECONDS]]]   tries that many damaged files, each made from its number
//                                          alone, or stops after so many seconds
//
// With clang there is fuzz_image_guided too, the same under libFuzzer:
//   CC=clang CFLAGS=-fsanitize=fuzzer-no-link meson setup build-fuzz -Db_lundef=false
//   meson configure build-fuzz -Db_sanitize=address,undefined
//   ninja -C build-fuzz tests/image/fuzz_image_guided
//   build-fuzz/tests/image/fuzz_image_guided CORPUS_FOLDER
#include "../../engine/image/image.h"
#include "made.h"

#include <lcms2.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_one(const uint8_t *data, size_t size)
{
    vkstyle_error error = {0};
    vkstyle_image *image = vks_image_decode(data, size, "fuzz", &error);
    if (!image) {
        if (error.status == VKSTYLE_DONE || !strstr(error.text, "fuzz")) {
            fprintf(stderr, "refused without a word: %d '%s'\n", error.status, error.text);
            abort();
        }
        return;
    }
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < 4 * pixels; i++) {
        if (i >= 3 * pixels && !image->alpha)
            break;
        float value = i < 3 * pixels ? image->rgb[i] : image->alpha[i - 3 * pixels];
        if (!(value >= 0 && value <= 1)) {
            fprintf(stderr, "value %zu of %dx%d is %g\n", i, image->width, image->height, value);
            abort();
        }
    }
    vkstyle_image_free(&image);
}

// Checksums of PNG chunks made right again: otherwise no damage gets past them.
static bool repair(uint8_t *data, size_t size)
{
    if (size < 8 || memcmp(data, "\x89PNG", 4))
        return false;
    for (size_t at = 8; size - at >= 12;) {
        size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
                        (size_t)data[at + 2] << 8 | data[at + 3];
        if (length > size - at - 12)
            break;
        unsigned long sum = crc32(0, data + at + 4, (unsigned)length + 4);
        for (int i = 0; i < 4; i++)
            data[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    setenv("VKSTYLE_DEBUG_IMAGE_BYTES", "50000000", 1);
    // Memory of exactly that size, so that the sanitizer sees a read beyond.
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    try_one(copy, size);
    if (repair(copy, size))
        try_one(copy, size);
    free(copy);
    return 0;
}

#ifndef VKS_GUIDED

static uint64_t random_state;

static unsigned any(unsigned below) // xorshift64*
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * 2685821657736338717u) >> 33) % below;
}

// A profile of a curve and three primaries, or a grey one.
static made profile(bool grey)
{
    made icc = {0};
    cmsToneCurve *curve = cmsBuildGamma(NULL, 1.8), *curves[3] = {curve, curve, curve};
    cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsCIExyYTRIPLE primaries = {{0.68, 0.32, 1}, {0.265, 0.69, 1}, {0.15, 0.06, 1}};
    cmsHPROFILE p = grey ? cmsCreateGrayProfile(&white, curve)
                         : cmsCreateRGBProfile(&white, &primaries, curves);
    cmsUInt32Number size = 0;
    uint8_t *data = p && cmsSaveProfileToMem(p, NULL, &size) ? malloc(size) : NULL;
    if (!data || !cmsSaveProfileToMem(p, data, &size))
        abort();
    made_add(&icc, data, size);
    free(data);
    cmsCloseProfile(p);
    cmsFreeToneCurve(curve);
    return icc;
}

// A whole file of any kind.
static made sound_file(void)
{
    int width = 1 + (int)any(40), height = 1 + (int)any(40);
    switch (any(6)) {
    case 0: {
        static const int types[][2] = {{0, 1}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {3, 2},
                                       {3, 8}, {4, 8}, {4, 16}, {6, 8}, {6, 16}};
        unsigned t = any(11);
        made exif = made_exif(1 + (int)any(8), any(2));
        png_wish w = {.width = width, .height = height, .type = types[t][0], .depth = types[t][1]};
        w.colours = w.type == PNG_COLOR_TYPE_PALETTE ? 1 << w.depth : 0;
        w.interlaced = any(2);
        w.transparent = any(2) && w.type < 4;
        w.exif = any(2) ? &exif : NULL;
        w.gamma = any(2) ? 1 : 0;
        made file = made_png(&w);
        made_free(&exif);
        return file;
    }
    case 1:
    case 2: {
        jpeg_wish w = {
            .width = width, .height = height, .components = any(2) ? 3 : 1 + (int)any(4)};
        w.components = w.components == 2 ? 3 : w.components;
        w.sampling = 1 + (int)any(2);
        w.progressive = any(2);
        w.separate = any(2);
        w.restart = (int)any(4);
        w.adobe = any(2);
        made file = made_jpeg(&w), exif = made_exif(1 + (int)any(8), any(2)), segment = {0};
        made_add(&segment, "Exif\0\0", 6);
        made_add(&segment, exif.data, exif.size);
        made_segment(&file, 0xe1, segment.data, segment.size);
        if (any(4) == 0) {
            made icc = profile(w.components == 1 && any(2));
            segment.size = 0;
            made_add(&segment, "ICC_PROFILE\0\1\1", 14);
            made_add(&segment, icc.data, icc.size);
            made_segment(&file, 0xe2, segment.data, segment.size);
            made_free(&icc);
        }
        made_free(&segment);
        made_free(&exif);
        return file;
    }
    case 3: {
        static const int bits[] = {1, 4, 8, 16, 24, 32};
        bmp_wish w = {.width = width, .height = height, .bits = bits[any(6)]};
        w.alpha = any(2);
        w.top_down = any(2);
        return made_bmp(&w);
    }
    case 4: {
        static const int kinds[][2] = {{1, 8}, {2, 16}, {2, 24}, {2, 32}, {3, 8}, {3, 16}};
        unsigned k = any(6);
        tga_wish w = {.width = width, .height = height, .type = kinds[k][0], .bits = kinds[k][1]};
        w.type += any(2) ? 8 : 0;
        w.right = any(2);
        return made_tga(&w);
    }
    default:
        return made_pnm((char)('1' + any(6)), width, height, 1 + any(65535));
    }
}

// A few blows, mostly near the beginning, where structure is.
static void damage(made *file)
{
    static const uint8_t nasty[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0xd8, 0xd9, 0xda, 0xc0, 0xc2, 0xc4};
    for (unsigned blows = 1 + any(6); blows && file->size; blows--) {
        unsigned size = (unsigned)file->size, near = size < 200 || any(3) == 0 ? size : 200;
        size_t at = any(near);
        switch (any(6)) {
        case 0:
            file->data[at] ^= (uint8_t)(1u << any(8));
            break;
        case 1:
            file->data[at] = (uint8_t)any(256);
            break;
        case 2:
            file->data[at] = nasty[any(sizeof nasty)];
            break;
        case 3: { // a piece of it once more
            uint8_t piece[64];
            size_t from = any(size), length = size - from < 64 ? size - from : 64;
            memcpy(piece, file->data + from, length);
            made_insert(file, at, piece, 1 + any((unsigned)length));
            break;
        }
        case 4: { // a piece lost
            size_t length = 1 + any(size - (unsigned)at < 32 ? size - (unsigned)at : 32);
            memmove(file->data + at, file->data + at + length, file->size - at - length);
            file->size -= length;
            break;
        }
        default:
            if (any(4) == 0)
                file->size = at;
        }
    }
}

int main(int count, char **arguments)
{
    long first = count > 1 ? strtol(arguments[1], NULL, 10) : 0;
    long tries = count > 2 ? strtol(arguments[2], NULL, 10) : 100000;
    long seconds = count > 3 ? strtol(arguments[3], NULL, 10) : 5;
    time_t end = time(NULL) + seconds;
    long n = first;
    for (; n < first + tries && time(NULL) <= end; n++) {
        if (n % 500 == 0) {
            printf("from number %ld\n", n); // where to look after a crash
            fflush(stdout);
        }
        random_state = (uint64_t)n * 2654435761u + 88172645463325252u;
        made file = sound_file();
        if (n % 20) // every twentieth stays sound, and must read
            damage(&file);
        if (n % 20 == 0) {
            vkstyle_error error = {0};
            vkstyle_image *image = vks_image_decode(file.data, file.size, "fuzz", &error);
            if (!image) {
                fprintf(stderr, "number %ld is sound, but: %s\n", n, error.text);
                return 1;
            }
            vkstyle_image_free(&image);
        } else {
            LLVMFuzzerTestOneInput(file.data, file.size);
        }
        made_free(&file);
    }
    printf("%ld files\n", n - first);
    return n - first >= 100 ? 0 : 1;
}

#endif
