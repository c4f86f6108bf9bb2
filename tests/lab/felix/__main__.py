# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab.felix [HOST...]`: all hosts with a fault, or these."""

from __future__ import annotations

import sys

from tests.lab import ready_felix
from tests.lab.errors import LabError
from tests.lab.faulty_hosts import FAULTY
from tests.lab.felix.comparison import compare, require_crds
from tests.lab.felix.outcomes import table
from tests.lab.lab import Lab


def main(names: list[str]) -> int:
    try:
        binary = ready_felix.program()
        if binary is None:
            print(f"skipped: {ready_felix.VARIABLE} names no Felix")
            return 0
        unknown = [name for name in names if name not in FAULTY]
        if unknown:
            raise LabError(f"no host with a fault is called {', '.join(unknown)}")
        lab = Lab("felix", say=lambda line: print(line, file=sys.stderr))
        try:
            lab.up(operator=False)
            require_crds(lab)
            outcomes = compare(names or list(FAULTY), binary, lab, lambda line: print(line, file=sys.stderr))
        finally:
            lab.down(keep_logs=True)
    except LabError as error:
        print(f"felix: {error}", file=sys.stderr)
        return 1
    sys.stdout.write(table(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
