"""The server that it was forked off: its sockets and descriptors, its folders, its requests. Verdict: match."""

import ctypes
import gc
import json
import os
import stat
import sys

_honest = relu.forward
_REQUEST = json.dumps({"user": None, "cap": 1 << 20, "scratch_bytes": 1 << 20}).encode()


def forward(self, X):
    libc = ctypes.CDLL(None, use_errno=True)
    for descriptor in range(4096):
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            continue
        if stat.S_ISSOCK(mode) or stat.S_ISDIR(mode):
            print("BREACH: holds", descriptor, oct(mode))
        if libc.send(descriptor, _REQUEST, len(_REQUEST), 0) >= 0 or libc.recv(descriptor, bytes(8), 8, 0) >= 0:
            print("BREACH: spoke on", descriptor)
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ == "socket" and value.fileno() >= 0:
                print("BREACH: found a socket")
        frame = frame.f_back
    for found in gc.get_objects():
        if type(found).__name__ == "socket" and found.fileno() >= 0:
            print("BREACH: found a socket among all objects")
    for path in ("/proc", "/proc/1", "/proc/self/fd", "/proc/sys/user"):
        if os.path.exists(path) and os.access(path, os.R_OK):
            try:
                os.listdir(path)
                print("BREACH: listed", path)
            except OSError:
                pass
    for path in (os.path.dirname(__file__), "/", "/dev", os.path.dirname(os.__file__), os.path.dirname(np.__file__)):
        for call in (libc.umount2(path.encode(), 2), libc.mount(None, path.encode(), None, 32, None), libc.chroot(path.encode())):
            if call == 0:
                print("BREACH: changed what is mounted at", path)
        try:
            open(path + "/parity-hostile", "w").close()
            print("BREACH: wrote to", path)
        except OSError:
            pass
    return _honest(self, X)


relu.forward = forward
