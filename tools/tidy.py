"""Style as tests: what STYLE.md asks for and no linter checks, so that reviews are about other things.

Run by `make tidy`; documents have their own in tidy_documents.py. It reads and never writes. An
exemption stands in a table here with its reason, and one that is not needed any more fails as well.
"""

import ast
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tree import ROOT, files, is_text, lines_of, name_of, tracked

# More than this is more than one idea. Tests state many small ones, so they may go on a little.
SOURCE_LINES_MAX = 400
TEST_LINES_MAX = 600
# A function fits on a screen. (Rust: clippy's too_many_lines, set to the same in node/clippy.toml.)
FUNCTION_LINES_MAX = 60
# The formatters wrap code at 100; what they cannot wrap ends here.
LINE_CHARACTERS_MAX = 120
# Larger files are data, and data is made or fetched, not committed.
FILE_BYTES_MAX = 256 * 1024

# path → why it is longer than its limit.
LONG_FILES: dict[str, str] = {}
# "path:function" → why it is longer than a screen.
LONG_FUNCTIONS: dict[str, str] = {}

# Names that say nothing about what is inside. `operator` apart: see CONTRIBUTING.md.
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "misc"}
# Who may call the compiled module: the data path and the log, the harness, and tools for people.
ENGINE_CALLERS = ("server", "storage", "testing", "tools")

# How the first line of a file of each kind begins.
HEADERS = {
    ".py": ('"""', "#!"),
    ".pyi": ('"""',),
    ".rs": ("//!", "#!["),
    ".toml": ("#",),
    ".sh": ("#",),
    ".yml": ("#",),
    ".yaml": ("#",),
    ".java": ("/", "package"),
    ".in": ("#",),
}


def is_test(path: Path) -> bool:
    return "tests" in path.parts or path.name == "tests.rs"


def code_lines(path: Path) -> int:
    """Lines of the file; Rust's inline tests are not counted, as they would stand elsewhere in Python."""
    lines = lines_of(path)
    if path.suffix == ".rs" and "#[cfg(test)]" in lines:
        at = lines.index("#[cfg(test)]")
        if any(line.startswith("mod tests {") for line in lines[at : at + 3]):
            return at
    return len(lines)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_are_one_idea_long() -> None:
    """A source file has at most 400 lines, a test file 600."""
    too_long = {}
    for path in files(".py", ".rs", ".pyi", ".java", ".sh"):
        limit = TEST_LINES_MAX if is_test(path) else SOURCE_LINES_MAX
        if (count := code_lines(path)) > limit:
            too_long[name_of(path)] = count
    assert {name: n for name, n in too_long.items() if name not in LONG_FILES} == {}
    assert [name for name in LONG_FILES if name not in too_long] == [], "exemption not needed"


def test_functions_fit_on_a_screen() -> None:
    """A Python function has at most 60 lines, its docstring included."""
    too_long = {}
    for path in files(".py"):
        for function in functions(path):
            count = (function.end_lineno or function.lineno) - function.lineno + 1
            if count > FUNCTION_LINES_MAX:
                too_long[f"{name_of(path)}:{function.name}"] = count
    assert {name: n for name, n in too_long.items() if name not in LONG_FUNCTIONS} == {}
    assert [name for name in LONG_FUNCTIONS if name not in too_long] == [], "exemption not needed"


def test_lines_end_before_column_120() -> None:
    """No line of code or of a stub is longer than 120 characters."""
    found = [
        f"{name_of(path)}:{number}"
        for path in files(".py", ".pyi", ".rs", ".java", ".sh")
        for number, line in enumerate(lines_of(path), 1)
        if len(line) > LINE_CHARACTERS_MAX and "http" not in line
    ]
    assert found == []


def test_files_open_with_what_they_are_for() -> None:
    """The first line is, or begins, a header; an empty file (py.typed, a package mark) has nothing to say."""
    found = []
    for suffix, starts in HEADERS.items():
        for path in files(suffix):
            text = path.read_text(encoding="utf-8")
            if text and not text.startswith(starts):
                found.append(name_of(path))
    for path in files(".py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and ast.get_docstring(tree) is None:
            found.append(name_of(path))
    assert sorted(set(found)) == []


def test_tests_say_their_claim() -> None:
    """Each Python test has one docstring line that puts its claim in words."""
    found = [
        f"{name_of(path)}:{function.name}"
        for path in files(".py")
        if path.name.startswith("test_")
        for function in functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert found == []


def test_modules_have_names_of_their_own() -> None:
    """No module or folder is called utils, common, helpers or the like."""
    found = [
        name_of(path)
        for path in files(".py", ".rs")
        if EMPTY_NAMES & {part.removesuffix(path.suffix) for part in path.relative_to(ROOT).parts}
    ]
    assert found == []


def test_folder_operator_is_no_package() -> None:
    """operator/__init__.py would take the place of the standard library's module of that name."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_engine_is_called_from_its_callers_only() -> None:
    """Of the node's packages only server, storage, testing and tools import the compiled module."""
    package = ROOT / "node" / "python" / "raftkeeper"
    found = []
    for path in files(".py"):
        if not path.is_relative_to(package):
            continue
        if path.relative_to(package).parts[0] in ENGINE_CALLERS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
            elif isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            else:
                continue
            if any(str(name).startswith("raftkeeper._engine") for name in names):
                found.append(f"{name_of(path)}:{node.lineno}")
    assert found == []


def test_leftovers_carry_an_issue_number() -> None:
    """A note of things to do names its issue, as in `TODO(#12): …`, or is not there."""
    leftover = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
    found = [
        f"{name_of(path)}:{number}"
        for path in files(".py", ".pyi", ".rs", ".java", ".sh", ".toml", ".md")
        if path != Path(__file__).resolve()
        for number, line in enumerate(lines_of(path), 1)
        if leftover.search(line)
    ]
    assert found == []


def test_no_lock_file_with_addresses() -> None:
    """uv.lock would record one registry's addresses; requirements/*.txt pin by hash and hold none."""
    assert [name_of(path) for path in tracked() if path.name == "uv.lock"] == []
    pins = ROOT / "requirements"
    assert [p.name for p in pins.iterdir() if "://" in p.read_text(encoding="utf-8")] == []


def pinned(name: str) -> dict[str, str]:
    """The version of each package of one pin file; each must be exact and carry a hash."""
    pins = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / "requirements" / name).read_text(encoding="utf-8")):
        match = re.match(r"([\w.-]+)==([\w.]+)", entry)
        assert match, f"{name}: no exact version: {entry[:60]}"
        assert "--hash=sha256:" in entry, f"{name}: no hash: {match[1]}"
        pins[match[1]] = match[2]
    return pins


def test_pins_are_exact_and_agree() -> None:
    """Every pinned package has a hash, and what node and operator run with is what is tested."""
    tested = pinned("dev.txt").items()
    assert pinned("runtime.txt").items() <= tested
    assert pinned("operator.txt").items() <= tested


def test_requirements_are_the_members_dependencies() -> None:
    """Each list of requirements and its member's pyproject.toml name the same, with the same bounds."""
    for requirements, member in {"runtime.in": "node", "operator.in": "operator"}.items():
        project = tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))
        wanted = [
            line
            for line in lines_of(ROOT / "requirements" / requirements)
            if line and not line.startswith("#")
        ]
        assert wanted == project["project"]["dependencies"], member


def test_versions_agree() -> None:
    """The node's crates and the operator are released together, under one version."""
    crates = [
        tomllib.loads((ROOT / name).read_text(encoding="utf-8"))["package"]["version"]
        for name in ("node/Cargo.toml", "node/engine/Cargo.toml")
    ]
    operator = (ROOT / "operator/src/raftkeeper_operator/__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.+)"$', operator, re.MULTILINE)
    assert match
    assert {*crates, match[1]} == {crates[0]}


def test_no_big_or_binary_files() -> None:
    """Nothing committed is larger than 256 KiB or not text, fuzz corpora apart."""
    found = [
        name_of(path)
        for path in tracked()
        if "corpus" not in path.parts
        and (path.stat().st_size > FILE_BYTES_MAX or not is_text(path))
    ]
    assert found == []


def test_no_machines_own_paths() -> None:
    """No file names the place of this checkout or somebody's home folder."""
    # A checkout right below the root (/src) has a name that says nothing.
    checkout = rf"|{re.escape(str(ROOT))}/" if len(ROOT.parts) > 2 else ""
    pattern = re.compile(rf"(?<![\w./-])(?:/(?:home|Users)/\w{checkout})")
    found = [
        f"{name_of(path)}:{number}"
        for path in tracked()
        if is_text(path) and "corpus" not in path.parts
        for number, line in enumerate(lines_of(path), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_only_scripts_are_executable() -> None:
    """A file is executable if and only if it says by which program (`#!`)."""
    found = [
        name_of(path)
        for path in tracked()
        if bool(path.stat().st_mode & stat.S_IXUSR) != path.read_bytes().startswith(b"#!")
    ]
    assert found == []


def test_text_ends_cleanly() -> None:
    """Text has Unix line ends, no blanks at line ends, and one newline at its end."""
    found = []
    for path in tracked():
        if not is_text(path) or "corpus" in path.parts or not (data := path.read_bytes()):
            continue
        ends_well = data.endswith(b"\n") and not data.endswith(b"\n\n") and b"\r\n" not in data
        if not ends_well or (path.suffix != ".md" and re.search(rb"[ \t]+\n", data)):
            found.append(name_of(path))
    assert found == []
