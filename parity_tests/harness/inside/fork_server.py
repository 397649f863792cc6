"""The fork server: loads numpy and the worker's code once, and forks itself for each process that is asked for.

Run as `python -I -B fork_server.py REQUESTS PROC FILES`: a socket over which the harness sends requests, a descriptor
of /proc (-1 if no namespaces are to be made), and in JSON the files that the worker loads. It is loaded by its path: it
may import numpy and the standard library only. It never runs or reads anything of a submission; isolation.py has the
theory of operation.
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

STATUS, PIDFD, PROBLEM = b"s", b"p", b"e"
"""Kinds of messages on a status socket: how the worker ended; a descriptor of the process comes along; what failed."""
_REQUEST_BYTES = 4096
_DESCRIPTORS = 4
_PR_SET_DUMPABLE = 4
_NEW_USER = 0x10000000
_NEW = _NEW_USER | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""Namespaces of its own: users, and mounts, control groups, host name, IPC, processes, network."""
_NO_SUID, _NO_DEVICES, _REMOUNT, _READ_ONLY = 2, 4, 32, 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MEMORY_KEPT = {_TRIM_THRESHOLD: 256 << 20, _MMAP_THRESHOLD: 32 << 20}
"""Bytes of freed memory that the C library keeps, and of the smallest array that is none of it."""


class ForkServer:
    """A process that forks itself. `worker` is worker.py as a module, `proc` a descriptor of /proc or -1."""

    def __init__(self, worker: Any, proc: int) -> None:
        self._worker = worker
        self._proc = proc
        self._namespaced = proc >= 0

    def serve(self, requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
        """Fork a process for each request until the harness has gone. Returns None then.

        A request is a packet of JSON and descriptors: of the new process's pipes (what it is asked, its answers, what
        it prints) and of its status socket. In each worker, this returns the
        request and the descriptors but for the last.
        """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes between server and supervisors
        gc.collect()
        gc.freeze()  # so that no collection writes to, and so copies, what is shared
        while True:
            packet, descriptors, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, _DESCRIPTORS)
            if not packet:
                return None
            *pipes, status_socket = descriptors
            try:
                child = os.fork()
            except OSError as error:
                _send(status_socket, PROBLEM, f"no process can be forked: {error}")
            else:
                if child == 0:
                    requests.close()
                    request = json.loads(packet)
                    self._fork_worker(request["user"], pipes, status_socket)
                    return request, pipes
            for descriptor in descriptors:
                os.close(descriptor)

    def work(self, request: Mapping[str, Any], pipes: Sequence[int], preloaded: Any) -> None:
        """Be the worker, as a worker.py that was started cold is."""
        questions, answers, output = pipes
        os.setsid()
        # An open file that all children had in common would have flags in common, by which they could talk.
        os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
        for standard in (1, 2):
            os.dup2(output, standard)

        def prepare(setup: Any) -> None:
            scratch = setup.header["scratch"]
            if self._namespaced:
                _mount(scratch, request["scratch_bytes"], request["scratch_files"])
                _lay_out(setup.header["files"], setup.arrays, setup.header["folder"])
                self._worker.confine.give_up_capabilities()
            os.environ["HOME"] = os.environ["TMPDIR"] = scratch

        channel = self._worker.channel.Channel(questions, answers, request["cap"])
        self._worker.run(channel, prepare, preloaded)

    def _fork_worker(self, user: int | None, pipes: Sequence[int], status_socket: int) -> None:
        """Fork the processes between the server and the worker. Returns in the worker alone."""
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if self._namespaced:
                _make_namespaces(user, self._proc)
                os.close(self._proc)
                supervisor = os.fork()
                if supervisor:
                    try:
                        _send(status_socket, PIDFD, "", os.pidfd_open(supervisor))
                    except OSError:  # the harness has gone
                        os.kill(supervisor, signal.SIGKILL)
                    os._exit(0)
            process = os.fork()
            if process == 0:
                os.close(status_socket)
                return
            for pipe in pipes:
                os.close(pipe)
            self._supervise(process, status_socket)
            os._exit(0)
        except BaseException as error:
            try:
                _send(status_socket, PROBLEM, f"{type(error).__name__}: {error}")
            finally:
                os._exit(1)

    def _supervise(self, process: int, status_socket: int) -> None:
        """Wait for the worker's end and report it. When the harness shuts the socket, kill the worker and its children.

        In a process namespace the supervisor is the first process, so its own end ends everything in it.
        """
        try:
            # The kernel delivers no signal with its default action to the first process of a namespace.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            pidfd = os.pidfd_open(process)
            if self._namespaced:
                self._worker.confine.give_up_capabilities()
            else:
                _send(status_socket, PIDFD, "", pidfd)
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.register(status_socket, select.POLLIN)
            while pidfd not in [descriptor for descriptor, _ in poll.poll()]:
                os.kill(process, signal.SIGKILL)  # the harness sends nothing on this socket: it was shut
                poll.unregister(status_socket)
        except BaseException:
            os.kill(process, signal.SIGKILL)
            raise
        if not self._namespaced:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        _send(status_socket, STATUS, str(os.waitstatus_to_exitcode(status)))


def _make_namespaces(user: int | None, proc: int) -> None:
    """Become `user` (None: stay who we are), and the one user of new namespaces, whose first process is the next child.

    The user's id inside the namespace is 1, or the same as outside if `user` is None.
    """
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")  # otherwise root owns the process's files in /proc
    ids = {"uid_map": os.getuid(), "gid_map": os.getgid()}
    _check(_LIBC.unshare(_NEW), "new namespaces")
    _write(proc, "self/setgroups", "deny")
    for name, outside in ids.items():
        _write(proc, f"self/{name}", f"{outside if user is None else 1} {outside} 1\n")
    _write(proc, "sys/user/max_user_namespaces", "0")
    _check(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def _mount(folder: str, size: int, files: int) -> None:
    """Mount an empty folder in memory over this one, for so many bytes and files."""
    options = f"size={size},nr_inodes={files},mode=0755".encode()
    _check(_LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", _NO_SUID | _NO_DEVICES, options), f"mount on {folder}")


def _lay_out(files: Sequence[Sequence[str]], arrays: Mapping[str, Any], folder: str) -> None:
    """Write the submission's files (see snapshot.py) into a new folder in memory, and make it read-only."""
    _mount(folder, 2 * sum(array.nbytes for array in arrays.values()) + (4096 << 10), len(files) + 16)
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


def _send(status_socket: int, kind: bytes, text: str, *descriptors: int) -> None:
    with socket.socket(fileno=os.dup(status_socket)) as sender:
        socket.send_fds(sender, [kind + text.encode(errors="replace")[:1000]], descriptors)


def _write(folder: int, name: str, text: str) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def can_keep_freed_memory() -> bool:
    """Whether the C library can be told to: glibc alone can."""
    return hasattr(_LIBC, "mallopt")


def keep_freed_memory() -> None:
    """Let the C library keep what this process frees: it would give each array's back, for the kernel to clear anew."""
    if can_keep_freed_memory():
        for option, size in _MEMORY_KEPT.items():
            _LIBC.mallopt(option, size)


def give_back_freed_memory() -> None:
    """Give the system what was freed since: after much work, most of what is kept is never used again."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


def main() -> None:
    """Serve, and in each process that was forked, work."""
    requests, proc, files = sys.argv[1:]
    keep_freed_memory()
    # What the server alone needs shall not shadow a submission's own files of these names.
    for name in ("gc", "socket", "_socket", "selectors", "select", "array"):
        sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location("worker", Path(__file__).with_name("worker.py"))
    assert spec is not None
    assert spec.loader is not None
    worker: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    _ = worker.np.random  # numpy imports it when it is first used
    preloaded = worker.Preloaded(**json.loads(files))
    preloaded.definitions = worker.definitions()
    del preloaded.definitions["__main__"]  # an empty module takes its place in the worker
    server = ForkServer(worker, int(proc))
    forked = server.serve(socket.socket(fileno=int(requests)))
    if forked is not None:
        server.work(*forked, preloaded)


if __name__ == "__main__":
    main()
