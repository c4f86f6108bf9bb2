# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Markdown out of data that is not trusted."""

from __future__ import annotations

from collections.abc import Sequence

from .terminal import printable

_MARKUP = {character: "\\" + character for character in "\\`*_{}[]()#+!|~$"}
_MARKUP.update({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; its cells are escaped here."""
    lines = [head, ["---"] * len(head), *[[escaped(cell) for cell in row] for row in rows]]
    return ["| " + " | ".join(line) + " |" for line in lines]


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no mention, no line break."""
    return "".join(_MARKUP.get(character, character) for character in printable(" ".join(text.split()))).replace(
        "://", "&#58;//"
    )
