"""The table of names that came and went with a release: its form, and what it answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from replay import diagnose_text

from postmortem.analyze.remedies.releases import requirement
from postmortem.installation import RELEASES


@pytest.mark.parametrize(
    ("module", "name", "wanted"),
    [
        ("pulp", "list_solvers", "pulp<2.8"),
        ("sklearn.externals", "joblib", "scikit-learn<0.23"),
        ("sklearn.externals.joblib", "", "scikit-learn<0.23"),
        ("google.protobuf.internal", "builder", "protobuf>=3.20"),
        ("transformers", "EncoderDecoderCache", "transformers>=4.43"),
        ("transformers.cache_utils", "DynamicCache", "transformers>=4.36"),
        ("numpy", "float_", "numpy<2.0"),
        ("numpy", "floats", ""),
        ("numpyro", "float", ""),
        ("nobody.knows", "this", ""),
    ],
)
def test_what_to_install(module: str, name: str, wanted: str) -> None:
    assert requirement(module, name) == wanted


def test_the_table_is_of_one_form() -> None:
    table = yaml.safe_load(RELEASES.read_text(encoding="utf-8"))
    assert len(table) > 25
    for package, known in table.items():
        tables = {"removed", "added", "arguments", "attributes"}
        assert known.keys() <= {"module", *tables} and known.keys() & tables, package
        for changes in (known.get("removed") or {}, known.get("added") or {}):
            assert all(isinstance(release, str) and release[0].isdigit() for release in changes.values()), package
        for changes in (known.get("arguments") or {}, known.get("attributes") or {}):
            for name, items in changes.items():
                for item in items:
                    keys = {"of", "now", "release"} | ({"given"} if "=" in item.get("now", "") else set())
                    assert item.keys() <= keys and item["release"][0].isdigit(), f"{package}: {name}"
                    re.compile(item["of"])


def test_a_missing_attribute_of_a_package_is_a_matter_of_its_release(tmp_path: Path) -> None:
    site = "/opt/envs/net/lib/python3.11/site-packages"
    text = (
        f'Traceback (most recent call last):\n  File "/home/ada/t.py", line 3, in <module>\n    import flow\n'
        f'  File "{site}/flow/main.py", line 3, in <module>\n    x = pyarrow.PyExtensionType\n'
        "AttributeError: module 'pyarrow' has no attribute 'PyExtensionType'\n"
    )
    diagnosis = diagnose_text(text, tmp_path)
    assert diagnosis["root_cause"]["id"] == "code.library_conflict"
    assert diagnosis["fix"][0]["command"] == "/opt/envs/net/bin/python -m pip install 'pyarrow<21.0'"


def test_a_check_of_the_arguments_is_about_the_configuration(tmp_path: Path) -> None:
    text = 'Traceback (most recent call last):\n  File "/home/ada/t.py", line 3, in <module>\n    {}\nAssertionError\n'
    assert (
        diagnose_text(text.format("assert args.batch_size % n == 0"), tmp_path)["root_cause"]["id"] == "config.invalid"
    )
    assert diagnose_text(text.format("assert total == 0"), tmp_path)["root_cause"]["id"] == "code.bug"
