// SPDX-License-Identifier: MIT
#include "hdf5.h"

#include "../error.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPACE_MESSAGE = 0x01,
    TYPE_MESSAGE = 0x03,
    EXTERNAL_MESSAGE = 0x07,
    LAYOUT_MESSAGE = 0x08,
    FILTER_MESSAGE = 0x0b,
    CONTINUATION_MESSAGE = 0x10,
    TABLE_MESSAGE = 0x11
};

struct vks_hdf5 {
    const char *path;
    const uint8_t *data;
    uint64_t size;
    uint64_t root;   // address of the root group's header
    uint64_t handed; // bytes of datasets given out
    // Every node, message and symbol looked at costs one. Sound files need some thousand in all;
    // one that refers to itself in circles runs out instead of running for ever.
    int64_t steps;
    vkstyle_error *error; // of the call in progress
};

// What an object's header says, as far as it matters here; NULL for what it does not say.
typedef struct object {
    const uint8_t *space, *type, *layout, *table;
    uint64_t space_size, type_size, layout_size;
    bool filtered, external;
} object;

static bool broken(vks_hdf5 *file, const char *what)
{
    return vks_fail(file->error, VKSTYLE_FAILED, "'%s' is damaged: %s", file->path, what);
}

static uint64_t le(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

// The bytes at an address, or NULL if they do not lie in the file.
static const uint8_t *at(const vks_hdf5 *file, uint64_t address, uint64_t bytes)
{
    if (address > file->size || bytes > file->size - address)
        return NULL;
    return file->data + address;
}

// The messages of one block of a header; *more and *more_size receive a continuation's place.
static bool read_messages(vks_hdf5 *file, const uint8_t *block, uint64_t size, object *out,
                          uint64_t *more, uint64_t *more_size)
{
    while (size >= 8) {
        if (file->steps-- <= 0)
            return broken(file, "its parts refer to each other in circles");
        uint64_t kind = le(block, 2), length = le(block + 2, 2), flags = block[4];
        const uint8_t *body = block + 8;
        if (length > size - 8)
            return broken(file, "a message of a header is longer than the header");
        // Bit 1: the body lies elsewhere and is shared; h5py does so for named types only.
        bool shared = flags & 2;
        if (kind == SPACE_MESSAGE && !shared) {
            out->space = body;
            out->space_size = length;
        } else if (kind == TYPE_MESSAGE && !shared) {
            out->type = body;
            out->type_size = length;
        } else if (kind == LAYOUT_MESSAGE && !shared) {
            out->layout = body;
            out->layout_size = length;
        } else if (kind == TABLE_MESSAGE && length >= 16) {
            out->table = body;
        } else if (kind == FILTER_MESSAGE) {
            out->filtered = true;
        } else if (kind == EXTERNAL_MESSAGE) {
            out->external = true;
        } else if (kind == CONTINUATION_MESSAGE && length >= 16) {
            *more = le(body, 8);
            *more_size = le(body + 8, 8);
        }
        block += 8 + length;
        size -= 8 + length;
    }
    return true;
}

static bool read_object(vks_hdf5 *file, uint64_t address, object *out)
{
    *out = (object){0};
    const uint8_t *prefix = at(file, address, 16);
    if (!prefix)
        return broken(file, "an object lies outside of the file");
    if (prefix[0] != 1 && memcmp(prefix, "OHDR", 4))
        return broken(file, "an object's header is not where it should be");
    if (prefix[0] != 1)
        return vks_fail(
            file->error, VKSTYLE_FAILED,
            "'%s' is HDF5 of a newer kind than Keras writes; save it from h5py with its "
            "default settings",
            file->path);
    uint64_t next = address + 16, size = le(prefix + 8, 4);
    while (size > 0) {
        uint64_t more = 0, more_size = 0;
        const uint8_t *block = at(file, next, size);
        if (!block)
            return broken(file, "an object's header lies outside of the file");
        if (!read_messages(file, block, size, out, &more, &more_size))
            return false;
        next = more;
        size = more_size;
    }
    return true;
}

// The object's address of the member `name` (length bytes long) of a node of symbols.
static vks_hdf5_found find_in_symbols(vks_hdf5 *file, const uint8_t *heap, uint64_t heap_size,
                                      uint64_t address, const char *name, size_t length,
                                      uint64_t *found)
{
    const uint8_t *node = at(file, address, 8);
    uint64_t count = node ? le(node + 6, 2) : 0;
    if (file->steps-- <= 0 || !node || memcmp(node, "SNOD", 4) ||
        !at(file, address + 8, count * 40)) {
        broken(file, "a group's list of names is not where it should be");
        return VKS_HDF5_BROKEN;
    }
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *entry = node + 8 + 40 * i;
        uint64_t offset = le(entry, 8);
        if (file->steps-- <= 0 || offset >= heap_size) {
            broken(file, "a name in a group lies outside of the group's names");
            return VKS_HDF5_BROKEN;
        }
        // The name in the heap ends with a zero.
        if (heap_size - offset > length && !memcmp(heap + offset, name, length) &&
            heap[offset + length] == 0) {
            *found = le(entry + 8, 8);
            return VKS_HDF5_FOUND;
        }
    }
    return VKS_HDF5_ABSENT;
}

// Walks the tree below address. level is one more than the node's own may be, so that a node that
// is its own child ends the walk.
static vks_hdf5_found find_in_tree(vks_hdf5 *file, const uint8_t *heap, uint64_t heap_size,
                                   uint64_t address, int level, const char *name, size_t length,
                                   uint64_t *found)
{
    const uint8_t *node = at(file, address, 24);
    uint64_t count = node ? le(node + 6, 2) : 0;
    if (file->steps-- <= 0 || !node || memcmp(node, "TREE", 4) || node[4] != 0 ||
        node[5] >= level || !at(file, address + 24, count * 16 + 8)) {
        broken(file, "a group's index is not where it should be");
        return VKS_HDF5_BROKEN;
    }
    // The children are sorted by name, but a group of a network has a few dozen: look at all.
    for (uint64_t i = 0; i < count; i++) {
        uint64_t child = le(node + 32 + 16 * i, 8);
        vks_hdf5_found result =
            node[5] == 0 ? find_in_symbols(file, heap, heap_size, child, name, length, found)
                         : find_in_tree(file, heap, heap_size, child, node[5], name, length, found);
        if (result != VKS_HDF5_ABSENT)
            return result;
    }
    return VKS_HDF5_ABSENT;
}

static vks_hdf5_found find_member(vks_hdf5 *file, uint64_t group, const char *name, size_t length,
                                  uint64_t *found)
{
    object header;
    if (!read_object(file, group, &header))
        return VKS_HDF5_BROKEN;
    if (!header.table)
        return VKS_HDF5_ABSENT; // a dataset, or a group of the newer kind
    uint64_t tree = le(header.table, 8);
    const uint8_t *heap = at(file, le(header.table + 8, 8), 32);
    if (!heap || memcmp(heap, "HEAP", 4)) {
        broken(file, "a group's names are not where they should be");
        return VKS_HDF5_BROKEN;
    }
    uint64_t heap_size = le(heap + 8, 8);
    const uint8_t *names = at(file, le(heap + 24, 8), heap_size);
    if (!names) {
        broken(file, "a group's names lie outside of the file");
        return VKS_HDF5_BROKEN;
    }
    return find_in_tree(file, names, heap_size, tree, 256, name, length, found);
}

static bool refuse(vks_hdf5 *file, const char *name, const char *why)
{
    return vks_fail(file->error, VKSTYLE_FAILED, "'%s': the dataset '%s' %s", file->path, name,
                    why);
}

static bool read_space(vks_hdf5 *file, const char *name, const object *header,
                       vks_hdf5_dataset *dataset)
{
    const uint8_t *space = header->space;
    uint64_t begin = header->space_size >= 4 && space[0] == 2 ? 4 : 8;
    if (!space || header->space_size < begin || (space[0] != 1 && space[0] != 2))
        return refuse(file, name, "has no shape that vkstyle can read");
    dataset->rank = space[1];
    if (dataset->rank > VKS_HDF5_RANK)
        return refuse(file, name, "has more than four dimensions");
    if (header->space_size < begin + 8 * (uint64_t)dataset->rank)
        return refuse(file, name, "has a damaged shape");
    uint64_t values = 1;
    for (int i = 0; i < dataset->rank; i++) {
        uint64_t side = le(space + begin + 8 * i, 8);
        if (side == 0 || side > INT32_MAX || __builtin_mul_overflow(values, side, &values) ||
            values > file->size)
            return refuse(file, name, "has a shape that the file is too small for");
        dataset->shape[i] = (int64_t)side;
    }
    dataset->values = (size_t)values;
    return true;
}

static bool read_type(vks_hdf5 *file, const char *name, const object *header)
{
    // Class 1 (floating point) of any version; then IEEE 754 binary32, little endian, bit for bit.
    static const uint8_t float32[20] = {0x01, 0x20, 0x1f, 0, 4, 0,  0,    0, 0, 0,
                                        32,   0,    23,   8, 0, 23, 0x7f, 0, 0, 0};
    const uint8_t *type = header->type;
    if (!type || header->type_size < sizeof float32 || (type[0] & 15) != 1 ||
        memcmp(type + 1, float32 + 1, sizeof float32 - 1))
        return refuse(file, name, "is not of little-endian float32");
    return true;
}

static bool read_layout(vks_hdf5 *file, const char *name, const object *header,
                        vks_hdf5_dataset *dataset)
{
    const uint8_t *layout = header->layout;
    uint64_t bytes = 4 * (uint64_t)dataset->values;
    if (header->filtered || (layout && header->layout_size >= 2 && layout[1] == 2))
        return refuse(file, name,
                      "is stored in chunks or compressed; unpack the file with `h5repack -l CONTI "
                      "-f NONE`");
    if (header->external || !layout || header->layout_size < 4 || layout[0] != 3 || layout[1] > 1)
        return refuse(file, name, "is stored in a way that vkstyle does not read");
    uint64_t stored;
    if (layout[1] == 0) { // compact: the data follows
        stored = le(layout + 2, 2);
        dataset->data = stored <= header->layout_size - 4 ? layout + 4 : NULL;
    } else {
        if (header->layout_size < 18)
            return refuse(file, name, "is damaged");
        stored = le(layout + 10, 8);
        dataset->data = at(file, le(layout + 2, 8), stored);
    }
    if (!dataset->data)
        return refuse(file, name, "lies outside of the file, which is damaged or incomplete");
    if (stored != bytes)
        return refuse(file, name, "is not as long as its shape says");
    // Datasets that overlap could ask for many times the file's size of memory.
    if (bytes > file->size - file->handed)
        return refuse(file, name, "shares its data with another");
    file->handed += bytes;
    return true;
}

vks_hdf5_found vks_hdf5_find(vks_hdf5 *file, const char *name, vks_hdf5_dataset *dataset,
                             vkstyle_error *error)
{
    file->error = error;
    uint64_t address = file->root;
    for (const char *part = name; *part;) {
        size_t length = strcspn(part, "/");
        vks_hdf5_found found = find_member(file, address, part, length, &address);
        if (found != VKS_HDF5_FOUND)
            return found;
        part += length + (part[length] == '/');
    }
    object header;
    *dataset = (vks_hdf5_dataset){0};
    return read_object(file, address, &header) && read_space(file, name, &header, dataset) &&
                   read_type(file, name, &header) && read_layout(file, name, &header, dataset)
               ? VKS_HDF5_FOUND
               : VKS_HDF5_BROKEN;
}

bool vks_hdf5_is(const void *data, size_t size)
{
    return size >= 8 && !memcmp(data, "\x89HDF\r\n\x1a\n", 8);
}

vks_hdf5 *vks_hdf5_open(const char *path, const void *data, size_t size, vkstyle_error *error)
{
    const uint8_t *head = data;
    uint64_t begin = size > 8 && head[8] == 1 ? 28 : 24;
    vks_hdf5 file = {.path = path, .data = data, .size = size, .steps = 1 << 20, .error = error};
    if (!vks_hdf5_is(data, size) || size < begin + 72) {
        vks_fail(error, VKSTYLE_FAILED, "'%s' is not an HDF5 file, or is incomplete", path);
        return NULL;
    }
    if (head[8] > 1) {
        vks_fail(
            error, VKSTYLE_FAILED,
            "'%s' is HDF5 of a newer kind than Keras writes; save it from h5py with its default "
            "settings",
            path);
        return NULL;
    }
    if (head[13] != 8 || head[14] != 8 || le(head + begin, 8) != 0) {
        broken(&file, "its HDF5 superblock is not one that Keras writes");
        return NULL;
    }
    if (le(head + begin + 16, 8) > size) {
        vks_fail(error, VKSTYLE_FAILED,
                 "'%s' is incomplete: it has %zu bytes and should have %llu; get it again", path,
                 size, (unsigned long long)le(head + begin + 16, 8));
        return NULL;
    }
    file.root = le(head + begin + 40, 8);
    vks_hdf5 *copy = malloc(sizeof *copy);
    if (!copy) {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory while opening '%s'", path);
        return NULL;
    }
    *copy = file;
    return copy;
}

void vks_hdf5_close(vks_hdf5 **file)
{
    if (!file || !*file)
        return;
    free(*file);
    *file = NULL;
}
