"""Runs that ended well and are worth nothing are suspected, each for its own reason; their look-alikes are not.

Every case is a run directory that is screened, as after discovery: by the detectors' own judgements.
"""

from __future__ import annotations

import math
import random
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from made_runs import curve_of, facts_of, falling, make_run, plain_weights, project, scores
from timing import ratio
from whole_chain import collected

from postmortem.analyze.detectors import evaluation, learning, numerics, stopping
from postmortem.analyze.findings import HINT
from postmortem.discover.discovery import RunState
from postmortem.facts import Metric, Metrics, Source
from postmortem.jobs.suspicions import Suspicions
from postmortem.project.runs import from_id

RUN = "set_01/teacher_autoencoder"
ENDED = "INFO `Trainer.fit` stopped: `max_epochs={}` reached.\n"


def suspicions(directory: Path) -> list[str]:
    """Why the run in that folder is to be suspected."""
    watched = project(directory.parents[2])
    return Suspicions(watched).of(RunState(from_id(f"{directory.parent.name}/{directory.name}", watched)))


def _causes(root: Path, run: str = RUN, **made: Any) -> list[str]:
    return [reason.partition(":")[0] for reason in suspicions(make_run(root, run, **made))]


def test_a_healthy_run(tmp_path: Path) -> None:
    assert _causes(tmp_path, val_loss=falling(), stderr=ENDED.format(20), weights=plain_weights()) == []


# --- NaN and explosion -----------------------------------------------------------------------------------------------


def test_nan_in_the_curve(tmp_path: Path) -> None:
    assert _causes(tmp_path, val_loss=[0.8, 0.7, math.nan]) == ["training.nan_loss"]


def test_nan_in_the_progress_bars_alone(tmp_path: Path) -> None:
    bar = "\rEpoch 0:  50%|▍ | 1/2 [00:00<00:01, v_num=0, train_loss={}]"
    assert _causes(tmp_path, stdout=bar.format("0.873") + bar.format("nan.0")) == ["training.nan_loss"]


def test_a_single_overflow_that_passed_is_no_nan_loss(tmp_path: Path) -> None:
    values = [0.8, math.inf, 0.6, 0.5]
    assert _causes(tmp_path, val_loss=values, stderr=ENDED.format(20)) == []
    facts = facts_of()
    facts.curves = [curve_of("val_loss", values)]
    assert [f.role for f in numerics.detect(facts)] == [HINT]


def test_nan_of_a_score_that_is_not_defined_is_no_nan_loss(tmp_path: Path) -> None:
    columns = {"val_auc": [math.nan] * 20, "val_loss": falling()}
    assert _causes(tmp_path, columns=columns, stderr=ENDED.format(20)) == []


def test_nan_in_the_weights_alone(tmp_path: Path) -> None:
    weights = plain_weights()
    weights["head.weight"][0, 0] = math.nan
    assert _causes(tmp_path, val_loss=falling(), stderr=ENDED.format(20), weights=weights) == ["training.nan_loss"]


def test_nan_weights_of_an_absurd_learning_rate_are_divergence(tmp_path: Path) -> None:
    weights = {name: tensor * math.nan for name, tensor in plain_weights().items() if tensor.is_floating_point()}
    run = "set_01/teacher_fusion"
    assert _causes(tmp_path, run, config={"fusion_lr": 1e6}, weights=weights) == ["training.divergence"]
    # the fusion stage does not use lr
    assert _causes(tmp_path, run, config={"lr": 1e6}, weights=plain_weights()) == []


@pytest.mark.parametrize(
    "values",
    [[0.6, 3.0, 40.0, 900.0], [0.6] * 4 + [9.0] * 4, [1e9, 1e9, 1e9, 9e8], [2.0, 0.0, 500.0, 0.0, 700.0, 900.0]],
)
def test_explosion(tmp_path: Path, values: list[float]) -> None:
    columns = {"train_loss": values, "val_loss": falling(len(values))}
    assert _causes(tmp_path, columns=columns, stderr=ENDED.format(20)) == ["training.divergence"]


@pytest.mark.parametrize(
    "values",
    [
        [2800.0, 2500.0, 2100.0, 1900.0],  # a loss that is summed instead of averaged
        [0.38, 0.31, 0.35, 0.64, 0.9, 1.2],  # over-fitting
        [0.7, 0.5, 60.0, 0.4, 0.35, 0.3, 0.3, 0.3],  # one spike
        [*falling(15), 60.0],  # one spike at the end
        [-1.0, -2.0, -30.0, -31.0],  # a likelihood that is negative by construction
    ],
)
def test_what_is_no_explosion(tmp_path: Path, values: list[float]) -> None:
    assert _causes(tmp_path, val_loss=values, stderr=ENDED.format(20)) == []


def test_explosion_within_the_first_epoch(tmp_path: Path) -> None:
    bar = "\rEpoch 0:  50%|▍ | 1/2 [00:00<00:01, v_num=0, train_loss={}]"
    assert _causes(tmp_path, val_loss=[9000.0, 8000.0], stdout=bar.format(0.9)) == ["training.divergence"]
    # a validation loss that is summed over some terms
    assert _causes(tmp_path, val_loss=[9.0, 8.0], stdout=bar.format(0.9), stderr=ENDED.format(20)) == []


def test_weights_of_absurd_size(tmp_path: Path) -> None:
    weights = plain_weights()
    weights["layers.0.weight"][0, 0] = 1e12
    assert _causes(tmp_path, val_loss=falling(), stderr=ENDED.format(20), weights=weights) == ["training.divergence"]


def test_an_absurd_learning_rate_is_enough(tmp_path: Path) -> None:
    assert _causes(tmp_path, config={"lr": 50.0}, val_loss=falling(), stderr=ENDED.format(20)) == ["config.invalid"]
    assert _causes(tmp_path, config={"lr": 0.1}, val_loss=falling(), stderr=ENDED.format(20)) == []


def test_the_cause_of_nan_is_told_with_numbers_and_a_command() -> None:
    facts = facts_of(config={"lr": 1e18, "gradient_clip": 0.0})
    facts.curves = [curve_of("val_loss", [math.nan])]
    finding = numerics.detect(facts)[0]
    assert "lr is 1e+18, 5e+20 times the usual 0.002" in finding.root_cause
    assert "gradient clipping is off" in finding.root_cause
    assert finding.fix[0].config == {"lr": 0.002, "gradient_clip": 1.0}
    command = finding.fix[0].command
    assert command is not None and command.startswith("python -m pipeline.cli autoencoder --config")
    assert "--lr 0.002" in command and "--gradient-clip 1.0" in command
    assert {e.line for e in finding.evidence if e.kind == "config"} == {
        facts.config.values[k].line for k in ("lr", "gradient_clip")
    }  # type: ignore[union-attr]


# --- no learning -----------------------------------------------------------------------------------------------------


def test_a_constant_loss(tmp_path: Path) -> None:
    for count in (3, 12):
        found = _causes(tmp_path, val_loss=[0.7015125751495361] * count, stderr=ENDED.format(20))
        assert found == ["training.no_learning"]


def test_a_learning_rate_of_nothing_though_statistics_move_the_loss(tmp_path: Path) -> None:
    made = {"val_loss": falling(), "stderr": ENDED.format(20)}
    assert _causes(tmp_path, config={"lr": 1e-12}, **made) == ["training.no_learning"]
    assert _causes(tmp_path, config={"lr": 1e-6}, **made) == []


def test_a_loss_that_hardly_moved(tmp_path: Path) -> None:
    jitter = [0.7 + 0.0002 * (i % 3) for i in range(20)]
    assert _causes(tmp_path, val_loss=jitter, stderr=ENDED.format(20)) == ["training.no_learning"]
    # a plateau after learning, a constant accuracy beside a falling loss, two epochs only
    plateau = falling(10) + [falling(10)[-1]] * 10
    assert _causes(tmp_path, val_loss=plateau, stderr=ENDED.format(20)) == []
    assert _causes(tmp_path, columns={"val_acc": [0.36] * 20, "val_loss": falling()}, stderr=ENDED.format(20)) == []
    assert _causes(tmp_path, val_loss=[0.7, 0.7], config={"max_epochs": 2}, stderr=ENDED.format(2)) == []


def test_one_answer_for_all(tmp_path: Path) -> None:
    columns = {
        "val_acc": [0.3611] * 10,
        "val_loss": [0.75, 0.72, 0.71, 0.70, 0.695, 0.694, 0.6935, 0.6933, 0.6932, 0.6932],
    }
    assert _causes(tmp_path, columns=columns, stderr=ENDED.format(20)) == ["training.collapse"]


def test_weights_that_decayed_to_nothing(tmp_path: Path) -> None:
    weights = {name: tensor * 0 for name, tensor in plain_weights().items()}
    made = {"val_loss": falling(), "stderr": ENDED.format(20), "weights": weights}
    assert _causes(tmp_path, config={"weight_decay": 0.4}, **made) == ["training.collapse"]


# --- stopped too soon ------------------------------------------------------------------------------------------------


def test_a_limit_in_the_program(tmp_path: Path) -> None:
    said = "INFO Time limit reached. Elapsed time is 0:00:02. Signaling Trainer to stop.\n"
    assert _causes(tmp_path, config={"max_epochs": 400}, val_loss=falling(6), stderr=said) == ["run.interrupted"]


def test_early_stopping_at_once(tmp_path: Path) -> None:
    constant = {"val_acc": [0.3611, 0.3611], "val_loss": [0.73, 0.76]}
    hasty = {"max_epochs": 300, "patience": 1, "monitor_metric": "val_acc", "monitor_mode": "max"}
    assert _causes(tmp_path, config=hasty, columns=constant) == ["training.no_learning"]
    # the same two epochs, as configured
    assert _causes(tmp_path, config=hasty | {"max_epochs": 2}, columns=constant, stderr=ENDED.format(2)) == []


def test_early_stopping_that_is_legitimate(tmp_path: Path) -> None:
    values = [*falling(7), *[falling(7)[-1] + 0.01 * i for i in range(1, 7)]]
    assert _causes(tmp_path, config={"max_epochs": 200, "patience": 6}, val_loss=values, weights=plain_weights()) == []


@pytest.mark.parametrize(
    "said",
    [
        "Monitored metric val_loss did not improve in the last 15 records. Best score: 0.6. Signaling Trainer to stop.",
        "Stopping threshold reached: val_loss = 0.1 < 0.2. Signaling Trainer to stop.",
    ],
)
def test_what_early_stopping_prints_is_how_a_good_run_ends(tmp_path: Path, said: str) -> None:
    assert _causes(tmp_path, config={"max_epochs": 400}, val_loss=falling(60), stderr=said + "\n") == []


def test_a_stop_that_nothing_explains(tmp_path: Path) -> None:
    made = {"config": {"max_epochs": 300}, "val_loss": falling(5)}
    assert _causes(tmp_path, **made, weights=plain_weights()) == ["run.interrupted"]
    # more than a tenth of its epochs: somebody was content with it
    assert _causes(tmp_path, config={"max_epochs": 20}, val_loss=falling(12)) == []
    # without its output the run has not ended: it is still training
    (tmp_path / "experimentruns" / RUN / "best_model.pt").unlink()
    assert _causes(tmp_path, **made) == []


def test_a_hasty_stop_says_what_to_set() -> None:
    facts = facts_of(
        "set_01/teacher_curriculum",
        config={"max_epochs": 300, "patience": 1, "monitor_metric": "val_acc", "monitor_mode": "max"},
    )
    facts.curves = [curve_of("epoch", [0, 1]), curve_of("val_acc", [0.3611, 0.3611])]
    finding = stopping.detect(facts)[0]
    assert finding.fix[0].config == {"patience": 100, "monitor_metric": "val_loss", "monitor_mode": "min"}
    assert '"patience": 1,' in [e.text for e in finding.evidence]


# --- evaluations -----------------------------------------------------------------------------------------------------

EVALUATION = "set_01/teacher_evaluation"
GOOD = scores(0.92, 0.9, 0.95, 0.9)
AT_CHANCE = scores(0.5, 0.52, 0.5, 0.4)
ALL_POSITIVE = scores(1.0, 0.0, 0.99, 0.5)


def _tests(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {f"test_{i:02}": block for i, block in enumerate(blocks, 1)}


@pytest.mark.parametrize(
    ("metrics", "cause"),
    [
        ({"gat": scores(0.0, 1.0, 0.93, 0.0)}, "training.threshold"),
        ({"gat": scores(1.0, 0.0, 0.93, 0.5)}, "training.threshold"),
        ({"gat": GOOD, "fusion": scores(0.0, 1.0, 0.5, 0.0)}, "training.collapse"),
        ({"gat": scores(1.0, 0.0, 0.46, 0.5)}, "training.collapse"),
        ({"gat": GOOD, "test": {"gat": _tests(AT_CHANCE, scores(0.4, 0.6, 0.52, 0.4))}}, "training.generalisation"),
        ({"gat": GOOD, "test": {"gat": _tests(ALL_POSITIVE, scores(0.1, 1.0, 0.93, 0.2))}}, "training.threshold"),
        # nested the other way round, and small sets that agree
        ({"gat": scores(0, 1, 1, 0, 18), "test": {"test_01": {"gat": scores(0, 1, 1, 0, 20)}}}, "training.threshold"),
    ],
)  # fmt: skip
def test_evaluations_that_are_worth_nothing(tmp_path: Path, metrics: dict[str, Any], cause: str) -> None:
    assert _causes(tmp_path, EVALUATION, metrics=metrics) == [cause]


@pytest.mark.parametrize(
    "metrics",
    [
        {"gat": GOOD, "vgae": scores(0.69, 0.78, 0.69, 0.67)},
        {"gat": scores(0.0, 1.0, 0.93, 0.0, 9)},  # too few samples to say anything
        {"gat": scores(0.2, 0.9, 0.9, 0.3)},  # a threshold that is strict, not one that is off
        {"gat": GOOD, "test": {"gat": _tests(scores(0.9, 0.9, 0.95, 0.9), scores(0.0, 0.4, 0.05, 0.0, 17))}},
        {"vgae": scores(0.6, 0.74, 0.7, 0.59), "test": {"vgae": _tests(scores(0.3, 0.4, 0.23, 0.4))}},  # never was good
        {"gat": GOOD, "test": {"gat": _tests(GOOD, GOOD, scores(0.5, 0.5, 0.5, 0.5))}},  # one hard scenario of three
    ],
)
def test_evaluations_that_are_merely_imperfect(tmp_path: Path, metrics: dict[str, Any]) -> None:
    assert _causes(tmp_path, EVALUATION, metrics=metrics) == []


def test_a_bias_that_was_shifted_is_named() -> None:
    from postmortem.facts import Checkpoint, TensorFacts

    facts = facts_of(EVALUATION)
    names = ("recall", "specificity", "auc", "f1", "n_samples")
    values = (0.0, 1.0, 0.93, 0.0, 36)
    facts.metrics = Metrics(
        Source("m.json"),
        [Metric(f"gat.core.{n}", v, i, f'"{n}": {v},') for i, (n, v) in enumerate(zip(names, values, strict=True))],
    )
    tensors = [
        TensorFacts("fc.weight", [2, 8], largest=0.7),
        TensorFacts("e.weight", [9, 8], largest=2.9),
        TensorFacts("fc.bias", [2], largest=45.1),
    ]
    facts.checkpoints = [
        Checkpoint(Source("c.pt"), "upstream", "set_01/teacher_curriculum", tensors=tensors, tensor_count=3)
    ]
    finding = evaluation.detect(facts)[0]
    assert "fc.bias holds 45.1" in finding.root_cause
    assert '"f1": 0.0,' in [e.text for e in finding.evidence]
    tensors[2].largest = 4.0
    assert "holds" not in evaluation.detect(facts)[0].root_cause


# --- the cache, and all that is well ---------------------------------------------------------------------------------


def test_a_cache_that_is_refused_by_every_run(tmp_path: Path) -> None:
    refused = (
        "2026-01-01 10:0{}:00 WARNING Invalid cache format, rebuilding\n"
        "2026-01-01 10:0{}:09 INFO Cache saved: 176 graphs\n" + ENDED.format(20)
    )
    first = make_run(tmp_path, RUN, val_loss=falling(), stderr=refused.format(1, 1))
    assert suspicions(first) == []
    assert _causes(tmp_path, "set_01/student_autoencoder", val_loss=falling(), stderr=refused.format(5, 5)) == [
        "data.stale_cache"
    ]


def test_a_cache_that_was_cut_off_and_rebuilt_once(tmp_path: Path) -> None:
    damaged = (
        "2026-01-01 10:01:00 WARNING Cache load failed (possibly corrupted): failed finding central directory\n"
        "2026-01-01 10:01:09 INFO Cache saved: 176 graphs\n"
    )
    good = "2026-01-01 10:05:00 INFO Cache validated: 176 graphs (expected 176, v1.0)\n" + ENDED.format(20)
    assert _causes(tmp_path, RUN, val_loss=falling(), stderr=damaged + ENDED.format(20)) == []
    assert _causes(tmp_path, "set_01/student_autoencoder", val_loss=falling(), stderr=good) == []


def test_thirty_healthy_runs_of_varied_shape_are_silent(tmp_path: Path) -> None:
    for seed in range(30):
        chance = random.Random(seed)
        epochs = chance.choice([1, 2, 5, 30, 120])
        loss = [v * chance.uniform(0.93, 1.07) for v in falling(epochs, chance.choice([0.7, 1.1, 25.0, 4000.0]))]
        config = {
            "max_epochs": epochs,
            "lr": chance.choice([1e-5, 3e-4, 0.003, 0.05]),
            "patience": chance.choice([5, 20, 100]),
        }
        columns = {
            "train_loss": [v * 0.9 for v in loss],
            "val_loss": loss,
            "val_acc": [chance.choice([0.36, 0.9])] * epochs,
        }
        run = f"set_0{seed % 4 + 1}/teacher_{chance.choice(['autoencoder', 'curriculum', 'normal'])}"
        found = _causes(
            tmp_path / str(seed),
            run,
            config=config,
            columns=columns,
            stderr=ENDED.format(epochs),
            weights=plain_weights(scale=chance.choice([0.02, 0.5])),
        )
        assert found == [], (seed, found)


def test_screening_a_run_takes_no_longer_than_collecting_it(tmp_path: Path) -> None:
    directory = make_run(
        tmp_path,
        RUN,
        val_loss=falling(),
        stdout="\rEpoch 1: 5%| 1/20 [0, train_loss=0.1]" * 20_000,
        weights=plain_weights(hidden=512),
    )
    # Both ask the helper process, which the clock of the CPU leaves out.
    collect = partial(collected, tmp_path, RUN)
    assert ratio(lambda: suspicions(directory), collect, limit=1.5, clock=time.monotonic) < 1.5


def test_screening_never_raises(tmp_path: Path) -> None:
    assert suspicions(tmp_path / "a" / "b" / "c") == []
    directory = make_run(tmp_path, RUN)
    (directory / "metrics.json").mkdir()
    (directory / "best_model.pt").write_bytes(b"\x80\x02garbage")
    assert suspicions(directory) == []


def test_detectors_say_nothing_of_runs_that_evaluate(tmp_path: Path) -> None:
    facts = facts_of(EVALUATION, config={"lr": 1e-12, "patience": 1})
    assert [*numerics.detect(facts), *learning.detect(facts), *stopping.detect(facts)] == []


def test_a_cache_that_cannot_be_loaded_again_and_again(tmp_path: Path) -> None:
    said = (
        "2026-01-01 10:0{0}:00 WARNING Cache load failed (possibly corrupted)\n2026-01-01 10:0{0}:09 INFO "
        "Cache saved: 9 graphs\n"
    )
    assert _causes(tmp_path, RUN, val_loss=falling(), stderr=said.format(1) + ENDED.format(20)) == []
    later = {"val_loss": falling(), "stderr": said.format(5) + ENDED.format(20)}
    assert _causes(tmp_path, "set_01/student_autoencoder", **later) == ["data.stale_cache"]
    # the first one made what the later ones refuse: it is not to blame for that by itself
    assert suspicions(tmp_path / "experimentruns" / RUN) == []


def test_a_limit_that_is_configured_is_meant(tmp_path: Path) -> None:
    said = "INFO `Trainer.fit` stopped: `max_steps=100` reached.\n"
    made = {"val_loss": falling(6), "stderr": said}
    assert _causes(tmp_path, config={"max_epochs": 400}, **made) == ["run.interrupted"]
    configured = {"max_epochs": 400, "max_steps": 100}
    assert _causes(tmp_path, config=configured, weights=plain_weights(), **made) == []


def test_a_rate_far_from_the_usual_is_believed_by_its_curve(tmp_path: Path) -> None:
    worse = [0.7, 0.9, 1.1, 1.0, 1.2]
    assert _causes(tmp_path, config={"lr": 0.5}, val_loss=worse, stderr=ENDED.format(20)) == ["config.invalid"]
    assert _causes(tmp_path, config={"lr": 0.5}, val_loss=falling(), stderr=ENDED.format(20)) == []
    assert _causes(tmp_path, val_loss=worse, stderr=ENDED.format(20)) == [], "over-fitting with the usual rate"
    slow = [0.70, 0.69, 0.685, 0.684, 0.684]
    assert _causes(tmp_path, config={"lr": 1e-6}, val_loss=slow, stderr=ENDED.format(20)) == ["training.no_learning"]
    assert _causes(tmp_path, val_loss=slow, stderr=ENDED.format(20)) == []


# --- data that were not those that were meant -------------------------------------------------------------------------

PASSED_OVER = "2026-01-05 10:00:00 WARNING Error processing {} (also failed the full read): 5 columns instead of 4\n"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (PASSED_OVER.format("data/automotive/set_01/train_01/a.csv"), ["data.malformed"]),
        (PASSED_OVER.format("data/automotive/set_04/train_01/a.csv"), []),  # of another data set
        ("2026-01-05 10:00:00 INFO skipping data/automotive/set_01/train_01/a.csv: done already\n", []),
        ("2026-01-05 10:00:00 WARNING data/automotive/set_01/train_01/a.csv has a long name\n", []),
    ],
)
def test_a_data_file_that_was_passed_over(line: str, found: list[str], tmp_path: Path) -> None:
    made = {"val_loss": falling(), "stderr": line + ENDED.format(20), "weights": plain_weights()}
    assert _causes(tmp_path, **made) == found


@pytest.mark.parametrize(("dataset", "found"), [("hcrl_sa", ["config.mismatch"]), ("set_01", [])])
def test_models_that_were_trained_on_another_data_set(dataset: str, found: list[str], tmp_path: Path) -> None:
    make_run(tmp_path, RUN, config={"dataset": dataset}, stderr=ENDED.format(20))
    make_run(tmp_path, RUN.replace("set_01", "set_02"), config={"dataset": "set_02"}, stderr=ENDED.format(20))
    assert _causes(tmp_path, EVALUATION, config={"dataset": "set_01"}) == found


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        (["10.84598"] * 8, ["training.no_learning"]),
        (["10.84598"] * 3, []),  # too few, of a value that is printed only
        (["0.0001"] * 8, []),  # learned, and printed with four digits
        ([f"{2 / n:.3f}" for n in range(1, 9)], []),
    ],
)
def test_a_printed_loss_that_stands_still(losses: list[str], found: list[str], tmp_path: Path) -> None:
    lines = "".join(f"Epoch:  {n}  Loss:  {loss}\n" for n, loss in enumerate(losses))
    assert _causes(tmp_path, stdout=lines, stderr=ENDED.format(20)) == found
