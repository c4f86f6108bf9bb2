# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Names and values of sysctls, as sysctl.d(5) and /proc/sys write them.

A key is kept as its path below /proc/sys, because an interface's name may have a dot in it: net/ipv4/conf/eth0.100/forwarding.
"""

import fnmatch
import re
from typing import List, Optional, Tuple

_PART = re.compile(r"^(?!\.\.?$)[^\s/\\*?\[\]#;=]+$")


def canonical(name: str) -> str:
    """As sysctl.d has it: where the first separator is a slash, dots are part of a name; else dot and slash change places."""
    first = re.search(r"[./]", name)
    if first is None or first.group() == "/":
        return name
    return name.translate({ord("."): "/", ord("/"): "."})


def shown(key: str) -> str:
    """With dots, as people write it, unless a part of it has one itself."""
    return key if "." in key else key.replace("/", ".")


def plain(value: str) -> str:
    """The kernel puts tabs between numbers, people put blanks."""
    return " ".join(value.split())


def problem_with(name: str) -> Optional[str]:
    parts = canonical(name).split("/")
    if len(parts) < 2 or not all(_PART.match(part) for part in parts):
        return f"{name!r} is no name of a sysctl, like net.ipv4.ip_forward"
    return None


def line(key: str, value: str) -> str:
    return f"{shown(key)} = {value}"


def assigned(text_line: str) -> Optional[Tuple[str, str]]:
    """The key (or pattern) and the value that a line of a sysctl.d file sets; None for any other line."""
    stripped = text_line.strip()
    if not stripped or stripped[0] in "#;":
        return None
    name, equals, value = stripped.lstrip("-").partition("=")
    return (canonical(name.strip()), plain(value)) if equals else None


def last_word(texts: List[Tuple[str, str]], key: str) -> Optional[Tuple[str, str]]:
    """Which of these files (path, text; in the order in which they are applied) sets this key last, and to what."""
    found = None
    for path, text in texts:
        for pattern, value in filter(None, map(assigned, text.splitlines())):
            if fnmatch.fnmatchcase(key, pattern):
                found = (path, value)
    return found
