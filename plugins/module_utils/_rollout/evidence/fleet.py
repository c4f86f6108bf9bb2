# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A precheck report seen as one fleet: hosts by categories, worst first, and what was found grouped by its remedy.

A page for people needs the same three things whether it is a terminal, Markdown or HTML; each renderer only lays them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import CrossFinding, HostOutcome, PlannedWaiver, PrecheckReport
from ..text.order import natural
from ..text.terminal import count
from .causes import Finding, by_cause
from .waivers import effective, of_report

FAIL, UNJUDGED, WARN = "fail", "unjudged", "warn"
"""How grave a finding is. `unjudged` is a check that applies and had no evidence: it keeps a host out as a failure does."""

GRAVITY = (FAIL, UNJUDGED, WARN)
BETWEEN = "between hosts"
"""The category of what shows only when hosts are compared. A space: no check's category and no host of an inventory is called so."""

NO_REMEDY = "no remedy is known"


class Row(NamedTuple):
    """One host of the table."""

    host: str
    node_name: str | None
    outcome: str
    reason: str | None
    cells: Mapping[str, Mapping[str, int]]
    """By category, then by gravity: how many findings. Categories without a finding are left out."""
    counts: Mapping[str, int]
    """By gravity, over all categories."""
    system: str
    """Operating system, kernel and architecture; empty for a host without a result."""


class Cause(NamedTuple):
    """A check with one message, and the hosts on which it said so."""

    check: str
    rank: int
    category: str
    gravity: str
    message: str
    expected: str | None
    observed: tuple[str, ...]
    """What was seen, each answer once."""
    source: str
    hosts: tuple[str, ...]
    hindered: tuple[str, ...]
    """Other checks that have the same cause on these hosts, in the order of the catalogue."""


class Remedy(NamedTuple):
    """What is to be done, on which hosts, and because of what."""

    text: str
    gravity: str
    hosts: tuple[str, ...]
    causes: tuple[Cause, ...]


class Silence(NamedTuple):
    """Hosts without a result, for one and the same reason."""

    outcome: str
    reason: str
    remedy: str | None
    hosts: tuple[str, ...]


class Loaded(NamedTuple):
    """Kernel modules that the probes made the kernel load, and the hosts on which they did."""

    modules: tuple[str, ...]
    hosts: tuple[str, ...]


class Fleet(NamedTuple):
    hosts: int
    passed: int
    categories: tuple[str, ...]
    """Those in which anything was found, in the order of the catalogue; what shows between hosts comes last."""
    rows: tuple[Row, ...]
    """Worst first; equals by name."""
    remedies: tuple[Remedy, ...]
    """Failures first, then by the number of hosts."""
    silent: tuple[Silence, ...]
    static: tuple[str, ...]
    """Hosts on which a verdict rests on module files alone, because asking the kernel would have loaded modules."""
    would_load: tuple[str, ...]
    """What `allow_module_load` would load on them."""
    loaded: tuple[Loaded, ...]
    """What `allow_module_load` did load: it stays loaded."""
    not_in_run: tuple[str, ...]
    """Hosts that the run was limited to leave out."""
    across: tuple[CrossFinding, ...]
    waivers: tuple[PlannedWaiver, ...]
    reused: tuple[str, ...]
    """Hosts whose result is one of an earlier run."""
    oldest: float | None
    """When the oldest of these was made."""

    @property
    def result(self) -> str:
        """The whole in a sentence."""
        absent = len(self.not_in_run)
        left_out = f"; {absent} {'are' if absent > 1 else 'is'} not in this run" if absent else ""
        return f"{self.passed} of {count(self.hosts, 'host')} can run calico-node{left_out}."


def survey(report: PrecheckReport) -> Fleet:
    hosts = sorted(report["hosts"].items(), key=lambda item: natural(item[0]))
    found = {name: by_cause(effective(host)) for name, host in hosts}
    compared = _compared(report["cross_findings"])
    rows = [_row(name, host, found[name], compared.get(name, {})) for name, host in hosts]
    # sorted() is stable: hosts that are equally bad stay in the order of their names.
    rows.sort(key=_badness)
    summaries = [(name, host["result"]["summary"]) for name, host in hosts if host["result"]]
    ranks: dict[str, int] = {}
    for check in (check for findings in found.values() for finding in findings for check in finding.checks):
        ranks[check["category"]] = min(check["rank"], ranks.get(check["category"], check["rank"]))
    categories = sorted(ranks, key=lambda category: (ranks[category], category))
    return Fleet(
        hosts=len(rows),
        passed=sum(row.outcome == "passed" for row in rows),
        categories=(*categories, *([BETWEEN] if compared else [])),
        rows=tuple(rows),
        remedies=_remedies(found),
        silent=_silent(hosts),
        static=tuple(name for name, summary in summaries if summary["static"]),
        would_load=tuple(sorted({module for _name, summary in summaries for module in summary["would_load"]})),
        loaded=_loaded(hosts),
        not_in_run=tuple(sorted(report["not_in_run"], key=natural)),
        across=tuple(report["cross_findings"]),
        waivers=tuple(of_report(report, {})),
        reused=tuple(name for name, host in hosts if host["reused"]),
        oldest=min(
            (host["checked_at"] for _name, host in hosts if host["reused"] and host["checked_at"]), default=None
        ),
    )


def gravity(check: Mapping[str, Any]) -> str:
    return UNJUDGED if check["status"] == "skipped" else str(check["status"])


def _compared(across: Sequence[CrossFinding]) -> dict[str, dict[str, int]]:
    """By host, how much shows when it is compared with others, as a cell of the table."""
    cells: dict[str, dict[str, int]] = {}
    for finding in across:
        for host in finding["hosts"]:
            cells.setdefault(host, dict.fromkeys(GRAVITY, 0))[finding["severity"]] += 1
    return cells


def _row(name: str, host: HostOutcome, findings: Sequence[Finding], compared: dict[str, int]) -> Row:
    """A cause counts once in each category that it touches, and once in all."""
    cells: dict[str, dict[str, int]] = {}
    for finding in findings:
        touched: dict[str, str] = {}
        for check in finding.checks:
            touched[check["category"]] = min(gravity(check), touched.get(check["category"], WARN), key=GRAVITY.index)
        for category, grave in touched.items():
            cells.setdefault(category, dict.fromkeys(GRAVITY, 0))[grave] += 1
    if compared:
        cells[BETWEEN] = compared
    counts = {
        grave: sum(gravity(finding.check) == grave for finding in findings) + compared.get(grave, 0)
        for grave in GRAVITY
    }
    return Row(name, host["node_name"], host["outcome"], host["reason"], cells, counts, _system(host))


def _system(host: HostOutcome) -> str:
    if host["result"] is None:
        return ""
    identity = host["result"]["identity"]
    told = (identity.get("os_id"), identity.get("os_version"), identity.get("kernel"), identity.get("architecture"))
    return " ".join(str(part) for part in told if part)


def _badness(row: Row) -> tuple[int, int, int, int]:
    order = {"failed": 0, "unreachable": 1, "no_result": 1, "not_checked": 1, "passed": 2}
    return (order.get(row.outcome, 1), -row.counts[FAIL], -row.counts[UNJUDGED], -row.counts[WARN])


def _remedies(found: Mapping[str, Sequence[Finding]]) -> tuple[Remedy, ...]:
    by_remedy: dict[str, dict[tuple[str, str, str], list[tuple[str, Finding]]]] = {}
    for host, findings in found.items():
        for finding in findings:
            check = finding.check
            causes = by_remedy.setdefault(check["remedy"] or NO_REMEDY, {})
            causes.setdefault((check["id"], gravity(check), check["message"]), []).append((host, finding))
    remedies = [_remedy(text, [_cause(cases) for cases in causes.values()]) for text, causes in by_remedy.items()]
    return tuple(sorted(remedies, key=lambda one: (GRAVITY.index(one.gravity), -len(one.hosts), one.causes[0].rank)))


def _remedy(text: str, causes: Sequence[Cause]) -> Remedy:
    causes = sorted(causes, key=lambda one: (GRAVITY.index(one.gravity), one.rank, -len(one.hosts)))
    hosts = sorted({host for cause in causes for host in cause.hosts}, key=natural)
    return Remedy(text, causes[0].gravity, tuple(hosts), tuple(causes))


def _cause(cases: Sequence[tuple[str, Finding]]) -> Cause:
    check = cases[0][1].check
    hindered = {one["id"]: one["rank"] for _host, finding in cases for one in finding.hindered}
    seen = (one for _host, finding in cases for one in finding.checks)
    return Cause(
        check=check["id"],
        rank=check["rank"],
        category=check["category"],
        gravity=gravity(check),
        message=check["message"],
        expected=check.get("expected"),
        observed=tuple(sorted({str(one["observed"]) for one in seen if one.get("observed")})),
        source=check["source"],
        hosts=tuple(host for host, _finding in cases),
        hindered=tuple(sorted(hindered, key=lambda one: (hindered[one], one))),
    )


def _silent(hosts: Sequence[tuple[str, HostOutcome]]) -> tuple[Silence, ...]:
    by_reason: dict[tuple[str, str, str | None], list[str]] = {}
    for name, host in hosts:
        if host["result"] is None:
            by_reason.setdefault((host["outcome"], host["reason"] or "", host["remedy"]), []).append(name)
    silences = [Silence(*told, tuple(names)) for told, names in by_reason.items()]
    return tuple(sorted(silences, key=lambda one: -len(one.hosts)))


def _loaded(hosts: Sequence[tuple[str, HostOutcome]]) -> tuple[Loaded, ...]:
    by_modules: dict[tuple[str, ...], list[str]] = {}
    for name, host in hosts:
        if host["result"] and host["result"]["modules_loaded"]:
            by_modules.setdefault(tuple(host["result"]["modules_loaded"]), []).append(name)
    return tuple(Loaded(modules, tuple(names)) for modules, names in by_modules.items())
