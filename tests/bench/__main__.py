# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench [BENCH ...]`: runs the benches one after the other. Exit code 1 when a target is missed."""

from __future__ import annotations

import argparse
import sys

from tests.bench import labels, pages, policy, precheck, readiness
from tests.bench.figures import BenchError, load, table

BENCHES = {"labels": labels, "readiness": readiness, "precheck": precheck, "pages": pages, "policy": policy}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("bench", nargs="*", help="; ".join(f"{name}: {one.__doc__}" for name, one in BENCHES.items()))
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args()
    unknown = sorted(set(given.bench) - set(BENCHES))
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    missed = False
    for name in given.bench or BENCHES:
        print(f"{name}: {BENCHES[name].__doc__}\n{load()}", flush=True)
        try:
            figures = BENCHES[name].run(given.repetitions)
        except BenchError as error:
            sys.exit(f"{name}: {error}")
        print(f"\n{table(figures)}\n{load()}\n", flush=True)
        missed |= not all(figure.met for figure in figures)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
