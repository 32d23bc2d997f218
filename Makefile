.PHONY: up install dev quick test lint bench lock

# Every process keeps what it has compiled: the tests alone take 10 s of each process.
export PYTHONDONTWRITEBYTECODE =
PYTHON ?= python3
VENV := .venv/bin

up: install
	$(VENV)/python manage.py up

install:
	$(PYTHON) requirements/install.py

# Restarts what has read a file when that file changes.
dev: install-tests
	$(VENV)/python manage.py up --reload --logs

# The tests that start no models, browser, servers or processes, and are not slow.
quick: install-tests
	$(VENV)/python -m pytest -m "not full and not slow" --numprocesses 2 --dist loadfile --durations 3

# Every test. Tracing adds 44 % to its time: coverage is that of the fast and slow tests.
test: install-tests
	EARSHOT_CASES=60 $(VENV)/python -m pytest -m "not full" --numprocesses 2 --dist loadfile --cov --cov-report=
	$(VENV)/python -m tests.covered
	$(VENV)/python -m pytest -m full -p tests.spread --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: install-tests
	$(VENV)/python -m tests.lint

# Checks of the changed files before each commit.
.PHONY: hooks
hooks: install-tests
	$(VENV)/pre-commit install

# Measures and modules of docs/architecture.md, and its picture of the import arrows.
.PHONY: house picture
house: install-tests picture
	$(VENV)/python -m tests.house

picture: install-tests
	$(VENV)/python -m tests.picture

# A small language model for agents, on this machine: 1.1 GB to download, 2.3 GB on disk.
.PHONY: think
think: install
	$(PYTHON) requirements/install.py --think

# All benchmarks, or those named: make bench foreign
BENCHMARKS := $(if $(filter bench,$(firstword $(MAKECMDGOALS))),$(filter-out bench,$(MAKECMDGOALS)))
bench: install-tests
	$(VENV)/python -m tests.bench $(BENCHMARKS)
$(foreach name,$(BENCHMARKS),$(eval $(name): bench;@:))

# Bad input, faults and attacks, each with its outcome asserted: some hours on all profiles.
.PHONY: faults
faults: install-tests
	$(VENV)/python -m tests.faults

.PHONY: install-tests
install-tests:
	$(PYTHON) requirements/install.py --tests

lock:
	$(VENV)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet --no-header -o requirements/web.txt
	$(VENV)/uv pip compile pyproject.toml --extra engine --universal --python-version 3.11 --generate-hashes --quiet --no-header -o requirements/engine.txt
	$(VENV)/uv pip compile pyproject.toml --extra engine --extra test --extra bench --universal --python-version 3.11 --generate-hashes --quiet --no-header -o requirements/dev.txt
