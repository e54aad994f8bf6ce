/* SPDX-License-Identifier: MIT */
/* The state on flash: two copies, written in turn. */
#ifndef STORE_H
#define STORE_H

#include "state.h"

#define STORE_FOLDER "/data"

/* Read both copies in `folder`; on READING_OK and READING_ABSENT *state is what counts.  *layout
 * is the layout of the newest whole copy, 0 if there is none. */
enum reading store_load(const char *folder, struct state *state, uint16_t *layout);

/* Make `state` durable in `folder`: written beside, synced, renamed, folder synced. */
bool store_save(const char *folder, const struct state *state);

#endif
