# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later

PYTHON ?= python3
# Which hosts with a fault `make felix` runs; all of them when empty.
HOSTS ?=
# One lab of several on this machine.
NAME ?= default
# Which stages `make test` runs; all of them when empty.
STAGES ?=
# Which benches `make bench` runs; all of them when empty.
BENCH ?=

checkout = $(PYTHON) -m tests.environment run --
collection = $(PYTHON) -m tests.environment --collection run --

.DEFAULT_GOAL := help
.PHONY: help demo demo-stuck demo-policy check test soak unit lint changelog bench felix lab-up lab-down clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## a real cluster with seven hosts, one of them unfit, and the rollout on it
	$(collection) python -m tests.demo

demo-stuck: ## a cluster of twenty nodes that one of them keeps stuck, and the rescue
	$(collection) python -m tests.demo_stuck

demo-policy: ## a node that is Ready and enforces no network policy, and the rollout that finds it
	$(collection) python -m tests.demo_policy

check: ## lint, unit tests and structure, for the inner loop; in two processes
	$(checkout) python -m tests.gates --workers 2 lint unit

test: ## every gate, as CI runs them; STAGES="unit lint" for some
	$(collection) python -m tests.gates $(STAGES)

unit: ## unit tests only
	$(checkout) python -m tests.gates unit

lint: ## ruff, mypy, changelog, subjects of commits, and ansible-lint
	$(checkout) python -m tests.gates lint ansible-lint

changelog: ## take the fragments of changelogs/fragments into CHANGELOG.md
	$(checkout) python -m tests.gates.changelog

soak: ## what takes too long for every run: each fault of policy between real pods, and policies drawn at random
	$(collection) python -m tests.gates demo-policy molecule-policy soak-pods

bench: ## what it costs, next to something bare; BENCH=labels, readiness, precheck, pages or policy for one
	$(collection) python -m tests.bench $(BENCH)

felix: ## where precheck and the Felix that LAB_FELIX names disagree; HOSTS="few bgpd" for some hosts
	$(collection) python -m tests.lab.felix $(HOSTS)

lab-up: ## start the lab NAME (default: default), with the demo's seven hosts, and say how to reach it
	$(collection) python -m tests.lab up --name $(NAME) --topology demo

lab-down: ## stop the lab NAME, also one that crashed
	$(collection) python -m tests.lab down --name $(NAME)

clean: ## forget the cached environment and the installed collections; compiled Go programs stay
	$(PYTHON) -m tests.environment clean
