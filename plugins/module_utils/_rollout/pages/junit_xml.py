# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. JUnit XML as text: what all reports have in common."""

from __future__ import annotations

import xml.etree.ElementTree as ET

_COUNTED = {
    "tests": "testcase",
    "failures": "testcase/failure",
    "errors": "testcase/error",
    "skipped": "testcase/skipped",
}


def written(root: ET.Element) -> str:
    """The whole document. Each suite counts its cases, and the root those of all suites."""
    for total, path in _COUNTED.items():
        numbers = [len(suite.findall(path)) for suite in root]
        for element, number in zip((*root, root), (*numbers, sum(numbers))):
            element.set(total, str(number))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
