"""Documents as tests: what a Markdown file names is there, so that nobody is sent to a place that has moved.

Run by `make tidy`, beside tidy.py. An exemption stands in a table with its reason.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tree import ROOT, files, lines_of, name_of, tracked

# What documents name in backticks as a path, and no checkout has → why.
PATHS_ELSEWHERE = {
    "operator/__init__.py": "must never be there",
    "build/e2e/": "written by the stories",
    "build/e2e/life.json": "written by the stories",
}
CODE_SUFFIXES = {
    ".py",
    ".pyi",
    ".rs",
    ".toml",
    ".yaml",
    ".yml",
    ".md",
    ".sh",
    ".in",
    ".json",
    ".xml",
}


def test_documents_have_one_title() -> None:
    """A Markdown file has exactly one first-level heading, and opens with it."""
    found = []
    for path in files(".md"):
        titles = [number for number, line in prose_lines(path) if line.startswith("# ")]
        if titles != [1]:
            found.append((name_of(path), titles))
    assert found == []


def test_links_between_documents_lead_somewhere() -> None:
    """A relative link in a Markdown file names a file or folder of the tree, and a heading that is there."""
    link = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?[^)]*\)")
    found = [
        f"{name_of(path)}:{number}: {file}#{heading}"
        for path in files(".md")
        for number, line in prose_lines(path)
        for file, heading in link.findall(line)
        if not leads_somewhere(path.parent / file if file else path, heading)
    ]
    assert found == []


def leads_somewhere(path: Path, heading: str) -> bool:
    if not path.exists() or not heading:
        return path.exists()
    titles = [line.lstrip("# ").lower() for _, line in prose_lines(path) if line.startswith("#")]
    return heading in {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}


def test_paths_in_documents_are_there() -> None:
    """A path in backticks is that of a file or folder of the tree, or the end of one; `…` stands for any part."""
    known = ends_of_paths()
    absent = {
        path: f"{name_of(document)}:{number}"
        for document in files(".md")
        for number, line in prose_lines(document)
        for path in re.findall(r"`([\w./…-]+)`", line)
        if looks_like_a_path(path) and not is_end_of_a_path(path.rstrip("/"), known)
    }
    assert {path: at for path, at in absent.items() if path not in PATHS_ELSEWHERE} == {}
    assert [path for path in PATHS_ELSEWHERE if path not in absent] == [], "exemption not needed"


def ends_of_paths() -> set[str]:
    """Of every file and folder of the tree; a module also without its suffix."""
    ends = set()
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        for last in range(1, len(parts) + 1):
            ends |= {"/".join(parts[first:last]) for first in range(last)}
    return ends | {end.removesuffix(".py") for end in ends}


def looks_like_a_path(text: str) -> bool:
    """Absolute ones are a user's, capitals stand for something, `kubernetes.io/name` is a label."""
    if text.startswith(("/", ".")) or re.search(r"[A-Z]{4}|^\d+/\d+$|^[\w.-]+\.io/", text):
        return False
    return "/" in text or Path(text).suffix in CODE_SUFFIXES


def is_end_of_a_path(text: str, known: set[str]) -> bool:
    if "…" not in text:
        return text in known
    pattern = re.compile(re.escape(text).replace("…", ".*"))
    return any(pattern.fullmatch(path) for path in known)


def test_make_targets_in_documents_are_there() -> None:
    """What a document tells its reader to make, make can make."""
    target = "[a-z][a-z0-9-]*"
    targets = set(
        re.findall(rf"^({target}):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    told = {
        word: f"{name_of(document)}:{number}"
        for document in files(".md")
        for number, line, fenced in document_lines(document)
        for words in re.findall(
            f"{'^' if fenced else '`'}make ((?:{target}(?: +|(?=[`#]|$)))+)", line
        )
        for word in words.split()
    }
    assert told, "no document says make"
    assert {word: at for word, at in told.items() if word not in targets} == {}


def document_lines(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Number, line, and whether it is in a code block."""
    fenced = False
    for number, line in enumerate(lines_of(path), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        else:
            yield number, line, fenced


def prose_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines outside of its code blocks."""
    return ((number, line) for number, line, fenced in document_lines(path) if not fenced)
