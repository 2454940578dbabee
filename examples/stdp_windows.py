"""What one pair of spikes does to a weight: the rules of `rsnn` beside what other libraries call STDP.

    python examples/stdp_windows.py docs/images/stdp-windows.png

Ours are measured, by forcing the two spikes and looking at the weight. Those of the others are drawn by the formula that a measurement of
each gave (the same constants: A+ = 0.001, A- = 0.001, of BindsNET A+ = 0.002, 20 ms, weight 0.5), so that none of them need be installed.
"""

import argparse
from collections.abc import Callable

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

from rsnn import PairSTDP
from rsnn.plasticity import Traces, Window, stdp_step

LAGS = np.arange(-60, 61)
A, TAU, WEIGHT = 1e-3, 20.0, 0.5


def change(rule: PairSTDP, lag: int) -> float:
    """By how much a pair whose postsynaptic spike came `lag` ms after the presynaptic one moves a weight of 0.5."""
    weight = torch.full((1, 1), WEIGHT, dtype=torch.float64)
    zero = torch.zeros_like(weight)
    traces = Traces(zero, zero)
    window = Window(*(v.view(1, 1).clone() for v in rule.draw(1, generator=torch.Generator())))
    pre, post = (0, lag) if lag >= 0 else (-lag, 0)
    for t in range(abs(lag) + 1):
        fired = [torch.full((1,), float(t == when), dtype=torch.float64) for when in (pre, post)]
        weight, traces = stdp_step(weight, fired[0], fired[1], traces, window, rule, dt=1.0)
    return float(weight) - WEIGHT


def two_sided(plus: float, minus: float, zero: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
    """A window plus e^(-lag / tau) for positive lags, -minus e^(lag / tau) for negative ones, `zero` at 0."""
    return lambda lag: np.where(lag > 0, plus, np.where(lag < 0, -minus, 0.0)) * np.exp(-np.abs(lag) / TAU) + zero * (lag == 0)


OURS = {
    "PairSTDP, additive": PairSTDP(A, A, TAU, TAU),
    "PairSTDP, soft bounds (mu = 1)": PairSTDP(A, A, TAU, TAU, mu_plus=1.0, mu_minus=1.0),
    "PairSTDP, power law (mu = 0.4)": PairSTDP(A, A, TAU, TAU, mu_plus=0.4, mu_minus=0.4),
    "PairSTDP.symmetric": PairSTDP.symmetric(A, TAU),
}
THEIRS = {
    "SpikingJelly STDPLearner: times the weight": two_sided(A * WEIGHT, A * WEIGHT),
    "Norse: the trace rises by dt / tau": two_sided(A / TAU, A / TAU),
    "BindsNET PostPre: one step counts too": two_sided(2 * A, A, zero=A),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("file", help="where the figure goes")
    to = options.parse_args().file
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
    measured = {name: np.array([change(rule, int(lag)) for lag in LAGS]) for name, rule in OURS.items()}
    for name, window in measured.items():
        left.plot(LAGS, 1e3 * window, label=name, lw=1.5)
    right.plot(LAGS, 1e3 * measured["PairSTDP, additive"], label="PairSTDP, additive", lw=1.5)
    for name, formula in THEIRS.items():
        right.plot(LAGS, 1e3 * formula(LAGS), label=name, lw=1.5)
    for axes, title in ((left, "rsnn (measured)"), (right, "the same constants elsewhere")):
        axes.set(xlabel="postsynaptic minus presynaptic spike (ms)", title=title)
        axes.axhline(0, color="0.7", lw=0.8)
        axes.legend(fontsize=7)
    left.set_ylabel("change of a weight of 0.5 (1/1000)")
    figure.savefig(to, dpi=110)
    print(f"{'lag (ms)':45s}" + "".join(f"{lag:>9d}" for lag in (-10, -1, 0, 1, 10)))
    for name, values in {**measured, **{name: formula(LAGS) for name, formula in THEIRS.items()}}.items():
        print(f"{name:45s}" + "".join(f"{1e3 * values[60 + lag]:9.3f}" for lag in (-10, -1, 0, 1, 10)))


if __name__ == "__main__":
    main()
