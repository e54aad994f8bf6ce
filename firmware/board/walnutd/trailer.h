/* SPDX-License-Identifier: MIT */
/* What makes a PROM of the bytes before it: docs/reference/prom.md is the definition.
 *
 * The last TRAILER_SIZE bytes of the partition, written last and erased first (big-endian):
 *
 *   0 magic `WALNPROM` | 8 length (32) | 12 CRC-32 of so many bytes from the partition's start
 *   16 version, NUL-padded, 44 bytes | 60 CRC-32 of the trailer up to here
 */
#ifndef TRAILER_H
#define TRAILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAILER_MAGIC "WALNPROM"
#define TRAILER_SIZE 64
#define TRAILER_OFFSET_LENGTH 8
#define TRAILER_OFFSET_IMAGE_CRC 12
#define TRAILER_OFFSET_VERSION 16
#define TRAILER_OFFSET_CRC 60
#define TRAILER_VERSION_SIZE (TRAILER_OFFSET_CRC - TRAILER_OFFSET_VERSION)

/* Make the trailer of `image`; false: there is no such version or image. */
bool trailer_encode(const uint8_t *image, size_t size, const char *version, uint8_t *trailer);

/* The version of the PROM that lies in a partition, or NULL if none is whole.  The image never
 * reaches into the last sector, which is the trailer's. */
const char *trailer_version(const uint8_t *partition, size_t size, size_t sector);

#endif
