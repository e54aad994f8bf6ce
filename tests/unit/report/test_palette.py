# SPDX-License-Identifier: MIT
"""Pages and figures are read on white, on dark screens and on paper, by everyone."""

import re
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rig.report.figure import alone, picture, ticks
from rig.report.palette import (
    BLUE,
    DRAWN,
    INK,
    MARKS,
    OUTCOMES,
    PAGE,
    PANEL,
    PAPER,
    SOFT,
    WARN,
    Colour,
    css,
)
from rig.report.templates import environment

Rgb = NDArray[np.float64]
GROUNDS = ("light", "dark")
TEXTS = (INK, SOFT, WARN, *(colour for colour in PAGE if colour.name in {"good", "bad"}))
# What people see: G. M. Machado et al., "A physiologically-based model for simulation of color
# vision deficiency", IEEE TVCG 15 (2009), severity 1.0.
EYES = {
    "all cones": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TOLD_APART = 20.0  # CIE 1976 Lab distance; 2.3 is just seen between two large patches


def linear(colour: Colour, ground: str) -> Rgb:
    """Return linear sRGB, IEC 61966-2-1."""
    text = getattr(colour, ground)
    value = np.array([int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(colour: Colour, other: Colour, ground: str) -> float:
    """Return WCAG 2.2's contrast ratio, 1 to 21."""
    weights = [0.2126, 0.7152, 0.0722]
    low, high = sorted(float(linear(item, ground) @ weights) for item in (colour, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Rgb) -> Rgb:
    """Return CIE 1976 L*a*b* of linear sRGB, white D65."""
    matrix = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = matrix @ np.clip(rgb, 0.0, 1.0) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("ground", GROUNDS)
def test_marks_and_texts_stand_out_from_their_ground(ground: str) -> None:
    for colour in MARKS:
        assert contrast(colour, PAPER, ground) >= 3.0, colour
    for colour in TEXTS:
        assert contrast(colour, PAPER, ground) >= 4.5, colour
        assert contrast(colour, PANEL, ground) >= 4.5, colour


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("eye", EYES)
def test_outcomes_are_told_apart_by_everyone(ground: str, eye: str) -> None:
    seen = {name: lab(EYES[eye] @ linear(colour, ground)) for name, colour in OUTCOMES.items()}
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= TOLD_APART, (one, other)


def test_a_colour_has_one_name_and_a_value_one_colour() -> None:
    for part in ("name", "light"):
        values = [getattr(colour, part) for colour in {*PAGE, *DRAWN}]
        assert len(values) == len(set(values))


def test_the_colours_of_dark_screens_never_reach_paper() -> None:
    light, dark = css().split("@media")
    assert dark.strip().startswith("screen and (prefers-color-scheme: dark)")
    for colour in (*PAGE, *DRAWN):
        assert f"--{colour.name}:{colour.light};" in light
        assert f"--{colour.name}:{colour.dark};" in dark


def test_a_page_names_no_colour_but_the_houses() -> None:
    """And no colour that the house lacks: such a property would be no colour at all."""
    known = {colour.name for colour in (*PAGE, *DRAWN)}
    templates = environment()
    assert templates.loader is not None
    for name in templates.list_templates():
        source = templates.loader.get_source(templates, name)[0]
        assert not re.search(r":\s*#[0-9a-fA-F]{3,6}\b", source), name
        assert set(re.findall(r"var\(--([a-z-]+)", source)) <= known, name
        if "<style>" in source:
            assert '{% include "house.css.j2" %}' in source, name


def drawn(draw: Callable[[Figure], object]) -> str:
    @picture
    def one() -> Figure:
        figure = Figure()
        draw(figure)
        return figure

    return one()


def test_a_figure_follows_the_page_and_alone_it_is_on_white() -> None:
    def draw(figure: Figure) -> None:
        figure.text(0, 0, "from board: #123456;", color=BLUE.light)

    text = drawn(draw)
    assert f"fill: var(--blue, {BLUE.light})" in text
    assert "from board: #123456;" in text, "what a label says is no colour"
    assert text == drawn(draw)
    assert "var(" not in alone(text)
    assert f"fill: {BLUE.light}" in alone(text)


def test_a_figure_in_a_colour_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="#ff00aa"):
        drawn(lambda figure: figure.text(0, 0, "x", color="#ff00aa"))
    with pytest.raises(ValueError, match="pixels"):
        drawn(lambda figure: figure.subplots().imshow([[0.0, 1.0]]))


def test_ticks_are_one_path_with_a_piece_each() -> None:
    def draw(figure: Figure) -> None:
        figure.subplots().plot(*ticks([(1.0, 0), (2.0, 1)], 0.3), color=BLUE.light)

    (path,) = re.findall(r'<path d="([^"]*)"[^>]*var\(--blue', drawn(draw))
    assert path.count("M") == 2
