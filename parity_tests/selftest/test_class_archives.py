"""The archive of a whole class in which some members are not as they should be: these are refused, and no others."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from parity_tests.grading.intake import entries
from parity_tests.grading.intake.entries import RefusedArchive, archive_entries
from parity_tests.grading.intake.prepare import Prepared
from parity_tests.selftest.test_intake import CODE, MODULE, files, handed_in, member, taken_in

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


@pytest.mark.parametrize("what", ZIPS)
def test_a_students_own_zip_with_such_a_member_is_refused_whole(what: str) -> None:
    data, words = ZIPS[what]
    with pytest.raises(RefusedArchive, match=words):
        archive_entries("hw.zip", data)


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


@pytest.mark.parametrize("what", TARS)
def test_a_students_own_tar_with_such_a_member_is_refused_whole(what: str) -> None:
    data, words = TARS[what]
    with pytest.raises(RefusedArchive, match=words):
        archive_entries("hw.tar", data)


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
