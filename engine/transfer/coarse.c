// SPDX-License-Identifier: MIT
#include "coarse.h"
#include "halve.h"
#include "../error.h"

#include <stdlib.h>

bool vks_coarse_make(vks_iteration *it, const vks_iteration_options *o, vkstyle_error *error)
{
    vks_iteration *c = it->coarse = calloc(1, sizeof *c);
    if (!c)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "out of memory for a smaller scale");
    *c = (vks_iteration){.setting = it->setting, .width = it->width / 2, .height = it->height / 2};
    c->setting.tv = 0; // grain is a matter of the pixels themselves
    it->coarse_weight = o->coarse_weight;
    it->coarse_style = o->coarse->style;
    return true;
}

// A buffer of `owner`'s plan as one of `plan`.
static int in_plan(vks_plan *plan, const char *name, const vks_iteration *owner, int buffer)
{
    return owner->plan == plan ? buffer
                               : vks_plan_external(plan, name, vks_plan_slice(owner->plan, buffer));
}

void vks_coarse_halve(const vks_iteration *it, vks_plan *plan, uint32_t floats)
{
    const vks_iteration *c = it->coarse;
    int from = in_plan(plan, "target", it, it->target);
    int to = in_plan(plan, "target of half size", c, c->target);
    vks_add_halve(plan, (vks_raster){from, it->width, it->height, floats},
                  (vks_raster){to, c->width, c->height, floats});
}

void vks_coarse_join(const vks_iteration *it, uint32_t floats)
{
    const vks_iteration *c = it->coarse;
    int gradient = in_plan(it->plan, "gradient of half size", c, c->gradient);
    int values = in_plan(it->plan, "values of half size", c, c->values);
    vks_add_spread(it->plan, (vks_raster){gradient, c->width, c->height, floats},
                   (vks_raster){it->gradient, it->width, it->height, floats}, it->coarse_weight);
    vks_plan_copy(it->plan, (vks_use){values, VKS_VALUE_TOTAL * 4, 4},
                  (vks_use){it->values, VKS_VALUE_COARSE * 4, 4});
}

void vks_coarse_free(vks_iteration *it)
{
    if (!it->coarse)
        return;
    vks_coarse_free(it->coarse);
    if (it->coarse->plan == it->plan)
        it->coarse->plan = NULL;
    vks_iteration_free(it->coarse);
    free(it->coarse);
    it->coarse = NULL;
}
