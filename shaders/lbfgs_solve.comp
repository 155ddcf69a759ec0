#version 450
// L-BFGS between its two passes: adds up the dot products, accepts or rejects the trial, keeps or
// drops its pair, and finds the next direction's coefficients. One workgroup; the decisions are made
// by one invocation.
//
//   values    floats; [0] the loss at the trial
//   partials  what lbfgs_dots.comp wrote
//   state     vks_lbfgs_state
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "state.h"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;
layout(constant_id = 1) const uint HISTORY = 10;

layout(set = 0, binding = 0, std430) buffer values_block { float values[]; };
TARGET32(1, partials);
layout(set = 0, binding = 2, std430) buffer state_block { vks_lbfgs_state state; };
PUSH(vks_push_lbfgs);

const uint G = 2 * HISTORY, BASIS = G + 1;
const float DECREASE = 1e-4;      // Armijo's constant
const float LEAST_COSINE = 1e-4;  // between s and y; below it the pair says nothing
const uint MOST_FAILURES = 6;     // in a row, until the history is taken to be wrong

shared vec4 dots[2 * HISTORY];    // of slot j: [2 j], [2 j + 1] as in lbfgs_dots.comp
shared float gram[BASIS * BASIS]; // row stride BASIS; s_j is j, y_j is HISTORY + j, g is G
shared float c[BASIS], alpha[HISTORY];

uint slot_of(uint age)
{
    return (state.next + HISTORY - 1 - age) % HISTORY;
}

void set(uint row, uint column, float v)
{
    gram[row * BASIS + column] = v;
    gram[column * BASIS + row] = v;
}

// Basis vector `row` times the direction, which is sum c_b b.
float times_direction(uint row)
{
    float sum = c[G] * gram[row * BASIS + G];
    for (uint age = 0; age < state.pairs; ++age) {
        const uint j = slot_of(age);
        sum += c[j] * gram[row * BASIS + j] + c[HISTORY + j] * gram[row * BASIS + HISTORY + j];
    }
    return sum;
}

// Takes note of the trial. Returns false when the step pass has all it needs.
bool judge()
{
    const uint k = state.next;
    const float loss = values[0], gg = dots[2 * k].z;
    const float ss = dots[2 * k + 1].x, sy = dots[2 * k + 1].y, yy = dots[2 * k + 1].w;
    const float slope = dots[2 * k].w; // the base's gradient times s
    const bool usable = is_finite(loss) && is_finite(gg);
    bool keep = false;
    state.steps += 1;
    state.accept = 0;
    if (state.started == 0) {
        state.mode = VKS_LBFGS_STAY;
        if (!usable)
            return false;
        state.started = 1;
        state.first = push.first;
        for (uint i = 0; i < VKS_LBFGS_RECENT; ++i)
            state.recent[i] = loss;
        state.accept = 1;
    } else {
        // Not monotone (Grippo, Lampariello, Lucidi 1986): ReLU and pooling make kinks, and half
        // precision makes noise, that are not worth an evaluation each.
        float worst = state.recent[0];
        for (uint i = 1; i < VKS_LBFGS_RECENT; ++i)
            worst = max(worst, state.recent[i]);
        if (usable && is_finite(ss) && loss <= worst + DECREASE * min(slope, 0.0)) {
            state.accept = 1;
            keep = is_finite(yy) && sy > LEAST_COSINE * sqrt(ss) * sqrt(yy);
            state.first = min(push.first, 2.0 * state.first);
        }
    }

    if (keep) {
        state.next = (k + 1) % HISTORY;
        state.pairs = min(state.pairs + 1, HISTORY);
        for (uint age = 0; age < state.pairs; ++age) {
            const uint j = slot_of(age);
            set(k, j, dots[2 * j + 1].x);
            set(k, HISTORY + j, dots[2 * j + 1].y);
            set(HISTORY + k, j, dots[2 * j + 1].z);
            set(HISTORY + k, HISTORY + j, dots[2 * j + 1].w);
        }
    } else {
        state.pairs = min(state.pairs, HISTORY - 1); // the oldest pair's slot has been written over
    }
    if (state.accept > 0) {
        for (uint age = 0; age < state.pairs; ++age) {
            const uint j = slot_of(age);
            set(G, j, dots[2 * j].x);
            set(G, HISTORY + j, dots[2 * j].y);
        }
        gram[G * BASIS + G] = gg;
        state.loss = loss;
        state.recent[state.recent_next] = loss;
        state.recent_next = (state.recent_next + 1) % VKS_LBFGS_RECENT;
        state.accepted += 1;
        state.failures = 0;
        return true;
    }
    state.rejected += 1;
    state.failures += 1;
    if (state.failures >= MOST_FAILURES) {
        state.failures = 0;
        state.pairs = 0;
        state.restarts += 1;
        state.first *= 0.25;
        return true;
    }
    // The minimum of the parabola through both losses with the base's slope.
    const float rise = loss - state.loss - slope;
    state.mode = VKS_LBFGS_BACK;
    state.shorten = usable && rise > 0.0 ? clamp(-0.5 * slope / rise, 0.1, 0.5) : 0.1;
    return false;
}

// The two-loop recursion (Nocedal 1980) on coefficients. False: no direction of descent came out.
bool two_loops()
{
    for (uint i = 0; i < BASIS; ++i)
        c[i] = 0.0;
    c[G] = 1.0;
    if (state.pairs == 0)
        return false;
    for (uint age = 0; age < state.pairs; ++age) {
        const uint j = slot_of(age);
        alpha[j] = times_direction(j) / gram[j * BASIS + HISTORY + j];
        c[HISTORY + j] -= alpha[j];
    }
    const uint newest = slot_of(0), y = HISTORY + newest;
    const float gamma = gram[newest * BASIS + y] / gram[y * BASIS + y];
    for (uint i = 0; i < BASIS; ++i)
        c[i] *= gamma;
    for (uint left = state.pairs; left > 0; --left) {
        const uint j = slot_of(left - 1);
        c[j] += alpha[j] - times_direction(HISTORY + j) / gram[j * BASIS + HISTORY + j];
    }
    const float descent = times_direction(G);
    return is_finite(descent) && descent > 0.0;
}

void direct()
{
    const float gg = gram[G * BASIS + G];
    state.mode = VKS_LBFGS_MOVE;
    float rms = state.first, factor = push.learning_rate;
    if (two_loops()) {
        float square = c[G] * times_direction(G);
        for (uint age = 0; age < state.pairs; ++age) {
            const uint j = slot_of(age);
            square += c[j] * times_direction(j) + c[HISTORY + j] * times_direction(HISTORY + j);
        }
        rms = sqrt(max(square, 0.0) / push.values);
    } else {
        if (state.pairs > 0)
            state.restarts += 1;
        state.pairs = 0;
        c[G] = gg > 0.0 ? state.first / sqrt(gg / push.values) : 0.0;
    }
    if (factor * rms > push.cap)
        factor = push.cap / rms;
    for (uint i = 0; i < BASIS; ++i)
        state.coefficient[i] = -factor * c[i];
}

void main()
{
    const uint lane = gl_LocalInvocationID.x;
    for (uint i = lane; i < 2 * HISTORY; i += WIDTH) {
        // Four sums, so that loads overlap and rounding errors stay small.
        vec4 sum[4] = vec4[4](vec4(0), vec4(0), vec4(0), vec4(0));
        const uint from = i / 2 * push.partials;
        for (uint p = 0; p < push.partials; p += 4)
            for (uint n = 0; n < 4; ++n)
                if (p + n < push.partials)
                    sum[n] += partials[2 * (from + p + n) + i % 2];
        dots[i] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
    for (uint i = lane; i < BASIS * BASIS; i += WIDTH)
        gram[i] = state.gram[i];
    barrier();
    if (lane == 0 && judge())
        direct();
    barrier();
    for (uint i = lane; i < BASIS * BASIS; i += WIDTH)
        state.gram[i] = gram[i];
}
