"""The levels at which a submission may run, and what each guarantees.

Theory of operation
===================

**What is trusted.** The kernel, Python, numpy, bubblewrap, libseccomp, and Parity's own code: the harness, and what it
puts into the worker (worker.py with the files in its FILES, the probe and its companions). All of it loads before any
of the submission's code runs. **What is not trusted:** the submission's files, and everything that comes out of its
process from its first import on. The submission shares that process with the worker's code, so it can make the worker
send anything. All that it gains by this is to choose its own answers, which it may do by returning them: no expected
value, no tolerance, no seed of another run and no other submission is ever in that process. The harness decodes what
arrives as lengths, JSON and raw numbers. It holds each against a cap before it waits for it (frames.py), and judges it
elsewhere.

**What is at stake:** the machine and its files; the harness; the answers; the grades of others; the time of those who
wait. The rules follow from this. What is not needed is not there, instead of being there and forbidden. Rights are
given up once and for all, before the submission is even parsed. The kernel holds a process to its rights, and the
harness holds it to its time.

`bubblewrap`. The worker starts in namespaces of its own (users, processes, network, IPC, host name, mounts):
- It sees an interpreter, the standard library without its site-packages, the shared libraries that these load, numpy
  (and what --allow names), and the few files of the worker, each bound read-only at its own path (bubblewrap.py,
  runtime_files.py). The libraries are copies in one folder, kept in the user's cache, because fifty binds take 30 ms.
  It sees the submission's folder, read-only as /submission; five devices (null, zero, full, random, urandom); and a
  scratch folder in memory of 64 MiB. It sees no /proc, /sys, /etc, /tmp, /dev/shm, no shell, no other package, no other
  submission, and not Parity's answers.
- It has no capabilities and cannot gain any. If the harness is root, the worker becomes another user, one that owns
  nothing and that no other worker has (users.py), because root cannot be limited to a number of threads. (If files that
  it needs are closed to others than root, it keeps one capability in its own namespace: to read what it sees.)
- A filter of system calls (seccomp.py) allows what numpy, files and threads need, and answers EPERM to the rest: no
  exec, fork, socket, pipe, ptrace, mount, unshare, keyctl, io_uring, bpf, perf, memfd, shared memory. The worker puts
  it on itself (confine.py), because bubblewrap's own filter would forbid the exec that starts the worker.
- Limits: address space (2 GiB), threads (32), open files, size of a file, no core, processor time, and wall time. At
  the end of its wall time the harness kills bubblewrap, and with it all that the worker started, because they share a
  process namespace. If the harness dies, the kernel does the same.

`restricted`, for containers that refuse namespaces. This is a process of the machine, with the same filter and limits:
- It runs as a user of its own, as above, if we are root. Otherwise it stays who we are, and may start no threads.
- Landlock shows it the same files as above and lets it write in its scratch folder alone. It can learn that other files
  exist, how large they are and when they changed: Landlock does not hide that. Where the kernel has no Landlock, there
  is no such level, because a user of its own may read what everybody on the machine may read, right answers too.
- It shares the machine's process ids (but may signal itself alone) and a disk. Its scratch folder is in the temporary
  folder and is measured four times a second; a process that has filled more than 64 MiB of it is killed.

`none`: a child process with the limits, as far as it keeps to them, and nothing else. It is for code that you trust.

**How a process starts.** Either cold: bubblewrap, Python, numpy and the worker's code take a tenth of a second of work.
Or, if many submissions are run, it is forked off a fork server (fork_server.py; fork_servers.py keeps them). A fork
server is a process that has all of this loaded. It is started in the same sandbox, without a submission, and forks
itself for each process that is asked for. There is one for each level, set of the worker's files and set of allowed
modules. So a process with correct parts of an assignment among its files never comes from the server whose processes
are asked for those parts. What is promised above holds for a forked process as for a cold one, in this way:
- **The server** runs none of a submission's code and reads none of its bytes. A request is a few words of the
  harness's; the new process's ends of its three pipes and its status
  socket. The server forks, and closes them. The question, the seed and the submission's files come after the fork, to
  the child, through the child's own pipe; its answers never come to the server. So all that a child finds in the
  memory that it shares with the server is Python, numpy and the worker's code. That memory is copied as soon as one of
  them writes to it, so what a child does to numpy or Python is seen neither by the server nor by a later child.
- **`bubblewrap`.** The server lives in the sandbox. It has no folder that can be written to, and no capability but, if
  we are root, those to become another user. It holds /proc open, to write what a namespace needs; a child closes it
  when that is done, before it forks on. The child becomes the user that the harness took for this process alone, and
  makes user, mount, process, network, IPC, host-name and cgroup namespaces. That user is their only one, and they are
  closed to further ones. The child forks the first process of the new process namespace, the supervisor, and the
  supervisor forks the worker. The worker mounts an empty scratch folder in memory. It mounts another folder in memory,
  writes the submission's files into it, and makes it read-only. Then it gives up all capabilities, and goes on as a
  worker that was started cold. The mounts that it has from the server are locked by the kernel, which does so when a
  namespace with fewer rights copies them. So not even the rights that it has for that moment could make them writable
  or take them away.
- **`restricted`** and **`none`.** The server is a process beside the harness, and the child does to itself what a cold
  one does: another user, Landlock, the filter, limits. The supervisor is the parent of the worker, which is the only
  one of its session.
- **The end.** The harness holds the other end of the status socket, and a descriptor (never a number, which may mean
  another process by now) of the process whose end ends all: the supervisor, as the first of its process namespace; at
  the other levels the worker. To end it, the harness kills the process behind the descriptor and shuts the socket, at
  which the supervisor kills as well. So this depends neither on the worker nor on how far the start has come. The
  supervisor reports how the worker ended over the socket, which the worker does not hold. The worker cannot harm the
  supervisor: from inside, the kernel delivers no signal to the first process of a namespace unless that has asked for
  it, and the filter forbids all else. If the harness dies, the kernel shuts the socket. It ends bubblewrap, and with it
  the server and all that came of it. At the other levels the server ends when its request socket is shut, and the
  supervisor ends the worker.
- **What forked processes share** is where the kernel has put programs and libraries in memory, and the key of Python's
  hashes. These are drawn once for a server; cold processes draw their own. A process that knows them knows the order of
  sets and the addresses in a sibling. As no byte of a submission reaches the server or a sibling, there is nothing to
  use them for; and each process could always read its own. The generators of `random` and `numpy.random` are seeded
  before each case, as ever; `default_rng()`, `secrets` and `uuid4()` ask the kernel each time.
- **If forking does not work**, processes are started cold. It is tried once, by the same trial as a level (`parity
  doctor` reports it). Processes are also started cold for a folder that is too large to be copied, and if files of the
  installation are closed to others than root, whom the child's namespace does not know. A server that has died is
  replaced. A child that does not come as far as to say that it is ready, which is before anything looks at the
  submission's code, is replaced by a cold process, and its server is not asked again.

**What two processes share.** A submission runs in several processes one after the other: those that hold right parts
begin when the others are gone (check.py), and of what they say no text and no number goes to the submission's author
(for_students.py). Processes of different submissions run at once. They have the same
interpreter and libraries open, so the filter leaves out every call that acts on, or tells of, what such files have in
common: locks, leases, the page cache, waiting at a shared page. SECURITY.md lists what is left.

**What no level promises.** A hole in the kernel is a hole in all levels. Time and memory bandwidth are shared, so a
submission can be slow at its neighbours' cost, and can measure them. A scratch folder takes 16,384 files, but that of a
process which another user than root starts cold, which is bounded only by how many can be made before the time limit
(400,000 empty ones in 10 s, 0.4 GiB of the kernel's memory, were seen). Where memory matters, start Parity under a
memory limit of the system's (`systemd-run -p MemoryMax=`). A submission may claim a fault of the harness, or
bring one about; that is its own doing unless the assignment's solution fares no better (whose_fault.py, task.py). At
the levels below `bubblewrap` the names of the folders above a submission's own are visible to it.

A level counts as there only if a worker was started in it, and the trial found everything forbidden that must be
forbidden (available_levels.py, sandbox_probe.py).
"""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("none", "restricted", "bubblewrap")
"""The levels, from the weakest to the strongest."""
GUARANTEES = {
    "none": "a child process with limits, for code that you trust",
    "restricted": "a child process with limits, no files but those it needs (Landlock), and a filter of system calls",
    "bubblewrap": "namespaces of its own, no files but those it needs, a filter of system calls, and limits",
}
"""What holds at each level, in words."""


@dataclass(frozen=True)
class Level:
    """A level that works on this machine: its name, and what it guarantees, in words."""

    name: str
    guarantee: str
