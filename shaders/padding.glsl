// Which pixel stands at coordinate i of an axis of n pixels, i from -1 to n. `zero` is set where the
// padding is zero (in the encoder's values, as the network was trained).
// As vkstyle_padding counts.
const uint PAD_ZERO = 1, PAD_REPLICATE = 2, PAD_REFLECT = 3;

#define pad(i, n, zero) padded(i, n, push.padding, zero)

int padded(int i, int n, uint mode, inout bool zero)
{
    if (mode == PAD_ZERO && (i < 0 || i >= n))
        zero = true;
    if (mode == PAD_REFLECT && n > 1)
        i = i < 0 ? -i : (i >= n ? 2 * n - 2 - i : i);
    return clamp(i, 0, n - 1);
}
