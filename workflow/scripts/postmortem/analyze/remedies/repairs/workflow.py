"""Mistakes in a Snakefile that Snakemake's words place: names, wildcards, braces, order of rules."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ...findings import Fix
from ..code import diff, inserted
from .case import SLIP, Case, nearest, replaced
from .snakefile import RULE_START, edited_in_command, edited_in_rule, placed, rewritten, rule_of, snakefiles

_DIRECTIVES = (
    "input", "output", "params", "log", "benchmark", "threads", "resources", "shell", "script", "run", "conda",
    "message", "priority", "wildcard_constraints", "container", "singularity", "envmodules", "notebook", "wrapper",
    "group", "shadow", "retries", "localrule", "cache", "default_target", "name", "handover",
)  # fmt: skip
_OBJECTS = ("params", "input", "output", "wildcards", "resources", "config", "threads", "log", "rule")
_UNKNOWN_NAME = re.compile(r"The name '(?P<name>[^'\n]+)' is unknown in this context")
_KIND = {
    "Params": "params", "Wildcards": "wildcards", "InputFiles": "input", "OutputFiles": "output",
    "Resources": "resources", "Log": "log",
}  # fmt: skip
_NO_ATTRIBUTE = re.compile(rf"'(?P<kind>{'|'.join(_KIND)})' object has no attribute '(?P<name>\w+)'")
_NOT_THERE = re.compile(
    r"Missing input files|MissingInputException|No such file or directory|[Ff]ailed to open source"
    r"|not present or accessible"
)
_NO_RULE = re.compile(
    r"Rule (\w+) is not defined in this workflow|'(?:Rules|_IOProxy|\w*Rule\w*)' object has no attribute '(\w+)'"
)
_WILDCARD = re.compile(r"(?<!\{)\{(\w+)(?:,[^{}]*)?\}(?!\})")


def unknown_name(case: Case) -> Fix | None:
    """A name in braces that Snakemake cannot fill in: a wildcard, a misspelt object, or braces that are the shell's."""
    found = _UNKNOWN_NAME.search(case.said)
    rule = rule_of(case)
    if not found or rule is None:
        return None
    name = found["name"]
    script, lines = rule
    wildcards = {item for number in lines for item in _WILDCARD.findall(script.lines[number - 1])} - set(_OBJECTS)
    paths = "\n".join(script.lines[number - 1] for number in lines).partition("shell:")[0]
    if name in wildcards and name in _WILDCARD.findall(paths):
        text = f"A wildcard is called `wildcards.{name}` in a command"
        return edited_in_command(case, f"{{{name}}}", f"{{wildcards.{name}}}", text)
    if name.isidentifier() and (right := nearest(name, _OBJECTS)):
        return edited_in_rule(
            case, f"{{{name}.", f"{{{right}.", f"Write `{right}` instead of `{name}`"
        ) or edited_in_rule(case, f"{{{name}}}", f"{{{right}}}", f"Write `{right}` instead of `{name}`")
    if not re.fullmatch(r"[\w.\[\]]+", name):
        return edited_in_rule(
            case, f"{{{name}}}", f"{{{{{name}}}}}", "Double the braces that are meant for the program"
        )
    return None


def undeclared(case: Case) -> Fix | None:
    """`{params.epoch}` where the rule declares `epochs`."""
    found = _NO_ATTRIBUTE.search(case.said)
    rule = rule_of(case)
    if not found or rule is None:
        return None
    script, lines = rule
    kind, name = _KIND[found["kind"]], found["name"]
    declared = [m for number in lines for m in re.findall(r"(?:^|[\s,(])(\w+)\s*=(?!=)", script.lines[number - 1])]
    declared += _WILDCARD.findall("\n".join(script.lines[n - 1] for n in lines)) if kind == "wildcards" else []
    right = nearest(name, declared)
    text = f"Write `{kind}.{right}`, as the rule declares it"
    return edited_in_rule(case, f"{kind}.{name}", f"{kind}.{right}", text) if right else None


def order_of_rules(case: Case) -> Fix | None:
    """Two rules that make the same file: the first is preferred."""
    found = re.search(r"Rules (\w+) and (\w+) are ambiguous for the file", case.said)
    if not found:
        return None
    a, b = found[1], found[2]
    for script in snakefiles(case):
        heads = [n for n, line in enumerate(script.lines, 1) if (m := RULE_START.match(line)) and m["name"] in (a, b)]
        if heads:
            text = f"Say which rule is to make it: {a}; the other way round if {b} is meant ({script.file}:{heads[0]})."
            edit = inserted(script.file, heads[0], f"ruleorder: {a} > {b}", "")
            return Fix(text, None, None, script.file, heads[0], edit)
    return None


def near_path(case: Case) -> Fix | None:
    """An input or script of a rule that is not there, where one that is spelt nearly so lies beside it."""
    if not _NOT_THERE.search(case.said):
        return None
    for place in case.facts.named_files:
        if not place.near or place.named not in case.said:
            continue
        wrong, right = PurePosixPath(place.path).name, place.near[0]
        text = f"Name {right}, which lies there, instead of {wrong}"
        if fix := case.in_scripts(wrong, right, text, snakefiles(case)):
            return fix
    return None


def other_output(case: Case) -> Fix | None:
    """A file that a rule did not make, where its program made one of nearly that name: the program's name for it."""
    found = re.search(r"^(?P<path>\S+) \(missing locally, parent dir contents: (?P<there>[^)]*)\)", case.said, re.M)
    if not found:
        return None
    due = PurePosixPath(found["path"]).name
    ending = PurePosixPath(due).suffix
    made = nearest(due, [name for name in found["there"].split(", ") if PurePosixPath(name).suffix == ending])
    if not made:
        return None
    text = f"The program writes {made} where the rule says {due}"
    return case.in_scripts(made, due, text)


def wildcards_of_log(case: Case) -> Fix | None:
    """A log or benchmark without a wildcard that the rule's output has."""
    rule = rule_of(case) if "contain the same wildcards" in case.said else None
    if rule is None:
        return None
    script, lines = rule
    outputs: list[str] = []
    section = ""
    places: list[int] = []
    for number in lines:
        line = script.lines[number - 1]
        if head := re.match(r"\s*(\w+)\s*:(?!:)", line):
            section = head[1]
        if section == "output":
            outputs += [name for name in _WILDCARD.findall(line) if name not in outputs]
        if section in ("log", "benchmark") and re.search(r"['\"][^'\"]+['\"]", line):
            places.append(number)
    for number in places:
        line = script.lines[number - 1]
        lacking = [name for name in outputs if name not in _WILDCARD.findall(line)]
        path = re.search(r"(['\"])([^'\"]+?)(\.\w+)?\1", line)
        if not lacking or not path:
            continue
        added = "".join(f"/{{{name}}}" for name in lacking)
        changed = f"{line[: path.start()]}{path[1]}{path[2]}{added}{path[3] or ''}{path[1]}{line[path.end() :]}"
        text = f"Give the path {' and '.join(lacking)} too, so that no two jobs write to it ({script.file}:{number})."
        return Fix(text, None, None, script.file, number, diff(script.file, number, line, changed))
    return None


def comma(case: Case) -> Fix | None:
    """Two items of a rule with no comma between them."""
    at = placed(case) if "forgot a comma" in case.said else None
    if at is None:
        return None
    script, number = at
    line = script.lines[number - 1]
    if not re.search(r"[\w\"')\]]\s*$", line):
        return None
    changed = diff(script.file, number, line, f"{line.rstrip()},")
    return Fix(f"End the line with a comma ({script.file}:{number}).", None, None, script.file, number, changed)


def directive(case: Case) -> Fix | None:
    """A keyword that rules do not have, spelt nearly as one that they have."""
    found = re.search(r"Unexpected keyword (\w+) in rule definition", case.said)
    right = nearest(found[1], _DIRECTIVES) if found else ""
    if not found or not right:
        return None
    for script in snakefiles(case):
        held = [n for n, line in enumerate(script.lines, 1) if re.match(rf"\s*{re.escape(found[1])}\s*:", line)]
        if len(held) == 1:
            line = script.lines[held[0] - 1]
            changed = diff(script.file, held[0], line, replaced(line, found[1], right))
            text = f"Write `{right}` instead of `{found[1]}` ({script.file}:{held[0]})."
            return Fix(text, None, None, script.file, held[0], changed)
    return None


def key(case: Case) -> Fix | None:
    """A key that the workflow's configuration spells otherwise."""
    found = re.search(r"KeyError in file \"?[^\n]*, line \d+:?\n'(?P<name>[\w.-]+)'", case.said)
    at = placed(case) if found else None
    if not found or at is None:
        return None
    settings = [script for script in case.facts.scripts if script.file.endswith((".yaml", ".yml"))]
    keys = [m[1] for script in settings for line in script.lines if (m := re.match(r"\s*([\w-]+)\s*:", line))]
    right = nearest(found["name"], keys)
    script, number = at
    line = script.lines[number - 1]
    changed = replaced(line, found["name"], right) if right else ""
    if not changed:
        return None
    text = f"Read `{right}`, as the configuration calls it ({script.file}:{number})."
    return Fix(text, None, None, script.file, number, diff(script.file, number, line, changed))


def target(case: Case) -> Fix | None:
    """A target that is no rule and no file, spelt nearly as a rule."""
    found = re.search(r"No rule to produce (?P<target>[\w.-]+)", case.said)
    if not found:
        return None
    rules = [m["name"] for script in snakefiles(case) for line in script.lines if (m := RULE_START.match(line))]
    right = nearest(found["target"], rules)
    jobs = [script for script in case.facts.scripts if script not in snakefiles(case)]
    return case.in_scripts(found["target"], right, f"The rule is called {right}", jobs) if right else None


def values_of_a_wildcard(case: Case) -> Fix | None:
    """`expand("{run}", runs=…)`: the values are given under another name than the pattern asks for."""
    found = re.search(r"No values given for wildcard '(\w+)'", case.said)
    if not found:
        return None
    held = [
        (script, number, line)
        for script in snakefiles(case)
        for number, line in enumerate(script.lines, 1)
        if "expand(" in line and f"{{{found[1]}}}" in line
    ]
    if len(held) != 1:
        return None
    script, number, line = held[0]
    given = nearest(found[1], re.findall(r"(\w+)\s*=(?!=)", line.partition("expand(")[2]))
    changed = re.sub(rf"\b{given}(\s*=)", rf"{found[1]}\1", line) if given else line
    text = f"Give expand its values as `{found[1]}`, which the pattern asks for"
    return rewritten(script, number, changed, text)


def colon(case: Case) -> Fix | None:
    """A keyword of a rule without its colon."""
    found = re.search(r"Colon expected after keyword (\w+)", case.said)
    if not found:
        return None
    lacks = re.compile(rf"(\s*{found[1]})\s+(?=[^:\s])")
    held = [(s, number) for s in snakefiles(case) for number, line in enumerate(s.lines, 1) if lacks.match(line)]
    if len(held) != 1:
        return None
    script, number = held[0]
    return rewritten(script, number, lacks.sub(r"\1: ", script.lines[number - 1], count=1), f"Write `{found[1]}:`")


def name(case: Case) -> Fix | None:
    """A variable, or a rule that is referred to, spelt nearly as one that the Snakefile has."""
    at = placed(case)
    if at is None:
        return None
    script, number = at
    text = "\n".join(line for each in snakefiles(case) for line in each.lines)
    if found := re.search(r"name '(\w+)' is not defined", case.said):
        right = nearest(found[1], re.findall(r"^(\w+)\s*=(?!=)", text, re.M))
    elif found := _NO_RULE.search(case.said):
        right = nearest(found[1] or found[2], re.findall(r"^\s*(?:rule|checkpoint)\s+(\w+)\s*:", text, re.M), SLIP)
    else:
        return None
    wrong = next(group for group in found.groups() if group)
    changed = replaced(script.lines[number - 1], wrong, right) if right else ""
    return rewritten(script, number, changed, f"Write `{right}` instead of `{wrong}`") if changed else None


REPAIRS = (
    values_of_a_wildcard,
    colon,
    name,
    unknown_name,
    undeclared,
    order_of_rules,
    near_path,
    other_output,
    wildcards_of_log,
    comma,
    directive,
    key,
    target,
)
