"""How unequal should neurons and synapses be? A search over means and spreads, for accuracy and against spikes.

    python examples/heterogeneity_design.py                    # digits, 40 networks, some minutes on one core
    python examples/heterogeneity_design.py --trials 5 --units 100 --train 200

As Chakraborty and Mukhopadhyay 2023 (arXiv 2302.11618) did by Bayesian optimisation, which also said what it costs to remember: the memory
capacity of the best network, and how much of it a Hz buys. Needs the extra `design`.
"""

import argparse
from dataclasses import replace

import numpy as np

import rsnn
from synctopo import data
from synctopo.design import Span, search

TABLE = {
    "family": "rsnn",
    "connectivity": 0.1,
    "input_scale": 1.5,
    "recurrent_scale": 2.0,
    "encoder": {"steps": 40, "rate_max": 500.0},
    "neuron": {
        "tau_mem": {"distribution": "gamma", "mean": 20.0, "cv": 0.5},
        "tau_syn": {"distribution": "gamma", "mean": 10.0, "cv": 0.5},
        "refractory": 2.0,
    },
    "learning": {
        "rule": "stdp",
        **{name: {"distribution": "gamma", "mean": mean, "cv": 0.5} for name, mean in (("a_plus", 0.01), ("a_minus", 0.0105))},
        **{name: {"distribution": "gamma", "mean": 20.0, "cv": 0.5} for name in ("tau_plus", "tau_minus")},
    },
}
SPACE = {
    "neuron.tau_mem.mean": Span(5.0, 60.0, log=True),
    "neuron.tau_mem.cv": Span(0.0, 1.0),
    "neuron.tau_syn.mean": Span(2.0, 30.0, log=True),
    "neuron.tau_syn.cv": Span(0.0, 1.0),
    "learning.tau_plus.mean": Span(5.0, 60.0, log=True),
    "learning.tau_plus.cv": Span(0.0, 1.0),
    "learning.a_plus.cv": Span(0.0, 1.0),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("trials", 40), ("units", 200), ("train", 1200), ("seed", 0)):
        options.add_argument(f"--{name}", type=int, default=default)
    said = options.parse_args()
    whole = data.digits()
    train = data.split(whole, train=said.train, test=100, seed=said.seed).train
    designs = search({**TABLE, "units": said.units}, SPACE, train, trials=said.trials, seed=said.seed)
    print("accuracy  spikes  " + "  ".join(place.replace("learning.", "").replace("neuron.", "") for place in SPACE))
    for d in sorted((d for d in designs if d.best), key=lambda d: -d.accuracy):
        print(f"{d.accuracy:8.3f}  {d.spikes:6.0f}  " + "  ".join(f"{v:.3g}".rjust(len(p.split(".", 1)[1])) for p, v in d.values.items()))
    for d in designs:
        if d.failed:
            print(f"not trained: {d.failed}")
    best = max(designs, key=lambda d: (d.accuracy, -d.spikes))
    tau = rsnn.Gamma(best.values["neuron.tau_mem.mean"], best.values["neuron.tau_mem.cv"])
    equal = rsnn.LIF(best.values["neuron.tau_mem.mean"], best.values["neuron.tau_syn.mean"], refractory=2.0)
    for name, neuron in (("equal neurons", equal), ("the best spread", replace(equal, tau_mem=tau))):
        found = [rsnn.network_memory(rsnn.RSNN(1, said.units, 2, neuron=neuron, input_scale=6.0), length=400, delays=10)]
        print(f"{name}: memory capacity {np.mean([f.total for f in found]):.2f}, {np.mean([f.efficiency for f in found]):.4f} for a Hz")


if __name__ == "__main__":
    main()
