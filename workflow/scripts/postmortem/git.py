"""Questions to the project's git repository, asked so that nothing is changed and nothing of the repository is run.

No index refresh, no pager, no hooks, no external diff or text conversion, no fetching of what a partial clone lacks;
a time limit on each call. Settings of the caller's environment do not count: another repository may be meant by them.
"""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

SECONDS = 3.0  # for one question; a blame of a file with 5,000 lines takes 0.3 s
OUTPUT_CHARACTERS = 2_000_000  # of one answer; more than any source file worth quoting
LARGEST_FILE = 1_000_000  # bytes of a file that is read or blamed; generated ones may be larger
CHECKOUTS = 1_000  # looked back in HEAD's reflog

_SAFE = [
    "git", "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "diff.external=", "-c", "safe.directory=*", "-c", "core.quotePath=false", "-c", "log.showSignature=false",
]  # fmt: skip
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # for older git, which fetches all the same; it wins over protocol.*.allow
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
}


class GitRepository:
    """The repository that holds a project, if there is one. Every answer is None where git cannot give it."""

    def __init__(self, root: Path):
        self.root = root

    def ask(self, *arguments: str) -> str | None:
        """The output of `git <arguments>` in the project's root, or None if it fails or takes too long."""
        outer = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            done = subprocess.run(
                [*_SAFE, "-C", str(self.root), *arguments], capture_output=True, timeout=SECONDS,
                env=outer | _ENVIRONMENT, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        return done.stdout[:OUTPUT_CHARACTERS].decode("utf-8", "replace") if done.returncode == 0 else None

    def commit_at(self, moment: datetime | None) -> str | None:
        """The commit that was checked out at a local time, by HEAD's reflog; else the last one made until then.

        A commit may be made on another machine days before it is pulled: the reflog knows what was here. Without a
        moment it is the commit that is checked out now.
        """
        if moment is None:
            return self._line("rev-parse", "--verify", "-q", "HEAD^{commit}")
        seconds = int(moment.timestamp())
        for row in (self.ask("log", "-g", f"-{CHECKOUTS}", "--date=unix", "--format=%H %gd", "HEAD") or "").split("\n"):
            commit, _, when = row.partition(" HEAD@{")
            if when[:-1].isdigit() and int(when[:-1]) <= seconds:
                return commit
        return self._line("rev-list", "-1", f"--before={seconds}", "HEAD")

    def file_at(self, commit: str, file: str) -> str | None:
        """A file's text in a commit; None if it was not there or is too large to be quoted."""
        size = self._line("cat-file", "-s", f"{commit}:./{file}")
        return self.ask("cat-file", "blob", f"{commit}:./{file}") if size and int(size) <= LARGEST_FILE else None

    def files_at(self, commit: str) -> list[str]:
        """All files of a commit that lie below the project's root, relative to it."""
        return (self.ask("ls-tree", "-r", "--name-only", "-z", commit) or "").split("\0")[:-1]

    def last_change(self, commit: str, file: str, line: int) -> str | None:
        """Who changed that line last: "abc1234, 2026-11-20, Name: subject"."""
        answer = self.ask("blame", "--no-textconv", "-L", f"{line},{line}", "--porcelain", commit, "--", file)
        if not answer:
            return None
        fields = dict(part.partition(" ")[::2] for part in answer.split("\n")[1:] if part and not part.startswith("\t"))
        try:
            day = datetime.fromtimestamp(int(fields["author-time"]), UTC).date().isoformat()
        except (KeyError, ValueError, OverflowError, OSError):
            return None
        return f"{answer[:7]}, {day}, {fields.get('author', '')}: {fields.get('summary', '')}"

    def commits_between(self, first: str, last: str, files: list[str]) -> list[str]:
        """One line for each commit from `first` (not itself) to `last` that touches one of the files, newest first."""
        answer = self.ask(
            "log", "-10", "--no-ext-diff", "--no-textconv", "--format=%H %cs %an: %s", f"{first}..{last}", "--", *files
        )
        rows = answer.strip().split("\n") if answer and answer.strip() else []
        return [row[:7] + row[row.find(" ") :] for row in rows]

    def _line(self, *arguments: str) -> str | None:
        return (self.ask(*arguments) or "").strip() or None
