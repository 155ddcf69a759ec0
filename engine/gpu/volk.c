// SPDX-License-Identifier: MIT
//
// The one translation unit that holds volk, which loads libvulkan at run time: a machine without it
// gets a sentence from us and not an error from the dynamic linker.
#define VOLK_IMPLEMENTATION
#include <volk.h>
