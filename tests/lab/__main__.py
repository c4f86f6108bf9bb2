# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line."""

from __future__ import annotations

import argparse
import sys

from tests.lab.binaries import binaries, pod_tools, tools
from tests.lab.errors import LabError
from tests.lab.faults import FAULTS
from tests.lab.lab import Lab
from tests.lab.nodes import NodeSpec
from tests.lab.places import lab_names
from tests.lab.recorder import judge, recorded
from tests.lab.topologies import TOPOLOGIES


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab",
        description="A real Kubernetes control plane with simulated nodes and real SSH hosts, on this machine.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="build etcd, kwok and Kubernetes into the cache, unless they are there")
    build.add_argument("--pods", action="store_true", help="also what runs real pods: kubelet, containerd and the like")
    build.set_defaults(run=_build)

    up = commands.add_parser("up", help="start a lab")
    up.add_argument(
        "--topology",
        choices=sorted(TOPOLOGIES),
        help="bring up this cluster: its SSH hosts, each of which is a node, and what runs on it",
    )
    up.add_argument("--nodes", type=int, default=0, metavar="N", help="also register N nodes that have no host")
    up.add_argument("--no-operator", action="store_true", help="leave the stand-in for tigera-operator out")
    up.set_defaults(run=_up)

    down = commands.add_parser("down", help="stop a lab and remove all of it, also one that crashed")
    down.add_argument("--all", action="store_true", help="every lab on this machine")
    down.set_defaults(run=_down)

    status = commands.add_parser("status", help="say what runs and how to reach it")
    status.set_defaults(run=_status)

    kinds = "\n".join(f"  {kind:20} {what}" for kind, what in FAULTS.items())
    fault = commands.add_parser(
        "fault",
        help="give a node a fault, or take it away again",
        description=f"From now on the node has this fault:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fault.add_argument("node", metavar="NODE")
    fault.add_argument("fault", metavar="FAULT", nargs="?", help="none when left out")
    fault.set_defaults(run=_fault)

    record = commands.add_parser("record", help="write down from now on what becomes of calico-node's pods")
    record.set_defaults(run=_record)

    verdict = commands.add_parser(
        "verdict", help="say whether a node lost a Ready calico-node that it should have kept"
    )
    verdict.set_defaults(run=_verdict)

    for command in (up, down, status, fault, record, verdict):
        command.add_argument("--name", default="default", help="which lab (default: %(default)s)")
    return parser


def _say(text: str) -> None:
    print(text, flush=True)


def _build(options: argparse.Namespace) -> None:
    wanted = [*tools(), *(pod_tools() if options.pods else ())]
    for program, path in binaries(_say, wanted).items():
        _say(f"{program:24} {path}")


def _up(options: argparse.Namespace) -> None:
    lab = Lab(options.name, _say)
    if options.topology:
        TOPOLOGIES[options.topology].bring_up(lab)
    else:
        lab.up(operator=not options.no_operator)
    lab.add_nodes(NodeSpec(f"node-{number:04}") for number in range(1, options.nodes + 1))
    _describe(lab)


def _down(options: argparse.Namespace) -> None:
    for name in lab_names() if options.all else [options.name]:
        Lab(name, _say).down()
        _say(f"lab {name!r} is down")


def _status(options: argparse.Namespace) -> None:
    _describe(Lab(options.name, _say))


def _fault(options: argparse.Namespace) -> None:
    Lab(options.name, _say).set_fault(options.node, options.fault)


def _record(options: argparse.Namespace) -> None:
    Lab(options.name, _say).record_pods()


def _verdict(options: argparse.Namespace) -> None:
    verdict = judge(recorded(Lab(options.name, _say).pod_record))
    if verdict.broken:
        raise LabError(verdict.text)
    _say(verdict.text)


def _describe(lab: Lab) -> None:
    record, alive = lab.record(), lab.daemons.alive()
    if not record:
        raise LabError(f"there is no lab {lab.name!r}; up is: {', '.join(lab_names()) or 'none'}")
    dead = [name for name in lab.daemons.names() if name not in alive]
    if dead or not record["ready"]:
        raise LabError(
            f"the lab {lab.name!r} is broken ({', '.join(dead) or 'start'} failed); logs: {lab.directory / 'logs'}"
        )
    _say(
        f"lab {lab.name!r}: Kubernetes {record['kubernetes']}, {', '.join(f'{name} ({pid})' for name, pid in alive.items())}"
    )
    hosts = lab.hosts
    if hosts:
        _say(f"  hosts      {', '.join(f'{host.name} ({host.address})' for host in hosts)}")
        _say(f"  inventory  {lab.inventory}")
    _say(f"  logs       {lab.directory / 'logs'}; audit log {lab.audit_log}")
    _say(f"  as the collection's own account:  export K8S_AUTH_KUBECONFIG={lab.kubeconfig}")
    _say(f"  as cluster admin:                 export KUBECONFIG={lab.admin_kubeconfig}")


if __name__ == "__main__":
    sys.exit(main())
