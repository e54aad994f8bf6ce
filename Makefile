# SPDX-License-Identifier: MIT
# The two commands of the README and their neighbours.  Each installs what is missing first.
TOX := .tox/launcher/bin/tox run --quiet
export PYTHONUNBUFFERED := 1

.PHONY: demo test bench mutants instrument-faults firmware set-up format clean

demo: set-up
	@$(TOX) -e firmware,demo

test: set-up
	@$(TOX) -e lint,types,firmware,unit,bench,board

# Benchmarks: ratios of figures taken side by side in one run.
bench: set-up
	@$(TOX) -e firmware,benchmark

# Proof that the rig can see: every seeded defect is found, or this fails.
mutants: set-up
	@$(TOX) -e firmware,mutants

# Proof that the rig blames no board for the bench: every fault of the equipment, one at a time.
instrument-faults: set-up
	@$(TOX) -e firmware,instrument-faults

firmware: set-up
	@$(TOX) -e firmware

set-up:
	@tools/set-up

format: set-up
	@$(TOX) -e format

clean:
	rm -rf .tox .venv .mypy_cache .ruff_cache .pytest_cache
