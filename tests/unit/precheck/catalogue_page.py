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

`calico_ops.rollout.host_precheck` tries on a host what calico-node will do there. Rank 1 is the fault that hurts most users.

| status | means |
|---|---|
| `ok` | The kernel did it, or the thing is there. Or its module is on disk, and the check did not load it ("loadable, not exercised"). |
| `warn` | It works, or will work, with a drawback. The message names the drawback. |
| `fail` | calico-node would not work on this host, or would only seem to work. |
| `skipped` | The check applies, but could not judge. The remedy says what it needs. |

A result lists two kinds of checks by id: those that are `ok`, and those that the settings do not need (`not_applicable`). Each other check
is a finding: what was observed, what was expected, and a remedy. `summary` counts two kinds of verdicts. The kernel or the host itself
gave the `exercised` ones; the `static` ones rest on module files. `would_load` names the modules that `allow_module_load` would load.

**A host passes** if no check failed and every check that applies could judge. No evidence is never a pass. Without root, the kernel
refuses most probes if users may not make user namespaces. That says nothing about the kernel, so these checks are skipped with "needs
become", and the verdict is `fail`.

**The check leaves nothing behind.** It makes objects in a network namespace that ends with its process, and kills a process that hangs.
A namespace does not hide kernel modules: a module that a probe loads stays loaded, and `ipip` puts a `tunl0` on the host. So a probe
runs only if it would load no module. The host's own `modules.alias` and `modules.dep` decide that. Otherwise the check reads whether
the module is on disk, and whether a file of modprobe blocks it. `allow_module_load: true` runs these probes too, and reports what they
loaded. If the kernel can load no module any more, all probes run.

**One cause is one finding.** Several checks may rest on the same thing. Examples are netfilter's netlink socket, a module that is
missing or blocked, a fact that could not be read, or root's capabilities. Each of these checks keeps its status, for waivers and for
`checks`, and names the common `cause`. Every page shows the cause once, with the checks that fail by it. JUnit fails one case and skips
the others.

Each `warn` and `fail` has a remedy. For a kernel feature, the remedy names the package of the host's distribution.

The worst verdict is the worst that a check can give a host. Recorded answers of hosts (fixtures) prove every check. Hosts of the lab that
really have the fault prove most of them too; see [what was proven](#what-was-proven).

| rank | check | applies to | what it finds out | worst verdict | proven by | source |
|---|---|---|---|---|---|---|
{rows}

The minor version of Calico (`calico_version`) decides which kernel is needed:

| Calico | kernel | nftables | bpf | bpf on RHEL 8 |
|---|---|---|---|---|
{versions}

The figures are from docs.tigera.io: the pages on system requirements, nftables and eBPF of each version. All of them list RHEL 8's 4.18 as
working, so it is a warning if the version needs a newer kernel. Felix itself (felix/bpf/bpf.go) accepts {felix_bpf}, or RHEL 8's
{felix_bpf_el}, for bpf. An older kernel fails. A kernel between that and the documented one is a warning.

## Which decisions of Calico the checks mirror

Calico, the operator and the kubelet decide some things by the state of the host. The checks decide the same, in the same order. They follow
the sources of each supported version, in projectcalico/calico unless another repository is named.

| decision | source | order | Calico 3.28 to 3.33 | here (plugins/module_utils/_precheck) | checks |
|---|---|---|---|---|---|
{mirrored}

## Not decided on a host

| rank | row | decided by | source |
|---|---|---|---|
{elsewhere}

## How the checks find the kubelet

The arguments of the running kubelet count first. If the kubelet is part of another program, or does not run, its files count. The checks
look for all of these files on every host, because the name of the system does not show the distribution of Kubernetes.

| distribution | a host has a kubelet if one of these exists | where its address is set | source |
|---|---|---|---|
{distributions}

## What was proven

Unit tests hold each of the {checks} checks to recorded answers: it finds the fault on a host that has it, and only there. {proven} of
them are proven over SSH as well. One host of the lab has the fault, and another differs from it in nothing else. The check finds the
fault on the first and is `ok` on the other (`tests/lab_tests/modules/test_precheck_faults.py`).

| check | hosts of the lab, and the verdict on each |
|---|---|
{lab}

No host of the lab can have the fault of these:

| check | why |
|---|---|
{not_in_the_lab}

These hosts are out of order before any check begins. None of them ends the play, and none passes. The report says why
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
