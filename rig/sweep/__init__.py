# SPDX-License-Identifier: MIT
"""Every cut that an update can meet: which there are, made for real or recalled, and judged."""
