import pytest
import torch
from snntorch import surrogate

from rsnn import LIF, RSNN, Gamma, Reset, Sparse, Uniform
from rsnn.surrogate import DEFAULT_SURROGATE, FastSigmoid, gradient

SLOPE = 3.0


def smooth(x: torch.Tensor) -> torch.Tensor:
    """The function whose derivative is the fast-sigmoid surrogate, x / (1 + slope |x|), with snntorch's gradient for it."""
    spike = surrogate.fast_sigmoid(slope=SLOPE)(x)
    return (x / (1 + SLOPE * x.abs())).detach() + spike - spike.detach()


@pytest.mark.slow
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("tau_syn", [None, 8.0])
def test_the_surrogate_gradient_is_the_exact_gradient_of_the_smoothed_network(reset: Reset, tau_syn: float | None) -> None:
    generator = torch.Generator().manual_seed(0)
    neuron = LIF(Gamma(10, 0.4), tau_syn, Uniform(1, 0.2), reset=reset)
    net = RSNN(
        3, 6, 2, neuron=neuron, connectivity=Sparse(0.6), input_scale=8.0, recurrent_scale=4.0, surrogate=smooth, generator=generator
    ).double()
    x = torch.rand(2, 12, 3, generator=generator, dtype=torch.float64)
    target = torch.rand(2, 2, generator=generator, dtype=torch.float64)

    def loss() -> torch.Tensor:
        return sum(((s.readout - target).square().sum() for s in net.run(x)), start=torch.zeros((), dtype=torch.float64))

    loss().backward()
    for p in net.parameters():
        exact = torch.zeros_like(p)
        with torch.no_grad():
            for n in range(p.numel()):
                value, h = p.view(-1)[n].item(), 1e-5
                ends = []
                for side in (h, -h):
                    p.view(-1)[n] = value + side
                    ends.append(float(loss()))
                p.view(-1)[n] = value
                exact.view(-1)[n] = (ends[0] - ends[1]) / (2 * h)
        # snntorch hands the gradient back in float32
        assert float((p.grad - exact).abs().max() / exact.abs().max()) < 1e-6


def test_the_default_surrogate_is_a_step_with_the_gradient_of_zenke_and_ganguli() -> None:
    x = torch.tensor([-1.0, -0.01, 0.0, 0.02], requires_grad=True)
    spikes = DEFAULT_SURROGATE(x)
    spikes.sum().backward()
    assert spikes.tolist() == [0, 0, 0, 1]
    assert torch.allclose(x.grad, 1 / (1 + 25 * x.detach().abs()) ** 2)


@pytest.mark.parametrize("slope", [1.0, 25.0, 100.0])
def test_the_gradient_that_is_known_is_the_one_that_snntorch_computes(slope: float) -> None:
    x = torch.linspace(-2, 2, 101)
    torch.testing.assert_close(gradient(FastSigmoid(slope), x), gradient(surrogate.fast_sigmoid(slope), x))
    assert torch.equal(FastSigmoid(slope)(x), (x > 0).float())
