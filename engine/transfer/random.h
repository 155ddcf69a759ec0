// SPDX-License-Identifier: MIT
#ifndef VKS_RANDOM_H
#define VKS_RANDOM_H

#include "../vkstyle.h"

// A picture of noise around mid grey (normal, standard deviation 0.1, cut to 0..1): the same for
// the same seed on every machine.
vkstyle_image *vks_noise(int width, int height, int64_t seed, vkstyle_error *error);

#endif
