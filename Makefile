# Each target is enough by itself on a fresh machine: it installs what it needs, once.
# Variables: PYTHON (the interpreter to make .venv with), TESTS and TRIAL_ARGS (for test),
# SEEDS (for simulate), SECONDS (for fuzz), ARGS (for run, simulate and bench), LOCK_ARGS (for lock).

.DEFAULT_GOAL := help
.PHONY: help run test simulate fuzz bench lint docs lock package clean

export PYTHON
TESTS ?= tests
SEEDS ?= 200
SECONDS ?= 60

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 16

run: ## start jairouter in front of two simulated model backends
	@sh tools/venv run
	@exec .venv/bin/python -m jairouter.simulator.demo $(ARGS)

test: ## run all tests, or some: make test TESTS=tests.codec
	@sh tools/bootstrap packages tools/debian-test-packages
	@sh tools/venv dev
	@exec .venv/bin/python tools/run_trial.py $(TRIAL_ARGS) $(TESTS)

simulate: ## replay random fault schedules: make simulate SEEDS=1000, or one: make simulate ARGS="--seed 7"
	@sh tools/venv dev
	@exec .venv/bin/python -m tests.simulation.run --seeds $(SEEDS) $(ARGS)

bench: ## measure speed beside nginx, in minutes; a part of it: make bench ARGS="--only sse --no-write"
	@sh tools/bootstrap packages tools/debian-bench-packages
	@sh tools/venv run
	@exec .venv/bin/python -m benchmarks $(ARGS)

fuzz: ## random bytes against the parsers, SECONDS for each: make fuzz SECONDS=600
	@sh tools/venv fuzz
	@FUZZ_TIMES=5 .venv/bin/python tools/run_trial.py tests.fuzz
	@for target in requests answers gateway; do \
		.venv/bin/python -m tests.fuzz.run $$target --seconds $(SECONDS) || exit 1; \
	done

lint: ## check style, types, the layers and the generated pages
	@sh tools/venv dev
	@sh tools/lint

docs: ## write the pages that are made from the code
	@sh tools/venv dev
	@sh tools/docs

lock: ## lock what pyproject.toml asks for; newest of all: make lock LOCK_ARGS=--upgrade
	@sh tools/venv dev
	@.venv/bin/python tools/lock.py $(LOCK_ARGS)

package: ## build the sdist and the wheel into dist/
	@sh tools/venv dev
	@rm -rf build/lib dist
	@.venv/bin/python -m build --no-isolation

clean: ## remove what the other targets made, .venv too
	rm -rf .venv build dist jairouter.egg-info _trial_temp* .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
