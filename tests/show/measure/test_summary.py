import numpy as np
import pytest

from tinygrad_ae import nn
from tinygrad_ae.show import summary


class Pair(nn.Module):
    def __init__(self):
        self.encoder = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        self.decoder = nn.Linear(3, 4)
        self.scale = nn.Parameter(np.ones(4, np.float32))
        self.register_buffer("mean", np.full(4, 0.5, np.float32))

    def forward(self, x):
        return self.decoder(self.encoder(x - self.mean)) * self.scale


def test_summary_lists_layers_shapes_and_parameters():
    model = Pair()
    model.decoder.requires_grad_(False)
    model.encoder.eval()
    lines = summary(model).splitlines()
    table = [line.split() for line in lines]
    assert ["(model)", "Pair", "(N,", "4)", "4"] in table
    assert ["encoder.0", "Linear", "(N,", "3)", "15"] in table
    assert ["encoder.1", "ReLU", "(N,", "3)"] in table
    assert lines[-1] == "35 parameters, 16 of them frozen"
    assert model.training
    assert not model.encoder.training
    assert not model._forward_hooks
    assert summary(model, 4) == summary(model, (4,)) == summary(model)


def test_summary_counts_a_shared_parameter_once():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    lines = summary(model).splitlines()
    assert lines[-1] == "8 parameters"
    assert lines[4].split() == ["1", "Linear", "(N,", "2)", "2"]


def test_summary_without_a_known_input_leaves_shapes_out():
    class Parts(nn.Module):
        def __init__(self):
            self.encoder = nn.Linear(3, 2)

    assert "(N" not in summary(Parts())
    assert "(N" not in summary(nn.Sequential(nn.LayerNorm(3)))


def test_summary_reports_an_input_that_does_not_fit():
    model = Pair()
    with pytest.raises(ValueError, match="shape"):
        summary(model, (5,))
    assert not model.encoder._forward_hooks
    assert model.training
