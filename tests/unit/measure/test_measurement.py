# SPDX-License-Identifier: MIT
"""Rules of measured values: a verdict takes the doubt into account, units never mix."""

import pytest

from rig.measure.measurement import Limit, Measurement, Verdict


def outage(value: float, uncertainty: float, unit: str = "s") -> Measurement:
    return Measurement(
        name="outage",
        value=value,
        unit=unit,
        uncertainty=uncertainty,
        source="a counter",
        taken_at_s=0.0,
    )


LIMIT = Limit(at_most=2.0, unit="s", source="a requirement")


@pytest.mark.parametrize(
    ("value", "uncertainty", "verdict"),
    [
        (1.9, 0.1, Verdict.passed),
        (1.9, 0.2, Verdict.unclear),
        (2.1, 0.1, Verdict.unclear),
        (2.2, 0.1, Verdict.failed),
    ],
)
def test_a_limit_inside_the_uncertainty_is_unclear(
    value: float, uncertainty: float, verdict: Verdict
) -> None:
    assert LIMIT.judge(outage(value, uncertainty)) is verdict


def test_units_are_never_converted_silently() -> None:
    with pytest.raises(ValueError, match="limit in s"):
        LIMIT.judge(outage(1900.0, 1.0, unit="ms"))


def test_a_measurement_prints_its_doubt() -> None:
    assert str(outage(1.25, 0.01)) == "outage = 1.25 ± 0.01 s"
