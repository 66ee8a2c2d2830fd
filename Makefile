PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check clean

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@

demo: setup  ## trains an O-GAN on handwritten digits, in at most three minutes on two cores
	$(BIN)/gansmith train

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:  ## what can be made again; runs/ is left alone
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
