import copy

import pytest
import torch

from rsnn import ALIF, RSNN, Gamma, Homeostasis, PairSTDP, Sparse, SynapticScaling, TripletSTDP, encode, fit_stdp
from rsnn.checkpoints import Checkpoint

SPREAD = PairSTDP(Gamma(0.1, 0.5), Gamma(0.1, 0.5), Gamma(20, 0.5), Gamma(20, 0.5))
RULES = [
    (PairSTDP(0.1, 0.08), Homeostasis(), None),
    (PairSTDP(0.1, 0.08), Homeostasis(None, None), PairSTDP(0.2, 0.1, w_min=-50, w_max=50)),
    (SPREAD, Homeostasis(None, None, SynapticScaling()), None),
    (SPREAD, Homeostasis(), PairSTDP(0.2, 0.1, w_min=-50, w_max=50)),
    (TripletSTDP.visual_cortex(scale=5.0), Homeostasis(), None),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> RSNN:
    return RSNN(5, 15, 2, neuron=ALIF(), connectivity=Sparse(0.4), input_scale=8.0, generator=seeded())


def stimulus(samples: int = 7) -> torch.Tensor:
    return encode.poisson(torch.rand(samples, 5, generator=seeded()), 20, rate_max=300, generator=seeded())


@pytest.mark.parametrize(("rule", "homeostasis", "input_rule"), RULES)
def test_a_batch_leaves_the_mean_of_what_its_samples_leave_alone(rule, homeostasis, input_rule) -> None:
    net, x, settings = network(), stimulus(), {"homeostasis": homeostasis, "input_rule": input_rule}
    before, alone = copy.deepcopy(net.state_dict()), []
    for n in range(7):
        other = network()
        fit_stdp(other, x[n : n + 1], rule, generator=seeded(), **settings)
        alone.append(other.state_dict())
    fit_stdp(net, x, rule, batch=7, generator=seeded(), **settings)
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, torch.stack([a[name] for a in alone]).mean(0), rtol=1e-6, atol=1e-6)
    assert not torch.allclose(net.recurrent_weight, before["recurrent_weight"], atol=1e-3)
    assert torch.equal(net.input_weight, before["input_weight"]) == (input_rule is None)


def test_a_batch_of_one_sample_is_that_sample_bit_for_bit() -> None:
    nets = [network(), network()]
    histories = [fit_stdp(net, stimulus(1), SPREAD, batch=batch, generator=seeded()) for net, batch in zip(nets, (1, 5), strict=True)]
    assert histories[0] == histories[1]
    assert torch.equal(nets[0].recurrent_weight, nets[1].recurrent_weight)


def test_the_order_of_samples_matters_from_batch_to_batch_and_not_within_one() -> None:
    x, learnt = stimulus(6), {}
    for batch in (1, 6):
        for name, given in (("first", x), ("turned", x.flip(0))):
            net = network()
            fit_stdp(net, given, PairSTDP(0.1, 0.08), batch=batch, generator=seeded())
            learnt[batch, name] = net.recurrent_weight.detach()
    torch.testing.assert_close(learnt[6, "first"], learnt[6, "turned"])
    assert not torch.allclose(learnt[1, "first"], learnt[1, "turned"], atol=1e-4)


def test_batches_are_the_same_bit_for_bit_on_one_thread_and_on_three_and_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, learnt = torch.get_num_threads(), []
    try:
        for count, chunk in ((1, 2**21), (3, 2**21), (1, 20 * 15)):
            monkeypatch.setattr("rsnn.stdp_training.CHUNK", chunk)
            torch.set_num_threads(count)
            net = network()
            history = fit_stdp(net, stimulus(), SPREAD, epochs=2, batch=3, input_rule=PairSTDP(w_min=-50, w_max=50), generator=seeded())
            learnt.append((history, net.recurrent_weight.detach(), net.input_weight.detach(), net.theta))
    finally:
        torch.set_num_threads(threads)
    for history, *arrays in learnt[1:]:
        assert history == learnt[0][0]
        assert all(torch.equal(a, b) for a, b in zip(arrays, learnt[0][1:], strict=True))


def test_batches_that_are_resumed_end_as_the_whole_run_bit_for_bit_and_another_batch_is_another_run() -> None:
    whole, again, kept = network(), network(), list[Checkpoint]()
    settings = {"epochs": 2, "batch": 3, "homeostasis": Homeostasis(None, scaling=SynapticScaling())}
    history = fit_stdp(whole, stimulus(), SPREAD, generator=seeded(), checkpoint=kept.append, checkpoint_every=2, **settings)
    assert len(kept) == 4
    assert fit_stdp(again, stimulus(), SPREAD, generator=seeded(), resume=kept[1], **settings) == history
    assert torch.equal(whole.recurrent_weight, again.recurrent_weight)
    with pytest.raises(ValueError, match="checkpoint of another run of stdp"):
        fit_stdp(network(), stimulus(), SPREAD, generator=seeded(), resume=kept[1], **{**settings, "batch": 2})


def test_no_batch_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"fit_stdp\(batch=0\): at least one sample makes a batch"):
        fit_stdp(network(), stimulus(), PairSTDP(), batch=0)
