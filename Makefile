# Needs make and Python 3.11 or newer; everything else is fetched into this folder.

PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(python))))

UV := UV_PYTHON_DOWNLOADS=never .tools/bin/uv
GRAPHSIM := $(wildcard ee/graphsim/pyproject.toml)

.PHONY: env
env: .venv-ce/.ready .venv-ee/.ready

.tools/.ready: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "Convene needs Python 3.11 or newer. On Debian or Ubuntu: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv-ce/.ready: .tools/.ready requirements/dev.txt pyproject.toml
	$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv-ce
	$(UV) pip sync --quiet --python .venv-ce --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python .venv-ce --no-deps --build-constraints requirements/dev.txt -e .
	@touch $@

.venv-ee/.ready: .tools/.ready requirements/dev.txt requirements/ee.txt pyproject.toml ee/pyproject.toml $(GRAPHSIM)
	$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv-ee
	$(UV) pip sync --quiet --python .venv-ee --require-hashes requirements/dev.txt requirements/ee.txt
	$(UV) pip install --quiet --python .venv-ee --no-deps --build-constraints requirements/dev.txt -e . -e ee $(if $(GRAPHSIM),-e ee/graphsim)
	@touch $@
