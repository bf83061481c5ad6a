"""config.json: keys with their lines, and what is wrong with a file that is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_runs import CONFIG, facts_of, make_run, project, run_state

from postmortem.analyze.findings import FATAL
from postmortem.collect.files import config as reader
from postmortem.collect.files.config import read_config
from postmortem.facts import ABSENT, READ, UNREADABLE


def test_every_key_has_the_line_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        '{\n  "lr": 1e-12,\n  "vgae": {\n    "latent_dim": 16\n  },\n  "dims": [\n    1,\n    2\n  ], "x": NaN\n}'
    )
    found = read_config(path, tmp_path)
    lines = path.read_text().splitlines()
    assert found.source.state == READ
    assert {k: v.value for k, v in found.values.items()} == {
        "lr": 1e-12,
        "vgae.latent_dim": 16,
        "dims": [1, 2],
        "x": "nan",
    }
    for key, item in found.values.items():
        assert item.text == lines[item.line - 1]
        assert f'"{key.rpartition(".")[2]}"' in item.text


def test_a_key_that_is_repeated_in_another_object_keeps_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"a": {"lr": 1},\n "b": {"lr": 2}, "t": "braces } and \\" quotes {"}')
    found = read_config(path, tmp_path).values
    assert (found["a.lr"].line, found["b.lr"].line, found["b.lr"].value) == (1, 2, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty (0 bytes)"),
        (b'{"lr": 0.1, "da', "invalid JSON (15 bytes)"),
        (b'{\n"lr": 0.1,\n"b" 3}', "line 3 column 5"),
        (b"[1]", "a JSON object is expected"),
        (b'{"a": "\xff\xfe"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_config_is_named_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    found = read_config(path, tmp_path)
    assert found.source.state == UNREADABLE
    assert words in found.source.reason
    assert not found.values


def test_absent_is_not_unreadable(tmp_path: Path) -> None:
    assert read_config(tmp_path / "config.json", tmp_path).source.state == ABSENT


def test_siblings_are_the_other_runs_and_secrets_stay_out(tmp_path: Path) -> None:
    make_run(tmp_path, "set_01/teacher_autoencoder", config={"api_key": "sk-abcdefghijklmnopqrstuvwx"})
    make_run(tmp_path, "set_01/teacher_curriculum", config={"lr": 0.003})
    make_run(tmp_path, "set_02/teacher_autoencoder", config={"lr": 0.004, "nested": {"a": 1}})
    make_run(tmp_path, "set_02/teacher_normal")
    (tmp_path / "experimentruns/set_01/broken").mkdir()
    (tmp_path / "experimentruns/set_01/broken/config.json").write_text("{")
    facts = facts_of("set_01/teacher_autoencoder")
    reader.read(project(tmp_path), run_state(tmp_path, facts.run), facts)
    assert list(facts.siblings) == ["set_01/teacher_curriculum", "set_02/teacher_autoencoder"]
    assert facts.siblings["set_02/teacher_autoencoder"]["nested.a"] == 1
    assert "sk-abcdefghij" not in json.dumps({k: [v.value, v.text] for k, v in facts.config.values.items()})


def _found(config: dict | None = None, run: str = "set_01/teacher_autoencoder", siblings: dict | None = None) -> dict:
    from postmortem.analyze.detectors import configuration, distillation

    facts = facts_of(run, config=config)
    facts.siblings = {"set_02/teacher_autoencoder": dict(CONFIG)} if siblings is None else siblings
    findings = [*configuration.detect(facts), *distillation.detect(facts)]
    return {f.id: f for f in findings if f.role == FATAL}


def test_an_ordinary_configuration_is_silent() -> None:
    assert _found() == {}
    assert (
        _found(
            {
                "lr": 0.004,
                "max_epochs": 1,
                "batch_size": 4096,
                "patience": 6,
                "monitor_metric": "val_acc",
                "monitor_mode": "max",
            }
        )
        == {}
    )


def test_a_loss_that_is_maximised() -> None:
    finding = _found({"monitor_mode": "max"})["config.invalid"]
    assert finding.fix[0].config == {"monitor_mode": "min"}
    assert [e.text for e in finding.evidence] == ['"monitor_metric": "val_loss",', '"monitor_mode": "max",']


def test_dropout_of_one_and_what_the_stage_does_not_use() -> None:
    assert "vgae_dropout" in _found({"vgae_dropout": 1.0})["config.invalid"].root_cause
    # the autoencoder has no GAT: its dropout does no harm here
    assert _found({"gat_dropout": 1.0}) == {}


def test_views_that_disagree() -> None:
    finding = _found({"vgae.latent_dim": 32})["config.mismatch"]
    assert "16" in finding.root_cause and "32" in finding.root_cause
    assert _found({"vgae.latent_dim": 16}) == {}


def test_the_config_of_another_run() -> None:
    assert "hcrl_ch" in _found({"dataset": "hcrl_ch"})["config.mismatch"].root_cause
    assert "student" in _found({"model_size": "student"})["config.mismatch"].root_cause


def test_a_number_as_text() -> None:
    finding = _found({"batch_size": "64"})["config.invalid"]
    assert finding.fix[0].config == {"batch_size": 64}
    assert "--batch-size 64" in finding.fix[0].command
    # what is text everywhere is meant as text
    assert _found({"precision": "32"}, siblings={"set_02/teacher_autoencoder": CONFIG | {"precision": "32-true"}}) == {}


STUDENT = "set_01/student_autoencoder_kd"
TEACHER_PATH = "experimentruns/set_01/teacher_autoencoder/best_model.pt"


def _student(config: dict, teacher: dict) -> dict:
    return _found(
        {"use_kd": True, "teacher_path": TEACHER_PATH} | config,
        STUDENT,
        {"set_01/teacher_autoencoder": CONFIG | teacher},
    )


def test_a_student_larger_than_its_teacher() -> None:
    finding = _student({"vgae_latent_dim": 16}, {"vgae_latent_dim": 8, "vgae_hidden_dims": [24, 16]})["config.mismatch"]
    assert "vgae_latent_dim is 16, the teacher's is 8" in finding.root_cause
    assert _student({"vgae_latent_dim": 4}, {}) == {}
    # deeper but narrower: which is larger cannot be said from the configuration
    assert _student({"vgae_latent_dim": 4, "vgae_hidden_dims": [99, 99]}, {}) == {}


def test_a_student_without_teacher_or_with_a_strangers() -> None:
    assert "teacher_path is empty" in _found({"use_kd": True}, STUDENT)["config.invalid"].root_cause
    assert (
        "other data"
        in _student({"teacher_path": TEACHER_PATH.replace("set_01", "set_02")}, {})["config.mismatch"].root_cause
    )
    assert (
        "no autoencoder run"
        in _student({"teacher_path": TEACHER_PATH.replace("autoencoder", "normal")}, {})["config.mismatch"].root_cause
    )
    # an evaluation says use_kd, but needs no teacher
    assert _found({"use_kd": True}, "set_01/student_evaluation_kd") == {}
