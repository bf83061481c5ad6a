"""Five kinds of silent failure, each with its wordings and places, and with healthy look-alikes that are left alone.

A cache that is made anew by run after run, labels of one class, settings with which nothing is learnt, models of
another data set, and input files that were passed over. The numbers are those of the example pipeline, really run with
these faults.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from graph_files import graph, save_graphs
from made_runs import curve_of, facts_of, falling, make_run, plain_weights, scores
from test_silent_failures import ENDED, EVALUATION, RUN, suspicions
from whole_chain import collected

from postmortem.analyze.detectors import learning, one_class, other_dataset, skipped_files, storage
from postmortem.facts import Line, Log, Metric, Metrics, RunFacts, Source

OTHER = "set_01/student_autoencoder"
THIRD = "set_01/teacher_normal"
CLASSIFIER = "set_01/teacher_curriculum"


def _facts(root: Path, run: str) -> RunFacts:
    """All that is collected of a run that ended well."""
    facts = collected(root, run)
    facts.state = "complete"
    return facts


def _causes(root: Path, run: str = RUN, **made: Any) -> list[str]:
    return [reason.partition(":")[0] for reason in suspicions(make_run(root, run, **made))]


# --- a cache that is made anew by run after run ----------------------------------------------------------------------


def _at(minute: int, *lines: str) -> str:
    """A log that begins in that minute of an hour, a line per second."""
    said = "".join(f"2026-01-05 10:{minute:02}:{i:02},000 WARNING data: {line}\n" for i, line in enumerate(lines))
    return said + ENDED.format(20)


def _cache_runs(root: Path, *logs: str, metadata: dict[str, Any] | None = None, **config: Any) -> list[list[str]]:
    """What three runs of one data set are suspected of, in the order of their logs."""
    for run, log in zip((RUN, OTHER, THIRD), logs, strict=False):
        make_run(root, run, val_loss=falling(), stderr=log, weights=plain_weights(), config=config)
    if metadata:
        folder = root / "data/cache/set_01"
        folder.mkdir(parents=True)
        (folder / "cache_metadata.json").write_text(json.dumps(metadata, indent=2))
    directories = [root / "experimentruns" / run for run, _ in zip((RUN, OTHER, THIRD), logs, strict=False)]
    return [[reason.partition(":")[0] for reason in suspicions(directory)] for directory in directories]


STALE = ["data.stale_cache"]
SAVED = "Cache saved: 90 graphs"


@pytest.mark.parametrize(
    "refused",
    [
        "Cached graphs are stale (source_csv_count 3 -> 5), processing again",
        "cache does not fit its metadata, rebuilding",
        "Metadata mismatch in cache: num_graphs 90 != 88. Regenerating",
        "cached dataset is out of date, re-creating it",
        "Cache graph count mismatch: expected 88, got 90",
        "the cache differs from what the loader wants",
    ],
)
def test_a_cache_that_two_runs_refuse_for_the_same_reason(refused: str, tmp_path: Path) -> None:
    logs = [_at(0, SAVED), _at(10, refused, SAVED), _at(20, refused, SAVED)]
    assert _cache_runs(tmp_path, *logs) == [[], STALE, STALE]


@pytest.mark.parametrize(
    ("refused", "metadata"),
    [
        ("the cache does not fit: source_csv_count 3 -> 5, rebuilding", {"num_graphs": 90, "source_csv_count": 3}),
        ("Cache version mismatch: cached 1.0, current 1.1", {"preprocessing_version": "1.0"}),
        ("Cache graph count mismatch: expected 88, got 90", {"num_graphs": 90}),
    ],
)
def test_a_cache_that_is_made_anew_and_still_states_what_it_was_refused_for(
    refused: str, metadata: dict[str, Any], tmp_path: Path
) -> None:
    assert _cache_runs(tmp_path, _at(0, SAVED), _at(10, refused, SAVED), metadata=metadata)[1] == STALE
    facts = _facts(tmp_path, OTHER)
    (finding,) = storage.detect(facts)
    quotes = {(item.source.rpartition("/")[2], item.line) for item in finding.evidence}
    assert {("slurm.err", 1), ("cache_metadata.json", 1 + len(metadata))} <= quotes


def test_metadata_that_state_what_the_refusal_only_mentions(tmp_path: Path) -> None:
    refused = "cache is stale: it has 90 graphs, current files on disk are newer; rebuilding"
    logs = [_at(0, SAVED), _at(10, refused, SAVED)]
    assert _cache_runs(tmp_path, *logs, metadata={"num_graphs": 90}) == [[], []]


def test_a_cache_that_no_run_calls_refused_but_every_one_makes(tmp_path: Path) -> None:
    built = ("building the cache of set_01 from 3 files", "done")
    assert _cache_runs(tmp_path, *(_at(minute, *built) for minute in (0, 10, 20)))[2] == STALE


@pytest.mark.parametrize(
    "logs",
    [
        # the data changed once
        [_at(0, SAVED), _at(10, "Cache validated"), _at(20, "cache is stale: 3 files -> 4, rebuilding", SAVED)],
        # and twice, each time to something else
        [
            _at(0, "building the cache from 3 files"),
            _at(10, "cache is stale: 3 files -> 4", "building the cache from 4 files"),
            _at(20, "cache is stale: 4 files -> 5", "building the cache from 5 files"),
        ],
        # three started at once, and none could use what another one made
        [_at(0, "processing from scratch", SAVED), _at(0, "processing from scratch", SAVED), _at(0, "x", SAVED)],
        # it was used in between
        [
            _at(0, "invalid cache, rebuilding", SAVED),
            _at(10, "Loaded 90 cached graphs"),
            _at(20, "invalid cache, rebuilding"),
        ],
        # of a library, which made nothing of the data anew
        [_at(minute, "Migrating your old cache, this is a one-time operation") for minute in (0, 10, 20)],
    ],
)
def test_caches_that_were_made_for_a_reason(logs: list[str], tmp_path: Path) -> None:
    assert _cache_runs(tmp_path, *logs) == [[], [], []]


def test_a_cache_that_is_meant_to_be_made_anew(tmp_path: Path) -> None:
    logs = [_at(minute, "invalid cache, rebuilding", SAVED) for minute in (0, 10, 20)]
    assert _cache_runs(tmp_path / "meant", *logs, force_rebuild=True) == [[], [], []]
    assert _cache_runs(tmp_path / "not", *logs, force_rebuild=False)[1] == STALE


# --- labels of one class ---------------------------------------------------------------------------------------------

VANISHING = [0.74, 0.58, 0.04, 0.0042, 0.00031, 2.5e-06]
ONE_CLASS = ["data.malformed"]


@pytest.mark.parametrize(
    "columns",
    [
        {"val_acc": [0.0, 1.0, 1.0, 1.0, 1.0, 1.0], "val_loss": VANISHING},
        {"val_acc": [0.0, 0.0, 0.6, 1.0, 1.0, 1.0], "val_loss": VANISHING},
        {"val_accuracy": [1.0] * 6, "val_f1": [0.0] * 6, "val_loss": VANISHING},
        {"valid_acc": [1.0] * 6, "valid_f1": [math.nan] * 6, "valid_loss": VANISHING},
    ],
)
def test_an_accuracy_that_is_nought_or_one(columns: dict[str, Any], tmp_path: Path) -> None:
    made = {"columns": columns, "stderr": ENDED.format(6), "weights": plain_weights(), "config": {"max_epochs": 6}}
    assert _causes(tmp_path, CLASSIFIER, **made) == ONE_CLASS
    (finding,) = one_class.detect(_facts(tmp_path, CLASSIFIER))
    assert (finding.evidence[0].line, finding.evidence[0].source.rpartition("/")[2]) == (7, "metrics.csv")


@pytest.mark.parametrize(
    "columns",
    [
        # an easy set, of which the first epochs tell two classes
        {"val_acc": [0.75, 1.0, 1.0, 0.83, 1.0, 1.0], "val_loss": VANISHING},
        {"val_acc": [0.36, 1.0, 1.0, 1.0, 1.0, 1.0], "val_loss": VANISHING},
        # faultless with both classes, by a score that needs both
        {"val_acc": [0.0, 1.0, 1.0, 1.0, 1.0, 1.0], "val_f1": [0.0, 0.97, 1.0, 1.0, 1.0, 1.0], "val_loss": VANISHING},
        # the loss says that it is not so easy
        {"val_acc": [0.0, 1.0, 1.0, 1.0, 1.0, 1.0], "val_loss": [0.9, 0.6, 0.5, 0.4, 0.4, 0.4]},
    ],
)
def test_an_easy_set_of_two_classes(columns: dict[str, Any], tmp_path: Path) -> None:
    made = {"columns": columns, "stderr": ENDED.format(6), "weights": plain_weights(), "config": {"max_epochs": 6}}
    assert _causes(tmp_path, CLASSIFIER, **made) == []


@pytest.mark.parametrize(("labels", "found"), [((0, 0), ONE_CLASS), ((0, 1), [])])
def test_the_labels_in_the_cache_tell_where_the_curve_does_not(
    labels: tuple[int, int], found: list[str], tmp_path: Path
) -> None:
    save_graphs(tmp_path / "data/cache/set_01/processed_graphs.pt", [graph(label=label) for label in labels])
    late = {"val_acc": [1.0] * 6, "val_loss": VANISHING, "step": [1000 * (i + 1) for i in range(6)]}
    made = {"stderr": ENDED.format(6), "weights": plain_weights(), "config": {"max_epochs": 6}}
    directory = make_run(tmp_path, CLASSIFIER, columns=late, **made)
    table = directory / "lightning_logs/version_0/metrics.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]  # the table's own column of steps is the last
    table.write_text("".join(",".join([row[0], row[-1], *row[2:-1]]) + "\n" for row in rows))
    assert [reason.partition(":")[0] for reason in suspicions(directory)] == found


def _core(**values: Any) -> dict[str, Any]:
    return {"core": {"n_samples": 200} | values}


NO_ATTACK = {"accuracy": 1.0, "f1": 0.0, "recall": 0.0, "specificity": 1.0, "fnr": 1.0, "auc": 0.5}


@pytest.mark.parametrize(
    "metrics",
    [
        {"gat": _core(**NO_ATTACK)},
        {"gat": _core(accuracy=1.0, f1=1.0, recall=1.0, specificity=0.0)},  # attacks only
        {"gat": _core(accuracy=1.0, f1=math.nan, auc=math.nan)},
        {"gat": _core(accuracy=0.93, recall=0.0, fnr=0.0, specificity=0.93, fpr=0.07, f1=0.0)},
        {"test": {"gat": {"test_01_known": _core(**NO_ATTACK), "test_02_unknown": _core(**NO_ATTACK)}}},
    ],
)
def test_scores_that_lack_a_class(metrics: dict[str, Any], tmp_path: Path) -> None:
    assert "data.malformed" in _causes(tmp_path, EVALUATION, metrics=metrics)
    facts = _facts(tmp_path, EVALUATION)
    (finding,) = one_class.detect(facts)
    lines = (tmp_path / "experimentruns" / EVALUATION / "metrics.json").read_text().splitlines()
    assert all(item.line and item.text in lines[item.line - 1] for item in finding.evidence)


@pytest.mark.parametrize(
    "metrics",
    [
        {"gat": _core(accuracy=1.0, f1=1.0, recall=1.0, specificity=1.0, fnr=0.0, fpr=0.0, auc=1.0)},
        {"gat": scores(0.9, 0.9, 0.95, 0.9), "test": {"gat": {"test_01_attack_free": _core(**NO_ATTACK)}}},  # by design
        {"test": {"vgae": {"test_benign": _core(**NO_ATTACK)}}},
        {"gat": {"core": NO_ATTACK | {"n_samples": 9}}},
    ],
)
def test_scores_of_two_classes_or_of_one_by_design(metrics: dict[str, Any], tmp_path: Path) -> None:
    assert "data.malformed" not in _causes(tmp_path, EVALUATION, metrics=metrics)


def test_anomaly_detection_learns_what_is_normal(tmp_path: Path) -> None:
    columns = {"val_acc": [0.0, 1.0, 1.0, 1.0, 1.0, 1.0], "val_loss": VANISHING}
    made = {"columns": columns, "stderr": ENDED.format(6), "weights": plain_weights()}
    assert _causes(tmp_path, CLASSIFIER, config={"max_epochs": 6, "train_on_normal_only": True}, **made) == []


def test_what_the_log_says_of_the_labels_confirms_it() -> None:
    facts = facts_of(EVALUATION)
    names = {"accuracy": 1.0, "recall": 0.0, "n_samples": 40}
    facts.metrics = Metrics(Source("m.json"), [Metric(f"gat.core.{n}", v, 3, f'"{n}": {v},') for n, v in names.items()])
    said = "sklearn/metrics/_ranking.py:379: UndefinedMetricWarning: Only one class is present in y_true."
    facts.logs = [Log(Source("slurm.err"), "stderr", lines=[Line(9, said), Line(12, "class counts: {0: 40, 1: 0}")])]
    (finding,) = one_class.detect(facts)
    assert {item.line for item in finding.evidence} >= {9, 12}


# --- settings with which nothing is learnt ---------------------------------------------------------------------------

# BatchNorm's statistics settle in the first epochs, though no weight changes.
SETTLING = [0.8502, 0.8555, 0.8571, 0.8574, *[0.8574268] * 8]
NO_LEARNING = ["training.no_learning"]


@pytest.mark.parametrize(
    ("config", "losses", "usual"),
    [
        ({"gradient_clip": 1e-25}, SETTLING, 1.0),
        ({"gradient_clip": 1e-12}, [0.2786, 0.2786, 0.2762, 0.2806, 0.2786], 1.0),
        ({"max_grad_norm": 1e-20}, [0.7751] * 12, 1.0),
        ({"clip_grad_value": 1e-30}, SETTLING, 1.0),
        ({"vgae_dropout": 1.0}, [0.7756, 0.7758, 0.7759, 0.7762, 0.7766, 0.7768, 0.7769, 0.7769], 0.2),
        ({"label_smoothing": 1.0}, [0.6947, 0.6941, 0.6937, 0.6935, 0.6934, 0.6933, 0.6932, 0.6932], 0.1),
        ({"weight_decay": 100.0}, [0.7158, 0.6955, 0.6933, 0.6932, 0.6931, 0.6932, 0.6931, 0.6932], 0.0001),
        ({"adam_eps": 1e6}, [0.7751] * 8, 1e-8),
        ({"scheduler_gamma": 1e-10, "use_scheduler": True}, [0.631965] * 8, 0.1),
    ],
)
def test_a_setting_with_which_nothing_is_learnt(
    config: dict[str, Any], losses: list[float], usual: float, tmp_path: Path
) -> None:
    made = {"val_loss": losses, "stderr": ENDED.format(20), "weights": plain_weights()}
    assert "training.no_learning" in _causes(tmp_path, config=config, **made)
    (finding,) = learning.detect(_facts(tmp_path, RUN))
    key = next(iter(config))
    assert key in finding.evidence[0].text and finding.evidence[0].line and finding.fix[0].config == {key: usual}


@pytest.mark.parametrize(
    ("config", "losses"),
    [
        ({"gradient_clip": 0.01}, falling()),
        ({"gradient_clip": 0.0}, falling()),  # off
        ({"max_grad_norm": 1e-9}, falling()),  # a key of that name that nobody reads
        ({"weight_decay": 0.3}, falling()),
        ({"gat_dropout": 1.0}, falling()),  # of another model than this stage's
        ({"label_smoothing": 0.1}, falling()),
        ({"scheduler_gamma": 1e-10, "use_scheduler": False}, falling()),
        ({"layer_norm_eps": 1.0, "dqn_min_epsilon": 1.0}, falling()),
    ],
)
def test_settings_with_which_something_is_learnt(config: dict[str, Any], losses: list[float], tmp_path: Path) -> None:
    assert _causes(tmp_path, config=config, val_loss=losses, stderr=ENDED.format(20), weights=plain_weights()) == []


def test_a_setting_far_from_that_of_the_siblings_is_named_where_the_loss_stands_still() -> None:
    facts = facts_of(config={"kl_weight": 1e9})
    facts.siblings = {"set_02/teacher_autoencoder": {"kl_weight": 0.01}}
    facts.curves = [curve_of("val_loss", [0.7] * 9)]
    (finding,) = learning.detect(facts)
    assert finding.fix[0].config == {"kl_weight": 0.01} and "kl_weight is 1e+09" in finding.root_cause
    facts.curves = [curve_of("val_loss", falling())]
    assert learning.detect(facts) == []


def test_a_plateau_after_learning_is_no_standstill(tmp_path: Path) -> None:
    plateau = falling(8) + [falling(8)[-1]] * 12
    assert _causes(tmp_path, val_loss=plateau, stderr=ENDED.format(20), weights=plain_weights()) == []


# --- models of another data set --------------------------------------------------------------------------------------

MISMATCH = ["config.mismatch"]


@pytest.mark.parametrize(
    "config",
    [
        {"dataset": "hcrl_sa"},
        {"dataset": None, "data": {"name": "set_02"}},
        {"dataset": None, "dataset_name": "set_02"},
        {"dataset": None, "data_dir": "data/automotive/set_02"},
    ],
)
def test_needed_models_whose_configuration_names_another_data_set(config: dict[str, Any], tmp_path: Path) -> None:
    make_run(tmp_path, RUN, config=config, stderr=ENDED.format(20))
    make_run(tmp_path, "set_02/teacher_evaluation", stderr=ENDED.format(20))
    assert _causes(tmp_path, EVALUATION) == MISMATCH
    (finding,) = other_dataset.detect(_facts(tmp_path, EVALUATION))
    (quote,) = finding.evidence
    lines = (tmp_path / quote.source).read_text().splitlines()
    assert quote.line and lines[quote.line - 1].strip() == quote.text
    assert "--dataset set_01" in str(finding.fix[0].command)


def test_models_that_are_loaded_from_another_data_set(tmp_path: Path) -> None:
    for dataset in ("set_01", "set_02"):
        make_run(tmp_path, f"{dataset}/teacher_autoencoder", stderr=ENDED.format(20))
    loaded = "2026-01-05 10:00:00,000 INFO loading experimentruns/{}/teacher_autoencoder/best_model.pt\n"
    assert _causes(tmp_path, EVALUATION, stderr=loaded.format("set_02")) == MISMATCH
    assert _causes(tmp_path, EVALUATION, stderr=loaded.format("set_01")) == []
    named = {"vgae_checkpoint": "experimentruns/set_02/teacher_autoencoder/best_model.pt"}
    assert _causes(tmp_path, EVALUATION, config=named) == MISMATCH


@pytest.mark.parametrize(
    ("needed", "own"),
    [
        ({"dataset": "set_01"}, {}),
        ({"dataset": "SET-01"}, {}),
        ({"dataset": "set_01", "source_dataset": "set_02"}, {}),
        ({"dataset": None, "data_dir": "data/automotive/set_01/v2"}, {}),
        ({"dataset": None, "data_dir": "/scratch/data"}, {}),
        ({"dataset": "set_02"}, {"pretrained_on": "set_02"}),
        ({"dataset": "set_02"}, {"datasets": ["set_01", "set_02"]}),
    ],
)
def test_models_of_the_same_data_set_or_of_another_one_that_is_meant(
    needed: dict[str, Any], own: dict[str, Any], tmp_path: Path
) -> None:
    make_run(tmp_path, RUN, config=needed, stderr=ENDED.format(20))
    make_run(tmp_path, "set_02/teacher_evaluation", stderr=ENDED.format(20))
    assert _causes(tmp_path, EVALUATION, config=own) == []


# --- input files that were passed over -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "WARNING could not parse data/automotive/set_01/train_02/a.csv, skipping it: invalid literal 'R'",
        "skipping corrupt file a.csv: 5 columns instead of 4",
        "/home/u/graphs.py:113: UserWarning: data/automotive/set_01/train_02/a.csv: unreadable, ignored",
        "ERROR failed to read /data/set_01/train/a.parquet (truncated)",
        "WARNING train_02/a.csv has an unexpected header and was dropped",
        "WARNING 1 of 3 csv files could not be read",
    ],
)
def test_wordings_of_files_that_were_passed_over(line: str, tmp_path: Path) -> None:
    made = {"val_loss": falling(), "stderr": f"INFO start\n{line}\n{ENDED.format(20)}", "weights": plain_weights()}
    assert _causes(tmp_path, **made) == ["data.malformed"]
    (finding,) = skipped_files.detect(_facts(tmp_path, RUN))
    assert [(item.line, item.text) for item in finding.evidence] == [(2, line)]


@pytest.mark.parametrize(
    "line",
    [
        "INFO skipping optional file data/automotive/set_01/notes.csv",
        "WARNING could not read data/automotive/set_01/a.csv with the C engine, falling back to the Python engine",
        "WARNING could not open data/automotive/set_01/a.csv, retrying in 5 s",
        "WARNING could not read metrics.csv, skipping it",  # of the run's own
        "WARNING failed to load data/cache/set_01/processed_graphs.pt (corrupt), processing again",
        "WARNING could not read /etc/profile.d/modules.csv",
        "WARNING could not read experimentruns/set_01/student_normal/config.json, skipping it",
        "INFO 0 of 3 csv files could not be read",
        "prep.tables.SchemaError: table.csv: missing columns ['attack'], found ['label']",
        "ParserError: Error tokenizing data in a.csv. Expected 4 fields in line 3, saw 5",
        "INFO skipping data/automotive/set_01/train_01/b.csv: corrupt files are repaired by fix.py, already cached",
    ],
)
def test_files_that_were_passed_over_on_purpose_or_read_in_the_end(line: str, tmp_path: Path) -> None:
    made = {"val_loss": falling(), "stderr": f"{line}\n{ENDED.format(20)}", "weights": plain_weights()}
    assert _causes(tmp_path, **made) == []
