# SPDX-License-Identifier: MIT
"""Where the pages' templates are, and how they are filled: what a board said is escaped."""

from pathlib import Path

import jinja2
from markupsafe import Markup

from rig.report.palette import css

TEMPLATES = (Path(__file__).parents[1] / "shipped" / "templates").resolve()


def environment() -> jinja2.Environment:
    """Return where the templates are, with the house's colours; what a board said is escaped."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["colours"] = Markup(css())  # noqa: S704 # ours, with quotes of no kind
    return found
