#version 450
// The scalars of one Adam step (Kingma, Ba, arXiv 1412.6980), before adam.comp. One invocation.
//
//   values  floats; [0] the loss of the present target
//   state   vks_adam_state
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "state.h"

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0, std430) buffer values_block { float values[]; };
layout(set = 0, binding = 1, std430) buffer state_block { vks_adam_state state; };
PUSH(vks_push_adam);

void main()
{
    if (gl_GlobalInvocationID.x > 0)
        return;
    // A loss that is not a number says that the gradient is not one either: moving would destroy the
    // picture. The host sees the loss and stops.
    if (!is_finite(values[0])) {
        state.skipped += 1;
        state.step_size = 0.0;
        return;
    }
    state.steps += 1;
    state.weight1 = push.beta1 * state.weight1 + push.rest1;
    state.weight2 = push.beta2 * state.weight2 + push.rest2;
    const bool first = state.weight_average == 0.0;
    state.weight_average = push.decay * state.weight_average + push.rest_average;
    state.warmth = first ? 1.0 : state.warmth * push.cooling;
    state.step_size = push.learning_rate * state.warmth / state.weight1;
    state.inverse_root2 = 1.0 / sqrt(state.weight2);
    state.average_rate = first ? 1.0 : push.rest_average / state.weight_average;
}
