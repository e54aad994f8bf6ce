# SPDX-License-Identifier: MIT
"""walnut-fit with sanitizers on this computer: it reads FIT images, and survives any bytes."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
WALNUTD = ROOT / "firmware" / "board" / "walnutd"
SOURCE = """/dts-v1/;
/ { images { kernel { data = [01 02 03]; arch = "ppc"; load = <0>; }; };
    configurations { default = "walnut"; }; };
"""
SAYS = """/images/kernel/data {at} 3
/images/kernel/arch ppc
/images/kernel/load 00000000
/configurations/default walnut
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    main = folder / "main.c"
    main.write_text(
        "int fit_main(int, char **);\nint main(int c, char **v)\n{ return fit_main(c, v); }\n"
    )
    command = ["gcc", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sources = [str(WALNUTD / name) for name in ("fit.c", "list.c", "protocol.c")]
    defines = ["-D_GNU_SOURCE", f"-I{WALNUTD}"]
    subprocess.run(
        [*command, *defines, str(main), *sources, "-o", str(folder / "walnut-fit")], check=True
    )
    return folder / "walnut-fit"


@pytest.fixture(scope="module")
def tree() -> bytes:
    command = ["dtc", "-I", "dts", "-O", "dtb"]
    return subprocess.run(command, input=SOURCE.encode(), check=True, capture_output=True).stdout


def say(program: Path, image: Path) -> tuple[int, str]:
    done = subprocess.run([program, image], check=False, capture_output=True)
    assert done.returncode in {0, 1}, done.stderr.decode()
    return done.returncode, done.stdout.decode("latin-1")


def test_each_property_is_told_with_its_place(program: Path, tree: bytes, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(tree)
    at = tree.index(b"\x01\x02\x03", 56)
    assert say(program, image) == (0, SAYS.format(at=at))


@settings(deadline=None, max_examples=60)  # each starts a program
@given(data=st.data())
def test_no_damage_makes_it_read_beyond_the_image(
    program: Path, tree: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    damaged = bytearray(
        tree[: data.draw(st.integers(0, len(tree)))] if data.draw(st.booleans()) else tree
    )
    for _ in range(data.draw(st.integers(0, 4)) if damaged else 0):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    image = tmp_path_factory.mktemp("damaged") / "image"
    image.write_bytes(damaged)
    code, _ = say(program, image)
    assert code == 1 or len(damaged) == len(tree)


@pytest.mark.parametrize("change", [b"more", b"\0"])
def test_bytes_behind_the_tree_are_not_part_of_an_image(
    program: Path, tree: bytes, tmp_path: Path, change: bytes
) -> None:
    image = tmp_path / "image"
    image.write_bytes(tree + change)
    assert say(program, image)[0] == 1
