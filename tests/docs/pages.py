"""The pages of the docs, taken apart: their fenced blocks, and the commands of those that are shell."""

import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
_BETWEEN: Final = frozenset("|;&()<>{}")
"""Of these, bash makes what stands between two commands."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block, as a reader pastes it: `line` is where it starts in the page."""

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of a shell block, without its comment; `text` has single spaces."""

    page: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words)


def pages() -> list[str]:
    """Every page that people read, by its place in the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "infra").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def blocks(page: str, language: str | None = None) -> list[Block]:
    """Fenced blocks of a page, also those inside of lists."""
    text = (ROOT / page).read_text()
    found = [
        Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            language=match["language"],
            text=textwrap.dedent(match["text"]),
        )
        for match in _FENCE.finditer(text)
    ]
    assert text.count("```") == 2 * len(found), f"{page} has a fence that nothing closes"
    return [block for block in found if language in (None, block.language)]


def inline_code(page: str) -> list[str]:
    """What stands between single backticks in sentences and tables."""
    prose = _FENCE.sub("", (ROOT / page).read_text()).replace("\n", " ")
    return re.findall(r"`([^`]+)`", prose)


def commands(page: str) -> list[Command]:
    """Commands of a page's shell blocks, in order; loops, functions, pipes and substitutions are taken apart."""
    return [command for block in blocks(page, "bash") for command in _commands_in(page, block.text)]


def _commands_in(page: str, text: str) -> list[Command]:
    found: list[Command] = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="".join(_BETWEEN))
        lexer.whitespace_split = True
        words: list[str] = []
        before = ""
        for word in [*lexer, ";"]:
            if word in ("do", "done") and not words:
                continue
            if set(word) <= _BETWEEN - set("<>"):
                found += [Command(page=page, words=tuple(words))] if words and words[0] != "for" else []
                words = []
            elif (not set(word) <= set("<>") and not set(before) <= set("<>")) or not before:
                words.append(word)  # neither an arrow nor the file that it points to
            before = word
        found += [inner for part in re.findall(r"\$\(([^()]+)\)", line) for inner in _commands_in(page, part)]
    return found
