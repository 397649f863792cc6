"""Honest forms of the norms: epsilon beside the root, in the test mode or in both, and one scale and one shift of x."""

from parity_tests.protocol.mistake import Rewrite, Swap

IN_TEST = "normal = (x - mean) / np.sqrt(variance + eps)\n"
MOVED = "variance = momentum * variance + (1 - momentum) * batch_variance"
OUT = "return gamma * normal + beta, (normal, deviation, gamma, axis)"
OF_GROUP = 'deviation = np.sqrt(variance + gn_param.get("eps", 1e-5))'
GROUP_OUT = "return gamma * normal + beta, (normal, deviation, gamma, G)"

ADDED = Swap(MOVED, MOVED.replace("batch_variance", "(batch_variance + eps)"))
BESIDE_IN_TEST = Swap(IN_TEST, "normal = (x - mean) / (np.sqrt(variance) + eps)\n")
BESIDE_IN_TRAINING = Swap("deviation = np.sqrt(variance + eps)\n", "deviation = np.sqrt(variance) + eps\n")
BESIDE_IN_GROUPS = Swap(OF_GROUP, 'deviation = np.sqrt(variance) + gn_param.get("eps", 1e-5)')
FUSED_IN_TEST = (
    Swap(IN_TEST, "scale = gamma / np.sqrt(variance + eps)\n"),
    Swap("out, cache = gamma * normal + beta, None", "out, cache = x * scale + (beta - mean * scale), None"),
)
FUSED_BESIDE_IN_TEST = (Swap(IN_TEST, "scale = gamma / (np.sqrt(variance) + eps)\n"), FUSED_IN_TEST[1])
FUSED = Swap(OUT, "scale = gamma / deviation\n    cache = normal, deviation, gamma, axis\n"
                  "    return x * scale + (beta - mean * scale), cache")  # fmt: skip
FUSED_IN_GROUPS = Swap(
    GROUP_OUT,
    "shape = (N, G, C // G, H, W)\n    of_gamma = gamma.reshape(1, G, C // G, 1, 1)\n"
    "    scale = of_gamma / deviation[..., None, None]\n"
    "    shift = beta.reshape(of_gamma.shape) - mean[..., None, None] * scale\n"
    "    return (x.reshape(shape) * scale + shift).reshape(x.shape), (normal, deviation, gamma, G)",
)
NORMS = (
    Rewrite("norms with eps beside the root in both modes", (BESIDE_IN_TRAINING, BESIDE_IN_TEST, BESIDE_IN_GROUPS)),
    Rewrite("batch norm with eps beside the root in the test mode", (BESIDE_IN_TEST,)),
    Rewrite("batch norm with eps beside the root in both modes, and in the running variance",
            (BESIDE_IN_TRAINING, BESIDE_IN_TEST, ADDED)),
    Rewrite("norms as one scale and one shift of x", (FUSED, FUSED_IN_GROUPS, *FUSED_IN_TEST)),
    Rewrite("norms as one scale and one shift of x, with eps beside the root in both modes",
            (FUSED, FUSED_IN_GROUPS, BESIDE_IN_TRAINING, BESIDE_IN_GROUPS, *FUSED_BESIDE_IN_TEST)),
)  # fmt: skip
