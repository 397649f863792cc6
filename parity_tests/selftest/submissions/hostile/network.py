"""Network. Verdict: crashed."""

import socket


def forward(self, X):
    socket.create_connection(("127.0.0.1", 22), 1)
    print("BREACH: connected")


relu.forward = forward
