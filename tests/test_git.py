"""Questions to real git repositories: answered by time, and nothing in the repository is run or changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from repositories import commit, git, write

from postmortem import git as asked
from postmortem.git import GitRepository

FIRST, SECOND = "2026-01-01T12:00:00", "2026-01-03T12:00:00"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a project"
    commit(root, FIRST, "begin", pipeline__train="one\ntwo\nthree\n", other="x\n")
    commit(root, SECOND, "change two", pipeline__train="one\nTWO\nthree\n")
    return root


def test_the_commit_that_was_checked_out_at_a_time(root: Path) -> None:
    first, second = git(root, "rev-list", "--reverse", "HEAD").split()
    repository = GitRepository(root)
    assert repository.commit_at(_at("2026-01-02T00:00:00")) == first
    assert repository.commit_at(_at("2026-01-03T12:00:00")) == second
    assert repository.commit_at(None) == second
    assert repository.commit_at(_at("2025-12-31T00:00:00")) is None


def test_what_was_pulled_later_was_not_there_though_it_is_older(tmp_path: Path) -> None:
    elsewhere, here = tmp_path / "laptop", tmp_path / "cluster"
    first = commit(elsewhere, FIRST, "begin", train="one\n")
    git(tmp_path, "clone", "-q", str(elsewhere), str(here), time="2026-01-02T00:00:00")
    second = commit(elsewhere, SECOND, "made on Saturday", train="two\n")
    git(here, "pull", "-q", time="2026-01-06T00:00:00")
    assert GitRepository(here).commit_at(_at("2026-01-05T00:00:00")) == first
    assert GitRepository(here).commit_at(_at("2026-01-07T00:00:00")) == second
    # a run that is older than the clone: all that is known is when the commits were made
    assert GitRepository(here).commit_at(_at("2026-01-01T13:00:00")) == first


def test_files_as_they_were(root: Path) -> None:
    repository, first = GitRepository(root), git(root, "rev-list", "--reverse", "HEAD").split()[0]
    assert repository.file_at(first, "pipeline/train.py") == "one\ntwo\nthree\n"
    assert repository.file_at(first, "gone.py") is None
    assert repository.files_at(first) == ["other.py", "pipeline/train.py"]
    # a project that is a folder of a larger repository has paths of its own
    below = GitRepository(root / "pipeline")
    assert below.file_at(first, "train.py") == "one\ntwo\nthree\n" and below.files_at(first) == ["train.py"]


def test_who_changed_a_line_last(root: Path) -> None:
    repository, (first, second) = GitRepository(root), git(root, "rev-list", "--reverse", "HEAD").split()
    assert repository.last_change(second, "pipeline/train.py", 2) == f"{second[:7]}, 2026-01-03, Ada: change two"
    assert repository.last_change(second, "pipeline/train.py", 1) == f"{first[:7]}, 2026-01-01, Ada: begin"
    assert repository.last_change(second, "pipeline/train.py", 99) is None
    assert repository.last_change(second, "gone.py", 1) is None
    # commits that the project itself counts for nothing, such as formatting
    write(root, "ignored", second)
    git(root, "config", "blame.ignoreRevsFile", "ignored")
    assert repository.last_change(second, "pipeline/train.py", 2) == f"{first[:7]}, 2026-01-01, Ada: begin"


def test_commits_that_touch_files(root: Path) -> None:
    repository, (first, second) = GitRepository(root), git(root, "rev-list", "--reverse", "HEAD").split()
    assert repository.commits_between(first, second, ["pipeline/train.py"]) == [
        f"{second[:7]} 2026-01-03 Ada: change two"
    ]
    assert repository.commits_between(first, second, ["other.py"]) == []
    assert repository.commits_between(second, second, ["pipeline/train.py"]) == []


def test_no_repository_a_broken_one_and_no_git(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(folder: Path) -> bool:
        repository = GitRepository(folder)
        answers = [repository.commit_at(None), repository.commit_at(_at(SECOND)), repository.file_at("HEAD", "a.py")]
        more = [
            repository.last_change("HEAD", "a.py", 1),
            *repository.commits_between("a", "b", []),
            *repository.files_at("HEAD"),
        ]
        return not any([*answers, *more])

    (tmp_path / "plain").mkdir()
    assert silent(tmp_path / "plain")
    assert silent(tmp_path / "not there")
    broken = tmp_path / "broken"
    shutil.copytree(root, broken)
    (broken / ".git/HEAD").write_text("ref: refs/heads/nowhere\n")
    assert silent(broken)
    shutil.rmtree(broken / ".git/objects")
    assert silent(broken)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert silent(root)


def test_another_repository_in_the_callers_environment_is_not_asked(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commit(tmp_path / "other", "2026-01-09T00:00:00", "another")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {tmp_path}/ran #")
    assert GitRepository(root).files_at("HEAD") == ["other.py", "pipeline/train.py"]
    assert not (tmp_path / "ran").exists()


def _every_question(root: Path) -> None:
    repository = GitRepository(root)
    for moment in (None, _at(SECOND)):
        repository.commit_at(moment)
    repository.file_at("HEAD", "pipeline/train.py")
    repository.files_at("HEAD")
    repository.last_change("HEAD", "pipeline/train.py", 2)
    repository.commits_between("HEAD~1", "HEAD", ["pipeline/train.py"])


def test_a_hostile_repository_runs_nothing(root: Path, tmp_path: Path) -> None:
    proof = tmp_path / "was-run"
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\necho $0 $* >> '{proof}'\ncat \"$1\" 2>/dev/null\n")
    command.chmod(0o755)
    for key in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass", "core.gitProxy",
        "gpg.program", "diff.external", "diff.hostile.textconv", "diff.hostile.command", "filter.hostile.clean",
        "filter.hostile.smudge", "filter.hostile.process", "credential.helper", "core.alternateRefsCommand",
        "pager.log", "pager.blame",
        "alias.log", "alias.blame", "uploadpack.packObjectsHook",
    ):  # fmt: skip
        git(root, "config", key, f"!{command}" if key.startswith("alias") else str(command))
    git(root, "config", "log.showSignature", "true")
    git(root, "config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    for hook in ("post-index-change", "post-checkout", "pre-auto-gc", "reference-transaction"):
        shutil.copy(command, tmp_path / "hooks" / hook)
    write(root, ".gitattributes", "*.py diff=hostile filter=hostile\n")
    write(root, ".git/info/attributes", "*.py diff=hostile filter=hostile\n")
    write(root, "pipeline/train.py", "changed\n")
    _every_question(root)
    assert not proof.exists(), proof.read_text()
    # the trap is armed: git by itself springs it
    subprocess.run(["git", "-C", str(root), "blame", "HEAD", "--", "pipeline/train.py"], capture_output=True)
    assert proof.exists()


@pytest.mark.parametrize("old_git", [False, True])
def test_a_partial_clone_fetches_nothing(tmp_path: Path, old_git: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if old_git:  # which does not know this variable
        monkeypatch.delitem(asked._ENVIRONMENT, "GIT_NO_LAZY_FETCH")
    proof, remote, root = tmp_path / "was-run", tmp_path / "remote", tmp_path / "clone"
    commit(remote, FIRST, "begin", pipeline__train="one\ntwo\n")
    git(remote, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{remote}", str(root))
    git(root, "config", "remote.origin.uploadpack", f"touch '{proof}'; git-upload-pack")
    git(root, "config", "protocol.file.allow", "always")
    _every_question(root)
    assert not proof.exists()
    subprocess.run(["git", "-C", str(root), "cat-file", "blob", "HEAD:pipeline/train.py"], capture_output=True)
    assert proof.exists(), "git by itself fetches what is missing"


def test_nothing_of_the_repository_changes(root: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        every = [root, *root.rglob("*")]
        return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in every}

    (root / "other.py").touch()  # an index refresh would now write the index
    before = state()
    _every_question(root)
    assert state() == before
    git(root, "status")
    assert state() != before, "git by itself refreshes the index"


def test_a_question_that_takes_too_long_is_given_up(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin/git"
    write(
        tmp_path,
        "bin/git",
        f"#!{sys.executable}\nimport time\ntime.sleep(20)\nopen({str(tmp_path / 'ended')!r}, 'w')\n",
    )
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    monkeypatch.setattr(asked, "SECONDS", 0.2)
    assert GitRepository(root).commit_at(None) is None
    assert not (tmp_path / "ended").exists()


def test_a_file_too_large_to_quote_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "LARGEST_FILE", 8)
    assert GitRepository(root).file_at("HEAD", "pipeline/train.py") is None
    assert GitRepository(root).file_at("HEAD", "other.py") == "x\n"
