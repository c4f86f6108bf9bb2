# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. JSON data as YAML that a person commits: block style, in the given order, lines unbroken."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

# Plain only where no YAML reader, of 1.1 or 1.2, takes the word for anything but a string: PyYAML knows 1.1, to which 1e3 is one.
_PLAIN = re.compile(r"[A-Za-z][-A-Za-z0-9_./]*\Z")
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


def yaml_text(value: Mapping[str, Any]) -> str:
    import yaml  # ansible-core and the kubernetes client require it: it is there wherever YAML is written

    return str(yaml.dump(value, Dumper=_dumper(), sort_keys=False, default_flow_style=False, width=float("inf")))


@functools.cache
def _dumper() -> Any:
    from yaml import SafeDumper

    class Dumper(SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            """Lists are indented below their key."""
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            """What stands twice is written twice."""
            return True

    def text(dumper: Any, value: str) -> Any:
        plain = _PLAIN.match(value) and value.lower() not in _WORDS
        return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), None if plain else '"')

    Dumper.add_multi_representer(str, text)
    Dumper.add_representer(str, text)
    return Dumper
