/* SPDX-License-Identifier: MIT */
/* One request in, one answer out: the service without its sockets. */
#ifndef SERVICE_H
#define SERVICE_H

#include "protocol.h"
#include "state.h"

struct service {
	struct state state;
	bool stores;     /* false: the stored state is not readable here, so nothing is stored */
	uint64_t ticks;  /* the driver's count, refreshed at each tick */
	uint8_t boot_id[BOOT_ID_SIZE];
	/* Make the state durable; false: it is not.  Given by the caller, so tests can fail it. */
	bool (*save)(void *context, const struct state *state);
	bool (*confirmed)(void *context); /* no other release can come back */
	void *context;
};

void service_answer(struct service *service, const struct request *request,
		    struct answer *answer);

#endif
