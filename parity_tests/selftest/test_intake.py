"""What course sites give: each layout, each way to hand in, and archives that must not be opened."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import random
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import main
from parity_tests.grading.intake import FORMATS, course_sites, entries
from parity_tests.grading.intake import prepare as prepare_
from parity_tests.grading.intake.attempt import Attempt, HandIn, safe_name, under_names_of_their_own
from parity_tests.grading.intake.course_sites import READERS
from parity_tests.grading.intake.entries import Entry, RefusedArchive, archive_entries
from parity_tests.grading.intake.notebook import NotANotebook, modules_of
from parity_tests.grading.intake.prepare import Prepared, prepare
from parity_tests.grading.intake.take_in import Intake, files_in, take_in
from parity_tests.harness.inside.import_guard import MAX_SOURCE
from parity_tests.protocol.errors import UsageError

MODULE = ASSIGNMENT.layout.file
CODE = "import numpy as np\n\n\nclass linear_layer:\n    pass\n\n\nclass relu:\n    pass\n"
UTILS = "def softmax():\n    return 1\n"


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def lay(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def taken_in(source: Path, format: str | None = None) -> Intake:
    return take_in(files_in(source), source, ASSIGNMENT.layout, format)


def handed_in(intake: Intake) -> dict[str, Prepared]:
    return {attempt.name: prepare(attempt.entries, ASSIGNMENT) for attempt in intake.attempts}


def files(prepared: Prepared) -> dict[str, str]:
    return {name: data.decode() for name, data in prepared.files}


def one(files: Mapping[str, str | bytes], tmp_path: Path) -> Prepared:
    (prepared,) = handed_in(taken_in(lay(tmp_path / "class", {f"ann/{k}": v for k, v in files.items()}))).values()
    return prepared


# ---- layouts


@pytest.mark.parametrize("wrapped", ["folder", "zip", "zip with a folder around everything"])
def test_folders_zips_and_single_files_are_told_as_one_submission_each(tmp_path: Path, wrapped: str) -> None:
    content: dict[str, str | bytes] = {
        f"ann/{MODULE}": CODE,
        "ann/utils.py": UTILS,
        "bob.zip": zipped({f"hw1/{MODULE}": CODE, "hw1/utils.py": UTILS}),
        "cem.py": CODE,
        "__MACOSX/._cem.py": "junk",
        "ann/.ipynb_checkpoints/x.py": "junk",
    }
    if wrapped == "folder":
        source = lay(tmp_path / "class", content)
    else:
        prefix = "" if wrapped == "zip" else "all of them/"
        source = tmp_path / "class.zip"
        source.write_bytes(zipped({prefix + name: data for name, data in content.items()}))
    intake = taken_in(source)
    assert intake.format == "plain"
    found = handed_in(intake)
    assert list(found) == ["ann", "bob", "cem"]
    assert files(found["ann"]) == files(found["bob"]) == {MODULE: CODE, "utils.py": UTILS}
    assert files(found["cem"]) == {MODULE: CODE}
    assert found["ann"].notes == ()
    assert "cem.py was taken for" in found["cem"].notes[0]


def test_a_gradescope_export_gives_names_times_and_the_latest_attempt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = """
submission_11:
  :submitters:
  - :name: Ann Ö
    :sid: '007'
    :email: ann@school
  :created_at: 2026-11-01 10:00:00.000000000 Z
submission_12:
  :submitters:
  - :name: Ann Ö
    :sid: '007'
    :email: ann@school
  :created_at: !ruby/object:Time 2026-11-02 10:00:00.000000000 Z
  :lateness: '0:10:00'
submission_13:
  :submitters:
  - :name: Bob
    :email: bob@school
  - :name: Cem
    :email: cem@school
  :created_at: 2026-11-02
"""
    source = lay(
        tmp_path / "export",
        {
            "assignment_1_export/submission_metadata.yml": metadata,
            **{f"assignment_1_export/submission_{n}/{MODULE}": f"{CODE}# {n}\n" for n in (11, 12, 13)},
        },
    )
    intake = taken_in(source)
    assert intake.format == "gradescope"
    ann, bob = (attempt.hand_in for attempt in intake.attempts)
    assert (ann.name, ann.student, ann.id, ann.late) == ("Ann Ö", "Ann Ö", "007", "10 min")
    assert ann.when == "2026-11-02 10:00:00 Z"
    assert bob.name == "Bob, Cem"
    assert bob.email == "bob@school, cem@school"
    assert [attempt.hand_in.source for attempt in intake.replaced] == ["submission_11"]
    assert main(["grade", str(source), "--dry-run", "--isolation", "none"]) == 0
    assert "Earlier attempts, which do not count: Ann Ö." in capsys.readouterr().out
    assert files(prepare(intake.attempts[0].entries, ASSIGNMENT))[MODULE].endswith("# 12\n")


def test_a_file_about_the_submissions_that_grows_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course_sites, "MAX_VALUES", 50)
    nested = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcde", "bcdef", strict=True))
    for text, refused in ((nested, True), ("submission_11:\n  :submitters: &a []\n  :again: *a\n", False)):
        folder = lay(tmp_path / str(refused), {f"submission_11/{MODULE}": CODE, "submission_metadata.yml": text})
        if refused:
            with pytest.raises(UsageError, match=r"metadata\.yml cannot be read: it holds more than 50 values"):
                taken_in(folder)
        else:
            assert len(taken_in(folder).attempts) == 1


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "words\n", "{{{: [\n", "!!python/object/apply:os.abort []\n", "\0"])
def test_a_file_about_the_submissions_that_is_none_is_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"metadata\.yml cannot be read: \w"):
        taken_in(lay(tmp_path / "class", {f"submission_11/{MODULE}": CODE, "submission_metadata.yml": text}))


def test_a_canvas_download_gives_late_marks_and_original_file_names(tmp_path: Path) -> None:
    source = lay(
        tmp_path / "class",
        {
            "annlee_LATE_101_2001_neural_networks.py": CODE,
            "annlee_LATE_101_2002_utils-1.py": UTILS,
            "bobray_102_2003_neural_networks.py": CODE + "# old\n",
            "bobray_102_2009_neural_networks-1.py": CODE + "# new\n",
            "cemkaya_103_2004_hw1.zip": zipped({MODULE: CODE}),
        },
    )
    intake = taken_in(source)
    assert intake.format == "canvas"
    found = handed_in(intake)
    assert files(found["annlee"]) == {MODULE: CODE, "utils.py": UTILS}
    assert files(found["bobray"])[MODULE].endswith("# new\n")
    assert files(found["cemkaya"]) == {MODULE: CODE}
    assert [(a.hand_in.id, a.hand_in.late) for a in intake.attempts] == [("101", "late"), ("102", ""), ("103", "")]


@pytest.mark.parametrize("flat", [False, True])
def test_a_moodle_download_is_told_by_its_names(tmp_path: Path, flat: bool) -> None:
    between = "" if flat else "/"
    source = lay(
        tmp_path / "class",
        {
            f"Ann Lee_501_assignsubmission_file_{between}{MODULE}": CODE,
            f"Ann Lee_501_assignsubmission_file_{between}utils.py": UTILS,
            f"Bob Ray_502_assignsubmission_file_{between}work.zip": zipped({MODULE: CODE}),
            "Bob Ray_502_assignsubmission_onlinetext/onlinetext.html": "<p>",
        },
    )
    intake = taken_in(source)
    assert intake.format == "moodle"
    found = handed_in(intake)
    assert files(found["Ann Lee"]) == {MODULE: CODE, "utils.py": UTILS}
    assert files(found["Bob Ray"]) == {MODULE: CODE}


def test_who_handed_in_no_file_has_a_row_nevertheless(tmp_path: Path) -> None:
    text, folder = "Gil Moss_504_assignsubmission_onlinetext_/onlinetext.html", "Ann Lee_501_assignsubmission_file_"
    found = handed_in(taken_in(lay(tmp_path / "moodle", {f"{folder}/{MODULE}": CODE, text: "<p>"})))
    assert found["Gil Moss"].missing == "there is no Python file in what was handed in, only onlinetext.html"
    export = lay(tmp_path / "gradescope", {f"export_7/submission_{n}/{MODULE}": CODE for n in (1, 2)})
    (export / "export_7" / "submission_3").mkdir()
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", export)
    for source in (export, Path(packed)):
        assert handed_in(taken_in(source))["submission_3"].missing == "nothing was handed in: the folder is empty"


def test_a_text_beside_folders_is_nobodys(tmp_path: Path) -> None:
    intake = taken_in(lay(tmp_path / "class", {f"ann/{MODULE}": CODE, "stray.txt": "x"}))
    assert [attempt.name for attempt in intake.attempts] == ["ann"]
    assert intake.left_aside == "1 file is no submission: stray.txt."
    assert "cem" in handed_in(taken_in(lay(tmp_path / "flat", {"bob.py": CODE, "cem.txt": "x"})))


def test_the_layout_can_be_forced(tmp_path: Path) -> None:
    source = lay(tmp_path / "class", {"submission_1/x.py": CODE, "submission_2/x.py": CODE})
    assert taken_in(source).format == "gradescope"
    assert [attempt.name for attempt in taken_in(source, "plain").attempts] == ["submission_1", "submission_2"]
    with pytest.raises(UsageError, match="nothing in the format moodle"):
        taken_in(source, "moodle")


def test_every_format_that_can_be_named_can_be_read() -> None:
    assert set(FORMATS) == set(READERS)


def test_two_students_of_one_name_stay_two(tmp_path: Path) -> None:
    names = [f"Ann Lee_{n}_assignsubmission_file_/{MODULE}" for n in (1, 2)]
    intake = taken_in(lay(tmp_path / "class", dict.fromkeys(names, CODE)))
    assert [attempt.name for attempt in intake.attempts] == ["Ann Lee-1", "Ann Lee-2"]


def test_names_that_look_the_same_stay_two(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD")] + ["zoë"]
    intake = taken_in(lay(tmp_path / "class", {f"{name}/{MODULE}": CODE for name in names}))
    spellings = {unicodedata.normalize("NFC", attempt.name).casefold() for attempt in intake.attempts}
    assert spellings == {"zoë", "zoë-2", "zoë-3"}


def test_a_name_in_the_classs_zip_may_be_longer_than_a_file_systems(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(zipped({f"{'😀' * 80}/{MODULE}": CODE, f"bob/{'x' * 300}.py": CODE, f"bob/{MODULE}": CODE}))
    intake = taken_in(path)
    assert [attempt.name for attempt in intake.attempts] == ["bob", "😀" * 60]
    assert not intake.ignored


def test_one_submission_alone_is_a_class_of_one(tmp_path: Path) -> None:
    intake = taken_in(lay(tmp_path / "ann", {MODULE: CODE, "utils.py": UTILS}))
    assert [attempt.name for attempt in intake.attempts] == ["ann"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc", "_.._etc"),
        ("a\nb", "a_b"),
        ("=cmd()", "=cmd()"),
        ("", "unnamed"),
        ("ab\u202ecd", "ab_cd"),
        ("NUL", "NUL_"),
        ("𝔸" * 90, "𝔸" * 60),
    ],
)
def test_names_are_made_safe_for_a_folder(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_what_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no"):
        taken_in(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="nothing to grade"):
        taken_in(tmp_path / "empty")


# ---- one submission


def test_files_two_folders_deep_are_found(tmp_path: Path) -> None:
    prepared = one({f"a/b/{MODULE}": CODE.replace("\n", "\r\n"), "a/utils.py": UTILS}, tmp_path)
    assert files(prepared) == {MODULE: CODE, "utils.py": UTILS}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_source_is_judged_in_the_encoding_in_which_python_reads_it(tmp_path: Path, encoding: str) -> None:
    source = f"{CODE}# naïve\n".encode(encoding)
    (data,) = [data for name, data in one({MODULE: source}, tmp_path).files if name == MODULE]
    assert data == source


def test_a_declared_encoding_is_left_alone(tmp_path: Path) -> None:
    source = ("# -*- coding: latin-1 -*-\n" + CODE + "# naïve\n").encode("latin-1")
    prepared = one({MODULE: source}, tmp_path)
    assert prepared.files == ((MODULE, source),)
    assert prepared.notes == ()


def test_a_notebook_is_a_submission_without_its_magics_or_its_training(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "# title"},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import numpy as np\n", "!pip install x"]},
        {"cell_type": "code", "source": "%%writefile utils.py\n" + UTILS},
        {"cell_type": "code", "source": "%%time\n" + CODE.replace("import numpy as np\n", "")},
        {"cell_type": "code", "source": "def main(p):\n    return p\nlosses = main({'a': 1})"},
        {"cell_type": "code", "source": "%%bash\nls"},
    ]
    prepared = one({"hw.ipynb": json.dumps({"cells": cells, "nbformat": 4})}, tmp_path)
    found = files(prepared)
    assert found["utils.py"] == UTILS + "\n"
    names: dict[str, object] = {"__name__": "neural_networks"}
    exec(found[MODULE], names)
    assert "main" in names
    assert "losses" not in names
    assert "notebook" in prepared.notes[0]


def test_what_only_ipython_understands_is_none_in_a_module() -> None:
    cells = ["files = !ls\nif files:\n    %time print(1)\nsum?", "%%timeit -n 3\ny = 1\n%matplotlib inline"]
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": cell, "outputs": []} for cell in cells]}]}
    new = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4}
    for notebook in (new, {**old, "nbformat": 3, "metadata": {}}):
        code = modules_of(json.dumps(notebook).encode(), "a.py")["a.py"]
        assert (
            code == "files = None\nif files:\n    None\nNone\n\n\n\ny = 1\nNone\n\n"
        )  # each line as far down as in its cell


def test_a_notebook_that_would_keep_ipython_busy_is_refused() -> None:
    cells = [{"cell_type": "code", "source": "!\u2028" * 1000}]
    with pytest.raises(NotANotebook, match="more of IPython's commands"):
        modules_of(json.dumps({"cells": cells, "nbformat": 4}).encode(), "a.py")


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"cells": 3}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_notebook_is_said(data: bytes) -> None:
    with pytest.raises(NotANotebook):
        modules_of(data, MODULE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"report.pdf": b"%PDF"}, "no Python file"),
        ({"hello.py": "print()"}, f"no {MODULE}"),
        ({"dnn_misc.py": CODE.replace("class", "klass")}, "2017-18 edition"),
        ({"dnn_misc.py": CODE}, "2017-18 edition"),
        ({"work.7z": b"7z"}, "archive of a kind that is not opened"),
        ({MODULE: "# to do\n\n"}, f"no line of code in {MODULE}"),
        ({f"{MODULE}.txt": CODE, "utils.py": UTILS}, f"; {MODULE}.txt is there, which is no Python file"),
        ({MODULE.replace(".py", ".pdf"): b"%PDF", "utils.py": UTILS}, ".pdf is there, which is no Python file"),
    ],
)
def test_what_cannot_be_run_gets_a_sentence(tmp_path: Path, content: dict[str, str | bytes], words: str) -> None:
    prepared = one(content, tmp_path)
    assert prepared.files == ()
    assert words in prepared.missing


def test_which_of_two_copies_was_taken_is_said(tmp_path: Path) -> None:
    copies = [MODULE.replace(".py", f" ({n}).py") for n in (1, 2)]
    note = f"{copies[0]} was taken for {MODULE}, as which it should be handed in; {copies[1]} was not"
    assert one({**dict.fromkeys(copies, CODE), "utils.py": UTILS}, tmp_path).notes == (note,)


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ({}, "hw1.zip is empty"),
        ({"__MACOSX/._a.py": b"\0"}, "hw1.zip is empty"),
        ({"notes.txt": "-"}, "there is no Python file in what was handed in, only notes.txt"),
        ({"a.zip": zipped({})}, "hw1.zip is empty"),
        (
            {"a.zip": zipped({"b.zip": zipped({MODULE: CODE})})},
            "there is no Python file in what was handed in, only b.zip",
        ),
    ],
)
def test_an_empty_archive_is_not_told_from_outside(tmp_path: Path, inside: dict[str, str | bytes], why: str) -> None:
    source = lay(tmp_path / "class", {f"ann/{MODULE}": CODE, "bob/hw1.zip": zipped(inside)})
    assert handed_in(taken_in(source))["bob"].missing == why


def test_a_link_or_a_folder_that_cannot_be_read_is_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lay(tmp_path / "class", {f"ann/{MODULE}": CODE, f"bob/{MODULE}": CODE, f"cem/deep/{MODULE}": CODE})
    target = lay(tmp_path / "elsewhere", {MODULE: CODE})
    (source / "dan").symlink_to(target)
    (source / "eve").mkdir()
    (source / "eve" / MODULE).symlink_to(target / MODULE)
    scandir = os.scandir

    def closed(path: Path) -> Any:
        if Path(path).name in ("bob", "deep"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    found = handed_in(taken_in(source))
    assert files(found["ann"]) == {MODULE: CODE}
    wanted = {
        "bob": "the folder bob cannot be read: Permission denied",
        "cem": "the folder cem/deep cannot be read: Permission denied",
        "dan": "dan is a link, and links are not followed",
        "eve": f"eve/{MODULE} is a link, and links are not followed",
    }
    assert {name: prepared.missing for name, prepared in found.items() if name != "ann"} == wanted
    assert all(found[name].refused == why for name, why in wanted.items())


def test_a_source_over_the_limit_is_not_cut(tmp_path: Path) -> None:
    large = CODE + "# x\n" * (MAX_SOURCE // 4)
    prepared = one({MODULE: large, "utils.py": UTILS}, tmp_path)
    assert prepared.files == ()
    assert prepared.missing == f"{MODULE} has 1.0 MiB, and no more than 1 MiB is read"
    exact = CODE + "#" * (MAX_SOURCE - len(CODE))
    assert files(one({MODULE: exact}, tmp_path / "exact"))[MODULE] == exact


def test_a_support_file_over_the_limit_is_not_cut(tmp_path: Path) -> None:
    prepared = one({MODULE: CODE, "b/utils.py": UTILS + "#" * MAX_SOURCE}, tmp_path)
    assert list(files(prepared)) == [MODULE]
    assert "utils.py has 1.0 MiB, and no more than 1 MiB is read" in prepared.refused


def test_a_notebook_that_cannot_be_read_is_the_reason_where_nothing_else_was_handed_in(tmp_path: Path) -> None:
    assert one({"hw.ipynb": '{"cells": ['}, tmp_path / "a").missing.startswith("hw.ipynb is no notebook that can be")
    beside = one({"hw.ipynb": '{"cells": [', MODULE: CODE}, tmp_path / "b")
    assert (beside.missing, beside.refused) == ("", "")


def test_a_misnamed_source_or_a_notebook_over_the_limit_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = CODE + "#" * MAX_SOURCE
    assert "mine.py has 1.0 MiB, and no more than 1 MiB is read" in one({"mine.py": large}, tmp_path / "a").missing
    monkeypatch.setattr(prepare_, "MAX_NOTEBOOK", 1 << 20)
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": large}], "nbformat": 4})
    assert one({"hw.ipynb": notebook}, tmp_path / "b").missing == "hw.ipynb has 1.0 MiB, and no more than 1 MiB is read"
    monkeypatch.setattr(prepare_, "MAX_NOTEBOOK", 8 << 20)
    assert (
        "the code of hw.ipynb has more than the 1 MiB that are read"
        in one({"hw.ipynb": notebook}, tmp_path / "c").missing
    )


@pytest.mark.parametrize(
    "name", ["👩‍🔬" * 80, "ж" * 200, b"caf\xe9 \xff".decode("utf-8", "surrogateescape"), "نتيجة ann", "a" * 250]
)
def test_any_name_is_one_that_a_folder_and_every_table_can_have(tmp_path: Path, name: str) -> None:
    attempt = Attempt(HandIn(name, source=name, student=name), [])
    (named,) = under_names_of_their_own([attempt.encodable()])
    (tmp_path / f"{named.name}-12").mkdir()
    for text in (named.name, named.hand_in.source, named.hand_in.student):
        assert text.encode()


# ---- archives


def tarred(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return gzip.compress(buffer.getvalue(), mtime=0)  # the same bytes in every process: they are in a test's name


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def linked() -> bytes:
    info = zipfile.ZipInfo("neural_networks.py")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.zip", zipped({"../up.py": "x"}), "leads out of it"),
        ("a.zip", zipped({"/etc/x": "x"}), "leads out of it"),
        ("a.zip", zipped({"..\\up.py": "x"}), "leads out of it"),
        ("a.zip", zipped({"C:/x.py": "x"}), "leads out of it"),
        ("a.zip", linked(), "a link"),
        ("a.zip", zipped({"bomb": b"\0" * (4 << 20)}), "bomb"),
        ("a.zip", b"PK\x03\x04 damaged", "no zip file"),
        ("a.tgz", b"\x1f\x8b damaged", "cannot be unpacked"),
        ("a.tar", b"damaged", "no tar file"),
    ],
)
def test_an_archive_that_could_do_harm_is_refused(name: str, data: bytes, words: str) -> None:
    """Members of a tar are below."""
    with pytest.raises(RefusedArchive, match=words):
        archive_entries(name, data)


def test_caps_on_count_and_size_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    many = zipped({f"{n}.py": "x" for n in range(9)})
    monkeypatch.setattr(entries, "MAX_ENTRIES", 8)
    with pytest.raises(RefusedArchive, match="more than 8 files"):
        archive_entries("a.zip", many)
    monkeypatch.setattr(entries, "MAX_ARCHIVE", 1 << 20)
    with pytest.raises(RefusedArchive, match="more than 1 MiB"):
        archive_entries("a.tar.gz", tarred(member("big", size=2 << 20)))


def test_a_refused_archive_is_the_submissions_sentence_and_others_are_unharmed(tmp_path: Path) -> None:
    source = lay(tmp_path / "class", {"ann.zip": zipped({"../up.py": CODE}), f"bob/{MODULE}": CODE})
    found = handed_in(taken_in(source))
    assert "leads out of it" in found["ann"].missing
    assert found["ann"].refused
    assert files(found["bob"]) == {MODULE: CODE}
    assert not (tmp_path / "up.py").exists()


def refusable(path: Path) -> Path:
    """A class's zip with good students, and members that no archive should hold."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("ann", "bob", "cem", "dan", "eve"):
            archive.writestr(f"{name}/{MODULE}", CODE)
        archive.writestr("ann/data.bin", b"\0" * (2 << 20))
        archive.writestr("bob/../../../etc/cron", "x")
        link = zipfile.ZipInfo("cem/link.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("dan", "a file")
        archive.writestr(f"dan/{MODULE}/inner.py", CODE)
        archive.writestr("eve/" + "ж" * 200 + ".py", CODE)
        archive.writestr("../up.py", CODE)
        archive.writestr("/abs.py", CODE)
    return path


def test_a_member_that_could_do_harm_is_refused_and_not_the_class(tmp_path: Path) -> None:
    intake = taken_in(refusable(tmp_path / "class.zip"))
    found = handed_in(intake)
    assert set(found) == {"ann", "bob", "cem", "dan", "eve"}
    assert all(files(prepared) == {MODULE: CODE} for prepared in found.values())
    assert "a bomb" in found["ann"].refused
    assert "leads out of it" in found["bob"].refused
    assert "a link" in found["cem"].refused
    assert "its folder is a file as well" in found["dan"].refused
    assert "too long" in found["eve"].refused
    assert len(intake.ignored) == 3, "the file dan, and the two members that are nobody's"
    for prepared in found.values():
        for name, _ in prepared.files:
            assert len(name.encode()) < 256


def test_archives_in_archives_have_one_limit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_ARCHIVE", 1 << 20)
    monkeypatch.setattr(prepare_, "MAX_ARCHIVE", 1 << 20)
    noise = random.Random(0).randbytes(300_000)
    inner = {f"{n}.zip": zipped({f"{n}.py": CODE, "noise.bin": noise}) for n in range(6)}
    read: list[int] = []
    spied = archive_entries

    def counting(name: str, data: bytes) -> list[Entry]:
        read.append(len(data))
        return spied(name, data)

    monkeypatch.setattr(prepare_, "archive_entries", counting)
    class_ = lay(tmp_path / "class", {f"bob/{MODULE}": CODE, **{f"ann/{name}": data for name, data in inner.items()}})
    prepared = handed_in(taken_in(class_))["ann"]
    assert sum(read) <= 1 << 20
    assert "more than 1 MiB, alone or with the archives before it" in prepared.refused
    assert prepared.files, "those that fit are looked at"


def test_a_tar_that_is_fine_is_opened() -> None:
    (entry,) = archive_entries("a.tar.gz", tarred(member("hw/neural_networks.py", size=5)))
    assert (entry.path, entry.read(100)) == ("hw/neural_networks.py", b"xxxxx")


def test_the_folder_that_holds_all_is_none_of_a_file_alone_of_two_or_of_nothing() -> None:
    def common(*paths: str) -> str:
        return entries.common_folder([Entry(path, 1, lambda limit: b"x") for path in paths])

    assert common("homework/a.py", "homework/b/c.py") == "homework"
    assert [common("a.py"), common("x/a.py", "y/a.py"), common()] == ["", "", ""]


# ---- the archive of a whole class, of which some members are not as they should be


BLOCK = tarfile.BLOCKSIZE
GOOD = ("ann", "bob")


def zip_of_class(odd: bytes) -> bytes:
    """A class's zip of ann, bob, and cem, whose second file has a name of so many letters Q."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"ann/{MODULE}", CODE)
        archive.writestr(f"cem/{MODULE}", CODE)
        archive.writestr("cem/é" + "Q" * (len(odd) - 2), CODE)
        archive.writestr(f"bob/{MODULE}", CODE)
    return buffer.getvalue().replace("é".encode() + b"Q" * (len(odd) - 2), odd)


def with_header(data: bytes, at: int, value: int) -> bytes:
    """The zip, with another number of two bytes in the header of its third member."""
    mended, place = bytearray(data), -1
    for _ in range(3):
        place = data.index(b"PK\x01\x02", place + 1)
    struct.pack_into("<H", mended, place + at, value)
    return bytes(mended)


def with_extra(field: bytes) -> bytes:
    """A class's zip of which the third member has this extra field."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("ann", "bob", "cem"):
            info = zipfile.ZipInfo(f"{name}/{MODULE}")
            info.extra = b"\x99\x99\x04\x00four" if name == "cem" else b""
            archive.writestr(info, CODE)
    data = buffer.getvalue()
    last = data.rindex(b"\x99\x99\x04\x00four")
    return data[:last] + field + data[last + len(field) :]


ZIPS = {
    "a name that is not UTF-8": (zip_of_class(b"\xff\xfe.py"), "said to be UTF-8 and is not"),
    "half a letter at its end": (zip_of_class("x.pyé".encode()[:-1] + b""), "said to be UTF-8 and is not"),
    "half of a pair": (zip_of_class(b"\xed\xa0\x80.py"), "said to be UTF-8 and is not"),
    "a version of the future": (with_header(zip_of_class("é.py".encode()), 6, 99), "version 9.9"),
    "an extra field without its end": (with_extra(b"\x99\x99\xff\xff"), "damaged header"),
    "an extra field too short for zip64": (with_extra(b"\x01\x00\xff\x00"), "damaged header"),
}


@pytest.mark.parametrize("what", ZIPS)
def test_a_member_of_the_classs_zip_whose_header_is_odd_is_refused_alone(tmp_path: Path, what: str) -> None:
    data, words = ZIPS[what]
    (tmp_path / "class.zip").write_bytes(data)
    found = handed_in(taken_in(tmp_path / "class.zip"))
    assert set(found) == {*GOOD, "cem"}
    assert all(files(found[name]) == {MODULE: CODE} for name in GOOD)
    assert words in found["cem"].refused
    assert not any(found[name].refused for name in GOOD)


def test_a_member_without_a_name_is_refused_and_the_folder_that_was_packed_is_none(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("./", "")
        archive.writestr("Znameless", CODE)
        for name in GOOD:
            archive.writestr(f"./{name}/{MODULE}", CODE)
    data = (tmp_path / "class.zip").read_bytes().replace(b"Znameless", b"\0nameless")
    (tmp_path / "class.zip").write_bytes(data)
    intake = taken_in(tmp_path / "class.zip")
    assert set(handed_in(intake)) == set(GOOD)
    assert len(intake.ignored) == 1


def test_a_zip_whose_members_are_fine_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "class.zip").write_bytes(zip_of_class("é.py".encode()))
    found = handed_in(taken_in(tmp_path / "class.zip"))
    assert files(found["cem"]) == {MODULE: CODE, "é.py": CODE}


# ---- tars


def tar_of_class(*odd: tarfile.TarInfo, spoil: Callable[[bytes], bytes] = lambda block: block) -> bytes:
    """A class's tar of ann, bob and cem, with members between that have other content, and a header that is spoiled."""
    ann, cem, bob = (member(f"{name}/{MODULE}", size=len(CODE)) for name in ("ann", "cem", "bob"))
    pieces = []
    for info in (ann, cem, *odd, bob):
        head = info.tobuf(tarfile.GNU_FORMAT)
        body = b"" if not info.isreg() else b"x" * info.size if info in odd else CODE.encode()
        pieces.append((spoil(head) if info in odd else head) + body + bytes(-len(body) % BLOCK))
    return b"".join(pieces) + bytes(2 * BLOCK)


def spoiled_checksum(head: bytes) -> bytes:
    return head[:148] + b"0000000\0" + head[156:]


def spoiled_size(head: bytes) -> bytes:
    spoiled = head[:124] + b"zzzzzzzzzzz\0" + head[136:148] + b" " * 8 + head[156:]
    return spoiled[:148] + f"{sum(spoiled):06o}\0 ".encode() + spoiled[156:]


TARS = {
    "a path upward": (tar_of_class(member("cem/../../up.py", size=3)), "leads out of it"),
    "an absolute path": (tar_of_class(member("/cem/x.py", size=3)), "leads out of it"),
    "a drive": (tar_of_class(member("C:\\cem\\x.py", size=3)), "leads out of it"),
    "a link": (tar_of_class(member("cem/x.py", type=tarfile.SYMTYPE, linkname="/etc/passwd")), "a link"),
    "a hard link": (tar_of_class(member("cem/x.py", type=tarfile.LNKTYPE, linkname="ann/x")), "a link"),
    "a device": (tar_of_class(member("cem/x", type=tarfile.CHRTYPE)), "no submission needs"),
    "a pipe": (tar_of_class(member("cem/x", type=tarfile.FIFOTYPE)), "no submission needs"),
    "a name that is too long": (tar_of_class(member(f"cem/{'x' * 300}", size=3)), "too long"),
    "a wrong checksum": (tar_of_class(member("cem/x.py", size=700), spoil=spoiled_checksum), "damaged at byte"),
    "a size that is no number": (tar_of_class(member("cem/x.py", size=3), spoil=spoiled_size), "damaged at byte"),
    "noise in place of a header": (tar_of_class(member("cem/x.py"), spoil=lambda _: b"\x01\xff" * 256), "damaged"),
    "a header of pax that is none": (
        tar_of_class(member("cem/x.py", size=12, type=tarfile.XHDTYPE)), "damaged at byte",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TARS)
def test_a_member_of_the_classs_tar_that_could_do_harm_is_refused_alone(tmp_path: Path, what: str) -> None:
    data, words = TARS[what]
    (tmp_path / "class.tar").write_bytes(data)
    intake = taken_in(tmp_path / "class.tar")
    found = handed_in(intake)
    assert all(files(found[name]) == {MODULE: CODE} for name in (*GOOD, "cem"))
    assert set(found) <= {*GOOD, "cem", "C:"}
    assert words in found["cem"].refused or intake.ignored
    assert not any(found[name].refused for name in GOOD)


@pytest.mark.parametrize("what", [*ZIPS, *TARS])
def test_a_students_own_archive_with_such_a_member_is_refused_whole(what: str) -> None:
    data, words = {**ZIPS, **TARS}[what]
    with pytest.raises(RefusedArchive, match=words):
        archive_entries("hw.zip" if what in ZIPS else "hw.tar", data)


def test_a_tar_that_is_cut_off_is_refused_whole_for_nobody_may_be_lost(tmp_path: Path) -> None:
    whole = tar_of_class()
    (tmp_path / "class.tar").write_bytes(whole[: -2 * BLOCK - BLOCK])
    with pytest.raises(Exception, match="ends before its last member does"):
        taken_in(tmp_path / "class.tar")


def test_a_file_with_holes_claims_no_memory() -> None:
    holes = member("cem/x.py", size=BLOCK, type=tarfile.GNUTYPE_SPARSE)
    head = bytearray(holes.tobuf(tarfile.GNU_FORMAT))
    head[386:410] = b"00000000000\0" + b"00000001000\0"
    head[483:495] = b"77777777777\0"  # eight gibibytes
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    with pytest.raises(RefusedArchive, match="a file with holes"):
        archive_entries("hw.tar", bytes(head) + bytes(3 * BLOCK))


def test_who_has_only_an_empty_folder_in_the_tar_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "class.tar").write_bytes(tar_of_class(member("dan", type=tarfile.DIRTYPE)))
    found: dict[str, Prepared] = handed_in(taken_in(tmp_path / "class.tar"))
    assert "dan" in found
    assert found["dan"].missing


def test_a_class_in_a_tar_may_hold_more_files_than_a_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_ENTRIES", 2)
    (tmp_path / "class.tar").write_bytes(tar_of_class())
    assert set(handed_in(taken_in(tmp_path / "class.tar"))) == {*GOOD, "cem"}
