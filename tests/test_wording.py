"""An entry's words: values where they belong, no code from entries or logs, no shell from a log."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import jinja2
import pytest

from postmortem.analyze.catalogue import Entry, Hit, Pattern
from postmortem.analyze.findings import Finding
from postmortem.analyze.wording import context, finding_of, render
from postmortem.collect.logs.statements import EXCEPTION, Statement
from postmortem.facts import Config, ConfigKey, Frame, Line, Log, RaisedException, RunFacts, Source


def facts(**config: Any) -> RunFacts:
    values = {key: ConfigKey(value) for key, value in config.items()}
    return RunFacts(run="d/r", directory="experimentruns/d/r", config=Config(Source("config.json"), values))


def statement(text: str = "ValueError: bad") -> Statement:
    raised = RaisedException("ValueError", "bad", [Frame("train.py", 7, "main", "f()", 2, True)], 3, 3)
    return Statement(text, EXCEPTION, Log(Source("slurm.err"), "stderr"), 3, 3, exception=raised)


def worded(captures: dict[str, str] | None = None, **keys: Any) -> Finding:
    texts: dict[str, Any] = {"root_cause": "x", "fix": [], "prevention": []} | keys
    entry = Entry("code.bug", "an entry", [Pattern(r"(?P<never>\d)?ValueError")], **texts)
    return finding_of(Hit(entry, entry.patterns[0], statement(), captures or {}), facts(lr=0.5))


def test_what_was_captured_and_observed() -> None:
    finding = worded(
        {"size": "64"},
        root_cause="{{ exception.type }}, {{ frame.file }}:{{ frame.line }}, {{ run.run }}, {{ config.lr }}",
        fix=[
            {
                "text": "Halve it.",
                "config": {"batch_size": "{{ half(size) }}"},
                "file": "{{ frame.file }}",
                "line": "{{ frame.line }}",
            }
        ],
        prevention=["Watch {{ size }}."],
    )  # fmt: skip
    assert finding.root_cause == "ValueError, train.py:7, d/r, 0.5"
    assert finding.prevention == ["Watch 64."]
    (fix,) = finding.fix
    assert (fix.text, fix.config, fix.file, fix.line, fix.command) == (
        "Halve it.",
        {"batch_size": 32},
        "train.py",
        7,
        None,
    )


def test_empty_is_not_undefined() -> None:
    names = context(facts(), statement(), {})
    assert render("a{{ config.nothing }}b{{ config.nothing.deeper }}c{{ profile.nothing }}{{ job.id }}", names) == "abc"
    with pytest.raises(jinja2.UndefinedError):
        render("{{ nothing }}", names)
    assert worded(root_cause="group that took no part: [{{ never }}]").root_cause.endswith("[]")


@pytest.mark.parametrize(
    "text",
    [
        "{{ nothing }}",
        "{% if %}",
        "{{ 1 / 0 }}",
        "{{ exception.type.nothing.more }}",
        "{{ exception | nofilter }}",
        "{{ profile.pop('x') }}",
        "{{ config.lr.as_integer_ratio()['a'] }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ half.__globals__ }}",
        "{{ rerun.__closure__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ 'a' * 10**9 }}",
        "{{ 10**10**8 }}",
        "{{ range(10**9) | list }}",
    ],
)
def test_a_broken_entry_harms_itself_alone(text: str) -> None:
    finding = worded(root_cause=text, prevention=["fine", text])
    assert finding.root_cause.startswith("(entry code.bug: an entry: ")
    assert finding.prevention[0] == "fine"


def test_what_a_log_says_is_no_template() -> None:
    hostile = "{{ 7 * 7 }}{% for x in range(9) %}x{% endfor %}{# c #}"
    assert worded({"name": hostile}, root_cause="It is {{ name }}.").root_cause == f"It is {hostile}."


def test_numbers_stay_numbers_and_sizes_may_be_computed() -> None:
    names = context(facts(), statement(), {"gb": "3"})
    assert render("{{ (gb | int) * 1024 ** 3 }}", names) == str(3 * 1024**3)
    fix = worded(fix=[{"text": "t", "config": {"a": "0.5", "b": "true", "c": "nan", "d": "x", "e": "", "f": 3}}]).fix[0]
    assert fix.config == {"a": 0.5, "b": True, "c": "nan", "d": "x", "f": 3}


HOSTILE = [
    "x; touch HACKED",
    "$(touch HACKED)",
    "`touch HACKED`",
    "a' ; touch HACKED; '",
    "a\ntouch HACKED",
    "a > HACKED",
    "a&touch HACKED",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    "command",
    ["echo {{ path }}", "echo '{{ path }}'", 'echo "{{ path }}"', "echo {{ quote(path) }}", "echo {{ path | trim }}"],
)
def test_no_shell_from_a_log(hostile: str, command: str, tmp_path: Any) -> None:
    fix = worded({"path": hostile}, fix=[{"text": "t", "command": command}]).fix[0]
    if fix.command is not None:
        subprocess.run(["bash", "-c", fix.command], cwd=tmp_path, capture_output=True, timeout=20, check=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("template", "path", "command"),
    [
        ("ls {{ path }}", "data/a-b_c.csv", "ls data/a-b_c.csv"),
        ("ls '{{ path }}'", "data/my file.csv", "ls 'data/my file.csv'"),
        ("ls {{ quote(path) }}", "my file", "ls 'my file'"),
        ("ls {{ quote(path) }}", "a;b", "ls 'a;b'"),
        ("ls {{ path }}", "a;b", "ls 'a;b'"),
        ("ls {{ path }} | head; du", "a", "ls a | head; du"),
        ("{{ path }}", "", None),
    ],
)
def test_commands_stay_as_they_are_meant(template: str, path: str, command: str | None) -> None:
    assert worded({"path": path}, fix=[{"text": "t", "command": template}]).fix[0].command == command
    assert command is None or shlex.split(command)


def test_a_fix_of_a_workflow_is_made_where_the_rule_stands() -> None:
    lines = [
        Line(1, "RuleException in rule train in file /home/ada/flow/Snakefile, line 20:"),
        Line(2, "NameError: The name 'param' is unknown in this context."),
    ]
    log = Log(Source("slurm.err"), "stderr", lines=lines)
    said = Statement("NameError: The name 'param' is unknown in this context.", EXCEPTION, log, 2, 2)
    entry = Entry("workflow.definition", "t", [Pattern("param")], root_cause="x", fix=[{"text": "Write params."}])
    (fix,) = finding_of(Hit(entry, entry.patterns[0], said, {}), facts()).fix
    assert (fix.file, fix.line) == ("/home/ada/flow/Snakefile", 20)
    log.lines = lines[1:]
    (fix,) = finding_of(Hit(entry, entry.patterns[0], said, {}), facts()).fix
    assert (fix.file, fix.line) == (None, None)
