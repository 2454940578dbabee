import pytest
import torch

from rsnn import Readout, fit_readout


def clusters(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(300) % 3
    centres = torch.tensor([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0, 600.0, 0.0]])
    return centres[labels] + torch.randn(300, 3, generator=generator) * torch.tensor([1.0, 100.0, 0.0]), labels


def test_separate_clusters_are_told_apart_and_shuffled_labels_are_not() -> None:
    counts, labels = clusters()
    fresh, _ = clusters(1)
    assert fit_readout(counts, labels).accuracy(fresh, labels) > 0.98
    shuffled = labels[torch.randperm(300, generator=torch.Generator().manual_seed(0))]
    assert fit_readout(counts, shuffled).accuracy(fresh, labels) < 0.75


def test_the_unit_of_a_feature_does_not_matter() -> None:
    counts, labels = clusters()
    scaled = counts * torch.tensor([1000.0, 0.001, 1.0])
    assert torch.equal(fit_readout(counts, labels).predict(counts), fit_readout(scaled, labels).predict(scaled))


def test_two_labels_and_labels_that_are_not_consecutive_are_kept() -> None:
    counts, labels = clusters()
    two = labels < 2
    readout = fit_readout(counts[two], labels[two] * 7 + 2)
    assert isinstance(readout, Readout)
    assert readout.labels.tolist() == [2, 9]
    assert readout.accuracy(counts[two], labels[two] * 7 + 2) > 0.98


@pytest.mark.parametrize(
    ("counts", "labels", "sentence"),
    [
        (torch.ones(4), torch.ones(4).long(), r"wanted are features \[sample, unit\].* shape \(4,\)"),
        (torch.ones(4, 2) * torch.nan, torch.ones(4).long(), "the features have NaN"),
        (torch.ones(4, 2), torch.ones(3).long(), "wanted are 4 labels, one per sample"),
        (torch.ones(4, 2), torch.ones(4), "labels are integers, not torch.float32"),
        (torch.ones(4, 2), torch.ones(4).long(), "one label only"),
    ],
)
def test_what_cannot_be_read_out_is_refused_with_a_sentence(counts: torch.Tensor, labels: torch.Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fit_readout(counts, labels)


def test_a_readout_says_what_does_not_fit_it() -> None:
    counts, labels = clusters()
    readout = fit_readout(counts, labels)
    with pytest.raises(ValueError, match="fitted to 3 units, these counts have 2"):
        readout.predict(counts[:, :2])
    with pytest.raises(ValueError, match="wanted are 300 labels"):
        readout.accuracy(counts, labels[:5])
    with pytest.raises(ValueError, match=r"fit_readout\(penalty=0\): it must be positive"):
        fit_readout(counts, labels, penalty=0)
