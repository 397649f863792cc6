print("BREACH: the submission's conftest.py was loaded")


def pytest_runtest_makereport(item, call):
    call.excinfo = None
