"""A project in which all is there that a reader looks for: what tests of hostile content share."""

from __future__ import annotations

import json
import pickle
import sqlite3
from pathlib import Path

import yaml
from graph_files import graph, save_graphs
from made_runs import falling, make_run, plain_weights, scores

RUN, UPSTREAM, OTHER = "set_01/teacher_curriculum", "set_01/teacher_autoencoder", "set_02/teacher_curriculum"
CRASH = (
    "2026-01-05 10:00:00 INFO started\nTraceback (most recent call last):\n"
    '  File "{}/pipeline/train.py", line 3, in f\n    g()\nKeyError: "a"\n'
)


def project_with_everything(root: Path) -> None:
    """A failed run with all that a reader looks for."""
    (root / "pipeline").mkdir(parents=True)
    (root / "pipeline" / "train.py").write_text("def f():\n    x = {}\n    g()\n")
    (root / "pipeline" / "Snakefile").write_text('rule train:\n    output: "a"\n')
    (root / "train.sh").write_text(f"#SBATCH --time=1\npython pipeline/train.py experimentruns/{RUN}\n")
    make_run(root, UPSTREAM, stderr="training is complete\n", weights=plain_weights(), val_loss=falling())
    make_run(root, OTHER, stderr="training is complete\n", weights=plain_weights(), val_loss=falling())
    crashed = CRASH.format(root)
    run = make_run(root, RUN, stderr=crashed, stdout="epoch 1 loss=0.5\n", val_loss=falling(), weights=plain_weights(),
                   metrics={"gat": scores(0.9, 0.9, 0.9, 0.9)})  # fmt: skip
    (run / ".failed").write_text(json.dumps({"exit_code": 1, "slurm_job_id": "71"}))
    cache = root / "data" / "cache" / "set_01"
    save_graphs(cache / "processed_graphs.pt", [graph()])
    (cache / "id_mapping.pkl").write_bytes(pickle.dumps({1: 0, "OOV": 1}))
    (cache / "cache_metadata.json").write_text(json.dumps({"num_graphs": 1, "window_size": 100}))
    data = root / "data" / "automotive" / "set_01" / "train_01"
    data.mkdir(parents=True)
    (data / "a.csv").write_text("time,id\n0,1\n")
    (root / "config").mkdir()
    (root / "config" / "datasets.yaml").write_text(yaml.safe_dump({"set_01": {"path": "data/automotive/set_01"}}))
    with sqlite3.connect(root / "data" / "project.db") as database:
        database.execute("CREATE TABLE runs (run_id TEXT, status TEXT, started_at TEXT, completed_at TEXT)")
    log = root / ".snakemake" / "log" / "2026-01-05T100000.000000.snakemake.log"
    log.parent.mkdir(parents=True)
    log.write_text(
        "[Mon Jan  5 10:00:00 2026]\nrule train:\n    output: experimentruns/set_01/teacher_curriculum/best_model.pt\n"
        "    jobid: 1\n\nSubmitted job 1 with external jobid '71'.\n[Mon Jan  5 11:00:00 2026]\nError in rule train:\n"
        "    jobid: 1\n    output: experimentruns/set_01/teacher_curriculum/best_model.pt\n    cluster_jobid: 71\n\n"
    )
    (root / "slurm_logs").mkdir()
    (root / "slurm_logs" / "71-train.err").write_text("slurmstepd: error: Detected 1 oom_kill event\n")
    (root / "sacct.txt").write_text(
        "JobID|JobName|State|ExitCode|Submit|Start|End|WorkDir|SubmitLine\n"
        f"71|train|FAILED|1:0|2026-01-05T10:00:00|2026-01-05T10:00:01|2026-01-05T11:00:00|{root}|sbatch train.sh\n"
    )
