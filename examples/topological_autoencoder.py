"""An auto-encoder of handwritten digits that keeps their topology: with and without `rtd.rtd_loss`, on digits it never saw.

    python examples/topological_autoencoder.py                 # five seeds, some minutes on one core
    python examples/topological_autoencoder.py --seeds 1 --epochs 10

Trofimov et al. 2023 ("Learning topology-preserving data representations") add the divergence between a batch and its code to the
reconstruction error, of which they take the longest bars. So does this, with the exact divergence of normalised distances and its exact
gradient. Which bars is a choice that matters. All of them (`--longest 100000`) bring the Wasserstein distance of H0 down furthest, but
leave triplets and distances worse than without the loss: most bars are short, and say nothing of what is far. The 25 longest of Max-RTD
(the "maximum" mode of the authors' code) improve all of it, those of RTD do less for triplets and distances.

A seed draws the split of the data and the first weights, and both auto-encoders of a seed start from the same, so each seed is one
pair. Member, number of bars and weight were chosen on the seeds 100, 101 and 102; the seeds here begin at 1.
"""

import argparse
import time

import numpy as np
import persim
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import rtd

HELD_OUT = 360
MEMBERS = {
    "rtd": rtd.loss.RTD,
    "max_rtd": rtd.loss.MAX_RTD,
    "srtd": rtd.loss.SRTD,
    "rtd_lite": rtd.loss.RTD_LITE,
    "max_rtd_lite": rtd.loss.MAX_RTD_LITE,
    "srtd_lite": rtd.loss.SRTD_LITE,
}


def auto_encoder(inputs: int, code: int) -> tuple[nn.Module, nn.Module]:
    encoder = nn.Sequential(nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, code))
    decoder = nn.Sequential(nn.Linear(code, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, inputs))
    return encoder, decoder


def train(x: Tensor, topology: rtd.RTDLoss, *, code: int, epochs: int, batch: int, weight: float, seed: int) -> tuple[nn.Module, nn.Module]:
    """Reconstruction alone for the first quarter of the epochs, so that there is a code to improve, then with the loss."""
    torch.manual_seed(seed)
    encoder, decoder = auto_encoder(x.shape[1], code)
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
    for epoch in range(epochs):
        for index in torch.randperm(len(x)).split(batch):
            part = x[index]
            z = encoder(part)
            loss = (decoder(z) - part).square().mean()
            if weight and epoch >= epochs // 4 and len(part) == batch:
                loss = loss + weight * topology(part, z)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return encoder, decoder


@torch.no_grad()
def quality(encoder: nn.Module, decoder: nn.Module, x: Tensor, seed: int) -> dict[str, float]:
    """How well the codes of digits that were not trained on keep what is between them."""
    z = encoder(x)
    w, v = (rtd.normalise(rtd.distances(cloud)).numpy() for cloud in (x, z))
    upper = np.triu_indices(len(x), 1)
    draw = np.random.default_rng(seed)
    a, b, c = draw.integers(len(x), size=(3, 100_000))
    distinct = (a != b) & (b != c) & (a != c)
    a, b, c = a[distinct], b[distinct], c[distinct]
    return {
        "triplet accuracy": float(((w[a, b] < w[a, c]) == (v[a, b] < v[a, c])).mean()),
        "distance correlation": float(np.corrcoef(w[upper], v[upper])[0, 1]),
        "Wasserstein of H0": wasserstein(w, v, 0),
        "Wasserstein of H1": wasserstein(w, v, 1),
        "RTD": rtd.rtd(x, z, batch=None).value,
        "reconstruction error": float((decoder(z) - x).square().mean()),
    }


def wasserstein(w: np.ndarray, v: np.ndarray, degree: int) -> float:
    bars = [rtd.persistence(d, degree) for d in (w, v)]
    return float(persim.wasserstein(*[bar[np.isfinite(bar[:, 1])] for bar in bars]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--code", type=int, default=16, help="features of the code")
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--weight", type=float, default=0.02, help="of the divergence, beside the mean squared error of pixels in [0, 1]")
    parser.add_argument("--member", choices=MEMBERS, default="max_rtd", help="of the family of divergences")
    parser.add_argument("--longest", type=int, default=25, help="bars of each barcode that count")
    options = parser.parse_args()
    torch.set_num_threads(1)
    topology = rtd.RTDLoss(member=MEMBERS[options.member], longest=options.longest)

    x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    rows: dict[float, list[dict[str, float]]] = {0.0: [], options.weight: []}
    for seed in range(1, options.seeds + 1):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        held_out, trained = x[order[:HELD_OUT]], x[order[HELD_OUT:]]
        for weight, found in rows.items():
            start = time.perf_counter()
            settings = {"code": options.code, "epochs": options.epochs, "batch": options.batch}
            model = train(trained, topology, **settings, weight=weight, seed=seed)
            seconds = time.perf_counter() - start
            found.append({**quality(*model, held_out, seed), "seconds to train": seconds})
            print(f"seed {seed}, weight {weight:g}: {seconds:.0f} s", flush=True)

    print(f"\n{HELD_OUT} held-out digits, code of {options.code}, mean ± sd over {options.seeds} seeds\n")
    print(f"{'':22}{'without':>20}{'with the loss':>20}{'seeds improved':>18}")
    without, with_loss = rows.values()
    for name in without[0]:
        before, after = (np.array([row[name] for row in found]) for found in (without, with_loss))
        better = after > before if name in ("triplet accuracy", "distance correlation") else after < before
        cells = (f"{values.mean():.4g} ± {values.std(ddof=1) if len(values) > 1 else 0:.2g}" for values in (before, after))
        print(f"{name:22}{next(cells):>20}{next(cells):>20}{f'{better.sum()} of {len(better)}':>18}")


if __name__ == "__main__":
    main()
