# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE. All hosts of one lab, started and stopped together, known to others by the lab's state directory."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .birth import Birth
from .host import Host
from .keys import Keys
from .launch import SECONDS_TO_ANSWER, HostError, Launch
from .links import Bridge
from .spec import HostSpec

LONGEST_SET = 200  # addresses of one lab's /24


class HostSet:
    """The hosts of the lab in this state directory. `load` finds those that another process started."""

    def __init__(self, lab_state_dir: Path | str, specs: Sequence[HostSpec] = ()) -> None:
        self.state_dir = Path(lab_state_dir).resolve()
        self.specs = tuple(specs)
        self.hosts: list[Host] = []
        self.bridge: Bridge | None = None

    @classmethod
    def load(cls, lab_state_dir: Path | str) -> HostSet:
        """The set as it was last recorded; empty, but able to stop what a crash left, where there is no record."""
        found = cls(lab_state_dir)
        found.bridge = Bridge.find(found.state_dir)
        if found._record.exists():
            records = json.loads(found._record.read_text())["hosts"]
            found.hosts = [Host.from_record(record, found._keys) for record in records]
            found.specs = tuple(host.spec for host in found.hosts)
        return found

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def status(self) -> dict[str, bool]:
        """Which hosts live."""
        return {host.name: host.alive for host in self.hosts}

    def start(self) -> None:
        """Start all hosts or none: what a crashed run left is cleaned first, a failure takes everything down again."""
        self._refuse_what_cannot_be()
        before = HostSet.load(self.state_dir)
        if any(before.status().values()):
            raise HostError(f"the hosts in {self.state_dir} run already: stop them first")
        before.stop()
        launches: list[Launch] = []
        try:
            self.bridge = Bridge.claim(self.state_dir)
            self._control_dir(self.bridge).mkdir(mode=0o700, exist_ok=True)
            self._bring_up(self.bridge, launches)
        except BaseException:
            for launch in launches:
                launch.abandon()
            self.stop()
            raise

    def stop(self) -> None:
        """Remove hosts, bridge, and everything written. Also right when there is nothing, or only some of it."""
        bridge = self.bridge or Bridge.find(self.state_dir)
        for host in self.hosts:
            host.ask_to_stop()
        for host in self.hosts:
            host.stop()
        if bridge is not None:
            bridge.delete()
            shutil.rmtree(self._control_dir(bridge), ignore_errors=True)
        if self._folder.exists():
            shutil.rmtree(self._folder)
        self.hosts, self.bridge = [], None

    def inventory(self) -> dict[str, Any]:
        """An Ansible inventory of these hosts, ready to be written as YAML or JSON."""
        bridge = self.bridge
        if bridge is None:
            raise HostError(f"no hosts run in {self.state_dir}")
        control_path = f"{self._control_dir(bridge)}/%C"
        children: dict[str, Any] = {}
        for host in self.hosts:
            for group in host.spec.groups:
                children.setdefault(group, {"hosts": {}})["hosts"][host.name] = {}
        hosts = {host.name: host.variables(control_path) for host in self.hosts}
        return {"all": {"hosts": hosts, "children": children}}

    @property
    def _folder(self) -> Path:
        return self.state_dir / "hosts"

    @property
    def _record(self) -> Path:
        return self._folder / "hosts.json"

    @property
    def _keys(self) -> Keys:
        return Keys(self._folder / "ssh")

    def _refuse_what_cannot_be(self) -> None:
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            raise HostError("lab hosts are made of Linux namespaces: run this as root on Linux")
        twice = [name for name, count in Counter(spec.name for spec in self.specs).items() if count > 1]
        if twice:
            raise HostError(f"lab hosts of the same name: {', '.join(twice)}")
        if len(self.specs) > LONGEST_SET:
            raise HostError(f"a lab has room for {LONGEST_SET} hosts, not for {len(self.specs)}")

    def _bring_up(self, bridge: Bridge, launches: list[Launch]) -> None:
        """Take all hosts through each step together: most of the time is the kernel's, and it works on them side by side."""
        births = [
            Birth.of(spec, bridge.host_address(position), bridge.network.prefixlen)
            for position, spec in enumerate(self.specs)
        ]
        for birth in births:
            launches.append(birth.launch(self._folder / birth.spec.name, self._keys))
        self.hosts = [birth.host(launch.process(), self._keys) for birth, launch in zip(births, launches)]
        self._keys.write_known_hosts(
            {host.name: host.address for host in self.hosts},
            mistaken={host.name for host in self.hosts if host.spec.ssh_key_mistaken},
        )
        self._save()  # before "go": a host that runs on is always one that a later stop() knows of
        for launch in launches:
            launch.wait_until_built()
        bridge.connect([host.pid for host in self.hosts])
        for launch in launches:
            launch.go()
        deadline = time.monotonic() + SECONDS_TO_ANSWER
        for host, launch in zip(self.hosts, launches):
            launch.wait_for_login(host, deadline)

    def _save(self) -> None:
        document = {"hosts": [host.record() for host in self.hosts]}
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps(document, indent=1))
        draft.replace(self._record)

    @staticmethod
    def _control_dir(bridge: Bridge) -> Path:
        """Short, as the name of a UNIX socket must be, and this lab's alone, as the bridge is."""
        return Path("/run", bridge.name)
