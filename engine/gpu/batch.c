// SPDX-License-Identifier: MIT
//
// Pipelines compiled in batches on several threads: at once, when a sequence needs them, or ahead
// in the background, while the host packs weights and the device is at work already. One batch at a
// time; who needs a pipeline of the one at work helps to finish it.
#include "internal.h"
#include "../clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_THREADS = 16 };

struct vks_batch {
    vks_gpu *gpu;
    vks_pipeline **pipelines;
    int count;
    atomic_int next;
    pthread_t threads[MAX_THREADS];
    int thread_count;
};

static void *compile_some(void *user)
{
    vks_batch *batch = user;
    for (int i; (i = atomic_fetch_add(&batch->next, 1)) < batch->count;)
        vks_pipeline_compile(batch->gpu, batch->pipelines[i]);
    return NULL;
}

void vks_batch_end(vks_gpu *gpu, bool needed)
{
    vks_batch *batch = gpu->batch;
    if (!batch)
        return;
    if (needed)
        compile_some(batch);
    else
        atomic_store(&batch->next, batch->count);
    for (int i = 0; i < batch->thread_count; ++i)
        pthread_join(batch->threads[i], NULL);
    free(batch->pipelines);
    free(batch);
    gpu->batch = NULL;
}

// Takes over the list, from malloc. The thread that needs the pipelines, or goes on with something
// else, has a core as well. False: no memory, and nothing has begun.
static bool begin(vks_gpu *gpu, vks_pipeline **pipelines, int count)
{
    vks_batch *batch = pipelines ? calloc(1, sizeof *batch) : NULL;
    if (!batch) {
        free(pipelines);
        return false;
    }
    batch->gpu = gpu;
    batch->pipelines = pipelines;
    batch->count = count;
    gpu->batch = batch;
    gpu->cache_dirty |= count > 0;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    while (batch->thread_count < count && batch->thread_count + 1 < cores &&
           batch->thread_count < MAX_THREADS &&
           pthread_create(&batch->threads[batch->thread_count], NULL, compile_some, batch) == 0)
        ++batch->thread_count; // where no thread can be had, the one that needs them does the work
    return true;
}

// Those of the pipelines that are not there yet, each once, in a fresh list; the threads only read
// layouts, so they are made here. NULL: no memory, or (with *error set) no layout.
static vks_pipeline **missing(vks_gpu *gpu, vks_pipeline *const *pipelines, int count, int *found,
                              vkstyle_error *error)
{
    vks_pipeline **list = calloc((size_t)count + 1, sizeof *list);
    *found = 0;
    if (!list)
        vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    for (int i = 0; list && i < count; ++i) {
        const vks_layout *layout;
        bool known = !pipelines[i] || atomic_load(&pipelines[i]->made);
        for (int k = 0; k < *found && !known; ++k)
            known = list[k] == pipelines[i];
        if (known)
            continue;
        if (!vks_kernel_layout(gpu, pipelines[i]->kernel, &layout, error)) {
            free(list);
            return NULL;
        }
        list[(*found)++] = pipelines[i];
    }
    return list;
}

bool vks_pipelines_compile(vks_gpu *gpu, vks_pipeline *const *pipelines, int count,
                           vkstyle_error *error)
{
    int found;
    vks_pipeline **list = missing(gpu, pipelines, count, &found, error);
    if (!list || found == 0) {
        free(list);
        return list != NULL;
    }
    const double start = vks_seconds();
    if (gpu->batch) { // which may have had them all, and what failed there is tried again
        free(list);
        vks_batch_end(gpu, true);
        list = missing(gpu, pipelines, count, &found, error);
        if (!list)
            return false;
    }
    if (!begin(gpu, list, found))
        return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    vks_batch_end(gpu, true);
    gpu->compile_seconds += vks_seconds() - start;
    for (int i = 0; i < count; ++i)
        if (pipelines[i] && !vks_pipeline_check(gpu, pipelines[i], error))
            return false;
    return true;
}

void vks_gpu_foretell(vks_gpu *gpu, const vks_dispatch *dispatches, int count)
{
    vkstyle_error ignored;
    vks_pipeline **pipelines = calloc((size_t)count + 1, sizeof *pipelines);
    int found;
    vks_batch_end(gpu, true);
    for (int i = 0; pipelines && i < count; ++i)
        pipelines[i] = vks_pipeline_find(gpu, &dispatches[i], &ignored);
    vks_pipeline **list = pipelines ? missing(gpu, pipelines, count, &found, &ignored) : NULL;
    if (list)
        (void)begin(gpu, list, found);
    free(pipelines);
}
