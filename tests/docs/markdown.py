"""What a Markdown file of ours names: commands, code spans, tables under a heading."""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMENT = re.compile(r"(?:^|\s+)#\s.*$")
PROGRAMS = ("make", "facegender", "dvc", "prefect", "git", "python", "pip", "pre-commit", "source", "export", "rm")


@dataclass(frozen=True)
class Span:
    """A piece of code: where it begins, what it says, and whether it is a line of a fenced block."""

    place: int
    text: str
    fenced: bool


def spans(path: Path) -> list[Span]:
    """Every code span, and every line of the shell blocks, in the order in which a reader meets them."""
    text = path.read_text(encoding="utf-8")
    found = []
    for block in FENCE.finditer(text):
        if block[1] == "sh":
            lines = (COMMENT.sub("", line).strip() for line in block[2].replace("\\\n", " ").splitlines())
            found += [Span(block.start() + number, line, True) for number, line in enumerate(lines) if line]
    prose = FENCE.sub(lambda block: " " * len(block[0]), text)
    found += [Span(span.start(), span[1], False) for span in SPAN.finditer(prose)]
    return sorted(found, key=lambda span: span.place)


def is_command(text: str) -> bool:
    """A program with something for it to do; `dvc` alone is a name."""
    program, _, rest = text.partition(" ")
    return program.rpartition("/")[2] in PROGRAMS and bool(rest)


def commands(path: Path) -> list[str]:
    """Every command in its order. What prose repeats of a block, or of itself, counts once."""
    fenced = {span.text for span in spans(path) if span.fenced}
    listed: list[str] = []
    for span in spans(path):
        if span.fenced or (is_command(span.text) and span.text not in fenced and span.text not in listed):
            listed.append(span.text)
    return listed


def tables(path: Path) -> dict[str, list[str]]:
    """For each heading that is a code span: the code spans in the first cells of the table below it."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^#+ ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        if heading.startswith("`"):
            cells = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", body, flags=re.MULTILINE)
            found[heading.strip("` ")] = [name for cell in cells for name in SPAN.findall(cell)]
    return found
