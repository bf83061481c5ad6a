"""No secret, terminal code or broken character of a project reaches anything that is written or printed."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from example_projects import REPOSITORY, SNAKEMAKE_9, call
from whole_chain import collected
from whole_project import OTHER, RUN, UPSTREAM, project_with_everything

from postmortem.facts import read
from postmortem.jobs import diagnose_now
from postmortem.text import presentable, safe

TOKEN = "hf_" + "aB3" * 12
NAMED = "correct-horse-1"
ESCAPE = "\x1b[31mred\x1b[0m\x07"
SECRETS = (TOKEN, NAMED)
RUN_PATH = f"experimentruns/{RUN}"


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new))


def last_error(root: Path) -> None:
    replace(root / RUN_PATH / "slurm.err", 'KeyError: "a"', f"ValueError: cannot log in with {TOKEN} {ESCAPE}")


def sentinel(root: Path) -> None:
    fields = {"exit_code": 1, "reason": f"token {TOKEN} {ESCAPE}", "DB_PASS": NAMED, "rule": f"train {TOKEN}"}
    (root / RUN_PATH / ".failed").write_text(json.dumps(fields))


def config(root: Path) -> None:
    values = json.loads((root / RUN_PATH / "config.json").read_text())
    values |= {"tracker": f"https://u:{NAMED}@host/x", "DB_PASS": NAMED, "run_note": f"{TOKEN}{ESCAPE}"}
    (root / RUN_PATH / "config.json").write_text(json.dumps(values, indent=1))
    for run in (UPSTREAM, OTHER):
        values["lr"] = 0.5
        (root / "experimentruns" / run / "config.json").write_text(json.dumps(values, indent=1))


def metrics(root: Path) -> None:
    (root / RUN_PATH / "metrics.json").write_text(json.dumps({"note": f"{TOKEN}{ESCAPE}", "DB_PASS": NAMED, TOKEN: 1}))


def cache_metadata(root: Path) -> None:
    path = root / "data" / "cache" / "set_01" / "cache_metadata.json"
    path.write_text(json.dumps({"num_graphs": 7, "source": f"https://u:{NAMED}@h/{TOKEN}", "api_token": NAMED}))


def accounting(root: Path) -> None:
    replace(root / "sacct.txt", "|train|", f"|train {TOKEN}|")
    replace(root / "sacct.txt", "sbatch train.sh", f"sbatch --export=DB_PASS={NAMED},T={TOKEN} train.sh {ESCAPE}")


def workflow_log(root: Path) -> None:
    (log,) = (root / ".snakemake" / "log").iterdir()
    replace(log, "    jobid: 1\n\nSubmitted", f"    jobid: 1\n    wildcards: ds={TOKEN}\n    shell:\n"
            f"        python train.py --password {NAMED} --token {TOKEN} {ESCAPE}\n\nSubmitted")  # fmt: skip


def database(root: Path) -> None:
    with sqlite3.connect(root / "data" / "project.db") as connection:
        connection.execute("ALTER TABLE runs ADD COLUMN error TEXT")
        row = (RUN, f"failed {TOKEN}", "2026-01-05T10:00:00", "2026-01-05T11:00:00", f"password={NAMED} {ESCAPE}")
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)


def job_log(root: Path) -> None:
    (root / "slurm_logs" / "71-train.err").write_text(f"error: wandb login failed for key {TOKEN} {ESCAPE}\n")


def code(root: Path) -> None:
    (root / "pipeline" / "train.py").write_text(f'def f():\n    login(key="{NAMED}")  # {TOKEN}\n    g()\n')
    replace(root / "train.sh", "python", f"export DB_PASS={NAMED} T={TOKEN}\npython")


def datasets(root: Path) -> None:
    (root / "config" / "datasets.yaml").write_text(f"set_01:\n  path: https://u:{NAMED}@h/{TOKEN}\n")


PLACES = [
    last_error,
    sentinel,
    config,
    metrics,
    cache_metadata,
    accounting,
    workflow_log,
    database,
    job_log,
    code,
    datasets,
]


def everything(*_: Path) -> None:
    for place in PLACES:
        place(*_)


@pytest.mark.parametrize("place", [*PLACES, everything], ids=lambda place: place.__name__)
def test_nothing_of_a_secret_leaves(place: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "p"
    project_with_everything(root)
    assert callable(place)
    place(root)
    before = {path for path in root.rglob("*") if path.is_file()}
    assert diagnose_now.main(["--directory", str(root), "--config", "sacct=sacct.txt"]) == 0
    said = capsys.readouterr()
    written = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and p not in before}
    assert f"{RUN_PATH}/diagnosis.md" in written and "experimentruns/diagnoses.html" in written
    assert_without_secrets({**written, "stdout": said.out.encode(), "stderr": said.err.encode()})


@pytest.mark.snakemake
@pytest.mark.slow
def test_nothing_of_a_secret_leaves_through_snakemake(tmp_path: Path) -> None:
    root = tmp_path / "p"
    project_with_everything(root)
    everything(root)
    before = {path for path in root.rglob("*") if path.is_file()}
    command = [SNAKEMAKE_9, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", root, "--cores", "1"]
    said = call(root, *command, "--config", "sacct=sacct.txt")
    assert said.returncode == 0, said.stdout
    written = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and p not in before}
    assert f"{RUN_PATH}/diagnosis.md" in written and any(name.endswith("snakemake.log") for name in written)
    assert_without_secrets({**written, "console": said.stdout.encode()})


def assert_without_secrets(outputs: dict[str, bytes]) -> None:
    for name, content in outputs.items():
        shown = "\n".join(texts(json.loads(content))) if name.endswith(".json") else ""  # what JSON writes as an escape
        for secret in (*SECRETS, "\x1b", "\x07"):
            assert secret.encode() not in content and secret not in shown, f"{secret!r} in {name}"


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [str(key) for key in value] + [text for item in value.values() for text in texts(item)]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else [str(value)]


@pytest.mark.parametrize("name", ["config.json", "metrics.json", ".failed"])
def test_half_a_character_is_no_reason_to_call_a_run_well(tmp_path: Path, name: str) -> None:
    root = tmp_path / "p"
    project_with_everything(root)
    (root / RUN_PATH / name).write_text(
        json.dumps({"dataset": "set_01", "note": "\ud800", "exit_code": 1, "\udfff": 2})
    )
    (root / RUN_PATH / "caf\udce9.pt").write_bytes(b"x")
    diagnose_now.main(["--directory", str(root), "--config", "sacct=sacct.txt"])
    result = json.loads((root / RUN_PATH / "diagnosis.json").read_text())
    assert result["status"] == "failed" and not [item for item in result["not_checked"] if "broke" in item], result
    assert read(root / RUN_PATH / "diagnosis.facts.json").config is not None


def test_what_json_cannot_hold_is_said_in_words() -> None:
    assert presentable({"a": 10**4000, "b": [2**63], "c": True}) == {
        "a": "an integer of 13288 bits", "b": [2**63], "c": True,
    }  # fmt: skip
    assert safe("a\ud800b\x1b[31m\tc\nd\x07") == "a\ufffd\ufffd\ufffdb\tc\nd"
    assert presentable({"DB_PASS": {"value": "x1y2z3"}, "lr": {"value": "0.1"}}) == {
        "DB_PASS": {"value": "[redacted]"}, "lr": {"value": "0.1"},
    }  # fmt: skip


def test_the_facts_are_those_that_were_collected(tmp_path: Path) -> None:
    """What is harmless passes the door as it is."""
    from postmortem import facts

    root = tmp_path / "p"
    project_with_everything(root)
    found = collected(root, RUN, "sacct.txt")
    facts.write(found, tmp_path / "facts.json")
    assert read(tmp_path / "facts.json") == found
    assert re.search(r'"lr"', (tmp_path / "facts.json").read_text())
