// Included first by every kernel: how a source is read and a tensor written, for all four variants.
//
//   VKS_TEXEL  sources are texel buffers: the fast read on software Vulkan
//   VKS_HALF   tensors (activations, gradients) are stored as four 16-bit floats in a uvec2;
//              arithmetic is float32 always
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
#ifdef VKS_TEXEL
// Texel buffers without a sampler: newer validation layers warn of samplerBuffer.
#extension GL_EXT_samplerless_texture_functions : require
#endif

#ifdef VKS_TEXEL
#define SOURCE32(b, name) layout(set = 0, binding = b) uniform textureBuffer name
#define LOAD32(name, i) texelFetch(name, int(i))
#define SOURCE(b, name) SOURCE32(b, name)
#define LOAD(name, i) texelFetch(name, int(i))
#define SOURCE_BITS(b, name) layout(set = 0, binding = b) uniform utextureBuffer name
#define LOAD_BITS(name, i) texelFetch(name, int(i)).xy
#else
#define SOURCE32(b, name)                                                                          \
    layout(set = 0, binding = b, std430) readonly buffer name##_block { vec4 name[]; }
#define LOAD32(name, i) name[i]
#define SOURCE_BITS(b, name)                                                                       \
    layout(set = 0, binding = b, std430) readonly buffer name##_block { uvec2 name[]; }
#define LOAD_BITS(name, i) name[i]
#ifdef VKS_HALF
#define SOURCE(b, name)                                                                            \
    layout(set = 0, binding = b, std430) readonly buffer name##_block { uvec2 name[]; }
#define LOAD(name, i) vec4(unpackHalf2x16(name[i].x), unpackHalf2x16(name[i].y))
#else
#define SOURCE(b, name) SOURCE32(b, name)
#define LOAD(name, i) name[i]
#endif
#endif

// A tensor to write (binding kind 'w').
#ifdef VKS_HALF
#define TARGET(b, name)                                                                            \
    layout(set = 0, binding = b, std430) buffer name##_block { uvec2 name[]; }
#define STORE(name, i, v) name[i] = uvec2(packHalf2x16((v).xy), packHalf2x16((v).zw))
#define READ(name, i) vec4(unpackHalf2x16(name[i].x), unpackHalf2x16(name[i].y))
#else
#define TARGET(b, name)                                                                            \
    layout(set = 0, binding = b, std430) buffer name##_block { vec4 name[]; }
#define STORE(name, i, v) name[i] = (v)
#define READ(name, i) name[i]
#endif
// Scratch, images and scalars to write: float32 always.
#define TARGET32(b, name)                                                                          \
    layout(set = 0, binding = b, std430) buffer name##_block { vec4 name[]; }
#define TARGET_BITS(b, name)                                                                       \
    layout(set = 0, binding = b, std430) buffer name##_block { uvec2 name[]; }

// By its bits: a driver that assumes finite arithmetic may answer isnan() with a constant.
bool is_finite(float v)
{
    return (floatBitsToUint(v) & 0x7f800000u) != 0x7f800000u;
}
