# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code that travels to hosts, run by Pythons of other byte orders and other sizes of a pointer, under qemu-user.

qemu translates system calls, not all of them: it passes rtnetlink on and turns its bytes around, and refuses netfilter netlink,
bpf(2), ethtool and many options of sockets itself. So what is claimed is what the program gets right by itself: structures, byte
order, everything of files and of rtnetlink; and that a refusal is told as one. What such a kernel can do is nothing that shows here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import examine
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE

from tests import foreign
from tests.environment.places import CHECKOUT
from tests.foreign import Architecture
from tests.unit.precheck.kernels import want

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace with links to be read is made by root")

WANT = want(encapsulation="vxlan", ipv6=True, wireguard=True)
GATHER = """
import json, struct, sys
sys.path.insert(0, sys.argv[1])
from module_utils._precheck.host.gather import gather
answered = gather(json.loads(sys.argv[2]))
python = {"byte_order": sys.byteorder, "pointer": struct.calcsize("P"), "version": sys.version_info[:2]}
sys.stdout.write(json.dumps({"answered": answered, "python": python}))
"""
NETWORK = """
link set dev lo up
link add name eth0 address 02:00:00:00:00:07 mtu 1400 type veth peer name far
link add name br0 type bridge
link set dev br0 addrgenmode none up
link add name vx0 type vxlan id 4097 dstport 8472 local 192.0.2.7
link set dev eth0 addrgenmode none up
link set dev far addrgenmode none master br0 up
link set dev vx0 addrgenmode none
address add 192.0.2.7/24 dev eth0
address add 2001:db8::7/64 dev eth0 nodad
address add 198.51.100.1/30 dev br0
route add default via 192.0.2.1
route add 203.0.113.0/24 via 192.0.2.9 metric 77
route add 203.0.113.128/25 dev eth0 table 70000
route add ::/0 via 2001:db8::1
"""
# By the beginning of their names: questions that qemu answers itself, or passes on with attributes that it does not turn around.
REFUSED = (
    "bpf.",
    "compat.",
    "conntrack.",
    "host.",
    "ipset.",
    "legacy.",
    "link.",
    "netfilter.",
    "nft.",
    "rules",
    "cards",
)
# Differ from one moment, or one Python, to the next.
# A cluster of the lab that is up on this machine just then has kubelets. Of "paths" /lib is another one: qemu has folders of the other
# architecture in its place, and on 32 bits some inodes are too large.
OF_THE_MOMENT = {"clock", "file_systems", "paths", "same_mounts_as_init", "kubelet"}
OF_THE_MACHINE = {"architecture", "machine"}
FOR_CALICO = (foreign.S390X, foreign.ARM64, foreign.PPC64EL)
"""Of these architectures, those that Calico has images for."""


@pytest.fixture(scope="module")
def namespace() -> Iterator[list[str]]:
    """A network with something to read in it, and the command that enters it."""
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo there; exec sleep 600"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "there\n"
        enter = ["nsenter", f"--net=/proc/{holder.pid}/ns/net", "--"]
        subprocess.run([*enter, "ip", "-batch", "-"], input=NETWORK, text=True, check=True)
        yield enter
    finally:
        holder.kill()
        holder.wait()


@pytest.fixture(scope="module")
def native(namespace: Sequence[str]) -> dict[str, Any]:
    return ask(namespace, [sys.executable, "-I", "-S", "-B"])


@pytest.fixture(scope="module", params=foreign.ALL, ids=lambda one: one.debian)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    found: Architecture = request.param
    return found


@pytest.fixture(scope="module")
def answer(architecture: Architecture, namespace: Sequence[str]) -> dict[str, Any]:
    return ask(namespace, foreign.python(architecture))


def ask(namespace: Sequence[str], python: Sequence[str]) -> dict[str, Any]:
    command = [*namespace, *python, "-c", GATHER, str(CHECKOUT / "plugins"), json.dumps(asked_of(WANT))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    # qemu tells of what it does not know of itself; Python tells of nothing.
    assert "Traceback" not in done.stderr
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered


def facts_of(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["answered"]["facts"]
    return found


def comparable(facts: dict[str, Any], architecture: Architecture) -> dict[str, Any]:
    """Without what qemu does not turn around for another byte order: the attributes of a VXLAN link."""
    if architecture.byte_order == sys.byteorder:
        return facts
    return {**facts, "links": {"value": [{**link, "vxlan": None} for link in facts["links"]["value"]]}}


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    _document, judged = examine(answer["answered"], WANT)
    return {check.id: judgement.status for check, judgement in judged}


def test_a_foreign_python_is_what_its_name_says(architecture: Architecture, answer: dict[str, Any]) -> None:
    facts = facts_of(answer)
    assert answer["python"]["byte_order"] == architecture.byte_order
    assert answer["python"]["pointer"] == architecture.pointer
    assert facts["architecture"]["value"] == architecture.machine
    assert facts["machine"]["value"]["byte_order"] == architecture.byte_order


@pytest.mark.parametrize("name", ["links", "addresses", "routes"])
def test_what_rtnetlink_says_is_read_as_this_machines_python_reads_it(
    name: str, architecture: Architecture, native: dict[str, Any], answer: dict[str, Any]
) -> None:
    here, there = (comparable(facts_of(one), architecture)[name] for one in (native, answer))
    assert len(here["value"]) >= 4
    assert there == here


def test_every_question_has_an_answer_or_a_refusal_and_files_are_read_as_anywhere(
    architecture: Architecture, native: dict[str, Any], answer: dict[str, Any]
) -> None:
    here, there = (comparable(facts_of(one), architecture) for one in (native, answer))
    assert set(there) == set(here)
    assert {name: fact for name, fact in there.items() if "lost" in fact} == {}
    refused = {name for name, fact in there.items() if "value" not in fact and "value" in here[name]}
    assert {name for name in refused if not name.startswith(REFUSED)} - OF_THE_MOMENT == set()
    read = set(here) - OF_THE_MOMENT - OF_THE_MACHINE - {name for name in here if name.startswith(REFUSED)}
    assert {name: there[name] for name in read} == {name: here[name] for name in read}


def test_a_check_fails_only_where_qemu_stands_between_or_calico_has_no_image(
    architecture: Architecture, native: dict[str, Any], answer: dict[str, Any]
) -> None:
    _document, judged = examine(answer["answered"], WANT)
    assert [one.message for _check, one in judged if "internal error" in one.message] == []
    refused = {name for name, fact in facts_of(answer).items() if "value" not in fact}
    asks = {check.id: set(check.probes(WANT)) for check in CATALOGUE}
    here, there = statuses(native), statuses(answer)
    worse = {name for name, status in there.items() if status == "fail" and here[name] != "fail"}
    without_an_image = set() if architecture in FOR_CALICO else {"endianness_arch"}
    assert {name for name in worse if not asks[name] & refused} == without_an_image
