"""A Dask cluster: workers that die, one that is not there, and TLS, which keeps out who has no certificate."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from parity_tests.grading.cluster import Certificates, cluster
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.selftest.pool_tasks import fatal, nothing
from parity_tests.selftest.test_cli import Parity
from parity_tests.selftest.test_grade import asked, class_folder  # noqa: F401
from parity_tests.selftest.test_process_pool import pool_results

dask = pytest.importorskip("dask", reason="Dask is not installed (the extra `cluster`)")
distributed = pytest.importorskip("distributed", reason="Dask is not installed (the extra `cluster`)")
trustme = pytest.importorskip("trustme", reason="trustme is not installed (the extra `test`)")


def certificates(folder: Path) -> Certificates:
    """An authority of its own, and somebody whom it vouches for."""
    folder.mkdir()
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    made = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(made.ca)
    issued.private_key_pem.write_to_path(made.key)
    for link in issued.cert_chain_pems:
        link.write_to_path(made.cert, append=True)
    return made


@contextlib.contextmanager
def tls_cluster(ours: Certificates) -> Iterator[str]:
    """The address of a cluster that speaks TLS alone, with these certificates on all sides."""
    files = {"tls_ca_file": str(ours.ca)}
    for role in ("scheduler", "worker", "client"):
        files |= {f"tls_{role}_cert": str(ours.cert), f"tls_{role}_key": str(ours.key)}
    security = distributed.security.Security(**files, require_encryption=True)
    options: Any = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(protocol="tls://", host="127.0.0.1", security=security, **options) as workers:
        yield workers.scheduler_address


def test_workers_of_a_cluster_that_die_cost_nothing(tmp_path: Path) -> None:
    # Whoever still connects to a killed worker tries again for so long, by default 30 s: its port refuses at once.
    patience = dask.config.set({"distributed.comm.timeouts.connect": "5s"})
    with patience, distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers:
        tasks = [(number, str(tmp_path / "flag") if number == 3 else "harmless") for number in range(8)]
        with cluster(workers.scheduler_address, nothing) as (executor, slots):
            assert slots == 2
            done, lost = pool_results(iter(tasks), fatal, executor, ahead=4)
    assert lost == {}
    assert sorted(done.values()) == [2 * number for number in range(8)]


def complain_and_raise(error: Exception) -> None:
    logging.getLogger("distributed.client").error("Traceback (most recent call last)")
    raise error


def test_a_scheduler_that_is_gone_is_a_sentence_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Client:
        status = "running"

        def nthreads(self) -> dict[str, int]:
            return {"worker": 1}

        def run(self, function: Any, **_: Any) -> None: ...

        def close(self, timeout: float) -> None:
            raise OSError("there is nobody to say goodbye to")

    client, heard = Client(), io.StringIO()
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: client)
    monkeypatch.setattr(logging.getLogger("distributed.client"), "handlers", [logging.StreamHandler(heard)])
    for error in (HarnessError("the workers were lost"), OSError("closed"), CancelledError()):
        client.status = "closed" if not isinstance(error, HarnessError) else "running"
        with pytest.raises(UsageError, match=r"is gone.*What is done is kept"), cluster("tcp://somewhere", nothing):
            complain_and_raise(error)
    assert (heard.getvalue(), *capfd.readouterr()) == ("", "", "")
    client.status = "running"
    with pytest.raises(OSError, match="disk"), cluster("tcp://somewhere", nothing):
        raise OSError("the disk is full")


def test_a_cluster_that_is_not_there_is_said() -> None:
    with pytest.raises(UsageError, match="no Dask scheduler at nonsense"), cluster("nonsense://nowhere", nothing):
        pass


def test_with_certificates_a_class_is_graded_in_tls_and_without_them_nobody_gets_in(
    asked: list[str],  # noqa: F811
    parity: Parity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("parity_tests.grading.cluster.PATIENCE", 5)
    ours, others = certificates(tmp_path / "ours"), certificates(tmp_path / "others")
    mixed = Certificates(ours.ca, others.cert, others.key)
    source, out = class_folder(tmp_path / "class", ann="", bob="# wrong relu"), tmp_path / "out"
    with tls_cluster(ours) as address:
        for wrong in (None, others, mixed):
            with pytest.raises(UsageError, match="that answers us"), cluster(address, nothing, wrong):
                pass
        plain = address.replace("tls://", "tcp://")
        with pytest.raises(UsageError, match="that answers us"), cluster(plain, nothing):
            pass
        options = ("--tls-ca", ours.ca, "--tls-cert", ours.cert, "--tls-key", ours.key)
        status, said, err = parity("grade", source, "--out", out, "--scheduler", address, *options)
    assert status == 0, err
    assert "2 of 2 submissions have a grade" in " ".join(said.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tls-ca", "ca"], "belong together"),
        (["--scheduler", "tls://x:1", "--tls-ca", "ca", "--tls-key", "key"], "belong together"),
        (["--tls-ca", "ca", "--tls-cert", "cert", "--tls-key", "key"], "need --scheduler tls://"),
        (["--scheduler", "tcp://x:1", "--tls-ca", "ca", "--tls-cert", "cert", "--tls-key", "key"], "in the clear"),
        (["--scheduler", "tls://x:1", "--tls-ca", "none", "--tls-cert", "cert", "--tls-key", "key"], "none cannot be"),
        (["--scheduler", "tls://x:1", "--tls-ca", "ca", "--tls-cert", "cert", "--tls-key", "key"], "that answers us"),
    ],
)
def test_certificates_that_cannot_be_used_are_a_sentence_and_2(
    asked: list[str],  # noqa: F811
    parity: Parity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ca", "cert", "key"):
        Path(name).write_text("no certificate")
    class_folder(tmp_path / "class", ann="")
    status, _, err = parity("grade", "class", "--out", "out", *options)
    assert (status, asked) == (2, [])
    assert said in err
    assert "Traceback" not in err
