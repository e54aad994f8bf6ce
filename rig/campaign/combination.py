# SPDX-License-Identifier: MIT
"""One combination tried on a place: done, looked at, recorded before it is judged, and told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.campaign.campaign import Campaign
from rig.campaign.failure import blame
from rig.campaign.follower import Event, Follower, start
from rig.clock import Deadline
from rig.drivers.console import Waiter, fresh
from rig.errors import BenchError, BoardError
from rig.faults import expectations
from rig.faults.expectations import Pair, PairVerdict
from rig.faults.outcome import Outcome

ANSWER_LIMIT_S = 10.0

Seen = dict[str, Any]  # fields of a Pair


def seen(text: str, harm: tuple[str, ...] = (), *, accepted: bool = True, detail: str = "") -> Seen:
    """Make the fields of a pair that say what the board did."""
    return {"seen": text, "accepted": accepted, "detail": detail, "harm": harm}


class _GaveUpError(BoardError):
    """The board said that its service does not start."""

    def __init__(self, reason: str, boots: int, *, accepted: bool) -> None:
        super().__init__(f"the board gave up: {reason}")
        self.seen = seen(expectations.gave_up(reason), accepted=accepted, detail=f"{boots} boots")


class Combination:
    """What every combination needs of a place."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._place = campaign.place

    def offer(self, bundle: Path, limit_s: float) -> Seen:
        """Offer any bundle; say how it ended, and the updater's own words."""
        place = self._place
        follower = Follower.of(place, lambda _: None, from_start=True)
        url = place.bundles.offer(bundle)
        fresh(place.console)
        start(place.console, url)
        ended = follower.follow(Deadline.after(place.clock, limit_s), lambda: False)
        last = _last(follower)
        if last.phase == "boot" or ended not in {"refused", "failed"}:
            place.strategy.lost()
            return self.up(follower, offered=True)
        ready = Deadline.after(place.clock, ANSWER_LIMIT_S)
        shell = Waiter(place.console, ready)
        shell.wait([place.shell.prompt], "the shell after the updater", poke="\n")
        reason = last.keys.get("reason", "")
        if ended == "refused":
            return seen(
                expectations.refused(reason), accepted=False, detail=last.keys.get("detail", "")
            )
        return seen(f"failed in {last.phase}: {reason}", accepted=last.phase != "download")

    def up(self, follower: Follower, *, offered: bool = False) -> Seen:
        """Say what came up: by the board's last `boot up`, and by its service.

        A board that was `offered` a bundle and has rebooted has taken it, whatever came up.

        Raises:
            BoardError: nothing came up; `record` knows a board that said so from a silent one.
        """
        place = self._place
        last = _last(follower)
        if (last.phase, last.event) == ("boot", "failed"):
            raise _GaveUpError(last.keys.get("reason", ""), follower.boots, accepted=offered)
        ups = [event.keys for event in follower.events if event.event == "up"]
        if not ups:
            raise BoardError(f"the board never said what it runs: it ended on {last}")
        keys = ups[-1]
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
        text = expectations.falls_back(name) if fell_back else expectations.runs(name)
        return seen(text, accepted=offered or not fell_back, detail=detail)

    def record(self, part: str, subject: str, expected: str, act: Callable[[], Seen]) -> Pair:
        """Do it, record what was seen, tell it; a failing bench ends the run, and so does the rig.

        Raises:
            BenchError: the bench failed.
        """
        clock = self._place.clock
        began_s = clock.now()
        broken: Exception | None = None
        try:
            found = act()
        except _GaveUpError as error:
            found = error.seen
        except (BenchError, BoardError) as error:
            found = self._broke_off(error)
        except Exception as error:  # noqa: BLE001 # recorded, and then raised
            broken = error
            found = _failed(f"the rig: {type(error).__name__}: {error}")
        found["duration_s"] = round(clock.now() - began_s, 3)
        pair = Pair(part=part, subject=subject, expected=expected, **found)
        self._tell(pair)
        if broken:
            raise broken
        if pair.error:
            raise BenchError(pair.error)
        return pair

    def _tell(self, pair: Pair) -> None:
        self._campaign.results.add_pair(pair)
        harm = "".join(f"; {text}" for text in pair.harm)
        mark = "" if pair.verdict is PairVerdict.as_expected else f" [{pair.verdict.value.upper()}]"
        text = f"{pair.part}: {pair.subject}: {pair.seen or pair.error}{harm}{mark}"
        self._campaign.say(text)

    def _broke_off(self, error: BenchError | BoardError) -> Seen:
        """Tell a board that failed from one that was not fed, and leave that one off."""
        outcome, said = blame(self._place, error)
        if isinstance(error, BoardError):
            self._place.safe_off()
        if outcome is Outcome.bench:
            return _failed(said)
        return seen(f"no answer: {error}", accepted=False)


def _last(follower: Follower) -> Event:
    """Return the board's last line."""
    if not follower.events:
        raise BenchError("what the board said got lost on the console")
    return follower.events[-1]


def _failed(error: str) -> Seen:
    """Make the fields of a pair that says nothing of the board."""
    return seen("", accepted=False) | {"error": error}
