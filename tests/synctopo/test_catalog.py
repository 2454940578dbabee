import pytest
import torch

import rsnn
from synctopo import catalog


def learning(table: dict) -> object:
    return catalog.model_spec({"family": "rsnn", "units": 5, "learning": table}, "models.m").learning


def test_words_of_a_study_become_learning_rules() -> None:
    pair = learning({"rule": "stdp", "pairing": "nearest", "mu_plus": 0.5, "mu_minus": 1.0})
    assert pair.built() == rsnn.PairSTDP(pairing=rsnn.Pairing.NEAREST, mu_plus=0.5, mu_minus=1.0)
    assert learning({"rule": "triplet"}).built() == rsnn.TripletSTDP.visual_cortex()
    assert learning({"rule": "triplet", "fit": "hippocampus", "scale": 0.1}).built() == rsnn.TripletSTDP.hippocampus(scale=0.1)


@pytest.mark.parametrize("table", [{"rule": "stdp", "mu_plus": 0.5}, {"rule": "triplet"}])
def test_a_network_of_a_study_learns_by_them(table: dict) -> None:
    spec = catalog.model_spec({"family": "rsnn", "units": 8, "connectivity": 0.5, "input_scale": 20.0, "learning": table}, "models.m")
    net = catalog.build(spec, (3, 3), 2, 0)
    before = net.recurrent_weight.detach().clone()
    x = (torch.rand(3, 40, 9, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    summary = catalog.FAMILIES["rsnn"].fit(spec, net, x, torch.zeros(3, dtype=torch.int64), 0)
    assert summary["moved"][0] > 0
    assert not torch.equal(before, net.recurrent_weight)


def test_an_unknown_fit_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="learning"):
        learning({"rule": "triplet", "fit": "cerebellum"})
