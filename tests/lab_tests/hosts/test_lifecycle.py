# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lab hosts start together, stop together, and leave nothing behind, however they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.environment.places import CHECKOUT
from tests.lab.hosts import HostError, HostSet, HostSpec
from tests.lab.hosts.birth import Birth
from tests.lab.hosts.keys import Keys
from tests.lab.hosts.links import Bridge
from tests.lab.hosts.process import Process

STOP_FROM_ELSEWHERE = "import sys; from tests.lab.hosts import HostSet; HostSet.load(sys.argv[1]).stop()"

MakeSet = Callable[..., HostSet]


@pytest.fixture
def make_set(tmp_path: Path) -> Iterator[MakeSet]:
    made: list[HostSet] = []

    def make(*specs: HostSpec, lab: str = "lab") -> HostSet:
        made.append(HostSet(tmp_path / lab, specs))
        return made[-1]

    yield make
    for hosts in made:
        HostSet.load(hosts.state_dir).stop()


def what_is_left(pids: list[int], bridge: Bridge, state_dir: Path) -> list[str]:
    """Everything of a set that the machine can still see."""
    names = [link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-json", "link", "show"]))]
    left = [name for name in names if name == bridge.name or name.startswith(f"{bridge.name}h")]
    left += [f"process {pid}" for pid in pids if Path(f"/proc/{pid}/root/etc").exists()]
    left += [str(path) for path in (state_dir / "hosts", Path("/run", bridge.name)) if path.exists()]
    return left + [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(state_dir) in line]


def seen_of(hosts: HostSet) -> tuple[list[int], Bridge, Path]:
    assert hosts.bridge is not None
    return [host.pid for host in hosts.hosts], hosts.bridge, hosts.state_dir


def killed(hosts: HostSet) -> None:
    for host in hosts.hosts:
        os.kill(host.pid, signal.SIGKILL)
        assert host.process.wait(time.monotonic() + 5)


def test_a_stopped_set_leaves_nothing(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"), HostSpec("b"))
    hosts.start()
    seen = seen_of(hosts)
    assert len(what_is_left(*seen)) > len(hosts.hosts)
    hosts.stop()
    assert what_is_left(*seen) == []


def test_another_process_knows_the_hosts(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a", groups=["core"], labels={"tier": "core"}))
    hosts.start()
    found = HostSet.load(hosts.state_dir)
    assert [json.dumps(host.record()) for host in found.hosts] == [json.dumps(host.record()) for host in hosts.hosts]
    assert found.inventory() == hosts.inventory()


def test_another_process_stops_the_hosts(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"))
    hosts.start()
    seen = seen_of(hosts)
    subprocess.run([sys.executable, "-c", STOP_FROM_ELSEWHERE, str(hosts.state_dir)], cwd=CHECKOUT, check=True)
    assert what_is_left(*seen) == []


def test_killed_hosts_are_seen_as_dead_and_cleaned_by_the_next_stop(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"), HostSpec("b"))
    hosts.start()
    seen = seen_of(hosts)
    killed(hosts)
    found = HostSet.load(hosts.state_dir)
    assert found.status() == {"a": False, "b": False}
    found.stop()
    assert what_is_left(*seen) == []


def test_a_set_starts_again_over_what_a_crash_left(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"))
    hosts.start()
    seen = seen_of(hosts)
    killed(hosts)
    again = make_set(HostSpec("a"))
    again.start()
    assert again.host("a").ssh(["hostname"]).stdout == "a\n"
    again.stop()
    assert what_is_left(*seen) == []


def test_a_bridge_made_just_before_a_crash_is_found_without_a_record(tmp_path: Path) -> None:
    bridge = Bridge.claim(tmp_path)
    HostSet.load(tmp_path).stop()
    assert what_is_left([], bridge, tmp_path) == []


def test_a_host_that_was_never_connected_ends_with_its_lab(tmp_path: Path) -> None:
    launch = Birth.of(HostSpec("a"), "198.18.0.10", 24).launch(tmp_path / "a", Keys(tmp_path / "ssh"))
    init = launch.process()
    assert init.alive
    launch.abandon()
    assert init.wait(time.monotonic() + 5)


def test_a_host_without_its_sshd_is_no_longer_alive(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"))
    hosts.start()
    host = hosts.host("a")
    children = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    assert host.process.wait(time.monotonic() + 5)


def test_one_host_stops_and_the_others_live(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"), HostSpec("b"))
    hosts.start()
    hosts.host("a").stop()
    assert hosts.status() == {"a": False, "b": True}


def test_everything_in_a_host_ends_with_it(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"))
    hosts.start()
    mark = hosts.host("a").machine_id
    deaf = f"setsid sh -c 'trap : TERM; : {mark}; while :; do sleep 1; done' > /dev/null 2>&1 &"
    hosts.host("a").ssh(["sh", "-c", deaf])
    assert processes_with(mark) != []
    hosts.stop()
    assert processes_with(mark) == []


def processes_with(mark: str) -> list[str]:
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):  # ended between the listing and the reading
            found += [command.parent.name] if mark in command.read_text(errors="replace") else []
    return found


def test_two_labs_with_hosts_of_the_same_name_run_side_by_side(make_set: MakeSet) -> None:
    one, two = make_set(HostSpec("a"), lab="one"), make_set(HostSpec("a"), lab="two")
    one.start()
    two.start()
    assert one.host("a").address != two.host("a").address
    one.stop()
    assert two.host("a").ssh(["cat", "/etc/machine-id"]).stdout.strip() == two.host("a").machine_id


@pytest.mark.parametrize(
    "leave_only",
    [("address", "flush", "dev", "{name}"), ("link", "set", "dev", "{name}", "name", "not-of-a-lab")],
    ids=["the name", "the address"],
)
def test_a_subnet_that_is_taken_is_passed_over(tmp_path: Path, leave_only: tuple[str, ...]) -> None:
    first = Bridge.claim(tmp_path)
    subprocess.run(["ip", *(word.format(name=first.name) for word in leave_only)], check=True)
    try:
        second = Bridge.claim(tmp_path)
        second.delete()
        assert second.number == (first.number + 1) % 256
    finally:
        subprocess.run(["ip", "link", "delete", "dev", "not-of-a-lab"], check=False, capture_output=True)
        first.delete()


def test_a_running_set_is_not_started_again(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("a"))
    hosts.start()
    with pytest.raises(HostError, match="run already"):
        make_set(HostSpec("a")).start()
    assert hosts.status() == {"a": True}


def test_two_hosts_of_one_name_are_refused(make_set: MakeSet) -> None:
    with pytest.raises(HostError, match="same name: a"):
        make_set(HostSpec("a"), HostSpec("a")).start()


def test_a_host_that_cannot_start_is_named_with_the_reason_and_leaves_nothing(make_set: MakeSet) -> None:
    hosts = make_set(HostSpec("good"), HostSpec("bad", files={"/proc/of-no-process": ""}))
    expected = Bridge.claim(hosts.state_dir)
    expected.delete()
    with pytest.raises(HostError, match=r"lab host bad .*/proc/of-no-process"):
        hosts.start()
    assert what_is_left([], expected, hosts.state_dir) == []


def test_a_pid_that_came_to_mean_another_process_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        remembered = Process(other.pid, "an earlier start")
        remembered.send(signal.SIGKILL)
        assert not remembered.alive
        assert other.poll() is None
        Process.of(other.pid).send(signal.SIGKILL)
