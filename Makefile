# make demo   set up and run the main job
# make test   set up and pass the tests, in as many processes as WORKERS says
# make docs   build the site of the documentation into docs/_build/html, warnings as errors
# make lint   format, style, types, who imports whom, and what the wheel holds
# make wheel  build dist/porting-VERSION-py3-none-any.whl
PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin

.PHONY: demo docs lint test wheel

demo: .venv/ready
	$(BIN)/porting demo

test: .venv/ready
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

docs: .venv/ready
	$(BIN)/sphinx-build -E -W --keep-going --quiet -b html docs docs/_build/html

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache
	$(MAKE) --no-print-directory wheel
	$(BIN)/twine check --strict dist/*.whl
	$(BIN)/check-wheel-contents dist/

# What an earlier build left would be in the wheel, too.
wheel: .venv/ready
	rm -rf build/lib build/bdist.* dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev,docs,tensorflow-cpu]' --constraint constraints.txt
	touch $@
