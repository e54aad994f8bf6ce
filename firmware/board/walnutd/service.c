/* SPDX-License-Identifier: MIT */
/* What is answered to a request. */
#include "service.h"

#include <string.h>

_Static_assert(sizeof RELEASE <= RELEASE_SIZE, "the release must fit its field");

static uint8_t store(struct service *service, const struct request *request, uint64_t *stored)
{
	struct state next = service->state;

	if (!service->stores)
		return STATUS_NOT_STORED;
	switch (state_apply(&next, request->session, request->value, stored)) {
	case CHANGE_SAME:
		return STATUS_OK;
	case CHANGE_OLDER:
		return STATUS_REFUSED;
	case CHANGE_NO_ROOM:
		return STATUS_NO_ROOM;
	case CHANGE_NEW:
		break;
	}
	next.layout = state_layout_next(next.layout, service->confirmed(service->context));
	/* Whether a failed save reached the flash is unknown, so the new value is not shown. */
	if (!service->save(service->context, &next))
		return STATUS_NOT_STORED;
	service->state = next;
	return STATUS_OK;
}

static uint64_t held(const struct state *state, uint64_t session)
{
	for (uint32_t i = 0; i < state->count; i++)
		if (state->sessions[i].id == session)
			return state->sessions[i].value;
	return 0;
}

void service_answer(struct service *service, const struct request *request,
		    struct answer *answer)
{
	memset(answer, 0, sizeof *answer);
	answer->kind = request->kind;
	answer->status = STATUS_OK;
	answer->sequence = request->sequence;
	if (request->kind == KIND_STORE) {
		answer->session = request->session;
		answer->status = store(service, request, &answer->value);
		answer->value = held(&service->state, request->session);
	}
	answer->state_layout = service->state.layout ? service->state.layout : STATE_LAYOUT;
	answer->counter = service->state.counter;
	answer->sessions = service->state.count;
	answer->ticks = service->ticks;
	memcpy(answer->boot_id, service->boot_id, BOOT_ID_SIZE);
	memcpy(answer->release, RELEASE, sizeof RELEASE);
}
