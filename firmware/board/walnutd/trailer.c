/* SPDX-License-Identifier: MIT */
/* Decisions about a PROM's trailer, without input or output. */
#include "trailer.h"

#include <string.h>

#include "protocol.h"
#include "state.h"

#define VERSION_LETTERS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.+-_"

bool trailer_encode(const uint8_t *image, size_t size, const char *version, uint8_t *trailer)
{
	size_t length = strlen(version);

	if (size == 0 || size > UINT32_MAX || length == 0 || length >= TRAILER_VERSION_SIZE ||
	    version[strspn(version, VERSION_LETTERS)] != '\0')
		return false;
	memset(trailer, 0, TRAILER_SIZE);
	memcpy(trailer, TRAILER_MAGIC, strlen(TRAILER_MAGIC));
	put_u32(trailer + TRAILER_OFFSET_LENGTH, (uint32_t)size);
	put_u32(trailer + TRAILER_OFFSET_IMAGE_CRC, crc32_of(image, size));
	memcpy(trailer + TRAILER_OFFSET_VERSION, version, length);
	put_u32(trailer + TRAILER_OFFSET_CRC, crc32_of(trailer, TRAILER_OFFSET_CRC));
	return true;
}

const char *trailer_version(const uint8_t *partition, size_t size, size_t sector)
{
	const uint8_t *trailer = partition + size - TRAILER_SIZE;
	const char *version = (const char *)trailer + TRAILER_OFFSET_VERSION;
	uint32_t length = get_u32(trailer + TRAILER_OFFSET_LENGTH);

	if (memcmp(trailer, TRAILER_MAGIC, strlen(TRAILER_MAGIC)) != 0 ||
	    crc32_of(trailer, TRAILER_OFFSET_CRC) != get_u32(trailer + TRAILER_OFFSET_CRC) ||
	    length == 0 || length > size - sector ||
	    crc32_of(partition, length) != get_u32(trailer + TRAILER_OFFSET_IMAGE_CRC) ||
	    strnlen(version, TRAILER_VERSION_SIZE) == TRAILER_VERSION_SIZE)
		return NULL;
	return version;
}
