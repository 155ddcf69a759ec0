// SPDX-License-Identifier: MIT
// Poison and canaries for every plan of a test program, between the engine and its own plan.c: the
// linker wraps four functions (--wrap=vks_plan_buffer, ..._add, ..._realise, ..._free).
//
// All memory of a plan starts as NaN (0xff), so that what is read before it was written, or from
// the padding of rows and planes, shows in the results. With guards_on each buffer also lives as
// long as its plan and has a guard behind it, and whoever writes there is found when the plan is
// freed.
#ifndef GUARDS_H
#define GUARDS_H

#include "transfer/plan.h"

extern bool guards_on;
// Buffers written past their end, in plans freed so far; and the name of the last one.
extern int guards_broken;
extern const char *guards_culprit;
// Plans that were poisoned so far: a test that found none would test nothing.
extern int guards_plans;
// Called with each step of a plan, when set; its uses have their bytes.
extern void (*guards_step)(const vks_step *step);

#endif
