# SPDX-License-Identifier: MIT
"""The virtual instruments: SCPI over TCP, one module a model."""

__all__ = ["counter", "gate", "interposer", "models", "scpi", "scpi_link"]
