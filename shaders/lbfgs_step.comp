#version 450
// L-BFGS, second pass: does what lbfgs_solve.comp decided. An accepted trial becomes the base; then
// the next trial is the base plus a combination of the history and the gradient, or a point between
// the base and the trial that was rejected.
//
//   gradient  [count] vec4, at the trial
//   target    [count] vec4: the trial, before and after
//   base, base_gradient  [count] vec4
//   history   see lbfgs.glsl
//   state     vks_lbfgs_state
//   grid      (count / (WIDTH * 4) rounded up)
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "state.h"
#include "lbfgs.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE32(0, gradient);
TARGET32(1, target);
TARGET32(2, base);
TARGET32(3, base_gradient);
SOURCE32(4, history);
layout(set = 0, binding = 5, std430) buffer state_block { vks_lbfgs_state state; };
PUSH(vks_push_lbfgs);

void main()
{
    const uint mode = state.mode;
    if (mode == VKS_LBFGS_STAY)
        return;
    const bool clamped = push.clamped > 0;
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        if (i >= push.count)
            continue;
        vec4 x = target[i], b = base[i];
        if (mode == VKS_LBFGS_BACK) {
            target[i] = b + state.shorten * (x - b);
            continue;
        }
        vec4 g = base_gradient[i];
        if (state.accept > 0) {
            b = x;
            g = LOAD32(gradient, i);
            base[i] = b;
            base_gradient[i] = g;
        }
        vec4 step = state.coefficient[2 * HISTORY] * g;
        for (uint age = 0; age < state.pairs; ++age) {
            const uint slot = (state.next + HISTORY - 1 - age) % HISTORY;
            step += state.coefficient[slot] * LOAD32(history, history_at(slot, i));
            step += state.coefficient[HISTORY + slot] * LOAD32(history, history_at(HISTORY + slot, i));
        }
        target[i] = clamped ? mix(clamp(b + step, 0.0, 1.0), b, held(b, g)) : b + step;
    }
}
