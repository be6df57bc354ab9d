"""Every call that a page or a docstring shows can be made as it is shown."""

import re
from functools import cache
from pathlib import Path

import calls
import pytest
from calls import Snippet

# What stands for something that the text says itself, and why no signature can be held to it.
LISTED = {
    "docs/how-to/move-to-pytorch.md": {"_.to('cuda')": "a method of PyTorch's"},
    "docs/notation.md": {"σ(a)": "mathematics", "model(x)": "the reader's own model"},
    "tinygrad_ae/core/modes.py": {"switch()": "whichever of the switches"},
}


@cache
def snippets(path: Path) -> list[Snippet]:
    where = path.relative_to(calls.ROOT).as_posix()
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        if path.name == "concepts.md":  # lines of code, which test_documents.py finds in the code
            text = re.sub(r"`.+?` in (?=\[)", "", text)
        return list(calls.on_page(text, where))
    inside = path.relative_to(calls.ROOT).with_suffix("").parts
    if inside[0] == "models":
        inside = ("tinygrad_ae", *inside)
    return list(calls.in_module(path, ".".join(inside).removesuffix(".__init__")))


FILES = [
    *calls.pages(),
    *sorted((calls.ROOT / "tinygrad_ae").rglob("*.py")),
    *sorted((calls.ROOT / "models").rglob("*.py")),
]


def found(path: Path) -> list[str]:
    listed = LISTED.get(path.relative_to(calls.ROOT).as_posix(), {})
    return [
        f"{where}: {why}"
        for where, why in calls.complaints(snippets(path))
        if why.partition(": nothing is called")[0] not in listed
    ]


def test_every_call_can_be_made() -> None:
    wrong = [complaint for path in FILES for complaint in found(path)]
    assert not wrong, "\n" + "\n".join(wrong)


def test_what_is_listed_is_there() -> None:
    for name, calls_listed in LISTED.items():
        whys = [why for _, why in calls.complaints(snippets(calls.ROOT / name))]
        assert {why.partition(": nothing is called")[0] for why in whys} == set(calls_listed)


def test_it_reads_all_of_it() -> None:
    read = [snippet for path in FILES for snippet in snippets(path)]
    texts = [snippet.text for snippet in read]
    assert sum("(" in text for text in texts) > 350
    assert sum(text.startswith("tinygrad-ae ") for text in texts) > 60
    for sentence in (
        'compile(step, engine="numba")', "fit(..., engine=\"numba\")", "fit(..., drop_last=True)",
        "Adam(model.parameters(), lr=1e-3)", '@compile(engine="numba")',
        "tinygrad-ae train --resume runs/a --epochs 40   # or to train longer",
    ):  # fmt: skip
        assert sentence in texts, sentence


PAGE = """
# A page

```{{code-cell}} ipython3
from tinygrad_ae import Tensor, nn, optim, show
from tinygrad_ae.models import Autoencoder
from tinygrad_ae.train import fit
import numpy as np
model = Autoencoder(hidden=(3,), latent=2)
own = lambda x: x
```

{}
"""


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("Say `fit(..., drop_lst=True)`.", "unexpected keyword argument 'drop_lst'"),
        ("Say `fit(model, data, 10)`.", "too many positional arguments"),
        ("`tinygrad_ae.compile(step, motor='numba')`", "unexpected keyword argument 'motor'"),
        ("`tinygrad_ae.compiles(step)`", "tinygrad_ae has no compiles"),
        ('`@compile(motor="numba")`', "unexpected keyword argument 'motor'"),
        ("`Adam(model.parameters(), rate=1e-3)`", "unexpected keyword argument 'rate'"),
        ("`optim.Adamm(model.parameters())`", "optim has no Adamm"),
        ("`Run.create(path, config)` and `Run.make(path)`", "nothing is called make"),
        ("`run.train(data, on_epochs=f)`", "unexpected keyword argument 'on_epochs'"),
        ("`x.summ(0)`", "nothing is called summ"),
        ("`x.softmax(axes=0)`", "unexpected keyword argument 'axes'"),
        ("`ops.relu(x, y)`", r"takes 1 inputs|too many positional"),
        ("`ops.leaky_relu(x, slope=2)`", "slope"),
        ("`frobnicate(x)`", "nothing is called frobnicate"),
        ("`show.draw(loss,\ngradient=True)`", "unexpected keyword argument 'gradient'"),
        ("`fit(model, rule for each)`", "cannot be read as Python"),
        ("`with no_grads():`", "nothing is called no_grads"),
        ("```python\nfit(model, epoch=3)\n```", "unexpected keyword argument 'epoch'"),
        ("```{code-cell} ipython3\nmodel.losses(3)\n```", "nothing is called losses"),
        ("```{code-cell} ipython3\nfit(model, epoch=3)\n```", "argument 'epoch'"),
        ("```{code-cell} ipython3\nimport tinygrad_ae\nnn.Linear(3)\nnn.Linaer(3)\n```", "Linaer"),
        ("```{code-cell} ipython3\nfrom tinygrad_ae import fitt\n```", "has no fitt"),
        ("```{dropdown} Answer\n`nn.Dropout(q=0.5)`\n```", "argument 'q'"),
        ("`tinygrad-ae trian autoencoder`", "no command called trian"),
        ("`tinygrad-ae train autoencodr`", "no model called autoencodr"),
        ("`tinygrad-ae train autoencoder --epoch 3`", "No such option '--epoch'|--epoch"),
        ("`tinygrad-ae train --epochs`", "requires an argument"),
        ("`tinygrad-ae train --epochs many`", "many"),
        ("`tinygrad-ae train --optimizer adm`", "adm"),
        ("`train --dropp-last`", "--dropp-last"),
        ("`--no-compil`", "no command has --no-compil"),
        ("`sweep autoencoder --latnt 1,2`", "--latnt"),
        ("`python -m benchmarks.speeds`", "there is no benchmarks.speeds"),
        ("`python -m benchmarks.speed --quik`", "no command has --quik"),
        ("`python docs/built.py`", "there is no docs/built.py"),
        ("```sh\n$ tinygrad-ae evaluate a b c\n```", "too much"),
        ("```sh\ntinygrad-ae compare runs/a \\\n  --outt x\n```", "--outt"),
        ("```sh\nfrobnicate --now\n```", "no program called frobnicate"),
        ("```fortran\ncall f(x)\n```", "nobody reads"),
    ],
)
def test_a_planted_mistake_on_a_page_is_found(shown: str, message: str) -> None:
    clean = PAGE.format("")
    assert list(calls.complaints(list(calls.on_page(clean, "page")))) == []
    whys = [why for _, why in calls.complaints(list(calls.on_page(PAGE.format(shown), "page")))]
    assert len(whys) == 1, whys
    assert re.search(message, whys[0])


@pytest.mark.parametrize(
    "shown",
    [
        "`fit(model, ..., drop_last=True)`", "`fit(…)`", "`own(1, 2, 3)`", "`np.zeros(3, q=1)`",
        "`torch.compile(step)`", "`x.sum(0)`", "`model.encoder(x)`", "`[1, 2].append(3)`",
        "`@compile`", "`@compile(engine='numba')`", "`tinygrad-ae train MODEL --epochs N`",
        "`tinygrad-ae draw RUN --gradients`",
        "`train --drop-last`", "`python -m benchmarks.speed --quick`", "`python docs/build.py`",
        "`--engine numba`", "`--likelihood`", "`train variational --beta 4`",
        "`class Mine(nn.Module)`", "`loss.backward()`",
        "```sh\npip install x  # (any)\n```", "`max(runs, key=len)`", "`run.train(data)`",
        "```{code-cell} ipython3\n---\ntags: [x]\n---\nax = own(1)\nax.set(y=1)\n```",
    ],
)  # fmt: skip
def test_what_is_right_or_not_ours_is_let_pass(shown: str) -> None:
    assert list(calls.complaints(list(calls.on_page(PAGE.format(shown), "page")))) == []


@pytest.mark.parametrize(
    ("doc", "message"),
    [
        ("Say ``fit(model, epoch=3)``.", "argument 'epoch'"),
        ("Say ``hook(x)`` or ``hok(x)``.", "nothing is called hok"),
        ("A step:\n\n        >>> fit(\n        ...     model, epoch=3)\n    ", "argument 'epoch'"),
        ("A step:\n\n        x = fit(model, epoch=3)\n\n    It ends.", "argument 'epoch'"),
        ("See ``tinygrad-ae train --epoch 3``.", "--epoch"),
    ],
)
def test_a_planted_mistake_in_a_docstring_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doc: str, message: str
) -> None:
    monkeypatch.setattr(calls, "ROOT", tmp_path)
    path = tmp_path / "code.py"
    path.write_text(f'def f(hook):\n    """{doc}"""\n')
    whys = [why for _, why in calls.complaints(list(calls.in_module(path, "tinygrad_ae.train")))]
    assert len(whys) == 1, whys
    assert message in whys[0]


def test_a_planted_mistake_in_a_hint_on_the_command_line_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "ROOT", tmp_path)
    path = tmp_path / "code.py"
    path.write_text(
        'say(f"tinygrad-ae train --resume {run} --epoch {n}", "tinygrad-ae draw RUN")\n'
    )
    (why,) = [why for _, why in calls.complaints(list(calls.in_module(path, "tinygrad_ae.train")))]
    assert "--epoch" in why
