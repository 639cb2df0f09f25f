# The README's commands. Each makes its own virtual environment first, from requirements.lock alone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
LOCK := .venv-lock

# Two test processes on two cores: threads of the linear algebra would only wait for each other.
test-editable test-wheel: export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test test-editable test-wheel lint check soak messages lock clean

demo: $(READY)
	@$(BIN)/digestbot demo

# The whole suite on the checkout, then what depends on packaging on the built wheel in an empty folder.
test: test-editable test-wheel

test-editable: $(READY)
	$(BIN)/python -m pytest -q -n auto --dist loadgroup $(if $(COVERAGE),--cov --cov-report=term:skip-covered --cov-fail-under=90)

test-wheel: $(READY)
	$(BIN)/python tests/wheel.py

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# With branch coverage, which costs the tests a fifth of their time.
check: lint
	$(MAKE) test COVERAGE=1

# The long tests, whole: they run short in the gate.
soak: $(READY)
	DIGESTBOT_SOAK=1 $(BIN)/python -m pytest -q -m slow

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "digestbot needs Python 3.11 or newer; set PYTHON")'
	@echo "Setting up $(VENV) (a minute or two, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

# What the mails say, for translators: extracted by babel.cfg, merged into each catalogue, compiled. LANGUAGE=fr begins one.
messages: $(READY)
	$(BIN)/python -m tests.digest.catalogues $(LANGUAGE)

# Names, versions and hashes only, for the wheels of all platforms.
lock:
	$(PYTHON) -m venv $(LOCK)
	$(LOCK)/bin/python -m pip install --quiet uv
	$(LOCK)/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) $(LOCK) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
