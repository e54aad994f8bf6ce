/* SPDX-License-Identifier: MIT */
/* walnut-prom version|room|unseal DEVICE, walnut-prom seal DEVICE FILE VERSION: the trailer that
 * makes a PROM of what lies before it.
 *
 * `version` prints that of the whole PROM in the device, and is a "no" when there is none; `room`
 * prints how large an image may be.  `unseal` erases the trailer's sector: the first operation of
 * an update.  `seal` programs the trailer of FILE, which must have been written and verified
 * before: one program, the last.  A regular file may stand in for the device (unit tests).
 */
#include <errno.h>
#include <fcntl.h>
#include <mtd/mtd-user.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "trailer.h"

#define FILE_SECTOR 0x10000

struct flash {
	int device;
	size_t size;
	size_t sector; /* erase unit */
	bool mtd;
};

static int failed(const char *what)
{
	fprintf(stderr, "walnut-prom: %s: %s\n", what, strerror(errno));
	return EXIT_FAILED;
}

static bool open_flash(const char *name, int mode, struct flash *flash)
{
	struct mtd_info_user info;
	struct stat status;

	flash->device = open(name, mode | O_CLOEXEC);
	if (flash->device < 0 || fstat(flash->device, &status) != 0)
		return false;
	flash->mtd = ioctl(flash->device, MEMGETINFO, &info) == 0;
	flash->sector = flash->mtd ? info.erasesize : FILE_SECTOR;
	flash->size = flash->mtd ? info.size : (size_t)status.st_size;
	errno = EINVAL;
	return flash->sector >= TRAILER_SIZE && flash->size > flash->sector;
}

/* All of it from its start, in memory that is never given back; NULL: errno says why. */
static uint8_t *contents(int file, size_t size)
{
	uint8_t *bytes = malloc(size);

	for (size_t at = 0; bytes && at < size;) {
		ssize_t got = pread(file, bytes + at, size - at, (off_t)at);

		if (got <= 0)
			return NULL;
		at += (size_t)got;
	}
	return bytes;
}

static int version(const struct flash *flash)
{
	uint8_t *bytes = contents(flash->device, flash->size);
	const char *found = bytes ? trailer_version(bytes, flash->size, flash->sector) : NULL;

	if (!bytes)
		return failed("read");
	if (!found)
		return EXIT_NO;
	printf("%s\n", found);
	return 0;
}

static int unseal(const struct flash *flash)
{
	struct erase_info_user sector = { .start = (uint32_t)(flash->size - flash->sector),
					  .length = (uint32_t)flash->sector };
	static uint8_t erased[FILE_SECTOR];

	memset(erased, 0xff, sizeof erased);
	if (flash->mtd ? ioctl(flash->device, MEMERASE, &sector) != 0
		       : pwrite(flash->device, erased, sizeof erased, sector.start) !=
				 (ssize_t)sizeof erased)
		return failed("erase");
	return 0;
}

static int seal(const struct flash *flash, const char *name, const char *text)
{
	uint8_t trailer[TRAILER_SIZE];
	struct stat status;
	uint8_t *image;
	int file = open(name, O_RDONLY | O_CLOEXEC);

	if (file < 0 || fstat(file, &status) != 0 || status.st_size <= 0)
		return failed(name);
	image = contents(file, (size_t)status.st_size);
	errno = EINVAL;
	if (!image || (size_t)status.st_size > flash->size - flash->sector ||
	    !trailer_encode(image, (size_t)status.st_size, text, trailer))
		return failed("trailer");
	if (pwrite(flash->device, trailer, sizeof trailer, (off_t)(flash->size - sizeof trailer)) !=
	    (ssize_t)sizeof trailer)
		return failed("write");
	return version(flash); /* what the boot-select logic will say */
}

int prom_main(int argc, char **argv)
{
	const char *action = argc > 2 ? argv[1] : "";
	bool seals = argc == 5 && strcmp(action, "seal") == 0;
	bool unseals = argc == 3 && strcmp(action, "unseal") == 0;
	bool asks = argc == 3 && (strcmp(action, "version") == 0 || strcmp(action, "room") == 0);
	struct flash flash = { 0 };

	if (!seals && !unseals && !asks) {
		fprintf(stderr, "usage: walnut-prom version|room|unseal DEVICE\n"
				"       walnut-prom seal DEVICE FILE VERSION\n");
		return EXIT_USAGE;
	}
	if (!open_flash(argv[2], asks ? O_RDONLY : O_RDWR, &flash))
		return failed(argv[2]);
	if (seals)
		return seal(&flash, argv[3], argv[4]);
	if (unseals)
		return unseal(&flash);
	if (strcmp(action, "version") == 0)
		return version(&flash);
	printf("%zu\n", flash.size - flash.sector);
	return 0;
}
