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

// Values that sit on a bound and want to leave take no part, neither in the gradient nor in steps
// (Bertsekas 1982, projected Newton methods).
bvec4 held(vec4 x, vec4 g)
{
    const bvec4 low = lessThanEqual(x, vec4(0)), high = greaterThanEqual(x, vec4(1));
    const bvec4 down = greaterThan(g, vec4(0)), up = lessThan(g, vec4(0));
    return bvec4((low.x && down.x) || (high.x && up.x), (low.y && down.y) || (high.y && up.y),
                 (low.z && down.z) || (high.z && up.z), (low.w && down.w) || (high.w && up.w));
}
