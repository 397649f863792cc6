"""The fork server: loads numpy and the worker's code once, and forks itself for each process that is asked for.

Run as `python -I -B fork_server.py CONTROL PROC FILES`: a socket on which the harness asks, a descriptor of /proc (-1
where no namespaces are to be made), and in JSON the files that the worker loads. Loaded by its path: numpy and the
standard library only. It never runs or reads anything of a submission; the theory of operation stands in
isolation.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STATUS, PROCESS, PROBLEM = b"s", b"p", b"e"
"""What a message on a line says: how the worker ended; that a descriptor of the process comes with it; what failed."""
_REQUEST = 4096
_DESCRIPTORS = 5
_PR_SET_DUMPABLE = 4
_NEW_USER = 0x10000000
_NEW = _NEW_USER | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""Namespaces of its own: users, and mounts, control groups, host name, IPC, processes, network."""
_NO_SUID, _NO_DEVICES, _REMOUNT, _READ_ONLY = 2, 4, 32, 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class Forker:
    """A process that forks itself. `worker` is worker.py as a module, `proc` a descriptor of /proc or -1."""

    def __init__(self, worker: Any, proc: int) -> None:
        self._worker = worker
        self._proc = proc
        self._namespaced = proc >= 0

    def serve(self, control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
        """Fork a process for each request until the harness has gone; returns in each worker, with what it is to be.

        A request is a packet of JSON and the descriptors of the new process's pipes (what it is asked, its answers,
        what it prints) and of its line to the harness. The worker is given the request and the pipes; None: the
        harness has gone.
        """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those between the server and the keepers
        gc.collect()
        gc.freeze()  # so that no collection writes to, and so copies, what is shared
        while True:
            packet, descriptors, _, _ = socket.recv_fds(control, _REQUEST, _DESCRIPTORS)
            if not packet:
                return None
            *pipes, line = descriptors
            try:
                child = os.fork()
            except OSError as error:
                _tell(line, PROBLEM, f"no process can be forked: {error}")
            else:
                if child == 0:
                    control.close()
                    asked = json.loads(packet)
                    self._descend(asked["user"], pipes, line)
                    return asked, pipes
            for descriptor in descriptors:
                os.close(descriptor)

    def work(self, asked: Mapping[str, Any], pipes: Sequence[int], material: Any) -> None:
        """Be the worker, as worker.py is that is started cold."""
        ask, answers, printed, *shared = pipes
        on_shelf = [*shared, *[asked["room"]] * bool(shared)]
        os.setsid()
        for standard in (1, 2):
            os.dup2(printed, standard)

        def settle(order: Any) -> None:
            scratch = order.header["scratch"]
            if self._namespaced:
                _mount(scratch, asked["scratch_bytes"])
                _lay_out(order.header["files"], order.arrays, order.header["folder"])
                self._worker.confine.give_up_capabilities()
            os.environ["HOME"] = os.environ["TMPDIR"] = scratch

        self._worker.attend(self._worker.Channel(ask, answers, asked["cap"], *on_shelf), settle, material)

    def _descend(self, user: int | None, pipes: Sequence[int], line: int) -> None:
        """Fork what stands between the server and the worker; returns in the worker alone."""
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if self._namespaced:
                _make_namespaces(user, self._proc)
                os.close(self._proc)
                keeper = os.fork()
                if keeper:
                    try:
                        _tell(line, PROCESS, "", os.pidfd_open(keeper))
                    except OSError:  # the harness has gone
                        os.kill(keeper, signal.SIGKILL)
                    os._exit(0)
            process = os.fork()
            if process == 0:
                os.close(line)
                return
            for pipe in pipes:
                os.close(pipe)
            self._keep(process, line)
            os._exit(0)
        except BaseException as error:
            try:
                _tell(line, PROBLEM, f"{type(error).__name__}: {error}")
            finally:
                os._exit(1)

    def _keep(self, process: int, line: int) -> None:
        """Wait for the worker's end and tell it; end it with all that it started when the harness shuts the line."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # such the kernel does not deliver to a first process
            ended = os.pidfd_open(process)
            if self._namespaced:
                self._worker.confine.give_up_capabilities()
            else:
                _tell(line, PROCESS, "", ended)
            waiting = select.poll()
            waiting.register(ended, select.POLLIN)
            waiting.register(line, select.POLLIN)
            while ended not in [descriptor for descriptor, _ in waiting.poll()]:
                os.kill(process, signal.SIGKILL)  # the harness says nothing on a line: it was shut
                waiting.unregister(line)
        except BaseException:
            os.kill(process, signal.SIGKILL)
            raise
        if not self._namespaced:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        _tell(line, STATUS, str(os.waitstatus_to_exitcode(status)))


def _make_namespaces(user: int | None, proc: int) -> None:
    """Become `user` (None: stay who we are), and the one user of new namespaces, whose first process is the next child.

    That user's id inside is 1, or what it was where nobody else was to be become.
    """
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")  # else its own files in /proc are root's
    ids = {"uid_map": os.getuid(), "gid_map": os.getgid()}
    _check(_LIBC.unshare(_NEW), "new namespaces")
    _write(proc, "self/setgroups", "deny")
    for name, outside in ids.items():
        _write(proc, f"self/{name}", f"{outside if user is None else 1} {outside} 1\n")
    _write(proc, "sys/user/max_user_namespaces", "0")
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def _mount(folder: str, size: int) -> None:
    """An empty folder in memory, in place of what is there."""
    options = f"size={size},mode=0755".encode()
    _check(_LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _NO_SUID | _NO_DEVICES, options), f"mount on {folder}")


def _lay_out(files: Sequence[Sequence[str]], arrays: Mapping[str, Any], folder: str) -> None:
    """The submission's folder as the harness found it, in memory, and read-only from here on."""
    _mount(folder, 2 * sum(array.nbytes for array in arrays.values()) + (4096 << 10))
    for number, (name, kind, target) in enumerate(files):
        path = Path(folder, name)
        if kind == "folder":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(target)
        else:
            path.write_bytes(arrays[str(number)].tobytes())
    flags = _REMOUNT | _READ_ONLY | _NO_SUID | _NO_DEVICES
    _check(_LIBC.mount(None, os.fsencode(folder), None, flags, None), f"making {folder} read-only")


def _tell(line: int, kind: bytes, text: str, *descriptors: int) -> None:
    with socket.socket(fileno=os.dup(line)) as telling:
        socket.send_fds(telling, [kind + text.encode(errors="replace")[:1000]], descriptors)


def _write(folder: int, name: str, text: str) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def main() -> None:
    """Serve, and in each process that was forked, work."""
    control, proc, files = sys.argv[1:]
    # What the server alone needs shall not shadow a submission's own files of these names.
    for name in ("gc", "socket", "_socket", "selectors", "select", "array"):
        sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location("worker", Path(__file__).with_name("worker.py"))
    assert spec is not None
    assert spec.loader is not None
    worker: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    _ = worker.np.random  # which numpy imports when it is first used
    material = worker.Material(**json.loads(files))
    material.defined = worker.defined()
    forker = Forker(worker, int(proc))
    given = forker.serve(socket.socket(fileno=int(control)))
    if given is not None:
        forker.work(*given, material)


if __name__ == "__main__":
    main()
