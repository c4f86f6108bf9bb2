# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A precheck report, told to people at a terminal: the fleet at a glance, then what to do on which hosts."""

from __future__ import annotations

from collections.abc import Mapping

from ..documents import PrecheckReport
from ..errors import RolloutError
from ..evidence.fleet import FAIL, GRAVITY, UNJUDGED, WARN, Cause, Fleet, Remedy, Row, survey
from ..text.instant import rfc3339
from ..text.terminal import count, listed, paragraph, printable, table
from . import cross_findings_section, waivers_section
from .checked_for_section import sentences, settings_together

ROWS_SHOWN = 40
"""Hosts in the table; on a large fleet the rest is counted, and the files that the role keeps have all."""

HOSTS_NAMED = 50
"""Who mends something on so many hosts copies their names into --limit; on more, takes them from a file."""

FAIL_ON = (FAIL, WARN, "never")
REST = (
    "Not every host is named here. With precheck_report_dir, precheck.md names all hosts of each remedy, and precheck.json has "
    "every host with what was found on it."
)
WORDS = {FAIL: "failed", UNJUDGED: "could not be judged", WARN: "warning"}
_MARKS = {FAIL: "F", UNJUDGED: "?", WARN: "w"}


def precheck_text(report: PrecheckReport) -> str:
    """The hosts, worst first, by category of checks; then each remedy with its hosts; the last line is the result."""
    fleet = survey(report)
    lines = [*_overview(fleet)]
    for silence in fleet.silent:
        lines += ["", *paragraph(f"No result from {_named(silence.hosts)}: {silence.reason}")]
        if silence.remedy:
            lines += paragraph(silence.remedy, indent=4)
    for remedy in fleet.remedies:
        lines += ["", *_remedy(remedy)]
    for told in (*modules_loaded(fleet), *static_evidence(fleet), *reused_evidence(fleet)):
        lines += ["", *paragraph(told)]
    lines += waivers_section.section(fleet.waivers)
    lines += cross_findings_section.section(fleet.across)
    settings = settings_together(report)
    if settings:
        lines += ["", "Checked for this Calico:"]
        for told in settings:
            lines += paragraph(told, indent=2)
    for told in sentences(report):
        lines += ["", *paragraph(told)]
    named = [remedy.hosts for remedy in fleet.remedies] + [silence.hosts for silence in fleet.silent]
    if any(len(hosts) > HOSTS_NAMED for hosts in named):
        lines += ["", *paragraph(REST)]
    lines += ["", f"Result: {fleet.result}"]
    return "\n".join(printable(line) for line in lines)


def precheck_complaint(report: PrecheckReport, fail_on: str) -> str:
    """Why a play over these hosts is to fail, in one sentence; empty when it is not."""
    if fail_on not in FAIL_ON:
        raise RolloutError(f"fail_on: {fail_on!r} is not one of {', '.join(FAIL_ON)}.")
    rows = survey(report).rows
    outside = tuple(row.host for row in rows if row.outcome != "passed")
    warned = tuple(row.host for row in rows if row.outcome == "passed" and row.counts[WARN])
    told = [f"{len(outside)} of {count(len(rows), 'host')} must stay outside: {listed(outside)}"] if outside else []
    if warned and fail_on == WARN:
        told.append(f"{count(len(warned), 'host')} may join with warnings: {listed(warned)}")
    return "" if fail_on == "never" else printable("; ".join(told))


def cell(counts: Mapping[str, int]) -> str:
    """`2F 1w`: two failures and a warning."""
    return " ".join(f"{counts[grave]}{_MARKS[grave]}" for grave in GRAVITY if counts.get(grave))


def verdict(row: Row) -> str:
    return {"passed": "may join", "failed": "stays outside"}.get(row.outcome, row.outcome.replace("_", " "))


def has_finding(row: Row) -> bool:
    """It stays outside, or there is something to act on."""
    return row.outcome != "passed" or any(row.counts.values())


def modules_loaded(fleet: Fleet) -> list[str]:
    """A sentence for each set of modules; in the following too, none if there is nothing to say."""
    return [
        f"Loaded on {_named(one.hosts)} to ask the kernel (allow_module_load), and still loaded: {', '.join(one.modules)}."
        for one in fleet.loaded
    ]


def static_evidence(fleet: Fleet) -> list[str]:
    if not fleet.static:
        return []
    modules = ", ".join(fleet.would_load)
    on = _named(fleet.static)
    return [
        f"On {on} some verdicts rest on module files alone; allow_module_load would load {modules} to ask the kernel."
    ]


def reused_evidence(fleet: Fleet) -> list[str]:
    if not fleet.reused:
        return []
    since = f", the oldest from {rfc3339(fleet.oldest)}" if fleet.oldest is not None else ""
    return [f"On {_named(fleet.reused)} a result of an earlier run counts{since}."]


def hindered(cause: Cause) -> str:
    """What the reader need not mend for itself."""
    return (
        f"the same cause {'fails' if cause.gravity != UNJUDGED else 'keeps from judging'}: {', '.join(cause.hindered)}"
    )


def _overview(fleet: Fleet) -> list[str]:
    shown, left = fleet.rows[:ROWS_SHOWN], fleet.rows[ROWS_SHOWN:]
    lines = table(
        ("host", "verdict", *fleet.categories),
        [
            (row.host, verdict(row), *(cell(row.cells.get(name, {})) or "." for name in fleet.categories))
            for row in shown
        ],
    )
    if left:
        found = sum(has_finding(row) for row in left)
        lines.append(f"  and {count(len(left), 'more host')}, {found or 'none'} of them with a finding")
    legend = ", ".join(
        f"{_MARKS[grave]} {WORDS[grave]}" for grave in GRAVITY if any(row.counts[grave] for row in shown)
    )
    return lines + ([f"  ({legend})"] if legend else [])


def _remedy(remedy: Remedy) -> list[str]:
    # A remedy often is a command: on a line of its own, unbroken, it can be copied.
    lines = [*paragraph(f"On {_named(remedy.hosts)}:"), f"    {remedy.text}"]
    for cause in remedy.causes:
        where = "" if cause.hosts == remedy.hosts else f" ({_named(cause.hosts)})"
        lines += paragraph(f"{WORDS[cause.gravity]}: {cause.check}: {cause.message}{where}", indent=2)
        if cause.expected or cause.observed:
            told = [f"expected: {cause.expected}"] if cause.expected else []
            told += [f"observed: {listed(cause.observed, 3)}"] if cause.observed else []
            lines += paragraph("; ".join(told), indent=6)
        if cause.hindered:
            lines += paragraph(hindered(cause), indent=6)
    return lines


def _named(hosts: tuple[str, ...]) -> str:
    names = listed(hosts, HOSTS_NAMED)
    return names if len(hosts) == 1 else f"{count(len(hosts), 'host')} ({names})"
