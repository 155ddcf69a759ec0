// SPDX-License-Identifier: MIT
// The whole of style transfer's arithmetic in plain double precision, the slow and obvious way:
// what the kernels are compared with. Nothing here is shared with the engine but the model's
// structure.
//
// Want of memory ends the program: these are tests.
#ifndef REFERENCE_H
#define REFERENCE_H

#include "model/encoder.h"

enum { REFERENCE_DEPTH = 64 };

// [channels][height][width]; at NULL: there is none.
typedef struct reference_tensor {
    int channels, height, width;
    double *at;
} reference_tensor;

reference_tensor reference_zeros(int channels, int height, int width);
reference_tensor reference_picture(const vkstyle_image *image); // its rgb
void reference_free(reference_tensor *tensor);
size_t reference_count(const reference_tensor *tensor);

// 3x3 convolution with weights [out][in][3][3]; around the input lie zeros (border 1), or the input
// carries its own border of one pixel (border 0). bias may be NULL.
reference_tensor reference_conv(const reference_tensor *in, const float *weights, const float *bias,
                                int out, int border);
// The gradient at the convolution's input of `in` channels.
reference_tensor reference_conv_backward(const reference_tensor *gradient, const float *weights,
                                         int in, int border);
// A border of one pixel, and the gradient at the picture from that of the bordered one.
reference_tensor reference_pad(const reference_tensor *in, vkstyle_padding padding);
reference_tensor reference_pad_backward(const reference_tensor *gradient, vkstyle_padding padding);
// 2x2, stride 2, sizes rounded down. Backward: max goes to the first of the largest.
reference_tensor reference_pool(const reference_tensor *in, vkstyle_pool pool);
reference_tensor reference_pool_backward(const reference_tensor *gradient,
                                         const reference_tensor *in, vkstyle_pool pool);
// F F^T / positions, [channels][channels]; free() it.
double *reference_gram(const reference_tensor *features);

// ---------------------------------------------------------------- the encoder

typedef struct reference_encoder {
    const vkstyle_model *model;
    vkstyle_pool pool;
    vkstyle_padding padding; // of the first layer; all others see zeros
    int depth;               // layers used
} reference_encoder;

// Activations of every layer, after ReLU.
typedef struct reference_pass {
    int depth;
    reference_tensor layer[REFERENCE_DEPTH];
} reference_pass;

void reference_forward(reference_pass *pass, const reference_encoder *encoder,
                       const reference_tensor *picture);
void reference_pass_free(reference_pass *pass);
// The gradient at the picture, from those of the losses at each layer's activations (at NULL:
// none).
reference_tensor reference_backward(const reference_pass *pass, const reference_encoder *encoder,
                                    const reference_tensor *joining);

// ---------------------------------------------------------------- losses

// Of a style loss of one layer, relative to the size of what is to be reached, from the Gram matrix
// [n][n] and means [n] and those of the style; writes the gradients at the first two. (The parts
// that the losses add to what is compared, so that nothing is divided by zero, are the engine's.)
double reference_style_loss(vkstyle_style_loss loss, size_t n, const double *gram,
                            const double *mean, const double *aim_gram, const double *aim_mean,
                            double *at_gram, double *at_mean);
// Means over positions, [channels]; free() it.
double *reference_means(const reference_tensor *features);
// The square of the Wasserstein-2 distance of Gaussians, as it is, not relative to anything.
double reference_distance(size_t n, const double *gram, const double *mean, const double *aim_gram,
                          const double *aim_mean);

typedef struct reference_loss {
    reference_encoder encoder;
    int style_count;
    int style_layers[VKSTYLE_MAX_LAYERS];
    double layer_weights[VKSTYLE_MAX_LAYERS];
    int content_layer;
    vkstyle_style_loss style_loss; // raw: Gram matrices
    double alpha, beta, tv;        // tv: of the sum of squared differences of neighbours
    bool raw; // the paper's definitions, else relative to what is to be reached
    // What is to be reached; NULL and at NULL: that loss is left out.
    double *gram[VKSTYLE_MAX_LAYERS], *mean[VKSTYLE_MAX_LAYERS];
    reference_tensor content;
} reference_loss;

typedef struct reference_values {
    double total, content, style, tv, raw_content, raw_style;
} reference_values;

// Measures the style images (weights NULL: equal) and the content image.
void reference_aim_style(reference_loss *loss, const vkstyle_image *const *styles,
                         const double *weights, int count);
void reference_aim_content(reference_loss *loss, const vkstyle_image *content);
void reference_loss_free(reference_loss *loss);
// Losses of a target; gradient, when not NULL, receives that of the total.
reference_values reference_measure(const reference_loss *loss, const reference_tensor *target,
                                   reference_tensor *gradient);

#endif
