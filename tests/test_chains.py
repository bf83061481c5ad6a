"""Which exception of a chain speaks for it."""

from __future__ import annotations

import pytest

from postmortem.analyze.exceptions.chains import speakers
from postmortem.analyze.findings import FATAL, GENERIC, WRAPPER, Claim, Finding
from postmortem.analyze.resolve import resolve
from postmortem.collect.logs.statements import EXCEPTION, Statement
from postmortem.facts import Frame, Log, Position, RaisedException, Source, Traceback

Pair = tuple[Statement, Finding]


def chain(*links: tuple[str, str, str, str]) -> list[Pair]:
    """Links (cause, role, how it led to the next, source line that raised it), the first raised first."""
    exceptions = [
        RaisedException("E", "said so", [Frame("/p/a.py", 1, "f", source, 1, True)], i + 1, i + 1, leads_to)
        for i, (_, _, leads_to, source) in enumerate(links)
    ]
    traceback = Traceback(exceptions, 1, len(links))
    log = Log(Source("slurm.err"), "stderr", tracebacks=[traceback])
    return [
        (
            Statement("E", EXCEPTION, log, i + 1, i + 1, None, exceptions[i], traceback, i),
            Finding(cause, cause, role, position=Position("slurm.err", "stderr", i + 1, None, i, False, 0)),
        )
        for i, (cause, role, _, _) in enumerate(links)
    ]


LOOKUP = ("code.bug", GENERIC, "context", "x = d[k]")
CHECKED = ("config.invalid", GENERIC, "", "raise ValueError(m)")


def open_ones(pairs: list[Pair]) -> list[str]:
    spoken_for = speakers(pairs)
    return [finding.id for _, finding in pairs if id(finding) not in spoken_for]


@pytest.mark.parametrize(
    ("links", "speaker"),
    [
        ([LOOKUP, ("data.empty", GENERIC, "", "g()")], "code.bug"),
        ([LOOKUP, CHECKED], "config.invalid"),
        ([("code.bug", GENERIC, "cause", "x = d[k]"), ("config.invalid", GENERIC, "", "g()")], "config.invalid"),
        ([("host.oom", GENERIC, "cause", "x = d[k]"), CHECKED], "host.oom"),
        ([LOOKUP, ("gpu.oom", FATAL, "", "g()")], "gpu.oom"),
        ([("gpu.oom", FATAL, "cause", "g()"), CHECKED], "gpu.oom"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(link[0] for link in value),
)  # fmt: skip
def test_one_speaks(links: list[tuple[str, str, str, str]], speaker: str) -> None:
    assert open_ones(chain(*links)) == [speaker]


def test_wrappers_and_single_exceptions_are_left_alone() -> None:
    assert open_ones(chain(("unknown", WRAPPER, "cause", "g()"), ("code.bug", GENERIC, "", "g()"))) == [
        "unknown",
        "code.bug",
    ]
    assert open_ones(chain(("code.bug", GENERIC, "", "g()"))) == ["code.bug"]


def test_different_tracebacks_do_not_explain_each_other() -> None:
    first, second = (chain((c, GENERIC, "context", "g()"), (c, GENERIC, "", "g()")) for c in ("code.bug", "data.empty"))
    for _, finding in second:
        finding.position.line += 10
    second[0][0].traceback.first_line = 11  # type: ignore[union-attr]
    assert open_ones([*first, *second]) == ["code.bug", "data.empty"]


def test_what_says_that_it_explains_the_first_one_speaks_and_is_not_explained_by_it() -> None:
    """A tracker's own words of the network's time-out, though the network explains trackers in general."""
    pairs = chain(("io.network", FATAL, "cause", "g()"), ("tracking.service", FATAL, "", "raise E(m)"))
    network, tracker = (finding for _, finding in pairs)
    network.entry, network.explains = "network", ["tracking.*"]
    tracker.entry, tracker.explains = "tracker", ["io.network"]
    assert open_ones(pairs) == ["tracking.service"]
    judged = resolve([Claim(finding) for _, finding in pairs], speakers(pairs)).judgements
    assert [(j.id, j.explained_by.id if j.explained_by else None) for j in judged] == [
        ("tracking.service", None),
        ("io.network", "tracking.service"),
    ]
