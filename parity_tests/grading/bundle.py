"""Makes the zip file that Gradescope takes as an autograder: Parity itself, a rubric, and the two scripts it runs."""

from __future__ import annotations

import io
import re
import shlex
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import msgspec

from parity_tests.grading.folder import json_text
from parity_tests.grading.settings import Settings
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import HarnessError
from parity_tests.protocol.registry import find, reference

PACKAGES = ("reference", "parity_tests", "reports")
_LEFT_OUT = {"selftest", "bench", "__pycache__", "examples"}
_UNUSED = {"torchvision"}
"""Required for what an autograder never does."""
_EXTRA = "class"
"""What grading needs beyond a check."""

SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, when it builds the autograder's image; grading itself needs no network.
set -euo pipefail
apt-get update
apt-get install -y python3 python3-venv bubblewrap
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo 'Parity needs Python 3.11 or later: choose a newer base image.' >&2
    exit 1
fi
python3 -m venv /autograder/source/venv
/autograder/source/venv/bin/pip install --no-cache-dir {index}-r /autograder/source/requirements.txt
"""
RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each submission. Another root than /autograder may be given, for a trial.
set -eu
root="${1:-/autograder}"
python="$root/source/venv/bin/python"
[ -x "$python" ] || python=python3
export PYTHONPATH="$root/source/parity" PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
cd "$root"
# All of Parity, with its right answers and its results, is closed to the users that submissions run as. What one of
# their processes needs of it, the sandbox gives to that process.
chmod -R go-rwx results source/parity source/settings.json source/rubric.toml
exec "$python" -m parity_tests.grading.autograder "$root"
"""


def bundle(settings: Settings, rubric: str, index_url: str | None) -> bytes:
    """The zip file's bytes, the same for the same Parity and settings. The seed is no part of it.

    `index_url` is where setup.sh gets its packages from, for instance an index of torch without CUDA.
    """
    # Nothing is installed there that could say where an assignment of this name is.
    module = reference(settings.assignment)
    assignment = find(module)
    files = dict(_files(assignment, module))
    kept = msgspec.structs.replace(settings, assignment=module, seed=0)
    index = f"--index-url {shlex.quote(index_url)} " if index_url else ""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", SETUP.format(index=index).encode(), executable=True)
        _add(archive, "run_autograder", RUN.encode(), executable=True)
        _add(archive, "settings.json", json_text(kept).encode())
        _add(archive, "rubric.toml", rubric.encode())
        requirements = requirements_of(requires("parity") or ())
        _add(archive, "requirements.txt", "".join(f"{line}\n" for line in requirements).encode())
        for name, file in files.items():
            _add(archive, f"parity/{name}", file.read_bytes())
    return buffer.getvalue()


def requirements_of(declared: Iterable[str]) -> list[str]:
    """The requirements of an autograder, sorted, among those that a package declares for itself and its extras."""
    lines = []
    for line in declared:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra\s*==\s*[\"']([^\"']+)", marker)
        if extra is None:
            lines.append(line)
        elif extra[1] == _EXTRA:
            lines.append(requirement.strip())
    return sorted(line for line in lines if re.split(r"[^\w-]", line, maxsplit=1)[0] not in _UNUSED)


def _files(assignment: Assignment, module: str) -> Iterator[tuple[str, Path]]:
    """The files that are put in, by the names that they have there: Parity's, the assignment's and its solutions."""
    folders = []
    for package in dict.fromkeys((*PACKAGES, module.partition(":")[0].partition(".")[0])):
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise HarnessError(f"the package {package} is not installed beside parity_tests")
        if spec.submodule_search_locations:
            folders.append(Path(next(iter(spec.submodule_search_locations))))
        else:
            yield Path(spec.origin).name, Path(spec.origin)
    solutions = (assignment.solution, *assignment.proof().solutions)
    folders += [one for one in solutions if not any(one.is_relative_to(folder) for folder in folders)]
    root = folders[0].parent  # where Parity's own assignments look for their solutions, which may lie deeper there
    for folder in folders:
        name = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else folder.name
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder)
            if file.is_file() and not _LEFT_OUT.intersection(inside.parts) and file.suffix != ".pyc":
                yield f"{name}/{inside.as_posix()}", file


def _add(archive: zipfile.ZipFile, name: str, data: bytes, *, executable: bool = False) -> None:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    archive.writestr(entry, data)
