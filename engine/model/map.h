// SPDX-License-Identifier: MIT
// A whole file, read-only, in memory.
#ifndef VKS_MAP_H
#define VKS_MAP_H

#include "../vkstyle.h"

typedef struct vks_map {
    const uint8_t *data; // NULL when nothing is mapped
    size_t size;         // bytes, at least 1
} vks_map;

// Maps the regular file at path. Do not let another program truncate it while it is mapped: the
// system answers a read beyond the new end with SIGBUS.
bool vks_map_open(vks_map *map, const char *path, vkstyle_error *error);
void vks_map_close(vks_map *map);

#endif
