"""Reading logs of any size and kind: whole if small, else what stands out, always with true line numbers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from postmortem.collect.logs import scan as log_module
from postmortem.collect.logs.scan import CHUNK_BYTES, LINE_CHARACTERS, WHOLE_BYTES, read_log
from postmortem.facts import ABSENT, READ, UNREADABLE, Log

TRACEBACK = """Traceback (most recent call last):
  File "/p/train.py", line 3, in <module>
    main()
ValueError: the reason
"""


def read(path: Path, content: bytes | str) -> Log:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_log(path, path.parent, "stderr")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slurm.err"


def assert_true(log: Log, content: bytes | str) -> None:
    """Every kept line stands in the file where the log says."""
    data = content.encode() if isinstance(content, str) else content
    lines = data.split(b"\n")
    assert log.line_count == len(lines) - (not lines[-1])
    for line in log.lines:
        assert line.text.rstrip().encode() in lines[line.number - 1], line


def test_a_small_log_is_whole(path: Path) -> None:
    log = read(path, "one\n\nthree\nwithout end")
    assert [(line.number, line.text) for line in log.lines] == [(1, "one"), (2, ""), (3, "three"), (4, "without end")]
    assert (log.whole, log.line_count, log.source.path, log.size) == (True, 4, "slurm.err", 22)


def test_empty_and_only_line_ends(path: Path) -> None:
    assert (read(path, "").lines, read(path, "").line_count) == ([], 0)
    assert read(path, "\n\n").line_count == 2


def test_windows_line_ends(path: Path) -> None:
    assert [line.text for line in read(path, "a\r\nb\r\n").lines] == ["a", "b"]


def test_what_cannot_be_read_is_told_apart(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none", tmp_path, "stderr").source.state == ABSENT
    assert read_log(tmp_path, tmp_path, "stderr").source.state == UNREADABLE
    os.mkfifo(tmp_path / "pipe")
    assert read_log(tmp_path / "pipe", tmp_path, "stderr").source.state == UNREADABLE
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert read_log(tmp_path / "loop", tmp_path, "stderr").source.state == UNREADABLE
    assert read(tmp_path / "fine", "x").source.state == READ


def test_a_log_outside_of_the_project_keeps_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert read_log(tmp_path / "a", tmp_path / "project", "job").source.path == str(tmp_path / "a")


def test_of_a_progress_bar_the_ends_and_what_differs(path: Path) -> None:
    bars = [f" {i}%|###  | {i}/99 [00:01<00:02]" for i in range(100)]
    log = read(path, "\r".join([*bars[:50], "WARNING: odd", *bars[50:], "last words"]) + "\n")
    assert [line.text for line in log.lines] == [bars[0], "WARNING: odd", "last words"]
    assert {line.number for line in log.lines} == {1}


def test_of_many_states_the_first_and_the_last(path: Path) -> None:
    log = read(path, "\r".join(f"state {i}" for i in range(1000)) + "\n")
    texts = [line.text for line in log.lines]
    assert (texts[:2], texts[-2:]) == (["state 0", "state 1"], ["state 998", "state 999"])
    assert len(texts) < 20


def test_a_long_line_of_a_small_log_is_cut_but_its_error_found(path: Path) -> None:
    log = read(path, "x " * 20_000 + "RuntimeError: in the midst " + "y " * 20_000 + "\nnext\n")
    assert max(len(line.text) for line in log.lines) <= LINE_CHARACTERS
    assert any("RuntimeError: in the midst" in line.text and line.number == 1 for line in log.lines)
    assert log.lines[-1].text == "next"


NOISE = "".join(f"step {i} of the usual work takes its time\n" for i in range(20_000))


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "the last line has no end"])
def test_a_large_log_keeps_head_tail_and_what_stands_out(path: Path, end: str) -> None:
    content = NOISE + TRACEBACK + NOISE + NOISE.rstrip("\n") + end
    log = read(path, content)
    assert not log.whole
    assert_true(log, content)
    assert log.lines[0].number == 1
    assert log.lines[-1].number == log.line_count
    (traceback,) = log.tracebacks
    assert (traceback.first_line, traceback.exceptions[0].line) == (20_001, 20_004)
    assert sum(len(line.text) for line in log.lines) < 200_000


def test_chunks_do_not_lose_lines_or_count_wrongly(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = NOISE * 2 + TRACEBACK + NOISE
    whole = read(path, content)
    for size in (1009, 40_961, len(NOISE) * 2 + 70):
        monkeypatch.setattr(log_module, "CHUNK_BYTES", size)
        log = read(path, content)
        assert_true(log, content)
        assert [t.first_line for t in log.tracebacks] == [t.first_line for t in whole.tracebacks] == [40_001]


def test_what_ends_a_run_has_its_place_behind_thousands_of_different_warnings(path: Path) -> None:
    words = ["".join(chr(97 + i // 26**k % 26) for k in range(4)) + "-of-xyz" for i in range(30_000)]
    warnings = "".join(f"warning: {word} {word[::-1]} is a thing of its own\n" for word in words)
    (traceback,) = read(path, warnings + TRACEBACK + NOISE * 2).tracebacks
    assert traceback.exceptions[0].message.startswith("the reason")


def test_repeated_lines_are_kept_a_few_times_first_and_last(path: Path) -> None:
    content = "".join(f"ERROR: worker {i} lost at 0x{i:x}\n{NOISE[:400]}\n" for i in range(3_000))
    log = read(path, content)
    assert_true(log, content)
    kept = [line.number for line in log.lines if line.text.startswith("ERROR")]
    assert 4 <= len(kept) < 300
    assert {1, log.line_count - 11 + 1} & set(kept)


@pytest.mark.parametrize("length", [2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 12_345])
def test_one_giant_line(path: Path, length: int) -> None:
    log = read(path, b"a" * (length - 100) + b" RuntimeError: at the end" + b" " * 75)
    assert log.line_count == 1
    assert {line.number for line in log.lines} == {1}
    assert any("RuntimeError: at the end" in line.text for line in log.lines)


def test_secrets_do_not_get_into_the_facts(path: Path) -> None:
    key = (
        "-----BEGIN RSA PRIVATE KEY-----\n"
        + "MIIEowIBAAKCAQEAx4UbaDzY5xjW6hc9jwN0m\n" * 3
        + "-----END RSA PRIVATE KEY-----\n"
    )
    small = f"export DB_PASSWORD=s3cr3t99\n{key}done\n"
    for content in (small, small + NOISE, NOISE + "error\n" + small):
        text = "\n".join(line.text for line in read(path, content).lines)
        assert "s3cr3t99" not in text
        assert "MIIE" not in text
        assert "[redacted]" in text


def test_half_a_secret_in_a_piece_of_a_long_line(path: Path) -> None:
    content = ("z" * 5_000 + " token=hf_" + "Ab1" * 20 + " " + "y" * 160 + " error: x ") * 3
    text = "\n".join(line.text for line in read(path, content + "\n" + NOISE).lines)
    assert "error: x" in text
    assert "Ab1Ab1" not in text


def test_times_of_the_first_and_the_last_line(path: Path) -> None:
    log = read(path, "banner\n2024-01-01 10:00:00 INFO start\nx\n2024-01-02 11:00:00 INFO end\nbye\n")
    assert (log.first_time[:10], log.last_time[:10]) == ("2024-01-01", "2024-01-02")
    assert len(NOISE) > WHOLE_BYTES
