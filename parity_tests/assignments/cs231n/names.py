"""The names of the assignment's modules and functions, each in one place."""

PACKAGE = "cs231n"
LAYERS = "cs231n.layers"
OPTIM = "cs231n.optim"
FC_NET = "cs231n.classifiers.fc_net"
CNN = "cs231n.classifiers.cnn"
SOLVER = "cs231n.solver"
GIVEN = ("cs231n.layer_utils", "cs231n.fast_layers")
"""What students are given, which uses what they write; lent where it is missing."""

OPTIM_FILE = "cs231n/optim.py"
FC_FILE, CNN_FILE = "cs231n/classifiers/fc_net.py", "cs231n/classifiers/cnn.py"

UNSUPPORTED = {"classifiers/neural_net.py": "2016-20 (assignment 1)"}
"""A file that only an assignment without an edition has, where there is no layers.py."""

LABELS = {
    "x": "its input x",
    "w": "its input w",
    "b": "its input b",
    "gamma": "its input gamma",
    "beta": "its input beta",
    "dout": "the incoming gradient dout",
    "dw": "the gradient dw",
    "y": "the labels y",
}
"""What sentences call the arrays that a call may write over."""
