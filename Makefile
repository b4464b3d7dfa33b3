# The front door. Each target installs and builds what it needs by itself; `make help` lists them.
EXAMPLE ?= rust
PORT ?= 3210
DATA ?= ./cordon-data
SECONDS ?= 60
ROUNDS ?= 2000
PREFIX ?= /usr/local

MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: build run run-check test check-long crash asan tsan sabotage api-docs lint format
.PHONY: fuzz fuzz-corpora fuzz-coverage bench bench-large install deb clean help
export EXAMPLE PORT DATA

# $(call built,PRESET,FOLDER,GROUPS): packages, Wasmtime, configuration (where it is missing or was
# made with another Wasmtime), build.
define built
@tools/bootstrap build cargo guests-c guests-rust $(3)
@native=$$(tools/native) && { grep -qs "NATIVE_DIR:INTERNAL=$$native$$" $(2)/CMakeCache.txt && \
	test -e $(2)/build.ninja || cmake --preset $(1) >/dev/null; }
@cmake --build --preset $(1)
endef

build: ## Build everything into build/ (the default)
	$(call built,dev,build)
run: build ## Serve an example on 127.0.0.1:3210 and call it (EXAMPLE=rust|c PORT= DATA=)
	@tools/run-example
run-check: build ## The same, ending by itself after its call
	@tools/run-example --check
test: ## Run the tests
	$(call built,dev,build,tests node)
	@ctest --preset dev $(if $(TESTS),-R "$(TESTS)")
check-long: ## Run the tests at full size, with those that take minutes
	$(call built,dev,build,tests node)
	@ctest --preset long
	@$(MAKE) fuzz-coverage
	@tests/sabotage/run
crash: ## Kill the store and cut its power under load, ROUNDS=2000 times each
	$(call built,dev,build,tests node)
	@CORDON_CRASH_ROUNDS=$(ROUNDS) build/tests/test_store_crash
	@CORDON_CRASH_ROUNDS=$(ROUNDS) node tests/server/crash.mjs
asan: ## Run the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(call built,asan,build-asan,tests node)
	@ctest --preset asan
tsan: ## Run the tests under ThreadSanitizer
	$(call built,tsan,build-tsan,tests node)
	@$$(setarch -R true 2>/dev/null && echo setarch -R) ctest --preset tsan
sabotage: ## Take out the code behind each promise, and see its test fail
	$(call built,dev,build,tests node)
	@tests/sabotage/run
api-docs: ## Write pages of the library's headers to build/api-docs
	@tools/bootstrap docs
	@tools/api-docs build/api-docs && echo build/api-docs/html/index.html
lint: ## Check layout, house rules and what analysers find
	$(call built,dev,build,lint)
	@tools/lint
format: ## Lay out our C files
	@tools/bootstrap lint && tools/lint --format
fuzz: ## Fuzz each target for SECONDS=60
	$(call built,fuzz,build-fuzz,fuzz)
	@tools/fuzz $(SECONDS)
fuzz-corpora: ## Run each fuzz target over its corpus
	$(call built,fuzz,build-fuzz,fuzz)
	@ctest --preset fuzz
fuzz-coverage: ## Check that the corpora reach 85 % of each parser
	$(call built,coverage,build-coverage,fuzz)
	@tools/fuzz-coverage
bench: ## Measure; writes docs/benchmarks.md
	$(call built,dev,build,tests node bench)
	@test -x build/bench/bench_sqlite || { cmake --preset dev >/dev/null && cmake --build --preset dev; }
	@bench/run
bench-large: ## Measure up to MOST=10000000 documents; writes bench/large.json, which bench reports
	$(call built,dev,build)
	@bench/run --large
install: build ## Install below PREFIX=/usr/local (DESTDIR= for a package's tree)
	@cmake --install build --strip --prefix $(PREFIX)
deb: build ## Make Debian's packages cordon, libcordon0 and libcordon-dev in build/
	@tools/bootstrap deb
	@cd build && cpack -G DEB
clean: ## Remove what was built here (the shared cache and cordon-data stay)
	@rm -rf build build-asan build-tsan build-fuzz build-coverage
help: ## List these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
