# SPDX-License-Identifier: MIT
"""The rig: moves boards between releases, breaks them on purpose, measures the outage.

Its rooms, the highest first; each knows nothing of those above it:

cli           The `rig` command: one module a command, and pytest that carries it out.
pytest_plugin The front door for tests of one's own: fixtures, the mark `power_cut`, and a run's
              records.
report        From a run's records to what people read: summary.json, index.html, the Allure report.
sweep         Every cut that an update can meet: which there are, made for real or recalled, and
              judged.
campaign      Steps on one place: upgrades, resets and what does not fit, each broken as planned and
              judged.
verification  Whether the stated uncertainties hold: interruptions of known length, measured and
              judged.
place         One bench position: its file, who may use it, what feeds its board, and whether it is
              fit.
outage        How long the service was gone: what instruments saw of an event, as figures with their
              doubt.
drivers       labgrid resources and drivers of a Walnut place; a place file imports this package.
nights        A night held against the nights before: what got worse, what is missing, since when.
instruments   Instruments: each takes a link and a clock, never an address; `make` finds one by its
              model.
records       The tables of a run, docs/reference/records.md: one schema for SQLite and PostgreSQL.
faults        What is broken on purpose, what a good board does then, and how it may come out.
virtual       The virtual bench: real U-Boot and Linux in QEMU, with lab equipment around them.
board         What a board is made of: its releases, its flash, and what it says and understands.
measure       What a measured value is: its doubt, the limit it is held against, what many allow to
              claim.

Below them all: shutdown, full_disk, state_folder, run_end, errors, clock and secrecy.
docs/explanation/architecture.md says what is in each.
"""
