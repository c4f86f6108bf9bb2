# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Felix made of a host, what the precheck said of it, and where the two disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ENFORCED, OPEN, CLOSED = "enforced", "open", "closed"


class Outcome(NamedTuple):
    """One host: Felix's word, what became of packets between its pods, and the precheck's verdict."""

    host: str
    settings: str
    ready: bool
    """Felix said so at its health port."""
    allowed: bool
    """The client that the policy allows got through."""
    denied: bool
    """The client that the policy denies got nothing."""
    verdict: str
    """The precheck's: pass or fail."""
    failed: Sequence[str] = ()
    """The checks that did not pass, with the status of each."""
    last: str = ""
    """Felix's last line, where it is not ready."""

    @property
    def packets(self) -> str:
        if not self.allowed:
            return CLOSED
        return ENFORCED if self.denied else OPEN

    @property
    def works(self) -> bool:
        return self.ready and self.packets == ENFORCED

    @property
    def disagrees(self) -> bool:
        """The precheck fails a host on which all works, or passes one on which it does not."""
        return self.works != (self.verdict == "pass")


def table(outcomes: Sequence[Outcome]) -> str:
    """The disagreements, the dangerous ones first: a host that passed and does not work."""
    rows = [
        (
            one.host,
            one.settings.partition(" ")[0],
            "ready" if one.ready else "not ready",
            one.packets,
            one.verdict,
            ", ".join(one.failed) or "-",
            one.last or "-",
        )
        for one in sorted(outcomes, key=lambda one: (one.verdict != "pass", one.host))
        if one.disagrees
    ]
    agreed = len(outcomes) - len(rows)
    head = ("host", "checked for", "Felix", "packets", "precheck", "checks", "Felix's last line")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in (head, *rows)]
    counted = f"{agreed} of {len(outcomes)} hosts: precheck and Felix agree"
    return "\n".join([*lines, "", counted] if rows else [counted]) + "\n"
