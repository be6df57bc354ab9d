"""What a run's data was read as: said, kept, and held to by every command."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinygrad_ae.cli import main
from tinygrad_ae.data import Reading, load
from tinygrad_ae.data.tables import before
from tinygrad_ae.errors import DataError
from tinygrad_ae.run import Config, Run, checkpoint

N = 60
RNG = np.random.default_rng(0)
WALK = RNG.standard_normal((N, 3)).cumsum(0)
EPOCH = ("--hidden", "4", "--latent", "1", "--epochs", "1", "--out")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, heading: str, *columns: Iterable[object]) -> None:
    lines = [",".join(map(str, line)) for line in zip(*columns, strict=True)]
    Path(path).write_text("\n".join([heading] * bool(heading) + lines) + "\n")


def ok(*words: object) -> None:
    assert main([str(word) for word in words]) == 0


def one_line(said: str) -> str:
    (line,) = (line for line in said.splitlines() if "read as: " in line)
    return line.partition("read as: ")[2]


def test_a_reading_is_said_in_one_line_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    write("x.csv", "row,time_s,a,b,quality", range(N), np.arange(N) / 50, *WALK.T[:2], [3, 4] * 30)
    ok("train", "autoencoder", "--data", "x.csv", *EPOCH, "run")
    said = (
        "a table with commas and a heading; 2 columns: a, b; label 'quality'; time time_s; left "
        "out row (names the lines)"
    )
    assert one_line(capsys.readouterr().out).startswith(f"{said}; scaling: each column")
    kept = json.loads(Path("run/config.json").read_text())["reading"]
    assert kept["said"] == said
    assert kept["table"]["left_out"] == [["row", "names the lines"]]
    assert said.replace("'", "&#x27;") in Path("run/report.html").read_text("utf-8")
    ok("train", "--resume", "run", "--epochs", "2")
    assert one_line(capsys.readouterr().out).startswith(f"{said}; scaling: each column")
    write("new.csv", "b,more,a", *WALK.T)
    ok("encode", "run", "new.csv", "-o", "z.npy")
    assert one_line(capsys.readouterr().err) == (
        "a table with commas and a heading; 2 columns: a, b; no label; no time; left out more "
        "(not learnt)"
    )
    np.save("new.npy", WALK[:, [2, 0]])
    ok("encode", "run", "new.npy", "-o", "z2.npy")
    np.testing.assert_array_equal(np.load("z.npy"), np.load("z2.npy"))
    assert one_line(capsys.readouterr().err) == "an array, shape (60, 2), float64; no labels"


@pytest.mark.parametrize("said", [(), ("--no-header",)])
def test_a_heading_of_numbers_is_no_sample_for_a_run_without_one(
    said: tuple[str, ...], capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    write("x.csv", "", *WALK.T)
    ok("train", "autoencoder", "--data", "x.csv", *said, *EPOCH, "run")
    for heading, codes in (("0,1,2", N), ("380.21,390.5,400.75", None), ("a,b,c", N)):
        write("new.csv", heading, *WALK.T)
        if heading != "a,b,c" and said:  # the first line of such tables holds values
            codes = N + 1
        if codes is None:
            assert main(["encode", "run", "new.csv", "-o", "z.npy"]) == 2
            assert "put a line above it that names them: column 1, column 2, column 3" in (
                capsys.readouterr().err
            )
            heading, codes = f"column 1,column 2,column 3\n{heading}", N + 1
            write("new.csv", heading, *WALK.T)
        ok("encode", "run", "new.csv", "-o", "z.npy")
        assert len(np.load("z.npy")) == codes
    write("one.csv", "", *WALK[:1].T)
    ok("encode", "run", "one.csv", "-o", "z.npy")
    assert len(np.load("z.npy")) == 1


def test_labels_that_the_run_does_not_know(
    capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    words = ["oak", "fir", "elm"] * (N // 3)
    write("x.csv", "a,b,species", *WALK.T[:2], words)
    ok("train", "autoencoder", "--data", "x.csv", "--only", "1,2", *EPOCH, "run")
    capsys.readouterr()
    write("new.csv", "a,b,species", *WALK.T[:2], ["ash", *words[1:]])
    for command in (("encode", "run", "new.csv", "-o", "z.npy"), ("anomalies", "run", "new.csv")):
        ok(*command)
        said = one_line(capsys.readouterr().err)
        assert "(0 elm, 1 fir, 2 oak, 3 ash)" in said
        assert said.endswith("; not among the classes that were trained on: ash")
        for wrong in (["", *words[1:]], [*words[:-1], " "], [0, 1, 2] * (N // 3)):
            write("new.csv", "a,b,species", *WALK.T[:2], wrong)
            assert main(list(command)) == 2
            assert "trained on elm, fir, oak, but line" in capsys.readouterr().err
        write("new.csv", "a,b,species", *WALK.T[:2], ["ash", *words[1:]])


def test_the_options_that_settle_it(capsys: pytest.CaptureFixture[str], no_pictures: None) -> None:
    write("x.csv", "2019,2020", *WALK.T[:2])
    train = ("train", "autoencoder", "--data", "x.csv")
    assert main([*train, *EPOCH, "run"]) == 2
    said = capsys.readouterr().err
    assert "x.csv, line 1, 2019, 2020. The first line may be" in said
    assert "--header" in said
    assert "--no-header" in said
    assert not Path("run").exists()
    for header, rows in (("--header", 48), ("--no-header", 49)):
        ok(*train, header, *EPOCH, header.strip("-"))
        assert f"x.csv: {rows} train" in capsys.readouterr().out
    write("x.csv", "pre cut,day,p,y", *WALK.T, [0, 1] * 30)
    ok(*train, "--columns", "day,pre cut,p", "--drop", "y", *EPOCH, "run")
    line = one_line(capsys.readouterr().out)
    assert "3 columns: day, pre cut, p; no label; no time; left out y (--drop)" in line
    ok("report", "run")
    page = Path("run/report.html").read_text("utf-8")
    assert "--columns &#x27;day,pre cut,p&#x27; --drop y" in page
    ok(*train, "--label", "none", "--time", "day", *EPOCH, "run2")
    line = one_line(capsys.readouterr().out)
    assert "3 columns: pre cut, p, y; no label; time day; nothing left out" in line


def test_a_sweep_takes_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    write("x.csv", "x,y", *RNG.integers(0, 9, (2, N)))
    sweep = ("sweep", "autoencoder", "--data", "x.csv", "--epochs", "1", "-j", "1")
    assert main([*sweep, "--latent", "1,2"]) == 2
    assert "--label none if it is to be learnt" in capsys.readouterr().err
    ok(*sweep, "--label", "none", "--columns", "y,x;x", "--latent", "1", "--out", "s")
    said = [line for line in capsys.readouterr().out.splitlines() if " read as: " in line]
    assert ["2 columns: y, x;" in line for line in said] == [True, False]
    assert "left out y (not among --columns)" in said[1]
    ok("compare", *Path("s").glob("columns*"))


@pytest.mark.parametrize("shape", ["2,1", "1,2", "1,2,1", "0,2", "-1,-2"])
def test_a_shape_that_is_none_is_refused_before_training(
    shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write("x.csv", "a,b", *WALK.T[:2])
    assert main(["train", "autoencoder", "--data", "x.csv", f"--shape={shape}", *EPOCH, "run"]) == 2
    assert "leave" in capsys.readouterr().err.lower()
    assert not Path("run").exists()


@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (1, 2, 1)])
def test_arrays_of_that_shape_are_drawn_as_lines(shape: tuple[int, ...]) -> None:
    np.save("x.npy", WALK[:, :2].reshape(N, *shape))
    ok("train", "autoencoder", "--data", "x.npy", *EPOCH, "run")
    assert Path("run/reconstructions.png").exists()


@pytest.mark.parametrize("suffix", ["npy", "csv"])
def test_what_a_run_writes_it_reads(suffix: str, no_pictures: None) -> None:
    write("x.csv", "", range(N), *WALK.T)
    ok("train", "autoencoder", "--data", "x.csv", *EPOCH, "run")
    np.save("x.npy", WALK)
    ok("reconstruct", "run", f"x.{suffix}", "-o", "out.csv")
    assert Path("out.csv").read_text().startswith("column 2,column 3,column 4\n")
    ok("encode", "run", "out.csv", "-o", "z.csv")
    ok("decode", "run", "z.csv", "-o", "made.csv")
    ok("reconstruct", "run", "made.csv", "-o", "made.npy")
    assert np.load("made.npy").shape == (N, 3)


@pytest.mark.parametrize("heading", ["time_s,y,v", ""])
@pytest.mark.parametrize("window", [None, 4])
def test_a_run_that_kept_no_reading_goes_on_by_the_one_of_its_time(
    heading: str, window: int | None, capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    write("x.csv", heading, np.arange(N) / 10, [0, 1] * 30, WALK[:, 0])
    learnt = 2 if heading else 3  # the time, too
    config = Config(data="x.csv", arguments={"latent": 1}, epochs=2, window=window)
    data = config.load_data(reading=Reading("", before(Path("x.csv"), learnt)))
    assert data.features == learnt * (window or 1)
    run = Run.create("old", config, data)
    run.train(data)
    path = Path("old/checkpoint.safetensors")
    arrays, facts = checkpoint.load(path)
    origin = {name: value for name, value in facts["origin"].items() if name != "reading"}
    origin["columns"] = ["time_s", "v"] if heading else []
    checkpoint.save(path, arrays, {**facts, "origin": origin})

    assert load("x.csv", window=window).features < data.features  # by the rule of today
    again = Run.open("old").load_data()
    np.testing.assert_array_equal(again.train.x, data.train.x)
    ok("train", "--resume", "old", "--epochs", "3")
    ok("encode", "old", "x.csv", "-o", "z.npy")
    ok("reconstruct", "old", "x.csv", "-o", "out.csv")
    ok("evaluate", "old")
    ok("encode", "old", "out.csv", "-o", "z2.npy")
    if heading:
        write("other.csv", "time_s,w", np.arange(N), WALK[:, 0])
        capsys.readouterr()
        assert main(["encode", "old", "other.csv", "-o", "z.npy"]) == 2
        assert "trained on the columns time_s, v, but v is missing" in capsys.readouterr().err


def test_labels_that_are_words_are_chosen_by_word(
    capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    words = ["oak", "fir", "old elm"] * (N // 3)
    write("x.csv", "a,b,species", *WALK.T[:2], words)
    train = ("train", "autoencoder", "--data", "x.csv")
    for given, numbers in (("oak", [1]), ("0,oak", [0, 1]), ("fir,old elm", [0, 2])):
        ok(*train, "--only", given, *EPOCH, given)
        count = len(load("x.csv", only=numbers).train)
        assert f"x.csv: {count} train" in capsys.readouterr().out
    by_number = load("x.csv", only=[1])
    np.testing.assert_array_equal(load("x.csv", only=["oak"]).train.x, by_number.train.x)
    np.testing.assert_array_equal(load("x.csv").only(["oak"]).train.y, by_number.train.y)
    assert main([*train, "--only", "7", *EPOCH, "no"]) == 2
    assert "no sample labelled 7; its labels are 0, 1, 2" in capsys.readouterr().err
    assert main([*train, "--only", "ok", *EPOCH, "no"]) == 2
    assert "the labels are 0 fir, 1 oak, 2 old elm. Did you mean 'oak'?" in capsys.readouterr().err

    detected = []
    for normal in ((), ("--normal", "oak"), ("--normal", "1")):
        ok("anomalies", "oak", *normal, "-o", "found")
        detected.append(capsys.readouterr().out.replace(" (replaced)", ""))
    assert "AUROC" in detected[0]
    assert detected[0] == detected[1] == detected[2]
    assert main(["anomalies", "oak", "--normal", "elm", "-o", "no"]) == 2
    assert "no label 'elm'; the labels are 0 fir, 1 oak" in capsys.readouterr().err
    assert not Path("no").exists()
    ok("report", "0,oak")
    assert "--only 0,oak" in Path("0,oak/report.html").read_text("utf-8")


def test_words_choose_among_labels_that_are_words_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("x.csv", "a,b,species", *WALK.T[:2], [0, 1] * 30)
    assert main(["train", "autoencoder", "--data", "x.csv", "--only", "oak", *EPOCH, "no"]) == 2
    assert "no label 'oak'; the labels are whole numbers" in capsys.readouterr().err


def test_subfolders_are_chosen_by_their_names(
    capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    pictures("shapes", "tall", "wide")
    ok("train", "autoencoder", "--data", "shapes", "--only", "wide", *EPOCH, "run")
    assert "shapes: 16 train" in capsys.readouterr().out
    pictures("others", "huge", "wide")  # here wide is 1 of others, and tall is not
    pictures("more", "wide", "zigzag")  # here it is 0
    found = []
    for folder in ("others", "more"):
        ok("anomalies", "run", folder, "-o", folder + "-found")
        found.append(capsys.readouterr().out)
        assert "20 are anomalous" in found[-1]
        scores = Path(folder + "-found/scores.csv").read_text()
        assert scores.count("wide/") == 20
    pictures("numbers", "0", "1", "10", "2")
    for given, number in (("10", 2), (10, 2), ("2", 3), (1, 1)):
        assert {*load("numbers", only=[given]).train.y} == {number}
    with pytest.raises(DataError, match="label 2 may be the class of that name, or of that number"):
        load("numbers", only=[2])


def pictures(folder: str, *classes: str) -> None:
    for name in classes:
        (Path(folder) / name).mkdir(parents=True)
        for i in range(20):
            pixels = RNG.integers(0, 256, (4, 4), np.uint8)
            Image.fromarray(pixels).save(Path(folder) / name / f"{i}.png")


COMMANDS = ("evaluate", "compress", "features", "report", "anomalies", "traverse", "explore")


def test_data_that_was_moved_is_said_to_be_read_as_it_was(
    capsys: pytest.CaptureFixture[str], no_pictures: None
) -> None:
    write("x.csv", "row,a,b,flat,species", range(N), *WALK.T[:2], [1] * N, ["oak", "fir"] * 30)
    ok("train", "autoencoder", "--data", "x.csv", *EPOCH, "run")
    trained = one_line(capsys.readouterr().out).partition("; scaling")[0]
    assert "1 of them constant" in trained
    assert trained.endswith("left out row (names the lines)")
    Path("x.csv").rename("y.csv")
    for command in COMMANDS:
        ok(command, "run", "--data", "y.csv")
        assert one_line(capsys.readouterr().err) == trained
    text = Path("y.csv").read_text().replace(",", ";").replace("row;", "line;")
    Path("y.csv").write_text(text)
    ok("evaluate", "run", "--data", "y.csv")
    said = one_line(capsys.readouterr().err)
    assert said == trained.replace("commas", "semicolons").replace(
        "row (names the lines)", "line (not learnt)"
    )
    Path("y.csv").rename("x.csv")
    ok("evaluate", "run")
    assert "read as" not in capsys.readouterr().err
