"""on_error, in pipelines that really fail: what it leaves and says, and that it never adds to the trouble."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from example_projects import BOTH, REPOSITORY, SNAKEMAKE_9, call, causes, copy, environment, run_pipeline, told
from timing import seconds

from postmortem import hooks

EXPECTED = {"city/narrow": "config.invalid", "city/wide": "host.oom", "farm/plain": "data.missing"}
SCRIPTS = REPOSITORY / "workflow" / "scripts"
CALL = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); from postmortem.hooks import on_error; "


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example after its failure, with the log of it."""
    folder = copy("onerror", tmp_path_factory.mktemp("failed"))
    run_pipeline(folder, SNAKEMAKE_9)
    return folder


@pytest.fixture
def project(failed: Path, tmp_path: Path) -> Path:
    """A copy without what on_error made."""
    call(tmp_path, "cp", "-r", *failed.parent.iterdir(), tmp_path)
    for path in (*tmp_path.rglob(".failed"), *tmp_path.rglob("diagnos*.*")):
        path.unlink()
    return tmp_path / "onerror"


def log_of(folder: Path) -> str:
    (log,) = (folder / ".snakemake" / "log").glob("*.log")
    return str(log)


def handler(folder: Path, argument: str, python: str = sys.executable, **changes: str) -> subprocess.Popen[str]:
    """A process that calls on_error as an onerror handler does."""
    return subprocess.Popen(
        [python, "-c", f"{CALL}on_error({argument}, project='default')"],
        cwd=folder,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@BOTH
@pytest.mark.parametrize("option", ["--printshellcmds", "--show-failed-logs", "--retries=1"])
def test_failed_runs_are_diagnosed_before_the_pipeline_ends(snakemake: Path, option: str, tmp_path: Path) -> None:
    folder = copy("onerror", tmp_path)
    done = run_pipeline(folder, snakemake, option)
    assert done.returncode == 1
    assert causes(folder) == EXPECTED
    lines = told(done.stdout)
    assert sorted(line.split(": ")[1] for line in lines) == sorted(EXPECTED)
    for line in lines:
        run = line.split(": ")[1]
        assert EXPECTED[run] in line and line.endswith(f"-> experimentruns/{run}/diagnosis.md")
    sentinel = json.loads((folder / "experimentruns/city/wide/.failed").read_text())
    assert sentinel["wildcards"] == {"ds": "city", "run": "wide"}
    assert sentinel["attempt"] == (2 if "retries" in option else 1)
    failed = max(path.stat().st_mtime for path in folder.rglob("slurm.err"))
    summarised = (folder / "experimentruns/diagnoses.tsv").stat().st_mtime
    start_of_snakemake = seconds(
        lambda: call(folder, sys.executable, "-c", "import snakemake.cli"), clock=time.monotonic
    )
    assert summarised - failed < 6 * start_of_snakemake, "mostly it takes twice as long"


@BOTH
def test_diagnose_all_has_nothing_to_do_afterwards(snakemake: Path, tmp_path: Path) -> None:
    folder = copy("onerror", tmp_path)
    run_pipeline(folder, snakemake)
    command = [snakemake, "diagnose_all", "-s", REPOSITORY / "Snakefile", "--directory", folder, "--cores", "1"]
    again = call(folder, *command, "--config", "project=default")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


@pytest.mark.snakemake
def test_a_quiet_log_is_enough(tmp_path: Path) -> None:
    folder = copy("onerror", tmp_path)
    done = run_pipeline(folder, SNAKEMAKE_9, "--quiet", "progress", "rules", "--printshellcmds")
    assert causes(folder) == EXPECTED
    assert len(told(done.stdout)) == 3
    assert (folder / "experimentruns/farm/plain/.failed").is_file()


@pytest.mark.snakemake
def test_a_pipeline_that_succeeds_calls_nobody(tmp_path: Path) -> None:
    folder = copy("onerror", tmp_path)
    done = run_pipeline(folder, SNAKEMAKE_9, "experimentruns/city/plain/model.json")
    assert done.returncode == 0
    assert not told(done.stdout) and not causes(folder)


@pytest.mark.snakemake
def test_without_our_environment_one_line_says_so(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    package = bare / "workflow" / "scripts" / "postmortem"
    package.mkdir(parents=True)
    for name in ("__init__.py", "hooks.py"):
        shutil.copy(SCRIPTS / "postmortem" / name, package)
    folder = copy("onerror", tmp_path)
    snakefile = folder / "Snakefile"
    # The Python of this test has our packages, which a pipeline's usually has not.
    snakefile.write_text("import sys\n\nsys.modules['re2'] = None\n" + snakefile.read_text())
    done = call(folder, SNAKEMAKE_9, "--cores", "2", "--keep-going", "--config", f"postmortem={bare}")
    assert done.returncode == 1
    assert told(done.stdout) == [
        f"postmortem: no diagnosis: there is no environment in {bare}; make it with `make setup` there"
    ]
    assert "Error in rule train" in done.stdout
    assert "At least one job did not complete successfully" in done.stdout
    assert not causes(folder)


@pytest.mark.snakemake
def test_eight_handlers_at_once_make_every_diagnosis_whole(project: Path) -> None:
    log = Path(log_of(project))
    runs = project / "experimentruns" / "city"
    for number in range(8):  # each handler has a run of its own and two that all of them have
        call(runs, "cp", "-r", "wide", f"wide{number}")
        (log.parent / f"2{number}.snakemake.log").write_text(log.read_text().replace("wide", f"wide{number}"))
    log.unlink()
    handlers = [handler(project, f"['{log.parent}/2{number}.snakemake.log']") for number in range(8)]
    said = [process.communicate(timeout=100) for process in handlers]
    for number, (out, err) in enumerate(said):
        assert out == "" and len(told(err)) == 3 == len(err.splitlines()), err
        assert f"city/wide{number}: host.oom" in err
    expected = {"city/narrow": "config.invalid", "farm/plain": "data.missing"}
    expected |= {f"city/wide{number}": "host.oom" for number in range(8)}
    assert causes(project) == expected
    for run in expected:
        text = (project / "experimentruns" / run / "diagnosis.md").read_text()
        assert text.startswith(f"# {run}: ") and "## Prevention" in text
    summary = (project / "experimentruns" / "diagnoses.tsv").read_text()
    assert all(f"\n{run}\t" in summary for run in expected)
    assert not list(project.rglob(".diagnos*"))


@pytest.mark.snakemake
def test_a_time_limit_leaves_the_rest_to_diagnose_all(project: Path) -> None:
    log = log_of(project)
    process = handler(project, f"'{log}', time_limit=0.2")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(told(err)) == 1 and "stopped after 0.2 s" in err
    assert f"snakemake diagnose_all -s {REPOSITORY}/Snakefile --directory {project}" in err


def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Instead of a diagnosis a program that never ends, nor its child; the file with the child's process id."""
    program, child = tmp_path / "stuck.py", tmp_path / "child"
    program.write_text(
        "import subprocess, pathlib\n"
        "process = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(process.pid))\n"
        "process.wait()\n"
        f"pathlib.Path({str(tmp_path / 'ended')!r}).touch()\n"
    )
    monkeypatch.setattr(hooks, "COMMAND", str(program))
    monkeypatch.setattr(hooks, "GRACE", 0.5)
    monkeypatch.chdir(tmp_path)
    return child


def has_ended(pid: int) -> bool:
    """Long before it would by itself: a signal to a whole group reaches a grandchild when it pleases the kernel."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_a_diagnosis_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    child = stuck(tmp_path, monkeypatch)
    hooks.on_error("a.log", time_limit=1.0)
    assert not (tmp_path / "ended").exists()
    assert has_ended(int(child.read_text()))
    assert capsys.readouterr().err.startswith(
        "postmortem: the diagnosis did not end within 1 s; ask for the rest with: "
    )


def test_an_interrupt_ends_the_diagnosis_and_goes_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    child = stuck(tmp_path, monkeypatch)
    # Started in the background of a shell, Python inherits that Ctrl-C is to be ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    hooks.on_error("a.log")
    timer.join()
    signal.signal(signal.SIGINT, before)
    assert has_ended(int(child.read_text()))
    assert capsys.readouterr().err.startswith("postmortem: the diagnosis was interrupted")


def test_a_diagnosis_that_breaks_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text("raise ValueError('no\\nluck')")
    monkeypatch.setattr(hooks, "COMMAND", str(tmp_path / "broken.py"))
    hooks.on_error(["a.log"])
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "exit status 1" in said and "luck" in said


@pytest.mark.parametrize("log", ["'nowhere.log'", "[]", "None", "7", "['a', 7]"])
def test_nothing_is_raised_whatever_log_is(log: str, tmp_path: Path) -> None:
    process = handler(tmp_path, log)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert len(err.splitlines()) == 1 and told(err)


@pytest.mark.snakemake
def test_a_setting_that_cannot_be_followed_is_told_in_one_line(project: Path) -> None:
    process = handler(project, f"'{log_of(project)}', experiment_rot='runs'")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(err.splitlines()) == 1
    assert "experiment_rot" in err and "experiment_root" in err


@pytest.mark.snakemake
def test_modules_of_the_pipeline_do_not_reach_the_diagnosis(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("yaml", "msgspec", "argparse"):
        (project / f"{name}.py").write_text("raise SystemExit('the project has a module of that name')")
    monkeypatch.setenv("PYTHONPATH", str(project))
    monkeypatch.setenv("SNAKEMAKE_PROFILE", "nowhere")
    monkeypatch.chdir(project)
    hooks.on_error(log_of(project), project="default")
    assert causes(project) == EXPECTED
    assert len(told(capfd.readouterr().err)) == 3


@pytest.mark.parametrize("name", ["hooks", "jobs/dependency_job"])
def test_what_runs_in_the_pipelines_python_needs_nothing_but_python_3_8(name: str) -> None:
    text = (SCRIPTS / "postmortem" / f"{name}.py").read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            assert node.module == "hooks"
    assert imported <= sys.stdlib_module_names
    assert "from __future__ import annotations" in text  # or the annotations would be evaluated


@pytest.mark.snakemake
def test_a_python_without_any_package_calls_ours(project: Path) -> None:
    code = f"{CALL}on_error('{log_of(project)}', project='default')"
    done = call(project, "/usr/bin/python3", "-I", "-S", "-c", code)
    assert causes(project) == EXPECTED
    assert len(told(done.stdout)) == 3


@pytest.mark.snakemake
def test_the_environment_is_chosen_by_a_variable(project: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "bin"
    chosen.mkdir()
    (chosen / "python").write_text('#!/bin/sh\necho "postmortem: called $2" >&1\n')
    (chosen / "python").chmod(0o755)
    process = handler(project, f"'{log_of(project)}'", POSTMORTEM_SNAKEMAKE=str(chosen / "snakemake"))
    _, err = process.communicate(timeout=60)
    assert told(err) == [f"postmortem: called {SCRIPTS}/diagnose_now.py"]
