# SPDX-License-Identifier: MIT
"""One combination tried on a place: done, looked at, recorded before it is judged, and told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig import pairs
from rig.campaign import Campaign
from rig.clock import Deadline
from rig.drivers.console import Waiter, fresh
from rig.errors import BenchError, BoardError
from rig.pairs import Pair, Verdict
from rig.upgrade import Follower, start

ANSWER_LIMIT_S = 10.0

Seen = dict[str, Any]  # fields of a Pair


def seen(text: str, harm: tuple[str, ...] = (), *, accepted: bool = True, detail: str = "") -> Seen:
    """Make the fields of a pair that say what the board did."""
    return {"seen": text, "accepted": accepted, "detail": detail, "harm": harm}


class Combination:
    """What every combination needs of a place."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._place = campaign.place

    def offer(self, bundle: Path, limit_s: float) -> Seen:
        """Offer any bundle; say how it ended, and the updater's own words."""
        place = self._place
        follower = Follower(place.console, place.clock, lambda _: None, from_start=True)
        url = place.bundles.offer(bundle)
        fresh(place.console)
        start(place.console, url)
        ended = follower.follow(Deadline.after(place.clock, limit_s), lambda: False)
        last = follower.events[-1]
        if ended in {"refused", "failed"}:
            ready = Deadline.after(place.clock, ANSWER_LIMIT_S)
            Waiter(place.console, ready).wait([place.shell.prompt], "the shell after the updater")
        if ended == "refused":
            text = pairs.refused(last.keys.get("reason", ""))
            return seen(text, accepted=False, detail=last.keys.get("detail", ""))
        if ended == "failed":
            text = f"failed in {last.phase}: {last.keys.get('reason', '')}"
            return seen(text, accepted=last.phase != "download")
        place.strategy.lost()
        return {**self.up(follower), "accepted": True}

    def up(self, follower: Follower) -> Seen:
        """Say what came up: by the board's last `boot up`, and by its service."""
        place = self._place
        keys = next(event.keys for event in reversed(follower.events) if event.event == "up")
        name, kernel = keys.get("release", ""), keys.get("kernel", "")
        answer = place.service.wait_up(Deadline.after(place.clock, ANSWER_LIMIT_S))
        known = place.catalogue.releases.get(name)
        reasons = [e.keys.get("reason", "") for e in follower.events if e.event == "failed"]
        detail = f"{follower.boots} boots"
        detail += f", self-check failed: {', '.join(reasons)}" if reasons else ""
        if known is None or kernel != known.kernel or answer.release != name:
            text = f"runs a mixture: kernel {kernel}, root {name}, service {answer.release}"
            return seen(text, detail=detail)
        fell_back = any(event.event == "fallback" for event in follower.events)
        text = pairs.falls_back(name) if fell_back else pairs.runs(name)
        return seen(text, accepted=not fell_back, detail=detail)

    def record(self, part: str, subject: str, expected: str, act: Callable[[], Seen]) -> Pair:
        """Do it, record what was seen, tell it; a failing bench ends the run."""
        campaign, clock = self._campaign, self._place.clock
        began_s = clock.now()
        try:
            found = act()
        except BoardError as error:
            found = self._silent_board(error)
        except BenchError as error:
            found = seen("", accepted=False) | {"error": f"{error.who}: {error}"}
        found["duration_s"] = round(clock.now() - began_s, 3)
        pair = Pair(part=part, subject=subject, expected=expected, **found)
        campaign.results.add_pair(pair)
        harm = "".join(f"; {text}" for text in pair.harm)
        mark = "" if pair.verdict is Verdict.as_expected else f" [{pair.verdict.value.upper()}]"
        campaign.say(f"{part}: {subject}: {pair.seen or pair.error}{harm}{mark}")
        if pair.error:
            raise BenchError(pair.error)
        return pair

    def _silent_board(self, error: BoardError) -> Seen:
        """Tell a board that failed from one that was not fed; leave it off."""
        try:
            self._place.check_feed()
        except BenchError as bench:
            return seen("", accepted=False) | {"error": f"{bench.who}: {bench} ({error})"}
        finally:
            self._place.safe_off()
        return seen(f"no answer: {error}", accepted=False)
