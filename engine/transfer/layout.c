// SPDX-License-Identifier: MIT
#include "layout.h"

#include <stdlib.h>

static bool in_arena(const vks_planned *b)
{
    return !b->external && b->life != VKS_MAPPED && (b->life == VKS_KEPT || b->last >= 0);
}

static bool share_time(const vks_planned *a, const vks_planned *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static _Thread_local const vks_planned *sorted; // qsort passes nothing along

static int by_size(const void *a, const void *b)
{
    const vks_planned *x = &sorted[*(const int *)a];
    const vks_planned *y = &sorted[*(const int *)b];
    // Kept buffers first: they block an offset for good. Then the largest.
    if ((x->life == VKS_KEPT) != (y->life == VKS_KEPT))
        return x->life == VKS_KEPT ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return *(const int *)a - *(const int *)b;
}

// The end of one of the placed buffers that b must not lie over, or b's own offset: none.
static uint64_t end_of_clash(const vks_planned *buffers, const int *placed, int count,
                             const vks_planned *b)
{
    for (int j = 0; j < count; j++) {
        const vks_planned *o = &buffers[placed[j]];
        if (o->life != VKS_KEPT && share_time(b, o) && b->offset < o->offset + o->bytes &&
            o->offset < b->offset + b->bytes)
            return o->offset + o->bytes;
    }
    return b->offset;
}

// Greedy: kept buffers one after the other, then each passing one, largest first, at the lowest
// offset where nothing that lives at the same time lies. Within a few per cent of the lower bound
// for chains such as ours.
bool vks_lay_out(vks_planned *buffers, int count, uint64_t *arena_bytes, uint64_t *mapped_bytes)
{
    int *order = calloc((size_t)count + 1, sizeof *order);
    int placed = 0;
    uint64_t kept = 0;
    if (!order)
        return false;
    for (int i = 0; i < count; i++) {
        vks_planned *b = &buffers[i];
        if (in_arena(b)) {
            order[placed++] = i;
        } else if (b->life == VKS_MAPPED && !b->external) {
            b->offset = *mapped_bytes;
            *mapped_bytes += b->bytes;
        }
    }
    sorted = buffers;
    qsort(order, (size_t)placed, sizeof *order, by_size);
    for (int i = 0; i < placed; i++) {
        vks_planned *b = &buffers[order[i]];
        b->offset = kept;
        if (b->life == VKS_KEPT)
            kept += b->bytes;
        else
            for (uint64_t next; (next = end_of_clash(buffers, order, i, b)) != b->offset;)
                b->offset = next;
        if (b->offset + b->bytes > *arena_bytes)
            *arena_bytes = b->offset + b->bytes;
    }
    free(order);
    return true;
}
