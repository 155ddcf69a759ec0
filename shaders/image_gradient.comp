#version 450
// Gradient at the pixels: conv1_1's transposed convolution gathered from nine products, the border's
// share folded back onto the pixels it was made of, the encoder's scaling undone, total variation
// added.
//
//   top, middle, bottom   tensors [3 taps][plane]: W_tap^T times conv1_1's gradient, for the three
//             rows of taps (three bindings, so that none has to span more than it must)
//   image     [height][width] vec4 (r, g, b, -)
//   gradient  [height][width] vec4
//   partials  one float a workgroup: total variation, sum of squared differences
//   grid      (width / WIDTH rounded up, height)
//
// Total variation here is the sum over pixels and channels of (right - this)^2 + (below - this)^2.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "push.h"
#include "padding.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WIDTH = 64;

SOURCE(0, top);
SOURCE(1, middle);
SOURCE(2, bottom);
SOURCE32(3, image);
TARGET32(4, gradient);
layout(set = 0, binding = 5, std430) buffer partials_block { float partials[]; };
PUSH(vks_push_image);

shared float squares[WIDTH];

// Gradient at pixel (x, y) of the bordered input, its own coordinates.
vec3 at_bordered(int x, int y)
{
    vec3 sum = vec3(0);
    [[unroll]] for (int row = 0; row < 3; ++row) {
        const int oy = y - row;
        [[unroll]] for (int i = 0; i < 3; ++i) {
            const int ox = x - i;
            const int at = i * int(push.plane) + clamp(oy, 0, int(push.height) - 1) * int(push.pitch) +
                           clamp(ox, 0, int(push.width) - 1);
            vec3 v;
            if (row == 0)
                v = LOAD(top, at).xyz;
            else if (row == 1)
                v = LOAD(middle, at).xyz;
            else
                v = LOAD(bottom, at).xyz;
            sum += uint(ox) < push.width && uint(oy) < push.height ? v : vec3(0);
        }
    }
    return sum;
}

vec3 pixel(int x, int y)
{
    return LOAD32(image, y * int(push.width) + x).xyz;
}

void main()
{
    const int w = int(push.width), h = int(push.height);
    const int x = int(gl_GlobalInvocationID.x), y = int(gl_WorkGroupID.y);
    const bool counts = x >= int(push.x0) && x < int(push.x1) && y >= int(push.y0) && y < int(push.y1);
    float square = 0.0;
    if (x < w) {
        vec3 sum = vec3(0);
        // The pixel itself, and the border lines before and after, where they show this pixel.
        for (int i = 0; i < 3; ++i) {
            const int by = i == 0 ? y : (i == 1 ? -1 : h);
            bool zero_y = false;
            if (i > 0 && (pad(by, h, zero_y) != y || zero_y))
                continue;
            for (int j = 0; j < 3; ++j) {
                const int bx = j == 0 ? x : (j == 1 ? -1 : w);
                bool zero_x = false;
                if (j > 0 && (pad(bx, w, zero_x) != x || zero_x))
                    continue;
                sum += at_bordered(bx + 1, by + 1);
            }
        }
        vec4 g = vec4(0);
        g[push.order_x] += sum.x * push.scale_x;
        g[push.order_y] += sum.y * push.scale_y;
        g[push.order_z] += sum.z * push.scale_z;
        g *= push.gradient;

        const vec3 p = pixel(x, y);
        const vec3 right = x + 1 < w ? pixel(x + 1, y) - p : vec3(0);
        const vec3 below = y + 1 < h ? pixel(x, y + 1) - p : vec3(0);
        const vec3 left = x > 0 ? p - pixel(x - 1, y) : vec3(0);
        const vec3 above = y > 0 ? p - pixel(x, y - 1) : vec3(0);
        square = counts ? dot(right, right) + dot(below, below) : 0.0;
        g.xyz += counts ? 2.0 * push.tv * (left + above - right - below) : vec3(0);
        gradient[y * w + x] = vec4(g.xyz, 0.0);
    }
    squares[gl_LocalInvocationID.x] = square;
    barrier();
    for (uint n = WIDTH / 2; n > 0; n /= 2) {
        if (gl_LocalInvocationID.x < n)
            squares[gl_LocalInvocationID.x] += squares[gl_LocalInvocationID.x + n];
        barrier();
    }
    if (gl_LocalInvocationID.x == 0)
        partials[gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x] = squares[0];
}
