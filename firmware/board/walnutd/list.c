/* SPDX-License-Identifier: MIT */
/* walnut-fit FILE: print each property of a FIT image as `PATH/NAME VALUE`.  `data` is shown as
 * `OFFSET SIZE` in FILE, text as itself, all else in hex digits.  Exit 1: not a FIT image. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "fit.h"

#define SHOWN_MAX 128

static bool is_text(const uint8_t *value, size_t size)
{
	if (size < 2 || value[size - 1] != '\0')
		return false;
	for (size_t i = 0; i < size - 1; i++)
		if (value[i] < ' ' || value[i] > '~')
			return false;
	return true;
}

static void print(void *context, const char *path, const char *name, size_t offset, size_t size)
{
	const uint8_t *value = (const uint8_t *)context + offset;

	printf("%s/%s ", path, name);
	if (strcmp(name, "data") == 0 || size > SHOWN_MAX) {
		printf("%zu %zu", offset, size);
	} else if (is_text(value, size)) {
		printf("%s", (const char *)value);
	} else {
		for (size_t i = 0; i < size; i++)
			printf("%02x", value[i]);
	}
	printf("\n");
}

int fit_main(int argc, char **argv)
{
	struct stat status;

	if (argc != 2) {
		fprintf(stderr, "usage: walnut-fit FILE\n");
		return EXIT_USAGE;
	}
	int file = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (file < 0 || fstat(file, &status) != 0) {
		perror(argv[1]);
		return EXIT_FAILED;
	}
	if (status.st_size < FIT_HEADER_SIZE)
		return EXIT_NO;
	size_t size = (size_t)status.st_size;
	void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
	if (image == MAP_FAILED) {
		perror(argv[1]);
		return EXIT_FAILED;
	}
	return fit_walk(image, size, print, image) ? 0 : EXIT_NO;
}
