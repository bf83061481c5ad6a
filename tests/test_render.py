"""The report shows what was said as text, whatever it looks like."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_check import assert_only_ours, fences, headings, text, tokens

from postmortem.report.blocks import blocks
from postmortem.report.render import LINE_CHARACTERS, escape_markdown, excerpt, fenced, inline_code, markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- comment",
    "<![CDATA[ x ]]>",
    "</details></td></table>",
    "[click](javascript:alert(1))",
    "![x](http://evil/x.png)",
    "<javascript:alert(1)>",
    "<http://evil.org>",
    "[a][b]",
    "[b]: http://evil.org",
    "](javascript:alert(1))",
    "# heading",
    "## Fix",
    "=====",
    "-----",
    "- item",
    "+ item",
    "* item",
    "1. first",
    "2) second",
    "> quote",
    "***",
    "___",
    "    indented",
    "\tindented",
    "```",
    "~~~~",
    "`````python",
    "`a``b```c",
    "`",
    "**bold** _it_ __x__ *y*",
    "a|b|c",
    "| --- | --- |",
    "\\",
    "a\\",
    "\\`\\*\\[",
    "&lt;script&gt; &amp; &#60;",
    "{{ 7*7 }}{% raw %}",
    "trailing two blanks  ",
    "",
    "é 完成 \u00a0x",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_escaped_text_reads_as_it_was(hostile: str) -> None:
    for line in (f"{escape_markdown(hostile)}", f"x\n\n{escape_markdown(hostile)}", f"- {escape_markdown(hostile)}"):
        kinds = {token.type for token in tokens(line)} - {
            "bullet_list_open",
            "bullet_list_close",
            "list_item_open",
            "list_item_close",
        }
        assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special", "softbreak"}, kinds
        read = "".join(token.content for token in tokens(line) if token.type in ("text", "text_special"))
        assert read.removeprefix("x") == " ".join(hostile.split())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_code_reads_as_it_was(hostile: str) -> None:
    (code,) = [token.content for token in tokens(f"a {inline_code(hostile)} b") if token.type == "code_inline"]
    assert code == (" ".join(hostile.split()) or " ")
    (block,) = fences(f"a\n\n{fenced(hostile)}\n\nb")
    assert block == hostile + "\n"


@pytest.mark.parametrize("plain", ["run_name_v2", "a-b", "C# and F#", "5 * 3 = 15", "~/data", "x_1"])
def test_ordinary_words_stay_readable_in_a_terminal(plain: str) -> None:
    assert escape_markdown(plain).replace("\\*", "*") == plain


def diagnosis(said: str) -> dict[str, Any]:
    """A diagnosis in which everything that may come from outside is `said`."""
    frame = {"file": said, "line": 3, "function": said, "source": said, "lines": [{"number": 3, "text": said}]}
    return {
        "run": said,
        "status": "failed",
        "summary": said,
        "root_cause": {
            "id": "code.bug", "title": said, "explanation": said, "confidence": 0.8, "upstream_run": said,
            "confirmed_by": [said, said], "refuted_by": [said], "would_refute": said, "references": [said],
        },
        "findings": [
            {"id": "code.bug", "title": said},
            {"id": "data.empty", "title": said, "explained_by": "code.bug", "line": 3, "source": said},
        ],
        "evidence": [
            {
                "source": said, "line": 7, "text": f"{said}\n{said}", "finding": "data.empty", "note": said,
                "before": [{"number": 6, "text": said}], "after": [{"number": 9, "text": said}],
            },
            {"source": said, "line": None, "text": said, "finding": "code.bug", "note": ""},
        ],
        "also_seen": [
            {"source": said, "line": 4, "text": said, "finding": "data.empty", "title": said, "explained_by": by}
            for by in (None, "code.bug", "gpu.oom")
        ],
        "fix": [
            {
                "text": said, "command": f"{said}\n{said}", "config": {said: said}, "file": said, "line": 3,
                "diff": f"--- {said}\n-{said}",
            },
        ] * 11,
        "prevention": [said, said],
        "not_checked": [said],
        "discovery": [said],
        "attempts": [{"number": 1, "job_id": said, "state": said, "start": said, "end": said}] * 2,
        "code": [frame | {"version": said, "changed_by": said, "nearest_names": [said]}],
        "changed": {
            "run": said, "relation": "same run", "ended_at": said, "new_lines": [{"number": 1, "text": said}],
            "new_lines_source": said,
            "differences": [{"kind": "config", "name": said, "then": said, "now": said}],
        },
        "traceback": [],
        "job": {"id": said, "node": said, "start": said, "end": said},
    }  # fmt: skip


def quote(line: int | None, text: str, before: str = "", after: str = "") -> dict[str, Any]:
    """An item of diagnosis.json's evidence, with a line before and one after it."""
    last = (line or 0) + text.count("\n")
    return {
        "source": "slurm.err", "line": line, "text": text, "finding": "code.bug", "kind": "log", "note": "",
        "before": [{"number": (line or 0) - 1, "text": before}] if before else [],
        "after": [{"number": last + 1, "text": after}] if after else [],
    }  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_of_a_diagnosis_becomes_markup(hostile: str) -> None:
    given = diagnosis(hostile)
    assert_only_ours(markdown(given))
    assert_only_ours(markdown(given | {"code": [], "traceback": given["code"]}))


def test_the_quote_stands_between_its_neighbours_with_true_numbers() -> None:
    item = quote(99, "first\nsecond", "before", "after")
    (block,) = blocks([item])
    assert excerpt(block).split("\n")[1:-1] == ["   98 | before", ">  99 | first", "> 100 | second", "  101 | after"]
    (block,) = blocks([quote(None, "no line")])
    assert excerpt(block).split("\n")[1] == "no line"


def test_quotes_that_stand_together_are_one_block() -> None:
    error, frame, far = quote(99, "error", "raise"), quote(98, "raise", "frame", "error"), quote(200, "another")
    together, apart = blocks([error, frame, far])
    assert excerpt(together).split("\n")[1:-1] == ["  97 | frame", "> 98 | raise", "> 99 | error"]
    assert (together.line, apart.line) == (99, 200)


def test_what_every_rank_says_is_quoted_once() -> None:
    said = [quote(20 * rank, f"[rank{rank}]: RuntimeError: CUDA error: device-side assert") for rank in range(1, 9)]
    (block,) = blocks(said)
    assert block.line == 20 and block.repeats == "7 times more: 40, 60, 80, 100, 120, …"


def test_a_long_line_is_cut_in_the_report() -> None:
    (block,) = fences(excerpt(blocks([quote(1, "x" * 5_000)])[0]))
    assert LINE_CHARACTERS < len(block) < LINE_CHARACTERS + 20


def test_healthy_and_running_have_the_same_headings() -> None:
    empty = {
        "root_cause": None,
        "evidence": [],
        "findings": [],
        "fix": [],
        "prevention": [],
        "attempts": [],
        "also_seen": [],
    }
    for status in ("ok", "running", "unknown"):
        report = markdown(diagnosis("fine") | empty | {"status": status, "changed": None, "code": [], "traceback": []})
        assert_only_ours(report)
        assert "Nothing to do" in text(report)


def test_config_values_are_shown_as_they_are() -> None:
    report = markdown(
        diagnosis("x")
        | {"fix": [{"text": "t", "command": None, "config": {"p": "it's <b> & c|d"}, "file": None, "diff": None}]}
    )
    assert 'p: "it\'s <b> & c|d"' in text(report)
    assert headings(report)[:1] == ["Error Summary"]


def test_the_page_begins_with_what_happened_and_what_to_do() -> None:
    given = diagnosis("x") | {
        "run": "set_01/teacher",
        "summary": "The job asked for 450 MB and used 530. It was killed.",
        "job": {"id": "70", "node": "p0318", "start": "2026-11-23T23:09:19", "end": "2026-11-23T23:09:27"},
        "fix": [
            {"text": "Ask for more.", "command": "sbatch --mem=900M job.sh", "config": None, "file": None, "diff": None}
        ],
    }
    lines = [line for line in markdown(given).splitlines() if line]
    assert lines[0] == "# set_01/teacher: The job asked for 450 MB and used 530"
    assert lines[1].endswith("job 70 on p0318, 2026-11-23T23:09:19 to 23:09:27")
    assert lines[2:6] == ["**Do this**: Ask for more.", "```sh", "sbatch --mem=900M job.sh", "```"]


def test_what_is_simply_not_there_takes_one_line() -> None:
    said = ["a.db: there is no such file", "slurm.out: empty", "b.csv: not there"]
    report = text(markdown(diagnosis("x") | {"not_checked": said}))
    assert "slurm.out: empty" in report and "not there: a.db, b.csv" in report
