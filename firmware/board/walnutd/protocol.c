/* SPDX-License-Identifier: MIT */
/* Datagrams to values and back; nothing here does input or output. */
#include "protocol.h"

#include <string.h>

void put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void put_u32(uint8_t *at, uint32_t value)
{
	put_u16(at, (uint16_t)(value >> 16));
	put_u16(at + 2, (uint16_t)value);
}

void put_u64(uint8_t *at, uint64_t value)
{
	put_u32(at, (uint32_t)(value >> 32));
	put_u32(at + 4, (uint32_t)value);
}

uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)get_u16(at) << 16 | get_u16(at + 2);
}

uint64_t get_u64(const uint8_t *at)
{
	return (uint64_t)get_u32(at) << 32 | get_u32(at + 4);
}

bool request_decode(const uint8_t *datagram, size_t size, struct request *request)
{
	static const uint8_t zero[REQUEST_OFFSET_SEQUENCE - REQUEST_OFFSET_ZERO];

	if (size != REQUEST_SIZE || memcmp(datagram, REQUEST_MAGIC, 4) != 0 ||
	    memcmp(datagram + REQUEST_OFFSET_ZERO, zero, sizeof zero) != 0)
		return false;
	request->kind = datagram[REQUEST_OFFSET_KIND];
	request->sequence = get_u64(datagram + REQUEST_OFFSET_SEQUENCE);
	request->session = get_u64(datagram + REQUEST_OFFSET_SESSION);
	request->value = get_u64(datagram + REQUEST_OFFSET_VALUE);
	if (request->kind == KIND_ECHO)
		return request->session == 0 && request->value == 0;
	return request->kind == KIND_STORE && request->session != 0;
}

void request_encode(const struct request *request, uint8_t *datagram)
{
	memset(datagram, 0, REQUEST_SIZE);
	memcpy(datagram, REQUEST_MAGIC, 4);
	datagram[REQUEST_OFFSET_KIND] = request->kind;
	put_u64(datagram + REQUEST_OFFSET_SEQUENCE, request->sequence);
	put_u64(datagram + REQUEST_OFFSET_SESSION, request->session);
	put_u64(datagram + REQUEST_OFFSET_VALUE, request->value);
}

bool answer_decode(const uint8_t *datagram, size_t size, struct answer *answer)
{
	if (size != ANSWER_SIZE || memcmp(datagram, ANSWER_MAGIC, 4) != 0)
		return false;
	answer->kind = datagram[ANSWER_OFFSET_KIND];
	answer->status = datagram[ANSWER_OFFSET_STATUS];
	answer->state_layout = get_u16(datagram + ANSWER_OFFSET_STATE_LAYOUT);
	answer->sequence = get_u64(datagram + ANSWER_OFFSET_SEQUENCE);
	answer->session = get_u64(datagram + ANSWER_OFFSET_SESSION);
	answer->value = get_u64(datagram + ANSWER_OFFSET_VALUE);
	answer->counter = get_u64(datagram + ANSWER_OFFSET_COUNTER);
	answer->sessions = get_u64(datagram + ANSWER_OFFSET_SESSIONS);
	answer->ticks = get_u64(datagram + ANSWER_OFFSET_TICKS);
	memcpy(answer->boot_id, datagram + ANSWER_OFFSET_BOOT_ID, BOOT_ID_SIZE);
	memcpy(answer->release, datagram + ANSWER_OFFSET_RELEASE, RELEASE_SIZE);
	return answer->release[RELEASE_SIZE - 1] == '\0';
}

void answer_encode(const struct answer *answer, uint8_t *datagram)
{
	memset(datagram, 0, ANSWER_SIZE);
	memcpy(datagram, ANSWER_MAGIC, 4);
	datagram[ANSWER_OFFSET_KIND] = answer->kind;
	datagram[ANSWER_OFFSET_STATUS] = answer->status;
	put_u16(datagram + ANSWER_OFFSET_STATE_LAYOUT, answer->state_layout);
	put_u64(datagram + ANSWER_OFFSET_SEQUENCE, answer->sequence);
	put_u64(datagram + ANSWER_OFFSET_SESSION, answer->session);
	put_u64(datagram + ANSWER_OFFSET_VALUE, answer->value);
	put_u64(datagram + ANSWER_OFFSET_COUNTER, answer->counter);
	put_u64(datagram + ANSWER_OFFSET_SESSIONS, answer->sessions);
	put_u64(datagram + ANSWER_OFFSET_TICKS, answer->ticks);
	memcpy(datagram + ANSWER_OFFSET_BOOT_ID, answer->boot_id, BOOT_ID_SIZE);
	memcpy(datagram + ANSWER_OFFSET_RELEASE, answer->release, RELEASE_SIZE);
}

static int hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	return -1;
}

bool boot_id_parse(const char *text, uint8_t *boot_id)
{
	size_t done = 0;

	while (done < BOOT_ID_SIZE) {
		if (*text == '-')
			text++;
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return false;
		boot_id[done++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return true;
}
