// SPDX-License-Identifier: MIT
//
// Huge pages for software devices, whose memory is the computer's own: 2 MB instead of 4 KB a page
// spares the kernel most of its page faults and the kernels most of their address translation.
// Only a hint: where the system has none, or the driver's memory is not ours to advise on, nothing
// happens.
#include "internal.h"

#include <sys/mman.h>

void vks_block_advise(vks_gpu *gpu, vks_block *block)
{
#ifdef MADV_HUGEPAGE
    enum { HUGE_PAGE = 2 << 20 };
    void *map;
    if (gpu->is.info.type != VKSTYLE_DEVICE_SOFTWARE || block->bytes < 2 * HUGE_PAGE ||
        gpu->vk.vkMapMemory(gpu->device, block->memory, 0, VK_WHOLE_SIZE, 0, &map) != VK_SUCCESS)
        return;
    // Whole pages inside the block only: what lies around it is the driver's.
    uintptr_t from = ((uintptr_t)map + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t to = ((uintptr_t)map + block->bytes) & ~(uintptr_t)(HUGE_PAGE - 1);
    (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
    gpu->vk.vkUnmapMemory(gpu->device, block->memory);
#else
    (void)gpu, (void)block;
#endif
}
