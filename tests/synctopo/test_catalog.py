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


RULES = [
    {"rule": "stdp", "mu_plus": 0.5},
    {"rule": "stdp", "homeostasis": {"scaling": {"target": 30.0}, "threshold": False}},
    {"rule": "triplet", "homeostasis": {"normalisation": 0.5}},
    {"rule": "reward", "learning_rate": 5.0},
]


@pytest.mark.parametrize("table", RULES)
def test_a_network_of_a_study_learns_by_them(table: dict) -> None:
    spec = catalog.model_spec({"family": "rsnn", "units": 8, "connectivity": 0.5, "input_scale": 20.0, "learning": table}, "models.m")
    net = catalog.build(spec, (3, 3), 2, 0)
    before = net.recurrent_weight.detach().clone()
    x = (torch.rand(3, 40, 9, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    summary = catalog.FAMILIES["rsnn"].fit(spec, net, x, torch.arange(3) % 2, 0)
    assert summary["moved"][0] > 0
    assert not torch.equal(before, net.recurrent_weight)


def test_words_of_a_study_become_homeostasis() -> None:
    assert learning({"rule": "stdp"}).homeostasis.built() == rsnn.Homeostasis()
    words = {"normalisation": 2.0, "threshold": {"increment": 0.1, "target": 0.0, "tau": 1e4}}
    expected = rsnn.Homeostasis(rsnn.Normalisation(2.0), rsnn.AdaptiveThreshold(0.1, 0.0, 1e4))
    assert learning({"rule": "stdp", "homeostasis": words}).homeostasis.built() == expected
    scaled = learning({"rule": "stdp", "homeostasis": {"scaling": {}, "threshold": False}}).homeostasis.built()
    assert scaled == rsnn.Homeostasis(None, None, rsnn.SynapticScaling())


def test_words_of_a_study_become_adaptive_neurons_and_populations() -> None:
    table = {
        "family": "rsnn",
        "units": 10,
        "neuron": {"beta": 0.3, "tau_adaptation": {"distribution": "gamma", "mean": 50.0, "cv": 0.5}},
        "dale": {"excitatory": 0.6},
        "tau_readout": 5.0,
        "encoder": {"population": 3},
    }
    spec = catalog.model_spec(table, "models.m")
    net = catalog.build(spec, (2, 2), 2, 0)
    assert net.inputs == 12
    assert net.beta.tolist() == [0.3] * 10
    assert float(net.tau_adaptation.std()) > 0
    assert int((net.sign < 0).sum()) == 4
    assert net.tau_readout.tolist() == [5.0, 5.0]
    images = torch.rand(3, 2, 2, generator=torch.Generator().manual_seed(0)).numpy()
    x = catalog.FAMILIES["rsnn"].inputs(spec, images, torch.Generator())
    assert x.shape == (3, 50, 12)


@pytest.mark.parametrize("table", [{"rule": "bptt", "learn": ["tau_mem", "tau_readout"]}, {"rule": "eprop", "feedback": "random"}])
def test_a_network_of_a_study_learns_with_labels(table: dict) -> None:
    table = {"epochs": 1, "batch": 8, **table}
    spec = catalog.model_spec({"family": "rsnn", "units": 8, "connectivity": 0.5, "input_scale": 20.0, "learning": table}, "models.m")
    net = catalog.build(spec, (3, 3), 2, 0)
    before = net.tau_mem.clone()
    x = (torch.rand(8, 40, 9, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    assert catalog.FAMILIES["rsnn"].fit(spec, net, x, torch.arange(8) % 2, 0)["loss"][0] > 0
    assert torch.equal(before, net.tau_mem) == (table["rule"] == "eprop")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"encoder": {"population": 2}}, "models.m.encoder.population is 2; it must be 1, or at least 3"),
        ({"neuron": {"beta": -1.0}}, r"models.m.neuron: ALIF\(beta=-1.0\)"),
        ({"learning": {"rule": "bptt", "learn": ["tau_adaptation"]}}, "models.m.neuron has no beta"),
    ],
)
def test_words_that_do_not_go_together_are_refused_with_a_sentence(more: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        catalog.model_spec({"family": "rsnn", "units": 5, **more}, "models.m")


def test_an_unknown_fit_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="learning"):
        learning({"rule": "triplet", "fit": "cerebellum"})
