.PHONY: up install test lint bench lock

PYTHON ?= python3
VENV := .venv/bin

up: install
	$(VENV)/python manage.py up

install:
	$(PYTHON) requirements/install.py

test: install-tests
	$(VENV)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: install-tests
	$(VENV)/python -m tests.lint

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
