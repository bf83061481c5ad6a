"""Screening runs that ended well: what is shared by the runs of a dataset is read once, and a second call remembers."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_runs import falling, make_run, plain_weights
from timing import seconds
from whole_chain import diagnosed, found_in

from postmortem.collect.files import config
from postmortem.collect.tensors import helper
from postmortem.jobs import suspicions
from postmortem.project import project

ENDED = "2026-03-01 11:00:00,000 INFO `Trainer.fit` stopped: `max_epochs=20` reached.\n"
LOGGED = "".join(
    f"2026-03-01 10:00:{i % 60:02d},000 pipeline INFO epoch {i} train_loss 0.{i:03d}\n" for i in range(200)
)
BARS = "".join(f"\rEpoch {i // 20}: 5%|# | {i % 20}/20 [00:01<00:02, train_loss={2 / (i + 3):.3f}]" for i in range(400))
SETTINGS = {"sacct": "off", "project": "default"}
NAMES = ["teacher_autoencoder", "teacher_curriculum", "teacher_normal"]


def healthy_runs(root: Path, datasets: int = 2) -> project.Project:
    (root / ".snakemake").mkdir()
    for dataset in range(datasets):
        for name in NAMES:
            make_run(
                root,
                f"set_{dataset:02d}/{name}",
                val_loss=falling(),
                stderr=LOGGED + ENDED,
                stdout=BARS,
                weights=plain_weights(),
            )
    return project.from_config({"sacct": "off"}, root)


def states(known: project.Project) -> set[str]:
    """The states of all runs, with the reasons of those that are not complete."""
    found = found_in(known).runs
    return {state.state if state.state == "complete" else f"{state.state}: {state.reasons}" for state in found}


def test_a_run_of_which_nothing_says_how_it_ended_is_screened_as_well(tmp_path: Path) -> None:
    for name, losses in (("fine", falling()), ("broken", [1.0, 2.0, float("nan"), float("nan")])):
        make_run(tmp_path, f"set_01/{name}", val_loss=losses, stderr="2026-03-01 10:00:00 INFO started\n", config={})
    known = project.from_config(SETTINGS, tmp_path)
    found = {state.run.name: state for state in found_in(known).runs}
    assert found["fine"].state == "unknown"
    assert found["broken"].state == "suspect" and "nothing says how it ended" in found["broken"].reasons


def test_what_runs_share_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = healthy_runs(tmp_path)
    caches: list[Path] = []
    configs: list[Path] = []
    checkpoints: list[str] = []
    rebuilds, flatten, ask = suspicions.rebuilds, config.flatten, helper.Helper.ask
    monkeypatch.setattr(suspicions, "rebuilds", lambda *args: caches.append(args[0]) or rebuilds(*args))
    monkeypatch.setattr(config, "flatten", lambda *args: configs.append(args[0]) or flatten(*args))
    monkeypatch.setattr(helper.Helper, "ask", lambda *a, **kw: checkpoints.append(kw["path"]) or ask(*a, **kw))
    found_in(known)
    assert sorted(path.name for path in caches) == ["set_00", "set_01"]
    assert len(configs) == 2 * len(NAMES)
    assert len(checkpoints) == len(set(checkpoints)) == 2 * len(NAMES)


def test_a_config_that_was_changed_is_read_again(tmp_path: Path) -> None:
    first = make_run(tmp_path, "set_01/teacher_normal")
    other = make_run(tmp_path, "set_01/student_normal")

    def rate() -> object:
        return config.read_siblings(first, tmp_path / "experimentruns", "config.json")["set_01/student_normal"]["lr"]

    assert rate() == 0.002
    (other / "config.json").write_text('{"lr": 0.5}')
    assert rate() == 0.5


def test_siblings_are_those_of_the_dataset_then_the_same_run_elsewhere(tmp_path: Path) -> None:
    for run in ("set_02/teacher_normal", "set_01/b", "set_01/teacher_normal", "set_01/a", "set_02/a"):
        make_run(tmp_path, run)
    own = tmp_path / "experimentruns/set_01/teacher_normal"
    found = config.read_siblings(own, tmp_path / "experimentruns", "config.json")
    assert list(found) == ["set_01/a", "set_01/b", "set_02/teacher_normal"]


def test_a_second_call_remembers_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = healthy_runs(tmp_path)
    asked: list[Path] = []
    look = suspicions.Suspicions.of
    monkeypatch.setattr(suspicions.Suspicions, "of", lambda me, run: asked.append(run.directory) or look(me, run))
    assert states(known) == {"complete"} and len(asked) == 2 * len(NAMES)
    asked.clear()
    assert states(known) == {"complete"} and not asked
    run = tmp_path / "experimentruns/set_01/teacher_normal"
    (run / "slurm.err").write_text(ENDED)
    assert states(known) == {"complete"} and {path.parent.name for path in asked} == {"set_01"}


def test_the_cost_of_a_healthy_run(tmp_path: Path) -> None:
    known = healthy_runs(tmp_path, datasets=16)
    first = seconds(lambda: states(known), tries=1)
    again = seconds(lambda: states(known))
    assert again < first / 3
    assert states(known) == {"complete"}
    everything = seconds(lambda: diagnosed(tmp_path, f"set_00/{NAMES[0]}")) - again
    assert first / (16 * len(NAMES)) < everything / 2, "it once took as long as a diagnosis; it takes a fifth of one"
