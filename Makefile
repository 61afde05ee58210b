# Two commands to start with: `make demo` (no TensorFlow needed) and `make test`.

PYTHON ?= python3
VENV := .venv
JOBS ?= 2# test processes; each holds TensorFlow, about 1 GB
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
UV := UV_PROJECT_ENVIRONMENT=$(VENV) UV_LINK_MODE=copy $(BIN)/uv
EXTRAS := --extra train --extra onnx --extra live --extra webrtc --extra serve --extra dev

.DEFAULT_GOAL := help
.PHONY: help demo test test-edge check vendored format bench fuzz window clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: $(VENV)/.edge ## stylize the bundled clip in a bundled style (installs the edge part only)
	@mkdir -p demo
	@$(BIN)/vst stylize keras_vst/assets/scene.mp4 -o demo/stylized.mp4 --style great-wave \
		--before-after demo/before_after.png

test: $(VENV)/.full .venv-tflite/.ready ## set up everything and run the tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term

test-edge: $(VENV)/.edge ## the tests of what needs no TensorFlow
	$(UV) sync --quiet --locked --inexact --extra live --extra serve --extra dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/edge

check: $(VENV)/.full ## format, lint, spelling, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md docs keras_vst training export edge tests benchmarks
	$(BIN)/pyright
	$(BIN)/lint-imports

vendored: ## compare what the phone page ships of npm packages with the packages, as locked
	@if command -v npm > /dev/null; then cd edge/web/phone && npm ci --silent --no-audit --no-fund && npm test --silent; \
	else echo "npm is not at hand: edge/web/phone/vendor was not compared with its packages"; fi

format: $(VENV)/.full ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.edge ## frames per second of `vst stylize` at 640x360, as one JSON row
	@$(BIN)/vst bench --json

SECONDS ?= 600
fuzz: $(VENV)/.edge ## try changed files, messages and requests for SECONDS=600; finds go to fuzz-finds/
	@$(UV) sync --quiet --locked --inexact --extra live
	@$(BIN)/python -m benchmarks.fuzz --seconds $(SECONDS)

# Both OpenCV packages own the folder cv2: the one with windows must be written last.
window: $(VENV)/.edge ## add OpenCV with desktop windows
	@$(UV) sync --quiet --locked --inexact --extra window
	@$(UV) sync --quiet --locked --inexact --extra window --reinstall-package opencv-python

clean: ## remove environments and outputs
	rm -rf $(VENV) .venv-tflite demo .pytest_cache .ruff_cache .coverage

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "keras_vst needs Python 3.10 to 3.13; found $$($(PYTHON) --version). Try: make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing. Debian: apt install python3-venv"; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# --inexact: never remove what a fuller set-up put there.
$(VENV)/.edge: $(VENV)/.uv pyproject.toml uv.lock
	@$(UV) sync --quiet --locked --inexact
	@touch $@

$(VENV)/.full: $(VENV)/.uv pyproject.toml uv.lock
	@$(UV) sync --quiet --locked --inexact $(EXTRAS)
	@touch $@ $(VENV)/.edge

# tflite-runtime 2.14 wants Python <= 3.11 and numpy 1: an environment of its own.
.venv-tflite/.ready: $(VENV)/.full tests/requirements-tflite-runtime.txt
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then \
		$(UV) venv --quiet --clear --python $(BIN)/python .venv-tflite && \
		$(UV) pip install --quiet --python .venv-tflite/bin/python -r tests/requirements-tflite-runtime.txt; \
	else mkdir -p .venv-tflite; fi
	@touch $@
