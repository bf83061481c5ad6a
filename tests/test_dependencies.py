"""What pyproject.toml declares is what the code imports, and what every environment holds."""

from __future__ import annotations

import ast
import re
import runpy
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml
from example_projects import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
OURS = {"postmortem", "pipeline"}
# Snakemake is the program that runs the rules; its plugin is named by profiles/slurm.
NOT_IMPORTED = {"snakemake", "snakemake-executor-plugin-slurm"}


def names_in(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~ ;\[]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def lines_of(name: str) -> list[str]:
    return [line for line in (REPOSITORY / name).read_text().splitlines() if line and not line.startswith("#")]


def imported() -> set[str]:
    """Distributions that the workflow's code and the example pipeline import."""
    modules = set()
    for folder in ("workflow/scripts", "examples/pipeline"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.partition(".")[0])
    known = packages_distributions()
    return {known[module][0].lower() for module in modules - set(sys.stdlib_module_names) - OURS}


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    declared = names_in(PROJECT["dependencies"])
    assert imported() | NOT_IMPORTED == declared
    assert all(re.search(r">=\d", requirement) for requirement in PROJECT["dependencies"])


def test_every_environment_has_what_is_declared() -> None:
    declared = names_in(PROJECT["dependencies"])
    assert declared <= names_in(lines_of("requirements.lock"))
    # Snakemake 7 has no plugins, and runs the jobs of those who have no torch in their pipeline's environment.
    of_snakemake7 = declared - {"torch", "snakemake-executor-plugin-slurm"}
    assert of_snakemake7 <= names_in(lines_of("requirements-snakemake7.in"))
    assert of_snakemake7 <= names_in(lines_of("requirements-snakemake7.lock"))
    conda = yaml.safe_load((REPOSITORY / "workflow/envs/postmortem.yaml").read_text())
    of_pip = next(item["pip"] for item in conda["dependencies"] if isinstance(item, dict))
    assert names_in(of_pip) == declared - NOT_IMPORTED


def test_the_locks_of_one_environment_agree() -> None:
    assert set(lines_of("requirements.lock")) <= set(lines_of("requirements-test.lock"))


def test_the_lock_is_made_from_what_is_declared() -> None:
    tool = runpy.run_path(str(REPOSITORY / "tools" / "lock.py"))
    assert tool["arguments_of"](REPOSITORY / "pyproject.toml") == PROJECT["dependencies"]
    assert tool["arguments_of"](Path("requirements-test.in")) == ["-r", "requirements-test.in"]
    made_from = (REPOSITORY / "requirements.lock").read_text().splitlines()[0]
    assert made_from == '# Made by "make lock" from pyproject.toml, requirements.in. Do not edit.'
    assert "tools/lock.py requirements.lock pyproject.toml requirements.in" in (REPOSITORY / "Makefile").read_text()
    kept = lines_of("requirements.in")
    assert names_in(kept) <= names_in(PROJECT["dependencies"]) and set(kept) <= set(lines_of("requirements.lock"))
