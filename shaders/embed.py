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


def main():
    glslang, optimiser, name, source, header, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        spirv = os.path.join(folder, "plain.spv")
        subprocess.run([glslang, "--target-env", "vulkan1.2", "-V", "--quiet", *options, "-o", spirv, source],
                       check=True)
        if optimiser:
            better = os.path.join(folder, "optimised.spv")
            subprocess.run([optimiser, "--target-env=vulkan1.2", "-O", spirv, "-o", better], check=True)
            spirv = better
        words = array.array("I", open(spirv, "rb").read())
    with open(header, "w", encoding="ascii") as out:
        out.write(f"static const uint32_t {name}[] = {{\n")
        for i in range(0, len(words), 8):
            out.write("    " + ", ".join(f"0x{w:08x}" for w in words[i:i + 8]) + ",\n")
        out.write("};\n")


main()
