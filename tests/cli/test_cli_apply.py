from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinygrad_ae.cli import main
from tinygrad_ae.evaluate import reconstruct
from tinygrad_ae.run import Run

PIXELS = (np.random.default_rng(0).random((60, 4, 5)) * 255).astype(np.uint8)
TABLE = np.random.default_rng(0).normal(size=(60, 6)) * [1, 10, 100, 1, 1, 1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of pictures and a run of a table."""
    folder = tmp_path_factory.mktemp("trained")
    np.savez(folder / "pictures.npz", x=PIXELS, y=np.arange(60) % 3)
    np.save(folder / "table.npy", TABLE)
    for name in ("pictures.npz", "table.npy"):
        assert main(
            ["train", "autoencoder", "--data", str(folder / name), "--hidden", "8", "--latent",
             "3", "--epochs", "2", "--out", str(folder / Path(name).stem)]
        ) == 0  # fmt: skip
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", PIXELS[:7])
    return tmp_path


def ok(*arguments: object) -> None:
    assert main([str(a) for a in arguments]) == 0


def expected(run: Path, x: np.ndarray) -> np.ndarray:
    """What the model itself makes of scaled samples, in the data's units."""
    opened = Run.open(run)
    return opened.scaling.invert(reconstruct(opened.model, x.astype(np.float32)))


def test_reconstructions_are_in_the_units_and_shape_of_the_data(trained: Path) -> None:
    want = expected(trained / "pictures", PIXELS[:7].reshape(7, -1) / 255).reshape(7, 4, 5)
    for out in ("out.npy", "out.npz", "out.csv"):
        ok("reconstruct", trained / "pictures", "x.npy", "-o", out)
    np.testing.assert_allclose(np.load("out.npy"), want, rtol=1e-6)
    np.testing.assert_allclose(np.load("out.npz")["x"], want, rtol=1e-6)
    rows = np.loadtxt("out.csv", delimiter=",", skiprows=1, dtype=np.float32)
    np.testing.assert_array_equal(rows, np.load("out.npy").reshape(7, -1))


def test_a_table_is_scaled_by_column_and_back(trained: Path) -> None:
    np.save("rows.npy", TABLE[:5])
    ok("reconstruct", trained / "table", "rows.npy", "-o", "out.npy")
    scaling = Run.open(trained / "table").scaling
    want = expected(trained / "table", scaling.apply(TABLE[:5]))
    np.testing.assert_allclose(np.load("out.npy"), want, rtol=1e-5, atol=1e-4)


def test_the_error_is_said(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = PIXELS[:7].reshape(7, -1) / 255
    error = np.mean((expected(trained / "pictures", x) / 255 - x) ** 2)
    ok("reconstruct", trained / "pictures", "x.npy", "-o", "out.npy")
    assert f"7 samples: mean squared error {error:.5f}" in capsys.readouterr().out


def test_a_sheet_has_inputs_above_reconstructions(trained: Path) -> None:
    ok("reconstruct", trained / "pictures", "x.npy", "-o", "sheet.png")
    sheet = np.asarray(Image.open("sheet.png"))
    zoom = sheet.shape[0] // (4 + 2 * 4 + 4)  # a gap, two pictures of four rows, a gap
    small = sheet[zoom // 2 :: zoom, zoom // 2 :: zoom]
    np.testing.assert_array_equal(small[4:8, 4:9], PIXELS[0])
    below = expected(trained / "pictures", PIXELS[:1].reshape(1, -1) / 255).reshape(4, 5)
    np.testing.assert_allclose(small[8:12, 4:9], below, atol=0.51)


def test_a_folder_of_pictures_gives_one_of_the_same_names(trained: Path, folder: Path) -> None:
    (folder / "in").mkdir()
    for i, name in enumerate(("b.png", "a.png")):
        Image.fromarray(PIXELS[i]).save(folder / "in" / name)
    ok("reconstruct", trained / "pictures", "in", "-o", "out")
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["a.png", "b.png"]
    want = expected(trained / "pictures", PIXELS[:1].reshape(1, -1) / 255).reshape(4, 5)
    np.testing.assert_allclose(np.asarray(Image.open("out/b.png")), want, atol=0.51)


def test_encoding_and_decoding_is_reconstructing(trained: Path) -> None:
    ok("reconstruct", trained / "pictures", "x.npy", "-o", "want.npy")
    for codes in ("codes.npy", "codes.npz", "codes.csv"):
        ok("encode", trained / "pictures", "x.npy", "-o", codes)
        ok("decode", trained / "pictures", codes, "-o", "out.npy")
        np.testing.assert_allclose(np.load("out.npy"), np.load("want.npy"), rtol=1e-5)
    assert np.load("codes.npy").shape == (7, 3)
    ok("decode", trained / "pictures", "codes.npy", "-o", "made.png")
    ok("decode", trained / "pictures", "codes.npy", "-o", "made")
    assert len(list(Path("made").iterdir())) == 7


def test_evaluate_shows_both_and_the_classes(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ok("evaluate", trained / "pictures")
    out = capsys.readouterr().out
    assert "Autoencoder" in out
    assert "PCA-3" in out
    assert "MSE by class" in out
    ok("evaluate", trained / "table")
    assert "MSE per value" in capsys.readouterr().out


def test_the_graph_of_a_model_or_a_run_is_drawn(trained: Path) -> None:
    ok("draw", "autoencoder")
    ok("draw", trained / "table", "-o", "run.dot")
    assert "encoder" in Path("graph.svg").read_text()
    assert "decoder" in Path("run.dot").read_text()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("reconstruct pictures nowhere.npy -o out.npy", "no file or folder nowhere.npy"),
        ("reconstruct pictures wide.npy -o out.npy", "(9,), expected (4, 5)"),
        ("reconstruct pictures nan.npy -o out.npy", "NaN"),
        ("reconstruct pictures x.npy -o out.tif", "out.tif must end in"),
        ("reconstruct pictures x.npy -o none/out.npy", "The folder none does not exist"),
        ("reconstruct pictures x.npy -o full", "full exists already and is not empty"),
        ("reconstruct table rows.npy -o out", "are no pictures"),
        ("encode pictures x.npy -o codes", "codes must end in"),
        ("encode pictures x.npy", "Missing option '-o'"),
        ("decode pictures wide.npy -o out.npy", "expected (3,)"),
        ("decode pictures nan3.npy -o out.npy", "NaN"),
        ("decode pictures nowhere.npy -o out.npy", "no file or folder nowhere.npy"),
    ],
)
def test_bad_input_is_refused(
    trained: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    message: str,
) -> None:
    np.save("wide.npy", np.zeros((3, 9)))
    np.save("nan.npy", np.full((3, 20), np.nan))
    np.save("nan3.npy", np.full((2, 3), np.nan))
    np.save("rows.npy", TABLE[:5])
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    before = sorted(folder.rglob("*"))
    name, run, *rest = command.split()
    assert main([name, str(trained / run), *rest]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert message in err
    assert "Traceback" not in err
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("command", ["reconstruct pictures", "encode pictures", "decode pictures"])
def test_what_is_read_is_never_overwritten(
    trained: Path, folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    name, run = command.split()
    np.save("codes.npy", np.zeros((4, 3)))
    source = folder / ("codes.npy" if name == "decode" else "x.npy")
    before = source.read_bytes()
    assert main([name, str(trained / run), str(source), "-o", source.name]) == 2
    assert "choose another file" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_a_picture_that_is_read_is_not_overwritten(trained: Path, folder: Path) -> None:
    (folder / "in").mkdir()
    Image.fromarray(PIXELS[0]).save("in/a.png")
    before = Path("in/a.png").read_bytes()
    assert main(["reconstruct", str(trained / "pictures"), "in", "-o", "in/a.png"]) == 2
    assert Path("in/a.png").read_bytes() == before


def test_it_is_said_when_a_file_is_replaced(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for expected in ("1 code of 3 numbers\nout.npy\n", "1 code of 3 numbers\nout.npy (replaced)\n"):
        np.save("one.npy", PIXELS[:1])
        ok("encode", trained / "pictures", "one.npy", "-o", "out.npy")
        assert capsys.readouterr().out == expected


def test_columns_keep_their_names(trained: Path) -> None:
    header = "a,b,c,label,d,e,f"
    np.savetxt(
        "in.csv", np.insert(TABLE[:5], 3, 1, axis=1), fmt="%.6g", delimiter=",", header=header,
        comments="",
    )  # fmt: skip
    ok("reconstruct", trained / "table", "in.csv", "-o", "out.csv")
    assert Path("out.csv").read_text().splitlines()[0] == "a,b,c,d,e,f"


def test_columns_are_found_by_name(capsys: pytest.CaptureFixture[str], no_pictures: None) -> None:
    values = np.stack([np.arange(40) ** 2 % 7, 100 + np.arange(40) ** 2 % 11, np.arange(40)], 1)

    def write(order: list[int], names: str) -> None:
        np.savetxt("pulse.csv", values[:, order], "%g", ",", header=names, comments="")

    for options in ([], ["--window", "3"]):
        run = f"run{len(options)}"
        write([2, 0, 1], "row,breath,pulse")
        ok("train", "autoencoder", "--data", "pulse.csv", *options, "--latent", "1", "--epochs", "1",
           "--out", run)  # fmt: skip
        assert "2 columns: breath, pulse; no label; no time; left out row (" in (
            capsys.readouterr().out.replace("\n", " ")
        )
        ok("encode", run, "pulse.csv", "-o", "as_trained.npy")
        write([1, 0], "PULSE,breath")
        ok("encode", run, "pulse.csv", "-o", "turned.npy")
        assert "pulse.csv read as: a table with commas" in capsys.readouterr().err
        np.testing.assert_array_equal(np.load("turned.npy"), np.load("as_trained.npy"))
        ok("reconstruct", run, "pulse.csv", "-o", "out.csv")
        assert Path("out.csv").read_text().splitlines()[0] == "breath,pulse"
        ok("reconstruct", run, "out.csv", "-o", "again.csv")  # what is written is read
        write([2, 0], "row,breath")
        assert main(["encode", run, "pulse.csv", "-o", "codes.csv"]) == 2
        said = capsys.readouterr().err
        assert "trained on the columns breath, pulse, but pulse is missing in its heading" in said


def test_a_sheet_of_many_has_the_first(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("many.npy", np.concatenate([PIXELS] * 10))
    ok("reconstruct", trained / "pictures", "many.npy", "-o", "sheet.png")
    assert (
        "sheet.png: input x above reconstruction x̂, the first 96 of 600" in capsys.readouterr().out
    )
    with Image.open("sheet.png") as sheet:
        assert sheet.height < 4 * 120


def test_a_disk_that_takes_only_a_part_is_said(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OSError("9600 requested and 5088 written")

    monkeypatch.setattr(np, "savez_compressed", fail)
    assert main(["encode", str(trained / "pictures"), "x.npy", "-o", "out.npz"]) == 2
    assert "out.npz cannot be written: the disk took only a part" in capsys.readouterr().err


def test_codes_of_another_width_are_not_taken_for_pictures(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("wide.npy", np.zeros((3, 9)))
    assert main(["decode", str(trained / "pictures"), "wide.npy", "-o", "out.npy"]) == 2
    assert "picture" not in capsys.readouterr().err.replace(str(trained), "")
