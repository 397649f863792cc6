"""The levels at which a submission may run, what each guarantees, and which of them this machine really has.

Theory of operation
===================

**What is trusted.** The kernel, Python, numpy, bubblewrap, libseccomp, and Parity's own code: the harness, and what it
puts into the worker (worker.py with its siblings, the probe, for main's second worker the stand-ins). They load before
any of the submission's code runs. **What is not:** the submission's files, and from its first import on everything that
comes out of its process. It shares that process with the worker's code, so it can make the worker say anything. All
that it can gain by this is to choose its own answers, which it may do by returning them: no expected value, tolerance
or seed of another run, and no other submission, is ever in that process. The harness decodes what arrives as lengths,
JSON and raw numbers, each held against a cap before it is waited for (wire.py), and judges it elsewhere. Most of it
comes in memory that the harness shares with that one process (shelf.py), whose size nobody can change: the harness
copies what lies there and holds the copy against the same caps, so that a process which goes on writing changes nothing
but its own answers.

**What is at stake:** the machine and its files; the harness; the answers; the grades of others; the time of whoever
waits. So the rules are: what is not needed is not there (rather than: is forbidden); rights are given up once and for
all, before the submission is even parsed; the kernel holds a process to them, and the harness to its time.

`bubblewrap`. The worker starts in namespaces of its own (users, processes, network, IPC, host name, mounts):
- It sees an interpreter, the standard library without its site-packages, the shared libraries that these load, numpy
  (and what --allow names), and the few files of the worker, each bound read-only at its own path (launch.py,
  runtime.py; the libraries as copies in one folder, kept in the user's cache, because fifty binds take 30 ms), and the
  submission's folder, read-only as /submission; five devices (null, zero, full, random, urandom); and a scratch folder
  in memory of 64 MiB. No /proc, /sys, /etc, /tmp, /dev/shm, shell, no other package, no other submission, not Parity's
  answers.
- It has no capabilities and cannot gain any. Where the harness is root, the worker becomes another user, one that owns
  nothing and that no other worker has (users.py): root cannot be held to a number of threads. (Where files that it
  needs are closed to others than root, it keeps one capability in its own namespace: to read what it sees.)
- A filter of system calls (seccomp.py) lets through what numpy, files and threads need, and answers EPERM to the
  rest: no exec, fork, socket, pipe, ptrace, mount, unshare, keyctl, io_uring, bpf, perf, memfd, shared memory. The
  worker puts it on itself (confine.py), because bubblewrap's own would forbid the exec that starts the worker.
- Limits: address space (2 GiB), threads (32), open files, size of a file, no core, processor time, and wall time, at
  which the harness kills bubblewrap and with it, as they share a process namespace, all that it started. If the harness
  dies, the kernel does the same.

`restricted`, for containers that refuse namespaces. One process of the machine, with the same filter and limits, and:
- a user of its own as above where we are root; otherwise it stays who we are, and may start no threads;
- Landlock, where the kernel has it, shows it the same files as above and lets it write in its scratch folder alone.
  Of other files it can learn that they exist, how large they are and when they changed, which Landlock does not hide.
  Without Landlock, a user of its own may read what everybody on the machine may, and write in folders like /tmp; and
  without either, the level does not count as there. `parity doctor` says what there is.
- It shares the machine's process ids (but may signal itself alone) and a disk: its scratch folder lies in the
  temporary folder, and is looked at four times a second; what has filled more than 64 MiB of it is killed.

`none`: a child process with the limits, as far as it keeps to them, and nothing else. For code that you trust.

**How a process starts.** Either cold: bubblewrap, Python, numpy, the worker's code, a tenth of a second of work. Or,
where many submissions are run, off a fork server (servers.py keeps it, fork_server.py is it): a process that has all of
this loaded, started in the same sandbox without a submission, which forks itself for each process that is asked for.
There is one for each level, set of the worker's files and set of allowed modules; so the server whose processes get
main's correct parts is not the one whose processes are asked for those parts. What is promised above holds for a
forked process as for a cold one; this is how:
- **The server** runs none of a submission's code and reads none of its bytes. A request is a few words of the
  harness's and the ends of the new process's three pipes, of the memory that it alone shares with the harness, and of
  its line to the harness; the server forks, and closes them. The question, the seed and the submission's files come
  after the fork, to the child, through the child's own pipe, and answers come to neither. So all that a child finds in
  the memory that it shares with the server, copied as soon as one of them writes to it, is Python, numpy and the
  worker's code; and nothing that a child does to numpy or Python is seen by the server or by a later child.
- **`bubblewrap`.** The server lives in the sandbox, with no folder that can be written to, and no capability but,
  where we are root, those to become another user. It holds /proc open, to write what a namespace needs; a child closes
  it when that is done, before it forks on. The child becomes the user that the harness lent to this process alone, and
  makes user, mount, process, network, IPC, host-name and cgroup namespaces, with that user as their only one, closed
  to further ones. It forks the first process of the new process namespace, the keeper, and that forks the worker. The
  worker mounts an empty scratch folder in memory, and another folder in memory, into which it writes the submission's
  files and which is read-only then; gives up all capabilities, and goes on as one that was started cold. The mounts
  that it has from the server are locked by the kernel, which does so when a namespace with less rights copies them:
  not even the rights that it has for that moment could make them writable or take them away.
- **`restricted`** and **`none`.** The server is a process beside the harness, and the child puts on itself what a cold
  one does: another user, Landlock, the filter, limits. The keeper is the parent of the worker, which is the only one
  of its session.
- **The end.** The harness holds the other end of the line, and a descriptor (never a number, which may mean another
  process by now) of the process whose end is the end of all: the keeper, as the first of its process namespace; at the
  other levels the worker. To end it, the harness kills what the descriptor names and shuts the line, at which the
  keeper kills as well: so it depends neither on the worker nor on how far the start has come. How the worker ended is
  told by the keeper, over the line, which the worker does not hold. The worker cannot harm the keeper: the kernel lets
  no signal through to the first process of a namespace from inside, unless that has asked for it, and the filter
  forbids all else. If the harness dies, the kernel shuts the line; it ends bubblewrap, and with it the server and all
  that came of it; at the other levels the server ends as its socket is shut, and the keeper ends the worker.
- **What forked processes share** is where the kernel has put programs and libraries in memory, and the key of Python's
  hashes: drawn once a server, where cold processes draw their own. Whoever knows these can tell the order of sets and
  the addresses in a sibling. As no byte of a submission reaches the server or a sibling, there is nothing to use them
  for; and each process could always read its own. The generators of `random` and `numpy.random` are seeded before each
  case, as ever; `default_rng()`, `secrets` and `uuid4()` ask the kernel each time.
- **Where it cannot be had**, processes are started cold. That is tried once, by the same trial as a level (`parity
  doctor` tells). It is so as well for a folder that is too large to be copied, and where files of the installation are
  closed to others than root, whom the child's namespace does not know. A server that has died is replaced. A child
  that does not come as far as to say that it is ready, which is before anything looks at the submission's code, is
  replaced by a cold process, and its server is not asked again.

**What no level promises.** A hole in the kernel is a hole in all of them. Time and memory bandwidth are shared, so a
submission can be slow at its neighbours' cost, and can measure them. The memory that the kernel itself spends on files
is bounded only by how many can be made before the time limit (400,000 empty ones in 10 s, 0.4 GiB, were seen; it is
given back when the process ends); where that matters, start Parity under a memory limit of the system's (`systemd-run
-p MemoryMax=`). A submission may claim a fault of the harness, and then has no grade instead of a bad one: such claims
are listed for a human look. At the levels below `bubblewrap` the names of the folders above a submission's own are
visible to it.

A level counts as there only if a worker was started in it and found everything forbidden that must be (trial.py).
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from parity_tests.harness.inside.confine import landlock_version
from parity_tests.harness.process.fork_servers import ForkServers
from parity_tests.harness.process.runner import Runner
from parity_tests.protocol.errors import HarnessError, UsageError
from parity_tests.protocol.layout import Layout

LEVELS = ("none", "restricted", "bubblewrap")
"""From the weakest to the strongest."""
GUARANTEES = {
    "none": "a child process with limits, for code that you trust",
    "restricted": "a child process with limits, a filter of system calls, and, where the kernel has it, Landlock",
    "bubblewrap": "namespaces of its own, no files but those it needs, a filter of system calls, and limits",
}
"""What holds at each level, in words."""
_SECONDS = 10.0
TRIAL = Layout("trial")
"""What is run to try a level out: an empty file."""


@dataclass(frozen=True)
class Level:
    """A level that works on this machine: its name, and in words what holds there."""

    name: str
    guarantee: str

    @property
    def contains(self) -> bool:
        """Whether it is meant for code that nobody vouches for."""
        return self.name != "none"


def choose(minimum: str | None) -> Level:
    """The strongest level that works here, which must be `minimum` at least.

    None asks for the strongest, and never gives `none`: that must be asked for. Raises UsageError.
    """
    least = LEVELS.index(_known(minimum or "restricted"))
    for name in reversed(LEVELS[least:]):
        if not problem(name):
            return Level(name, GUARANTEES[name])
    why = "; ".join(f"{name} does not work: {problem(name)}" for name in reversed(LEVELS[least:]))
    rest = ". --isolation none runs code that you trust without any" if minimum is None else ""
    raise UsageError(f"there is no isolation of the level {LEVELS[least]} or a stronger one here: {why}{rest}.")


def require(name: str) -> Level:
    """Exactly this level. Raises UsageError where it does not work."""
    if found := problem(_known(name)):
        raise UsageError(f"the isolation level {name} does not work here: {found}.")
    return Level(name, GUARANTEES[name])


@lru_cache
def problem(name: str) -> str:
    """Why a level does not work on this machine, "" where it does; tried once, in a third of a second."""
    if name == "none":
        return ""
    if sys.platform != "linux":
        return "only Linux has it"
    try:
        return _found(*_try(name))
    except (UsageError, HarnessError, OSError) as error:
        return f"{error}{_hint(name)}".replace("\n", "; ")


@lru_cache
def forking_problem(name: str) -> str:
    """Why processes of a level that works cannot be forked off a fork server, "" where they can; tried once."""
    if sys.platform != "linux":
        return "only Linux has what it needs"
    with ForkServers() as servers:
        try:
            escapes, broken = _try(name, servers)
        except (UsageError, HarnessError, OSError) as error:
            return str(error).replace("\n", "; ")
        return servers.problem or _found([] if name == "none" else escapes, broken)


def _found(escapes: list[str], broken: list[str]) -> str:
    if escapes:
        return f"a submission could {', '.join(escapes)}"
    return f"a submission could not {', '.join(broken)}" if broken else ""


def _known(name: str) -> str:
    if name not in LEVELS:
        raise UsageError(f"there is no isolation level {name!r}; there are {', '.join(LEVELS)}")
    return name


def _try(name: str, servers: ForkServers | None = None) -> tuple[list[str], list[str]]:
    """What could be done in a worker at that level and must not, and the reverse."""
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
        folder = Path(temporary, "submission")
        folder.mkdir()
        (folder / TRIAL.file).touch()
        Path(temporary).chmod(0o755)
        secret = Path(temporary, "secret")
        secret.touch()
        # Without Landlock, no more can be asked of a user of its own than of any other user.
        hidden = name == "bubblewrap" or landlock_version() > 0
        secret.chmod(0o666 if hidden else 0o644)
        # In a process namespace of its own there are only bubblewrap, as 1, and the worker.
        others = list(range(2, 1000)) if name == "bubblewrap" else [os.getpid()]
        params = {"secret": str(secret), "processes": others, "hidden": hidden}
        with Runner(
            folder,
            probe=Path(__file__).parents[1] / "inside" / "sandbox_probe.py",
            layout=TRIAL,
            isolation=name,
            case_seconds=_SECONDS,
            servers=servers,
        ) as runner:
            seen = runner.ask("trial", "trial", params, {}, seed=0)
    if "escapes" not in seen.facts or "broken" not in seen.facts:
        raise HarnessError("; ".join(failure.text for failure in seen.failures.values()) or "the trial said nothing")
    return list(seen.facts["escapes"]), list(seen.facts["broken"])


def _hint(name: str) -> str:
    """What usually forbids a level that is installed."""
    for file, open_to in (
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "1"),
    ):
        path = Path(file)
        if name == "bubblewrap" and os.geteuid() != 0 and path.exists() and path.read_text().strip() != open_to:
            setting = f"{file.removeprefix('/proc/sys/').replace('/', '.')}={open_to}"
            return f" (this system refuses namespaces to users other than root: sysctl -w {setting} allows them)"
    return ""
