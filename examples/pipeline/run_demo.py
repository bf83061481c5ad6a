"""Make a fresh copy of the example pipeline, really run a scenario in it, and diagnose what failed.

run_demo.py FOLDER [--scenario demo] [--no-diagnosis] [--cores 2]     (called by "make demo")
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
COPIED = ("pipeline", "Snakefile", "config.yaml", "environment.yaml")
MARK = ".made-by-run-demo"


def say(text: str) -> None:
    """A line between the programs' own."""
    print(f"\n== {text}", flush=True)


def environment() -> dict[str, str]:
    """This interpreter first, and no Snakemake profile of the user's."""
    found = {key: value for key, value in os.environ.items() if key != "SNAKEMAKE_PROFILE"}
    found["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{found['PATH']}"
    return found


def call(folder: Path, *command: str, **options: Any) -> int:
    """Run a command in the copy; its exit status."""
    return subprocess.run(command, cwd=folder, env=environment(), **options).returncode


def fresh_copy(folder: Path) -> None:
    """Empty the folder, if an earlier demo made it, and copy the pipeline there."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARK).exists():
            sys.exit(f"{folder} was not made by the demo; remove it or name another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    for name in COPIED:
        if (HERE / name).is_dir():
            shutil.copytree(HERE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(HERE / name, folder)


def make_data(folder: Path, scenario: dict[str, Any]) -> None:
    """The captures of each dataset, and caches that were there before the pipeline."""
    for module, key in (("pipeline.synth", "data"), ("pipeline.graphs", "cache")):
        for dataset, options in scenario.get(key, {}).items():
            call(folder, sys.executable, "-m", module, dataset, *shlex.split(options), check=True)


def train(folder: Path, scenario: Path, cores: int) -> int:
    """The pipeline as its owner starts it; its onerror handler knows where postmortem is."""
    command = ["snakemake", "--cores", str(cores), "--keep-going", "--quiet", "progress", "rules"]
    command += ["--configfile", str(scenario), "--config", f"postmortem={REPOSITORY}"]
    with (folder / "snakemake.console").open("w") as console:
        return call(folder, *command, stdout=console, stderr=subprocess.STDOUT)


def start_by_hand(folder: Path, run: str) -> None:
    """A run as somebody starts it who does not wait for what it needs."""
    dataset, name = run.split("/")
    size, stage = name.removesuffix("_kd").split("_", 1)
    place = folder / "experimentruns" / run
    place.mkdir(parents=True, exist_ok=True)
    with (place / "slurm.out").open("w") as out, (place / "slurm.err").open("w") as err:
        options = ["--dataset", dataset, "--model-size", size]
        call(folder, sys.executable, "-m", "pipeline.cli", stage, *options, stdout=out, stderr=err)


def diagnose(folder: Path, cores: int) -> int:
    """What the owner of any project would type."""
    command = ["snakemake", "diagnose_all", "-s", str(REPOSITORY / "Snakefile"), "--directory", str(folder)]
    command += ["--cores", str(cores)]
    if not (REPOSITORY / "Snakefile").exists():
        print(f"there is no workflow yet; this would be run: {shlex.join(command)}")
        return 0
    return call(REPOSITORY, *command)


def compare(folder: Path, expected: dict[str, Any]) -> None:
    """One line per run that should have a diagnosis, and one per run that should not but has."""
    due = expected.get("failed", {}) | expected.get("suspect", {})
    right = 0
    for run, about in due.items():
        path = folder / "experimentruns" / run / "diagnosis.json"
        found = json.loads(path.read_text())["root_cause"]["id"] if path.exists() else "no diagnosis"
        right += found in about["cause"]
        note = "" if found in about["cause"] else f"   (expected {' or '.join(about['cause'])})"
        print(f"  {run:32} {found}{note}")
    for run in expected.get("ok", []):
        if (folder / "experimentruns" / run / "diagnosis.json").exists():
            print(f"  {run:32} diagnosed, though it is well")
    print(f"{right} of {len(due)} as expected")


def main() -> int:
    """Command line. The exit status is that of the diagnosis, not of the pipeline, which is meant to fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenario", default="demo", help="a name in scenarios/")
    parser.add_argument("--no-diagnosis", action="store_true")
    parser.add_argument("--cores", type=int, default=2)
    args = parser.parse_args()
    folder, started = args.folder.resolve(), time.monotonic()
    path = HERE / "scenarios" / f"{args.scenario}.yaml"
    scenario = yaml.safe_load(path.read_text())

    say(f"a fresh copy of the example pipeline in {args.folder}, with made-up data")
    fresh_copy(folder)
    make_data(folder, scenario)
    say(f"the pipeline runs, up to a minute or two ({args.folder}/snakemake.console)")
    status = train(folder, path, args.cores)
    for run in scenario.get("by_hand", []):
        start_by_hand(folder, run)
    say(f"it ended with exit status {status} after {time.monotonic() - started:.0f} s; now the diagnosis")
    if args.no_diagnosis:
        return 0
    status = diagnose(folder, args.cores)
    summary = folder / "experimentruns" / "diagnoses.md"
    if summary.exists():
        print(f"\n{summary.read_text()}")
        say("found against expected.yaml")
        compare(folder, yaml.safe_load((HERE / "expected.yaml").read_text())[args.scenario])
    say(f"{time.monotonic() - started:.0f} s in all; the diagnoses: {args.folder}/experimentruns/*/*/diagnosis.md")
    if summary.exists():
        print(f"   the summary: {args.folder}/experimentruns/diagnoses.md, .html, .tsv")
    return status


if __name__ == "__main__":
    sys.exit(main())
