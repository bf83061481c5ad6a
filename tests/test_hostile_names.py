"""Names of the project in commands of detectors: each stays one word, is never an option, and nothing of it is run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from made_runs import facts_of

from postmortem.analyze.detectors import all_detectors
from postmortem.analyze.remedies.shell import argument
from postmortem.facts import ABSENT, READ, Artefact, Checkpoint, Curve, GraphCache, RunFacts, Source, UpstreamRun

HOSTILE = ["d $(touch x)", "d two words", "d;touch x", "d`touch x`", "-rf", "d'x", 'd"x', "d&touch x", "d|x", "d>x"]


def broken(name: str) -> RunFacts:
    """A run of a data set of that name, of which much is wrong."""
    facts = facts_of("set_01/teacher_curriculum", "failed")
    facts.dataset, facts.run, facts.directory = name, f"{name}/r", f"experimentruns/{name}/r"
    path = f"experimentruns/{name}/up/best_model.pt"
    facts.checkpoints = [
        Checkpoint(Source(path), "upstream", f"{name}/up", nan_tensors=2, tensor_count=2),
        Checkpoint(Source(path, "unreadable", "it is cut off"), "upstream", f"{name}/up", problem="truncated"),
        Checkpoint(Source(path, ABSENT, "it is not there"), "upstream", f"{name}/up"),
        Checkpoint(Source(f"{facts.directory}/best_model.pt"), "own", nan_tensors=2, tensor_count=2),
    ]
    facts.upstream = [
        UpstreamRun(f"{name}/up", "failed", artefacts=[Artefact(f"{name}/up", path, ABSENT, role="success")])
    ]
    facts.artefacts = [Artefact(facts.run, f"{facts.directory}/best_model.pt", READ, role="success")]
    facts.curves = [Curve(Source("metrics.csv"), "val_loss", 2, [[0, 1.0], [1, "nan"]], first_nonfinite_step=1)]
    cache = f"data/cache/{name}/processed_graphs.pt"
    facts.cache = GraphCache(Source(cache), graphs=0, node_features=[7], edge_features=[7], nan_graphs=2, labels=[0, 9])
    return facts


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_word_of_every_command(name: str) -> None:
    seen = 0
    for detector, detect in all_detectors():
        for finding in detect(broken(name)):
            for command in [fix.command for fix in finding.fix if fix.command]:
                words = shlex.split(command.replace("&&", " "))
                seen += any(name in word for word in words)
                if name in command or argument(name) in command:
                    assert any(name in word for word in words), f"{detector}: {command}"
                assert "touch" not in words and "x" not in words, f"{detector}: {command}"
    assert seen, "no command named the data set: nothing was tested"


def test_a_value_is_never_an_option() -> None:
    assert argument("-rf") == "./-rf" and argument("a b") == "'a b'" and argument("a/b") == "a/b"


def test_no_command_is_put_together_without_quotes() -> None:
    folder = Path(__file__).resolve().parents[1] / "workflow" / "scripts" / "postmortem" / "analyze"
    for path in folder.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            bare = any(f'f"{program} {{' in line for program in ("rm", "rm -f", "rm -r", "mv", "ls -l", "cp"))
            assert not bare or "{argument(" in line, f"{path.name}:{number}: {line.strip()}"
