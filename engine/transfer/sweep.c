// SPDX-License-Identifier: MIT
#include "sweep.h"
#include "../error.h"

#include <stdlib.h>

static int find_shape(const vks_sweep *s, const vks_window *w)
{
    for (int i = 0; i < s->shape_count; i++)
        if (vks_window_alike(&s->shapes[i].window, w))
            return i;
    return -1;
}

static bool add_shape(vks_sweep *s, const vks_window *w, const vks_gpu_limits *limits,
                      vks_storage storage, const vks_sweep_tasks *tasks, vkstyle_error *error)
{
    vks_sweep_shape *more = realloc(s->shapes, (size_t)(s->shape_count + 1) * sizeof *more);
    if (!more)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for the plans of tiles");
    s->shapes = more;
    vks_sweep_shape *shape = &more[s->shape_count++];
    *shape = (vks_sweep_shape){.window = *w, .plan = vks_plan_create(limits, storage, error)};
    return shape->plan && tasks->work(tasks->user, shape->plan, w, &shape->encoding, error);
}

// A small plan of one tile; *plan stays NULL where there is nothing to do.
static bool add_edge(vks_plan **plan, const vks_gpu_limits *limits, vks_storage storage,
                     void (*task)(void *, vks_plan *, uint32_t, const vks_window *,
                                  const vks_encoding *),
                     void *user, uint32_t number, const vks_window *w, const vks_encoding *e,
                     vkstyle_error *error)
{
    if (!task)
        return true;
    *plan = vks_plan_create(limits, storage, error);
    if (!*plan)
        return false;
    task(user, *plan, number, w, e);
    return true;
}

bool vks_sweep_build(vks_sweep *s, const vks_grid *grid, const vks_gpu_limits *limits,
                     vks_storage storage, const vks_sweep_tasks *tasks, bool dry,
                     vkstyle_error *error)
{
    *s = (vks_sweep){.grid = *grid, .count = vks_grid_count(grid)};
    s->tiles = calloc(s->count, sizeof *s->tiles);
    if (!s->tiles)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %u tiles", s->count);
    for (uint32_t n = 0; n < s->count; n++) {
        vks_window w;
        vks_window_at(grid, n, &w);
        vks_sweep_tile *tile = &s->tiles[n];
        tile->shape = find_shape(s, &w);
        if (tile->shape < 0) {
            tile->shape = s->shape_count;
            if (!add_shape(s, &w, limits, storage, tasks, error))
                return false;
        }
        const vks_encoding *e = &s->shapes[tile->shape].encoding;
        if (dry)
            continue;
        if (!add_edge(&tile->before, limits, storage, tasks->before, tasks->user, n, &w, e,
                      error) ||
            !add_edge(&tile->after, limits, storage, tasks->after, tasks->user, n, &w, e, error))
            return false;
    }
    return true;
}

void vks_sweep_free(vks_sweep *s)
{
    for (uint32_t n = 0; s->tiles && n < s->count; n++) {
        vks_plan_free(&s->tiles[n].before);
        vks_plan_free(&s->tiles[n].after);
    }
    for (int i = 0; i < s->shape_count; i++)
        vks_plan_free(&s->shapes[i].plan);
    free(s->tiles);
    free(s->shapes);
    *s = (vks_sweep){0};
}

uint64_t vks_sweep_bytes(vks_sweep *s)
{
    uint64_t most = 0;
    for (int i = 0; i < s->shape_count; i++) {
        uint64_t bytes = vks_plan_bytes(s->shapes[i].plan);
        most = bytes > most ? bytes : most;
    }
    return most;
}

double vks_sweep_flops(const vks_sweep *s)
{
    double flops = 0;
    for (uint32_t n = 0; n < s->count; n++)
        flops += vks_plan_flops(s->shapes[s->tiles[n].shape].plan);
    return flops;
}

bool vks_sweep_realise(vks_sweep *s, vks_gpu *gpu, vks_block *arena, vkstyle_error *error)
{
    for (int i = 0; i < s->shape_count; i++) {
        vks_plan_share(s->shapes[i].plan, arena);
        if (!vks_plan_realise(s->shapes[i].plan, gpu, false, error))
            return false;
    }
    for (uint32_t n = 0; n < s->count; n++)
        if ((s->tiles[n].before && !vks_plan_realise(s->tiles[n].before, gpu, false, error)) ||
            (s->tiles[n].after && !vks_plan_realise(s->tiles[n].after, gpu, false, error)))
            return false;
    return true;
}

static int sequences_of(const vks_sweep *s, uint32_t tile, vks_sequence *sequences[3])
{
    const vks_sweep_tile *t = &s->tiles[tile];
    int count = 0;
    if (t->before)
        sequences[count++] = vks_plan_sequence(t->before);
    sequences[count++] = vks_plan_sequence(s->shapes[t->shape].plan);
    if (t->after)
        sequences[count++] = vks_plan_sequence(t->after);
    return count;
}

int vks_sweep_program(const vks_sweep *s, uint32_t first, uint32_t count, vks_sequence **program,
                      int length, int *ends)
{
    for (uint32_t i = 0; i < count; i++)
        ends[i] = length += sequences_of(s, first + i, program + length);
    return length;
}

bool vks_sweep_run(const vks_sweep *s, uint32_t first, uint32_t count, vks_gpu *gpu,
                   const vks_watch *watch, vkstyle_error *error)
{
    vks_sequence **program = calloc(VKS_TILE_SEQUENCES * (size_t)count, sizeof *program);
    int *ends = calloc(count, sizeof *ends);
    bool done = false;
    if (program && ends) {
        vks_run run = {.gpu = gpu,
                       .sequences = program,
                       .sequence_count = vks_sweep_program(s, first, count, program, 0, ends),
                       .tile_ends = ends,
                       .first_tile = first,
                       .tile_count = s->count,
                       .watch = watch,
                       .count = 1};
        done = vks_run_whole(&run, error);
    } else {
        vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for %u tiles", count);
    }
    free(program);
    free(ends);
    return done;
}
