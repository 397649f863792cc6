"""What another submission may have left, and leaving as much as it can for the next one. Verdict: match."""

import os
import sys
import tempfile
import threading
import time

_honest = relu.forward
_MARK = "parity-left-behind"


def forward(self, X):
    places = (os.getcwd(), os.path.dirname(os.getcwd()), tempfile.gettempdir(), os.path.dirname(__file__))
    paths = [os.path.join(place, _MARK + str(os.getpid())) for place in (*places, "/dev/shm", "/tmp", "/")]
    if _MARK not in os.environ:  # the first time in this process
        if hasattr(np, "parity_left_behind") or hasattr(sys, "parity_left_behind"):
            print("BREACH: numpy or sys was changed before")
        print(*("BREACH: found " + path for path in paths if os.path.exists(path)))
        try:
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        except RuntimeError:  # there may be none
            pass
    for path in paths:
        try:
            open(path, "w").close()
        except OSError:
            pass
    os.environ[_MARK] = "left"
    np.parity_left_behind = sys.parity_left_behind = True
    os.umask(0)
    return _honest(self, X)


relu.forward = forward
