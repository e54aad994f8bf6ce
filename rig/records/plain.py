# SPDX-License-Identifier: MIT
"""Records as JSON has them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def plain(value: object) -> Any:  # noqa: ANN401 # JSON
    """Make JSON of a record: dataclasses become objects, enumerations their values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {item.name: plain(getattr(value, item.name)) for item in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "value") and hasattr(value, "name"):
        return value.value
    return str(value) if isinstance(value, Path) else value
