# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for people, whatever the size of the cluster."""

from __future__ import annotations

from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.text.terminal import (
    LONGEST_CELL,
    WIDTH,
    listed,
    paragraph,
    table,
)


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


def test_a_long_cell_pads_no_other_row_of_a_table() -> None:
    long = "x" * 60
    assert table(("batch", "plan", "nodes"), [("core-1", "0123", "a"), (long, "4567", "b"), ("core-2", "89", "c")]) == [
        "  batch   plan  nodes",
        "  core-1  0123  a",
        "  " + long,
        "          4567  b",
        "  core-2  89    c",
    ]


def test_a_cell_that_no_name_is_as_long_as_is_cut_and_the_last_column_is_not() -> None:
    lines = table(("node", "since", "why"), [("n" * 5000, "1 h", "y" * 500)])
    assert max(len(line) for line in lines[1:-1]) == 2 + LONGEST_CELL
    assert lines[1].endswith("...")
    assert lines[-1].endswith("1 h    " + "y" * 500)


def test_a_table_without_long_cells_is_as_wide_as_its_cells() -> None:
    assert table(("a", "b"), [("1", "22"), ("333", "4")]) == ["  a    b", "  1    22", "  333  4"]
