"""What a real CommonMark parser sees in a report: its headings, and that nothing else of it became markup."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

FIRST_HEADINGS = ["Error Summary", "Root Cause", "Evidence", "Fix", "Prevention"]
OTHER_HEADINGS = {
    "The Code", "The Project's Own Frames", "What Changed Since It Last Worked", "What Followed From It", "Attempts",
    "Also Seen", "How It Was Found", "Not Checked", "References",
}  # fmt: skip
# What the templates use. Everything else (html_block, html_inline, image, link, hr, code_block …) came from elsewhere.
ALLOWED = {
    "heading", "paragraph", "inline", "text", "text_special", "softbreak", "code_inline", "fence", "strong",
    "bullet_list", "ordered_list", "list_item", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


def tokens(markdown: str) -> list[Token]:
    """All tokens, those within lines included. With GitHub's tables and its links for bare addresses in mind."""
    return list(_flat(MarkdownIt("commonmark").enable("table").parse(markdown)))


def _flat(found: list[Token]) -> Iterator[Token]:
    for token in found:
        yield token
        yield from _flat(token.children or [])


def headings(markdown: str, level: int = 2) -> list[str]:
    """The texts of the headings of one level, as they are read."""
    parsed = MarkdownIt("commonmark").parse(markdown)
    return [
        "".join(child.content for child in following.children or [])
        for token, following in pairwise(parsed)
        if token.type == "heading_open" and token.tag == f"h{level}"
    ]


def assert_only_ours(markdown: str) -> None:
    """The headings are the contract's and the templates', and there is no markup that they do not use."""
    found = headings(markdown)
    assert found[:5] == FIRST_HEADINGS, found
    assert set(found[5:]) <= OTHER_HEADINGS, found
    assert len(headings(markdown, 1)) == 1
    assert not headings(markdown, 3)
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(markdown)}
    assert kinds <= ALLOWED, kinds - ALLOWED


def fences(markdown: str) -> list[str]:
    """The contents of the code fences."""
    return [token.content for token in tokens(markdown) if token.type == "fence"]


def text(markdown: str) -> str:
    """All that is read, without markup."""
    return "\n".join(
        token.content for token in tokens(markdown) if token.type in ("text", "code_inline", "fence", "text_special")
    )
