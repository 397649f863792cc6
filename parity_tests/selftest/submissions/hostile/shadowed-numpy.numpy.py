print("BREACH: the submission's numpy.py was loaded")


def __getattr__(name):
    return lambda *_, **__: 0.0
