// SPDX-License-Identifier: MIT
//
// The driver's compiled kernels, kept between runs in $XDG_CACHE_HOME/vkstyle. A cache only: where
// the file is missing, foreign, damaged or cannot be written, everything works without it.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// In front of the driver's data, which most drivers trust blindly.
typedef struct header {
    char magic[8];
    uint64_t bytes, hash; // of the data
} header;

static const char MAGIC[8] = "vkspipe1";
static const size_t MOST = (size_t)256 << 20;

// "/home/me/.cache/vkstyle"; false when there is no place for caches. `make`: create it.
static bool folder(char *path, size_t capacity, bool make)
{
    const char *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length;
    if (base && base[0] == '/') { // the standard says to ignore relative ones
        length = snprintf(path, capacity, "%s", base);
    } else {
        if (!home || home[0] != '/')
            return false;
        length = snprintf(path, capacity, "%s/.cache", home);
    }
    if (length < 0 || (size_t)length + sizeof "/vkstyle" > capacity)
        return false;
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
        return false;
    memcpy(path + length, "/vkstyle", sizeof "/vkstyle");
    return !make || mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool file_name(const vks_gpu *gpu, char *path, size_t capacity, bool make)
{
    if (!folder(path, capacity, make))
        return false;
    const size_t length = strlen(path);
    const int wrote = snprintf(path + length, capacity - length, "/pipelines-%s.bin", gpu->is.key);
    return wrote > 0 && (size_t)wrote < capacity - length;
}

// The driver's own header (VkPipelineCacheHeaderVersionOne, packed): of this very device?
static bool ours(const vks_gpu *gpu, const unsigned char *data, size_t bytes)
{
    const VkPhysicalDeviceProperties *p = &gpu->is.properties;
    uint32_t head[4]; // size, version, vendor, device
    if (bytes < sizeof head + VK_UUID_SIZE)
        return false;
    memcpy(head, data, sizeof head);
    return head[0] >= sizeof head + VK_UUID_SIZE && head[0] <= bytes &&
           head[1] == VK_PIPELINE_CACHE_HEADER_VERSION_ONE && head[2] == p->vendorID &&
           head[3] == p->deviceID &&
           memcmp(data + sizeof head, p->pipelineCacheUUID, VK_UUID_SIZE) == 0;
}

// malloc'ed data, or NULL.
static unsigned char *read_data(const vks_gpu *gpu, size_t *bytes)
{
    char path[4096];
    if (!file_name(gpu, path, sizeof path, false))
        return NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    header head;
    unsigned char *data = NULL;
    bool good = fread(&head, sizeof head, 1, file) == 1 &&
                memcmp(head.magic, MAGIC, sizeof MAGIC) == 0 && head.bytes <= MOST;
    if (good)
        data = malloc((size_t)head.bytes + 1);
    good = data && fread(data, 1, (size_t)head.bytes + 1, file) == head.bytes &&
           vks_hash(VKS_HASH_SEED, data, (size_t)head.bytes) == head.hash &&
           ours(gpu, data, (size_t)head.bytes);
    fclose(file);
    if (good) {
        *bytes = (size_t)head.bytes;
        return data;
    }
    free(data);
    return NULL;
}

void vks_cache_load(vks_gpu *gpu)
{
    size_t bytes = 0;
    unsigned char *data = read_data(gpu, &bytes);
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = bytes,
        .pInitialData = data,
    };
    VkResult result = gpu->vk.vkCreatePipelineCache(gpu->device, &info, NULL, &gpu->cache);
    if (result != VK_SUCCESS && data) {
        info.initialDataSize = 0;
        info.pInitialData = NULL;
        result = gpu->vk.vkCreatePipelineCache(gpu->device, &info, NULL, &gpu->cache);
    }
    if (result != VK_SUCCESS)
        gpu->cache = VK_NULL_HANDLE; // pipelines are compiled without one
    free(data);
}

static bool write_all(int file, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        const ssize_t wrote = write(file, at, bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote;
        bytes -= (size_t)wrote;
    }
    return true;
}

// Beside its name and renamed into place, so that no reader sees half of it.
static void write_data(const vks_gpu *gpu, const unsigned char *data, size_t bytes)
{
    char path[4096], beside[4096 + 32];
    if (!file_name(gpu, path, sizeof path, true))
        return;
    snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid());
    const int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    header head = {.bytes = bytes, .hash = vks_hash(VKS_HASH_SEED, data, bytes)};
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    const bool wrote = write_all(file, &head, sizeof head) && write_all(file, data, bytes);
    if (close(file) != 0 || !wrote || rename(beside, path) != 0)
        unlink(beside);
}

void vks_cache_save(vks_gpu *gpu)
{
    size_t bytes = 0;
    unsigned char *data = NULL;
    if (gpu->cache && gpu->cache_dirty && !gpu->lost[0] &&
        gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &bytes, NULL) == VK_SUCCESS &&
        bytes > 0 && bytes <= MOST)
        data = malloc(bytes);
    if (data && gpu->vk.vkGetPipelineCacheData(gpu->device, gpu->cache, &bytes, data) == VK_SUCCESS)
        write_data(gpu, data, bytes);
    free(data);
    gpu->vk.vkDestroyPipelineCache(gpu->device, gpu->cache, NULL);
    gpu->cache = VK_NULL_HANDLE;
}
