// SPDX-License-Identifier: MIT
#include "vectors.h"
#include "../error.h"

vks_memory vks_place(const vks_setting *setting, int index)
{
    return index < setting->resident ? VKS_MEMORY_DEVICE : VKS_MEMORY_HOST;
}

bool vks_vectors_add(vks_vectors *v, uint64_t bytes, const char *name, vks_slice *slice,
                     vkstyle_error *error)
{
    if (v->count == VKS_VECTORS)
        return vks_fail(error, VKSTYLE_FAILED, "too many vectors for tiles");
    if (bytes > v->limits->allocation)
        return vks_fail(error, VKSTYLE_NO_MEMORY,
                        "%s needs %.0f MB in one piece, and the device gives at most %.0f MB", name,
                        (double)bytes * 1e-6, (double)v->limits->allocation * 1e-6);
    // The content's features come third (prepare.c).
    int index = v->count < 2 ? v->count : v->count + 1, i = v->count++;
    vks_memory kind = vks_place(v->setting, index);
    v->at[i].bytes = bytes;
    v->at[i].host = kind == VKS_MEMORY_HOST;
    *slice = (vks_slice){NULL, 0, bytes};
    if (!v->gpu)
        return true;
    v->at[i].block = slice->block = vks_block_create(v->gpu, bytes, kind, name, error);
    return slice->block != NULL;
}

int vks_vectors_part(void *user, vks_plan *plan, const char *name, uint64_t bytes)
{
    vks_vectors *v = user;
    vks_slice slice = {NULL, 0, bytes};
    vkstyle_error error = {VKSTYLE_DONE, ""};
    if (!vks_vectors_add(v, bytes, name, &slice, &error)) {
        v->refused = error;
        vks_plan_fail(plan, error.status, "%s", error.text);
    }
    return vks_plan_external(plan, name, slice);
}

void vks_vectors_free(vks_vectors *v)
{
    for (int i = 0; i < v->count; i++)
        vks_block_free(&v->at[i].block);
    v->count = 0;
}

uint64_t vks_vectors_bytes(const vks_vectors *v, uint64_t *host)
{
    uint64_t bytes = 0;
    *host = 0;
    for (int i = 0; i < v->count; i++) {
        bytes += v->at[i].bytes;
        *host += v->at[i].host ? v->at[i].bytes : 0;
    }
    return bytes;
}
