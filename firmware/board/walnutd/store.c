/* SPDX-License-Identifier: MIT */
/* Copies `state.0` and `state.1` in turn: the one that is replaced is never the one that counts. */
#include "store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* 2025-01-01.  File times are the generation's, so that the same saves are the same bytes on
 * flash in every run: the rig compares flashes by hash. */
#define EPOCH_S 1735689600

static void copy_path(char *path, size_t size, const char *folder, int copy, const char *suffix)
{
	snprintf(path, size, "%s/state.%d%s", folder, copy, suffix);
}

static enum reading load_copy(const char *folder, int copy, struct state *state, uint16_t *layout)
{
	uint8_t bytes[STATE_SIZE_MAX + 1];
	char path[256];

	*layout = 0;
	copy_path(path, sizeof path, folder, copy, "");
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return READING_ABSENT;
	ssize_t size = read(file, bytes, sizeof bytes);
	close(file);
	return size < 0 ? READING_CORRUPT : state_decode(bytes, (size_t)size, state, layout);
}

enum reading store_load(const char *folder, struct state *state, uint16_t *layout)
{
	static struct state copies[STATE_COPIES];
	enum reading readings[STATE_COPIES];
	enum reading verdict;

	*layout = 0;
	for (int copy = 0; copy < STATE_COPIES; copy++) {
		uint16_t found = 0;

		readings[copy] = load_copy(folder, copy, &copies[copy], &found);
		if (found > *layout)
			*layout = found;
	}
	int chosen = state_choose(readings, copies, &verdict);
	if (chosen >= 0)
		*state = copies[chosen];
	else
		memset(state, 0, sizeof *state);
	return verdict;
}

static bool write_all(int file, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t done = write(file, bytes, size);

		if (done <= 0)
			return false;
		bytes += done;
		size -= (size_t)done;
	}
	return true;
}

static bool write_synced(const char *path, const uint8_t *bytes, size_t size)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (file < 0)
		return false;
	bool written = write_all(file, bytes, size) && fsync(file) == 0;
	return close(file) == 0 && written;
}

static bool sync_folder(const char *folder)
{
	int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (file < 0)
		return false;
	bool synced = fsync(file) == 0;
	close(file);
	return synced;
}

bool store_save(const char *folder, const struct state *state)
{
	uint8_t bytes[STATE_SIZE_MAX];
	char path[256], beside[256];
	int copy = (int)(state->counter % STATE_COPIES);
	struct timespec generation = { .tv_sec = (time_t)(EPOCH_S + state->counter) };

	copy_path(path, sizeof path, folder, copy, "");
	copy_path(beside, sizeof beside, folder, copy, ".new");
	(void)clock_settime(CLOCK_REALTIME, &generation); /* not ours to set on a host: tests */
	return write_synced(beside, bytes, state_encode(state, bytes)) &&
	       rename(beside, path) == 0 && sync_folder(folder);
}
