# SPDX-License-Identifier: MIT
"""`rig mismatch`: puts each combination before the board and records what it did with it.

A bad bundle or module is offered to the running board.  All else is written behind the updater's
back: a golden flash with other bytes in it, through the interposer while the board is off.
"""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from rig.board.catalogue import BadBundle, Module, Prom, Release
from rig.board.walnut.service import NOT_STORED, OK, Answer
from rig.campaign.campaign import Campaign
from rig.campaign.combination import ANSWER_LIMIT_S, Combination, Seen, seen
from rig.campaign.flash_planter import SESSION, VALUE, Planter
from rig.campaign.follower import Follower
from rig.clock import Deadline
from rig.errors import BenchError, BoardError
from rig.faults import expectations
from rig.faults.expectations import Pair, PairVerdict
from rig.outage.result import Losses

OFFER_LIMIT_S = 60.0
MOVE_LIMIT_S = 180.0
FETCH_LIMIT_S = 20
MODULE_FILE = "/run/module.ko"  # on the board
FLIGHT_S = 0.3  # datagrams sent later may still be answered
LATE_S = 2.0  # what is not answered by then is lost


class Mismatch(Combination):
    """The combinations of one place, one at a time; each is recorded before it is judged."""

    def __init__(self, campaign: Campaign, folder: Path) -> None:
        super().__init__(campaign)
        self._planter = Planter(campaign.place, folder / "raw" / "flash.nor", campaign.say)
        self._offered: Answer | None = None  # what the board said before the first offer
        self._judged_until_s = 0.0

    # ---- what is offered to a running board
    def bundle(self, bad: BadBundle) -> Pair:
        """Offer a bad bundle; nothing but the refusal may come of it."""
        golden = next(iter(self._place.catalogue.sound.values()))

        def act() -> Seen:
            before = self._ready(golden)
            return self._harmed(self.offer(bad.bundle, OFFER_LIMIT_S), before)

        return self._offer("bundle", bad.name, expectations.of_bundle(bad), act)

    def module(self, module: Module, release: Release) -> Pair:
        """Insert the driver module of a kernel into `release`, which has its own loaded."""

        def act() -> Seen:
            before = self._ready(release)
            return self._harmed(self._insert(module), before)

        return self._offer(
            "module", f"{module}, {release}", expectations.of_module(module, release), act
        )

    def _offer(self, part: str, subject: str, expected: str, act: Callable[[], Seen]) -> Pair:
        pair = self.record(part, subject, expected, act)
        if pair.verdict is not PairVerdict.as_expected:
            self._offered = None  # the next one gets a board that is known
        return pair

    def _insert(self, module: Module) -> Seen:
        """Bring the file to the board, insert it, and read what the kernel has to say."""
        run = self._place.shell.run
        url = shlex.quote(self._place.bundles.offer(module.module))
        _, _, code = run(f"wget -q -T {FETCH_LIMIT_S} -O {MODULE_FILE} {url}")
        if code != 0:
            raise BoardError(f"the board cannot fetch {url}: wget ended with {code}")
        lines, _, code = run(f"dmesg -c >/dev/null; insmod {MODULE_FILE}")
        messages, _, _ = run(f"dmesg; rm {MODULE_FILE}")
        said = [line for line in messages if module.module.stem in line]
        if code == 0:
            return seen("inserted", detail=" ".join(said))
        text = expectations.refused(" ".join(lines).rpartition(": ")[2])
        return seen(
            expectations.reported(text) if said else text, accepted=False, detail=" ".join(said)
        )

    def _ready(self, release: Release) -> Answer:
        """Boot `release` with a state stored that it can read, or it would refuse for that.

        What becomes of the board is counted from here on.
        """
        place = self._place
        if self._offered is None or self._offered.release != release.name:
            self._campaign.need(release.name)
            place.boot()
            self._offered = place.service.store(SESSION, VALUE, ANSWER_LIMIT_S)
            place.clock.sleep(FLIGHT_S)
            place.need("interposer").reset_count()
            self._judged_until_s = place.clock.now()
        return self._offered

    def _harmed(self, found: Seen, before: Answer) -> Seen:
        return found | {"harm": (*found["harm"], *self._harm(before))}

    def _harm(self, before: Answer) -> tuple[str, ...]:
        """Name what a refusal has cost since the last look.

        Raises:
            BenchError: datagrams were lost while the rig's own computer stood still.
        """
        place = self._place
        harm = []
        after = place.service.wait_up(Deadline.after(place.clock, ANSWER_LIMIT_S))
        if after.boot_id != before.boot_id:
            harm.append("the board has rebooted")
        if (count := place.need("interposer").count()) > 0:
            harm.append(f"flash operations: {count}")
            place.need("interposer").reset_count()
        until_s = place.clock.now() - FLIGHT_S
        if self._losses(until_s).frames:
            place.clock.sleep(LATE_S)
        losses = self._losses(until_s)
        if losses.frames and losses.host_was_busy:
            raise BenchError(
                f"{losses.frames} datagrams were lost, but the rig's own computer stood still for"
                f" {losses.stalled_s:.2f} of {losses.span_s:.0f} s meanwhile: take work off it"
            )
        if losses.frames:
            harm.append(f"datagrams lost: {losses.frames}")
        self._judged_until_s = until_s
        return tuple(harm)

    def _losses(self, until_s: float) -> Losses:
        return self._campaign.losses(self._judged_until_s, until_s)

    # ---- a flash, made behind the updater's back
    def kernel(self, kernel: str, release: Release, prom: Prom, layout: int) -> Pair:
        """Boot `release`'s root file system from slot b, under `kernel`.

        The board has `prom`, a state of `layout`, and in slot a a release that reads it.
        """
        old = self._planter.other(release, layout)

        def act() -> Seen:
            image = self._place.catalogue.image(kernel, release)
            parts = self._parts(prom, layout) | {"slot-b": image.read_bytes()}
            self._program(old, parts, pending=True)
            return self._kept(self._power_on(prom))

        subject = f"kernel {kernel}, root file system of {release}, U-Boot {prom}, layout {layout}"
        expected = expectations.of_kernel(kernel, release, old, layout)
        return self.record("kernel", subject, expected, act)

    def prom(self, prom: Prom, release: Release) -> Pair:
        """Start `release` from a PROM, with nothing stored; the service must answer and store."""

        def act() -> Seen:
            self._program(release, {"prom": prom.partition.read_bytes()})
            found = self._power_on(prom)
            if self._place.service.store(SESSION, VALUE, ANSWER_LIMIT_S).status != OK:
                found["harm"] = (*found["harm"], "a value could not be stored")
            return found

        return self.record(
            "prom", f"U-Boot {prom}, {release}", expectations.runs(release.name), act
        )

    def state(self, layout: int, release: Release, prom: Prom) -> Pair:
        """Boot `release` from a PROM, with a state of `layout` in its data partition."""

        def act() -> Seen:
            self._program(release, self._parts(prom, layout))
            started = self._power_on(prom)
            met = self._meet(release)
            return met | {"harm": (*started["harm"], *met["harm"])}

        subject = f"layout {layout}, {release}, U-Boot {prom}"
        return self.record("state", subject, expectations.of_state(layout, release), act)

    def move(self, layout: int, old: Release, new: Release) -> Pair:
        """Offer the good bundle of `new` to `old`, with a state of `layout` stored."""

        def act() -> Seen:
            self._program(old, {"data": self._planter.stored(layout)})
            self._place.boot()
            found = self.offer(new.bundle, MOVE_LIMIT_S)
            return self._kept(found) if found["accepted"] else found

        subject = f"layout {layout}, {old} → {new}"
        return self.record("move", subject, expectations.of_move(layout, new), act)

    def _meet(self, release: Release) -> Seen:
        """Ask a release that has found a state: the same value, then the next one."""
        place = self._place
        data = place.flash_map.partition("data")
        before = place.need("interposer").sha256(data.offset, data.size)
        same = place.service.store(SESSION, VALUE, ANSWER_LIMIT_S)
        untouched = place.need("interposer").sha256(data.offset, data.size) == before
        following = place.service.store(SESSION, VALUE + 1, ANSWER_LIMIT_S)
        detail = f"stored {same.value}, counter {same.counter}"
        harm = () if same.release == release.name else (f"{same.release} answers",)
        if (same.status, same.value, following.status) == (OK, VALUE, OK) and untouched:
            ok = following.counter == same.counter + 1 and following.value == VALUE + 1
            text = f"runs, keeps it, writes layout {following.state_layout}"
            return seen(text if ok else "runs, counts wrongly", harm, detail=detail)
        after = place.need("interposer").sha256(data.offset, data.size)
        if (same.status, following.status) == (NOT_STORED, NOT_STORED) and after == before:
            text = "answers, stores nothing, leaves it alone"
            return seen(text, harm, accepted=False, detail=detail)
        status = f"status {same.status} and {following.status}, layout {following.state_layout}"
        return seen(f"overwrites or loses it: {status}", harm, detail=detail)

    def _kept(self, found: Seen) -> Seen:
        """Add whether the state that was stored is still there."""
        answer = self._place.service.store(SESSION, VALUE, ANSWER_LIMIT_S)
        text = found["seen"]
        if (answer.status, answer.value) == (OK, VALUE):
            return found | {"seen": expectations.kept(text)}
        return found | {"seen": f"{text}, state LOST (status {answer.status}, {answer.value})"}

    def _parts(self, prom: Prom, layout: int) -> dict[str, bytes]:
        """Return the contents of the partitions `prom` and `data`."""
        return {"prom": prom.partition.read_bytes(), "data": self._planter.stored(layout)}

    def _program(
        self, golden: Release, parts: Mapping[str, bytes], *, pending: bool = False
    ) -> None:
        self._offered = None  # another board, as far as what is offered is concerned
        self._planter.program(golden, parts, pending=pending)

    def _power_on(self, prom: Prom) -> Seen:
        """Give the board its power and follow it to where it settles; `prom` must start it."""
        place = self._place
        place.strategy.start()
        follower = Follower.of(place, lambda _: None)
        limit_s = 2 * place.strategy.boot_limit_s
        follower.follow(Deadline.after(place.clock, limit_s), lambda: False)
        found = self.up(follower)
        started = {event.keys["prom"] for event in follower.events if event.event == "up"}
        if started != {prom.version}:
            found["harm"] = (*found["harm"], f"started by U-Boot {', '.join(sorted(started))}")
        return found
