# SPDX-License-Identifier: MIT
"""The virtual instruments: SCPI over TCP, one module a model."""
