"""The device: which there are, full precision and determinism, the bounds of its functions; none of it needs a GPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from parity_tests.assignments.mlp.assignment import ASSIGNMENT
from parity_tests.cli import main
from parity_tests.harness.check import check
from parity_tests.harness.machine import refuse_missing_device
from parity_tests.protocol.errors import UsageError
from parity_tests.selftest.options import skip_without
from reference import device, elementwise, rounding


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two cards, as torch would describe it."""
    properties = SimpleNamespace(name="a card", major=9, minor=0, total_memory=1 << 30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(device, "driver", lambda: "1.2.3")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "unset")


@pytest.fixture
def switches(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand-ins for torch's precision and determinism switches, so that none of this process's is moved."""
    found = SimpleNamespace(matmul=SimpleNamespace(), cudnn=SimpleNamespace(benchmark=True, deterministic=False), on=[])
    monkeypatch.setattr(torch.backends.cuda, "matmul", found.matmul)
    monkeypatch.setattr(torch.backends, "cudnn", found.cudnn)
    monkeypatch.setattr(torch, "use_deterministic_algorithms", found.on.append)
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: found.on == [True])
    return found


def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1"])
def test_a_device_that_is_there_is_no_problem(name: str, cards: None) -> None:
    assert device.problem(name) == ""
    refuse_missing_device(name)


def test_a_card_beyond_the_last_is_named_with_their_number(cards: None) -> None:
    assert device.problem("cuda:2") == "no device cuda:2: there are 2 CUDA devices, the first of them cuda:0."


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CUDA", "mps", ""])
def test_what_is_no_device_is_refused_whatever_the_machine_has(name: str, cards: None) -> None:
    assert not device.is_device_name(name)
    with pytest.raises(UsageError, match="there is no device"):
        refuse_missing_device(name)


@pytest.mark.parametrize("arguments", [("check",), ("trace",)])
def test_without_a_card_the_commands_say_so_and_return_2(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    without_cuda(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--device", "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_check_refuses_a_card_that_is_not_there_when_called_from_python(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cuda(monkeypatch)
    with pytest.raises(UsageError, match="no CUDA device"):
        check(ASSIGNMENT, ASSIGNMENT.solution, device="cuda")
    with pytest.raises(ValueError, match="no CUDA device"):
        device.set_up("cuda")


def test_pytest_skips_with_the_reason_and_fails_for_what_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    without_cuda(monkeypatch)
    skip_without("cpu")
    with pytest.raises(pytest.skip.Exception, match="no CUDA device"):
        skip_without("cuda")
    with pytest.raises(pytest.fail.Exception, match="there is no device 'gpu'"):
        skip_without("gpu")


def test_the_current_switches_ask_for_full_precision(cards: None, switches: SimpleNamespace) -> None:
    switches.matmul.fp32_precision = switches.cudnn.fp32_precision = "tf32"
    described = device.set_up("cuda")
    assert switches.matmul.fp32_precision == switches.cudnn.fp32_precision == "ieee"
    assert not hasattr(switches.matmul, "allow_tf32")
    assert not hasattr(switches.cudnn, "allow_tf32")
    assert described["switches"]["torch.backends.cuda.matmul.fp32_precision"] == "ieee"
    assert device.precision() == {
        "torch.backends.cuda.matmul.fp32_precision": "ieee",
        "torch.backends.cudnn.fp32_precision": "ieee",
    }


def test_where_there_are_only_the_older_switches_they_forbid_tf32(cards: None, switches: SimpleNamespace) -> None:
    switches.matmul.allow_tf32 = switches.cudnn.allow_tf32 = True
    described = device.set_up("cuda")
    assert switches.matmul.allow_tf32 is switches.cudnn.allow_tf32 is False
    assert not hasattr(switches.matmul, "fp32_precision")
    assert described["switches"]["torch.backends.cudnn.allow_tf32"] == "False"


def test_algorithms_are_deterministic_and_the_card_is_described(
    cards: None, switches: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches.matmul.fp32_precision = switches.cudnn.fp32_precision = "none"
    described = device.set_up("cuda:1")
    assert switches.on == [True]
    assert (switches.cudnn.benchmark, switches.cudnn.deterministic) == (False, True)
    assert described["switches"]["torch.use_deterministic_algorithms"] == "True"
    assert described["switches"]["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert (described["name"], described["capability"], described["driver"]) == ("a card", "9.0", "1.2.3")


def test_on_the_cpu_no_switch_is_touched(switches: SimpleNamespace) -> None:
    assert device.set_up("cpu") == {"name": "cpu"}
    assert (switches.on, switches.cudnn.benchmark, vars(switches.matmul)) == ([], True, {})


def test_this_torch_has_one_form_of_each_switch_that_can_be_read() -> None:
    assert len(device.precision()) == 2


def test_the_driver_is_unknown_where_its_tool_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert device.driver() == "unknown"


def test_bounds_are_those_of_the_devices_own_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    # The computation stays on the CPU; only what the device is taken for changes.
    monkeypatch.setattr(elementwise, "to_tensor", lambda array, *_, **__: torch.tensor(array))
    X = np.linspace(-2, 2, 9, dtype=np.float32)
    on_cpu, on_cuda = elementwise.tanh_forward(X, "cpu"), elementwise.tanh_forward(X, "cuda")
    extra = rounding.LIBRARIES["cuda"].tanh - rounding.LIBRARIES["cpu"].tanh
    u = rounding.unit_roundoff(np.float32)
    np.testing.assert_array_equal(on_cpu.value, on_cuda.value)
    np.testing.assert_allclose(on_cuda.radius - on_cpu.radius, 2 * extra * u * np.abs(on_cpu.value), rtol=1e-12)
