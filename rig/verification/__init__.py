# SPDX-License-Identifier: MIT
"""Whether the stated uncertainties hold: interruptions of known length, measured and judged."""
