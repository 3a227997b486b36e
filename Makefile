# Everything a newcomer types. Needs Python 3.11 or later and make; all else is installed here.
PYTHON ?= python3
PHOTO ?=
OUT ?= out
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# A photo that scikit-image brings along; looked up when it is needed, after the set-up.
SAMPLE = $(shell $(BIN)/python -c "import os, skimage; \
	print(os.path.join(os.path.dirname(skimage.__file__), 'data', 'coffee.png'))")

.PHONY: demo test test-blender test-golden test-engine lint addon bench clean

demo: $(VENV)/.demo
	$(BIN)/unflat "$(or $(PHOTO),$(SAMPLE))" -o "$(OUT)" --outputs layers,points,relief --blend

# Two at a time: more would need more memory than a small computer has.
test: lint
	$(BIN)/pytest -n 2

test-blender: $(VENV)/.dev addon
	$(BIN)/pytest tests/gui

test-golden: $(VENV)/.dev
	$(BIN)/pytest tests/core/test_golden.py -m ""

test-engine: $(VENV)/.dev
	$(BIN)/pytest tests/bridge/test_environment_full.py -m ""

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	mkdir -p build/typing/unflat
	ln -sfn "$(CURDIR)/core" "$(CURDIR)/bridge" build/typing/unflat/
	MYPYPATH=build/typing $(BIN)/mypy -p unflat.core -p unflat.bridge

addon: $(VENV)/.demo
	$(BIN)/python -m unflat.blender_addon.build_zip

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/stages.py
	$(BIN)/python benchmarks/scene_import.py
	$(BIN)/python benchmarks/geometry.py

clean:
	rm -rf $(VENV) build dist out

$(VENV)/.base:
	$(PYTHON) -m venv $(VENV)
	touch $@

# What the demo and the add-on's zip need: Blender as a module, and the sample photo.
$(VENV)/.demo: pyproject.toml $(VENV)/.base
	$(PIP) --editable ".[blender,demo]"
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.base
	$(PIP) --editable ".[engine,blender,demo,dev]"
	touch $@ $(VENV)/.demo
