# SPDX-License-Identifier: MIT
"""Whether the stated uncertainties hold: interruptions of known length, measured and judged."""

__all__ = ["interruptions", "last_record", "verifier"]
