# SPDX-License-Identifier: MIT
"""The rig's view of releases and flash fits what the firmware's build leaves behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware.build.flash_map import FlashMap as BuildersMap
from rig.board.catalogue import Catalogue
from rig.board.flash_map import FlashMap
from rig.errors import UsageError


def test_rig_and_build_read_the_same_flash_map() -> None:
    rig, build = FlashMap.load(), BuildersMap.load()

    assert (rig.size, rig.sector) == (build.size, build.sector)
    assert [(part.name, part.offset, part.size) for part in rig.partitions] == [
        (part.name, part.offset, part.size) for part in build.partitions
    ]


def test_each_byte_of_the_flash_lies_in_one_partition() -> None:
    flash_map = FlashMap.load()

    assert flash_map.at(0).name == "prom"
    assert flash_map.at(flash_map.size - 1).name == flash_map.partitions[-1].name
    with pytest.raises(UsageError, match="lies in no partition"):
        flash_map.at(flash_map.size)


def index(folder: Path, **changes: Any) -> Path:
    bundle, golden = folder / "bundle.tar", folder / "golden.nor"
    bundle.write_bytes(b"bundle")
    golden.write_bytes(b"golden")
    release = {
        "bundle": "bundle.tar",
        "bundle_sha256": "73b32ebe4d0ef5d0b2d0fb2a9de06d8a4b3a0f1e1b5f0fc4ae1a1a0d6f0a6d37",
        "golden": "golden.nor",
        "golden_sha256": "0" * 64,
        "image": "image.itb",
        "image_sha256": "0" * 64,
        "image_size": 6,
        "kernel": "6.1.0",
        "state_layout": 1,
        "state_layout_min": 1,
        "broken": "",
    }
    prom = {"partition": "prom.bin", "bundle": "bundle.tar"}
    prom |= {"bundle_sha256": str(release["bundle_sha256"])}
    document: dict[str, Any] = {
        "format": 1,
        "releases": {"1.0.0": release},
        "proms": {"2023.01-x": prom},
        "prom_fallback": {"version": "2023.01-y"},
        "mixed": {
            "kernel-6.12-with-1.0.0": {"image": "mixed.itb", "kernel": "6.12.0", "release": "1.0.0"}
        },
        "modules": {"6.12.0": {"module": "walnut_io.ko"}},
        "bundles": {},
    }
    document.update(changes)
    path = folder / "index.json"
    path.write_text(json.dumps(document))
    return path


def test_an_unknown_release_is_named_with_those_that_exist(tmp_path: Path) -> None:
    catalogue = Catalogue.load(index(tmp_path))

    with pytest.raises(UsageError, match=r"unknown release '9\.9\.9'; known: 1\.0\.0"):
        catalogue.release("9.9.9")


def test_an_image_is_found_by_its_kernel_and_its_root_file_system(tmp_path: Path) -> None:
    catalogue = Catalogue.load(index(tmp_path))
    release = catalogue.release("1.0.0")

    assert catalogue.image("6.1.0", release) == tmp_path / "image.itb"
    assert catalogue.image("6.12.0", release) == tmp_path / "mixed.itb"
    with pytest.raises(UsageError, match=r"no image of 1\.0\.0 has the kernel 6\.6\.0"):
        catalogue.image("6.6.0", release)


def test_a_module_is_named_with_its_kernel(tmp_path: Path) -> None:
    module = Catalogue.load(index(tmp_path)).modules["6.12.0"]
    assert (str(module), module.module) == ("walnut_io.ko of 6.12.0", tmp_path / "walnut_io.ko")


def test_a_corrupt_bundle_never_reaches_a_board(tmp_path: Path) -> None:
    catalogue = Catalogue.load(index(tmp_path))

    for item in (catalogue.release("1.0.0"), catalogue.prom("2023.01-x")):
        with pytest.raises(UsageError, match="is corrupt"):
            catalogue.verify(item)


def test_an_unknown_prom_is_named_with_those_that_exist(tmp_path: Path) -> None:
    catalogue = Catalogue.load(index(tmp_path))

    assert catalogue.prom("2023.01-x").bundle == tmp_path / "bundle.tar"
    with pytest.raises(UsageError, match=r"unknown PROM '2024'; known: 2023\.01-x"):
        catalogue.prom("2024")


def test_a_missing_index_says_who_builds_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make -C firmware"):
        Catalogue.load(tmp_path / "index.json")


@pytest.mark.parametrize(
    "changes",
    [{"format": 2}, {"releases": []}, {"proms": {"x": {}}}, {"bundles": {"x": {}}}],
)
def test_an_index_of_another_shape_is_refused_by_name(tmp_path: Path, changes: Any) -> None:
    with pytest.raises(UsageError, match=str(tmp_path / "index.json")):
        Catalogue.load(index(tmp_path, **changes))
