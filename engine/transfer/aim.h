// SPDX-License-Identifier: MIT
// What of a style a loss aims at beside its Gram matrices (--style-loss): means and deviations of
// channels, and the root of their covariance.
#ifndef VKS_AIM_H
#define VKS_AIM_H

#include "prepare.h"

// Floats of one layer's aim: style->moments, and the buffer of a vks_aim. 0 for Gram matrices
// alone.
size_t vks_aim_floats(vkstyle_style_loss loss, uint32_t padded);
// From Gram matrices and the means that lie in style->moments already: all the rest of them.
bool vks_aim_style(vks_style *style, vkstyle_style_loss loss, vkstyle_error *error);
// The aim at layer i of the setting, of that weight (0.2 of five layers alike; a mask's share is in
// it); its buffer is the caller's to make and fill. A style of a dry plan will do.
vks_aim vks_aim_at(const vks_setting *setting, const vks_style *style, int i, double weight);

#endif
