"""The command line of at_once: which runs, of which project, within which time. Prints lines on stdout."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from ..discover.scheduler_records import OWN_MARK
from ..errors import ConfigError
from ..installation import SNAKEFILE
from ..project.project import from_config
from . import diagnose_now


class TimeIsUp(BaseException):
    """Not an Exception: the sources guard against readers that break, and the end of our time is none."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 whatever the diagnoses say, 2 for a setting that cannot be followed."""
    parser = argparse.ArgumentParser(description="Diagnose failed runs at once, without Snakemake.")
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="the project's folder")
    parser.add_argument("--log", action="append", default=[], type=Path, help="only what failed in this Snakemake log")
    parser.add_argument("--job", action="append", default=[], help="only the runs of this SLURM job or array")
    parser.add_argument("--time-limit", type=float, default=0.0, help="seconds; 0 for none")
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE", help="as for the workflow")
    args = parser.parse_args(arguments)
    args.log = [log.absolute() for log in args.log]
    os.chdir(args.directory)
    left: list[str] = []
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, args.time_limit)
    try:
        for line in _lines(args, left):
            print(f"{OWN_MARK}{line}", flush=True)
    except ConfigError as error:
        print(f"{OWN_MARK}{error}", flush=True)
        return 2
    except TimeIsUp:
        rest = f"{len(left)} runs are left" if left else "not all is done"
        command = ["snakemake", "diagnose_all", "-s", str(SNAKEFILE), "--directory", str(Path.cwd())]
        print(f"{OWN_MARK}stopped after {args.time_limit:g} s, {rest}: {shlex.join(command)} --cores 1", flush=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return 0


def _lines(args: argparse.Namespace, left: list[str]) -> Iterator[str]:
    """What there is to say, as it becomes known. left: filled with the runs that are still to be diagnosed."""
    project = from_config(_settings(args.config), Path.cwd())
    logs = [log for log in args.log if log.is_file()]
    if logs:
        discovery, states = diagnose_now.of_logs(project, logs)
    elif args.job:
        discovery, states = diagnose_now.of_jobs(project, args.job)
    else:
        discovery, states = diagnose_now.of_everything(project)
    left += [state.run.id for state in states]
    for run_id, line in diagnose_now.diagnose(project, discovery, states):
        left.remove(run_id)
        yield line
    if not states:
        yield "no failed run found that lacks its diagnosis"


def _settings(pairs: list[str]) -> dict[str, Any]:
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f'config: "{pair}" is not KEY=VALUE')
        settings[key] = yaml.safe_load(value)
    return settings


def _time_is_up(_signal: int, _frame: FrameType | None) -> None:
    raise TimeIsUp
