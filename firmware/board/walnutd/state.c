/* SPDX-License-Identifier: MIT */
/* Decisions about the state, without input or output. */
#include "state.h"

#include <string.h>

#include "protocol.h"

_Static_assert(STATE_LAYOUT_MIN <= STATE_LAYOUT, "a release reads what it writes");

uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
	uint32_t crc = 0xffffffffu; /* IEEE 802.3, reflected, as zlib's crc32() */

	while (size-- > 0) {
		crc ^= *bytes++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static size_t session_size(uint16_t layout)
{
	return layout >= 2 ? 24 : 16;
}

uint16_t state_layout_next(uint16_t found, bool confirmed)
{
	if (confirmed)
		return STATE_LAYOUT;
	return found ? found : STATE_LAYOUT_MIN;
}

size_t state_encode(const struct state *state, uint8_t *bytes)
{
	size_t each = session_size(state->layout);
	size_t size = STATE_HEADER_SIZE + (size_t)state->count * each;

	memset(bytes, 0, size);
	memcpy(bytes, STATE_MAGIC, 4);
	put_u16(bytes + 4, state->layout);
	put_u64(bytes + 8, state->counter);
	put_u32(bytes + 16, state->count);
	for (uint32_t i = 0; i < state->count; i++) {
		uint8_t *at = bytes + STATE_HEADER_SIZE + (size_t)i * each;

		put_u64(at, state->sessions[i].id);
		put_u64(at + 8, state->sessions[i].value);
		if (state->layout >= 2)
			put_u64(at + 16, state->sessions[i].changed);
	}
	put_u32(bytes + 20, crc32_of(bytes, size));
	return size;
}

static bool whole(const uint8_t *bytes, size_t size)
{
	uint8_t copy[STATE_SIZE_MAX];

	if (size < STATE_HEADER_SIZE || size > sizeof copy || memcmp(bytes, STATE_MAGIC, 4) != 0)
		return false;
	memcpy(copy, bytes, size);
	put_u32(copy + 20, 0);
	return crc32_of(copy, size) == get_u32(bytes + 20);
}

enum reading state_decode(const uint8_t *bytes, size_t size, struct state *state,
			  uint16_t *layout)
{
	*layout = 0;
	if (!whole(bytes, size))
		return READING_CORRUPT;
	*layout = get_u16(bytes + 4);
	if (*layout > STATE_LAYOUT || *layout < STATE_LAYOUT_MIN)
		return READING_LAYOUT;
	state->layout = *layout;
	state->counter = get_u64(bytes + 8);
	state->count = get_u32(bytes + 16);
	size_t each = session_size(*layout);
	if (state->count > SESSION_LIMIT || size != STATE_HEADER_SIZE + state->count * each)
		return READING_CORRUPT;
	for (uint32_t i = 0; i < state->count; i++) {
		const uint8_t *at = bytes + STATE_HEADER_SIZE + i * each;

		state->sessions[i].id = get_u64(at);
		state->sessions[i].value = get_u64(at + 8);
		state->sessions[i].changed = *layout >= 2 ? get_u64(at + 16) : 0;
	}
	return READING_OK;
}

int state_choose(const enum reading *readings, const struct state *copies, enum reading *verdict)
{
	int chosen = -1;

	*verdict = READING_ABSENT;
	for (int i = 0; i < STATE_COPIES; i++) {
		if (readings[i] == READING_LAYOUT) {
			*verdict = READING_LAYOUT;
			return -1;
		}
		if (readings[i] == READING_CORRUPT && chosen < 0)
			*verdict = READING_CORRUPT;
		if (readings[i] == READING_OK &&
		    (chosen < 0 || copies[i].counter > copies[chosen].counter)) {
			chosen = i;
			*verdict = READING_OK;
		}
	}
	return chosen;
}

enum change state_apply(struct state *state, uint64_t session, uint64_t value, uint64_t *stored)
{
	struct session *found = NULL;

	for (uint32_t i = 0; i < state->count; i++)
		if (state->sessions[i].id == session)
			found = &state->sessions[i];
	*stored = found ? found->value : 0;
	if (found && value == found->value)
		return CHANGE_SAME;
	if (found && value < found->value)
		return CHANGE_OLDER;
	if (!found) {
		if (state->count == SESSION_LIMIT)
			return CHANGE_NO_ROOM;
		found = &state->sessions[state->count++];
		found->id = session;
	}
	found->value = value;
	*stored = value;
	found->changed = ++state->counter;
	return CHANGE_NEW;
}
