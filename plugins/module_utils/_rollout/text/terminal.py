# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Text for a terminal, out of data that is not trusted."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

# What fits into a terminal of 80 columns inside Ansible's own indentation.
WIDTH = 74

COLUMN = 40
"""The widest column of a table, but for its last: of most clusters it holds a node's name."""
LONGEST_CELL = 253
"""The longest name of a Node (RFC 1123 subdomain)."""


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
    """Columns as wide as they need to be, but for COLUMN at most; the last one as long as it is.

    A cell that is wider pads no other row: what follows it goes on below, in its own columns. A cell that is wider than a terminal is
    cut. No name is that wide, so somebody wrote it into a label, an annotation or a message.
    """
    cut = [[*(_shortened(cell) for cell in row[:-1]), row[-1]] for row in [head, *rows]]
    fits = [
        max((len(row[column]) for row in cut if len(row[column]) <= COLUMN), default=0) for column in range(len(head))
    ]
    return [line for row in cut for line in _lines(row, fits)]


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """A row of a table: one line, and another after each cell that is wider than its column."""
    lines, line = [], "  "
    for cell, width in zip(row[:-1], widths):
        line += cell.ljust(width) + "  "
        if len(cell) > width:
            lines.append(line.rstrip())
            line = " " * (len(line) - len(cell) + width)
    return [*lines, (line + row[-1]).rstrip()]


def _shortened(cell: str) -> str:
    return cell if len(cell) <= LONGEST_CELL else f"{cell[: LONGEST_CELL - 3]}..."


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
