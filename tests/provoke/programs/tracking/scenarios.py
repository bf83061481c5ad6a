"""Runs that are recorded in MLflow or in a project database."""

import logging
import os
import sqlite3
from pathlib import Path

import store

log = logging.getLogger("tracking")


def mlflow_at(uri, experiment="kd"):
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment)
    return mlflow


def tracked(epochs, uri="sqlite:///mlflow.db"):
    mlflow = mlflow_at(uri)
    with mlflow.start_run(run_name="set_01/teacher_normal"):
        mlflow.log_params({"lr": 1e-3})
        for epoch, loss in epochs:
            mlflow.log_metric("val_loss", loss, step=epoch)


def resumed(epochs):
    """Logs its parameters again, with another learning rate."""
    mlflow = mlflow_at("sqlite:///mlflow.db")
    with mlflow.start_run() as run:
        mlflow.log_param("lr", 0.001)
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_param("lr", 0.0005)


def nested(epochs):
    mlflow = mlflow_at("sqlite:///mlflow.db")
    mlflow.start_run(run_name="teacher")
    mlflow.start_run(run_name="student")


def unreachable(epochs):
    os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES="2", MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1")
    tracked(epochs, "http://localhost:5055")


def unresolved(epochs):
    os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1")
    tracked(epochs, "http://mlflow.cluster.internal:5000")


def missing_run(epochs):
    mlflow = mlflow_at("sqlite:///mlflow.db")
    with mlflow.start_run(run_id="0f1e2d3c4b5a69788796a5b4c3d2e1f0"):
        mlflow.log_metric("f1", 0.5)


def missing_experiment(epochs):
    import mlflow

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    with mlflow.start_run(experiment_id="7"):
        mlflow.log_metric("f1", 0.5)


def missing_model(epochs):
    from mlflow import MlflowClient

    client = MlflowClient("sqlite:///mlflow.db", registry_uri="sqlite:///mlflow.db")
    print(client.get_model_version_by_alias("teacher", "champion"))


def metric_name(epochs):
    mlflow = mlflow_at("sqlite:///mlflow.db")
    with mlflow.start_run():
        mlflow.log_metric("f1 (macro): set#1", 0.5)


def metric_value(epochs):
    mlflow = mlflow_at("sqlite:///mlflow.db")
    with mlflow.start_run():
        mlflow.log_metric("f1", "n/a")


def deleted_experiment(epochs):
    mlflow = mlflow_at("sqlite:///mlflow.db", "old")
    mlflow.delete_experiment(mlflow.get_experiment_by_name("old").experiment_id)
    mlflow.set_experiment("old")


def old_schema(epochs):
    """The database was made by another version of MLflow."""
    with sqlite3.connect("mlflow.db") as db:
        db.execute("create table experiments (experiment_id integer primary key, name text)")
        db.execute("create table alembic_version (version_num varchar(32))")
        db.execute("insert into alembic_version values ('451aebb31d03')")
    tracked(epochs)


def unknown_schema(epochs):
    """The database was made by a newer version of MLflow."""
    tracked(epochs)
    with sqlite3.connect("mlflow.db") as db:
        db.execute("update alembic_version set version_num = 'f00dfeed0001'")
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", "import scenarios; scenarios.tracked(iter([]))"], check=True)


def bad_uri(epochs):
    tracked(epochs, "sqlite3:///mlflow.db")


def locked_mlflow(epochs):
    tracked(epochs)
    blocker = sqlite3.connect("mlflow.db", isolation_level=None)
    blocker.execute("begin exclusive")
    tracked([(0, 1.0)], "sqlite:///mlflow.db?timeout=1")


def readonly_mlflow(epochs):
    tracked(epochs)
    os.chmod("mlflow.db", 0o444)
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", "import scenarios; scenarios.tracked(iter([]))"], check=True)


def artifact_folder(epochs):
    mlflow = mlflow_at("sqlite:///mlflow.db")
    with mlflow.start_run():
        mlflow.log_artifact("figures/roc.png")


# The project's own database


def recorded(epochs):
    with store.Store("project.db", create=True) as db:
        db.start("set_01/teacher_normal")
        for epoch, loss in epochs:
            db.metric("set_01/teacher_normal", f"val_loss_{epoch}", loss)


def locked(epochs):
    with store.Store("project.db", create=True):
        pass
    blocker = sqlite3.connect("project.db", isolation_level=None)
    blocker.execute("begin immediate")
    recorded(epochs)


def retry_locked(epochs):
    """Tries again and gives up."""
    recorded(epochs)
    blocker = sqlite3.connect("project.db", isolation_level=None)
    blocker.execute("begin exclusive")
    with store.Store("project.db", create=False) as db:
        db.retrying(lambda: db.metric("set_01/student_normal", "f1", 0.9))


def no_table(epochs):
    sqlite3.connect("project.db").close()
    with store.Store("project.db", create=False) as db:
        db.start("set_01/teacher_normal")


def no_column(epochs):
    with sqlite3.connect("project.db") as db:
        db.execute("create table runs (run_id text primary key, dataset text)")
    with store.Store("project.db", create=False) as db:
        db.start("set_01/teacher_normal")


def malformed(epochs):
    recorded(epochs)
    data = bytearray(Path("project.db").read_bytes())
    data[4096:9000] = b"\x5a" * (9000 - 4096)
    Path("project.db").write_bytes(data)
    with store.Store("project.db", create=False) as db:
        print(db.summary())


def not_a_database(epochs):
    Path("project.db").write_text("run_id,dataset,status\nset_01/teacher_normal,set_01,failed\n" * 40)
    with store.Store("project.db", create=False) as db:
        print(db.summary())


def readonly(epochs):
    recorded(epochs)
    with store.Store("project.db?mode=ro", create=False, uri=True) as db:
        db.start("set_01/student_normal")


def cannot_open(epochs):
    with store.Store("/data/project/project.db", create=True) as db:
        db.start("set_01/teacher_normal")


def twice(epochs):
    recorded(epochs)
    with store.Store("project.db", create=False) as db:
        db.start("set_01/teacher_normal", replace=False)


def foreign_key(epochs):
    with store.Store("project.db", create=True) as db:
        db.metric("set_09/unknown", "f1", 0.1)


def retried(epochs):
    """Healthy: the database is locked for a moment."""
    import threading

    recorded(epochs)
    blocker = sqlite3.connect("project.db", isolation_level=None, check_same_thread=False)
    blocker.execute("begin exclusive")
    threading.Timer(1.2, blocker.rollback).start()
    with store.Store("project.db", create=False) as db:
        db.retrying(lambda: db.metric("set_01/teacher_normal", "f1", 0.9))


def offline_tracker(epochs):
    """Healthy: training goes on when the tracker is not there."""
    os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1")
    try:
        mlflow_at("http://localhost:5055")
    except Exception as error:
        log.warning("MLflow is not available, metrics go to the log only: %s", error)
    for epoch, loss in epochs:
        log.info("epoch %d val_loss %.4f", epoch, loss)
