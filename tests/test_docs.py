"""The pages for people say what is there: every key, every number, every path, and the catalogue as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_check import tokens

from postmortem import databases
from postmortem.analyze import record, resolve, verdict
from postmortem.analyze.exceptions import libraries
from postmortem.collect.files import json_positions
from postmortem.collect.logs import scan, statements
from postmortem.collect.tensors import helper

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPTS = REPOSITORY / "workflow" / "scripts"
CATALOGUE_PAGES = REPOSITORY / "docs" / "catalogue"
PAGES = [
    path
    for folder in (".", "config", "docs", "examples/*", "tests/provoke", "workflow/catalogue")
    for path in sorted(REPOSITORY.glob(f"{folder}/*.md"))
]
MIB, KIB = 2**20, 2**10


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def rows(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables, by the names in backticks in their first cells."""
    cells = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {name: row for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


# --- settings ------------------------------------------------------------------------------------------------------


def keys(schema: dict[str, Any], names: dict[str, str], start: str = "") -> Iterator[str]:
    """The keys of a schema as the page writes them. names: for keys that a user chooses, what stands for them."""
    properties = schema.get("properties")
    if properties:
        for name, inner in properties.items():
            yield from keys(inner, names, f"{start}.{name}" if start else name)
    elif "properties" in schema.get("items", {}):
        yield from keys(schema["items"], names, f"{start}[]")
    elif "properties" in (chosen := schema.get("additionalProperties") or {}):
        yield from keys(chosen, names, f"{start}.{names[start]}")
    else:
        yield start


def schema_keys(name: str) -> set[str]:
    schema = yaml.safe_load(text(f"workflow/schemas/{name}.schema.yaml"))
    return set(keys(schema, {"stages": "<stage>"}))


def test_every_setting_and_every_profile_key_is_explained() -> None:
    page = text("docs/configuration.md")
    settings, profile = page.split("## Project profiles")
    assert set(rows(settings)) == schema_keys("config")
    assert set(rows(profile)) == schema_keys("project")


def test_the_defaults_are_those_of_the_workflow() -> None:
    settings = text("docs/configuration.md").split("## Project profiles")[0]
    shown = {name: row[-1].strip("`") for name, row in rows(settings).items()}
    defaults = yaml.safe_load(text("config/config.yaml"))
    assert shown == {key: "empty" if value is None else str(value) for key, value in defaults.items()}


# --- numbers -------------------------------------------------------------------------------------------------------


def test_roles_start_where_the_page_says() -> None:
    section = text("docs/how-a-root-cause-is-found.md").split("## 6. ")[0]
    assert {name: float(row[-1]) for name, row in rows(section).items()} == record.EXPECTED


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("how-a-root-cause-is-found.md", f"the first that is at least {resolve.NAMED_FROM} sure"),
        ("how-a-root-cause-is-found.md", f"beyond the log, from {verdict.SUSPECT_FROM} on"),
        ("how-a-root-cause-is-found.md", f"independent evidence that agrees | +{resolve.CONFIRMATION} |"),
        ("how-a-root-cause-is-found.md", f"that contradicts | −{resolve.REFUTATION} |"),
        ("how-a-root-cause-is-found.md", f"is left unexplained | −{resolve.RIVAL_PENALTY} |"),
        ("how-a-root-cause-is-found.md", f"was started again | −{resolve.HANDLED_PENALTY} |"),
        ("how-a-root-cause-is-found.md", f"while the program shut down | −{resolve.HANDLED_PENALTY} |"),
        ("how-a-root-cause-is-found.md", f"**it is more than a guess**: by itself at least {resolve.GUESS} sure"),
        ("how-a-root-cause-is-found.md", f"passes over those below {resolve.NAMED_FROM}"),
        ("how-a-root-cause-is-found.md", f"shows that this ended the run: at least {verdict.FAILED_BY_LOG_ALONE} sure"),
        ("how-a-root-cause-is-found.md", f"no more than {verdict.LONGEST_END} statements"),
        ("how-a-root-cause-is-found.md", f"({statements.LIFE_AFTER} statements of progress or information"),
        ("how-a-root-cause-is-found.md", f"one of the {libraries.FRAMES_ASKED} innermost frames"),
        ("how-a-root-cause-is-found.md", f"stays between {resolve.LOWEST} and {resolve.HIGHEST}"),
        ("how-a-root-cause-is-found.md", f"nothing is surer than {resolve.BESIDE_A_RIVAL}, unless"),
        (
            "how-a-root-cause-is-found.md",
            f"{record.SHARE['wording']} of it for a `wording`, {record.SHARE['word']} for a `word`",
        ),
        ("how-a-root-cause-is-found.md", f"(expected × {record.WEIGHT} + right) / ({record.WEIGHT} + right + wrong)"),
        ("../SECURITY.md", f"{helper.MEMORY_LIMIT // MIB} MiB of address space, {helper.TIME_LIMIT:g} seconds a file"),
        (
            "../SECURITY.md",
            f"chunks of {scan.CHUNK_BYTES // MIB} MiB; of one larger than {scan.WHOLE_BYTES // KIB} KiB",
        ),
        ("../SECURITY.md", f"{scan.LINE_CHARACTERS:,} characters are kept"),
        ("../SECURITY.md", f"a JSON file of the run | {json_positions.LARGEST_TEXT // MIB} MiB"),
        ("../SECURITY.md", f"One of more than {databases.LARGEST_COPY // MIB} MiB"),
    ],
)
def test_a_number_is_that_of_the_code(page: str, sentence: str) -> None:
    assert sentence in " ".join(text(f"docs/{page}").split())


# --- the order of findings, and what comes of it ---------------------------------------------------------------------


def test_the_page_asks_the_questions_of_the_order_in_their_order() -> None:
    section = text("docs/how-a-root-cause-is-found.md").partition("\n## 6. ")[2].partition("\n## 7. ")[0]
    assert re.findall(r"^\d+\. \*\*(.+?)\*\*", section, re.M) == [words for words, _ in resolve.ORDER]


def test_the_example_of_two_attempts_is_what_is_printed(tmp_path: Path) -> None:
    example = text("docs/how-a-root-cause-is-found.md").partition("### Two attempts in one log")[2]
    log, screen = (token.content for token in tokens(example) if token.type == "fence")
    run = tmp_path / "experimentruns" / "city" / "teacher"
    run.mkdir(parents=True)
    (run / "slurm.err").write_text(log)
    (run / ".failed").touch()
    diagnose: list[str | Path] = [sys.executable, SCRIPTS / "diagnose_now.py", "--directory", tmp_path]
    settings = ["--config", "project=default", "--config", "sacct=off"]
    subprocess.run([*diagnose, *settings], check=True, capture_output=True)
    told = subprocess.run([sys.executable, SCRIPTS / "explain.py", run], check=True, capture_output=True, text=True)
    assert _without_record(told.stdout) == _without_record(screen)


def _without_record(screen: str) -> str:
    """An explanation but for the numbers that every new labelled run may move."""
    return re.sub(r"; right in \d+ of \d+ repositories|\d\.\d\d", "", screen).strip()


# --- places --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [token.attrGet("href") for token in tokens(page.read_text(encoding="utf-8")) if token.type == "link_open"]
    for target in map(str, targets):
        if "://" not in target:
            name, _, heading = target.partition("#")
            place = (page.parent / name).resolve() if name else page
            assert place.exists(), f"{page} links to {target}"
            assert not heading or heading in _addresses(place), f"{place} has no heading for {target}"


def _addresses(page: Path) -> set[str]:
    """The addresses of a page's headings, as forges make them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_that_are_named_are_there(page: Path) -> None:
    """Names in backticks that begin with a folder of the repository; <…> stands for any name.

    A line that is nothing but a name and a colon is about a file that the page's reader writes.
    """
    prose = re.sub(r"^`[^`]+`:$", "", page.read_text(encoding="utf-8"), flags=re.M)
    for code in (token.content for token in tokens(prose) if token.type == "code_inline"):
        pattern = re.sub(r"<[^>]*>", "*", code)
        if re.match(r"(?:config|docs|examples|profiles|tests|tools|workflow)/\S+$", pattern):
            assert list(REPOSITORY.glob(pattern.rstrip("/"))), f"{page} names {code}"


def test_the_rooms_are_the_folders_of_the_package() -> None:
    rooms = {path.name for path in (SCRIPTS / "postmortem").iterdir() if (path / "__init__.py").exists()}
    assert set(rows(text("docs/architecture.md"))) == rooms


# --- the catalogue -------------------------------------------------------------------------------------------------


def test_the_catalogue_pages_are_those_of_the_entries(tmp_path: Path) -> None:
    """If not: make docs."""
    subprocess.run([sys.executable, SCRIPTS / "catalogue_pages.py", tmp_path], check=True)
    made, kept = ({path.name: path.read_text() for path in folder.iterdir()} for folder in (tmp_path, CATALOGUE_PAGES))
    assert made.keys() == kept.keys()
    assert not [name for name in made if made[name] != kept[name]], "out of date: make docs"
