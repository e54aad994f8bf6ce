# SPDX-License-Identifier: MIT
"""`rig mismatch`: puts each combination before the board and records what it did with it.

A bad bundle is offered to the running board.  All else is written behind the updater's back: a
golden flash with other bytes in it, through the interposer while the board is off.
"""

from collections.abc import Mapping
from pathlib import Path

from rig import pairs
from rig.campaign import Campaign
from rig.clock import Deadline
from rig.combination import ANSWER_LIMIT_S, Combination, Seen, seen
from rig.pairs import Pair, Verdict
from rig.planter import SESSION, VALUE, Planter
from rig.release import BadBundle, Release
from rig.service import NOT_STORED, OK, Answer
from rig.upgrade import Follower

OFFER_LIMIT_S = 60.0
MOVE_LIMIT_S = 180.0
FLIGHT_S = 0.3  # datagrams sent later may still be answered
LATE_S = 2.0  # what is not answered by then is lost


class Mismatch(Combination):
    """The combinations of one place, one at a time; each is recorded before it is judged."""

    def __init__(self, campaign: Campaign, folder: Path) -> None:
        super().__init__(campaign)
        self._planter = Planter(campaign.place, folder / "raw" / "flash.nor", campaign.say)
        self._corpus: Answer | None = None  # what the board that is offered bundles said first
        self._judged_until_s = 0.0

    # ---- a bundle, to a running board
    def bundle(self, bad: BadBundle) -> Pair:
        """Offer a bad bundle; nothing but the refusal may come of it."""
        pair = self.record("bundle", bad.name, pairs.of_bundle(bad), lambda: self._bundle(bad))
        if pair.verdict is not Verdict.as_expected:
            self._corpus = None  # the next one gets a board that is known
        return pair

    def _bundle(self, bad: BadBundle) -> Seen:
        if self._corpus is None:
            self._corpus = self._ready()
        found = self.offer(bad.bundle, OFFER_LIMIT_S)
        found["harm"] = (*found.get("harm", ()), *self._harm(self._corpus))
        return found

    def _ready(self) -> Answer:
        """Boot with a state stored: a release that could not read it is refused for that."""
        place = self._place
        golden = next(iter(place.catalogue.sound.values()))
        self._campaign.need(golden.name)
        place.boot()
        answer = place.service.store(SESSION, VALUE, ANSWER_LIMIT_S)
        place.clock.sleep(FLIGHT_S)
        place.interposer.reset_count()
        self._judged_until_s = place.clock.now()
        return answer

    def _harm(self, before: Answer) -> tuple[str, ...]:
        """Name what a refused bundle has cost since the last look."""
        place = self._place
        harm = []
        after = place.service.wait_up(Deadline.after(place.clock, ANSWER_LIMIT_S))
        if after.boot_id != before.boot_id:
            harm.append("the board has rebooted")
        if (count := place.interposer.count()) > 0:
            harm.append(f"flash operations: {count}")
            place.interposer.reset_count()
        until_s = place.clock.now() - FLIGHT_S
        if self._lost(until_s):
            place.clock.sleep(LATE_S)
        if (lost := self._lost(until_s)) > 0:
            harm.append(f"datagrams lost: {lost}")
        self._judged_until_s = until_s
        return tuple(harm)

    def _lost(self, until_s: float) -> int:
        return self._campaign.lost(self._judged_until_s, until_s)

    # ---- a flash, made behind the updater's back
    def kernel(self, image: Path, kernel: str, release: Release) -> Pair:
        """Have an image of `kernel` and `release`'s root file system tried in slot b."""
        old = self._planter.other(release)
        expected = pairs.of_kernel(kernel, release, old)
        subject = f"kernel {kernel}, root file system of {release}"

        def act() -> Seen:
            self._program(old, {"slot-b": image.read_bytes()}, pending=True)
            return self._power_on()

        return self.record("kernel", subject, expected, act)

    def prom(self, version: str, file: Path, release: Release) -> Pair:
        """Start `release` from a PROM; the service must answer and store."""

        def act() -> Seen:
            self._program(release, {"prom": file.read_bytes()})
            found = self._power_on()
            if self._place.service.store(SESSION, VALUE, ANSWER_LIMIT_S).status != OK:
                found["harm"] = (*found["harm"], "a value could not be stored")
            return found

        return self.record("prom", f"U-Boot {version}, {release}", pairs.runs(release.name), act)

    def state(self, layout: int, release: Release) -> Pair:
        """Have `release` find a state of `layout` in its data partition."""

        def act() -> Seen:
            self._program(release, {"data": self._planter.stored(layout)})
            self._place.boot()
            return self._meet(release)

        expected = pairs.of_state(layout, release)
        return self.record("state", f"layout {layout}, {release}", expected, act)

    def move(self, layout: int, old: Release, new: Release) -> Pair:
        """Offer the good bundle of `new` to `old`, with a state of `layout` stored."""

        def act() -> Seen:
            self._program(old, {"data": self._planter.stored(layout)})
            self._place.boot()
            found = self.offer(new.bundle, MOVE_LIMIT_S)
            return self._kept(found) if found["accepted"] else found

        subject = f"layout {layout}, {old} → {new}"
        return self.record("move", subject, pairs.of_move(layout, new), act)

    def intruder(self, layout: int, old: Release, new: Release) -> Pair:
        """Have `new`, which cannot read the state of `old`, tried without the updater's leave."""

        def act() -> Seen:
            parts = {"slot-b": new.image.read_bytes(), "data": self._planter.stored(layout)}
            self._program(old, parts, pending=True)
            return self._kept(self._power_on())

        expected = f"{pairs.falls_back(old.name)}, state kept"
        return self.record(
            "move", f"layout {layout}, {old}, {new} written to slot b", expected, act
        )

    def _meet(self, release: Release) -> Seen:
        """Ask a release that has found a state: the same value, then the next one."""
        place = self._place
        data = place.flash_map.partition("data")
        before = place.interposer.sha256(data.offset, data.size)
        same = place.service.store(SESSION, VALUE, ANSWER_LIMIT_S)
        untouched = place.interposer.sha256(data.offset, data.size) == before
        following = place.service.store(SESSION, VALUE + 1, ANSWER_LIMIT_S)
        detail = f"stored {same.value}, counter {same.counter}"
        harm = () if same.release == release.name else (f"{same.release} answers",)
        if (same.status, same.value, following.status) == (OK, VALUE, OK) and untouched:
            ok = following.counter == same.counter + 1 and following.value == VALUE + 1
            text = f"runs, keeps it, writes layout {following.state_layout}"
            return seen(text if ok else "runs, counts wrongly", harm, detail=detail)
        after = place.interposer.sha256(data.offset, data.size)
        if (same.status, following.status) == (NOT_STORED, NOT_STORED) and after == before:
            text = "answers, stores nothing, leaves it alone"
            return seen(text, harm, accepted=False, detail=detail)
        status = f"status {same.status} and {following.status}, layout {following.state_layout}"
        return seen(f"overwrites or loses it: {status}", harm, detail=detail)

    def _kept(self, found: Seen) -> Seen:
        """Add whether the state that was stored is still there."""
        answer = self._place.service.store(SESSION, VALUE, ANSWER_LIMIT_S)
        kept = (answer.status, answer.value) == (OK, VALUE)
        word = "state kept" if kept else f"state LOST (status {answer.status}, {answer.value})"
        return found | {"seen": f"{found['seen']}, {word}"}

    def _program(
        self, golden: Release, parts: Mapping[str, bytes], *, pending: bool = False
    ) -> None:
        self._corpus = None  # another board, as far as the bundles are concerned
        self._planter.program(golden, parts, pending=pending)

    def _power_on(self) -> Seen:
        """Give the board its power and follow it to where it settles."""
        place = self._place
        place.strategy.start()
        follower = Follower(place.console, place.clock, lambda _: None)
        limit_s = 2 * place.strategy.boot_limit_s
        follower.follow(Deadline.after(place.clock, limit_s), lambda: False)
        return self.up(follower)
