# SPDX-License-Identifier: MIT
"""When an answer is late, a silence an event, and a service clean: one definition each.

docs/explanation/measuring.md, "Late, event, clean".  `floor_s` is the longest gap that the bench
showed while nothing was done to the board.
"""

LATE_PERIODS = 20  # an answer that took longer is impaired (RFC 6412 section 3.8.2) …
LATE_FLOORS = 1.5  # … unless the bench itself took about as long
EVENT_PERIODS = 20  # a busy board was seen to delay, not lose, up to 13 …
EVENT_FLOORS = 1.5
GOOD_SIGNS = 5  # RFC 6412 sections 3.5.6 and 3.5.7: recovered after five good packets …
CLEAN_S = 5.0  # … and five seconds
JITTER_S = 0.1  # beside a longer silence, a shorter one is jitter (RFC 6201 section 3.1.1) …
JITTER_SHARE = 0.05  # … if it is so much shorter


def late_s(period_s: float, floor_s: float = 0.0) -> float:
    """Return after how long an answer says nothing of now: it had queued up somewhere."""
    return max(LATE_PERIODS * period_s, LATE_FLOORS * floor_s)


def event_s(period_s: float, floor_s: float = 0.0) -> float:
    """Return the shortest silence that is an event, and not the bench's own jitter.

    What is shorter is no loss; the longest of that is the resolution of this claim.
    """
    return max(EVENT_PERIODS * period_s, EVENT_FLOORS * floor_s)


def clean_s(event_s: float, outage_s: float) -> float:
    """Return the longest silence that five clean seconds after an outage may hold."""
    return max(event_s, min(JITTER_S, JITTER_SHARE * outage_s))
