; SPDX-License-Identifier: MIT
; GIMP 2.10 without a window: paints a picture in the manner of another one. From a shell:
;
;   gimp-console -i \
;     -b '(load "docs/samples/stylize.scm") (stylize "photo.jpg" "painting.jpg" "result.png" 256 100)' \
;     -b '(gimp-quit 0)'
;
; GIMP 2.10 always exits with 0: see whether the result is there.
(define (stylize content style result size iterations)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE content content)))
         (layer (car (gimp-image-get-active-layer image)))
         (new (car (plug-in-vkstyle RUN-NONINTERACTIVE image layer
                style          ; style-file
                "" ""          ; model, device: "" is the one that ships, the best one
                -1 -1          ; style-layer, init-layer: none
                size
                1              ; quality (0 draft, 1 normal, 2 best)
                iterations
                0              ; levels: chosen by the size
                1 15           ; alpha, beta: weights of content and style
                "conv1_1,conv2_1,conv3_1,conv4_1,conv5_1" ""
                0 "conv4_2"    ; style-loss (0 gram, 1 gram-mean, 2 wasserstein), content-layer
                1              ; style-scale
                0 1            ; colour (0 off, 1 luminance, 2 match, 3 match-pca), colour-strength
                -1             ; tv
                0 0            ; optimizer (0 adam, 1 lbfgs), learning-rate
                0 0            ; pool (0 max, 1 avg), padding (0 auto)
                0 0            ; init (0 content, 1 random), seed
                FALSE FALSE    ; raw-losses, no-clamp
                0 0            ; tolerance: all iterations; time-limit in seconds: none
                0 0            ; precision, kernels: auto
                "0"            ; memory: what is free
                0              ; tile: only where memory asks for it
                -1             ; style-mask: everywhere
                "" -1 -1       ; second-style-file, second-style-layer, second-style-mask: none
                -1             ; strength-map: none
                0.5            ; second-style-share: of no matter without one
                "" ""))))      ; style-folder, second-style-folder: none
    (gimp-file-save RUN-NONINTERACTIVE image (car (gimp-image-flatten image)) result result)
    (gimp-image-delete image)))
