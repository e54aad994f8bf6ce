# SPDX-License-Identifier: MIT
"""`rig verify-measurement`: what the instruments state of interruptions is held against truth."""

import json
from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from rig.cli.verify import RECORD
from rig.errors import BenchError
from rig.place.place import Place
from rig.verification import last_record
from rig.verification.interruptions import Settings
from rig.verification.verifier import Verifier


@pytest.mark.timeout(3600)
def test_the_stated_uncertainty_holds(
    place: Place, run_folder: Path, progress: Callable[[str], None], pytestconfig: pytest.Config
) -> None:
    """Of 100 intervals at least 95 hold the true length, and there is no bias beyond them."""
    settings = Settings(**json.loads(pytestconfig.getoption("rig_verify")))

    record = Verifier(place, settings, run_folder, progress).run()

    text = json.dumps(record, indent=2, ensure_ascii=False)
    (run_folder / RECORD).write_text(text + "\n", encoding="utf-8")
    allure.attach(text, RECORD, allure.attachment_type.JSON)
    if settings.scale == 1.0:
        last_record.write(place.path, record)
    if record["verdict"] != "passed":
        # Not the board's failure, so no failed assert: the bench must be looked at.
        raise BenchError(f"verification {record['verdict']}: {'; '.join(record['reasons'])}")
