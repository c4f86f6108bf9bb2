# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Files of lines, taken apart without regular expressions: compiling one costs more than all that it would be used for."""

from typing import Iterator, List, Optional, Tuple


def settings(text: str, separator: str = "=") -> Iterator[Tuple[str, str]]:
    """Name and value of each line that has both; comments and sections are left out."""
    for line in text.splitlines():
        name, found, value = line.partition(separator)
        name = name.strip()
        if found and name and name[0] not in "#;[":
            yield name, value.strip()


def words(text: str) -> Iterator[List[str]]:
    """The words of each line that is no comment."""
    for line in text.splitlines():
        found = line.split()
        if found and found[0][0] not in "#;":
            yield found


def value_of(text: str, name: str, separator: str = "=") -> Optional[str]:
    """The last value of this name; null where no line has it."""
    found = [value for one, value in settings(text, separator) if one == name]
    return found[-1] if found else None


def numbers(text: str) -> List[int]:
    """Every run of digits."""
    return [int(one) for one in "".join(letter if letter.isdigit() else " " for letter in text).split()]
