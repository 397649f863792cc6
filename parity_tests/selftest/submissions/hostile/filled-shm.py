"""Filling /dev/shm, /tmp and /dev. Verdict: match."""

_honest = relu.forward


def forward(self, X):
    for folder in ("/dev/shm", "/tmp", "/var/tmp", "/dev", "/run", "/"):
        try:
            with open(folder + "/parity-hostile", "wb") as file:
                file.write(bytes(1 << 20))
            print("BREACH: wrote to", folder)
        except OSError:
            pass
    return _honest(self, X)


relu.forward = forward
