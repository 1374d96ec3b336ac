# Two commands for newcomers: `make demo` and `make test`. Both need only Python >= 3.11 and make.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint bench eval clean

demo: .venv/.demo
	$(BIN)/frontdesk serve --demo --port $(PORT)

test: .venv/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/python -m bench.turn
	$(BIN)/python -m bench.actions
	$(BIN)/python -m bench.retrieval

eval: .venv/.dev
	$(BIN)/frontdesk eval run --report eval-report

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e .
	touch $@

.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e ".[test,lint,evals]"
	touch $@ .venv/.demo

clean:
	rm -rf .venv data build dist
