# SPDX-License-Identifier: MIT
"""An upgrade is followed to its end whatever gets lost or mixed up on the console."""

import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from rig.board.walnut.updater_lines import check_sum
from rig.campaign.follower import EndedOn, Event, Follower
from rig.clock import Deadline, SystemClock
from rig.drivers.console import UNREAD_MAX
from rig.errors import BenchError, BoardError
from tests.unit.helpers.dialogue import StillClock
from tests.unit.helpers.scripted import Console, ScriptedPlace
from tests.unit.helpers.spoken import Spoken

BANNER = "\r\nU-Boot SPL 2018.09 (Mar 04 2021)\r\n\r\nU-Boot 2018.09 (Mar 04 2021)\r\n"
PRINTK = "[   61.204417] jffs2: notice: (79) check_node_data: wrong data CRC in data node\r\n"
LOGIN = "\r\nwalnut login: "
PROMPT = "root@walnut:~# "
UP = "5.20 boot up release=2.0.0 slot=b kernel=6.12.0 pending=1"
OLD_UP = "5.20 boot up release=1.0.0 slot=a kernel=6.1.0 pending=0"
LIMIT_S = 300.0


def line(number: int, said: str) -> str:
    return f"@WU {check_sum(f'{number} {said}')} {number} {said}\r\n"


STARTED = line(4, "40.10 download start url=http://rig/b.tar")
STAGED = STARTED + line(5, "41.00 staging start release=2.0.0") + line(6, "50.00 staging done")
COMMITTED = STAGED + line(7, "51.00 run start") + line(8, "51.50 run reboot") + BANNER
ACCEPTED = line(3, "5.30 acceptance done release=2.0.0 slot=b")


class Board:
    """Keeps lines that it can be asked for; its prompt may have to be asked for, too."""

    def __init__(self, clock: StillClock, *kept: str) -> None:
        self.console = Console(clock, lambda: None)
        self.kept = list(kept)
        self.asked = 0
        self.nudged = 0
        self.error: BoardError | None = None

    def is_prompt(self, shown: str) -> bool:
        return bool(re.search(r"(?:login: |# )\s*$", shown))

    def nudge(self) -> None:
        self.nudged += 1
        self.console.waiting += PROMPT.encode()

    def lines(self) -> list[str]:
        self.asked += 1
        if self.error:
            raise self.error
        self.console.waiting += PROMPT.encode()
        return self.kept


class Following:
    """Follows a board that has said `said`, with `kept` to be asked for."""

    def __init__(self, said: str, *kept: str, **options: Any) -> None:
        self.clock = StillClock()
        self.board = Board(self.clock, *kept)
        self.board.console.waiting = said.encode()
        self.heard: list[Event] = []
        self.follower = Follower(
            cast("Any", self.board.console),
            self.clock,
            self.heard.append,
            from_start=True,
            retelling=self.board,
            **options,
        )

    def end(self, is_cut: Callable[[], bool] = lambda: False) -> str:
        return self.follower.follow(Deadline.after(self.clock, LIMIT_S), is_cut)

    @property
    def events(self) -> list[str]:
        return [f"{event.phase} {event.event}" for event in self.follower.events]


def broken(whole: str) -> str:
    return whole.replace("2.0.0", "2.")


def test_an_upgrade_of_which_nothing_got_lost_asks_nobody() -> None:
    run = Following(COMMITTED + line(1, "5.00 acceptance start") + line(2, UP) + ACCEPTED + LOGIN)

    assert run.end() == "done"
    assert (run.board.asked, run.follower.boots) == (0, 1)
    assert run.follower.record("", EndedOn.done).t3_s is not None


def test_messages_amid_every_line_change_nothing() -> None:
    said = COMMITTED + line(1, "5.00 acceptance start") + line(2, UP) + ACCEPTED
    cut = said.replace(" st", " s" + PRINTK + "t").replace("acc", "a" + PRINTK + "cc")

    run = Following(cut + LOGIN)

    assert run.end() == "done"
    assert run.board.asked == 0
    assert run.events[-3:] == ["acceptance start", "boot up", "acceptance done"]


def test_an_end_that_got_lost_is_asked_for_at_the_prompt() -> None:
    kept = [line(1, "5.00 acceptance start"), line(2, UP), ACCEPTED]
    run = Following(COMMITTED + kept[0] + kept[1] + broken(ACCEPTED) + LOGIN, *kept)

    assert run.end() == "done"
    assert run.board.asked == 1
    assert run.events[-3:] == ["acceptance start", "boot up", "acceptance done"]
    assert [event.late for event in run.follower.events[-2:]] == [False, True]
    assert run.follower.record("", EndedOn.done).t3_s is None, "when it came is not known"


def test_a_prompt_that_got_lost_with_the_end_is_asked_for() -> None:
    kept = [line(1, "5.00 acceptance start"), line(2, UP), ACCEPTED]
    run = Following(COMMITTED + "walnut lo\xf0", *kept)

    assert run.end() == "done"
    assert (run.board.nudged, run.board.asked) == (1, 1)


def test_a_refusal_that_got_lost_is_still_one() -> None:
    refusal = line(5, "41.00 staging refused reason=hash detail=damaged")
    run = Following(STARTED + refusal.replace("hash", "") + PROMPT, STARTED, refusal)

    assert run.end() == "refused"
    assert run.follower.record("", EndedOn.refused).refused == "hash"


def test_a_fallback_that_got_lost_is_missed_by_its_number() -> None:
    kept = [line(1, "5.00 acceptance fallback release=1.0.0 slot=a"), line(2, OLD_UP)]
    run = Following(COMMITTED + kept[1] + LOGIN, *kept)

    assert run.end() == "fallback"


def test_a_board_that_is_up_is_up_though_its_missing_line_stays_lost() -> None:
    run = Following(COMMITTED + line(2, OLD_UP) + LOGIN, line(2, OLD_UP))

    assert run.end() == "up"


def test_a_first_line_that_got_lost_hides_none_of_those_that_follow() -> None:
    said = (COMMITTED + line(1, UP) + ACCEPTED + LOGIN).replace("http://rig", "http://", 1)

    assert Following(said).end() == "done"


def test_lines_of_somebody_elses_before_the_updaters_are_passed_over() -> None:
    """The partner."""
    run = Following(line(3, "6.00 boot up release=1.0.0 pending=0") + COMMITTED + line(1, OLD_UP))

    assert run.end() == "up"
    assert run.events[0] == "download start"


def test_a_prompt_before_the_updater_has_said_anything_is_an_old_one() -> None:
    run = Following(PROMPT)
    run.board.nudge = lambda: None  # type: ignore[method-assign]

    with pytest.raises(BoardError, match="last word was: nothing"):
        run.end()
    assert run.board.asked == 0


def test_a_banner_that_got_lost_is_a_boot_by_the_boards_own_clock() -> None:
    run = Following((COMMITTED + line(1, UP) + ACCEPTED).replace(BANNER, ""))

    assert run.end() == "done"
    assert run.follower.boots == 1


def test_what_a_board_runs_decides_after_a_boot_of_which_every_line_got_lost() -> None:
    run = Following(COMMITTED + LOGIN)

    assert run.end() == "up"
    assert run.board.asked == 3


def test_an_end_before_any_boot_that_stays_lost_is_the_benchs_failure() -> None:
    """Else a refusal that nobody heard is a bad bundle that was silently accepted."""
    run = Following(STARTED + "@WU 0000 5 41.00 staging refu\r\n" + PROMPT)

    with pytest.raises(BenchError, match=r"got lost on the console.*1 of its lines"):
        run.end()


def test_an_updater_that_ended_without_a_word_is_the_boards_failure() -> None:
    """Killed, or crashed: the board has kept every line that it said, and none is an end."""
    said = [line(4, "40.10 download start url=http://rig/b.tar"), line(5, "41.00 staging start")]
    run = Following("".join(said) + "Killed\r\n" + PROMPT, *said)

    with pytest.raises(BoardError, match=r"without a word of how.*staging start"):
        run.end()


def test_an_updater_of_which_a_line_is_missing_may_have_said_how_it_ended() -> None:
    """The partner: what the board has kept has a hole, or does not reach to what was heard."""
    said = [line(4, "40.10 download start url=http://rig/b.tar"), line(6, "41.00 staging start")]
    for kept in (said, said[:1]):
        with pytest.raises(BenchError, match="got lost on the console"):
            Following("".join(said) + PROMPT, *kept).end()


def test_a_board_that_is_cut_while_it_is_asked_is_cut() -> None:
    run = Following(COMMITTED + LOGIN)
    run.board.error = BoardError("no login")

    assert run.end(lambda: bool(run.board.asked)) == "cut"


def test_a_whole_line_that_nobody_knows_means_that_rig_and_firmware_do_not_fit() -> None:
    with pytest.raises(BenchError, match="do not fit"):
        Following(STARTED + line(5, "41.00 staging danced")).end()


def test_a_broken_line_never_means_that_rig_and_firmware_do_not_fit() -> None:
    """The partner: it is named when the upgrade has not ended in time."""
    run = Following(STARTED + "@WU 41.00 staging danc\r\n")
    run.board.nudge = lambda: None  # type: ignore[method-assign]

    with pytest.raises(
        BoardError, match=r"1 of its lines could not be read.*danc.*another release"
    ):
        run.end()


def test_noise_that_never_ends_a_line_ends_nothing_and_is_forgotten() -> None:
    console, clock = Spoken(STARTED.encode()), SystemClock()
    follower = Follower(cast("Any", console), clock, lambda _: None)

    for _ in range(8):
        console.waiting += b"\xf0" * UNREAD_MAX
        with pytest.raises(BoardError, match="last word was: download start"):
            follower.follow(Deadline.after(clock, 0.1), lambda: False)

    assert len(console._expect._before.getvalue()) < 3 * UNREAD_MAX


def test_a_scripted_place_is_followed_with_its_own_prompts() -> None:
    place: Any = ScriptedPlace()
    follower = Follower.of(place, lambda _: None)

    assert follower.boots == 0
