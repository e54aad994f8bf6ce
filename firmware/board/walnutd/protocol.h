/* SPDX-License-Identifier: MIT */
/* The service's datagrams: docs/reference/service-protocol.md is the definition. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_PORT 7

#define REQUEST_MAGIC "WRQ1"
#define REQUEST_SIZE 32
#define REQUEST_OFFSET_KIND 4
#define REQUEST_OFFSET_ZERO 5
#define REQUEST_OFFSET_SEQUENCE 8
#define REQUEST_OFFSET_SESSION 16
#define REQUEST_OFFSET_VALUE 24

#define ANSWER_MAGIC "WRA1"
#define ANSWER_SIZE 96
#define ANSWER_OFFSET_KIND 4
#define ANSWER_OFFSET_STATUS 5
#define ANSWER_OFFSET_STATE_LAYOUT 6
#define ANSWER_OFFSET_SEQUENCE 8
#define ANSWER_OFFSET_SESSION 16
#define ANSWER_OFFSET_VALUE 24
#define ANSWER_OFFSET_COUNTER 32
#define ANSWER_OFFSET_SESSIONS 40
#define ANSWER_OFFSET_TICKS 48
#define ANSWER_OFFSET_BOOT_ID 56
#define ANSWER_OFFSET_RELEASE 72
#define ANSWER_OFFSET_ZERO 88
#define BOOT_ID_SIZE 16
#define RELEASE_SIZE 16

enum kind { KIND_ECHO = 0, KIND_STORE = 1 };

enum status {
	STATUS_OK = 0,
	STATUS_REFUSED = 1,    /* value older than the stored one */
	STATUS_NOT_STORED = 2, /* input/output, or the stored state cannot be read */
	STATUS_NO_ROOM = 3,    /* for another session */
};

struct request {
	uint8_t kind;
	uint64_t sequence;
	uint64_t session;
	uint64_t value;
};

struct answer {
	uint8_t kind;
	uint8_t status;
	uint16_t state_layout;
	uint64_t sequence;
	uint64_t session;
	uint64_t value;
	uint64_t counter;
	uint64_t sessions;
	uint64_t ticks;
	uint8_t boot_id[BOOT_ID_SIZE];
	char release[RELEASE_SIZE];
};

void put_u16(uint8_t *at, uint16_t value);
void put_u32(uint8_t *at, uint32_t value);
void put_u64(uint8_t *at, uint64_t value);
uint16_t get_u16(const uint8_t *at);
uint32_t get_u32(const uint8_t *at);
uint64_t get_u64(const uint8_t *at);

/* False: not a request, drop it. */
bool request_decode(const uint8_t *datagram, size_t size, struct request *request);
void request_encode(const struct request *request, uint8_t *datagram);
bool answer_decode(const uint8_t *datagram, size_t size, struct answer *answer);
void answer_encode(const struct answer *answer, uint8_t *datagram);

/* "01234567-89ab-…" to raw bytes; false if it is not a UUID. */
bool boot_id_parse(const char *text, uint8_t *boot_id);

#endif
