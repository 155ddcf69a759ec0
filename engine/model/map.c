// SPDX-License-Identifier: MIT
#include "map.h"

#include "../error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool vks_map_open(vks_map *map, const char *path, vkstyle_error *error)
{
    *map = (vks_map){0};
    struct stat status;
    // O_NONBLOCK: a pipe by that name must not make us wait.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        vks_fail(error, VKSTYLE_FAILED, "cannot open '%s': %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is not a file", path);
    } else if (status.st_size == 0) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is empty", path);
    } else {
        void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            vks_fail(error, VKSTYLE_FAILED, "cannot read '%s': %s", path, strerror(errno));
        else
            *map = (vks_map){data, (size_t)status.st_size};
    }
    if (fd >= 0)
        close(fd);
    return map->data != NULL;
}

void vks_map_close(vks_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (vks_map){0};
}
