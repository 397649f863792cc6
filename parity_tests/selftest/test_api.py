"""Parity from Python: on a folder, a module, classes and functions, and in a notebook that is really executed."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import pytest

from parity_tests.api import check as api
from parity_tests.api.objects import of_namespace, parts_by_name, write_objects
from parity_tests.api.source import source_of
from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.examples.chromium import Browser
from parity_tests.examples.notebook import executed
from parity_tests.protocol.assignment import Assignment
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.fake_records import FakeRun, mismatch, record
from reports.notebook.result import Result

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "implementation"
NOTEBOOK = ROOT / "reports" / "examples" / "notebook.ipynb"

SLOPE = 2
TABLE = {"a": [1, 2]}


def helper(X: Any) -> Any:
    return X * SLOPE


class base:  # noqa: N801
    factor = 1


class relu(base):
    @staticmethod
    def forward(X: Any) -> Any:
        return helper(X) if TABLE else importlib.util.find_spec("x")

    def backward(self, X: Any, grad: Any) -> Any:
        return grad


def miniBatchGradientDescent(model: Any, momentum: Any, _lambda: float, _alpha: float, _learning_rate: float) -> Any:  # noqa: N802
    return model


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """What the check was asked: the files of the folder, and the options."""
    seen: list[tuple[dict[str, str], dict[str, Any]]] = []

    def check(assignment: Assignment, folder: Path, **options: Any) -> FakeRun:
        seen.append(({path.name: path.read_text(encoding="utf-8") for path in Path(folder).glob("*.py")}, options))
        return FakeRun()

    fake = SimpleNamespace(check=check)
    monkeypatch.setitem(sys.modules, "parity_tests.harness.check", fake)
    return seen


def test_a_folder_a_module_and_nothing(asked: list[Any], tmp_path: Path) -> None:
    source = "class relu:\n    pass\n"
    (tmp_path / "neural_networks.py").write_text(source)
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "utils.py").write_text("# theirs\n")
    spec = importlib.util.spec_from_file_location("mine", tmp_path / "mine.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    api.check(str(tmp_path), parts=[7, 8])
    api.check(module, timeout=3)
    api.check()
    assert asked[0][0]["neural_networks.py"] == source
    assert asked[0][1]["parts"] == {"7", "8"}
    assert asked[1][0] == {"neural_networks.py": source, "utils.py": "# theirs\n"}
    assert asked[1][1]["timeout"] == 3
    assert asked[2][0]["neural_networks.py"] == (SHIPPED / "neural_networks.py").read_text(encoding="utf-8")
    assert [options["parts"] for _, options in asked[1:]] == [None, None]


def test_a_class_brings_what_it_uses_and_is_judged_alone(asked: list[Any]) -> None:
    api.check(relu)
    files, options = asked[0]
    source = files["neural_networks.py"]
    assert options["parts"] == {"7", "8"}
    assert source.count("class relu") == 1
    for part in (
        "class relu(base):",
        "class base:",
        "def helper(",
        "SLOPE = 2",
        "TABLE = {'a': [1, 2]}",
        "class tanh:",
    ):
        assert part in source
    assert source.index("class base") < source.index("class relu(base)")
    assert "import importlib" in source
    compile(source, "neural_networks.py", "exec")
    namespace: dict[str, Any] = {"__name__": "neural_networks"}
    sys.path.insert(0, str(SHIPPED))
    try:
        exec(source, namespace)
    finally:
        sys.path.remove(str(SHIPPED))
    assert namespace["relu"].forward(3) == 6


def test_several_and_a_namespace_and_the_other_name_of_sgd(asked: list[Any]) -> None:
    api.check([relu, miniBatchGradientDescent])
    assert asked[0][1]["parts"] == {"1", "7", "8"}
    source = asked[0][0]["neural_networks.py"]
    assert "def miniBatchStochasticGradientDescent" not in source
    assert "miniBatchStochasticGradientDescent = miniBatchGradientDescent" in source
    api.check(globals(), parts=[1])
    assert asked[1][1]["parts"] == {"1"}
    assert {thing.__name__ for thing in of_namespace(globals(), ASSIGNMENT)} == {"relu", "miniBatchGradientDescent"}


def test_what_is_no_part_is_a_sentence(asked: list[Any], tmp_path: Path) -> None:
    things: list[Any] = [helper, [base], 3, [], {}, [3]]
    for thing in things:
        with pytest.raises(UsageError):
            api.check(thing)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("class tanh:\n    pass", namespace)
    with pytest.raises(UsageError, match="source of tanh cannot be found"):
        write_objects([namespace["tanh"]], tmp_path, ASSIGNMENT)
    assert not asked
    assert set(parts_by_name(ASSIGNMENT)) >= {"linear_layer", "tanh", "relu", "dropout", "main"}
    assert isinstance(helper, FunctionType)
    assert source_of(helper).startswith("def helper(")


def test_a_result_is_short_text_a_frame_and_a_page_in_a_frame_of_its_own(tmp_path: Path) -> None:
    result = Result(FakeRun(records=[record(part="3"), mismatch(message="x <b> & 'y'")]))
    assert repr(result).splitlines() == [
        "Disagreement: 1 of 2 quantities do not agree with torch, in TODO 4.",
        "  TODO 4 (linear, backward): mismatch",
        "  x <b> & 'y'.",
    ]
    assert list(result.frame["verdict"]) == ["match", "mismatch"]
    assert list(result.summary["part"]) == ["3", "4"]
    assert not result.agrees
    assert not result
    shown = result._repr_html_()
    assert shown.count("<iframe") == 1
    assert "<script>" not in shown  # all of the page is text in an attribute
    assert "&lt;!DOCTYPE html&gt;" in shown
    result.save(tmp_path / "run")
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8") == result.page()
    assert Result(FakeRun(records=[record()]))
    assert not Result(FakeRun(records=[record(note="overwrites its input")]), strict=True)


def test_check_is_what_the_package_gives_before_and_after_its_module_is_imported() -> None:
    said = (
        "import sys\n"
        "from parity import check as before\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
        "import parity_tests.harness.check\n"
        "from parity import check as after\n"
        "for check in (before, after):\n"
        "    try:\n"
        "        check('no such folder')\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["UsageError", "UsageError"]


def test_the_example_is_saved_with_its_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert "Disagreement: " in str(outputs)
    assert "Agreement: " in str(outputs)
    assert sum("<iframe" in str(output) for output in outputs) == 1
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert "/tmp/" not in str(outputs)


def test_a_notebook_without_outputs_is_run_and_saved_with_them(tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    path = tmp_path / "small.ipynb"
    cell: dict[str, Any] = {"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": []}
    cell["source"] = "1 + 1"
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    (run,) = json.loads(executed(path))["cells"]
    assert (run["execution_count"], run["outputs"][0]["data"]["text/plain"]) == (1, ["2"])
    assert run["metadata"] == {}


@pytest.mark.parametrize("works", [True, False])
def test_links_of_the_page_in_a_notebook_lead_to_its_own_places(tmp_path: Path, browser: Browser, works: bool) -> None:
    result = Result(FakeRun(records=[*(record(part=part) for part in "3567"), mismatch()] * 3))
    html = result._repr_html_()
    if not works:  # as it would be without the page's help
        html = html.replace("location.protocol === &#34;about:&#34;", "location.protocol === &#34;no&#34;")
        digest = re.search("sha256-([^&]*)&#39;", html)
        assert digest is not None
        script = unescape(re.findall("&lt;script&gt;(.*?)&lt;/script&gt;", html, flags=re.DOTALL)[0])
        html = html.replace(digest[1], base64.b64encode(hashlib.sha256(script.encode()).digest()).decode())
    path = tmp_path / "notebook.html"
    path.write_text(html.replace('sandbox="', 'sandbox="allow-same-origin '), encoding="utf-8")  # to look into it
    inside = "document.querySelector('iframe').contentWindow"
    browser.open(path)
    assert browser.run(f"[{inside}.location.protocol, {inside}.scrollY]") == ["about:", 0]
    browser.run(f"{inside}.document.querySelector('.setting a').click()")
    # Without the help another page is loaded there in time, which may not be looked into.
    scrolled = f"(() => {{ try {{ return {inside}.scrollY > 0 }} catch (refused) {{ return false }} }})()"
    assert browser.run(scrolled) is works


@pytest.mark.pages
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    (shown,) = [output["data"] for output in outputs if "iframe" in str(output.get("data", {}).get("text/html", ""))]
    assert shown["text/plain"].startswith("Disagreement: ")
    assert "TODO 8" in shown["text/plain"]
    assert any(output.get("text", "").startswith("Agreement: ") for output in outputs)
    assert not [output for output in outputs if output.get("name") == "stderr"]
