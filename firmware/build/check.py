# SPDX-License-Identifier: MIT
"""Verify what a build left: hashes against the index, sizes and places against the flash map."""

import json
from pathlib import Path
from typing import Any

from firmware.build.errors import BuildError
from firmware.build.flash_map import FlashMap
from firmware.build.plan import Plan
from firmware.build.prom import Prom
from firmware.build.step import file_digest


def check(out: Path, plan: Plan) -> str:
    """Return what was checked; BuildError names every difference."""
    if not (out / "index.json").is_file():
        raise BuildError(f"{out}/index.json is missing: run `make -C firmware`")
    index = json.loads((out / "index.json").read_text())
    wrong = [*_hashes(out, index), *_places(out, index, plan.flash_map)]
    if set(index["releases"]) != set(plan.releases):
        wrong.append(f"releases are {sorted(index['releases'])}, wanted {sorted(plan.releases)}")
    if wrong:
        raise BuildError("firmware/out is not sound:\n  " + "\n  ".join(wrong))
    return (
        f"{len(index['releases'])} releases and {len(index['bundles'])} bad bundles are as "
        "the index and the flash map say"
    )


def _hashes(out: Path, index: dict[str, Any]) -> list[str]:
    proms = [index["prom_fallback"], *index["proms"].values()]
    expected = {prom["file"]: prom["sha256"] for prom in proms}
    expected |= {prom["bundle"]: prom["bundle_sha256"] for prom in index["proms"].values()}
    for name, release in index["releases"].items():
        expected[release["bundle"]] = release["bundle_sha256"]
        expected[release["golden"]] = release["golden_sha256"]
        expected[f"releases/{name}/image.itb"] = release["image_sha256"]
    for image in index["mixed"].values():
        expected[image["image"]] = image["image_sha256"]
    for module in index["modules"].values():
        expected[module["module"]] = module["module_sha256"]
    for bundle in index["bundles"].values():
        expected[bundle["bundle"]] = bundle["bundle_sha256"]
    return [
        f"{name}: SHA-256 is not the index's {sha256}"
        for name, sha256 in expected.items()
        if not (out / name).is_file() or file_digest(out / name) != sha256
    ]


def _places(out: Path, index: dict[str, Any], flash_map: FlashMap) -> list[str]:
    wrong = []
    proms = [next(iter(index["proms"].values())), index["prom_fallback"]]
    first, fallback = (Prom(prom["version"], (out / prom["file"]).read_bytes()) for prom in proms)
    contents = {
        "prom": first.partition("prom", flash_map),
        "prom-fallback": fallback.partition("prom-fallback", flash_map),
    }
    for name, release in index["releases"].items():
        flash = (out / release["golden"]).read_bytes()
        image = (out / f"releases/{name}/image.itb").read_bytes()
        if len(flash) != flash_map.size:
            wrong.append(f"{release['golden']}: {len(flash)} bytes, the flash has {flash_map.size}")
        if len(image) != release["image_size"]:
            wrong.append(f"{name}: the image has {len(image)} bytes, not {release['image_size']}")
        for place, content in (contents | {"slot-a": image}).items():
            partition = flash_map.partition(place)
            held = flash[partition.offset : partition.offset + partition.size]
            if held != content.ljust(partition.size, b"\xff"):
                wrong.append(f"{release['golden']}: {place} is not what was built for it")
        slot_b = flash_map.partition("slot-b")
        if flash[slot_b.offset : slot_b.offset + slot_b.size].strip(b"\xff"):
            wrong.append(f"{release['golden']}: slot-b is not erased")
    return wrong


def compare(first: Path, second: Path) -> str:
    """Compare two results byte by byte; BuildError names the files that differ."""
    names = {
        str(path.relative_to(folder))
        for folder in (first.resolve(), second.resolve())
        for path in folder.rglob("*")
        if path.is_file()
    }
    different = [
        name
        for name in sorted(names)
        if not ((first / name).is_file() and (second / name).is_file())
        or file_digest(first / name) != file_digest(second / name)
    ]
    if different:
        raise BuildError(f"not reproducible, these differ: {', '.join(different)}")
    return f"{len(names)} files came out the same, byte by byte"
