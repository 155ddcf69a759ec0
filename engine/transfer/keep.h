// SPDX-License-Identifier: MIT
// Small texts kept between runs in $XDG_CACHE_HOME/vkstyle (else ~/.cache/vkstyle), one a file. A
// cache only: where there is no such folder, or it cannot be written, everything works without.
#ifndef VKS_KEEP_H
#define VKS_KEEP_H

#include "../vkstyle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// "/home/me/.cache/vkstyle/NAME", for larger things. False where there is no place for caches;
// make: the folder is made where it is not there.
bool vks_keep_path(const char *name, bool make, char *path, size_t room);
// The first line of file `name` into text[room], without its end. False where there is none.
bool vks_keep_read(const char *name, char *text, size_t room);
// A file that is written beside its name and renamed into place, so that no reader sees half of it.
typedef struct vks_keeping {
    char path[VKSTYLE_PATH * 2], beside[VKSTYLE_PATH * 2 + 32];
} vks_keeping;
// Opens it for writing; NULL where it cannot be.
FILE *vks_keep_begin(vks_keeping *keeping, const char *name);
// Closes it, and puts it into place if all of it was written.
void vks_keep_end(const vks_keeping *keeping, FILE *file, bool written);
// Writes one line like this.
void vks_keep_write(const char *name, const char *text);

#endif
