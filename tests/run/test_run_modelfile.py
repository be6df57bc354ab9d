from pathlib import Path

import numpy as np
import pytest

from tinygrad_ae.errors import ModelError
from tinygrad_ae.run import modelfile

GOOD = '''"""Small: the smallest model.

It has one layer each way."""
from tinygrad_ae import nn

class Part(nn.Module):
    pass

class Small(nn.Module):
    def __init__(self, inputs: int, latent: int = 2):
        self.latent = latent
        self.encoder = nn.Linear(inputs, latent)
        self.decoder = nn.Linear(latent, inputs)

    def loss(self, x):
        return ((self.decoder(self.encoder(x)) - x) ** 2).mean()
'''


def write(folder: Path, source: str) -> str:
    path = folder / "mine.py"
    path.write_text(source)
    return str(path)


def test_built_in_models_are_found_by_name() -> None:
    file = modelfile.find("autoencoder")
    assert file.is_built_in
    assert file.cls.__name__ == "Autoencoder"
    assert modelfile.built_in()["autoencoder"].startswith("squeeze a sample")


def test_a_users_file_is_the_same_kind_of_thing(tmp_path: Path) -> None:
    file = modelfile.find(write(tmp_path, GOOD))
    assert not file.is_built_in
    assert file.line == "the smallest model."
    arguments = file.complete({}, (5,))
    assert arguments == {"inputs": 5, "latent": 2}
    model = file.build(arguments)
    file.check(model, 5)
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.py"]  # no compiled file beside it


def test_a_file_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("WIDTH = 3\n")
    source = GOOD.replace("latent: int = 2", "latent: int = WIDTH")
    file = modelfile.find(write(tmp_path, "from neighbour_of_mine import WIDTH\n" + source))
    assert file.complete({}, (5,))["latent"] == 3


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(ModelError, match=r"'autoencodr'.* Did you mean 'autoencoder'"):
        modelfile.find("autoencodr")


def test_a_missing_file_is_named_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(ModelError, match=r"mime\.py cannot be read.*Did you mean 'mine.py'"):
        modelfile.find(str(tmp_path / "mime.py"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = (1\n", r"mine\.py, line 1: '\(' was never closed"),
        ("import numpy\nx = 1 / 0\n", r"mine\.py, line 2: ZeroDivisionError.*\n    x = 1 / 0"),
        ("import no_such_package_at_all\n", r"line 1: ModuleNotFoundError"),
        ("", "must hold one model.*it holds none"),
        (GOOD.replace("def loss", "def cost"), "Part nor Small has no loss"),
        (GOOD + "class Other(Small): pass\n", "it holds 2: Other and Small"),
        ("\x00", r"mine\.py"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_the_line(
    tmp_path: Path, source: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        modelfile.find(write(tmp_path, source))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("self.encoder =", "self.coder =", "Small has no encoder"),
        ("self.latent = latent", "self.latent = 'two'", "latent is 'two'"),
        ("self.latent = latent", "self.latent = 0", "latent is 0"),
        (
            "self.latent = latent",
            "self.latent = 3",
            r"encoder gives \(2, 2\); expected shape \(2, 3\)",
        ),
        (
            "nn.Linear(latent, inputs)",
            "nn.Linear(latent, 4)",
            r"decoder gives \(2, 4\); expected shape \(2, 5\)",
        ),
        (
            "nn.Linear(latent, inputs)",
            "lambda z: None",
            r"decoder gives NoneType",
        ),
        (".mean()", "", r"loss\(batch\) returned shape \(2, 5\)"),
        ("return ((", "return undefined + ((", r"mine\.py, line 16: NameError.*undefined"),
        ("self.latent = latent", "self.latent = undefined", r"mine\.py, line 11: NameError"),
        (
            "nn.Linear(inputs, latent)",
            "nn.Linear(0, latent)",
            r"Small\(inputs=5, latent=2\) cannot",
        ),
    ],
)
def test_a_model_that_breaks_the_contract_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    file = modelfile.find(write(tmp_path, GOOD.replace(old, new)))
    with pytest.raises(ModelError, match=message):
        file.check(file.build(file.complete({}, (5,))), 5)


def test_arguments_are_completed_and_checked(tmp_path: Path) -> None:
    file = modelfile.find(write(tmp_path, GOOD.replace("latent: int = 2", "latent: int")))
    assert file.complete({"latent": 4}, (5,)) == {"inputs": 5, "latent": 4}
    with pytest.raises(ModelError, match=r"no argument 'latnt'.* Did you mean 'latent'"):
        file.complete({"latnt": 4}, (5,))
    with pytest.raises(ModelError, match="needs a value for its argument 'latent'"):
        file.complete({}, (5,))


def test_annotations_for_type_checkers_only_do_no_harm(tmp_path: Path) -> None:
    source = GOOD.replace("inputs: int", "inputs: Undefined").replace(
        "from tinygrad_ae import nn",
        "from __future__ import annotations\nfrom tinygrad_ae import nn",
    )
    assert modelfile.find(write(tmp_path, source)).complete({}, (5,)) == {"inputs": 5, "latent": 2}


def test_what_the_check_tries_is_in_evaluation_mode(tmp_path: Path) -> None:
    source = GOOD.replace(
        "nn.Linear(inputs, latent)",
        "nn.Sequential(nn.Linear(inputs, latent), nn.BatchNorm1d(latent))",
    )
    file = modelfile.find(write(tmp_path, source))
    model = file.build(file.complete({}, (5,)))
    before = model.state_dict()
    file.check(model, 5)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_data_says_what_shape_a_sample_has():
    assert modelfile.find("convolutional").complete({}, (8, 6))["sample_shape"] == (8, 6)
    flat = modelfile.find("convolutional").complete({}, (784,))
    assert flat["sample_shape"] == (28, 28)  # flat samples: the model's own default
    assert modelfile.find("autoencoder").complete({}, (8, 6))["inputs"] == 48


def test_the_likelihood_is_one_that_the_data_can_have_unless_it_is_given() -> None:
    complete = modelfile.find("variational").complete
    assert complete({}, (4,))["likelihood"] == "bernoulli"
    assert complete({"likelihood": None}, (4,), bounded=False)["likelihood"] == "gaussian"
    assert complete({"likelihood": "bernoulli"}, (4,), bounded=False)["likelihood"] == "bernoulli"
    assert "likelihood" not in modelfile.find("autoencoder").complete({}, (4,), bounded=False)
