"""Makes the samples in reports/examples: `python -m parity_tests.examples.render`.

`--check` says whether they are current.

The samples are rendered from saved results that lie beside them, so that they come out the same on every machine: a run
(`run/`), a trace (`trace/`) and a class (`class/`), made by --run from networks with known mistakes, with times, paths
and versions replaced. --pictures takes the documentation's pictures of the pages, with Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli.report import RENDER, html_page
from parity_tests.grading.pages import write_class_page
from reports.files.github import annotation_lines
from reports.model.baseline import baseline_text
from reports.model.run import Results, SavedRun
from reports.model.run_folder import IGNORED, load, save

EXAMPLES = Path(__file__).resolve().parents[2] / "reports" / "examples"
FORMATS = {
    "html": "report.html",
    "junit": "junit.xml",
    "markdown": "summary.md",
    "csv": "records.csv",
    "json": "report.json",
    "gradescope": "results.json",
    "sarif": "report.sarif",
}
ASKED_PARTS = frozenset({"4", "7", "8"})
MISTAKE = ("X.T @ grad", "X.T @ grad / len(X)")
LARGEST = 20_000  # bytes of an array that is kept

CLASS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ada": (),
    "bela": (MISTAKE,),
    "chloe": (MISTAKE, ("1 - self.h * self.h", "1 - X * X")),
    "dmitri": (("return grad * self.mask", "return grad"),),
    "emre": (("1 - self.h * self.h", "1 - X * X"),),
    "fatima": (("v -= _learning_rate * g", "v -= g"), ("w += v", "w += _learning_rate * v")),
    "gil": (("def forward", "def forwards"),),
    "iris": (MISTAKE,),
    "hana": (("np.random.normal(0.0, 0.1, (input_D, output_D))", "np.random.normal(0.0, 1.0, (input_D, output_D))"),),
}
"""What is replaced in the shipped network, by submission."""

KEPT = ("grading.json", "rubric.toml", "grades.parquet", "class.csv", "look.csv", "records.parquet")


def render(into: Path) -> list[str]:
    """Writes every sample into a folder, and returns their names."""
    run = load(EXAMPLES / "run")
    for form, name in FORMATS.items():
        (into / name).write_bytes(RENDER[form](run, Path("run"), False))
    (into / "trace.html").write_bytes(html_page(load(EXAMPLES / "trace"), EXAMPLES / "trace", False))
    annotations = annotation_lines(run, folder="homework")
    (into / "annotations.txt").write_text("\n".join(annotations) + "\n", encoding="utf-8")
    (into / "baseline.json").write_text(baseline_text(run.records, run.environment), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(shutil.copytree(EXAMPLES / "class", Path(folder) / "class"))
        (into / "class.html").write_bytes(write_class_page(kept, when="a day", version="x.y.z").read_bytes())
    return [*FORMATS.values(), "trace.html", "annotations.txt", "baseline.json", "class.html"]


def stale() -> list[str]:
    """The samples that would come out otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        names = render(Path(folder))
        return [
            name
            for name in names
            if not (EXAMPLES / name).is_file() or (EXAMPLES / name).read_bytes() != (Path(folder) / name).read_bytes()
        ]


def remake() -> None:
    """Makes the saved run and the saved class anew, by checking and grading."""
    from parity_tests.harness.check import check

    with tempfile.TemporaryDirectory() as folder:
        homework = _wrong(ASSIGNMENT.solution, Path(folder) / "homework", [MISTAKE])
        run = check(ASSIGNMENT, homework, parts=ASKED_PARTS, dtypes=("float64",))
    save(EXAMPLES / "run", _neutral(run))
    (EXAMPLES / "run" / IGNORED).unlink()  # the samples are kept
    _remake_trace(ASSIGNMENT.solution)
    _remake_class(ASSIGNMENT.solution)


def _neutral(run: Results) -> SavedRun:
    """The run without what is the machine's."""
    environment = replace(
        run.environment,
        submission="homework",
        seconds=1.0,
        platform="a machine",
        processor="a processor",
        versions=dict.fromkeys(run.environment.versions or (), "x.y.z"),
        submission_python="x.y.z",
        submission_numpy="x.y.z",
    )
    records = [replace(record, submission="homework", seconds=0.01) for record in run.records]
    arrays = {name: array for name, array in run.arrays.items() if array.nbytes < LARGEST}
    return SavedRun(records, environment, arrays, dict(run.inputs), b"epoch 1: loss 2.3\n")


def _remake_trace(shipped: Path) -> None:
    """Torch's momentum: as asked for until η drops."""
    from parity_tests.cli import main as parity

    with tempfile.TemporaryDirectory() as folder:
        homework, out = _wrong(shipped, Path(folder) / "homework", CLASS["fatima"]), Path(folder) / "out"
        settings = ["--batch", "500", "--epochs", "4", "--lr-drop-every", "2", "--alpha", "0.9", "--hidden", "12"]
        parity(["trace", str(homework), "--out", str(out), *settings])
        save(EXAMPLES / "trace", _neutral(load(out)))
        (EXAMPLES / "trace" / IGNORED).unlink()
        shutil.copytree(out / "parts", EXAMPLES / "trace" / "parts")


def _remake_class(shipped: Path) -> None:
    from parity_tests.cli import main as parity

    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "class", Path(folder) / "out"
        for name, edits in CLASS.items():
            _wrong(shipped, source / name, edits)
        parity(["grade", str(source), "--out", str(out), "--isolation", "none", "--seed", "1", "--jobs", "1"])
        target = EXAMPLES / "class"
        target.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            shutil.copy(out / name, target / name)


def _wrong(shipped: Path, folder: Path, edits: Any) -> Path:
    folder.mkdir(parents=True)
    source = (shipped / "neural_networks.py").read_text(encoding="utf-8")
    for before, after in edits:
        if before not in source:
            raise ValueError(f"the shipped network has no {before!r} any more")
        source = source.replace(before, after)
    (folder / "neural_networks.py").write_text(source, encoding="utf-8")
    shutil.copy(shipped / "utils.py", folder / "utils.py")
    return folder


def take_pictures() -> None:
    """Takes the documentation's pictures: the top of the pages, as Chromium shows them."""
    from parity_tests.examples.chromium import Browser

    with Browser() as browser:
        for name, height in (("report", 900), ("class", 900)):
            browser.open(EXAMPLES / f"{name}.html", width=1180, height=height)
            browser.picture(EXAMPLES / f"{name}.png", whole=False)
        with tempfile.TemporaryDirectory() as folder:
            _grade_course(Path(folder) / "course")
            browser.open(Path(folder) / "course" / "class.html", width=1180, height=900)
            browser.picture(EXAMPLES / "course.png", whole=False)


def _grade_course(out: Path) -> None:
    """Grades the example course."""
    from parity_tests.cli import main as parity

    name = "parity_tests.examples.course.assignment:ASSIGNMENT"
    submissions = Path(__file__).parent / "course" / "submissions"
    parity(
        ["grade", str(submissions), "--assignment", name, "--out", str(out), "--isolation", "none", "--seed", "1", "-q"]
    )


def main(arguments: list[str] | None = None) -> int:
    """Renders the samples; with --check only says which are not current, and ends with 1 if any is."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.examples.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where a sample is not current")
    parser.add_argument("--run", action="store_true", help="check and grade anew what the samples are rendered from")
    parser.add_argument("--pictures", action="store_true", help="take the documentation's pictures of the pages too")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        names = stale()
        print("\n".join(f"{name} is not current" for name in names) or "All samples are current.")
        return 1 if names else 0
    if chosen.run:
        remake()
    names = render(EXAMPLES)
    if chosen.pictures:
        take_pictures()
    print(f"{EXAMPLES}: {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
