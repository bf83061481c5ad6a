"""Real git repositories for the tests, with commits dated as wanted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "a@b.c",
}


def git(root: Path, *arguments: str, time: str = "2026-01-01T12:00:00") -> str:
    """Run git in a repository as if at a local time, without this machine's own settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = ours | _WHO | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    environment |= {"GIT_AUTHOR_DATE": time, "GIT_COMMITTER_DATE": time}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def write(root: Path, file: str, text: str) -> Path:
    """Write a file of the working tree."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def commit(root: Path, time: str, subject: str, **files: str) -> str:
    """Commit files ("a__b" for a/b.py) as they are given; makes the repository at the first call. Returns the hash."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / ".git").exists():
        git(root, "init", "-q", "-b", "main", time=time)
    for name, text in files.items():
        file = name.replace("__", "/") + ".py"
        write(root, file, text)
        git(root, "add", "--", file, time=time)
    git(root, "commit", "-q", "--allow-empty", "-m", subject, time=time)
    return git(root, "rev-parse", "HEAD")
