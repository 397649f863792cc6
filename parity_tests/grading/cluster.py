"""A Dask cluster as an executor: in plain TCP or, where certificates are named, in TLS and nothing else."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from parity_tests.protocol.errors import HarnessError, UsageError

_INSTALL = [sys.executable, "-m", "pip", "install", "distributed"]
_LOUD = ("distributed", "asyncio", "tornado")
PATIENCE = 20
"""Seconds that a scheduler may take to answer."""


@dataclass(frozen=True)
class Certificates:
    """Whom a cluster and we trust, and who we are to it: files in PEM, all three or none."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def refuse_wrong(self, address: str | None) -> None:
        """Raises UsageError where some are missing, none can be used, or one cannot be read."""
        given = [path for path in astuple(self) if path is not None]
        if not given:
            return
        if len(given) < 3:
            raise UsageError("--tls-ca, --tls-cert and --tls-key belong together: give all three or none.")
        if address is None or not address.startswith("tls://"):
            raise UsageError(
                "certificates need --scheduler tls://…: any other address would be spoken to in the clear."
            )
        for path in given:
            try:
                path.read_bytes()
            except OSError as error:
                raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


@contextlib.contextmanager
def cluster(
    address: str, warm_up: Callable[[], None], certificates: Certificates | None = None
) -> Iterator[tuple[Callable[[], Executor], int]]:
    """Opens the executor of a Dask cluster, and says how many tasks it can work on at once. Raises UsageError.

    Each worker that is there calls `warm_up`, a function of a module, before its first task. With `certificates`
    nothing is sent that is not encrypted.
    """
    try:
        import distributed
    except ImportError:
        raise UsageError(f"--scheduler needs Dask. This brings it: {shlex.join(_INSTALL)}") from None
    with _unheard():
        try:
            open_client: Any = distributed.Client
            client = open_client(address, timeout=PATIENCE, security=_security(certificates))
        except (OSError, ValueError, TimeoutError, TypeError, RuntimeError, AssertionError) as error:
            hint = " A scheduler in TLS needs --tls-ca, --tls-cert and --tls-key." if address.startswith("tls:") else ""
            why = str(error) or "it does not take our certificate"
            raise UsageError(f"there is no Dask scheduler at {address} that answers us: {why}.{hint}") from None
        try:
            slots = sum(client.nthreads().values())
            if not slots:
                raise UsageError(f"the Dask scheduler at {address} has no workers; `dask worker {address}` starts one.")
            client.run(warm_up, on_error="ignore")  # a worker without Parity fails at its tasks, and says so there
            yield lambda: client.get_executor(pure=False), slots
        except (HarnessError, OSError, RuntimeError, CancelledError) as error:
            if not isinstance(error, HarnessError) and client.status == "running":
                raise
            raise UsageError(
                f"the Dask scheduler at {address} is gone, or all its workers are. What is done is kept: start it "
                "again, and give the same command again."
            ) from None
        finally:
            with contextlib.suppress(Exception):  # of a scheduler that is gone, nothing is left to close
                client.close(timeout=1)


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Nothing of what Dask says of a scheduler that is gone reaches the terminal: we say it in a sentence."""
    loggers = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in _LOUD
    ]
    before = [(logger, logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate


def _security(certificates: Certificates | None) -> Any:
    """What distributed takes for TLS; None leaves it to Dask's own configuration."""
    if certificates is None or certificates.ca is None:
        return None
    from distributed.security import Security

    security: Any = Security
    return security(
        tls_ca_file=str(certificates.ca),
        tls_client_cert=str(certificates.cert),
        tls_client_key=str(certificates.key),
        require_encryption=True,
    )
