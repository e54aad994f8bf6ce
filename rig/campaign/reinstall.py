# SPDX-License-Identifier: MIT
"""Has a board run a release: from its golden flash, or by the board's own updater; rescues it."""

from collections.abc import Callable

from rig.board.catalogue import Release
from rig.campaign.follower import EndedOn, Event, Follower, start
from rig.clock import Deadline
from rig.drivers.console import fresh
from rig.drivers.strategy import Status
from rig.errors import BoardError, RigError, UsageError
from rig.place.place import Place

LIMIT_S = 300.0


def bring(place: Place, release: Release, say: Callable[[str], None] = lambda _: None) -> int:
    """Bring the board up with `release`, whole, however it is now; return the boots it took.

    Where the place can program a flash, its golden one is programmed; else the board's own
    updater goes there.

    Raises:
        BoardError, UsageError: as of `reinstall`, or the board does not boot.
    """
    if place.interposer is None:
        installed = reinstall(place, release)
        say(f"{release} {'was installed by the board itself' if installed else 'runs already'}")
        return 1
    say(f"programming the golden flash of {release}")
    written = place.restore(release)
    say(f"{written / 1024:.0f} KiB written; power on")
    boots = place.boot()
    place.await_service(release.name)
    return boots


def rescue(place: Place, release: Release, say: Callable[[str], None]) -> bool:
    """Leave no bad board behind: program the golden flash of `release`, and see that it boots.

    Tell whether that went well; `say` hears of it, and why not.
    """
    try:
        place.rescue(release)
    except RigError as error:
        say(f"the board is no good and was not rescued: {error}")
        return False
    say(f"the board was no good; it was rescued with {release}")
    return True


def reinstall(place: Place, release: Release) -> bool:
    """Bring the board up with `release`, whole; tell whether it had to be installed.

    Raises:
        UsageError: the updater refuses the way back: this exercise cannot be repeated here.
        BoardError: the board does not come up, or did not install what it was given.
    """
    place.power_path.feed()
    try:
        place.boot()
    except BoardError:
        _again(place, release)
    if _runs(place, release):
        return False
    _install(place, release)
    place.boot()
    if not _runs(place, release):
        kernel, identity = place.software()
        raise BoardError(
            f"the updater said that {release} is installed, and the board runs kernel {kernel},"
            f" root file system {identity}: {_through_jtag(release)}"
        )
    return True


def _again(place: Place, release: Release) -> None:
    """Give a board that does not answer one cold start."""
    place.strategy.lost()
    place.strategy.transition(Status.off)
    place.power_path.feed()
    try:
        place.boot()
    except BoardError as error:
        raise BoardError(f"{error}; {_through_jtag(release)}") from error


def _through_jtag(release: Release) -> str:
    return (
        f"without an interposer only JTAG can put this right: program {release.golden}, and give"
        " the same command again"
    )


def _runs(place: Place, release: Release) -> bool:
    """Tell whether service, kernel and root file system are that release's."""
    answer = place.service.echo()
    named = answer is not None and answer.release == release.name
    return named and place.software() == (release.kernel, f"{release.name} {release.kernel}")


def _install(place: Place, release: Release) -> None:
    place.catalogue.verify(release)
    url = place.bundles.offer(release.bundle)
    follower = Follower.of(place, lambda _: None, from_start=True)
    fresh(place.console)
    start(place.console, url)
    ended_on = follower.follow(Deadline.after(place.clock, LIMIT_S), lambda: False)
    place.strategy.lost()
    if ended_on == EndedOn.refused:
        raise UsageError(
            f"the board's updater refuses the way back to {release} ({_said(follower.events[-1])}):"
            " without an interposer this exercise cannot be repeated"
        )
    if ended_on != EndedOn.done:
        raise BoardError(
            f"the way back to {release} ended on {ended_on!r} ({_said(follower.events[-1])}), and"
            " no fault was injected"
        )


def _said(event: Event) -> str:
    return " ".join(f"{key}={value}" for key, value in event.keys.items())
