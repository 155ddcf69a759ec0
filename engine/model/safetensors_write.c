// SPDX-License-Identifier: MIT
#include "safetensors.h"

#include "../error.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct entry {
    char *name;
    vks_dtype dtype;
    int rank;
    int64_t shape[VKS_MAX_RANK];
    uint64_t bytes;
    void *data;
} entry;

struct vks_safetensors_writer {
    entry *entries;
    size_t count, capacity;
    cJSON *metadata;
};

static bool no_memory(vkstyle_error *error)
{
    return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while gathering tensors to write");
}

vks_safetensors_writer *vks_safetensors_writer_create(vkstyle_error *error)
{
    vks_safetensors_writer *writer = calloc(1, sizeof *writer);
    if (writer)
        writer->metadata = cJSON_CreateObject();
    if (!writer || !writer->metadata) {
        no_memory(error);
        vks_safetensors_writer_free(&writer);
    }
    return writer;
}

void vks_safetensors_writer_free(vks_safetensors_writer **writer)
{
    if (!writer || !*writer)
        return;
    for (size_t i = 0; i < (*writer)->count; i++) {
        free((*writer)->entries[i].name);
        free((*writer)->entries[i].data);
    }
    free((*writer)->entries);
    cJSON_Delete((*writer)->metadata);
    free(*writer);
    *writer = NULL;
}

bool vks_safetensors_add(vks_safetensors_writer *writer, const char *name, vks_dtype dtype,
                         int rank, const int64_t *shape, const void *data, vkstyle_error *error)
{
    if (rank < 0 || rank > VKS_MAX_RANK)
        return vks_fail(error, VKSTYLE_FAILED,
                        "tensor '%s' has %d dimensions; at most %d can be "
                        "written",
                        name, rank, VKS_MAX_RANK);
    if (!vks_is_tensor_name(name) || !vks_is_utf8(name, strlen(name)))
        return vks_fail(error, VKSTYLE_FAILED,
                        "a tensor to be written has a name that could not be read back");
    for (size_t i = 0; i < writer->count; i++)
        if (!strcmp(writer->entries[i].name, name))
            return vks_fail(error, VKSTYLE_FAILED, "tensor '%s' was to be written twice", name);
    entry new = {.dtype = dtype, .rank = rank, .bytes = vks_dtype_size(dtype)};
    for (int i = 0; i < rank; i++) {
        new.shape[i] = shape[i];
        if (shape[i] < 0 || __builtin_mul_overflow(new.bytes, (uint64_t)shape[i], &new.bytes))
            return vks_fail(error, VKSTYLE_FAILED, "the shape of tensor '%s' is impossible", name);
    }
    if (writer->count == writer->capacity) {
        size_t capacity = writer->capacity ? 2 * writer->capacity : 16;
        entry *entries = realloc(writer->entries, capacity * sizeof *entries);
        if (!entries)
            return no_memory(error);
        writer->entries = entries;
        writer->capacity = capacity;
    }
    new.name = strdup(name);
    new.data = malloc(new.bytes ? new.bytes : 1);
    if (!new.name || !new.data) {
        free(new.name);
        free(new.data);
        return no_memory(error);
    }
    if (new.bytes)
        memcpy(new.data, data, new.bytes);
    writer->entries[writer->count++] = new;
    return true;
}

bool vks_safetensors_set_metadata(vks_safetensors_writer *writer, const char *key,
                                  const char *value, vkstyle_error *error)
{
    if (!vks_is_utf8(key, strlen(key)) || !vks_is_utf8(value, strlen(value)))
        return vks_fail(error, VKSTYLE_FAILED, "a text to be written is not UTF-8");
    cJSON_DeleteItemFromObjectCaseSensitive(writer->metadata, key);
    if (!cJSON_AddStringToObject(writer->metadata, key, value))
        return no_memory(error);
    return true;
}

// The order of the data: wide types first, so that every tensor is aligned to its own type.
static size_t sort_entries(const vks_safetensors_writer *writer, const entry **order)
{
    size_t count = 0;
    for (size_t size = 8; size >= 1; size /= 2)
        for (size_t i = 0; i < writer->count; i++)
            if (vks_dtype_size(writer->entries[i].dtype) == size)
                order[count++] = &writer->entries[i];
    return count;
}

static bool add_to_header(cJSON *header, const entry *from, uint64_t begin)
{
    cJSON *item = cJSON_AddObjectToObject(header, from->name);
    if (!cJSON_AddStringToObject(item, "dtype", vks_dtype_name(from->dtype)))
        return false;
    cJSON *shape = cJSON_AddArrayToObject(item, "shape");
    for (int i = 0; i < from->rank; i++)
        if (!cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)from->shape[i])))
            return false;
    cJSON *offsets = cJSON_AddArrayToObject(item, "data_offsets");
    return shape && cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)begin)) &&
           cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)(begin + from->bytes)));
}

// The header's text, padded with spaces to a multiple of 8; NULL without memory.
static char *make_header(const vks_safetensors_writer *writer, const entry *const *order,
                         uint64_t *length)
{
    cJSON *header = cJSON_CreateObject();
    char *text = NULL, *padded = NULL;
    bool whole = header != NULL;
    if (whole && writer->metadata->child)
        whole = cJSON_AddItemReferenceToObject(header, "__metadata__", writer->metadata);
    uint64_t begin = 0;
    for (size_t i = 0; whole && i < writer->count; i++) {
        whole = add_to_header(header, order[i], begin);
        begin += order[i]->bytes;
    }
    if (whole)
        text = cJSON_PrintUnformatted(header);
    if (text) {
        size_t used = strlen(text);
        *length = (used + 7) / 8 * 8;
        padded = malloc(*length + 1);
        if (padded) {
            memset(padded, ' ', *length);
            memcpy(padded, text, used);
        }
    }
    cJSON_free(text);
    cJSON_Delete(header);
    return padded;
}

static bool put(int fd, const void *data, uint64_t bytes)
{
    const char *from = data;
    while (bytes > 0) {
        // Some systems refuse more than 2 GiB at once.
        ssize_t done = write(fd, from, bytes < 1u << 30 ? bytes : 1u << 30);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            from += done;
            bytes -= (uint64_t)done;
        }
    }
    return true;
}

// A new file beside path; its name goes to *temporary (free() it).
static int create_beside(const char *path, char **temporary, vkstyle_error *error)
{
    size_t size = strlen(path) + 32;
    *temporary = malloc(size);
    if (!*temporary) {
        no_memory(error);
        return -1;
    }
    // Not mkstemp: that would make the file unreadable for others whatever the umask says.
    int fd = -1;
    for (int attempt = 0; attempt < 100 && fd < 0; attempt++) {
        snprintf(*temporary, size, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        vks_fail(error, VKSTYLE_FAILED, "cannot write '%s': %s", path, strerror(errno));
    return fd;
}

bool vks_safetensors_write(vks_safetensors_writer *writer, const char *path, vkstyle_error *error)
{
    const entry **order = calloc(writer->count + 1, sizeof *order);
    uint64_t length = 0;
    char *header = NULL, *temporary = NULL;
    if (order) {
        sort_entries(writer, order);
        header = make_header(writer, order, &length);
    }
    bool done = false;
    int fd = -1;
    if (!header) {
        no_memory(error);
        goto out;
    }
    if (length > VKS_MAX_HEADER) {
        vks_fail(error, VKSTYLE_FAILED,
                 "cannot write '%s': its header would have %llu bytes; at "
                 "most %d can be read back",
                 path, (unsigned long long)length, VKS_MAX_HEADER);
        goto out;
    }
    fd = create_beside(path, &temporary, error);
    if (fd < 0)
        goto out;
    done = put(fd, &length, sizeof length) && put(fd, header, length);
    for (size_t i = 0; done && i < writer->count; i++)
        done = put(fd, order[i]->data, order[i]->bytes);
    done = done && fsync(fd) == 0;
    int why = errno;
    if (close(fd) != 0 && done) {
        why = errno;
        done = false;
    }
    if (done && rename(temporary, path) != 0) {
        why = errno;
        done = false;
    }
    if (!done) {
        vks_fail(error, VKSTYLE_FAILED, "cannot write '%s': %s", path, strerror(why));
        unlink(temporary);
    }
out:
    free(header);
    free(order);
    free(temporary);
    return done;
}
