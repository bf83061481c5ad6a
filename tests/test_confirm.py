"""What a log claims is tested against other evidence: confirmed, refuted, or left alone."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from made_runs import curve_of, facts_of, falling

from postmortem.analyze.checks.checks import confirm
from postmortem.analyze.detectors import pace
from postmortem.analyze.findings import Claim, Evidence, Finding
from postmortem.facts import (
    ABSENT,
    READ,
    UNREADABLE,
    Artefact,
    Checkpoint,
    Config,
    DataSplit,
    GraphCache,
    Line,
    Log,
    RunFacts,
    SlurmJob,
    SnakemakeJob,
    Source,
    TensorFacts,
    TrackedRun,
    UpstreamRun,
)


def _claim(id: str, text: str, facts: RunFacts, **more: Any) -> Claim:
    """A finding of the log, confirmed or not by the facts."""
    finding = Finding(id, id, root_cause="It failed.", evidence=[Evidence("slurm.err", text, 7, "log")], **more)
    before = copy.deepcopy(finding)
    claim = Claim(finding, confirm(finding, facts))
    assert finding == before  # a check supports a finding, it does not change it
    return claim


def _failed(run: str = "set_01/teacher_curriculum", **config: Any) -> RunFacts:
    return facts_of(run, "failed", config)


def _embedding(rows: int, role: str = "upstream") -> Checkpoint:
    tensors = [TensorFacts("id_embedding.weight", [rows, 8]), TensorFacts("head.bias", [2])]
    return Checkpoint(
        Source("up/best_model.pt"),
        role,
        "set_01/teacher_autoencoder",
        tensors=tensors,
        tensor_count=2,
        parameter_count=rows * 8,
    )


OUT_OF_RANGE = "IndexError: index out of range in self"


def test_ids_beyond_the_embedding_with_both_numbers() -> None:
    facts = _failed()
    facts.cache = GraphCache(
        Source("cache/processed_graphs.pt"),
        largest_id=1012,
        id_count=401,
        mapping_source=Source("cache/id_mapping.pkl"),
    )
    for id, text in (
        ("data.id_out_of_range", OUT_OF_RANGE),
        ("gpu.device_assert", "Assertion `srcIndex < srcSelectDimSize` failed"),
    ):
        finding = _claim(id, text, facts)
        assert finding.confirmed_by == ["the data"]
        assert "1013 ids" in finding.explanation and "401 rows" in finding.explanation
        assert {e.source for e in finding.evidence} >= {"cache/processed_graphs.pt", "cache/id_mapping.pkl"}
    # another assertion has nothing to do with ids
    assert _claim("gpu.device_assert", "Assertion `t >= 0 && t < n_classes` failed", facts).confirmed_by == []


def test_ids_within_the_embedding_refute_it() -> None:
    facts = _failed()
    facts.cache = GraphCache(Source("cache/processed_graphs.pt"), largest_id=300)
    facts.checkpoints = [_embedding(401)]
    assert "300" in _claim("data.id_out_of_range", OUT_OF_RANGE, facts).refuted_by[0]
    # an evaluation reads test data that are not in the cache
    evaluation = _failed("set_01/teacher_evaluation")
    evaluation.cache, evaluation.checkpoints = facts.cache, facts.checkpoints
    assert _claim("data.id_out_of_range", OUT_OF_RANGE, evaluation).refuted_by == []


MISMATCH = (
    "RuntimeError: Error(s) in loading state_dict for Model:\n\tsize mismatch for id_embedding.weight: copying "
    "a param with shape "
    "torch.Size([1013, 8]) from checkpoint, the shape in current model is torch.Size([26, 8])."
)


def test_a_size_mismatch_and_the_ids_behind_it() -> None:
    facts = _failed()
    facts.checkpoints = [_embedding(1013)]
    facts.cache = GraphCache(Source("g.pt"), id_count=26, mapping_source=Source("id_mapping.pkl"))
    finding = _claim("model.state_dict_mismatch", MISMATCH, facts)
    assert finding.confirmed_by == ["the checkpoint", "the data"]
    assert "trained on 1013 ids, the data now have 26" in finding.explanation
    facts.checkpoints = [_embedding(77)]
    assert _claim("model.state_dict_mismatch", MISMATCH, facts).confirmed_by == []


def test_missing_keys() -> None:
    facts = _failed()
    facts.checkpoints = [_embedding(9)]
    text = 'RuntimeError: Missing key(s) in state_dict: "{}", "other.bias".'
    assert _claim("model.state_dict_mismatch", text.format("encoder.weight"), facts).confirmed_by == ["the checkpoint"]
    assert _claim("model.state_dict_mismatch", text.format("head.bias"), facts).confirmed_by == []


def test_widths_of_the_cached_graphs() -> None:
    facts = _failed()
    text = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (80x10 and 11x32)"
    facts.cache = GraphCache(Source("g.pt"), node_features=[10])
    assert _claim("data.feature_mismatch", text, facts).confirmed_by == ["the data"]
    facts.cache.node_features = [11]
    assert "11 node features, as expected" in _claim("data.feature_mismatch", text, facts).refuted_by[0]
    assert _claim("model.shape_mismatch", text, facts).refuted_by == []


def test_empty_data() -> None:
    facts = _failed()
    facts.cache = GraphCache(Source("g.pt"), graphs=0)
    facts.data = [DataSplit(Source("train"), 2, header_only=["train/a.csv"])]
    assert _claim("data.empty", "num_samples=0", facts).confirmed_by == ["the data", "the CSV files"]
    facts.cache.graphs, facts.data = 200, []
    assert _claim("data.empty", "num_samples=0", facts).refuted_by
    facts.cache = GraphCache(Source("g.pt"), {"num_graphs": 0}, Source("cache_metadata.json"))
    assert _claim("data.empty", "num_samples=0", facts).evidence[-1].text == '"num_graphs": 0'


def test_values_types_and_paths() -> None:
    facts = _failed()
    facts.data = [
        DataSplit(
            Source("data/set_01", ABSENT, "there is no such file"), bad_values=["a.csv:3: column attack holds 'R'"]
        )
    ]
    facts.cache = GraphCache(Source("g.pt"), feature_dtypes=["float64"])
    assert _claim("data.malformed", "invalid literal", facts).evidence[-1].line == 3
    assert _claim(
        "training.dtype_mismatch", "mat1 and mat2 to have the same dtype, but got: double and float", facts
    ).confirmed_by
    assert not _claim("training.dtype_mismatch", "got: Half and float", facts).confirmed_by
    assert _claim("data.missing", "Data directory not found: /srv/x/data/set_01", facts).confirmed_by == [
        "the file system"
    ]
    assert not _claim("data.missing", "Data directory not found: /srv/x/data/set_07", facts).confirmed_by
    facts.config = Config(Source("run/config.json", UNREADABLE, "permission denied (mode 600)"))
    assert _claim("io.permission", "PermissionError: [Errno 13] 'run/config.json'", facts).confirmed_by == [
        "the file system"
    ]


def test_damaged_and_missing_checkpoints() -> None:
    facts = _failed()
    facts.checkpoints = [Checkpoint(Source("up.pt", UNREADABLE, "the file has 0 bytes"), "upstream", problem="empty")]
    finding = _claim("model.checkpoint_corrupt", "EOFError", facts)
    assert finding.confirmed_by == ["the checkpoint"] and "0 bytes" in finding.explanation
    facts.checkpoints = [_embedding(9)]
    assert _claim("model.checkpoint_corrupt", "EOFError", facts).refuted_by == [
        "every checkpoint that it reads can be read"
    ]
    facts.checkpoints = [Checkpoint(Source("up.pt", ABSENT, "there is no such file"), "upstream")]
    failed = UpstreamRun(
        "set_01/teacher_autoencoder", "failed", artefacts=[Artefact("r", "e/up.pt", ABSENT, role="success")]
    )
    facts.upstream = [failed]
    finding = _claim("model.checkpoint_missing", "FileNotFoundError: 'e/up.pt'", facts)
    assert finding.confirmed_by == ["the file system", "the runs that it needs"]
    assert finding.upstream_run == "set_01/teacher_autoencoder"


def test_configuration() -> None:
    facts = _failed(batch_size="64")
    facts.siblings = {"set_02/teacher_curriculum": {"batch_size": 64}}
    finding = _claim("config.invalid", "TypeError: '<' not supported between instances of 'str' and 'int'", facts)
    assert finding.confirmed_by == ["the configuration"] and finding.fixes[0].config == {"batch_size": 64}
    facts = _failed()
    assert _claim("config.invalid", "ValueError: something else", facts).confirmed_by == []
    artefact = Artefact("set_01/teacher_autoencoder", "up/config.json", UNREADABLE, 700, role="config")
    facts.upstream = [UpstreamRun("set_01/teacher_autoencoder", "complete", artefacts=[artefact])]
    assert _claim("config.invalid", "Could not load frozen config up/config.json", facts).confirmed_by == [
        "the configuration"
    ]


def test_databases() -> None:
    facts = _failed()
    facts.trackers = [TrackedRun(Source("data/project.db"), "project_db", "running", "2026-01-01T10:00:00")]
    facts.artefacts = [Artefact(facts.run, "best_model.pt", READ, role="success")]
    finding = _claim("tracking.database", "sqlite3.OperationalError: database is locked", facts)
    assert finding.confirmed_by == ["the database"] and "only the record of it failed" in finding.explanation
    assert _claim("tracking.mlflow", "database is locked", facts).confirmed_by == []


def test_nan_in_curve_checkpoint_and_configuration() -> None:
    facts = _failed(lr=5.0)
    facts.curves = [curve_of("val_loss", [0.7, math.nan])]
    finding = _claim("training.nan_loss", "ValueError: loss is nan", facts)
    assert finding.confirmed_by == ["the training curve", "the configuration"]
    assert finding.fixes[0].config == {"lr": 0.003}
    facts = _failed()
    facts.curves = [curve_of("val_loss", falling())]
    assert _claim("training.nan_loss", "ValueError: loss is nan", facts).confirmed_by == []


def test_sizes_stand_beside_an_out_of_memory_but_confirm_nothing() -> None:
    facts = _failed()
    facts.checkpoints = [_embedding(1000)]
    finding = _claim("gpu.oom", "CUDA out of memory", facts)
    assert '"batch_size": 64,' in [e.text for e in finding.evidence]
    assert any("8000 parameters" in e.text for e in finding.evidence)
    assert finding.confirmed_by == []


@pytest.mark.parametrize(
    ("id", "state", "code", "agrees"),
    [
        ("host.oom", "OUT_OF_MEMORY", "0:125", True),
        ("host.oom", "FAILED", "1:0", False),
        ("slurm.timeout", "TIMEOUT", "0:0", True),
        ("host.crash", "FAILED", "139:0", True),
        ("host.crash", "FAILED", "1:0", False),
        ("host.killed", "FAILED", "0:9", True),
        ("host.node_failure", "NODE_FAIL", "1:0", True),
        ("env.activation", "FAILED", "127:0", True),
        ("code.bug", "FAILED", "1:0", False),
    ],
)
def test_accounting(id: str, state: str, code: str, agrees: bool) -> None:
    facts = _failed()
    facts.slurm_jobs = [SlurmJob("41", state, exit_code=code, raw=f"41|{state}|{code}", elapsed_seconds=900, line=2)]
    finding = _claim(id, "what the log says", facts)
    assert ("sacct" in finding.confirmed_by) == agrees
    # what accounting says is not confirmed by accounting
    finding = Finding(id, id, evidence=[Evidence("sacct", f"41|{state}|{code}", 2, "slurm")])
    assert "sacct" not in confirm(finding, facts).confirmed_by


def test_a_job_that_completed_refutes_a_timeout() -> None:
    facts = _failed()
    facts.slurm_jobs = [SlurmJob("41", "COMPLETED", exit_code="0:0")]
    assert "COMPLETED" in _claim("slurm.timeout", "time limit", facts).refuted_by[0]


def test_exit_status_in_the_workflows_log() -> None:
    facts = _failed()
    text = "Command 'python train.py' returned non-zero exit status 139."
    facts.snakemake_jobs = [SnakemakeJob("x.log", "train", exit_text=text, error_line=9)]
    assert _claim("host.crash", "Segmentation fault", facts).confirmed_by == ["Snakemake's log"]
    assert _claim("host.killed", "Killed", facts).confirmed_by == []


def test_a_failure_at_the_start_wrote_nothing() -> None:
    facts = _failed()
    assert _claim("code.import", "ModuleNotFoundError", facts).confirmed_by == []
    facts.config = Config(Source("config.json", ABSENT))
    assert _claim("code.import", "ModuleNotFoundError", facts).confirmed_by == ["what the run wrote"]
    assert _claim("config.invalid", "usage: cli\ncli: error: expected one argument", facts).confirmed_by == [
        "what the run wrote"
    ]
    assert _claim("config.invalid", "ValueError: lr must be positive", facts).confirmed_by == []
    facts.curves = [curve_of("val_loss", falling())]
    assert _claim("code.import", "ModuleNotFoundError", facts).confirmed_by == []


def test_a_refused_job_and_a_death_without_a_word() -> None:
    facts = _failed()
    assert _claim("slurm.submit_rejected", "sbatch: error", facts).confirmed_by == ["the run's own streams"]
    facts.logs = [Log(Source("slurm.err"), "stderr", size=10)]
    assert _claim("slurm.submit_rejected", "sbatch: error", facts).confirmed_by == []
    facts.trackers = [TrackedRun(Source("data/project.db"), "project_db", "running", "2026-01-01T10:00:00")]
    assert _claim("host.crash", "Segmentation fault", facts).confirmed_by == ["the tracker's record"]
    facts.trackers[0].status = "failed"
    assert _claim("host.crash", "Segmentation fault", facts).confirmed_by == []


def test_trackers_and_settings() -> None:
    facts = _failed(lr=0.01, num_workers=2)
    facts.trackers = [
        TrackedRun(Source("mlflow.db"), "mlflow", error="KeyError: 'f1_score' in the table", params={"lr": "0.002"})
    ]
    assert "the tracker's record" in _claim("code.bug", "KeyError: 'f1_score' in the table", facts).confirmed_by
    changed = "Changing param values is not allowed: [{'key': 'lr', 'old_value': '0.002', 'new_value': '0.01'}]"
    assert _claim("tracking.mlflow", changed, facts).confirmed_by == ["the tracker's record"]
    assert _claim("code.bug", "AttributeError: Can't pickle local object 'f.<locals>.g'", facts).confirmed_by == [
        "the configuration"
    ]


# --- pace -----------------------------------------------------------------------------------------------------------


def _timed_out(epochs: int, written: str = "2026-01-01T15:59:00") -> RunFacts:
    facts = facts_of("set_01/teacher_autoencoder", "failed", {"max_epochs": 300})
    facts.curves = [curve_of("epoch", list(range(epochs))), curve_of("val_loss", falling(epochs))]
    facts.slurm_jobs = [
        SlurmJob(
            "41",
            "TIMEOUT",
            end="2026-01-01T16:00:00",
            elapsed_seconds=6 * 3600,
            time_limit="06:00:00",
            raw="41|TIMEOUT",
        )
    ]
    facts.logs = [Log(Source("slurm.err"), "stderr", size=9, modified=written)]
    facts.snakemake_jobs = [SnakemakeJob("x.log", "vgae_teacher")]
    facts.artefacts = [Artefact(facts.run, "e/best_model.pt", ABSENT, role="success")]
    return facts


def test_the_hours_that_all_epochs_need() -> None:
    facts = _timed_out(150)
    finding = pace.detect(facts)[0]
    assert finding.id == "slurm.timeout"
    assert (
        "150 of 300 epochs were done in 6 h 0 min (25 epochs an hour): all of them need about 12 h 0 min"
        in finding.root_cause
    )
    command = finding.fix[0].command
    assert command is not None and command.endswith("e/best_model.pt --set-resources vgae_teacher:time_min=864")
    claim = _claim("slurm.timeout", "CANCELLED DUE TO TIME LIMIT", facts)
    assert "the progress of training" in claim.confirmed_by and "12 h 0 min" in claim.explanation


def test_a_run_that_hung_needs_no_more_time() -> None:
    finding = pace.detect(_timed_out(150, "2026-01-01T12:20:00"))[0]
    assert "Nothing was written for the last 3 h 40 min" in finding.root_cause
    assert "--signal=ABRT" in (finding.fix[0].command or "")
    # twelve minutes of a job of twenty: a slow epoch, or a long start
    short = _timed_out(150, "2026-01-01T15:48:00")
    short.slurm_jobs[0].elapsed_seconds = 1200
    assert "Nothing was written" not in pace.detect(short)[0].root_cause
    # a quarter of an hour of silence is a slow epoch
    assert "Nothing was written" not in pace.detect(_timed_out(150, "2026-01-01T15:45:00"))[0].root_cause


def test_the_catalogue_speaks_where_the_log_does() -> None:
    facts = _timed_out(150)
    facts.logs[0].lines = [Line(3, "slurmstepd: error: *** JOB 41 CANCELLED AT 16:00 DUE TO TIME LIMIT ***")]
    assert pace.detect(facts) == []
    facts.logs[0].lines, facts.slurm_jobs[0].state = [], "FAILED"
    assert pace.detect(facts) == []


def test_the_first_numpy_warning_in_own_code_tells_where_a_nan_comes_from() -> None:
    warnings = [
        "/v/lib/python3.10/site-packages/numpy/core/_methods.py:118: RuntimeWarning: overflow encountered in reduce",
        "/p/env.py:181: RuntimeWarning: invalid value encountered in divide",
        "/p/env.py:212: RuntimeWarning: invalid value encountered in multiply",
    ]
    log = Log(Source("slurm.err"), "stderr", lines=[Line(number, text) for number, text in enumerate(warnings, 1)])
    claim = _claim("training.nan_loss", "avg return: nan", RunFacts(run="d/r", directory="d/r", logs=[log]))
    assert (claim.fixes[0].file, claim.fixes[0].line) == ("/p/env.py", 181)
    assert not _claim("gpu.oom", "CUDA out of memory", RunFacts(run="d/r", directory="d/r", logs=[log])).fixes
