"""Makes the zip file that Gradescope takes as an autograder: Parity itself, a rubric, and the two scripts it runs."""

from __future__ import annotations

import io
import json
import re
import shlex
import zipfile
from collections.abc import Iterator
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from parity_tests.grading.task import Settings
from parity_tests.protocol.errors import HarnessError

PACKAGES = ("implementation", "reference", "parity_tests", "reports")
_LEFT_OUT = {"selftest", "bench", "__pycache__", "examples"}
_UNUSED = {"torchvision"}
"""Required for what an autograder never does."""

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
# Where submissions run as another user, these are closed to them: right answers, and everybody's results.
chmod -R go-rwx results source/parity/reference source/parity/reports source/parity/implementation/neural_networks.py
exec "$python" -m parity_tests.grading.autograder "$root"
"""


def bundle(settings: Settings, rubric: str, index_url: str | None) -> bytes:
    """The zip file's bytes, the same for the same Parity and settings. The seed is no part of it.

    `index_url` is where setup.sh gets its packages from, for instance an index of torch without CUDA.
    """
    kept: dict[str, Any] = {**settings.as_json(), "seed": 0}
    index = f"--index-url {shlex.quote(index_url)} " if index_url else ""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", SETUP.format(index=index).encode(), executable=True)
        _add(archive, "run_autograder", RUN.encode(), executable=True)
        _add(archive, "settings.json", (json.dumps(kept, indent=2) + "\n").encode())
        _add(archive, "rubric.toml", rubric.encode())
        _add(archive, "requirements.txt", "".join(f"{line}\n" for line in _requirements()).encode())
        for name, file in _sources():
            _add(archive, f"parity/{name}", file.read_bytes())
    return buffer.getvalue()


def _requirements() -> list[str]:
    lines = [line for line in requires("parity") or () if "extra ==" not in line]
    return sorted(line for line in lines if re.split(r"[^\w-]", line, maxsplit=1)[0] not in _UNUSED)


def _sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise HarnessError(f"the package {package} is not installed beside parity_tests")
        folder = Path(next(iter(spec.submodule_search_locations)))
        for file in sorted(folder.rglob("*")):
            inside = file.relative_to(folder)
            if file.is_file() and not _LEFT_OUT.intersection(inside.parts) and file.suffix != ".pyc":
                yield f"{package}/{inside.as_posix()}", file


def _add(archive: zipfile.ZipFile, name: str, data: bytes, *, executable: bool = False) -> None:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    archive.writestr(entry, data)
