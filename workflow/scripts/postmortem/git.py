"""Questions to the project's git repository, asked so that nothing is changed and nothing of the repository is run.

No index refresh, no pager, no hooks, no external diff or text conversion; a time limit on each call.
"""

from __future__ import annotations

import os
import subprocess
from datetime import UTC
from pathlib import Path

SECONDS = 3.0  # for one question; a blame of a file with 5,000 lines takes 0.3 s
OUTPUT_CHARACTERS = 2_000_000  # of one answer; more than any source file worth quoting

_SAFE = [
    "git", "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "diff.external=", "-c", "safe.directory=*", "-c", "core.quotePath=false", "-c", "log.showSignature=false",
]  # fmt: skip


class GitRepository:
    """The repository that holds a project, if there is one. Every answer is None where git cannot give it."""

    def __init__(self, root: Path):
        self.root = root

    def ask(self, *arguments: str) -> str | None:
        """The output of `git <arguments>` in the project's root, or None if it fails or takes too long."""
        environment = os.environ | {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
        }
        try:
            done = subprocess.run(
                [*_SAFE, "-C", str(self.root), *arguments], capture_output=True, timeout=SECONDS,
                env=environment, stdin=subprocess.DEVNULL,
                check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout[:OUTPUT_CHARACTERS].decode("utf-8", "replace") if done.returncode == 0 else None

    def commit_at(self, time: str) -> str | None:
        """The last commit of the current branch made not after `time` (ISO 8601); None if there is none."""
        answer = self.ask("rev-list", "-1", f"--before={time}", "HEAD") if time else self.ask("rev-parse", "HEAD")
        return answer.strip() or None if answer else None

    def file_at(self, commit: str, file: str) -> str | None:
        return self.ask("cat-file", "blob", f"{commit}:./{file}")

    def changed_since(self, commit: str, file: str) -> bool:
        """Whether the file differs now from what it was in `commit`, committed or not."""
        now = self.ask("hash-object", "--no-filters", "--", file)
        then = self.ask("rev-parse", f"{commit}:./{file}")
        return bool(now and then and now.strip() != then.strip())

    def last_change(self, commit: str, file: str, line: int) -> str | None:
        """Who changed that line last: "abc1234, 2026-11-20, Name: subject"."""
        answer = self.ask("blame", "-L", f"{line},{line}", "--porcelain", commit, "--", file)
        if not answer:
            return None
        fields = dict(part.partition(" ")[::2] for part in answer.split("\n")[1:] if part and not part.startswith("\t"))
        try:
            from datetime import datetime

            day = datetime.fromtimestamp(int(fields["author-time"]), UTC).date().isoformat()
        except (KeyError, ValueError):
            return None
        return f"{answer[:7]}, {day}, {fields.get('author', '')}: {fields.get('summary', '')}"

    def commits_since(self, time: str, files: list[str]) -> list[str]:
        """One line for each commit after `time` that touches one of the files, newest first, at most ten."""
        answer = self.ask("log", "-10", f"--since={time}", "--format=%h %cs %an: %s", "--", *files)
        return answer.strip().split("\n") if answer and answer.strip() else []
