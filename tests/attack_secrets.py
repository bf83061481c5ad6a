"""Attack on what may not leave a project: each kind of secret in each place that a reader looks at.

What has to hold: no file that is written and no line that is printed holds the secret.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import yaml
from attack_files import SECONDS, whole
from test_leaks import replace, texts
from test_redaction import SECRETS as KINDS
from whole_project import OTHER, RUN, UPSTREAM

from postmortem.jobs import diagnose_now

Place = Callable[[Path, str], None]
_RUN = Path("experimentruns") / RUN


def _json(path: str, *keys: str) -> Place:
    """As the value of a key of a JSON file; the last of `keys` may be a key that it did not have."""

    def put(root: Path, text: str) -> None:
        content = json.loads((root / path).read_text() or "{}")
        inner = content
        for key in keys[:-1]:
            inner = inner.setdefault(key, {})
        inner[keys[-1]] = text
        (root / path).write_text(json.dumps(content, indent=1))

    return put


def _instead_of(path: str, old: str, new: str) -> Place:
    """In a text file, where `new` has SECRET."""
    return lambda root, text: replace(root / path, old, new.replace("SECRET", text))


def _added(path: str, line: str) -> Place:
    def put(root: Path, text: str) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("a") as stream:
            stream.write(line.replace("SECRET", text) + "\n")

    return put


def _one_line(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def _accounting(old: str, new: str) -> Place:
    return lambda root, text: replace(root / "sacct.txt", old, new.replace("SECRET", _one_line(text)))


def _in_database(column: str) -> Place:
    def put(root: Path, text: str) -> None:
        with sqlite3.connect(root / "data" / "project.db") as connection:
            if column == "error":
                connection.execute("ALTER TABLE runs ADD COLUMN error TEXT")
            values = {"run_id": RUN, "status": "failed", "started_at": "2026-01-05T10:00:00", column: text}
            marks = ",".join("?" * len(values))
            connection.execute(f"INSERT INTO runs ({','.join(values)}) VALUES ({marks})", list(values.values()))

    return put


def _datasets(root: Path, text: str) -> None:
    (root / "config" / "datasets.yaml").write_text(yaml.safe_dump({"set_01": {"path": text, "source": text}}))


_WORKFLOW_LOG = ".snakemake/log/2026-01-05T100000.000000.snakemake.log"
_CRASH = 'KeyError: "a"'
PLACES: dict[str, Place] = {
    "message of the exception": _instead_of(f"{_RUN}/slurm.err", _CRASH, "ValueError: cannot use SECRET"),
    "whole last line": _instead_of(f"{_RUN}/slurm.err", _CRASH, "SECRET"),
    "key that is missing": _instead_of(f"{_RUN}/slurm.err", _CRASH, "KeyError: 'SECRET'"),
    "file that is missing": _instead_of(
        f"{_RUN}/slurm.err", _CRASH, "FileNotFoundError: [Errno 2] No such file or directory: 'SECRET'"
    ),
    "out of memory, beside it": _instead_of(f"{_RUN}/slurm.err", _CRASH, "SECRET\nRuntimeError: CUDA out of memory"),
    "source line of a frame": _instead_of(f"{_RUN}/slurm.err", "    g()", "    g(SECRET)"),
    "before the traceback": _instead_of(f"{_RUN}/slurm.err", "INFO started", "INFO started with SECRET"),
    "warning": _instead_of(f"{_RUN}/slurm.err", "Traceback", "UserWarning: this is deprecated: SECRET\nTraceback"),
    "last word of a program": _added(f"{_RUN}/slurm.err", "error: SECRET"),
    "shell's echo": _added(f"{_RUN}/slurm.err", "+ SECRET"),
    "refused argument": _added(f"{_RUN}/slurm.err", "train.py: error: argument --lr: invalid float value: 'SECRET'"),
    "command not found": _added(f"{_RUN}/slurm.err", "bash: line 3: SECRET: command not found"),
    "CalledProcessError": _added(
        f"{_RUN}/slurm.err", "subprocess.CalledProcessError: Command 'SECRET' returned non-zero exit status 1."
    ),
    "connection refused": _added(
        f"{_RUN}/slurm.err", "sqlalchemy.exc.OperationalError: (connection) could not connect: SECRET"
    ),
    "stdout": _added(f"{_RUN}/slurm.out", "SECRET"),
    "unknown error": _instead_of(f"{_RUN}/slurm.err", _CRASH, "acme.WeirdError: SECRET"),
    "sentinel, reason": _json(f"{_RUN}/.failed", "reason"),
    "sentinel, rule": _json(f"{_RUN}/.failed", "rule"),
    "sentinel, unknown field": _json(f"{_RUN}/.failed", "note"),
    "sentinel, wildcard": _json(f"{_RUN}/.failed", "wildcards", "ds"),
    "config value": _json(f"{_RUN}/config.json", "run_note"),
    "config value, nested": _json(f"{_RUN}/config.json", "tracking", "uri"),
    "config of the upstream run": _json(f"experimentruns/{UPSTREAM}/config.json", "run_note"),
    "config of another data set": _json(f"experimentruns/{OTHER}/config.json", "run_note"),
    "metrics": _json(f"{_RUN}/metrics.json", "gat", "note"),
    "metrics.csv": _added(f"{_RUN}/lightning_logs/version_0/metrics.csv", "SECRET"),
    "cache metadata": _json("data/cache/set_01/cache_metadata.json", "source"),
    "job's name": _accounting("|train|", "|SECRET|"),
    "job's submit line": _accounting("sbatch train.sh", "sbatch --export=X=1 'SECRET' train.sh"),
    "job's folder": _accounting("2026-01-05T11:00:00|", "2026-01-05T11:00:00|/home/SECRET/"),
    "workflow's shell command": _instead_of(
        _WORKFLOW_LOG, "    cluster_jobid", "    shell:\n        SECRET\n    cluster_jobid"
    ),
    "workflow's wildcards": _instead_of(
        _WORKFLOW_LOG, "    cluster_jobid", "    wildcards: ds=SECRET\n    cluster_jobid"
    ),
    "workflow's message": _added(_WORKFLOW_LOG, "WorkflowError:\nSECRET"),
    "submit refused": _added(_WORKFLOW_LOG, "Error submitting jobscript (exit code 1):\nSECRET"),
    "job's log": _added("slurm_logs/71-train.err", "error: SECRET"),
    "database, status": _in_database("status"),
    "database, error": _in_database("error"),
    "datasets.yaml": _datasets,
    "code": _instead_of("pipeline/train.py", "    x = {}", "    x = '''SECRET'''"),
    "job script": _instead_of("train.sh", "python", "export X=1 # SECRET\nSECRET\npython"),
}


def attack(scratch: Path, place: str, kind: int) -> str:
    """Plant one secret in one place, diagnose. Returns where it came out, or nothing."""
    text, secret = KINDS[kind]
    root = scratch / f"secret-{os.getpid()}" / "p"
    shutil.rmtree(root.parent, ignore_errors=True)
    shutil.copytree(whole(scratch), root)
    PLACES[place](root, text)
    before = {path for path in root.rglob("*") if path.is_file()}
    said, where = io.StringIO(), Path.cwd()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            diagnose_now.main(["--directory", str(root), "--config", "sacct=sacct.txt", "--time-limit", str(SECONDS)])
    finally:
        os.chdir(where)
    outputs = {"the terminal": said.getvalue()} | {
        path.name: path.read_text(errors="replace") for path in root.rglob("*") if path.is_file() and path not in before
    }
    if "diagnosis.md" not in outputs:
        return "no diagnosis"
    leaks = [name for name, content in outputs.items() if secret in content or secret in _decoded(name, content)]
    return f"{text!r} in {', '.join(leaks)}" if leaks else ""


def _decoded(name: str, content: str) -> str:
    """What JSON writes as an escape."""
    return "\n".join(texts(json.loads(content))) if name.endswith(".json") else ""
