# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf(2) by number and by layout, and what its answers mean: where bpf is asked for, doing without it is silent."""

from __future__ import annotations

import errno
import struct

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.no_evidence import NoEvidence
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import bpf

from tests.unit.precheck.builders import judgement, status
from tests.unit.precheck.kernels import answering, healthy, knowing

# arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl, arch/arm/tools/syscall.tbl, arch/powerpc and
# arch/s390/kernel/syscalls/syscall.tbl, and include/uapi/asm-generic/unistd.h for arm64 and riscv64.
PUBLISHED = {
    ("x86_64", 8): 321,
    ("i686", 4): 357,
    ("aarch64", 8): 280,
    ("armv7l", 4): 386,
    ("ppc64le", 8): 361,
    ("s390x", 8): 351,
    ("riscv64", 8): 280,
}


@pytest.mark.parametrize(("machine", "pointer"), PUBLISHED)
def test_the_number_of_the_call_is_the_published_one(machine: str, pointer: int) -> None:
    assert bpf.number_of(machine, pointer) == PUBLISHED[(machine, pointer)]


def test_a_32_bit_python_on_a_64_bit_kernel_makes_32_bit_calls() -> None:
    assert (bpf.number_of("aarch64", 4), bpf.number_of("x86_64", 4)) == (386, 357)


def test_a_machine_that_is_not_known_is_not_asked() -> None:
    with pytest.raises(NoEvidence, match="not known for mips64 with 64 bits"):
        bpf.number_of("mips64", 8)


def test_the_attributes_are_laid_out_as_the_kernel_reads_them() -> None:
    # union bpf_attr, include/uapi/linux/bpf.h: prog_type, insn_cnt, insns, license, ..., expected_attach_type at 68.
    laid_out = bpf.program_attributes(18, 10, 0x1000, 0x2000)
    assert struct.unpack_from("=IIQQ", laid_out) == (18, 2, 0x1000, 0x2000)
    assert struct.unpack_from("=I", laid_out, 68) == (10,)
    assert len(bpf.instructions()) == 16


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("5.3.0-1-amd64", "ok"),
        ("5.2.21", "fail"),
        ("4.19.0-26-amd64", "fail"),
        ("4.18.0-553.el8_10.x86_64", "ok"),
        ("4.18.0-193.el8.x86_64", "ok"),
        ("4.18.0-147.el8.x86_64", "fail"),
    ],
)
def test_a_kernel_on_which_felix_would_give_up_bpf_in_silence_fails(release: str, expected: str) -> None:
    facts = knowing(healthy(), kernel_release=release)
    assert status("bpf_supported", facts, dataplane="bpf", calico_version="3.30") == expected


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("5.10.0-33-amd64", "ok"),
        ("5.4.0-216-generic", "warn"),
        ("5.2.21", "fail"),
        ("4.18.0-305.el8.x86_64", "ok"),
        ("4.18.0-240.el8.x86_64", "warn"),
        ("4.18.0-147.el8.x86_64", "fail"),
    ],
)
def test_since_3_31_bpf_is_documented_for_newer_kernels_than_felix_asks_for(release: str, expected: str) -> None:
    facts = knowing(healthy(), kernel_release=release)
    assert status("bpf_supported", facts, dataplane="bpf", calico_version="3.31") == expected


def test_a_kernel_older_than_documented_that_refuses_a_program_fails_all_the_same() -> None:
    facts = answering(knowing(healthy(), kernel_release="5.4.0"), "bpf.xdp", errno=errno.EINVAL)
    assert status("bpf_supported", facts, dataplane="bpf") == "fail"


def test_the_message_says_what_would_happen_instead() -> None:
    found = judgement("bpf_supported", knowing(healthy(), kernel_release="4.19.0"), dataplane="bpf")
    assert "becomes ready and enforces by iptables instead" in found.message


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL, errno.E2BIG])
@pytest.mark.parametrize("probe", ["bpf.map", "bpf.sched_cls", "bpf.xdp", "bpf.cgroup_sock_addr"])
def test_a_refusal_of_any_kind_fails(probe: str, number: int) -> None:
    facts = answering(healthy(), probe, errno=number, text=probe)
    assert status("bpf_supported", facts, dataplane="bpf") == "fail"


def test_a_refusal_for_want_of_privilege_says_nothing_about_the_kernel() -> None:
    found = judgement("bpf_supported", answering(healthy(), "bpf.", errno=errno.EPERM), dataplane="bpf")
    assert (found.status, "CAP_BPF" in found.message) == ("skipped", True)


def test_without_bpf_nobody_asks() -> None:
    facts = answering(healthy(), "bpf.", errno=errno.ENOSYS)
    assert status("bpf_supported", facts) == "not_applicable"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"v1": False, "v2": True, "supported": True}, "ok"),
        ({"v1": True, "v2": False, "supported": True}, "warn"),
        ({"v1": True, "v2": False, "supported": False}, "fail"),
    ],
)
def test_services_by_bpf_need_cgroup_v2(found: dict[str, bool], expected: str) -> None:
    assert status("cgroup2_available", knowing(healthy(), cgroups=found), dataplane="bpf") == expected
    assert status("cgroup2_available", knowing(healthy(), cgroups=found)) == "not_applicable"


def test_an_immutable_system_needs_the_path_of_its_cgroups() -> None:
    facts = knowing(healthy(), os_release={"ID": "talos", "VERSION_ID": "1.11"})
    assert status("immutable_os_cgroup_path", facts, dataplane="bpf") == "warn"
    assert status("immutable_os_cgroup_path", facts, dataplane="bpf", cgroup_v2_path="/sys/fs/cgroup") == "ok"
    assert status("immutable_os_cgroup_path", healthy(), dataplane="bpf") == "ok"
