"""What a table is read as: files as they are found, and what is said of them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from tinygrad_ae.data import Dataset, Reading, idx, load, load_samples
from tinygrad_ae.data.reading import Layout
from tinygrad_ae.errors import DataError

N = 60
RNG = np.random.default_rng(0)


def wandering(form: str = "{:.4f}") -> list[str]:
    return [form.format(v) for v in RNG.standard_normal(N).cumsum()]


A, B, C = (wandering() for _ in range(3))
LINES = range(N)
DIGITS = [str(v) for v in RNG.integers(0, 10, N)]
BINARY = [str(i % 2) for i in LINES]
SHUFFLED = [str(v) for v in RNG.permutation(N)]
GAPS = [str(v) for v in np.cumsum(RNG.integers(1, 4, N))]
JITTER = [f"{v:.4f}" for v in np.cumsum(RNG.uniform(0.01, 0.03, N))]
STAMPS = [(datetime(2024, 1, 1) + timedelta(seconds=7 * i)).isoformat(" ") for i in LINES]
COUNTS = [list(map(str, RNG.integers(0, 17, N))) for _ in range(3)]
WRAPS = [int(v) % 64 for v in GAPS]
CLOCK = [int(f"{s // 3600 % 24}{s // 60 % 60:02}{s % 60:02}") for s in range(86_000, 86_900, 15)]
READING = Reading("", Layout(",", True, ("a", "b", "c"), ("a", "b", "c")))
SPECIES = [("setosa", "virginica", "versicolor")[i % 3] for i in LINES]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Dataset]:
    def read(
        heading: str, cells: Sequence[Sequence[object]], separator: str = ",", /, **options: Any
    ) -> Dataset:
        lines = [separator.join(map(str, line)) for line in zip(*cells, strict=True)]
        (tmp_path / "t.csv").write_text("\n".join([heading] * bool(heading) + lines), "utf-8")
        return load(tmp_path / "t.csv", **options)

    return read


def layout(data: Dataset) -> Layout:
    assert data.reading is not None
    assert data.reading.table is not None
    return data.reading.table


@pytest.mark.parametrize(
    ("heading", "columns", "learnt"),
    [
        ("", [LINES, A, B, C], "234"),  # an accelerometer's
        ("", [GAPS, A, B], "23"),
        ("", [range(N, 0, -1), A, B], "23"),
        ("", [A, B, [7 * i for i in LINES]], "12"),
        ("n,a,b", [LINES, A, B], "ab"),
        ("k,a,b", [SHUFFLED, A, B], "ab"),
        ("a,angle,b", [A, [f"{0.1 * i:.1f}" for i in LINES], B], "ab"),
        (",a,b", [LINES, A, B], "ab"),  # as pandas writes it
        (",0,1", [LINES, A, B], "01"),
        ("Unnamed: 0,a,b", [SHUFFLED, A, B], "ab"),
        ("a,CustomerID,b", [A, DIGITS, B], "ab"),
        ("sensor id,a,b", [DIGITS, A, B], "ab"),
        ("id,a,b", [[f"A{i}" for i in LINES], A, B], "ab"),
        ("frame,a,b", [GAPS, A, B], "ab"),
        ("seq,a,b", [[(i + 50) % 64 for i in LINES], A, B], "ab"),
        ("a,b,", [A, B, [""] * N], "ab"),
        ("pkt,a,b", [[int(v) % 16 for v in GAPS], A, B], "ab"),  # it wraps round
        ("seq,a,b", [[i % 8 for i in LINES], A, B], "ab"),
    ],
)
def test_what_only_counts_is_not_learnt_unless_asked_for(read, heading, columns, learnt):
    data = read(heading, columns)
    found = [name.removeprefix("column ") for name in layout(data).columns]
    assert found == list(learnt)
    (out,) = layout(data).left_out
    assert f"left out {out[0]} ({out[1]})" in str(data.reading)
    if out[1] != "is empty" and columns[0][0] != "A0":
        everything = read(heading, columns, columns=["all"])
        assert everything.shape == (len(columns),)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("timestamp", STAMPS),
        ("Date", [stamp.replace("-", "/") for stamp in STAMPS]),
        ("started", [stamp.replace(" ", "T") + ".25Z" for stamp in STAMPS]),
        ("clock", [stamp.split()[1] for stamp in STAMPS]),
        ("time_s", [f"{0.02 * i:.2f}" for i in LINES]),
        ("elapsed", JITTER),
        ("Time (ms)", [i // 3 for i in LINES]),  # as coarse as a clock may be
        ("seconds", [i % 20 for i in LINES]),  # three recordings
        ("recording_time", JITTER),
        ("v", [1_700_000_000 + int(step) for step in GAPS]),
        ("v", [1_700_000_000_000 + 20 * i + i % 3 for i in LINES]),
    ],
)
def test_what_tells_the_time_is_not_learnt(read, name, cells):
    found = layout(read(f"{name},a", [cells, A]))
    assert (found.time, found.columns, found.left_out) == ((name,), ("a",), ())


@pytest.mark.parametrize("name", ["label", "Class", "TARGET", "y", "quality", "Outcome"])
@pytest.mark.parametrize("cells", [DIGITS, BINARY, SPECIES])
def test_labels_are_told_by_name_and_values(read, name, cells):
    data = read(f"a,{name},b", [A, cells, B])
    assert (layout(data).columns, layout(data).label) == (("a", "b"), name)
    assert f"label {name!r}" in str(data.reading)
    if cells is SPECIES:
        assert layout(data).classes == ("setosa", "versicolor", "virginica")
        assert "(0 setosa, 1 versicolor, 2 virginica)" in str(data.reading)
        assert set(data.train.y) == {0, 1, 2}
    else:
        assert set(data.train.y) == set(map(int, cells))


@pytest.mark.parametrize(
    ("heading", "columns", "learnt"),
    [
        ("x,y,z", COUNTS, "xyz"),
        ("X,Y,Z", [A, B, C], "XYZ"),
        ("x,y", [A, B], "xy"),
        ("0,1,2", [A, B, C], "012"),
        ("2019,2020,2021", [A, B, C], ("2019", "2020", "2021")),
        ("", COUNTS, ("column 1", "column 2", "column 3")),
        ("no,t_ambient,min", [A, B, C], ("no", "t_ambient", "min")),  # nitrogen monoxide
        ("reaction_time,hour", [A, DIGITS], ("reaction_time", "hour")),
        ("a,odometer", [A, [i // 2 / 4 for i in LINES]], ("a", "odometer")),
        ("y,u,v", COUNTS, ("y", "u", "v")),
        ("# a,b", [A, B], "ab"),
        ("a,b", [A, [1] * N], "ab"),  # like the margin of a picture
    ],
)
def test_values_are_learnt_whatever_they_look_like(read, heading, columns, learnt):
    data = read(heading, columns)
    assert layout(data).columns == tuple(learnt)
    assert (layout(data).label, layout(data).left_out) == (None, ())
    assert ("1 of them constant" in str(data.reading)) == (columns[-1] == [1] * N)


@pytest.mark.parametrize(
    ("heading", "columns", "said", "cures"),
    [
        ("0,1", [A, B], "may be a heading or the first sample",
         [{"header": True}, {"header": False}]),
        ("0,1,2", COUNTS, "may be a heading", [{"header": True}]),
        ("2019,2020", [A, B], "may be a heading", [{"header": True}]),
        ("1034,877,2210", [A, B, C], "may be a heading", [{"header": True}]),
        ("0", [A], "may be a heading", [{"header": True}, {"header": False}]),
        ("country,2019,2020", [SPECIES, A, B], "may be a heading",
         [{"header": True, "drop": ["country"]}, {"header": True, "label": "country"}]),
        ("380.21,380.95,381.7", [A, B, C], "may be a heading", [{"header": True}]),
        ("900,870,801", [A, B, C], "may be a heading", [{"header": True}]),
        ("1,2,4,7", [*COUNTS, DIGITS], "may be a heading", [{"header": True}]),
        ("kind,3,9,5", [SPECIES, *COUNTS], "1: 'kind' is no number. The first line may be",
         [{"header": True, "label": "kind"}]),
        ("3,9,kind", [*COUNTS[:2], SPECIES], "'kind' is no number. The first line may be",
         [{"header": True, "label": "kind"}]),
        (",3.1,9,5", [LINES, A, B, C], "'' is no number. The first line may be",
         [{"header": True}]),
        ("when,3.1,9,5", [STAMPS, A, B, C], "'when' is no number. The first line may be",
         [{"header": True}]),
        ("x,y", COUNTS[:2], "'y' may be a coordinate.*--label y, or --label none",
         [{"label": "y"}, {"label": "none"}, {"drop": ["y"]}, {"columns": ["x", "y"]}]),
        ("a,target", [A, B], "'target' is named like a label.*--label none",
         [{"label": "none"}, {"drop": ["target"]}, {"columns": ["a"]}]),
        ("a,label", [A, GAPS], "'label' .* but has 60 different values in 60 lines",
         [{"label": "label"}, {"drop": ["label"]}]),
        ("a,fuel_class", [A, DIGITS], "'fuel_class' may be a label",
         [{"label": "fuel_class"}, {"label": "none"}, {"drop": ["fuel_class"]}]),
        ("a,class,target", [A, DIGITS, BINARY], "'class' and 'target' are named so",
         [{"label": "class", "drop": ["target"]}, {"label": "none"}]),
        ("a,colour", [A, SPECIES], "'colour' holds words.*--label colour.*--drop colour",
         [{"label": "colour"}, {"drop": ["COLOUR"]}]),
        ("", [A, SPECIES], "column 2 holds words.*--label 2", [{"label": "2"}, {"drop": ["2"]}]),
        ("a,population", [A, JITTER], "'population' rises from line to line.*--time population",
         [{"time": "population"}, {"time": "none"}, {"drop": ["population"]}]),
        ("", [JITTER, A], "column 1 rises", [{"time": "1"}, {"time": "none"}, {"drop": ["1"]}]),
        ("", [[i // 9 for i in LINES], A], "column 1 rises", [{"drop": ["1"]}]),
        ("", [[i % 20 for i in LINES], A], "column 1 counts up again", [{"drop": ["1"]}]),
        ("a,hour", [A, [i % 24 for i in LINES]], "'hour' counts up again",
         [{"drop": ["hour"]}, {"time": "hour"}, {"time": "none"}, {"columns": ["all"]}]),
        ("a,Cycle", [A, [i // 4 for i in LINES]], "'Cycle' rises in steps",
         [{"drop": ["Cycle"]}, {"time": "Cycle"}, {"time": "none"}]),
        ("a,left", [A, [99 - i // 4 for i in LINES]], "'left' falls in steps", [{"time": "none"}]),
        ("uptime_s,RECORD NO,a", [[i // 3 for i in LINES], [i // 2 * 2 for i in LINES], A],
         "'uptime_s' rises in steps",
         [{"columns": ["uptime_s", "a"]}, {"time": "uptime_s", "drop": ["RECORD NO"]}]),
        ("a,activity_id", [A, [i // 9 % 4 for i in LINES]], "its values occur again and again",
         [{"label": "activity_id"}, {"drop": ["activity_id"]}]),
        *[("v,a", [cells, A], f"'v' counts {way} again", [{"drop": ["v"]}, {"time": "none"}])
          for way, cells in (
              ("up", WRAPS),
              ("up", [(65_500 + 5 * int(v)) % 65_536 for v in GAPS]),
              ("up", [i % 8 for i in LINES]),
              ("up", [i // 2 % 8 for i in LINES]),  # two lines in a packet
              ("up", [i % 40 for i in LINES][:35] + [i // 2 for i in range(25)]),  # two recordings
              ("down", [-w for w in WRAPS]),
              ("up", CLOCK),  # over midnight
          )],
        ("", [WRAPS, A], "column 1 counts up again", [{"drop": ["1"]}]),
        ("", [[w / 10 for w in WRAPS], A], "column 1 counts up again", [{"drop": ["1"]}]),
        ("time_of_day,a", [[w / 10 for w in WRAPS], A], "'time_of_day' counts up again",
         [{"time": "time_of_day"}]),
        *[(f"{name},a", [cells, A], f"'{name}' is named like a part of a date and seldom changes",
           [{"time": name}, {"drop": [name]}, {"time": "none"}])
          for name, cells in (
              ("day", [5 + (i > 40) for i in LINES]),
              ("Day", [(30, 31, 1)[i // 20] for i in LINES]),
              ("hhmm", [1200 + i // 25 for i in LINES]),
              ("hhmmss", [120_000 + i // 40 for i in LINES]),
          )],
        ("3,7,9", [[20 + int(v) for v in COUNTS[0]], COUNTS[1], COUNTS[2]], "may be a heading",
         [{"header": True}, {"header": False}]),
        ("T,p", [A, B], "'T' is named like a time, but", [{"time": "none"}, {"time": "T"}]),
        ("V,Id", [A, B], "'Id' is named like an id, but holds", [{"columns": ["all"]}]),
        ("ds,y", [STAMPS, DIGITS], "'y' was taken as the label; --label none keeps it",
         [{"label": "none"}]),
        ("row", [LINES], "no column is left to learn", [{"columns": ["row"]}]),
    ],
)  # fmt: skip
def test_what_is_ambiguous_is_refused_with_what_settles_it(read, heading, columns, said, cures):
    with pytest.raises(DataError, match=said):
        read(heading, columns)
    for cure in cures:
        data = read(heading, columns, **cure)
        assert len(data.columns or layout(data).columns) == data.shape[0]


def test_a_line_of_whole_numbers_that_is_taken_as_a_sample_is_shown(read, tmp_path):
    data = read("3,9,5", COUNTS)
    said = "a table with commas and no heading (its first line is a sample: 3, 9, 5); 3 columns: "
    assert str(data.reading).startswith(said)
    assert load(tmp_path / "t.csv", reading=data.reading).reading == data.reading
    assert "a sample" not in str(read("3,9,5", COUNTS, header=False).reading)
    assert "a sample" not in str(read("3,9,3", COUNTS).reading)  # no names of columns


def ordinary() -> dict[str, tuple[str, list[Any]]]:
    """Return tables of 200 lines of which nothing is to be asked."""
    rng, n = np.random.default_rng(1), 200
    t = np.arange(n)
    waves = [np.round(512 + 100 * np.sin(t / 9 + k) + 3 * rng.standard_normal(n)) for k in range(3)]
    pixels = [rng.integers(0, 256, n) * (rng.random(n) < 0.4) for _ in range(9)]
    kinds, counts = rng.integers(0, 4, n), [rng.poisson(3, n) for _ in range(30)]
    walk = rng.standard_normal(n).cumsum()
    names = {k: ",".join(f"c{i}" for i in range(k)) for k in (3, 4, 9, 30)}
    return {
        "accelerometer": ("x,y,z", [rng.integers(-500, 500, n) for _ in range(3)]),
        "adc": (names[3], waves),
        "adc without heading": ("", waves),
        "pixels": (names[9], pixels),
        "pixels without heading": ("", pixels),
        "one-hot": (names[4], [(kinds == k) * 1 for k in range(4)]),
        "one-hot, sorted": (names[4], [(np.sort(kinds) == k) * 1 for k in range(4)]),
        "answers": (names[9], [rng.integers(1, 6, n) for _ in range(9)]),
        "counts": (names[30], counts),
        "whole sine": ("a,b", [np.round(1000 * np.sin(t / 9)), np.round(9 * np.cos(t / 9))]),
        "events": ("a,events", [walk, rng.poisson(0.2, n)]),
        "switches": ("a,door,valve", [walk, t // 50 % 2, np.where(t % 40 < 20, 0, 100)]),
        "houses": ("rooms,age,hour", [rng.integers(1, 9, n), rng.integers(0, 99, n), kinds]),
        "heart": ("mlii,v5", [np.round(200 * np.exp(-(((t % 80 - 20) / 4) ** 2)) + walk), walk]),
        "quantised walk": ("a,b", [np.round(walk), np.round(4 * walk)]),
    }


@pytest.mark.parametrize("name", ordinary())
def test_nothing_is_asked_of_an_ordinary_table(read, name):
    heading, columns = ordinary()[name]
    found = layout(read(heading, columns))
    assert len(found.columns) == len(columns)
    assert (found.heading, found.label, found.time) == (bool(heading), None, ())


@pytest.mark.parametrize(("name", "column"), [("", LINES), ("when", STAMPS), ("tag", DIGITS)])
def test_numbers_that_are_beyond_all_below_and_a_name_over_what_is_none_are_a_heading(
    read, name, column
):
    data = read(f"{name},380.21,380.95,381.7", [column, A, B, C], drop=["tag"] * (name == "tag"))
    assert data.columns == ("380.21", "380.95", "381.7")


@pytest.mark.parametrize(
    "columns",
    [
        [A, B, C],
        [SPECIES, *COUNTS],
        [[f"{i}.wav" for i in LINES], A, B],
        [A, *([f"{float(v) + 99 * j}" for v in B] for j in range(1, 5))],
    ],
)
def test_a_first_line_like_those_below_is_a_sample(read, columns):
    assert not layout(read("", columns, drop=["1"])).heading


def test_the_columns_that_are_asked_for(read):
    wide = ("id,a,b,y", [LINES, A, B, DIGITS])
    assert layout(read(*wide, columns=["B", "id"])).columns == ("b", "id")
    assert layout(read(*wide, columns=["y", "a"])).label is None
    assert layout(read(*wide, drop=["a"])).columns == ("b",)
    data = read(*wide, columns=["all"], label="none")
    assert layout(data).columns == ("id", "a", "b", "y")
    np.testing.assert_array_equal(data.train.x.shape, (48, 4))
    data = read(*wide, time="a", label="y")
    assert (layout(data).columns, layout(data).time) == (("b",), ("a",))


def test_no_time_lets_a_time_be_learnt_but_no_second_column_unseen(read):
    assert layout(read("time_s,a", [LINES, A], time="none")).columns == ("time_s", "a")
    steps = [i // 4 for i in LINES]
    with pytest.raises(DataError, match=r"'unit' and 'cycle' may all be counters.*--columns"):
        read("unit,cycle,a", [steps, steps, A], time="none")
    data = read("unit,cycle,a", [steps, steps, A], time="none", drop=["unit"])
    assert layout(data).columns == ("cycle", "a")


def test_all_columns_are_all_but_label_and_time(read):
    data = read("id,when,a,Cycle,y", [LINES, STAMPS, A, [i // 4 for i in LINES], DIGITS],
                columns=["all"])  # fmt: skip
    assert layout(data).columns == ("id", "a", "Cycle")
    assert (layout(data).label, layout(data).time) == ("y", ("when",))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": "quality"}, r"no column 'quality' \(--label\); its columns are id, a, b, y"),
        ({"drop": ["bb"]}, r"no column 'bb' \(--drop\).*Did you mean 'b'"),
        ({"columns": ["a", "a"]}, "--columns names a column twice"),
        ({"columns": ["a"], "drop": ["a"]}, "'a' is given to --columns and to --drop"),
        ({"columns": ["a", "y"], "label": "y"}, "'y' is given to --label, so it cannot be among"),
        ({"label": "y", "time": "y"}, "'y' cannot be both label and time"),
        ({"label": "a", "drop": ["y"]}, "whole numbers, but line 2 has"),
        ({"header": False}, r"line 1, column 1: 'id' is not a finite number"),
        ({"drop": ["id", "a", "b"]}, r"no column is left.*id, a, b \(--drop\)|no column is left"),
    ],
)
def test_what_cannot_be_asked_for(read, options, said):
    with pytest.raises(DataError, match=said):
        read("id,a,b,y", [LINES, A, B, DIGITS], **options)


def test_columns_are_asked_of_tables_alone(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((20, 3)))
    for source in ("digits", np.zeros((20, 3)), tmp_path / "x.npy"):
        with pytest.raises(DataError, match="is no table, so it has no columns to choose"):
            load(source, label="y")


def test_bars_separate_too(read, tmp_path):
    data = read("a| when |b|species", [A, STAMPS, B, SPECIES], "|")
    assert str(data.reading).startswith("a table with bars and a heading; 2 columns: a, b; label")
    samples = load_samples(tmp_path / "t.csv", (2,), data.scaling, reading=data.reading)
    assert sorted(samples[:][:, 0]) == pytest.approx(sorted(
        x for split in (data.train, data.validation, data.test) for x in split.x[:, 0]
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "separator", "name", "mark"),
    [
        ("a b c", " ", "spaces", "."),
        ("a b c", " ", "spaces", ","),
        ("", " ", "spaces", "."),
        ("# a b c", "   ", "spaces", "."),  # as numpy.savetxt does
        ("a,b,c", " ", "spaces", "."),
        ("a:b:c", ":", "colons", "."),
    ],
)
def test_separators_that_are_not_read_are_named(read, tmp_path, heading, separator, name, mark):
    columns = [[cell.replace(".", mark) for cell in column] for column in (A, B, C)]
    with pytest.raises(DataError, match=f"seem to be separated by {name}, but read are commas"):
        read(heading, columns, separator)
    with pytest.raises(DataError, match="Put commas in their place, or semicolons if"):
        load_samples(tmp_path / "t.csv", (3,), None, reading=READING)


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        ("v", [A]),
        ("v,w", [[f"{i % 24}:{i:02}" for i in LINES], A]),  # times of day
        ("v,w", [STAMPS, A]),
        ("v,genre,w", [A, [("a|b", "a|b|c")[i % 2] for i in LINES], B]),
        ("v,city,w", [A, ["New York"] * N, B]),
        ("v, w", [A, [f" {b}" for b in B]]),
    ],
)
def test_what_stands_inside_a_cell_separates_nothing(read, heading, columns):
    data = read(heading, columns, drop=[n for n in ("genre", "city") if n in heading])
    assert layout(data).separator == ","


def test_wine_is_read_as_what_it_is(read):
    heading = '"fixed acidity";"pH";"alcohol";"quality"'
    data = read(heading, [A, B, C, DIGITS], ";")
    assert str(data.reading) == (
        "a table with semicolons and a heading; 3 columns: fixed acidity, pH, alcohol; label "
        "'quality'; no time; nothing left out"
    )
    assert data.columns == ("fixed acidity", "pH", "alcohol")


def test_a_decision_is_kept_whole_and_read_by_it_the_data_is_the_same(read, tmp_path):
    data = read("id,a,when,b,species", [LINES, A, STAMPS, B, SPECIES])
    kept = Reading.from_json(json.loads(json.dumps(data.reading.to_json())))
    assert kept == data.reading
    again = load(tmp_path / "t.csv", reading=kept)
    assert again.reading == kept
    for split in ("train", "validation", "test"):
        for name in ("x", "y"):
            found, expected = (getattr(getattr(d, split), name) for d in (again, data))
            np.testing.assert_array_equal(found, expected)


def test_every_other_kind_says_what_it_was_read_as(tmp_path):
    x = np.arange(40 * 6, dtype=np.uint8).reshape(40, 2, 3)
    np.savez(tmp_path / "x.npz", images=x, labels=np.arange(40) % 4)
    np.savez(tmp_path / "splits.npz", x_train=x, y_train=np.arange(40), x_test=x)
    np.save(tmp_path / "x.npy", x / 7)
    idx.write(tmp_path / "x.idx", x)
    (tmp_path / "idx").mkdir()
    idx.write(tmp_path / "idx/train-images-idx3-ubyte.gz", x)
    idx.write(tmp_path / "idx/train-labels-idx1-ubyte", np.arange(40, dtype=np.uint8))
    for i, pixels in enumerate(x):
        folder = tmp_path / "pictures" / ("cat", "dog")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        (tmp_path / "sounds").mkdir(exist_ok=True)
        noise = np.random.default_rng(i).integers(-99, 99, (600, 2), np.int16)
        wavfile.write(tmp_path / "sounds" / f"{i}.wav", 8000, noise)
    for source, said in {
        "x.npz": "array images, shape (40, 2, 3), uint8; labels in labels",
        "splits.npz": "train: array x_train, shape (40, 2, 3), uint8; labels in y_train | "
        "test: array x_test, shape (40, 2, 3), uint8; no labels",
        "x.npy": "an array, shape (40, 2, 3), float64; no labels",
        "x.idx": "IDX, shape (40, 2, 3), uint8; no labels",
        "idx": "IDX train-images-idx3-ubyte.gz, shape (40, 2, 3), uint8; labels of "
        "train-labels-idx1-ubyte",
        "pictures": "40 pictures, 3 × 2 grey (uint8); labels from subfolders (0 cat, 1 dog)",
        "sounds": "40 recordings: sound, 8,000 Hz, the mean of 2 channels; no labels; raw windows "
        "of 256, one every 128",
    }.items():
        assert str(load(tmp_path / source).reading) == said
    assert str(load(x).reading) == "an array, shape (40, 2, 3), uint8; no labels"
