/* SPDX-License-Identifier: MIT */
/* Reads a FIT image's tree: what U-Boot will boot, without taking anybody's word for it. */
#ifndef FIT_H
#define FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIT_HEADER_SIZE 40
#define FIT_DEPTH_MAX 6
#define FIT_PATH_MAX 256

/* Called for each property: node path, name, and where its value lies in the image. */
typedef void fit_property(void *context, const char *path, const char *name, size_t offset,
			  size_t size);

/* False: not a whole flattened tree of exactly `size` bytes (Devicetree Specification 0.4,
 * chapter 5); properties before the fault have been reported. */
bool fit_walk(const uint8_t *image, size_t size, fit_property *property, void *context);

#endif
