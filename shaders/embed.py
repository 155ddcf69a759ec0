#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A kernel's GLSL as a C header with its SPIR-V.

    embed.py GLSLANG SPIRV_OPT NAME INPUT.comp OUTPUT.h OPTION...

SPIRV_OPT may be empty. It unrolls and simplifies once, here, what some drivers would at the start of
every run: software Vulkan's pipelines take half the time.
"""
import array
import os
import subprocess
import sys
import tempfile


# SPIR-V's numbers
OP_VARIABLE, OP_LOAD, OP_ACCESS_CHAIN = 59, 61, 65
WORKGROUP, VOLATILE = 4, 1


def straight(words):
    """Reads of shared memory marked volatile, which GLSL cannot say.

    Mesa's copy propagation compares each such read with all before it, to no avail in code that reads
    everything once: a product with 256 inputs takes twice as long to make. It passes over volatile
    reads, and the code that comes out of software Vulkan is the same.
    """
    shared, out, at = set(), array.array("I", words[:5]), 5
    while at < len(words):
        count, op = words[at] >> 16, words[at] & 0xffff
        one = words[at:at + count]
        if op == OP_VARIABLE and one[3] == WORKGROUP:
            shared.add(one[2])
        elif op == OP_ACCESS_CHAIN and one[3] in shared:
            shared.add(one[2])
        elif op == OP_LOAD and count == 4 and one[3] in shared:
            one = array.array("I", [5 << 16 | op, *one[1:], VOLATILE])
        out.extend(one)
        at += count
    return out


def main():
    glslang, optimiser, name, source, header, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        spirv = os.path.join(folder, "plain.spv")
        subprocess.run([glslang, "--target-env", "vulkan1.2", "-V", "--quiet", *options, "-o", spirv, source],
                       check=True)
        if optimiser:
            better = os.path.join(folder, "optimised.spv")
            # One older than the compiler does not know matrix units: then the kernel stays as it is.
            if subprocess.run([optimiser, "--target-env=vulkan1.2", "-O", spirv, "-o", better],
                              stderr=subprocess.DEVNULL).returncode == 0:
                spirv = better
        words = array.array("I", open(spirv, "rb").read())
        if "-DVKS_TEXEL=1" in options:
            words = straight(words)
    with open(header, "w", encoding="ascii") as out:
        out.write(f"static const uint32_t {name}[] = {{\n")
        for i in range(0, len(words), 8):
            out.write("    " + ", ".join(f"0x{w:08x}" for w in words[i:i + 8]) + ",\n")
        out.write("};\n")


main()
