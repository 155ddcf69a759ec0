// SPDX-License-Identifier: MIT
#include "budget.h"
#include "canvas.h"
#include "estimate.h"
#include "iteration.h"
#include "survey.h"
#include "tiles.h"
#include "../error.h"
#include "../image/image.h"

#include <limits.h>

// Of a tile: a quarter million pixels is where halos begin to cost little.
static const uint32_t sides[] = {2048, 1536, 1280, 1024, 896, 768, 640, 512,
                                 448,  384,  320,  256,  192, 128, 64};
enum { SIDES = sizeof sides / sizeof *sides };
// Pairs that L-BFGS remembers, when there is no room for ten.
static const int histories[] = {10, 8, 6, 4, 3, 2, 1};
enum { HISTORIES = sizeof histories / sizeof *histories };

vks_budget vks_budget_of(vks_gpu *gpu, const vkstyle_params *params, double pixels)
{
    // What a desktop and the driver itself may want meanwhile.
    static const uint64_t least = 32ull << 20, most = 512ull << 20;
    uint64_t free_bytes = vks_gpu_budget(gpu) + vks_gpu_allocated(gpu);
    uint64_t reserve = free_bytes / 16;
    reserve = reserve < least ? least : reserve > most ? most : reserve;
    vks_budget b = {.device = free_bytes > reserve ? free_bytes - reserve : 0};
    if (params->memory)
        b.device = params->memory;
    if (!vks_gpu_get_limits(gpu)->software)
        b.in_all = b.device + vks_memory_free() / 4 * 3;
    else if (params->memory) // software Vulkan's memory is the host's: 36 bytes a pixel more
        b.in_all = b.device + (uint64_t)(36 * pixels);
    else
        b.in_all = vks_memory_free() / 4 * 3;
    return b;
}

vks_setting vks_setting_at(const vks_setting *setting, const vks_level *level)
{
    vks_setting s = *setting;
    s.tile = level->tile;
    s.resident = level->resident;
    s.lean = level->lean;
    return s;
}

static uint32_t side_of(int pixels)
{
    return pixels < 16 ? 16 : (uint32_t)pixels; // small ones are padded (pad.h)
}

static bool measure(vks_need *need, vks_iteration *it, vks_network *dry,
                    const vks_gpu_limits *limits, const vks_setting *s,
                    const vkstyle_params *params, const vks_level *level, vkstyle_error *error)
{
    const vkstyle_model *model = vks_network_model(dry);
    uint32_t width = side_of(level->width), height = side_of(level->height);
    vks_style style = {.count = s->style_count};
    for (int i = 0; i < style.count; i++) {
        style.channels[i] = (uint32_t)model->layers[s->style_layers[i]].out;
        style.padded[i] = vks_gram_padded(style.channels[i]);
        style.square[i] = style.trace[i] = 1;
    }
    vks_region region[VKSTYLE_MAX_STYLES];
    vks_regions regions = {s->regions, region};
    for (int i = 0; i < s->regions; i++)
        region[i] = (vks_region){&style, 1, NULL};
    vks_content content = {.square = 1};
    struct vks_optimiser_options optimiser = vks_optimiser_for(params, level);
    vks_iteration_options options[VKS_MAX_SCALES];
    for (int i = 0; i <= level->coarser && i < VKS_MAX_SCALES; i++)
        options[i] = (vks_iteration_options){.width = width >> i,
                                             .height = height >> i,
                                             .style = &style,
                                             .regions = s->regions ? &regions : NULL,
                                             .content = &content,
                                             .optimiser = i ? NULL : &optimiser,
                                             .coarse = i < level->coarser ? &options[i + 1] : NULL,
                                             .coarse_weight = level->coarser_weight};
    if (!vks_iteration_build(it, limits, dry, s, &options[0], error))
        return false;
    need->bytes = vks_iteration_bytes(it, &need->host);
    need->flops = vks_iteration_flops(it);
    uint64_t kept = 0, largest = 0;
    for (const vks_iteration *i = it; i; i = i->coarse) {
        uint64_t here = s->lean ? vks_canvas_bytes(i->width, i->height)
                                : vks_tensor_bytes(i->plan, i->encoding.shape[s->content_layer]);
        kept += here;
        largest = here > largest ? here : largest;
    }
    if (largest > limits->allocation)
        return vks_fail(error, VKSTYLE_NO_MEMORY,
                        "the content's features need %.0f MB in one piece, and the device gives at "
                        "most %.0f MB",
                        (double)largest * 1e-6, (double)limits->allocation * 1e-6);
    bool away = s->tile && vks_place(s, 2) == VKS_MEMORY_HOST;
    need->bytes += kept;
    need->host += away ? kept : 0;
    uint64_t survey = 0;
    if (s->tile && !vks_survey_bytes(&survey, dry, limits, s, width, height, error))
        return false;
    if (survey + kept > need->bytes)
        need->bytes = survey + kept;
    return true;
}

bool vks_level_need(vks_need *need, vks_network *dry, const vks_gpu_limits *limits,
                    const vks_setting *setting, const vkstyle_params *params,
                    const vks_level *level, vkstyle_error *error)
{
    vks_setting s = vks_setting_at(setting, level);
    vks_iteration it = {0};
    *need = (vks_need){0};
    bool done = measure(need, &it, dry, limits, &s, params, level, error);
    vks_iteration_free(&it);
    return done;
}

void vks_level_foretell(vks_gpu *gpu, const vkstyle_model *model, const vks_setting *setting,
                        const vkstyle_params *params, const vks_level *level)
{
    vkstyle_error ignored;
    vks_need need;
    vks_iteration it = {0};
    vks_setting s = vks_setting_at(setting, level);
    vks_network *dry = vks_network_create(NULL, model, &ignored);
    if (dry && measure(&need, &it, dry, vks_gpu_get_limits(gpu), &s, params, level, &ignored))
        vks_plan_foretell(it.plan, gpu);
    vks_iteration_free(&it);
    vks_network_free(&dry);
}

// ---------------------------------------------------------------- choosing

typedef struct choice {
    vks_level *level;
    const vks_budget *budget;
    vks_network *dry;
    const vks_gpu_limits *limits;
    const vks_setting *setting;
    const vkstyle_params *params;
    uint64_t least; // bytes of the smallest that was tried
    vkstyle_error *error;
} choice;

// How many vectors fit on the device; -1: not even the tiles. The limits of single allocations are
// the device's word on that as well.
static bool place(choice *c, vks_level *level, double *flops)
{
    vks_need need;
    vkstyle_error error = {VKSTYLE_DONE, ""};
    level->resident = INT_MAX;
    if (!vks_level_need(&need, c->dry, c->limits, c->setting, c->params, level, &error)) {
        *c->error = error;
        return false;
    }
    uint64_t beside = vks_network_bytes(c->dry) + VKS_STAGING_BYTES;
    *flops = need.flops;
    if (need.bytes + beside < c->least)
        c->least = need.bytes + beside;
    if (need.bytes + beside > c->budget->in_all)
        return false;
    if (need.bytes + beside <= c->budget->device)
        return true;
    if (!level->tile)
        return false;
    for (level->resident = 8; level->resident >= 0; level->resident--)
        if (vks_level_need(&need, c->dry, c->limits, c->setting, c->params, level, &error) &&
            need.bytes - need.host + beside <= c->budget->device)
            return true;
    return false;
}

static bool try_tiles(choice *c, uint32_t below)
{
    vks_level *level = c->level;
    uint32_t longest = side_of(level->width > level->height ? level->width : level->height);
    vks_level best = {0};
    double least = 0;
    for (int i = 0; i < SIDES; i++) {
        uint32_t tile = c->params->tile ? (uint32_t)c->params->tile : sides[i];
        if (!c->params->tile && (tile >= longest || (below && tile >= below)))
            continue; // of a tile that was asked for only the first turn counts
        for (int lean = 0; lean < 2; lean++) {
            vks_level candidate = *level;
            double flops;
            candidate.tile = tile;
            candidate.lean = lean;
            if (!place(c, &candidate, &flops))
                continue;
            if (!best.width || flops < least) {
                best = candidate;
                least = flops;
            }
            break; // lean only where the other does not fit
        }
        // Smaller tiles work more; only features that can be kept could make up for it.
        if (c->params->tile || (best.width && !best.lean))
            break;
    }
    if (best.width)
        *level = best;
    return best.width != 0;
}

static bool try_all(choice *c, uint32_t below)
{
    double flops;
    c->level->tile = 0;
    c->level->lean = false;
    uint32_t longest =
        side_of(c->level->width > c->level->height ? c->level->width : c->level->height);
    bool whole = !c->params->tile || (uint32_t)c->params->tile >= longest;
    if (!below && whole && place(c, c->level, &flops))
        return true;
    return (!whole || !c->params->tile) && !c->setting->regions && try_tiles(c, below);
}

bool vks_level_fit(vks_level *level, const vks_budget *budget, vks_gpu *gpu,
                   const vkstyle_model *model, const vks_setting *setting,
                   const vkstyle_params *params, uint32_t below, vkstyle_error *error)
{
    if (level->set && !below)
        return true;
    vkstyle_error why = {VKSTYLE_DONE, ""};
    choice c = {.level = level,
                .budget = budget,
                .limits = vks_gpu_get_limits(gpu),
                .setting = setting,
                .params = params,
                .least = UINT64_MAX,
                .error = &why};
    int count = params->optimizer == VKSTYLE_LBFGS ? HISTORIES : 1;
    bool found = false;
    for (int i = 0; i < count && !found; i++) {
        c.dry = vks_network_create(NULL, model, error);
        if (!c.dry)
            return false;
        level->history = i ? histories[i] : 0;
        found = try_all(&c, below);
        if (!found && level->coarser) { // rather without its smaller scales than not at all
            level->coarser = 0;
            found = try_all(&c, below);
        }
        vks_network_free(&c.dry);
    }
    level->set = found;
    if (found)
        return true;
    if (c.least == UINT64_MAX) // it is not a matter of size
        return vks_fail(error, why.status ? why.status : VKSTYLE_NO_MEMORY, "%s",
                        why.status ? why.text : "no smaller tiles are left");
    if (setting->regions)
        return vks_fail(error, params->tile ? VKSTYLE_USAGE : VKSTYLE_NO_MEMORY,
                        "masks work on the whole picture at once, and %dx%d pixels %s; choose a "
                        "smaller --size or leave the masks out",
                        level->width, level->height,
                        params->tile ? "are to be done in tiles (--tile)"
                                     : "do not fit this device's memory in one piece");
    vkstyle_device device;
    vks_gpu_describe(gpu, &device);
    return vks_fail(error, VKSTYLE_NO_MEMORY,
                    "%dx%d pixels need %.0f MB on %s even in small tiles%s, and %s %.0f MB; choose "
                    "a smaller --size%s",
                    level->width, level->height, (double)c.least / 1e6, device.name,
                    count > 1 ? " and with one pair of L-BFGS" : "",
                    params->memory ? "--memory allows" : "it has free",
                    (double)budget->device / 1e6, params->memory ? " or a larger --memory" : "");
}
