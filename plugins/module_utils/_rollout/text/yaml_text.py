# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. JSON data as YAML that a person commits, without a library: modules may run where none is installed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

# Plain only where no YAML reader, of 1.1 or 1.2, takes the word for anything but a string.
_PLAIN = re.compile(r"[A-Za-z][-A-Za-z0-9_./]*\Z")
_FOREIGN = re.compile(r"[^\x20-\x7e]")
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


def yaml_text(value: Mapping[str, Any]) -> str:
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> list[str]:
    """Of a mapping or a list that is not empty."""
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, inner in value.items():
            nested = _nested(inner)
            lines.append(f"{_scalar(str(key))}:" + ("" if nested else f" {_scalar(inner)}"))
            lines += [f"  {line}" for line in nested]
    else:
        for inner in value:
            first, *rest = _nested(inner) or [_scalar(inner)]
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


def _nested(value: Any) -> list[str]:
    is_collection = isinstance(value, (Mapping, Sequence)) and not isinstance(value, str)
    return _lines(value) if is_collection and value else []


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    # JSON is YAML, but for escapes of characters that YAML knows by another name.
    return _FOREIGN.sub(lambda found: f"\\U{ord(found.group()):08x}", json.dumps(value, ensure_ascii=False))
