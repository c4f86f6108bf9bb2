# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for people, whatever the size of the cluster."""

from __future__ import annotations

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text import WIDTH, listed, paragraph


def test_names_that_no_reader_would_get_through_are_counted() -> None:
    assert listed([f"w-{number}" for number in range(60)], most=2) == "w-0, w-1 and 58 more"


def test_a_few_names_are_all_told() -> None:
    assert listed(["a", "b"]) == "a, b"


def test_a_paragraph_fits_a_terminal_and_loses_no_word() -> None:
    text = "the kernel refuses netfilter netlink " * 12
    lines = paragraph(text, indent=2)
    assert max(len(line) for line in lines) <= WIDTH
    assert " ".join(" ".join(lines).split()) == text.strip()
    assert [len(line) - len(line.lstrip()) for line in lines] == [2] + [4] * (len(lines) - 1)
