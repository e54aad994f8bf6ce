/* SPDX-License-Identifier: MIT */
/* walnut-flash erase|write|verify DEVICE FILE: put FILE into the flash device, from its start.
 *
 * `erase` erases as many sectors as FILE needs, lowest first, so that what lay there stops being
 * an image with the first operation.  `write` programs FILE in order.  `verify` reads the device
 * back and compares.  Each prints its progress in percent, a line for each tenth.  The sequence of
 * flash operations depends on FILE's content and length alone.  A regular file may stand in for
 * the device (unit tests).
 */
#include <errno.h>
#include <fcntl.h>
#include <mtd/mtd-user.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"

#define FILE_SECTOR 0x10000
#define CHUNK 0x10000

static uint8_t chunk[CHUNK], other[CHUNK];

struct job {
	const char *name;
	int device;
	int file;
	uint32_t size;   /* of FILE */
	uint32_t sector; /* erase unit */
	bool mtd;
	unsigned int shown; /* tenths */
};

static void progress(struct job *job, uint32_t done)
{
	unsigned int tenths = (unsigned int)((uint64_t)done * 10 / job->size);

	if (tenths <= job->shown)
		return;
	job->shown = tenths;
	printf("%u\n", tenths * 10);
	fflush(stdout);
}

static int failed(const struct job *job, const char *what)
{
	fprintf(stderr, "walnut-flash: %s: %s: %s\n", job->name, what, strerror(errno));
	return EXIT_FAILED;
}

static bool fill(int file, uint8_t *bytes, size_t size, off_t offset)
{
	while (size > 0) {
		ssize_t got = pread(file, bytes, size, offset);

		if (got <= 0)
			return false;
		bytes += got;
		offset += got;
		size -= (size_t)got;
	}
	return true;
}

static bool erase_sector(const struct job *job, uint32_t offset)
{
	struct erase_info_user sector = { .start = offset, .length = job->sector };

	if (job->mtd)
		return ioctl(job->device, MEMERASE, &sector) == 0;
	memset(chunk, 0xff, sizeof chunk);
	return pwrite(job->device, chunk, job->sector, offset) == (ssize_t)job->sector;
}

static int erase(struct job *job)
{
	for (uint32_t offset = 0; offset < job->size; offset += job->sector) {
		if (!erase_sector(job, offset))
			return failed(job, "erase");
		progress(job, offset + job->sector < job->size ? offset + job->sector : job->size);
	}
	return 0;
}

static size_t next(const struct job *job, uint32_t offset)
{
	return job->size - offset < CHUNK ? job->size - offset : CHUNK;
}

static int write_file(struct job *job)
{
	for (uint32_t offset = 0; offset < job->size;) {
		size_t size = next(job, offset);

		if (!fill(job->file, chunk, size, offset))
			return failed(job, "read the file");
		if (pwrite(job->device, chunk, size, offset) != (ssize_t)size)
			return failed(job, "write");
		offset += (uint32_t)size;
		progress(job, offset);
	}
	return 0;
}

static int verify(struct job *job)
{
	for (uint32_t offset = 0; offset < job->size;) {
		size_t size = next(job, offset);

		if (!fill(job->file, chunk, size, offset) || !fill(job->device, other, size, offset))
			return failed(job, "read back");
		if (memcmp(chunk, other, size) != 0) {
			fprintf(stderr, "walnut-flash: %s: differs from the file at or after %u\n",
				job->name, offset);
			return EXIT_NO;
		}
		offset += (uint32_t)size;
		progress(job, offset);
	}
	return 0;
}

static bool open_job(struct job *job, char **argv)
{
	struct mtd_info_user info;
	struct stat file, device;

	job->name = argv[2];
	job->device = open(argv[2], O_RDWR | O_CLOEXEC);
	job->file = open(argv[3], O_RDONLY | O_CLOEXEC);
	if (job->device < 0 || job->file < 0 || fstat(job->file, &file) != 0 ||
	    fstat(job->device, &device) != 0)
		return false;
	job->mtd = ioctl(job->device, MEMGETINFO, &info) == 0;
	if (!job->mtd && !S_ISREG(device.st_mode))
		return false;
	job->sector = job->mtd ? info.erasesize : FILE_SECTOR;
	job->size = (uint32_t)file.st_size;
	errno = EFBIG;
	return file.st_size > 0 && file.st_size <= (job->mtd ? (off_t)info.size : device.st_size);
}

int flash_main(int argc, char **argv)
{
	struct job job = { 0 };

	if (argc == 4) {
		int (*step)(struct job *) = strcmp(argv[1], "erase") == 0  ? erase
					  : strcmp(argv[1], "write") == 0  ? write_file
					  : strcmp(argv[1], "verify") == 0 ? verify
									   : NULL;
		if (step && open_job(&job, argv))
			return step(&job);
		if (step)
			return failed(&job, "open");
	}
	fprintf(stderr, "usage: walnut-flash erase|write|verify DEVICE FILE\n");
	return EXIT_USAGE;
}
