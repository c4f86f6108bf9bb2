# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What the hosts of a play answered, put together in one document. No answer is never a pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, cast

from ..documents import DOCUMENT_VERSION, CalicoSettings, HostOutcome, PrecheckOutcome, PrecheckReport, PrecheckResult
from ..documents.canonical import digest, plain
from ..documents.validate import flaw_of
from ..errors import RolloutError
from ..text.terminal import count
from .causes import by_cause
from .cross_findings import among_hosts, fatal
from .no_answer import why
from .waivers import IN_FORCE, Asked, apply_waivers, effective


def assemble(
    registered: Mapping[str, Mapping[str, Any] | None],
    node_names: Mapping[str, str | None] | None = None,
    in_run: Collection[str] | None = None,
    waivers: Mapping[str, Sequence[Asked]] | None = None,
    today: date = date.min,
    calico: CalicoSettings | None = None,
) -> PrecheckReport:
    """A report over every host's registered result of host_precheck; None or {} where there is none.

    `node_names` is what the inventory says about hosts, for those that could not answer themselves. `in_run` are the hosts that
    the play was limited to; all of them when it is null. `waivers` are what the inventory has for a host, `today` is in UTC. `calico` is
    what was read of the cluster before.
    """
    names = {name: plain((node_names or {}).get(name)) or None for name in sorted(registered)}
    left_out = {name: names[name] for name in names if in_run is not None and name not in in_run}
    hosts = {
        name: _waived(_outcome(plain(registered[name]), names[name]), (waivers or {}).get(name, ()), today)
        for name in names
        if name not in left_out
    }
    across = among_hosts(hosts)
    for name, finding in fatal(across).items():
        if hosts[name]["outcome"] == "passed":
            hosts[name]["outcome"], hosts[name]["reason"] = "failed", f"{finding['id']}: {finding['message']}"
    return PrecheckReport(
        kind="PrecheckReport",
        version=DOCUMENT_VERSION,
        digest=_digest(hosts),
        calico=calico,
        hosts=hosts,
        cross_findings=across,
        not_in_run=left_out,
    )


class Joined(NamedTuple):
    registered: dict[str, Mapping[str, Any] | None]
    node_names: dict[str, str | None]
    by_node: list[str]
    """Entries whose answer came from the cluster, and so is of this run whatever hosts the play was limited to."""


def with_nodes(
    registered: Mapping[str, Mapping[str, Any] | None],
    node_names: Mapping[str, str | None],
    nodes: Mapping[str, Mapping[str, Any]],
) -> Joined:
    """The hosts' answers, and beside them those of nodes that a Job checked.

    A host whose variable `node_name` names such a node has the node's answer, if it gave none itself. The same name alone makes a
    host and a Node not the same: such a node has an entry of its own.
    """
    joined = Joined(dict(registered), dict(node_names), [])
    hosts = {name: host for host, name in node_names.items() if name}
    for node, answer in nodes.items():
        host = hosts.get(node)
        if host is None:
            host = node if node not in registered else f"node/{node}"
            joined.node_names[host] = node
        elif _holds_result(registered.get(host)):
            if _holds_result(answer):
                raise RolloutError(
                    f"{host} gave a result over SSH, and its Node {node} one in the cluster: check it in one way only "
                    "(`precheck_hosts`, or the nodes of node_precheck)."
                )
            continue
        joined.registered[host] = answer
        joined.by_node.append(host)
    return joined


def _holds_result(answer: Any) -> bool:
    return isinstance(answer, Mapping) and isinstance(answer.get("precheck"), Mapping)


def failed_checks(outcome: HostOutcome) -> list[Any]:
    """The checks that failed on a host, the one that hurts most users first; where none did, those that could not judge."""
    result = outcome["result"]
    findings = sorted(effective(outcome), key=lambda check: check["rank"])
    failed = [check for check in findings if check["status"] == "fail"]
    if failed or (result and result["verdict"] == "pass"):
        return failed
    return [check for check in findings if check["status"] == "skipped"]


def _outcome(answer: Any, node_name: str | None) -> HostOutcome:
    if not isinstance(answer, dict) or not answer:
        return _without("no_result", "the precheck did not run on it", node_name)
    result = answer.get("precheck")
    if isinstance(result, dict):
        host = _with_result(result, node_name)
        host["checked_at"], host["call_seconds"] = (
            _seconds(answer.get("checked_at")),
            _seconds(answer.get("call_seconds")),
        )
        host["reused"] = answer.get("reused") is True
        return host
    if answer.get("unreachable"):
        cause, remedy = why(answer)
        return _without("unreachable", f"it could not be reached: {cause}", node_name, remedy)
    if answer.get("not_in_check_mode"):
        return _without(
            "not_checked", "it has not been checked: in check mode no Job is made, and a real run checks it", node_name
        )
    if answer.get("skipped"):
        return _without(
            "no_result",
            f"the precheck was skipped on it: {answer.get('skip_reason') or 'its condition was false'}",
            node_name,
        )
    if answer.get("failed"):
        cause, remedy = why(answer)
        return _without("no_result", f"the precheck could not run on it: {cause}", node_name, remedy)
    return _without("no_result", "what was registered for it is no result of host_precheck", node_name)


def _with_result(result: dict[str, Any], node_name: str | None) -> HostOutcome:
    flaw = _flaw(result)
    if flaw:
        return _without("no_result", f"its precheck result cannot be used: {flaw}", node_name)
    own = result.get("node_name") or node_name
    if node_name and own != node_name:
        return _without(
            "no_result", f"its precheck result is for Node {own}, but the inventory says Node {node_name}", node_name
        )
    outcome = _host("passed", None, own)
    outcome["result"] = cast(PrecheckResult, result)
    return _judged(outcome, result["verdict"])


def _judged(outcome: HostOutcome, verdict: str) -> HostOutcome:
    """A pass with a failed check in it contradicts itself; so does a failure without one. Neither is evidence for admission."""
    failed = failed_checks(outcome)
    if failed or verdict != "pass":
        outcome["outcome"] = "failed"
        outcome["reason"] = _failure(failed, outcome["result"]["not_asked"] if outcome["result"] else [])
    else:
        outcome["outcome"], outcome["reason"] = "passed", None
    return outcome


def _waived(outcome: HostOutcome, asked: Sequence[Asked], today: date) -> HostOutcome:
    """The outcome once waivers are taken into account. What they do not cover still fails."""
    result = outcome["result"]
    outcome["waivers"] = apply_waivers(asked, result, today)
    if result is None or not outcome["waivers"]:
        return outcome
    in_force = {waiver["check"] for waiver in outcome["waivers"] if waiver["state"] == IN_FORCE}
    grave = {check["id"] for check in result["findings"] if check["status"] != "warn"}
    excused = result["verdict"] == "pass" or (grave & in_force and not result["not_asked"])
    return _judged(outcome, "pass" if excused else result["verdict"])


def _failure(failed: list[Any], not_asked: list[str]) -> str:
    if not failed and not_asked:
        return f"{count(len(not_asked), 'check')} that it needs {'was' if len(not_asked) == 1 else 'were'} not made"
    if not failed:
        return "its verdict is fail, though no check failed"
    findings = by_cause(failed)
    names, first = ", ".join(one.check["id"] for one in findings), findings[0]
    what = "failed" if first.check["status"] == "fail" else "could not judge"
    too = ", ".join(check["id"] for check in first.hindered)
    message = first.check["message"] + (f" (the same cause: {too})" if too else "")
    return f"{names} {what}: {message}" if len(findings) == 1 else f"{names} {what}; the first: {message}"


def _flaw(result: dict[str, Any]) -> str | None:
    if result.get("kind") != "PrecheckResult":
        return "it is not a PrecheckResult"
    if result.get("version") != DOCUMENT_VERSION:
        return f"its version is {result.get('version')}, this collection reads version {DOCUMENT_VERSION}"
    flaw = flaw_of(result, PrecheckResult)
    if flaw is not None:
        return flaw.told("result")
    if not result["ok"] and not result["findings"]:
        return "it holds no check"
    if result["verdict"] == "pass" and result["not_asked"]:
        return "its verdict is pass, though checks that it needs were not made"
    return None


def _without(outcome: PrecheckOutcome, reason: str, node_name: str | None, remedy: str | None = None) -> HostOutcome:
    return _host(outcome, reason, node_name, remedy)


def _host(
    outcome: PrecheckOutcome, reason: str | None, node_name: str | None, remedy: str | None = None
) -> HostOutcome:
    return HostOutcome(
        outcome=outcome,
        reason=reason,
        remedy=remedy,
        node_name=node_name,
        result=None,
        waivers=[],
        checked_at=None,
        call_seconds=None,
        reused=False,
    )


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _digest(hosts: Mapping[str, HostOutcome]) -> str:
    """Over settings and verdicts only: durations and messages differ from run to run and are no evidence."""
    evidence = {}
    for name, host in hosts.items():
        result = host["result"]
        evidence[name] = {
            "outcome": host["outcome"],
            "settings": result["settings"] if result else None,
            "verdict": result["verdict"] if result else None,
        }
    return digest(evidence)
