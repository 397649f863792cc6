"""The documentation shows what is so: its commands run or at least parse, and their output is what it shows."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import cli
from parity_tests.examples import asked, sessions
from parity_tests.examples.sessions import with_files
from parity_tests.harness.process.available_levels import choose
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.nightly import one_in

ROOT = sessions.ROOT
AT_THE_TOP = [ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in (*sessions.pages(), *AT_THE_TOP)}
RUN = [name for name, text in PAGES.items() if any(block.commands and not block.dry for block in sessions.blocks(text))]
OTHERS = {
    *(".", "cp", "tail", "sed", "cut", "cat", "head", "wc", "mkdir", "echo", "python3", "dask", "docker", "sudo", "git")
}
"""Programs of others that the documentation calls."""

IN_A_SENTENCE = re.compile(r"`((?:\.venv/bin/)?(?:parity [a-z]|python -m |pytest )[^`]*)`")
"""A command in a sentence; `parity COMMAND` stands for all."""


A_FILE = re.compile(r"`([\w./*]+/[\w./*]*)`")
"""A file or folder in a sentence; `A/` is an assignment's folder."""


def calls(text: str) -> Iterator[list[str]]:
    """Every call of a program in a page's blocks of commands and in its sentences, as its words."""
    in_blocks = [command.text for block in sessions.blocks(text) for command in block.commands]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for command in [*in_blocks, *IN_A_SENTENCE.findall(prose)]:
        words = shlex.shlex(command, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        call: list[str] = []
        for word in [*words, ";"]:
            if set(word) <= set(";&|()"):
                yield from [call] if call else []
                call = []
            else:
                call.append(word)


def refused(call: list[str], config: pytest.Config) -> str:
    """Why a call cannot be meant, "" where it can."""
    program, *words = (call[0].removeprefix(".venv/bin/"), *call[1:])
    if program == "parity":
        return refused_by_parity(words)
    if program == "pytest":
        known = {name for action in config._parser.optparser._actions for name in action.option_strings}
        unknown = [word for word in words if re.match(r"-\S+$", word) and word.partition("=")[0] not in known]
        return f"pytest has no {unknown[0]}" if unknown else ""
    if program == "python" and words[0] == "-m":
        spec = find_spec(words[1])
        if spec is None or spec.origin is None:
            return f"there is no {words[1]}"
        place = Path(spec.origin)
        files = place.parent.glob("*.py") if spec.submodule_search_locations else [place]
        source = "".join(file.read_text(encoding="utf-8") for file in files)
        missing = [word for word in words if word.startswith("--") and f'"{word}"' not in source]
        return f"{words[1]} has no {missing[0]}" if missing else ""
    known_file = program in ("pip", "pre-commit", "sphinx-build") or (program == "python" and words[0].endswith(".py"))
    return "" if program in OTHERS or known_file else f"what is {program}?"


def refused_by_parity(words: list[str]) -> str:
    """What `parity` would say of these words, their files aside."""
    if not words:
        return ""
    command = cli.commands.get(words[0])
    if command is None:
        return f"parity has no command {words[0]}"
    try:
        context = click.Context(command)
        given, left, _ = command.make_parser(context).parse_args(words[1:])
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice | click.IntRange | click.FloatRange):
                value = given.get(str(parameter.name))
                for one in value if isinstance(value, list | tuple) else [value]:
                    if isinstance(one, str):
                        parameter.type(one, parameter, context)
    except click.UsageError as error:
        return str(error)
    return f"parity {words[0]} takes no {left[0]}" if left else ""


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_shown_could_be_given(page: str, pytestconfig: pytest.Config) -> None:
    assert [why for call in calls(PAGES[page]) if (why := refused(call, pytestconfig))] == []


@pytest.mark.parametrize(
    "command",
    [
        "parity chekc mine",
        "parity check mine --colour",
        "parity check mine yours",
        "parity check mine --dtype float16",
        "parity check mine --seed -1",
        "true && parity shwo",
        "pytest --implement=mine",
        "python -m parity_tests.nothing",
        "python -m parity_tests.examples.sessions --all",
        "rm -r mine",
        "words, and `parity chekc mine`",
    ],
)
def test_one_that_could_not_is_refused(command: str, pytestconfig: pytest.Config) -> None:
    page = f"```console\n$ {command}\n```\n" if "`" not in command else command
    assert any(refused(call, pytestconfig) for call in calls(page))


def test_no_command_stands_where_nothing_runs_it() -> None:
    """Blocks of other kinds hold no commands but the two of the README, which CI runs."""
    stray = [
        (page, line)
        for page, text in PAGES.items()
        for line in re.sub(r"^```console\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE).splitlines()
        if re.match(r"    .*\bvenv/bin|\$ |    parity ", line)
    ]
    assert [(page, line) for page, line in stray if page != "README.md"] == []
    assert len(stray) == 2


@pytest.mark.pages
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("page", one_in(3, RUN))
def test_what_a_page_shows_is_what_its_commands_print(page: str) -> None:
    if "examples/port" in PAGES[page] and shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    if "parity grade" in PAGES[page]:
        try:
            choose(None)
        except UsageError as error:
            pytest.skip(str(error))
    assert sessions.stale(PAGES[page]) == [], "run `python -m parity_tests.examples.sessions`"


@pytest.mark.parametrize("page", PAGES)
def test_the_code_that_a_page_shows_is_its_files_and_stands_in_the_page_itself(page: str) -> None:
    assert with_files(PAGES[page]) == PAGES[page], "run `python -m parity_tests.examples.sessions`"
    assert not re.search(r"{literalinclude}.*\.(py|cpp|toml)$", PAGES[page], flags=re.MULTILINE)


def test_code_that_is_not_its_files_is_told_and_mended(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n# here\n\ny = 2\n\n")
    page = '<!-- from a.py -->\n```python\nold\n```\n\n<!-- from a.py, after "here" -->\n```python\n```\nand\n'
    whole, rest = "x = 1\n# here\n\ny = 2\n", "y = 2\n"
    mended = with_files(page, tmp_path)
    assert mended.count("```python\n" + whole + "```") == 1
    assert mended.endswith(f"```python\n{rest}```\nand\n")
    assert with_files(mended, tmp_path) == mended
    assert "```python\n# here\n" in with_files(page.replace("after", "at"), tmp_path)
    with pytest.raises(ValueError, match="has no line with 'there'"):
        with_files(page.replace('"here"', '"there"'), tmp_path)
    current = "<!-- from pyproject.toml -->\n```toml\n```\n"
    assert sessions.stale(current)[0].startswith("the code of files\n+ [build-system]")
    assert sessions.stale(sessions.renewed(current)) == []


OF_A_MACHINE = re.compile(r"(?<![\w.~])/((work|tmp|root|private|Users)/|home/(?!you/))")


def test_no_page_shows_a_folder_of_the_machine_that_wrote_it() -> None:
    assert OF_A_MACHINE.search("compared with torch in /work/parity/implementation")
    assert not OF_A_MACHINE.search("saved in /home/you/parity/parity-run")
    assert {page: found for page, text in PAGES.items() if (found := OF_A_MACHINE.findall(text))} == {}


def test_what_is_not_current_is_told_and_mended() -> None:
    file = "```{code-block} text\n:caption: a.txt\nwords\n```\n"
    page = f"{file}\n```console\n$ cat a.txt\nwodrs\n$ echo 1; echo 2\n...\n2\n```\n"
    assert sessions.stale(page) == ["$ cat a.txt\n- wodrs\n+ words"]
    assert sessions.stale(sessions.renewed(page)) == []
    assert "\nwords\n$ echo" in sessions.renewed(page)


def test_figures_of_rounding_may_differ_and_nothing_else() -> None:
    shown = ["TODO 3    linear, forward   match  54/54  0.379  linear/memory", "the difference 1.4 is 5.4e+14 times"]
    other = ["TODO 3    linear, forward   match  54/54  0.4  linear/tall", "the difference 2 is", "9.1e+12 times"]
    assert sessions.current(shown, other)
    assert not sessions.current(shown, [line.replace("54/54", "53/54") for line in other])
    assert not sessions.current(shown, [line.replace("match", "mismatch") for line in other])
    assert sessions.current(["first", "...", "last"], ["first", "and", "the", "last"])
    assert not sessions.current(["first", "...", "last"], ["first", "and", "the", "end"])


def test_a_page_says_all_that_its_assignment_asks_and_why_it_does_not_ask_more() -> None:
    text = asked.page(ASSIGNMENT)
    for case in ASSIGNMENT.cases(ASSIGNMENT.editions.default, ("float64",)):
        assert f"| {case.title} " in text
    assert "No case looks at `read_command_line`" in text
    assert "relu's derivative at exactly 0 may be 1" in text
    assert "| 2022-23 | TODO 5, TODO 6, TODO 9 |" in text


@pytest.mark.parametrize("name", ["course", "port"])
def test_the_examples_are_as_short_as_their_pages_say(name: str) -> None:
    files = [
        path
        for path in (ROOT / "parity_tests" / "examples" / name).rglob("*.*")
        if path.suffix in (".py", ".cpp", ".toml") and "submissions" not in path.parts
    ]
    assert len(files) >= 2
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) < 130


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_the_files_that_a_guide_sends_to_are_there(page: str) -> None:
    bases = (ROOT, ROOT / "parity_tests", ROOT / "parity_tests" / "assignments")
    names = [name.rstrip("/") for name in A_FILE.findall(PAGES[page])]
    asked = [re.sub(r"^A/", "*/", name) for name in names]
    assert [name for name in asked if not any(any(base.glob(name)) for base in bases)] == []
    assert len(asked) > 10
