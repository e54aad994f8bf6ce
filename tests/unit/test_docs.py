# SPDX-License-Identifier: MIT
"""What the documentation says can be followed: links lead somewhere, commands are the command's."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import attr
import pytest
import yaml

from rig import drivers
from rig.cli.command import _parser
from rig.instruments import MODELS
from rig.place.file import INSTRUMENTS, check, load
from rig.virtual import commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "firmware/README.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(\.venv/bin/rig [^`]+)`")
VARIABLE = re.compile(r"^(\w+)='([^']*)'$", re.MULTILINE)
RIG = ".venv/bin/rig"
ENDS = {"|", "||", "&&", ";", "&", ">", ">>"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(page)}: {link}"


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of a page's headings."""
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(page.read_text()))
    return {title.replace(" ", "-") for title in plain}


def commands_of(page: Path) -> Iterator[list[str]]:
    """Give the words of each `.venv/bin/rig …` that a page tells to type."""
    text = page.read_text()
    for name, value in VARIABLE.findall(text):
        text = text.replace(f"${name}", value)  # as a shell does
    typed = [block for language, block in FENCED.findall(text) if language in {"", "sh"}]
    for block in [*typed, *INLINE.findall(text)]:
        for line in block.replace("\\\n", " ").splitlines():
            if RIG in line:
                lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
                lexer.whitespace_split = True
                yield from _rigs(list(lexer))


def _rigs(words: list[str]) -> Iterator[list[str]]:
    while RIG in words:
        words = words[words.index(RIG) + 1 :]
        end = next((number for number, word in enumerate(words) if word in ENDS), len(words))
        yield words[:end]


CALLS = [(page, words) for page in PAGES for words in commands_of(page)]


def test_the_pages_have_commands() -> None:
    assert len(CALLS) > 40


@pytest.mark.parametrize(("page", "words"), CALLS, ids=lambda value: str(value)[-60:])
def test_every_command_is_one(page: Path, words: list[str]) -> None:
    parser = _parser()
    if words[0] == "bench":
        commands.add_arguments(parser := argparse.ArgumentParser())
        words = words[1:]
    try:
        parser.parse_args(words)
    except SystemExit:
        pytest.fail(f"{name_of(page)}: rig {' '.join(words)}")


PLACE_FILE = (ROOT / "docs" / "reference" / "place-file.md").read_text()
OURS = [
    kind
    for module in (getattr(drivers, name) for name in drivers.__all__)
    for kind in vars(module).values()
    if attr.has(kind) and kind.__module__ == module.__name__ and not kind.__name__.startswith("_")
]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_the_place_files_page_has_every_class_and_field_of_ours(kind: type) -> None:
    assert f"`{kind.__name__}`" in PLACE_FILE
    own = {name for name in vars(kind) if name in attr.fields_dict(kind)}
    for field in (attr.fields_dict(kind)[name] for name in own if not name.startswith("_")):
        assert f"`{field.name}`" in PLACE_FILE
        if isinstance(field.default, float):
            assert f"`{field.name}` ({field.default:g})" in PLACE_FILE


def test_the_place_files_example_has_every_kind_of_equipment(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", PLACE_FILE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "place.yaml"
    path.write_text(example)
    assert check(path) == []
    assert load(path).instruments == set(INSTRUMENTS)


def test_the_instruments_page_has_every_model() -> None:
    page = (ROOT / "docs" / "reference" / "instruments.md").read_text()
    assert [model for model in MODELS if f"| `{model}` |" not in page] == []


def test_a_reserved_place_is_a_place(tmp_path: Path) -> None:
    """The how-to's head, with the drivers of places/virtual.yaml."""
    page = (ROOT / "docs" / "how-to" / "reserve-a-board.md").read_text()
    (head,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    place = yaml.safe_load((ROOT / "places" / "virtual.yaml").read_text())
    place["targets"]["main"]["resources"] = yaml.safe_load(head)["targets"]["main"]["resources"]
    path = tmp_path / "place.yaml"
    path.write_text(yaml.safe_dump(place))
    assert check(path) == []
