# SPDX-License-Identifier: MIT
"""The colours of pages and figures: each has a name, a value on white and one on a dark page.

Figures are drawn with the values on white, which then become `var(--name, value)`: one SVG for
both.  Every colour of a mark has a contrast of 3 at least on its ground (WCAG 2.2, 1.4.11), of a
text 4.5, and the outcomes are told apart by people who see red and green, or blue and green, alike:
tests/unit/report/test_palette.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour of the house: `light` on paper and white screens, `dark` on dark ones."""

    name: str
    light: str
    dark: str


PAPER = Colour("paper", "#ffffff", "#0d1117")
PANEL = Colour("panel", "#f6f8fa", "#161b22")
INK = Colour("ink", "#1b1f24", "#e6edf3")
SOFT = Colour("soft", "#57606a", "#9aa4ae")
LINE = Colour("line", "#d8dee4", "#30363d")
BLUE = Colour("blue", "#0072b2", "#6cbcf0")
ORANGE = Colour("orange", "#b84a00", "#ff9e66")
GREEN = Colour("green", "#007f5f", "#3fc79a")
GREY = Colour("grey", "#6b6b6b", "#9a9a9a")
WARN = Colour("warn", "#8a5a00", "#e3b341")
OUTCOMES = {
    "old": Colour("old", "#3e6cd6", "#586efb"),
    "new": Colour("new", "#1616a6", "#a0c0ff"),
    "recovered": Colour("recovered", "#27a865", "#2ad785"),
    "mixed": Colour("mixed", "#ec2006", "#ec4831"),
    "silent": Colour("silent", "#b078b6", "#983fa1"),
    "lost-state": Colour("lost-state", "#4f2903", "#ffd52b"),
    "bricked": INK,
    "bench": Colour("bench", "#665d60", "#8b929a"),
}
MARKS = (
    INK,
    SOFT,
    BLUE,
    ORANGE,
    GREEN,
    GREY,
    WARN,
    *OUTCOMES.values(),
)  # what figures are drawn in
DRAWN = tuple(dict.fromkeys((PAPER, PANEL, LINE, *MARKS)))
PAGE = (  # what pages have beside that
    Colour("good", "#0b6e4f", "#3fb98a"),
    Colour("bad", "#b3261e", "#ff8a80"),
    Colour("warm", "#fff1e8", "#2b1a10"),
)


def css() -> str:
    """Return every colour as a CSS property: dark where the reader's screen is, print never."""
    colours = (*PAGE, *DRAWN)
    light = " ".join(f"--{colour.name}:{colour.light};" for colour in colours)
    dark = " ".join(f"--{colour.name}:{colour.dark};" for colour in colours)
    return (
        f":root {{ color-scheme:light; {light} }}\n"
        "@media screen and (prefers-color-scheme: dark) {"
        f" :root {{ color-scheme:dark; {dark} }} }}"
    )
