// What the kernels over L-BFGS' vectors share: how the history lies in memory, and the gradient of
// pixels that sit on the border of 0..1.
layout(constant_id = 1) const uint HISTORY = 10;

// The history's vectors are interleaved in chunks, so that one binding holds all of them for a slice
// of the picture: [chunk][s_0 .., y_0 ..][CHUNK].
const uint CHUNK = 128;

uint history_at(uint vector, uint i)
{
    return ((i / CHUNK) * (2 * HISTORY) + vector) * CHUNK + i % CHUNK;
}

// A value at its bound that wants to leave cannot move: it takes no part, as in projected gradients.
vec4 free_gradient(vec4 g, vec4 x, bool clamped)
{
    const bvec4 low = lessThanEqual(x, vec4(0)), high = greaterThanEqual(x, vec4(1));
    const bvec4 down = greaterThan(g, vec4(0)), up = lessThan(g, vec4(0));
    for (int i = 0; i < 4; ++i)
        if (clamped && ((low[i] && down[i]) || (high[i] && up[i])))
            g[i] = 0.0;
    return g;
}
