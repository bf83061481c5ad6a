#!/usr/bin/env python3
"""Provoke real failures and keep what the programs wrote as labelled fixtures.

    provoke.py [--list] [--only NAME...] [--keep-going] [--envs DIR] [--root DIR] [--out DIR]

cases/*.yaml say what to run, and what is known to be the cause because we caused it; programs/ holds the small
projects that are run. Each case gives <out>/<name>/ with slurm.err, slurm.out (if not empty) and label.yaml.
Needs Linux, root (for the sandbox: own mounts, network, host name) and the environments named in README.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CAUSES_PATTERN = re.compile(r"none|unknown|[a-z]+\.[a-z_]+")
# A fixture must not tell of the machine that made it: where this repository lies, whose home it is.
FORBIDDEN = re.compile("|".join(rf"{re.escape(str(place))}\b" for place in (HERE.parents[2], Path.home())))
SIZE_LIMIT = 250_000


class BadFixture(Exception):
    """The program did not write what its label claims."""


@dataclass
class Case:
    """One failure (or healthy run) to provoke: an entry of cases/*.yaml."""

    name: str
    project: str  # a folder of programs/
    job: str  # shell script, run by bash as a batch script would be
    cause: str
    key_evidence: str = ""
    also_ok: list[str] = field(default_factory=list)
    note: str = ""
    env: str = "train"  # virtual environment whose bin/ leads PATH
    user: str = "mara"
    setup: str = ""  # as root, before the job
    merge: bool = False  # stderr and stdout in one file, as sbatch without --error
    timeout: int = 90
    exit_ok: bool = False  # a failure that ends with status 0

    def check(self) -> None:
        for cause in (self.cause, *self.also_ok):
            if not CAUSES_PATTERN.fullmatch(cause):
                raise BadFixture(f"{self.name}: cause {cause!r}")


def read_cases() -> list[Case]:
    cases = []
    for path in sorted((HERE / "cases").glob("*.yaml")):
        table = yaml.safe_load(path.read_text())
        defaults = table.get("defaults") or {}
        cases += [Case(**{**defaults, **entry}) for entry in table["cases"]]
    names = [case.name for case in cases]
    if twice := {name for name in names if names.count(name) > 1}:
        raise SystemExit(f"names used twice: {sorted(twice)}")
    for case in cases:
        case.check()
    return cases


def provoke(case: Case, args: argparse.Namespace, scratch: Path) -> tuple[int, Path, Path]:
    """Run the job in a fresh copy of its project; returns the exit status and the two streams."""
    folder = args.root / case.project
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "programs" / case.project, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "job.sh").write_text(case.job.rstrip() + "\n")
    if case.user != "root":
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 2041, 2041)
    path = f"{args.envs / case.env / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    env = {"PATH": path, "HOME": "/home/mara", "LANG": "C.UTF-8", "USER": case.user, "SHELL": "/bin/bash",
           "TOOLS": str(HERE)}  # fmt: skip
    sandbox = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child",
               "bash", str(HERE / "sandbox.sh"), case.user, case.setup]  # fmt: skip
    err, out = scratch / "slurm.err", scratch / "slurm.out"
    with err.open("wb") as err_file, out.open("wb") as out_file:
        process = subprocess.Popen(sandbox, cwd=folder, env=env, stdin=subprocess.DEVNULL, start_new_session=True,
                                   stdout=err_file if case.merge else out_file, stderr=err_file)  # fmt: skip
        try:
            code = process.wait(case.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise BadFixture(f"no end after {case.timeout} s:\n{err.read_text(errors='replace')[-1500:]}") from None
    return (128 - code if code < 0 else code), err, out


def stored(case: Case, args: argparse.Namespace, scratch: Path) -> tuple[int, Path, Path]:
    """What an earlier run of this case has left."""
    folder = args.out / case.name
    if not (folder / "label.yaml").exists():
        raise BadFixture("no fixture yet")
    for name in ("slurm.err", "slurm.out"):
        (scratch / name).write_bytes((folder / name).read_bytes() if (folder / name).exists() else b"")
    code = yaml.safe_load((folder / "label.yaml").read_text())["exit_code"]
    return code, scratch / "slurm.err", scratch / "slurm.out"


def keep(case: Case, code: int, err: Path, out: Path, args: argparse.Namespace) -> None:
    """Check that the streams carry the truth of the label, then store them."""
    texts = {path.name: path.read_bytes() for path in (err, out)}
    whole = b"\n".join(texts.values()).decode(errors="replace")
    tail = whole[-6000:]
    if case.key_evidence not in whole:
        raise BadFixture(f"exit {code}, key_evidence {case.key_evidence!r} is not in the log:\n{tail}")
    if (code == 0) != (case.cause == "none" or case.exit_ok):
        raise BadFixture(f"exit status {code}:\n{tail}")
    if found := FORBIDDEN.search(whole):
        around = whole[max(0, found.start() - 200) : found.end() + 200]
        raise BadFixture(f"path or name of this machine: {found.group()!r} in:\n{around}")
    if len(whole) > SIZE_LIMIT:
        raise BadFixture(f"{len(whole)} bytes of log")
    folder = args.out / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in texts.items():
        if data:
            (folder / name).write_bytes(data)
    label = {"cause": case.cause, "also_ok": case.also_ok, "key_evidence": case.key_evidence,
             "exit_code": code, "note": case.note}  # fmt: skip
    (folder / "label.yaml").write_text(yaml.safe_dump(label, sort_keys=False, allow_unicode=True, width=1000))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the cases and stop")
    parser.add_argument("--only", nargs="+", default=[], help="names, or beginnings of names ending in *")
    parser.add_argument("--missing", action="store_true", help="only those that have no fixture yet")
    parser.add_argument("--keep-going", action="store_true", help="go on after a case that failed to fail")
    parser.add_argument("--relabel", action="store_true", help="write the labels again from the stored streams")
    parser.add_argument("--envs", type=Path, default=Path("/srv/envs"), help="folder of the virtual environments")
    parser.add_argument("--root", type=Path, default=Path("/srv/train"), help="where the programs run")
    parser.add_argument("--out", type=Path, default=HERE.parent / "provoked")
    args = parser.parse_args()
    cases = read_cases()
    if args.only:
        starts = tuple(name[:-1] for name in args.only if name.endswith("*"))
        cases = [c for c in cases if c.name in args.only or (starts and c.name.startswith(starts))]
    if args.missing:
        cases = [c for c in cases if not (args.out / c.name / "label.yaml").exists()]
    if args.list:
        print("\n".join(f"{c.name:<34} {c.cause:<28} {c.project}" for c in cases))
        return 0
    failed = 0
    for case in cases:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            try:
                source = stored if args.relabel else provoke
                code, err, out = source(case, args, Path(scratch))
                keep(case, code, err, out, args)
                print(f"ok   {case.name} (exit {code}, {time.monotonic() - start:.0f} s)", flush=True)
            except BadFixture as problem:
                failed += 1
                print(f"BAD  {case.name}: {problem}\n{'-' * 80}", flush=True)
                if not args.keep_going:
                    return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
