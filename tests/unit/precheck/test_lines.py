# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of lines are taken apart as those who wrote them meant."""

from __future__ import annotations

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import lines


def test_settings_are_read_without_comments_and_sections() -> None:
    text = "[Section]\n# a = 1\n; b = 2\n c = 3 \nd=\n= e\nno setting\n"
    assert list(lines.settings(text)) == [("c", "3"), ("d", "")]


def test_the_last_value_of_a_name_counts() -> None:
    assert lines.value_of("a = 1\nab = 2\na = 3\n", "a") == "3"
    assert lines.value_of("MemTotal:   7 kB\n", "MemTotal", ":") == "7 kB"
    assert lines.value_of("ab = 1\n", "a") is None


def test_words_are_read_without_comments_and_empty_lines() -> None:
    assert list(lines.words("# x y\n\n  blacklist sctp # why\n")) == [["blacklist", "sctp", "#", "why"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("6.12.0-55.el10", [6, 12, 0, 55, 10]), ("", []), ("v1", [1]), ("5.15.148-tegra", [5, 15, 148])],
)
def test_every_run_of_digits_is_a_number(text: str, expected: list[int]) -> None:
    assert lines.numbers(text) == expected
