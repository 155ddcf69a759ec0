// What kernels for matrix units share: workgroups of four subgroups, products of M x K by K x N
// matrices, whatever the device has of 8 and 16 (16x16x16 on NVIDIA and AMD, 8x16x16 on Intel,
// 8x8x8 on software Vulkan), fp16 operands, float32 sums.
//
// Shared memory is declared in pieces of 16 bytes, whatever lies in them: drivers then read and
// write it in such pieces. Offsets and strides of matrices count pieces.
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_shader_subgroup_basic : require

layout(local_size_x_id = 0) in; // four subgroups
layout(constant_id = 0) const uint WIDTH = 128;
layout(constant_id = 1) const uint M = 16;
layout(constant_id = 2) const uint N = 16;
layout(constant_id = 3) const uint K = 16;

uvec4 halves(vec4 a, vec4 b)
{
    return uvec4(packHalf2x16(a.xy), packHalf2x16(a.zw), packHalf2x16(b.xy), packHalf2x16(b.zw));
}
