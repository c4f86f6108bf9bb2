# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_precheck on real kernels: this machine's, and lab hosts over SSH with become."""

from __future__ import annotations

import difflib
import errno
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.facts import Facts
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host import gather
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes import (
    catalogue,
    conntrack,
    nftables,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.ipset import IPSets
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.probes.netlink import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.supervise import ask_all
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.judge import examine
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.questions import asked_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.declaration import Want, conduct
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckResult
from pydantic import TypeAdapter

from tests.environment.places import CHECKOUT
from tests.lab.eventually import eventually
from tests.lab.hosts import HostSet, HostSpec
from tests.lab.hosts.host import Host
from tests.lab.prechecks import Answers, over_ssh, statuses

pytestmark = [pytest.mark.ansible, pytest.mark.skipif(os.geteuid() != 0, reason="the kernel answers only to root")]

CONFIGURATION = Path("/proc/config.gz")
UNREGISTERED = 31
"""No kernel has so many nfnetlink subsystems: a message to it is answered as one to an absent ip_set is."""
FEATURES = {
    "ipset_functional": ("CONFIG_IP_SET", "CONFIG_IP_SET_HASH_NET", "CONFIG_IP_SET_HASH_IP"),
    "vxlan_link_create": ("CONFIG_VXLAN",),
    "ipip_link_create": ("CONFIG_NET_IPIP",),
    "wireguard_link_create": ("CONFIG_WIREGUARD",),
    "veth_create": ("CONFIG_VETH",),
    "xt_match_set": ("CONFIG_NETFILTER_XT_SET",),
    "nft_functional": ("CONFIG_NF_TABLES", "CONFIG_NFT_CT", "CONFIG_NFT_MASQ", "CONFIG_NFT_FIB_IPV4"),
    "conntrack_netlink": ("CONFIG_NF_CT_NETLINK",),
}
RUNS = 7
# Own network and PID namespaces stand for a host on which nobody else is at work meanwhile.
LEAVES_NO_TRACE = """
import glob, json, os, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from _precheck.host.gather import gather
from _precheck.host.probes import present
from _precheck.host.probes.ipset import IPSets
from _precheck.host.probes.netlink import NETLINK_NETFILTER, Connection
from _precheck.host.sweeps import network, routes

def text(path):
    return open(path).read() if os.path.exists(path) else None

def below(*folders):
    found = []
    for top in folders:
        for folder, _names, files in os.walk(top):
            for name in files:
                state = os.lstat(os.path.join(folder, name))
                found.append([os.path.join(folder, name), state.st_size, state.st_mtime_ns])
    return sorted(found)

# No settings but counters and caches of the machine, on which others are at work.
COUNTED = ("_count", "/dentry-state", "/inode-nr", "/inode-state", "/file-nr", "/aio-nr", "/pty/nr", "/ns_last_pid")

def settings():
    found = {}
    for folder, _names, files in os.walk("/proc/sys"):
        for path in (os.path.join(folder, name) for name in files):
            if path.endswith(COUNTED) or folder == "/proc/sys/kernel/random":
                continue
            try:
                found[path] = open(path, "rb").read().decode("latin-1")
            except OSError as error:
                found[path] = error.errno
    return found

def traces():
    asked = Connection(NETLINK_NETFILTER, 5)
    sockets = [text("/proc/net/" + table).splitlines()[1:] for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")]
    found = {
        "links": network.links(),
        "addresses": network.addresses(),
        "routes": routes.routes(),
        "rules": routes.rules(),
        "sets": IPSets(asked).names(),
        "tables": present.nft_tables(asked),
        "legacy tables": text("/proc/net/ip_tables_names"),
        "processes": sorted(name for name in os.listdir("/proc") if name.isdigit()),
        "namespaces": sorted(os.readlink(path) for path in glob.glob("/proc/[0-9]*/ns/*")),
        "mounts": text("/proc/self/mountinfo"),
        "modules": [line.split()[0] for line in (text("/proc/modules") or "").splitlines()],
        "sysctls": settings(),
        "files": below("/etc", "/opt/cni", "/var/lib/calico", "/var/lib/cni", "/run/calico", "/sys/fs/bpf"),
        "places": [os.path.exists(path) for path in ("/var/lib/calico", "/etc/cni", "/opt/cni", "/run/xtables.lock")],
        "sockets": sockets,
        "descriptors": len(os.listdir("/proc/self/fd")),
    }
    asked.close()
    return found

before = traces()
asked = json.loads(sys.argv[2])
answers = [[number, gather(asked[number])] for number in list(range(len(asked))) * int(sys.argv[3])]
json.dump({"before": before, "after": traces(), "answers": answers}, sys.stdout)
"""


# What is on a lab host, by the tools of its distribution; a precheck itself runs none.
STATE = """
ip -details link; ip address; ip rule; ip route show table all; nft list ruleset; ls -R /sys/fs/bpf /sys/class/net
cat /proc/net/tcp /proc/net/udp /proc/net/raw | awk '$4 != "06" { print $2, $3, $4 }'
cat /proc/mounts /proc/net/ip_tables_names; ls /proc/sys/net/ipv4/conf
ps -eo comm | sort; find /proc/sys/net -type f -name '*forward*' -exec cat {} +
"""


def seen(host: Host, script: str) -> str:
    return host.run(["sh", "-c", script]).stdout


def want(**settings: Any) -> Want:
    default = Want(encapsulation="vxlan", wireguard=True)
    return default._replace(**settings)


def examined(wanted: Want, **how: Any) -> dict[str, Any]:
    """This machine's own document."""
    return examine(gather.gather(asked_of(wanted, **how)), wanted)[0]


def configured() -> dict[str, str]:
    if not CONFIGURATION.exists():
        pytest.skip("this kernel does not tell its configuration (/proc/config.gz)")
    lines = gzip.decompress(CONFIGURATION.read_bytes()).decode().splitlines()
    return dict(line.split("=", 1) for line in lines if line.startswith("CONFIG_"))


@pytest.mark.parametrize("check", FEATURES)
def test_the_verdict_is_what_this_machines_kernel_was_built_with(check: str) -> None:
    built = configured()
    found: dict[str, str] = {}
    for encapsulation, dataplane in (("vxlan", "nftables"), ("ipip", "iptables")):
        found.update(statuses(examined(want(encapsulation=encapsulation, dataplane=dataplane))))
    has_all = all(built.get(option) in ("y", "m") for option in FEATURES[check])
    assert found[check] == ("ok" if has_all else "fail")


def test_many_runs_in_every_data_plane_leave_no_trace_and_agree() -> None:
    code = CHECKOUT / "plugins/module_utils"
    command = ["unshare", "--net", "--pid", "--fork", "--mount-proc", sys.executable, "-B", "-c", LEAVES_NO_TRACE]
    every = want(ipv6=True, sctp=True, host_endpoints=True, flow_offload=True, apiserver="127.0.0.1:1")
    wants = [every._replace(dataplane=dataplane) for dataplane in ("nftables", "iptables", "bpf")]
    asked = json.dumps([asked_of(one) for one in wants])
    done = subprocess.run([*command, str(code), asked, str(RUNS)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for trace, before in found["before"].items():
        assert found["after"][trace] == before, trace
    verdicts = {(number, str(statuses(examine(one, wants[number])[0]))) for number, one in found["answers"]}
    assert (len(found["answers"]), len(verdicts)) == (3 * RUNS, 3)


def inside(probes: dict[str, Callable[[catalogue.Session], Any]]) -> dict[str, Any]:
    """What this machine's kernel answers in a network namespace of its own."""
    session = catalogue.Session(2.0)
    asked = [(name, partial(session.inside, ask)) for name, ask in probes.items()]
    return ask_all(lambda known: [one for one in asked if one[0] not in known], 3.0, time.monotonic() + 10)


QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "ip sets": lambda asked: IPSets(asked, UNREGISTERED).protocol(),
    "nf_tables": lambda asked: nftables.generation(asked, UNREGISTERED),
    "connection tracking": lambda asked: conntrack.statistics(asked, UNREGISTERED),
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_message_to_a_subsystem_that_nobody_registered_is_answered_invalid_argument(
    ask: Callable[[Connection], object],
) -> None:
    assert inside({"it": lambda session: ask(session.netfilter)})["it"]["errno"] == errno.EINVAL


def test_the_answer_of_a_kernel_without_ip_set_is_judged_as_that() -> None:
    probes = {
        catalogue.NETFILTER: catalogue.find(catalogue.NETFILTER).ask,
        "ipset.protocol": lambda session: IPSets(session.netfilter, UNREGISTERED).protocol(),
    }
    facts = inside(probes)
    found = conduct(CATALOGUE[0], Facts(facts), want())
    assert (found.status, found.message) == ("fail", "the kernel has no ip_set subsystem")


def test_a_kernel_that_does_not_answer_costs_its_own_check_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "_ITEM_DEADLINE", 0.5)
    monkeypatch.setattr(catalogue.links, "create", lambda connection, kind: time.sleep(30))
    started = time.monotonic()
    document = examined(want(wireguard=False))
    assert time.monotonic() - started < 10
    findings = {one["id"]: one for one in document["findings"]}
    assert "no answer within 0.5 s" in findings["vxlan_link_create"]["message"]
    assert "ipset_functional" in document["ok"]
    assert document["verdict"] == "fail"


def test_the_whole_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue.links, "create", lambda connection, kind: time.sleep(30))
    started = time.monotonic()
    examined(want(), deadline=1.0)
    assert time.monotonic() - started < 3


@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="no setpriv")
def test_without_root_nothing_is_called_broken_that_root_finds_well() -> None:
    code = "import sys, json; sys.path.insert(0, sys.argv[1]); from _precheck.host.gather import gather; "
    code += "json.dump(gather(json.loads(sys.argv[2])), sys.stdout)"
    asked = json.dumps(asked_of(want()))
    arguments = ["/usr/bin/python3", "-B", "-c", code, str(CHECKOUT / "plugins/module_utils"), asked]
    drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    done = subprocess.run([*drop, *arguments], capture_output=True, text=True, check=True, cwd="/")
    as_nobody = statuses(examine(json.loads(done.stdout), want())[0])
    as_root = statuses(examined(want()))
    assert [check for check, status in as_nobody.items() if status == "fail" and as_root.get(check) != "fail"] == []


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSet]:
    specs = [
        HostSpec("plain"),
        HostSpec("refused", netfilter_refused=True),
        HostSpec("foreign", files={"/etc/cni/net.d/05-other.conflist": '{"plugins": [{"type": "bridge"}]}\n'}),
    ]
    started = HostSet(tmp_path_factory.mktemp("lab"), specs)
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def answers(hosts: HostSet) -> Answers:
    return over_ssh(hosts, "--become")


def test_over_ssh_each_host_gives_a_precheck_result(answers: Answers) -> None:
    for answer in answers.values():
        TypeAdapter(PrecheckResult).validate_python(answer["precheck"], strict=True)
        assert answer["changed"] is False


def test_a_plain_host_passes(answers: Answers) -> None:
    assert [one for one in answers["plain"]["precheck"]["findings"] if one["status"] == "fail"] == []
    assert answers["plain"]["precheck"]["verdict"] == "pass"


def test_a_host_whose_netfilter_is_refused_fails_and_says_so(answers: Answers) -> None:
    document = answers["refused"]["precheck"]
    failed = {one["id"]: one["message"] for one in document["findings"] if one["status"] == "fail"}
    assert document["verdict"] == "fail"
    assert set(failed) == {"ipset_functional", "xt_match_set", "xt_required_extensions", "conntrack_netlink"}
    assert "the kernel refuses netfilter netlink" in failed["ipset_functional"]
    # One cause, and so one finding on every page.
    assert {one["cause"] for one in document["findings"] if one["id"] in failed} == {"netfilter_netlink"}


def test_a_host_with_another_cni_plugin_fails_for_that_only(answers: Answers) -> None:
    found = statuses(answers["foreign"]["precheck"])
    assert [check for check, status in found.items() if status == "fail"] == ["cni_conflist_foreign"]


def test_a_host_is_identified_by_its_own_identity(hosts: HostSet, answers: Answers) -> None:
    for name, answer in answers.items():
        identity, own = answer["precheck"]["identity"], hosts.host(name)
        assert (identity["hostname"], identity["machine_id"]) == (name, own.machine_id)
        assert (identity["system_uuid"], identity["boot_id"]) == (own.system_uuid, own.boot_id)
        assert own.address in identity["addresses"]


def test_without_become_nothing_is_called_broken_that_works(hosts: HostSet, answers: Answers) -> None:
    for name, answer in over_ssh(hosts).items():
        worse = {check for check, status in statuses(answer["precheck"]).items() if status == "fail"}
        assert worse <= {check for check, status in statuses(answers[name]["precheck"]).items() if status == "fail"}


def test_check_mode_gives_the_same_verdicts(hosts: HostSet, answers: Answers) -> None:
    checked = over_ssh(hosts, "--become", "--check")
    assert {name: statuses(answer["precheck"]) for name, answer in checked.items()} == {
        name: statuses(answer["precheck"]) for name, answer in answers.items()
    }


def test_on_a_host_nothing_is_written_by_a_check_over_ssh_in_any_data_plane(hosts: HostSet) -> None:
    plain = hosts.host("plain")

    def check(dataplane: str) -> None:
        how = f"dataplane={dataplane} encapsulation=vxlan ipv6=true wireguard=true sctp=true"
        over_ssh(hosts, "--become", "-e", "ansible_pipelining=true", settings=how, only=["plain"])

    # The connection stays open for the next, as users have it; and the kernel takes a second for its IPv6 address.
    check("iptables")
    eventually(lambda: not seen(plain, "ip address show tentative"))
    before = seen(plain, STATE)
    seen(plain, "touch /run/before")
    for dataplane in ("iptables", "nftables", "bpf"):
        check(dataplane)
    assert [
        line for line in difflib.ndiff(before.splitlines(), seen(plain, STATE).splitlines()) if line[0] in "+-"
    ] == []
    # Not /root: it is this machine's, on which others are at work.
    written = seen(plain, "find /dev /etc /home /opt /run /srv /tmp /var ! -type c -cnewer /run/before")
    assert written == ""


def test_a_good_hosts_answer_is_small(answers: Answers) -> None:
    assert len(json.dumps(answers["plain"])) < 8 * 1024
