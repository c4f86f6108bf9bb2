# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench found, and whether that is what was aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class BenchError(Exception):
    """A run that did not do its work: its figures would mean nothing."""


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return f"at least {self.at_least:g}" if self.at_least is not None else ""

    @property
    def verdict(self) -> str:
        return "" if not self.target else "met" if self.met else "MISSED"


def table(figures: Sequence[Figure]) -> str:
    return columns([(one.what, f"{one.value:.2f} {one.unit}".strip(), one.target, one.verdict) for one in figures])


def columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def load() -> str:
    """How busy the machine is: figures from a busy one say little."""
    one, five, fifteen = Path("/proc/loadavg").read_text().split()[:3]
    return f"load {one} (1 min) {five} (5 min) {fifteen} (15 min)"
