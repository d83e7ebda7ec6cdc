# Two commands do all the set-up on a Debian or Ubuntu machine: `make run` and `make test`.
PYTHON ?= python3
ARGS ?=
PYTEST_ARGS ?=
VENV := .venv/bin/python
LAB_RUNS := $(VENV) -c 'import sys; sys.exit(sys.version_info < (3, 10))'
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help run test faults lint format clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## install what is missing, then affectd demo; ARGS="--once --source FILE" are passed on
	@deploy/setup.sh run
	@.venv/bin/affectd demo $(ARGS)

test: ## install what is missing, then ruff, mypy and every test; PYTEST_ARGS="-k ring" are passed on
	@deploy/setup.sh test
	@$(MAKE) --no-print-directory --keep-going -j2 tests-installed runtime-installed lint-installed tests-3.8-installed

# These run two at a time: what one waits for, a broker or a hang-over, leaves a core to the other. Of two at once one is shown when
# it ends, so as not to be mixed with the other; and one that PYTEST_ARGS leave without a test has not failed.
RUNTIME := tests/dsp tests/models tests/daemon
SHOW_AT_THE_END = rc=$$?; printf '\n%s:\n%s\n' "$@" "$$out"; [ $$rc -eq 0 ] || [ $$rc -eq 5 ]
.PHONY: tests-installed runtime-installed tests-3.8-installed
ifneq ($(findstring tests/,$(PYTEST_ARGS)),)
tests-installed:
	@$(VENV) -m pytest $(PYTEST_ARGS)

runtime-installed:
	@:

tests-3.8-installed:
	@echo "PYTEST_ARGS names tests: the run under Python 3.8 is not done"
else
tests-installed:
	@$(LAB_RUNS) || { echo "mypy and the lab's tests need Python 3.10 or newer: not done"; no_lab="--ignore tests/lab"; }; \
	  $(VENV) -m pytest $(RUNTIME:%=--ignore %) $$no_lab $(PYTEST_ARGS) || [ $$? -eq 5 ]

runtime-installed:
	@out=$$($(VENV) -m pytest $(RUNTIME) $(PYTEST_ARGS) 2>&1); $(SHOW_AT_THE_END)

tests-3.8-installed:
	@[ ! -x .venv-3.8/bin/python ] || { out=$$(.venv-3.8/bin/python -m pytest $(RUNTIME) $(PYTEST_ARGS) 2>&1); $(SHOW_AT_THE_END); }
endif

faults: ## the fault suite in full: kills, power cuts, broken brokers, disks and files, clocks, microphones; an hour or so, and figures
	@deploy/setup.sh test
	AFFECTD_FAULTS=full $(VENV) -m pytest -s -o timeout=7200 tests/faults $(PYTEST_ARGS)

lint: ## ruff and mypy alone
	@deploy/setup.sh test
	@$(MAKE) --no-print-directory lint-installed

.PHONY: lint-installed
lint-installed:
	$(VENV) -m ruff format --check .
	$(VENV) -m ruff check .
	@if $(LAB_RUNS); then echo "$(VENV) -m mypy"; $(VENV) -m mypy; fi

format: ## let ruff format the sources and mend what it can
	@deploy/setup.sh test
	$(VENV) -m ruff check --fix .
	$(VENV) -m ruff format .

clean: ## remove the virtual environments, caches and builds
	rm -rf .venv .venv-3.8 build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
