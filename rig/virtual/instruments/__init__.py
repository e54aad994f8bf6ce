# SPDX-License-Identifier: MIT
"""The virtual instruments: SCPI over TCP, one module a model."""

__all__ = ["counter", "interposer", "interrupter", "models", "scpi", "scpi_link"]
