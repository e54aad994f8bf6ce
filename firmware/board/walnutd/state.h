/* SPDX-License-Identifier: MIT */
/* The state that must survive an upgrade, and its form on flash (big-endian):
 *
 *   0 magic `WST1` | 4 layout (16) | 6 zero (16) | 8 counter (64) | 16 sessions held (32)
 *   20 CRC-32 of the whole file with this field zero | 24 zero (64) | 32 sessions
 *
 * A session is its id (64) and value (64); from layout 2 on also `changed` (64): the counter at its
 * last change, 0 when that was under layout 1.
 *
 * Magic, layout and CRC lie where they are in every layout, so that a release can tell a layout
 * that it does not know from damage.  The counter is also the generation: it rises with each save.
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_MAGIC "WST1"
#define STATE_HEADER_SIZE 32
/* Not fewer in layout 2, for then a full layout 1 could not be migrated.  The file may be more than
 * one JFFS2 node: it is written beside, synced, and only then renamed. */
#define SESSION_LIMIT 240
#define STATE_SIZE_MAX (STATE_HEADER_SIZE + SESSION_LIMIT * 24)
#define STATE_COPIES 2

struct session {
	uint64_t id;
	uint64_t value;
	uint64_t changed; /* lost when layout 1 is written */
};

struct state {
	uint16_t layout; /* as found on flash and as it will be written; 0: nothing is stored */
	uint64_t counter;
	uint32_t count;
	struct session sessions[SESSION_LIMIT];
};

/* What one copy on flash turned out to be. */
enum reading {
	READING_OK,
	READING_ABSENT,
	READING_CORRUPT, /* torn, damaged, not ours */
	READING_LAYOUT,  /* whole, but of a layout that this release cannot read */
};

enum change { CHANGE_NEW, CHANGE_SAME, CHANGE_OLDER, CHANGE_NO_ROOM };

uint32_t crc32_of(const uint8_t *bytes, size_t size);
/* Which layout to write next.  Before this release is confirmed the other one may come back, and
 * must find a state that it can read: the layout stays as it was found. */
uint16_t state_layout_next(uint16_t found, bool confirmed);

/* Write in state->layout. */
size_t state_encode(const struct state *state, uint8_t *bytes);
enum reading state_decode(const uint8_t *bytes, size_t size, struct state *state,
			  uint16_t *layout);

/* Which copy counts, or -1; *verdict says why.  A copy of an unreadable layout forbids the
 * other one too: it is older, and stale state must never be taken for the state. */
int state_choose(const enum reading *readings, const struct state *copies,
		 enum reading *verdict);

/* Put value into session; *stored is what the session holds afterwards. */
enum change state_apply(struct state *state, uint64_t session, uint64_t value, uint64_t *stored);

#endif
