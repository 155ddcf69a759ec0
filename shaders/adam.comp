#version 450
// One Adam step over a slice of the target, its moments and its average, in one pass.
//
//   gradient  [count] vec4
//   target, first, second, average  [count] vec4; first and second are the moments
//   state     vks_adam_state, this step's scalars
//   grid      (count / (WIDTH * 4) rounded up)
//
// The average is that of the iterates with exponentially decaying weights, divided by the sum of the
// weights at every step, so that it is a picture at any time.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "state.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE32(0, gradient);
TARGET32(1, target);
TARGET32(2, first);
TARGET32(3, second);
TARGET32(4, average);
layout(set = 0, binding = 5, std430) buffer state_block { vks_adam_state state; };
PUSH(vks_push_adam);

void main()
{
    const float step_size = state.step_size, rate = state.average_rate;
    if (step_size == 0.0)
        return;
    for (uint n = 0; n < 4; ++n) {
        const uint i = (gl_WorkGroupID.x * 4 + n) * WIDTH + gl_LocalInvocationID.x;
        if (i < push.count) {
            const vec4 g = LOAD32(gradient, i);
            const vec4 m = push.beta1 * first[i] + push.rest1 * g;
            const vec4 v = push.beta2 * second[i] + push.rest2 * (g * g);
            vec4 x = target[i] - step_size * (m / (sqrt(v) * state.inverse_root2 + push.epsilon));
            if (push.clamped > 0)
                x = clamp(x, 0.0, 1.0);
            first[i] = m;
            second[i] = v;
            target[i] = x;
            if (push.averaged > 0) // what lies there before the first step may be anything
                average[i] = rate < 1.0 ? average[i] + rate * (x - average[i]) : x;
        }
    }
}
