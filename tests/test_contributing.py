"""CONTRIBUTING.md is followed to the letter, each of its pages in a copy of the repository of its own.

A block under a line "`path`:" is that file's new content, or with the language `diff` a change of it. `sh` is run, and
each line of a `text` block after it must be in what it printed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

REPOSITORY = Path(__file__).resolve().parents[1]
NOT_COPIED = (".git", ".venv*", ".*_cache", ".hypothesis", ".snakemake", "__pycache__", "demo", "build", "provoked*")
_FILE = re.compile(r"`([^`\s]+)`:$")


def blocks(heading: str) -> list[tuple[str, str, str]]:
    """The fenced blocks of a page: language, content, and the file that the paragraph above names, else ""."""
    found, inside, file = [], False, ""
    tokens = MarkdownIt("commonmark").parse((REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "inline" and before and before.type == "heading_open" and before.tag == "h2":
            inside = token.content == heading
        elif token.type == "inline":
            file = match[1] if (match := _FILE.fullmatch(token.content)) else ""
        elif token.type == "fence" and inside:
            found.append((token.info, token.content, file))
    return found


def change(path: Path, diff: str) -> None:
    """Replace the lines of a file that a diff without line numbers takes away or keeps; they must be there once."""
    lines = [(line[:1], line[1:]) for line in diff.splitlines(keepends=True)]
    before = "".join(text for sign, text in lines if sign in "- ")
    after = "".join(text for sign, text in lines if sign in "+ ")
    content = path.read_text(encoding="utf-8")
    assert content.count(before) == 1, f"{path} has not, or not once:\n{before}"
    path.write_text(content.replace(before, after), encoding="utf-8")


def run(command: str, folder: Path) -> str:
    """What a block of commands prints; each of them must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "SNAKEMAKE"))}
    shell = ["bash", "-euo", "pipefail", "-c", command]
    done = subprocess.run(
        shell, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", ["Add a cause", "Add a detector", "Add a source"])
def test_a_page_can_be_followed(page: str, tmp_path: Path) -> None:
    copy = tmp_path / "postmortem"
    shutil.copytree(REPOSITORY, copy, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
    (copy / ".venv").symlink_to(sys.prefix)
    printed = ""
    told = blocks(page)
    assert {"sh", "text"} <= {language for language, _, _ in told}
    for language, content, file in told:
        if language == "sh":
            printed = run(content, copy)
        elif language == "text":
            assert not [line for line in content.splitlines() if line not in printed], printed
        elif language == "diff":
            change(copy / file, content)
        else:
            assert file, f"no file is named for:\n{content}"
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            (copy / file).write_text(content, encoding="utf-8")
