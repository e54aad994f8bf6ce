# SPDX-License-Identifier: MIT
"""Manifests that a board must refuse, around a sound image."""

from firmware.build.release_image import manifest_text
from firmware.build.sample import Forge

# A number that is none, or that no board could mean; the shell must not be made to count with it.
NUMBERS = {
    "number-10-digits": "4294967296",
    "number-20-digits": "18446744073709551616",
    "number-40-digits": "9" * 40,
    "number-hexadecimal": "0x1000",
    "number-leading-zero": "0755",
    "number-negative": "-1",
    "number-trailing-space": "1 ",
    "number-expression": "$((1+1))",
}


def of(forge: Forge, slot_size: int) -> dict[str, tuple[bytes, str]]:
    """Return bytes of the manifest and expected reason, by name."""
    good = forge.good.manifest()
    text = manifest_text(good)

    def changed(**keys: str) -> str:
        return manifest_text(good | {key.replace("_", "-"): value for key, value in keys.items()})

    def without(name: str) -> str:
        return manifest_text({key: value for key, value in good.items() if key != name})

    half = int(good["image-size"]) // 2
    found = {
        "wrong-board": (changed(board="walnut-405gp"), "board"),
        "wrong-arch": (changed(arch="mips"), "arch"),
        "too-large": (changed(image_size=str(slot_size + 1)), "size"),
        "image-longer-than-said": (changed(image_size=str(half)), "size"),
        "image-size-zero": (changed(image_size="0"), "size"),
        "part-outside": (changed(ramdisk_offset="900000000"), "size"),
        "hash-of-another": (changed(image_sha256="0" * 64), "hash"),
        "kernel-offset-elsewhere": (changed(kernel_offset="0"), "manifest"),
        "ramdisk-size-short": (changed(ramdisk_size="20"), "manifest"),
        "parts-overlap": (changed(ramdisk_offset=good["kernel-offset"]), "manifest"),
        "kernel-release-lie": (changed(kernel_release="6.1.0"), "kernel-mismatch"),
        "future-state": (changed(state_layout="9", state_layout_min="9"), "state"),
        "past-state": (changed(state_layout="0", state_layout_min="0"), "state"),
        "state-inverted": (changed(state_layout="1", state_layout_min="2"), "manifest"),
        "state-lie": (changed(state_layout="3", state_layout_min="1"), "manifest"),
        "release-lie": (changed(release="9.9.9"), "manifest"),
        "release-path": (changed(release="../2.0.0"), "manifest"),
        "format-2": (changed(manifest="2"), "manifest"),
        "key-unknown": (text + "colour=green\n", "manifest"),
        "key-duplicate": (text + f"release={good['release']}\n", "manifest"),
        "key-missing": (without("image-sha256"), "manifest"),
        "key-order": (manifest_text(dict(reversed(good.items()))), "manifest"),
        "key-without-value": (text.replace(f"board={good['board']}", "board"), "manifest"),
        "line-empty": (text + "\n\n", "manifest"),
        "line-unfinished": (text.rstrip("\n"), "manifest"),
        "line-very-long": (text + "x" * 100_000 + "\n", "manifest"),
        "line-ends-crlf": (text.replace("\n", "\r\n"), "manifest"),
    }
    encoded = {name: (body.encode(), expect) for name, (body, expect) in found.items()}
    for name, number in NUMBERS.items():
        encoded[name] = (changed(kernel_size=number).encode(), "manifest")
    release = f"release={good['release']}".encode()
    odd = {
        "manifest-empty": b"",
        "manifest-bit-flipped": text.encode().replace(b"kernel-size", b"kernel-\x73yze"),
        "manifest-nul": text.encode().replace(release, release + b"\0"),
        "manifest-not-ascii": text.encode().replace(release, "release=2.0.é".encode()),
    }
    return encoded | {name: (body, "manifest") for name, body in odd.items()}
