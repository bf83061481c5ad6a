"""The first fix, applied as it is printed, cures: real projects that fail, are diagnosed, mended and run again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cure_lab import Experiment, NotApplicable, Outcome, apply_diff, examine, experiments, shown, unusable

SHARE = 0.8  # of the experiments of each group that the first fix has to cure
AT_ONCE = 2
GROUPS = [
    pytest.param("torch", marks=pytest.mark.training),
    pytest.param("python"),
    pytest.param("shell"),
    pytest.param("snakemake", marks=pytest.mark.snakemake),
]


@pytest.fixture(scope="module", params=GROUPS)
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """What became of a group's experiments."""
    scratch = tmp_path_factory.mktemp("cures")

    def outcome(experiment: Experiment) -> Outcome:
        return examine(experiment, scratch / experiment.name)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(outcome, experiments(request.param)))


@pytest.mark.slow
def test_the_first_fix_cures(outcomes: list[Outcome]) -> None:
    print(*(shown(outcome) for outcome in outcomes), sep="\n")
    sick = [shown(outcome) for outcome in outcomes if not outcome.cured]
    assert len(sick) <= (1 - SHARE) * len(outcomes), "\n".join(sick)


@pytest.mark.slow
def test_each_fix_can_be_used(outcomes: list[Outcome]) -> None:
    """Its command parses, and the files that it names are there."""
    assert not [problem for outcome in outcomes for problem in outcome.problems]


def test_there_are_enough_experiments_each_with_a_name_of_its_own() -> None:
    names = [experiment.name for experiment in experiments()]
    assert len(names) == len(set(names)) >= 30


def test_a_diff_is_applied_where_its_line_stands_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\ny = 2\n")
    apply_diff("--- a.py\n+++ a.py\n@@ -0,0 +1 @@\n+import os", tmp_path)
    apply_diff("--- a.py\n+++ a.py\n@@ -3 +3 @@\n-y = 2\n+y = 3", tmp_path)
    assert (tmp_path / "a.py").read_text() == "import os\nx = 1\ny = 3\n"
    with pytest.raises(NotApplicable, match=r"a\.py:1 is not"):
        apply_diff("--- a.py\n+++ a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2", tmp_path)


def test_what_is_wrong_with_a_fix_is_seen(tmp_path: Path) -> None:
    (tmp_path / "there.py").touch()
    assert not unusable({"text": "", "command": "python there.py", "file": "there.py", "line": 1}, tmp_path)
    assert unusable({"text": "", "command": "python absent.py"}, tmp_path)
    assert unusable({"text": "", "command": "echo 'open"}, tmp_path)
    assert unusable({"text": "", "file": "absent.py", "line": 3}, tmp_path)
