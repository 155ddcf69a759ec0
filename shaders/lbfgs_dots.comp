#version 450
// L-BFGS, first pass: the pair (s, y) from the base to the trial, and all dot products of the trial's
// gradient g, s and y with the history. lbfgs_solve.comp does the rest in terms of those products
// (Chen, Wang, Zhou, "Large-scale L-BFGS using MapReduce", NIPS 2014).
//
//   target, gradient            [count] vec4, the trial
//   base, base_gradient         [count] vec4
//   history   see lbfgs.glsl; bound twice, to be read and, slot state.next only, written
//   partials  [slot][partials][2] vec4: (g.s_j, g.y_j, g.g, base_gradient.s), (s.s_j, s.y_j, y.s_j, y.y_j)
//   state     vks_lbfgs_state
//   grid      (count / grain rounded up, HISTORY)
//
// A partial sum covers `grain` vec4s, the same ones however the picture is sliced: same bits.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "state.h"
#include "lbfgs.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE32(0, target);
SOURCE32(1, gradient);
SOURCE32(2, base);
SOURCE32(3, base_gradient);
SOURCE32(4, history);
TARGET32(5, new_pair);
TARGET32(6, partials);
layout(set = 0, binding = 7, std430) buffer state_block { vks_lbfgs_state state; };
PUSH(vks_push_lbfgs);

shared vec4 with_g[WIDTH], with_pair[WIDTH];

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    const uint slot = gl_WorkGroupID.y;
    const bool fresh = slot == state.next;
    const uint age = (state.next + HISTORY - 1 - slot) % HISTORY;
    if (!fresh && age >= state.pairs)
        return; // an empty slot

    vec4 sum_g = vec4(0), sum_pair = vec4(0);
    for (uint n = lane; n < push.grain; n += WIDTH) {
        const uint i = gl_WorkGroupID.x * push.grain + n;
        if (i < push.count) {
            const vec4 x = LOAD32(target, i);
            const vec4 base_g = LOAD32(base_gradient, i), s = x - LOAD32(base, i);
            vec4 g = LOAD32(gradient, i), y = g - base_g;
            if (push.clamped > 0) {
                const bvec4 out_of_play = held(x, g);
                g = mix(g, vec4(0), out_of_play);
                y = mix(y, vec4(0), out_of_play);
            }
            const uint at_s = history_at(slot, i), at_y = history_at(HISTORY + slot, i);
            vec4 s_j = s, y_j = y;
            if (fresh) {
                new_pair[at_s] = s;
                new_pair[at_y] = y;
            } else {
                s_j = LOAD32(history, at_s);
                y_j = LOAD32(history, at_y);
            }
            sum_g += vec4(dot(g, s_j), dot(g, y_j), dot(g, g), dot(base_g, s));
            sum_pair += vec4(dot(s, s_j), dot(s, y_j), dot(y, s_j), dot(y, y_j));
        }
    }
    with_g[lane] = sum_g;
    with_pair[lane] = sum_pair;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (lane < n) {
            with_g[lane] += with_g[lane + n];
            with_pair[lane] += with_pair[lane + n];
        }
        barrier();
    }
    if (lane == 0) {
        const uint to = 2 * (slot * push.partials + push.partial + gl_WorkGroupID.x);
        partials[to] = with_g[0];
        partials[to + 1] = with_pair[0];
    }
}
