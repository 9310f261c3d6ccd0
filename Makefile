# Developers' shortcuts. Everything runs in the environment that ./vss makes; nothing else must be installed.
BIN = $$(./vss python -c 'import os, sys; print(os.path.dirname(sys.executable))')
UV ?= uv
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header

.PHONY: check test lock format

# a minute and a quarter on two cores: what to run before every commit
check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n auto tests/unit tests/property tests/sim -m "not pg and not redis and not speech and not live and not long"

# what continuous integration runs: also PostgreSQL, Redis, Asterisk and SIPp
test:
	./vss test

# after a change of dependencies in pyproject.toml; needs uv
lock:
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) pyproject.toml --group dev -o requirements-dev.lock

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
