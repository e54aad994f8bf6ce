# SPDX-License-Identifier: MIT
"""The update without a second slot: done, cut, refused; a dead board, and its rescue."""

import math
from pathlib import Path

import pytest

from firmware.build.prom import Prom
from firmware.build.release_image import bundle, manifest_text
from rig.board.flash_map import FlashMap
from rig.campaign.campaign import Campaign
from rig.campaign.follower import Event, Follower, start
from rig.clock import Deadline
from rig.drivers.console import fresh
from rig.drivers.strategy import Status
from rig.errors import BoardError
from rig.faults.outcome import Outcome
from rig.faults.plan import Kind
from rig.place.place import Place
from rig.records.run import Results
from tests.bench.conftest import Bench, run_rig

pytestmark = pytest.mark.timeout(180)

FLASH_MAP = FlashMap.load()
EPOCH = 1_735_689_600
UPDATE_LIMIT_S = 60.0
DEAD_LIMIT_S = 6.0


def update(place: Place, offered: Path) -> tuple[str, list[Event]]:
    """Offer a PROM bundle to a booted board; return how it ended, and what the board said."""
    follower = Follower(place.console, place.clock, lambda _: None, from_start=True)
    fresh(place.console)
    start(place.console, place.bundles.offer(offered), "walnut-update-prom")
    deadline = Deadline.after(place.clock, UPDATE_LIMIT_S)
    ended_on = follower.follow(deadline, lambda: place.need("interposer").state() == "FIRED")
    place.strategy.lost()
    return ended_on, follower.events


def second(place: Place) -> str:
    """Return the version to update to; golden flashes hold the first."""
    return list(place.catalogue.proms)[1]


def first(place: Place) -> str:
    return next(iter(place.catalogue.proms))


def offered(place: Place, version: str) -> Path:
    prom = place.catalogue.prom(version)
    place.catalogue.verify(prom)
    return prom.bundle


def operations(place: Place, version: str) -> int:
    """Count an update's flash operations: unseal, erase, program, seal."""
    size = (place.catalogue.index.parent / "proms" / version / "u-boot").stat().st_size
    return 2 + math.ceil(size / FLASH_MAP.sector) + math.ceil(size / FLASH_MAP.write_buffer)


def running(place: Place) -> str:
    """Return the version of the U-Boot that started this Linux, by its own word."""
    lines, _, code = place.shell.run("tr -d '\\000' </proc/device-tree/chosen/u-boot,version; echo")
    assert code == 0
    return str(lines[-1])


def power_again(place: Place) -> None:
    place.strategy.transition(Status.off)
    place.power_path.feed()
    place.boot()


def test_an_update_is_in_force_from_the_next_power_on(place: Place) -> None:
    version = second(place)
    place.boot()
    assert running(place) == first(place)
    place.need("interposer").reset_count()

    ended_on, said = update(place, offered(place, version))

    assert (ended_on, said[-1].keys) == ("done", {"version": version})
    begun = next(event for event in said if (event.phase, event.event) == ("prom", "start"))
    assert begun.keys == {"version": version, "from": first(place)}
    assert place.need("interposer").count() == operations(place, version)
    assert place.need("interposer").violations() == 0
    journal = place.need("interposer").journal(1, place.need("interposer").count())
    assert {FLASH_MAP.at(line.offset).name for line in journal} == {"prom"}
    power_again(place)
    assert running(place) == version
    place.strategy.transition(Status.prom)
    lines, _, _ = place.strategy.prom.run("version")
    assert f"U-Boot {version} " in lines[0]


@pytest.mark.parametrize("where", ["first erase", "middle program", "last operation"])
def test_a_cut_is_survived_by_the_fallback_and_mended_by_the_next_update(
    place: Place, where: str
) -> None:
    """Torn at three operations; nothing is lost but the PROM that was being written."""
    version = second(place)
    last = operations(place, version)
    cut = {"first erase": 1, "middle program": last // 2, "last operation": last}[where]
    place.boot()
    place.need("interposer").reset_count()
    place.need("interposer").arm(cut, Kind.torn, 1)

    ended_on, _ = update(place, offered(place, version))

    assert ended_on == "cut"
    hit = place.need("interposer").last()
    assert hit
    assert hit.operation == cut
    power_again(place)
    assert running(place) == place.catalogue.prom_fallback
    ended_on, said = update(place, offered(place, version))
    assert (ended_on, said[-1].keys) == ("done", {"version": version})
    power_again(place)
    assert running(place) == version


def bad_proms(place: Place) -> dict[str, tuple[bytes, str]]:
    """Bundles that must be refused, and for which reason."""
    version = second(place)
    image = (place.catalogue.index.parent / "proms" / version / "u-boot").read_bytes()
    good = Prom(version, image).bundle("walnut-ppce500", "powerpc", EPOCH)
    manifest = dict(
        line.split("=", 1) for line in (good[512:1024].rstrip(b"\0").decode("ascii")).splitlines()
    )

    def told(image: bytes = image, **keys: str) -> bytes:
        changed = manifest | {key.replace("_", "-"): value for key, value in keys.items()}
        return bundle(manifest_text(changed), image, EPOCH, "u-boot")

    large = Prom(version, image.ljust(FLASH_MAP.partition("prom").size - 1, b"\xff"))
    not_ours = Prom(version, b"\x7fELF" + bytes(1000))
    release = place.catalogue.release("2.0.0").bundle.read_bytes()
    return {
        "release": (release, "size"),
        "half": (good[: len(good) // 2], "format"),
        "other-name": (bundle(manifest_text(manifest), image, EPOCH, "image.itb"), "format"),
        "wrong-board": (told(board="walnut-405gp"), "board"),
        "wrong-arch": (told(arch="mips"), "arch"),
        "other-kind": (told(kind="release"), "manifest"),
        "bad-version": (told(prom="-r"), "manifest"),
        "more-keys": (told(colour="green"), "manifest"),
        "longer": (told(image_size=str(len(image) + 1)), "size"),
        "flipped": (told(image[:-1] + bytes([image[-1] ^ 1])), "hash"),
        "no-room": (large.bundle("walnut-ppce500", "powerpc", EPOCH), "size"),
        "no-program": (not_ours.bundle("walnut-ppce500", "powerpc", EPOCH), "arch"),
    }


def test_each_bad_prom_is_refused_for_its_reason_and_nothing_is_written(
    place: Place, tmp_path: Path
) -> None:
    place.boot()
    place.need("interposer").reset_count()
    found = {}
    cases = bad_proms(place)

    for name, (data, _) in cases.items():
        path = tmp_path / f"{name}.tar"
        path.write_bytes(data)
        place.boot()
        ended_on, said = update(place, path)
        found[name] = said[-1].keys.get("reason") if ended_on == "refused" else ended_on

    assert found == {name: reason for name, (_, reason) in cases.items()}
    assert place.need("interposer").count() == 0, "a refused PROM must not touch the flash"


def without(place: Place, folder: Path, *partitions: str) -> None:
    """Program the golden flash with a byte of each of these partitions changed."""
    flash = bytearray(place.catalogue.release("1.0.0").golden.read_bytes())
    for name in partitions:
        flash[FLASH_MAP.partition(name).offset + 0x20000] ^= 0x01
    image = folder / "flash.nor"
    image.write_bytes(flash)
    place.strategy.transition(Status.off)
    place.need("interposer").restore(image)


def test_without_a_fallback_no_prom_is_touched(place: Place, tmp_path: Path) -> None:
    without(place, tmp_path, "prom-fallback")
    place.boot()
    place.need("interposer").reset_count()

    ended_on, said = update(place, offered(place, second(place)))

    assert (ended_on, said[-1].keys["reason"]) == ("refused", "fallback")
    assert place.need("interposer").count() == 0


def test_linux_cannot_write_the_fallback(place: Place) -> None:
    place.boot()
    place.need("interposer").reset_count()
    line, _, _ = place.shell.run("grep prom-fallback /proc/mtd")
    device = f"/dev/{line[-1].partition(':')[0]}"

    _, _, code = place.shell.run(f"walnut-prom unseal {device}")
    version, _, _ = place.shell.run(f"walnut-prom version {device}")

    assert (code, place.need("interposer").count()) == (4, 0)
    assert version[-1] == place.catalogue.prom_fallback


@pytest.fixture
def dead(bench: Bench, tmp_path: Path) -> Path:
    """Give the place file of a board whose two PROMs have each one flipped bit."""
    path = bench.place_file(tmp_path)
    with Place.open(path) as place:
        place.restore(place.catalogue.release("1.0.0"))
        without(place, tmp_path, "prom", "prom-fallback")
        place.strategy.boot_limit_s = DEAD_LIMIT_S
        with pytest.raises(BoardError, match="login"):
            place.boot()
    return path


def test_a_board_without_a_whole_prom_is_dead_until_it_is_rescued(dead: Path) -> None:
    done = run_rig("rescue", "--place", dead, "--release", "1.1.0")

    assert done.returncode == 0, done.stderr
    assert "boots 1.1.0" in done.stdout
    with Place.open(dead) as place:
        place.boot()
        assert running(place) == first(place)
        assert place.service.wait_up(Deadline.after(place.clock, 5.0)).release == "1.1.0"


def test_a_campaign_that_kills_its_board_leaves_a_living_one(dead: Path, tmp_path: Path) -> None:
    results = Results.create(tmp_path / "results.sqlite", place="dead", command="test")
    said: list[str] = []

    with Place.open(dead) as place:
        with Campaign(place, results, tmp_path, said.append) as campaign:
            place.strategy.boot_limit_s = DEAD_LIMIT_S
            assert campaign.reset("reset").outcome is Outcome.bricked
            place.strategy.boot_limit_s = UPDATE_LIMIT_S
        assert "it was rescued with 1.0.0" in said[-1]
        assert place.service.wait_up(Deadline.after(place.clock, 5.0)).release == "1.0.0"
    results.close()


def test_a_rescue_without_an_interposer_says_what_the_place_lacks(
    bench: Bench, tmp_path: Path
) -> None:
    done = run_rig("rescue", "--place", bench.bare_place_file(tmp_path))

    assert done.returncode == 2
    assert "has no interposer" in done.stderr
    assert "JTAG" in done.stderr
