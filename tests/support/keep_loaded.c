// SPDX-License-Identifier: MIT
//
// For test programs under AddressSanitizer: nothing is ever unloaded. The Vulkan loader closes
// drivers and layers when the instance goes, and what those have leaked could then no longer be
// named, so that tests/lsan.supp could not tell it from our own leaks.
int dlclose(void *handle);

#if defined __SANITIZE_ADDRESS__
#define KEEP_LOADED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define KEEP_LOADED 1
#endif
#endif

#ifdef KEEP_LOADED
int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
#endif
