# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.unit.precheck.catalogue_page` writes docs/reference/prechecks.md, and the choices of `checks` in the module's manual."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.distributions import (
    DISTRIBUTIONS,
    Distribution,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import (
    CATALOGUE,
    ELSEWHERE,
    Elsewhere,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Check
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.versions import (
    DOCUMENTED,
    FELIX_BPF,
    FELIX_BPF_ENTERPRISE_LINUX,
    Documented,
    words,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.upstream.mirrored import MIRRORED, Mirrored

from tests.environment.places import CHECKOUT
from tests.lab.faulty_hosts import NO_HOST_HAS
from tests.unit.precheck.proofs import in_the_lab, without_a_result, worst

MANUAL = CHECKOUT / "plugins" / "modules" / "host_precheck.py"
PAGE = CHECKOUT / "docs" / "reference" / "prechecks.md"

_TEXT = """\
<!--
Copyright (c) 2026, The calico_ops.rollout authors
SPDX-License-Identifier: GPL-3.0-or-later

Written by `python -m tests.unit.precheck.catalogue_page` from plugins/module_utils/_precheck/checks and from the faults of the tests.
-->

# What a host is checked for

`calico_ops.rollout.host_precheck` asks a host what calico-node will ask it. Ranks say what hurts most users: 1 first.

| status | means |
|---|---|
| `ok` | the kernel did it, or it is there; or a module for it is on disk and was not loaded for the question ("loadable, not exercised") |
| `warn` | it works, or will, with a drawback that the message names |
| `fail` | calico-node would not work on this host, or would seem to |
| `skipped` | the check applies and could not judge; the remedy says what would let it |

A result lists what is well (`ok`) and what these settings do not need (`not_applicable`) by id, everything else as a finding with what
was seen, what was expected and a remedy. `summary` counts the verdicts that the kernel and the host gave themselves (`exercised`) apart
from those that rest on module files (`static`), and names the modules that `allow_module_load` would load (`would_load`).

**A host passes** when no check failed and every check that applies could judge. No evidence is never a pass: without root, and
where users may not make user namespaces, the kernel refuses most questions. That says nothing about what it can do, so those checks
are skipped with "needs become", and the verdict is `fail`.

**Nothing is left behind.** Objects are made in a network namespace that ends with its process; a process that hangs is killed. A
namespace does not hide kernel modules: one that is loaded for a question stays loaded (and loading `ipip` puts a `tunl0` on the host).
So a question is asked only where no module would be loaded for it, by the host's own `modules.alias` and `modules.dep`. Where one
would be, the files tell whether it could: on disk, and not blocked by a file of modprobe. `allow_module_load: true` asks all the same
and reports what was loaded. Where nothing can be loaded any more, everything is asked.

**One cause is one finding.** Several checks may rest on the same thing: netfilter's netlink socket, a module that is not installed or
blocked, a fact that could not be read, root's capabilities. Each of these checks keeps its status, for waivers and for `checks`, and names
the common `cause`. Every page then tells the cause once and lists the checks that it fails; JUnit fails one case and skips the others.

A result names the remedy with each `warn` and `fail`; for a kernel feature, the package that has it in the host's distribution.

The worst verdict is what a check can say of a host at all. All are proven by recorded answers of hosts (fixtures), those in the lab also
on hosts that really have the fault; see [what was proven](#what-was-proven).

| rank | check | applies to | what it finds out | worst verdict | proven by | source |
|---|---|---|---|---|---|---|
{rows}

What is asked of a kernel goes by the minor version of Calico (`calico_version`):

| Calico | kernel | nftables | bpf | bpf on RHEL 8 |
|---|---|---|---|---|
{versions}

Kernel, nftables and bpf: docs.tigera.io, the system requirements, nftables and eBPF pages of each version. RHEL 8's 4.18 is listed as
working by all of them, and is a warning where a newer kernel is asked for. Felix itself (felix/bpf/bpf.go) takes {felix_bpf}, or RHEL
8's {felix_bpf_el}, for bpf: what is older fails, what is as new as that and older than documented is a warning.

## What mirrors which decision of Calico's

Calico, the operator and the kubelet decide some things by what they find on a host. The checks decide the same, in the same order, from
the sources of each supported version (projectcalico/calico where no other repository is named).

| decision | source | order | Calico 3.28 to 3.33 | here (plugins/module_utils/_precheck) | checks |
|---|---|---|---|---|---|
{mirrored}

## Not decided on a host

| rank | row | decided by | source |
|---|---|---|---|
{elsewhere}

## Where a node is looked for

The arguments of the kubelet that runs count first. Where it is a part of another program, or does not run, its files tell. Every host
is asked for all of these, because the name of its system does not tell which distribution of Kubernetes it has.

| distribution | there is a kubelet where one of these is | the address it was told | source |
|---|---|---|---|
{distributions}

## What was proven

Each of the {checks} checks is held by unit tests to tell a host with its fault from one without, from answers as a kernel and a host give
them. {proven} of them are proven over SSH as well: a host of the lab has the fault, another that differs in nothing else has not, and the
check says so of the first and is `ok` on the other (`tests/lab_tests/modules/test_precheck_faults.py`).

| check | hosts of the lab, and the verdict on each |
|---|---|
{lab}

No host of the lab can have the fault of these:

| check | why |
|---|---|
{not_in_the_lab}

These hosts are out of order before any check is made. None of them ends the play, none passes, and the report says why
(`tests/lab_tests/hosts/test_host_faults.py`).

| host of the lab | out of order | in the report |
|---|---|---|
{silent}
"""


def _distribution(row: Distribution) -> str:
    told = [*row.settings, *row.arguments] or ["the process"]
    signs, where = (", ".join(f"`{path}`" for path in paths) for paths in (row.kubelet, told))
    return f"| {row.name} | {signs} | {where} | {row.source} |"


def page() -> str:
    lab = in_the_lab()
    rows = "\n".join(_row(check, check.id in lab) for check in CATALOGUE)
    versions = "\n".join(_version(name, asked) for name, asked in sorted(DOCUMENTED.items()))
    return _TEXT.format(
        rows=rows,
        versions=versions,
        distributions="\n".join(map(_distribution, DISTRIBUTIONS)),
        felix_bpf=words(FELIX_BPF),
        felix_bpf_el=words(FELIX_BPF_ENTERPRISE_LINUX),
        mirrored="\n".join(_mirrored(row) for row in MIRRORED),
        elsewhere="\n".join(_elsewhere(row) for row in ELSEWHERE),
        checks=len(CATALOGUE),
        proven=len(lab),
        lab="\n".join(_proven(check.id, lab[check.id]) for check in CATALOGUE if check.id in lab),
        not_in_the_lab="\n".join(f"| `{check}` | {why} |" for check, why in sorted(NO_HOST_HAS.items())),
        silent="\n".join(f"| {name} | `{wrong}` | {outcome} |" for name, wrong, outcome in without_a_result()),
    )


def _version(name: str, asked: Documented) -> str:
    return f"| {name} | " + " | ".join(words(version) for version in asked) + " |"


def _mirrored(row: Mirrored) -> str:
    checks = ", ".join(f"`{check}`" for check in row.checks)
    cells = [row.decision, row.source, row.order, row.versions, row.here, checks]
    return "| {} |".format(" | ".join(cell.replace("|", "\\|") for cell in cells))


def _elsewhere(row: Elsewhere) -> str:
    return f"| {row.rank} | `{row.id}` | {row.decided_by} | {row.source} |"


def _proven(check: str, hosts: Mapping[str, str]) -> str:
    return f"| `{check}` | {', '.join(f'{host}: {status}' for host, status in hosts.items())} |"


def _row(check: Check, in_lab: bool) -> str:
    proven = "lab, fixture" if in_lab else "fixture"
    cells = [str(check.rank), f"`{check.id}`", check.applies.words, check.promise, worst(check), proven, check.source]
    return "| {} |".format(" | ".join(cell.replace("|", "\\|") for cell in cells))


def choices() -> str:
    """The `checks` of the module's manual."""
    return "".join(f"      - {check.id}\n" for check in CATALOGUE)


def manual_with_choices(text: str) -> str:
    head, _start, rest = text.partition("    choices:\n      - ipset_functional\n")
    return head + "    choices:\n" + choices() + "  fail_on:\n" + rest.partition("  fail_on:\n")[2]


if __name__ == "__main__":
    MANUAL.write_text(manual_with_choices(MANUAL.read_text(encoding="utf-8")), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
