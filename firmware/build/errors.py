# SPDX-License-Identifier: MIT
"""What goes wrong while building, said so that the reader knows what to do."""


class BuildError(Exception):
    """The build cannot go on; the text says why and who must act."""
