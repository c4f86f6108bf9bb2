# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What a host answered, judged: one PrecheckResult."""

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from .checks.address import candidates
from .checks.modules import told_by
from .facts import Facts
from .host.no_evidence import NoEvidence
from .rules.catalogue import CATALOGUE
from .rules.declaration import Check, Judgement, Want, as_result, conduct
from .upstream.autodetection import Candidate

_VERSION = 1
# They say which host and when, not which Calico.
_NOT_SETTINGS = ("node_name", "controller_clock")
# Modems of one make have these all alike; of the first, Linux knows too (drivers/net/usb/qmi_wwan.c).
_SHARED_MACS = ("00:a0:c6:00:00:00", "0c:5b:8f:27:9a:64")
Judged = List[Tuple[Check, Judgement]]


class StrangeAnswer(ValueError):
    """A host whose answer does not fit the questions. What comes from a host is not trusted to have a shape."""


def examine(
    answered: Mapping[str, Any],
    want: Want,
    selected: Optional[Iterable[str]] = None,
    sources: Optional[Mapping[str, str]] = None,
) -> Tuple[Dict[str, Any], Judged]:
    """The document, and the judgements of the selected checks that apply.

    `answered` is what `host.gather` returns; `sources` says where each setting comes from. Raises StrangeAnswer.
    """
    try:
        document, judged = _examine(answered, want, selected)
        document["sources"] = dict(sources or {})
        return document, judged
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, NoEvidence) as error:
        raise StrangeAnswer(
            f"the host answered something else than was asked: {type(error).__name__}: {error}"
        ) from error


def _examine(
    answered: Mapping[str, Any], want: Want, selected: Optional[Iterable[str]]
) -> Tuple[Dict[str, Any], Judged]:
    names = {one.id for one in CATALOGUE} if selected is None else set(selected)
    facts = Facts(answered["facts"])
    judged = judge(facts, want, names)
    document = {
        "kind": "PrecheckResult",
        "version": _VERSION,
        "settings": settings(want),
        "node_name": want.node_name,
        "identity": identity(facts),
        "facts": comparable(facts, want),
        "verdict": verdict(judged),
        "findings": [as_result(one, found) for one, found in judged if found.status in ("warn", "fail", "skipped")],
        "ok": _ids(judged, "ok"),
        "not_applicable": _ids(judged, "not_applicable"),
        "not_asked": _ids(judged, "not_asked"),
        "summary": summary(judged),
        "modules_loaded": list(answered["modules_loaded"]),
        "duration": answered["duration"],
    }
    return document, [(one, judgement) for one, judgement in judged if one.id in names]


def settings(want: Want) -> Dict[str, Any]:
    chosen = {key: value for key, value in want._asdict().items() if key not in _NOT_SETTINGS}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in chosen.items()}


def _ids(judged: Judged, status: str) -> List[str]:
    return [one.id for one, judgement in judged if judgement.status == status]


def judge(facts: Facts, want: Want, names: Iterable[str]) -> Judged:
    wanted = set(names)
    return linked([(one, conduct(one, facts, want, one.id in wanted)) for one in CATALOGUE], facts, want)


def linked(judged: Judged, facts: Facts, want: Want) -> Judged:
    """The judgements. If a module is missing, the cause is the check that reports it."""
    failed = {one.id for one, judgement in judged if judgement.status == "fail"}
    try:
        teller = {name: check for name, check in told_by(facts, want).items() if check in failed}
    except (NoEvidence, LookupError):
        return judged
    return [(one, _with_cause(one, judgement, teller)) for one, judgement in judged]


def _with_cause(one: Check, judgement: Judgement, teller: Mapping[str, str]) -> Judgement:
    cause = next((teller[name] for name in one.modules if name in teller), None)
    if cause is None or judgement.cause or judgement.status not in ("warn", "fail"):
        return judgement
    return judgement._replace(cause=cause)


def verdict(judged: Judged) -> str:
    """No evidence is never a pass: a check that applies and could not judge weighs as much as one that failed."""
    good = all(judgement.status != "fail" and judgement.evidence for _check, judgement in judged)
    return "pass" if good else "fail"


def summary(judged: Judged) -> Dict[str, Any]:
    """How many verdicts the kernel and the host gave themselves, and how many rest on module files."""
    made = [judgement for _check, judgement in judged if judgement.status in ("ok", "warn", "fail")]
    static = [judgement for judgement in made if judgement.loadable]
    return {
        "exercised": len(made) - len(static),
        "static": len(static),
        "would_load": sorted({name for judgement in static for name in judgement.loadable}),
    }


def complaints(judged: Judged, fail_on: str) -> List[str]:
    """A sentence for each cause that makes the module fail; missing evidence weighs as much as a failure."""
    grave: Tuple[str, ...] = {"never": (), "fail": ("fail",), "warn": ("fail", "warn")}[fail_on]
    by_cause: Dict[str, Judged] = {}
    for one, judgement in judged:
        if judgement.status in grave or (grave and not judgement.evidence):
            by_cause.setdefault(judgement.cause or one.id, []).append((one, judgement))
    return [_complaint(cause, found) for cause, found in by_cause.items()]


def _complaint(cause: str, found: Judged) -> str:
    """The check with the cause's name, else the first."""
    teller, judgement = next((pair for pair in found if pair[0].id == cause), found[0])
    others = [one.id for one, _judgement in found if one.id != teller.id]
    too = f" (and with it {', '.join(others)})" if others else ""
    return f"{teller.id}{too}: {judgement.message}. Remedy: {judgement.remedy}."


def comparable(facts: Facts, want: Want) -> Dict[str, Any]:
    """What is compared with other hosts."""
    clock = facts["clock"]
    links = facts.get("links", [])
    taken, taken_v6 = next(iter(candidates(facts, want)), None), _taken_v6(facts, want)
    uplink, uplink_v6 = (
        next((link for link in links if one and link["name"] == one.interface), None) for one in (taken, taken_v6)
    )
    return {
        "clock": clock,
        "clock_offset": None if want.controller_clock is None else round(clock - want.controller_clock, 3),
        "address": taken.address if taken and want.ipv4 else None,
        "address_v6": taken_v6.address if taken_v6 else None,
        "interface": taken.interface if taken else None,
        "mtu": uplink["mtu"] if uplink else None,
        "mtu_v6": uplink_v6["mtu"] if uplink_v6 else None,
        "macs": _macs(links, uplink),
    }


def _macs(links: List[Dict[str, Any]], uplink: Optional[Dict[str, Any]]) -> List[str]:
    """Those that no other host should have, each once: a bond and its ports share one.

    Links of pods and tunnels have a kind, and an address that was made up. So was one that is not a maker's (its second bit); only
    of the uplink it counts all the same, because that of a virtual machine is one.
    """
    own = [link["mac"] for link in links if link["name"] != "lo" and not link["kind"] and not _made_up(link["mac"])]
    macs = [*own, *([uplink["mac"]] if uplink else [])]
    return [mac for mac in dict.fromkeys(macs) if mac and set(mac) - set("0:") and mac not in _SHARED_MACS]


def _made_up(mac: str) -> bool:
    return bool(int(mac[:2] or "0", 16) & 2)


def _taken_v6(facts: Facts, want: Want) -> Optional[Candidate]:
    return next(iter(candidates(facts, want, ipv6=True)), None) if want.ipv6 else None


def identity(facts: Facts) -> Dict[str, Any]:
    system = facts.get("os_release", {})
    addresses = facts.get("addresses", [])
    return {
        "hostname": facts.get("hostname"),
        "fqdn": facts.get("fqdn", facts.get("hostname")),
        "machine_id": facts.get("machine_id"),
        "system_uuid": facts.get("system_uuid"),
        "boot_id": facts.get("boot_id"),
        "addresses": sorted({one["address"] for one in addresses if one["global"] and one["address"]}),
        "architecture": facts.get("architecture"),
        "kernel": facts.get("kernel_release"),
        "os_id": system.get("ID"),
        "os_version": system.get("VERSION_ID"),
    }
