"""Every kind of evidence is declared once, and what is declared is true: a part that is forgotten is found here."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from graph_files import graph, save_graphs
from made_runs import falling, make_run, plain_weights
from whole_chain import accounting, failed, found_in, mlflow, record

from postmortem.collect import collector
from postmortem.collect.evidence import KINDS, NAME_IN_REPORT, EvidenceKind, watched_files
from postmortem.collect.logs.scan import signal_patterns
from postmortem.discover.discovery import RunState
from postmortem.facts import RunFacts
from postmortem.installation import PACKAGE
from postmortem.jobs.suspicions import Suspicions
from postmortem.project.project import Project, from_config

RUN, GOOD, NEEDED = "set_01/teacher_curriculum", "set_02/teacher_curriculum", "set_01/teacher_autoencoder"
CRASH = 'Traceback (most recent call last):\n  File "{}/train.py", line 1, in <module>\n    f({{}})\nKeyError: "a"\n'
NOT_EVIDENCE = {
    "run", "directory", "dataset", "name", "stage", "size", "state", "reasons", "collected_at", "profile",
    "not_checked", "not_collected",
}  # fmt: skip
"""Fields of the facts that say which run it is, and what discovery made of the evidence."""

_opened: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _opened is not None and isinstance(arguments[0], str):
        _opened.append(arguments[0])


sys.addaudithook(_note)


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """What this process opens meanwhile."""
    global _opened
    found: list[str] = []
    _opened = found
    try:
        yield found
    finally:
        _opened = None


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, RunState]]:
    """A project that has all kinds of evidence of a failed run, and what is found of its runs."""
    root = tmp_path_factory.mktemp("project")
    (root / "train.py").write_text("f({})\n")
    (root / "job.sh").write_text("python train.py\n")
    (root / "environment.yaml").write_text("dependencies: [pytorch]\n")
    made = {"val_loss": falling(), "weights": plain_weights(), "metrics": {"core": {"f1": 0.5}}}
    run = failed(make_run(root, RUN, stderr=CRASH.format(root), stdout="Epoch 1: 5%| 1/20 [0, loss=0.1]\n", **made))
    (run / "last.ckpt").write_bytes(b"PK\x03\x04 cut off")
    (run / "events.out.tfevents.1").write_bytes(b"\0" * 64)
    make_run(root, GOOD, stderr="Stage 'curriculum' complete\n", **made)
    failed(make_run(root, NEEDED, stderr="Killed\n"))
    cache = root / "data" / "cache" / "set_01"
    cache.mkdir(parents=True)
    save_graphs(cache / "processed_graphs.pt", [graph()])
    (cache / "cache_metadata.json").write_text('{"num_graphs": 1}')
    (root / "data" / "datasets.yaml").write_text("set_01: {csv_dir: data/csv}\n")
    (root / "data" / "csv").mkdir()
    (root / "data" / "csv" / "a.csv").write_text("time,id\n0.1,3\n")
    record(root, RUN, "running", "2026-01-05T10:00:00", None, {"lr": 1})
    mlflow(root / "mlflow.db", RUN, ("RUNNING", 1_767_600_000, None, {"lr": "1"}))
    (root / "slurm_logs").mkdir()
    (root / "slurm_logs" / "12-curriculum.err").write_text(CRASH.format(root))
    (root / ".snakemake" / "log").mkdir(parents=True)
    (root / ".snakemake" / "log" / "2026-01-05T100000.000000.snakemake.log").write_text(
        f"[Mon Jan  5 10:00:00 2026]\nrule train:\n    output: experimentruns/{RUN}/best_model.pt\n    jobid: 1\n\n"
        "Submitted job 1 with external jobid '12'.\n[Mon Jan  5 10:06:00 2026]\nError in rule train:\n"
        f"    jobid: 1\n    output: experimentruns/{RUN}/best_model.pt\n    cluster_jobid: 12\n\n"
    )
    sacct = accounting(root, ("12", "x", "FAILED", "1:0", "2026-01-05T10:00:00", "2026-01-05T10:06:00"))
    watched = from_config({"sacct": sacct}, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
        return watched, found_in(watched).all_runs


@pytest.fixture
def project(everything: tuple[Project, dict[str, RunState]], monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{everything[0].root}/mlflow.db")
    return everything[0]


@pytest.fixture
def runs(everything: tuple[Project, dict[str, RunState]]) -> dict[str, RunState]:
    return everything[1]


# --- readers -------------------------------------------------------------------------------------------------------


def test_every_field_of_the_facts_is_filled_by_one_kind() -> None:
    filled = [name for kind in KINDS for name in kind.fills]
    assert sorted(filled) == sorted({field.name for field in dataclasses.fields(RunFacts)} - NOT_EVIDENCE)


def test_every_reader_is_declared() -> None:
    readers = set()
    for path in sorted((PACKAGE / "collect").rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE / "collect").with_suffix("").parts)
        module = importlib.import_module(f"postmortem.collect.{name}") if path.name != "__init__.py" else None
        read = getattr(module, "read", None)
        if read and list(inspect.signature(read).parameters)[:3] == ["project", "run_state", "facts"]:
            readers.add(name)
    assert readers == {kind.reader for kind in KINDS if kind.reader}
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_a_run_that_has_all_evidence_fills_all_fields(project: Project, runs: dict[str, RunState]) -> None:
    facts = collector.collect_run(project, runs[RUN], runs, signal_patterns)
    assert not [line for line in facts.not_checked if "broke" in line]
    empty = [name for kind in KINDS for name in kind.fills if not getattr(facts, name)]
    assert set(empty) <= {"sentinel", "environment"}, "a sentinel may be empty; nobody said a version"


def test_whoever_only_plans_imports_no_reader(project: Project) -> None:
    program = (
        "import os, sys\nfrom postmortem.jobs import plan\nos.chdir(sys.argv[1])\n"
        "made = plan.make({'sacct': 'off'}, True, 'Snakefile')\nassert made.batches\nprint(*sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(project.root)]
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PATH": os.environ["PATH"]}
    for _ in range(2):  # the first call screens the run that ended well, and remembers
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    imported = set(done.stdout.split())
    assert "postmortem.collect.evidence" in imported
    assert not imported & {f"postmortem.collect.{kind.reader}" for kind in KINDS if kind.reader}


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.reader], ids=lambda kind: kind.name)
def test_what_a_reader_opens_is_watched_or_said_not_to_be(
    kind: EvidenceKind, project: Project, runs: dict[str, RunState]
) -> None:
    state = runs[RUN]
    facts = collector.collect_run(project, state, runs, signal_patterns)
    with opened_files() as opened:
        kind.read(project, state, facts, {"all_runs": runs, "signals": signal_patterns})
    paths = {Path(name) for name in opened if Path(name).is_relative_to(project.root)}
    if kind.name == "checkpoint":  # opened by the helper process
        paths |= {project.absolute(checkpoint.source.path) for checkpoint in facts.checkpoints}
    not_watched = paths - set(watched_files(project, state))
    of_this_run = {path for path in not_watched if path.is_relative_to(state.directory)}
    assert not of_this_run, "a change there would go unnoticed"
    assert kind.unwatched or not not_watched
    assert paths or kind.name in ("artefacts", "code"), "which look at no file but by its size, or through git"


def test_all_that_a_run_leaves_is_watched(project: Project, runs: dict[str, RunState]) -> None:
    state = runs[RUN]
    left = {path for path in state.directory.rglob("*") if path.is_file()}
    assert left <= set(watched_files(project, state))
    assert project.root / "slurm_logs" / "12-curriculum.err" in watched_files(project, state)


# --- who else asks -------------------------------------------------------------------------------------------------


def test_every_kind_that_is_quoted_has_its_name_in_the_report() -> None:
    quoted = set()
    for path in (PACKAGE / "analyze").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Evidence":
                kinds = [*node.args[3:4], *(keyword.value for keyword in node.keywords if keyword.arg == "kind")]
                quoted |= {kind.value for kind in kinds if isinstance(kind, ast.Constant)}
    assert {"slurm", "data", "tracker"} <= quoted <= NAME_IN_REPORT.keys()
    assert len(set(NAME_IN_REPORT.values())) == len(NAME_IN_REPORT) and all(NAME_IN_REPORT.values())


def test_screening_has_a_cheap_reader_of_each_kind_that_is_screened(
    project: Project, runs: dict[str, RunState]
) -> None:
    screening = Suspicions(project)
    screened = [kind for kind in KINDS if kind.screened]
    assert screening.cheap_readers.keys() == {kind.name for kind in screened}
    facts = screening.facts_of(runs[GOOD])
    others = [name for kind in KINDS if not kind.screened for name in kind.fills]
    assert not [name for name in others if getattr(facts, name)]
    assert facts.logs and facts.curves and facts.config and facts.metrics and facts.checkpoints


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_gives_a_second_opinion_where_a_check_asks_it(kind: EvidenceKind) -> None:
    checks = "\n".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "analyze" / "checks").rglob("*.py"))
    asked = any(re.search(rf"\bfacts\.{name}\b", checks) for name in kind.fills)
    assert asked == kind.gives_second_opinion
