// SPDX-License-Identifier: MIT
#include "peak.h"
#include "../clock.h"
#include "plan.h"
#include "push.h"

// An invocation does 2 * 4 * 4 * 16 operations a round (peak.comp).
enum { WIDTH = 64, OPERATIONS = 512, RUNS = 5 };

static bool time_rounds(vks_gpu *gpu, uint32_t groups, uint32_t rounds, double *seconds,
                        vkstyle_error *error)
{
    vks_plan *plan = vks_plan_create(vks_gpu_get_limits(gpu), VKS_FLOAT, error);
    if (!plan)
        return false;
    struct vks_push_peak push = {.rounds = rounds, .factor = 0.999f, .term = 0.001f};
    int result = vks_plan_buffer(plan, "sums", 16ull * WIDTH * groups, VKS_PASSING);
    vks_plan_add(plan, &(vks_step){.kernel = VKS_KERNEL_PEAK,
                                   .spec = {WIDTH},
                                   .spec_count = 1,
                                   .uses = {{result, 0, 0}},
                                   .use_count = 1,
                                   .push = &push,
                                   .push_bytes = sizeof push,
                                   .groups = {groups},
                                   .label = "peak"});
    bool done = vks_plan_realise(plan, gpu, false, error) && vks_plan_run(plan, error);
    *seconds = 1e9;
    for (int i = 0; done && i < RUNS; i++) {
        double start = vks_seconds();
        done = vks_plan_run(plan, error);
        double took = vks_seconds() - start;
        *seconds = took < *seconds ? took : *seconds;
    }
    vks_plan_free(&plan);
    return done;
}

bool vks_measure_peak(vks_gpu *gpu, double *flops, vkstyle_error *error)
{
    // Enough workgroups to fill the device; rounds for about 20 ms, from a short try.
    uint32_t groups = vks_gpu_get_limits(gpu)->software ? 256 : 16384, rounds = 16;
    double seconds;
    if (!time_rounds(gpu, groups, rounds, &seconds, error))
        return false;
    double more = 0.02 / (seconds > 1e-5 ? seconds : 1e-5);
    rounds = (uint32_t)(rounds * (more < 1 ? 1 : more > 4096 ? 4096 : more));
    if (!time_rounds(gpu, groups, rounds, &seconds, error))
        return false;
    *flops = (double)OPERATIONS * rounds * WIDTH * groups / seconds;
    return true;
}
