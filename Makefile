# Every human entry point. `make help` lists them. Nothing here is needed to understand the code:
# each target is a few commands that may as well be typed by hand.
#
# Needed on the machine: python3.11 with venv, a Rust toolchain, a C linker. All else goes into .venv.

PYTHON ?= python3.11
PORT   ?= 2181
DATA   ?= ./data
NODES  ?= 1
ARGS   ?=
T      ?=
BENCH  ?=
SEED   ?=
ROUNDS ?= 100
HELM   ?= helm
DOCKER ?= docker
REGISTRY ?= raftkeeper
BASE   ?=
SEEDS  ?= 10000
STORY  ?=
KEEP   ?=
MINUTES ?= 20

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Targets share .venv and the cargo folder; the work inside each is parallel already.
.NOTPARALLEL:

VENV := .venv
BIN  := $(VENV)/bin
# Stamps: a target whose inputs are older than its stamp has nothing to do.
VENV_READY     := $(VENV)/.ready-packages
ENGINE_READY   := $(VENV)/.ready-engine
OPERATOR_READY := $(VENV)/.ready-operator
WHEELS_READY   := dist/wheels/.ready

# Of both images: the charts', which is the operator's own.
VERSION := $(shell sed -n 's/^appVersion: //p' charts/raftkeeper-operator/Chart.yaml)
IMAGE_ARGS := $(if $(BASE),--build-arg BASE=$(BASE))

RUST_SOURCES := $(shell find node/src node/engine/src -name '*.rs' 2>/dev/null) \
	node/Cargo.toml node/Cargo.lock node/engine/Cargo.toml
PYTHON_SOURCES := $(shell find node/python operator/src -name '*.py' -not -path '*/testing/*' 2>/dev/null) \
	node/pyproject.toml operator/pyproject.toml
QUIETLY := --quiet --disable-pip-version-check
# The load generator is a crate of its own, so that the node's build never waits for it.
CARGO_IN_LOAD := --manifest-path bench/load/Cargo.toml --locked
CARGO_IN_NODE := --manifest-path node/Cargo.toml --locked
# What maturin and pip look at to know whose venv they fill.
IN_VENV := PIP_QUIET=1 VIRTUAL_ENV='$(CURDIR)/$(VENV)' PATH='$(CURDIR)/$(BIN)':"$$PATH"
# The border crate is compiled against this interpreter, whichever others the machine has.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
PYTEST  := $(CURDIR)/$(BIN)/python -P -m pytest $(if $(SEED),--hypothesis-seed=$(SEED))

##@ Running

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## "; print "make TARGET [VARIABLE=value]" } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nVariables\n'
	@printf '  %-14s %s\n' \
	  'PORT=$(PORT)' 'where `make run` listens, on 127.0.0.1' \
	  'DATA=$(DATA)' 'where `make run` keeps its data' \
	  'NODES=$(NODES)' 'how many nodes `make run` starts, on ports from PORT up, data in DATA/1, DATA/2, …' \
	  'ARGS=' 'more flags of `make run` (ARGS="--http-port 8081")' \
	  'T=' 'one folder, file or test for `make test-node`, from node/ (T=tests/unit/raft)' \
	  'BENCH=' 'arguments of `make bench` (BENCH=--quick)' \
	  'SEED=' 'the seed that a failing property test, `make kill` or `make faults`, has printed' \
	  'ROUNDS=$(ROUNDS)' 'how often `make kill` kills' \
	  'MINUTES=$(MINUTES)' 'how long `make faults` goes on' \
	  'SEEDS=$(SEEDS)' 'how many ensembles `make sim` simulates (SEED= for one of them)' \
	  'REGISTRY=$(REGISTRY)' 'first part of the names of `make images`, without the slash' \
	  'BASE=' 'image that `make images` builds on: any Debian-like one with Python 3.11' \
	  'STORY=' 'stories of `make e2e` whose name has this in it' \
	  'KEEP=' 'set: the cluster that `make e2e` has brought up stays' \
	  'PYTHON=' 'the interpreter that makes .venv, now $(PYTHON)'

.PHONY: run
run: $(NEEDS) $(ENGINE_READY) ## Build what is needed and start one node on 127.0.0.1:2181, data under ./data (NODES=3: an ensemble)
ifeq ($(NODES),1)
	@exec $(BIN)/raftkeeper server --client-listen 127.0.0.1 --client-port $(PORT) --storage-data-dir '$(DATA)' $(ARGS)
else
	@exec $(BIN)/python -P tools/run_ensemble.py --nodes $(NODES) --port $(PORT) --data '$(DATA)' $(ARGS)
endif

##@ Building

.PHONY: venv
venv: $(VENV_READY) ## Make .venv with the pinned packages

.PHONY: engine
engine: $(NEEDS) $(ENGINE_READY) ## Compile the engine (release) and install the node into .venv

$(VENV_READY): requirements/dev.txt | need-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip $(QUIETLY) install --require-hashes -r $<
	@touch $@

$(ENGINE_READY): $(VENV_READY) node/pyproject.toml $(RUST_SOURCES) | need-cargo need-cc
	cd node && $(IN_VENV) maturin develop --release --locked --quiet
	@touch $@

$(OPERATOR_READY): $(VENV_READY) operator/pyproject.toml
	$(BIN)/python -m pip $(QUIETLY) install --no-deps --no-build-isolation -e operator
	@touch $@

# Both images' packages, so that building an image needs neither a compiler nor a network.
.PHONY: wheels
wheels: $(NEEDS) $(WHEELS_READY) ## Every package of both images into dist/wheels

$(WHEELS_READY): $(VENV_READY) requirements/runtime.txt requirements/operator.txt $(RUST_SOURCES) $(PYTHON_SOURCES)
	rm -rf dist/wheels && mkdir -p dist/wheels
	$(BIN)/python -m pip $(QUIETLY) wheel --require-hashes -r requirements/runtime.txt -w dist/wheels/node
	$(BIN)/python -m pip $(QUIETLY) wheel --require-hashes -r requirements/operator.txt -w dist/wheels/operator
	cd node && $(IN_VENV) maturin build --release --locked --quiet --out '$(CURDIR)/dist/wheels/node'
	$(BIN)/python -m pip $(QUIETLY) wheel --no-deps --no-build-isolation -w dist/wheels/operator ./operator
	@touch $@

# Under the names that install.yaml and the charts' defaults use; there are no published ones.
.PHONY: images
images: need-docker wheels ## Both images with docker, as install.yaml names them (REGISTRY=… for a registry of yours, BASE=…)
	$(DOCKER) build $(IMAGE_ARGS) --target node --tag $(REGISTRY)/raftkeeper:$(VERSION) .
	$(DOCKER) build $(IMAGE_ARGS) --target operator --tag $(REGISTRY)/raftkeeper-operator:$(VERSION) .

# A missing tool is named, with the one command that brings it, before anything else can fail.
# Debian 12 has a current Rust beside its old one; elsewhere it comes from rustup.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo )
APT := $(SUDO)apt-get update && $(SUDO)apt-get install -y
BRING_RUST := $(if $(shell grep -s VERSION_CODENAME=bookworm /etc/os-release),\
	$(APT) cargo-web rustfmt-web rust-web-clippy,\
	curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env)
BRING_JAVA := $(APT) default-jdk-headless maven
NEEDS := need-python need-cargo need-cc

.PHONY: need-python need-cargo need-rust-checks need-cc need-java need-docker
need-python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) with its venv module is missing; this brings it: $(APT) python3.11 python3.11-venv" >&2; exit 1; }
need-cargo:
	@cargo --version 2>/dev/null | awk '{ split($$2, v, "."); ok = v[1] > 1 || v[2] >= 91 } END { exit !ok }' || { \
	  echo "make: cargo 1.91 or newer is missing; this brings it: $(strip $(BRING_RUST))" >&2; exit 1; }
need-rust-checks: need-cargo
	@{ cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 || { \
	  echo "make: rustfmt and clippy are missing; this brings them: $(if $(findstring apt-get,$(BRING_RUST)),$(strip $(BRING_RUST)),rustup component add rustfmt clippy)" >&2; exit 1; }
need-cc:
	@command -v cc >/dev/null || { \
	  echo "make: a C linker (cc) is missing; this brings it: $(APT) gcc libc6-dev" >&2; exit 1; }
need-docker:
	@command -v $(firstword $(DOCKER)) >/dev/null || { \
	  echo "make: $(DOCKER) is missing; this brings it: $(APT) docker.io" >&2; exit 1; }
need-java:
	@{ command -v java && command -v mvn; } >/dev/null || { \
	  echo "make: java and mvn are missing; this brings them: $(BRING_JAVA)" >&2; exit 1; }

##@ Checking

.PHONY: test
test: $(NEEDS) test-engine test-node test-operator test-harness contracts tidy ## All tests, import contracts and tidy: what CI runs

.PHONY: test-engine
test-engine: need-cargo need-cc ## Tests of the Rust engine, and of the load generator
	cargo test --quiet $(CARGO_IN_NODE) -p raftkeeper-engine
	cargo test --quiet $(CARGO_IN_LOAD)

# Each member is its own root for pytest; see CONTRIBUTING, "The folder operator/".
.PHONY: test-node
test-node: $(ENGINE_READY) ## Tests of the node (T=… for some of them)
	cd node && $(PYTEST) -m 'not compat and not perf' $(T)

.PHONY: test-operator
test-operator: $(ENGINE_READY) $(OPERATOR_READY) ## Tests of the operator
	cd operator && $(PYTEST)

.PHONY: test-harness
test-harness: $(VENV_READY) ## Tests of the end-to-end harness itself; no cluster
	cd tests/e2e && $(PYTEST)

.PHONY: contracts
contracts: $(ENGINE_READY) $(OPERATOR_READY) ## Who may import whom (import-linter)
	$(BIN)/lint-imports --no-cache --no-logo

.PHONY: tidy
tidy: $(VENV_READY) ## Style as tests: sizes, headers, names, leftovers
	$(PYTEST) --quiet tools

.PHONY: verify
verify: $(NEEDS) need-rust-checks lint types contracts stubs clippy tidy ## Lint, format, types, contracts, stubs; never writes the tree

.PHONY: lint
lint: need-rust-checks $(VENV_READY) ## Ruff and the formatters, looking only
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	cargo fmt --manifest-path node/Cargo.toml --all --check
	cargo fmt --manifest-path bench/load/Cargo.toml --check

.PHONY: types
types: $(ENGINE_READY) $(OPERATOR_READY) ## mypy, strict
	$(BIN)/mypy

.PHONY: stubs
stubs: $(ENGINE_READY) ## The stub of the engine against the compiled module
	MYPYPATH=node/python $(BIN)/stubtest raftkeeper._engine --allowlist tools/stubtest-allowlist.txt

.PHONY: clippy
clippy: need-rust-checks need-cc $(VENV_READY) ## Clippy; a warning is an error
	cargo clippy --quiet $(CARGO_IN_NODE) --workspace --all-targets -- -D warnings
	cargo clippy --quiet $(CARGO_IN_LOAD) --all-targets -- -D warnings

.PHONY: fix
fix: need-rust-checks $(VENV_READY) ## Let the formatters and the safe lint fixes write
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cargo fmt --manifest-path node/Cargo.toml --all
	cargo fmt --manifest-path bench/load/Cargo.toml

.PHONY: sim
sim: $(NEEDS) $(ENGINE_READY) ## Simulate SEEDS ensembles with all their bad luck; exit 10 crash, 11 promise broken, 12 no progress
	cd node && $(CURDIR)/$(BIN)/python -m raftkeeper.testing.sim --jobs 2 $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(ARGS)

.PHONY: kill
kill: $(NEEDS) $(ENGINE_READY) ## SIGKILL a node ROUNDS times under load; no acknowledged write may be lost
	cd node && $(CURDIR)/$(BIN)/python -m tests.faults.kill --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

# Exit 3: this machine cannot run it (no root, no namespaces); it says what is missing.
.PHONY: faults
faults: $(NEEDS) $(ENGINE_READY) ## Three to five real nodes in network namespaces, MINUTES of faults under load, a judged history (root)
	cd node && $(CURDIR)/$(BIN)/python -m tests.faults.ensemble --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: failover
failover: $(NEEDS) need-java $(ENGINE_READY) ## How long writes stand still when the leader goes, beside ZooKeeper 3.9 (minutes; cut-off leaders as root)
	cd node && $(CURDIR)/$(BIN)/python -m tests.faults.failover --docs ../docs $(ARGS)

.PHONY: bench
bench: $(NEEDS) need-java $(ENGINE_READY) ## RaftKeeper and ZooKeeper 3.9 side by side, one each and three each (half an hour)
	$(BIN)/python bench/run.py $(BENCH)

.PHONY: compat
compat: $(NEEDS) need-java $(ENGINE_READY) ## Clients of others: kazoo's suite, Java CLI, Curator, ClickHouse (minutes)
	cd node && $(PYTEST) -m compat tests/compat $(if $(shell command -v go),tests/faults) $(T)

# A machine that cannot run it is told what is missing, and what brings that.
.PHONY: e2e
e2e: $(NEEDS) $(VENV_READY) ## The operator on a real Kubernetes of three zones: what CI runs of it (STORY=… for some, KEEP=1) (root)
	PYTHONPATH=tests $(BIN)/python -P -m e2e check
	cd tests/e2e && KEEP='$(KEEP)' $(PYTEST) --durations=0 $(if $(STORY),-k '$(STORY)',-m ci) stories

.PHONY: e2e-full
e2e-full: $(NEEDS) $(VENV_READY) ## All stories of the operator (an hour) (root)
	PYTHONPATH=tests $(BIN)/python -P -m e2e check
	cd tests/e2e && KEEP='$(KEEP)' $(PYTEST) --durations=0 stories

##@ Keeping house

.PHONY: crds
crds: $(OPERATOR_READY) ## Write CRDs and their reference anew from the operator's models (a test compares)
	$(BIN)/python -m raftkeeper_operator.api.crd crds charts/raftkeeper-crds/templates
	$(BIN)/python -m raftkeeper_operator.api.reference docs/reference/resources.md

# The pins carry hashes and no addresses, so that any mirror of the registry serves.
LOCK := compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
.PHONY: lock
lock: $(VENV_READY) ## Pin requirements/*.in anew (UPGRADE=1 takes newer versions)
	cd requirements && ../$(BIN)/uv pip $(LOCK) $(if $(UPGRADE),--upgrade) -o runtime.txt runtime.in
	cd requirements && ../$(BIN)/uv pip $(LOCK) $(if $(UPGRADE),--upgrade) -c runtime.txt -o operator.txt operator.in
	cd requirements && ../$(BIN)/uv pip $(LOCK) $(if $(UPGRADE),--upgrade) -c runtime.txt -c operator.txt -o dev.txt dev.in

.PHONY: dashboard
dashboard: need-python ## Write the Grafana dashboard anew from tools/make_dashboard.py
	$(PYTHON) tools/make_dashboard.py

.PHONY: install-yaml
install-yaml: need-python ## Write install.yaml anew from charts/ (HELM=…)
	$(PYTHON) tools/make_install.py --helm $(HELM)

.PHONY: clean
clean: ## Remove what was built; ./data stays
	rm -rf $(VENV) node/target bench/load/target build dist .mypy_cache .ruff_cache .hypothesis node/.hypothesis
	find node operator tools -name __pycache__ -prune -exec rm -rf {} +
	rm -f node/python/raftkeeper/_engine*.so
