# Needs make and Python 3.11 or newer; everything else is fetched into this folder.
# Works without ee/ as well: then it is all about the Community Edition.

CE := .venv-ce/bin
EE := .venv-ee/bin
UV := UV_PYTHON_DOWNLOADS=never .tools/bin/uv
HAS_EE := $(wildcard ee/pyproject.toml)
FULL := $(if $(HAS_EE),$(EE),$(CE))
PYTHON_CODE := $(wildcard hatch_build.py conftest.py tools src tests demo bench ee/hatch_build.py ee/src ee/tests ee/browser ee/running)
TEMPLATES := $(wildcard src ee/src demo)

export CONVENE_MODE := development
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-ce demo-reset test test-ce test-browser test-ee check static fmt messages build build-ee soak failure-table bench sdk-check lock clean

help: ## List these targets
	@sed -nE 's/^([a-z-]+):.*## (.+)/\1\t\2/p' Makefile | expand -t 14

demo: .venv-ee/.ready ## Play the story against the whole running system, then serve it
	$(EE)/python -m demo

demo-ce: .venv-ce/.ready ## The same without the Enterprise Edition
	$(CE)/python -m demo --ce

demo-reset: .venv-ee/.ready ## The same from an empty database
	$(EE)/python -m demo --reset
	$(EE)/python -m demo

test: test-ce $(if $(HAS_EE),test-browser test-ee) ## Run every test

test-ce: .venv-ce/.ready
	$(CE)/pytest -n 2 tests

# A process of its own: Playwright leaves an event loop behind that Django refuses to work beside.
test-browser: .venv-ee/.ready
	@tools/chromium.sh
	$(EE)/pytest ee/browser

test-ee: .venv-ee/.ready
	$(EE)/pytest ee/graphsim
	$(EE)/pytest ee/running
	$(EE)/pytest -n 2 ee/tests

check: static build $(if $(HAS_EE),build-ee) test ## Run all that a change must pass, as CI does

static: .venv-ce/.ready $(if $(HAS_EE),.venv-ee/.ready)
	$(CE)/ruff format --check
	$(CE)/ruff check
	$(CE)/djlint --quiet --check --lint $(TEMPLATES)
	$(CE)/lint-imports --no-logo
	$(if $(HAS_EE),$(EE)/lint-imports --no-logo --config ee/pyproject.toml)
	$(FULL)/python -m tools.messages --check
	$(FULL)/mypy $(PYTHON_CODE)
	$(if $(HAS_EE),cd ee/graphsim && ../../$(EE)/mypy)

fmt: .venv-ce/.ready ## Put code and templates into shape
	$(CE)/ruff format
	$(CE)/ruff check --fix
	$(CE)/djlint --quiet --reformat $(TEMPLATES)

messages: .venv-ce/.ready $(if $(HAS_EE),.venv-ee/.ready) ## Write the catalogues of messages anew, the pseudo locale too
	$(FULL)/python -m tools.messages

build: .tools/.ready ## Build the Community Edition and try it alone on a fresh database
	.tools/bin/python tools/smoke.py ce

build-ee: .tools/.ready ## Build both editions and try them together
	.tools/bin/python tools/smoke.py ee

soak: .venv-ce/.ready $(if $(HAS_EE),.venv-ee/.ready) ## Let people, processes and faults run against sync, 20 minutes each
	CONVENE_SOAK_MINUTES=20 $(FULL)/pytest -q -k nor_does_any_other_order tests/appointments/test_sync_machine.py $(wildcard ee/tests/test_sync_machine.py)

failure-table: .venv-ee/.ready ## Write docs/failure-table.md anew by running every failure
	CONVENE_WRITE_FAILURE_TABLE=1 $(EE)/pytest -q ee/tests/test_failure_table.py

bench: .venv-ee/.ready ## Measure what the documentation claims
	$(EE)/python -m bench

sdk-check: .venv-sdk/.ready ## Let Microsoft's own SDK (200 MB) judge the simulator
	.venv-sdk/bin/python ee/graphsim/sdk/check.py

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock: .tools/.ready ## Pin what the projects ask for (UPGRADE=1: at its newest)
	$(COMPILE) pyproject.toml --output-file requirements/ce.txt
	$(COMPILE) pyproject.toml --group dev --extra embedded --constraints requirements/ce.txt --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml ee/pyproject.toml --no-emit-package convene --constraints requirements/dev.txt --output-file requirements/ee.txt
	$(COMPILE) --group ee/graphsim/pyproject.toml:sdk --output-file requirements/sdk.txt
	$(COMPILE) --group uv --output-file requirements/uv.txt

clean: ## Remove everything that these targets made, except the demo's data
	rm -rf .tools .venv-ce .venv-ee .venv-sdk dist src/convene/static/convene/vendor
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

.tools/.ready: requirements/uv.txt tools/bootstrap.sh
	tools/bootstrap.sh
	@touch $@

CATALOGUES := $(wildcard src/convene/locale/*/LC_MESSAGES/django.po)
EE_CATALOGUES := $(wildcard ee/src/convene_teams/locale/*/LC_MESSAGES/django.po)
RUNBOOK := docs/integrations/teams-meetings-setup.md
BUILT_FROM := pyproject.toml hatch_build.py package-lock.json $(CATALOGUES)
EE_BUILT_FROM := $(wildcard ee/pyproject.toml ee/graphsim/pyproject.toml)
INSTALL := $(UV) pip install --quiet --no-deps --build-constraints requirements/dev.txt

.venv-ce/.ready: .tools/.ready requirements/dev.txt $(BUILT_FROM)
	$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv-ce
	$(UV) pip sync --quiet --python .venv-ce --require-hashes requirements/dev.txt
	$(INSTALL) --python .venv-ce --editable .
	@touch $@

.venv-ee/.ready: .tools/.ready requirements/dev.txt requirements/ee.txt $(BUILT_FROM) $(EE_BUILT_FROM) $(EE_CATALOGUES) $(RUNBOOK)
	$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv-ee
	$(UV) pip sync --quiet --python .venv-ee --require-hashes requirements/dev.txt requirements/ee.txt
	$(INSTALL) --python .venv-ee --editable . $(patsubst %/pyproject.toml,--editable %,$(EE_BUILT_FROM))
	@touch $@

.venv-sdk/.ready: .tools/.ready requirements/sdk.txt requirements/dev.txt ee/graphsim/pyproject.toml
	$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv-sdk
	$(UV) pip sync --quiet --python .venv-sdk --require-hashes requirements/sdk.txt
	$(INSTALL) --python .venv-sdk --editable ee/graphsim
	@touch $@
