# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Text for a terminal, out of data that is not trusted."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

# What fits into a terminal of 80 columns inside Ansible's own indentation.
WIDTH = 74


def printable(text: str) -> str:
    """Without control characters: an escape sequence in a host's answer must not reach the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 50) -> str:
    """Names for a sentence; on a large cluster those that no reader would get through are counted."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they need to be, the last one as long as it is."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]]


def paragraph(text: str, indent: int = 0) -> list[str]:
    """Lines of at most WIDTH columns; those that go on are indented further."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
