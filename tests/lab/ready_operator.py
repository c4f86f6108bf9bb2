# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ready tigera-operator in place of the stand-in: LAB_OPERATOR names its program, for Linux and this machine's processor.

It runs on this machine, beside the lab's API server, and needs no image: kwok plays the pods that it asks for. What it takes
to run outside a pod is the same from 1.34 (Calico 3.28) on (tigera/operator main.go, cmd/main.go since 1.38):

- leader election wants a pod's namespace, so it is switched off;
- `--print-calico-crds all` prints every CRD that it watches, its own and Calico's, without asking the API server;
- CALICO_API_GROUP says which group Calico's CRDs are of. Unless it is set, the lab takes crd.projectcalico.org, as each of
  these versions knows it. With projectcalico.org/v3 an APIServer brings webhooks, and no pod of kwok's answers them;
- it waits for an Installation before it starts its controllers, which takes it some two seconds.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.ready_program import named_by

VARIABLE = "LAB_OPERATOR"
API_GROUP = "CALICO_API_GROUP"
V1 = "crd.projectcalico.org/v1"


def program() -> Path | None:
    """The program that LAB_OPERATOR names; None where the stand-in is to run. LabError when it cannot be run."""
    return named_by(VARIABLE, "tigera-operator")


def command(binary: Path, directory: Path) -> list[str | Path]:
    """How it is started, by the name that it has in its image: the API server notes that as its field manager."""
    link = directory / "operator"
    link.unlink(missing_ok=True)
    link.symlink_to(binary)
    return [link, "--enable-leader-election=false"]


def environment(kubeconfig: Path) -> dict[str, str]:
    return {"KUBECONFIG": str(kubeconfig), API_GROUP: api_group()}


def api_group() -> str:
    """Group and version of Calico's CRDs, as the operator is told."""
    return os.environ.get(API_GROUP) or V1


def write_crds(binary: Path, target: Path) -> None:
    """Every CRD that this operator watches."""
    outcome = subprocess.run(
        [binary, "--print-calico-crds", "all"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, API_GROUP: api_group()},
    )
    if outcome.returncode != 0:
        raise LabError(f"{binary} printed no CRDs: {(outcome.stderr or outcome.stdout).strip()}")
    target.write_text(outcome.stdout)
