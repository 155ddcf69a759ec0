// SPDX-License-Identifier: MIT
//
// Physical devices: what each can do, whether it is good enough, and in which order we like them.
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What a machine keeps for itself where device memory is the machine's own.
static const uint64_t RESERVE = (uint64_t)256 << 20;

// Free main memory, as Linux estimates it; UINT64_MAX where nobody says.
static uint64_t available_memory(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file)
        return UINT64_MAX;
    char line[256];
    uint64_t kib = 0;
    bool found = false;
    while (!found && fgets(line, sizeof line, file))
        found = sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1;
    fclose(file);
    return found ? kib * 1024 : UINT64_MAX;
}

// Blocks that nothing has been written to yet are not missing in the system's figure: hence also
// what was there at first, less what we took.
uint64_t vks_main_memory_free(const vks_candidate *candidate, uint64_t allocated)
{
    const uint64_t now = available_memory(), first = candidate->main_memory;
    uint64_t left = first > allocated ? first - allocated : 0;
    left = now < left ? now : left;
    return left == UINT64_MAX ? left : left > RESERVE ? left - RESERVE : 0;
}

uint64_t vks_heap_free(const vks_candidate *candidate, uint64_t allocated)
{
    const uint64_t size = candidate->limits.memory;
    uint64_t available = size > allocated ? size - allocated : 0;
    if (candidate->has_memory_budget) {
        VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
        VkPhysicalDeviceMemoryProperties2 memory = {
            .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget};
        vkGetPhysicalDeviceMemoryProperties2(candidate->physical, &memory);
        const uint64_t may = budget.heapBudget[candidate->heap];
        const uint64_t used = budget.heapUsage[candidate->heap];
        const uint64_t left = may > used ? may - used : 0;
        available = left < available ? left : available;
    }
    if (candidate->info.type == VKSTYLE_DEVICE_SOFTWARE ||
        (candidate->info.type == VKSTYLE_DEVICE_INTEGRATED && !candidate->has_memory_budget)) {
        const uint64_t left = vks_main_memory_free(candidate, allocated);
        available = left < available ? left : available;
    }
    if (candidate->budget_cap != UINT64_MAX) {
        const uint64_t cap =
            candidate->budget_cap > allocated ? candidate->budget_cap - allocated : 0;
        available = cap < available ? cap : available;
    }
    return available;
}

static vkstyle_device_type type_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return VKSTYLE_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return VKSTYLE_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return VKSTYLE_DEVICE_VIRTUAL;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return VKSTYLE_DEVICE_SOFTWARE;
    default:
        return VKSTYLE_DEVICE_OTHER;
    }
}

// A family of its own for compute leaves the desktop's alone; any with compute will do.
static bool choose_family(vks_candidate *candidate)
{
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(candidate->physical, &count, NULL);
    VkQueueFamilyProperties families[32];
    count = count < 32 ? count : 32;
    vkGetPhysicalDeviceQueueFamilyProperties(candidate->physical, &count, families);
    int best = -1, best_score = -1;
    for (uint32_t i = 0; i < count; ++i) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || families[i].queueCount == 0)
            continue;
        const int score = 2 * (families[i].timestampValidBits > 0) +
                          !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT);
        if (score > best_score) {
            best = (int)i;
            best_score = score;
        }
    }
    if (best < 0)
        return false;
    candidate->family = (uint32_t)best;
    candidate->timestamp_bits = families[best].timestampValidBits;
    if (candidate->properties.limits.timestampPeriod <= 0)
        candidate->timestamp_bits = 0;
    return true;
}

// The largest device-local heap: discrete cards with a window into their memory (BAR) show that
// window as a small second one.
void vks_choose_heap(vks_candidate *candidate)
{
    const VkPhysicalDeviceMemoryProperties *memory = &candidate->memory;
    for (uint32_t i = 0; i < memory->memoryTypeCount; ++i) {
        const VkMemoryType *type = &memory->memoryTypes[i];
        const uint64_t size = memory->memoryHeaps[type->heapIndex].size;
        if ((type->propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) &&
            !(type->propertyFlags & VK_MEMORY_PROPERTY_PROTECTED_BIT) &&
            size > candidate->limits.memory) {
            candidate->heap = type->heapIndex;
            candidate->limits.memory = size;
        }
    }
}

// Extensions that are looked at here and not kept.
typedef struct extensions {
    bool maintenance4, matrix, subgroup_size;
} extensions;

static bool read_extensions(vks_candidate *candidate, extensions *has, vkstyle_error *error)
{
    uint32_t count = 0;
    VkResult result = vkEnumerateDeviceExtensionProperties(candidate->physical, NULL, &count, NULL);
    VkExtensionProperties *list = result == VK_SUCCESS ? calloc(count + 1, sizeof *list) : NULL;
    if (list)
        result = vkEnumerateDeviceExtensionProperties(candidate->physical, NULL, &count, list);
    if (!list || (result != VK_SUCCESS && result != VK_INCOMPLETE)) {
        free(list);
        return vks_fail(error, VKSTYLE_FAILED, "the extensions of %s cannot be listed: %s",
                        candidate->info.name, vks_result_name(result));
    }
    for (uint32_t i = 0; i < count; ++i) {
        const char *name = list[i].extensionName;
        if (strcmp(name, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME) == 0)
            candidate->has_memory_budget = true;
        else if (strcmp(name, "VK_KHR_portability_subset") == 0)
            candidate->has_portability_subset = true;
        else if (strcmp(name, VK_KHR_MAINTENANCE_4_EXTENSION_NAME) == 0)
            has->maintenance4 = true;
        else if (strcmp(name, VKS_COOPMAT_EXTENSION) == 0)
            has->matrix = true;
        else if (strcmp(name, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME) == 0)
            has->subgroup_size = true;
    }
    free(list);
    return true;
}

static bool texel_formats(VkPhysicalDevice physical)
{
    const VkFormat formats[] = {VK_FORMAT_R32G32B32A32_SFLOAT, VK_FORMAT_R16G16B16A16_SFLOAT,
                                VK_FORMAT_R32G32_UINT};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; ++i) {
        VkFormatProperties properties;
        vkGetPhysicalDeviceFormatProperties(physical, formats[i], &properties);
        if (!(properties.bufferFeatures & VK_FORMAT_FEATURE_UNIFORM_TEXEL_BUFFER_BIT))
            return false;
    }
    return true;
}

// Letters, digits and dashes only: the key becomes part of a file's name.
static void make_key(vks_candidate *candidate, const VkPhysicalDeviceDriverProperties *driver,
                     const vks_simulation *simulation)
{
    const VkPhysicalDeviceProperties *p = &candidate->properties;
    uint64_t hash = VKS_HASH_SEED;
    hash = vks_hash(hash, &p->vendorID, sizeof p->vendorID);
    hash = vks_hash(hash, &p->deviceID, sizeof p->deviceID);
    hash = vks_hash(hash, &p->driverVersion, sizeof p->driverVersion);
    hash = vks_hash(hash, p->pipelineCacheUUID, sizeof p->pipelineCacheUUID);
    hash = vks_hash(hash, p->deviceName, strlen(p->deviceName));
    hash = vks_hash(hash, driver->driverName, strlen(driver->driverName));
    hash = vks_hash(hash, driver->driverInfo, strlen(driver->driverInfo));
    if (simulation->text) // a simulated device must not calibrate the real one
        hash = vks_hash(hash, simulation->text, strlen(simulation->text));
    char slug[48];
    size_t length = 0;
    for (const char *c = p->deviceName; *c && length + 1 < sizeof slug; ++c) {
        if ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9'))
            slug[length++] = *c;
        else if (*c >= 'A' && *c <= 'Z')
            slug[length++] = (char)(*c - 'A' + 'a');
        else if (length > 0 && slug[length - 1] != '-')
            slug[length++] = '-';
    }
    while (length > 0 && slug[length - 1] == '-')
        --length;
    slug[length] = 0;
    snprintf(candidate->key, sizeof candidate->key, "%s-%016" PRIx64, slug, hash);
}

// Texel buffers are used from so many texels on.
enum { VKS_TEXELS = 1 << 24 };

static void make_limits(vks_candidate *candidate, uint64_t allocation, uint32_t subgroup,
                        const vks_simulation *simulation)
{
    const VkPhysicalDeviceLimits *own = &candidate->properties.limits;
    vks_gpu_limits *limits = &candidate->limits;
    const uint64_t *software = vks_simulated(simulation, "software");
    const uint64_t *texel = vks_simulated(simulation, "texel");
    limits->software = software ? *software != 0 : candidate->info.type == VKSTYLE_DEVICE_SOFTWARE;
    // SwiftShader allows 65536 texels, too few for anything.
    limits->texel = texel ? *texel != 0
                          : limits->software && own->maxTexelBufferElements >= VKS_TEXELS &&
                                texel_formats(candidate->physical);
    limits->storage_range = own->maxStorageBufferRange;
    limits->texel_elements = own->maxTexelBufferElements;
    limits->allocation = allocation < limits->memory ? allocation : limits->memory;
    limits->invocations = own->maxComputeWorkGroupInvocations < own->maxComputeWorkGroupSize[0]
                              ? own->maxComputeWorkGroupInvocations
                              : own->maxComputeWorkGroupSize[0];
    limits->shared_bytes = own->maxComputeSharedMemorySize;
    limits->push_bytes = own->maxPushConstantsSize;
    memcpy(limits->groups, own->maxComputeWorkGroupCount, sizeof limits->groups);
    uint64_t alignment = 16; // a vec4
    if (own->minStorageBufferOffsetAlignment > alignment)
        alignment = own->minStorageBufferOffsetAlignment;
    if (limits->texel && own->minTexelBufferOffsetAlignment > alignment)
        alignment = own->minTexelBufferOffsetAlignment;
    limits->alignment = (uint32_t)alignment;
    limits->subgroup = subgroup;
}

static void refuse(vks_candidate *candidate, const char *why)
{
    candidate->info.usable = false;
    snprintf(candidate->info.why_not, sizeof candidate->info.why_not, "%s", why);
}

// The floor that Vulkan itself promises, except for the version: only a simulation goes below.
static void judge(vks_candidate *candidate)
{
    const vks_gpu_limits *limits = &candidate->limits;
    char why[256];
    if (limits->invocations < 128)
        snprintf(why, sizeof why, "it allows workgroups of %u invocations; vkstyle needs 128",
                 limits->invocations);
    else if (limits->shared_bytes < 16384)
        snprintf(why, sizeof why, "it has %u bytes of shared memory; vkstyle needs 16384",
                 limits->shared_bytes);
    else if (limits->push_bytes < VKS_MAX_PUSH)
        snprintf(why, sizeof why, "it takes %u bytes of push constants; vkstyle needs %d",
                 limits->push_bytes, VKS_MAX_PUSH);
    else if (limits->texel && !texel_formats(candidate->physical))
        snprintf(why, sizeof why,
                 "VKSTYLE_DEBUG_LIMITS asks for texel=1, and it lacks the formats");
    else
        return;
    refuse(candidate, why);
}

static bool look(const vks_instance *instance, vks_candidate *candidate,
                 const vks_simulation *simulation, vkstyle_error *error)
{
    VkPhysicalDeviceProperties *p = &candidate->properties;
    vkstyle_device *info = &candidate->info;
    vkGetPhysicalDeviceProperties(candidate->physical, p);
    uint32_t api = p->apiVersion;
    if (simulation->api && simulation->api < api)
        api = simulation->api;
    const uint32_t patch = VK_API_VERSION_PATCH(api);
    info->api = VK_API_VERSION_MAJOR(api) << 16 | VK_API_VERSION_MINOR(api) << 8 |
                (patch < 255 ? patch : 255);
    snprintf(info->name, sizeof info->name, "%s", p->deviceName);
    info->type = type_of(p->deviceType);
    info->usable = true;
    vkGetPhysicalDeviceMemoryProperties(candidate->physical, &candidate->memory);
    vks_choose_heap(candidate);
    info->memory = candidate->limits.memory;
    candidate->budget_cap = UINT64_MAX;
    candidate->main_memory = available_memory();

    if (api < VKS_API) {
        // Older than the queries below.
        char why[256];
        snprintf(why, sizeof why,
                 "it has Vulkan %u.%u; vkstyle needs 1.2 (a newer driver may bring it)",
                 VK_API_VERSION_MAJOR(api), VK_API_VERSION_MINOR(api));
        refuse(candidate, why);
        snprintf(info->driver, sizeof info->driver, "version %08" PRIx32, p->driverVersion);
        make_key(candidate, &(VkPhysicalDeviceDriverProperties){0}, simulation);
        return true;
    }
    extensions has = {0};
    if (!read_extensions(candidate, &has, error))
        return false;

    VkPhysicalDeviceMaintenance4PropertiesKHR buffers = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES_KHR};
    VkPhysicalDeviceMaintenance3Properties allocation = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
        .pNext = has.maintenance4 ? &buffers : NULL};
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, .pNext = &allocation};
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES, .pNext = &subgroup};
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
                                       .pNext = &driver};
    vkGetPhysicalDeviceProperties2(
        candidate->physical,
        &(VkPhysicalDeviceProperties2){.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                       .pNext = &id});
    snprintf(info->driver, sizeof info->driver, "%.250s%s%.250s", driver.driverName,
             driver.driverInfo[0] ? ", " : "", driver.driverInfo);
    for (size_t i = 0; i < VK_UUID_SIZE; ++i)
        snprintf(info->uuid + 2 * i, 3, "%02x", id.deviceUUID[i]);
    uint64_t largest = allocation.maxMemoryAllocationSize;
    if (has.maintenance4 && buffers.maxBufferSize < largest)
        largest = buffers.maxBufferSize;
    make_key(candidate, &driver, simulation);
    make_limits(candidate, largest, subgroup.subgroupSize, simulation);
    if (vks_coopmat_built() && has.matrix && has.subgroup_size)
        vks_coopmat_look(instance, candidate);
    vks_simulation_apply(simulation, candidate);
    info->memory = candidate->limits.memory;
    if (!choose_family(candidate))
        refuse(candidate, "it has no queue that computes");
    else
        judge(candidate);
    info->budget = candidate->limits.budget = vks_heap_free(candidate, 0);
    return true;
}

static int compare(const void *a, const void *b)
{
    const vkstyle_device *p = &((const vks_candidate *)a)->info;
    const vkstyle_device *q = &((const vks_candidate *)b)->info;
    if (p->usable != q->usable)
        return p->usable ? -1 : 1;
    if (p->type != q->type)
        return p->type < q->type ? -1 : 1;
    return p->index < q->index ? -1 : 1; // as the loader has them
}

void vks_candidates_sort(vks_candidate *candidates, int count)
{
    for (int i = 0; i < count; ++i)
        candidates[i].info.index = i;
    qsort(candidates, (size_t)count, sizeof *candidates, compare);
    for (int i = 0; i < count; ++i)
        candidates[i].info.index = i;
}

bool vks_candidates(const vks_instance *instance, vks_candidate **candidates, int *count,
                    vkstyle_error *error)
{
    *candidates = NULL;
    *count = 0;
    vks_simulation simulation;
    if (!vks_simulation_read(&simulation, error))
        return false;
    VkPhysicalDevice devices[64];
    uint32_t found = sizeof devices / sizeof devices[0];
    const VkResult result = vkEnumeratePhysicalDevices(instance->handle, &found, devices);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE && result != VK_ERROR_INITIALIZATION_FAILED)
        return vks_fail(
            error, VKSTYLE_NO_DEVICE,
            "the Vulkan devices cannot be listed: %s. Check the driver's installation with "
            "vulkaninfo (Debian and Ubuntu: vulkan-tools)",
            vks_result_name(result));
    // Some loaders say VK_ERROR_INITIALIZATION_FAILED where every driver is there but has no
    // device.
    if (found == 0 || result == VK_ERROR_INITIALIZATION_FAILED)
        return vks_fail(
            error, VKSTYLE_NO_DEVICE,
            "the Vulkan drivers on this computer find no device. Debian and Ubuntu: apt "
            "install mesa-vulkan-drivers (AMD, Intel, or no GPU at all: software Vulkan); "
            "NVIDIA cards: NVIDIA's own driver (nvidia-driver, nvidia-vulkan-icd); check "
            "that you may open /dev/dri/renderD* (group render)");
    vks_candidate *list = calloc(found, sizeof *list);
    if (!list)
        return vks_fail(error, VKSTYLE_NO_MEMORY, "the computer has no memory left");
    for (uint32_t i = 0; i < found; ++i) {
        list[i].physical = devices[i];
        if (!look(instance, &list[i], &simulation, error)) {
            free(list);
            return false;
        }
    }
    vks_candidates_sort(list, (int)found);
    *candidates = list;
    *count = (int)found;
    return true;
}
