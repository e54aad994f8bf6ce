# SPDX-License-Identifier: MIT
"""How long the service was gone: what instruments saw of an event, as figures with their doubt."""
