# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that can label nodes: urllib3, threads, one merge patch a node. A program of its own; prints its seconds.

It is told the names, so it lists nothing, compares nothing and repeats nothing.
"""

from __future__ import annotations

import argparse
import base64
import json
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import urllib3
import yaml


def main() -> None:
    began = time.monotonic()
    parser = argparse.ArgumentParser()
    parser.add_argument("kubeconfig")
    parser.add_argument("label")
    parser.add_argument("value")
    parser.add_argument("concurrency", type=int)
    given = parser.parse_args()
    with open(given.kubeconfig) as file:
        config = yaml.safe_load(file)
    server = config["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    pool = urllib3.PoolManager(maxsize=given.concurrency, ssl_context=context, retries=False)
    headers = {
        "Authorization": "Bearer " + config["users"][0]["user"]["token"],
        "Content-Type": "application/merge-patch+json",
        # The small answer, as the module asks for it: otherwise the comparison would be about reading answers.
        "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    }
    body = json.dumps({"metadata": {"labels": {given.label: given.value}}})

    def patch(node: str) -> int:
        url = f"{server['server']}/api/v1/nodes/{node}"
        return pool.request("PATCH", url, body=body, headers=headers).status

    nodes = sys.stdin.read().split()
    with ThreadPoolExecutor(given.concurrency) as threads:
        statuses = list(threads.map(patch, nodes))
    if set(statuses) != {200}:
        sys.exit(f"statuses: {sorted(set(statuses))}")
    print(time.monotonic() - began)


if __name__ == "__main__":
    main()
