# make demo   set up and run the main job
# make test   set up and pass the tests, in as many processes as WORKERS says
# make lint   format, style, types, and who imports whom
PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin

.PHONY: demo test lint

demo: .venv/ready
	$(BIN)/porting demo

test: .venv/ready
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev,tensorflow-cpu]' --constraint constraints.txt
	touch $@
