"""How an evasion is written: the shipped network with lines replaced, and the lines that many of them replace."""

from __future__ import annotations

from parity_tests.protocol.mistake import Body, Rewrite, Swap

SGD = "miniBatchStochasticGradientDescent"
SEED = '    np.random.seed(int(main_params["random_seed"]))\n'
LOOP = '    for t in range(int(main_params["num_epoch"])):\n'
RECORDED = "        val_accuracy_record.append(val_accuracy)\n"
RESULT = '{"train": train_accuracy_record, "val": val_accuracy_record}'
WRITE = "    result.write_text("
FORWARD_1 = 'return X @ self.params["W"] + self.params["b"]'


def main(name: str, *swaps: tuple[str, str]) -> Rewrite:
    return Rewrite(f"main: {name}", tuple(Swap(*swap) for swap in swaps))


def swapped(name: str, *swaps: tuple[str, str]) -> Rewrite:
    return Rewrite(name, tuple(Swap(*swap) for swap in swaps))


def body(name: str, function: str, statements: str) -> Rewrite:
    return Rewrite(name, (Body(function, statements),))
