import pytest
import torch

from rsnn import assign_labels

COUNTS = torch.tensor([[5.0, 0, 1, 0], [4, 1, 1, 0], [0, 6, 2, 0], [0, 2, 2, 0], [1, 0, 9, 0]])
LABELS = torch.tensor([0, 0, 1, 1, 2])


def test_each_neuron_stands_for_the_class_it_fires_most_for_and_silent_ones_for_none() -> None:
    assert assign_labels(COUNTS, LABELS).label.tolist() == [0, 1, 2, -1]


def test_the_neurons_of_a_class_vote_by_their_mean_so_that_many_do_not_outvote_one() -> None:
    found = assign_labels(torch.tensor([[3.0, 3, 3, 0], [0, 0, 0, 4]]), torch.tensor([0, 1]))
    assert found.label.tolist() == [0, 0, 0, 1]
    assert found.predict(torch.tensor([[2.0, 2, 2, 3], [2, 2, 2, 1]])).tolist() == [1, 0]
    assert found.accuracy(torch.tensor([[2.0, 2, 2, 3], [2, 2, 2, 1]]), torch.tensor([1, 1])) == 0.5


def test_a_class_without_neurons_is_never_found() -> None:
    found = assign_labels(COUNTS, LABELS, classes=5)
    assert found.votes(COUNTS)[:, 3:].eq(-1).all()
    assert found.predict(torch.zeros(1, 4)).item() == 0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: assign_labels(COUNTS, LABELS[:3]), "wanted are 5 labels"),
        (lambda: assign_labels(COUNTS, LABELS.double()), "labels are integers"),
        (lambda: assign_labels(COUNTS, LABELS - 1), "from 0 on, these begin at -1"),
        (lambda: assign_labels(COUNTS, LABELS, classes=2), "there are 2 classes, 0 to 1"),
        (lambda: assign_labels(COUNTS, LABELS).predict(COUNTS[:, :3]), "assigned to 4 units, these counts have 3"),
        (lambda: assign_labels(COUNTS, LABELS).accuracy(COUNTS, LABELS[:2]), "wanted are 5 labels"),
    ],
)
def test_counts_and_labels_that_do_not_fit_are_refused_with_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
