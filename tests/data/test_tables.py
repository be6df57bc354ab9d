import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae.data import load_samples
from tinygrad_ae.data.reading import Wanted
from tinygrad_ae.data.tables import CsvFile, before, read_csv
from tinygrad_ae.errors import DataError


def table(tmp_path, text, **options):
    path = tmp_path / "table.csv"
    path.write_text(text, **options)
    return read_csv(path)


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 5)),
        elements=st.floats(-3e38, 3e38),
    ),
    st.booleans(),
)
def test_what_is_written_is_read(tmp_path_factory, x, header):
    path = tmp_path_factory.getbasetemp() / "round-trip.csv"
    lines = [",".join(map(repr, row)) for row in x.tolist()]
    path.write_text("\n".join([",".join("abcde"[: x.shape[1]])] * header + lines))
    np.testing.assert_array_equal(read_csv(path, Wanted(header=header)).x, x)


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4",
        "1,2\n3,4\n",
        '"1", 2\r\n\r\n3,4e0\r\n',
        "width,height\n1,2\n3,4\n",
        "\n\n1,2\n3,4",
    ],
)
def test_the_forms_a_table_takes(tmp_path, text):
    np.testing.assert_array_equal(table(tmp_path, text).x, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(table(tmp_path, text, encoding="utf-8-sig").x, [[1, 2], [3, 4]])


@pytest.mark.parametrize("name", ["y", "Label", "labels"])
def test_a_column_of_labels_is_no_feature(tmp_path, name):
    found = table(tmp_path, f"a,{name},1x1\n1,7,2\n3,-8,4\n")
    np.testing.assert_array_equal(found.x, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(found.y, [7, -8])
    assert found.y.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,cat\n", r"line 3, column 2 \(b\): 'cat' is not a finite number"),
        ("a,label\n1,cat\n2,3\n", r"'label' is named like a label, but line 2 has 'cat' among"),
        ("1,2\n\n3,4\n,6\n", r"line 4, column 1: the cell is empty"),
        ("1,2\n3, \n", r"line 2, column 2: the cell is empty"),
        ("1,2\n3,nan\n", r"line 2, column 2: 'nan' is not a finite number"),
        ("1,2\n-inf,4\n", r"line 2, column 1: '-inf' is not"),
        ("1,2\n3,4,5\n", r"line 2: found 3 columns, expected 2"),
        ("1,2\n3\n", r"line 2: found 1 columns, expected 2"),
        ("1,cat\n3,4\n", r"line 1, column 2: 'cat'"),
        ("1,5;2\n3;4\n", r"has ';' between its columns, and commas inside its numbers"),
        ("a\tb\n3,5\t4\n", r"has a tab between its columns, and commas inside its numbers"),
        ("", r"no samples"),
        ("a,b\n", r"no samples"),
        ("y\n1\n", r"no samples"),
        ("a,y\n1,0.5\n", r"must be one column of whole numbers, and it has others"),
        ("y,label,a\n1,1,1\n", r"but 'y' and 'label' are named so"),
        ("a,A\n1,2\n", r"two columns are called 'a'"),
        ("a,b\n1_0,2\n", r"holds words \('1_0', ...\), which cannot"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        table(tmp_path, text)
    assert "table.csv" in str(caught.value)


@pytest.mark.parametrize("cell", ["1_0.5", "1e5_0", "１２", "٣", "१.५", "0x10", "−5", "1'000"])
def test_a_number_is_what_numpy_takes_too(tmp_path, cell):
    text = f"p,q\n0.5,1.5\n2.5,{cell}\n"
    with pytest.raises(DataError, match=r"line 3, column 2 \(q\).*not a finite number|holds words"):
        table(tmp_path, text)
    with pytest.raises(DataError, match=r"line 3, column 2 \(q\)"):
        load_samples(tmp_path / "table.csv", (2,), None)


@pytest.mark.parametrize("cell", ["5", "+5", " 5 ", "5\u00a0", "\u20095", "\x0b5", "5\t"])
def test_any_space_may_stand_around_a_number(tmp_path, cell):
    found = table(tmp_path, f"p,q\n0.5,1.5\n2.5,{cell}\n")
    np.testing.assert_array_equal(found.x, [[0.5, 1.5], [2.5, 5]])
    samples = load_samples(tmp_path / "table.csv", (2,), None)
    np.testing.assert_array_equal(samples[:], [[0.5, 1.5], [2.5, 5]])


@pytest.mark.parametrize("label", [2**53, -(2**53), 2**63, 2**64 - 1, 10**30])
def test_labels_that_float64_confuses_are_refused(tmp_path, label):
    text = "p,label\n" + "\n".join(f"{i % 7}.5,{label if i % 2 else 0}" for i in range(20))
    with pytest.raises(
        DataError, match=r"line 3 has .* 'label', which exceeds 9,007,199,254,740,9"
    ):
        table(tmp_path, text)
    with pytest.raises(
        DataError, match=r"line 3 has .* 'label', which exceeds 9,007,199,254,740,9"
    ):
        load_samples(tmp_path / "table.csv", (1,), None)


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read as a table \(.*No such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe1\0,\0")
    with pytest.raises(DataError, match=r"cannot be read as a table \('utf-8' codec"):
        read_csv(tmp_path / "x.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found(tmp_path, separator):
    found = table(tmp_path, "\n".join(separator.join(row) for row in ("ab", "12", "34")))
    np.testing.assert_array_equal(found.x, [[1, 2], [3, 4]])
    assert found.table.separator == separator


def test_a_kept_layout_finds_its_columns_anywhere(tmp_path):
    lines = (f"{i},{i % 7}.5,{i % 5}.25,{'ab'[i % 2]}" for i in range(20))
    trained = table(tmp_path, "row,p,q,class\n" + "\n".join(lines))
    layout = trained.table
    assert (layout.columns, layout.label, layout.classes) == (("p", "q"), "class", ("a", "b"))
    other = tmp_path / "other.csv"
    other.write_text("Q;words;P\n1;what;2\n3;ever;4\n")
    file = CsvFile(other, layout)
    np.testing.assert_array_equal(file[:], [[2, 1], [4, 3]])
    assert file.labels is None
    assert str(file.reading) == (
        "a table with semicolons and a heading; 2 columns: p, q; no label; no time; left out words "
        "(not learnt)"
    )
    other.write_text("class,p,q\nb,1,2\nc,3,4\na,5,6\n")
    np.testing.assert_array_equal(CsvFile(other, layout).labels, [1, 2, 0])  # c is new
    other.write_text("class,p,q\n,1,2\n,3,4\n")
    assert CsvFile(other, layout).labels is None
    for text, missing in (("row,p\n1,2\n", "q is missing"), ("1,2\n", "p, q are missing"),
                          ("p,q,q\n1,2,3\n", "some of them are there twice")):  # fmt: skip
        other.write_text(text)
        with pytest.raises(DataError, match=rf"trained on the columns p, q, but {missing}"):
            CsvFile(other, layout)


def test_a_kept_layout_without_heading_goes_by_position(tmp_path):
    rows = "\n".join(f"{i},{i * i % 7}.5,{i * i % 5}.25" for i in range(20))
    layout = table(tmp_path, rows).table
    assert layout.left_out == (("column 1", "counts evenly"),)
    assert layout.headings == ("column 2", "column 3")
    other = tmp_path / "other.csv"
    for text in ("9,1,2\n", "a,b,c\n9,1,2\n", "column 3,column 2\n2,1\n"):
        other.write_text(text)
        np.testing.assert_array_equal(CsvFile(other, layout)[:], [[1, 2]])
    other.write_text("1,2\n")
    with pytest.raises(DataError, match=r"has 2 columns, but the table .* had 3, without a headi"):
        CsvFile(other, layout)


@pytest.mark.parametrize(
    ("text", "size", "columns", "label"),
    [
        ("x,y,z\n1,2,3\n", 3, ("x", "y", "z"), None),
        ("x,y,z\n1,2,3\n", 2, ("x", "z"), "y"),
        ("z0,z1,label\n1,2,3\n", 2, ("z0", "z1"), "label"),
        ("1,2,3\n", 3, ("column 1", "column 2", "column 3"), None),
    ],
)
def test_a_table_of_codes_is_read_whole(tmp_path, text, size, columns, label):
    (tmp_path / "z.csv").write_text(text)
    layout = before(tmp_path / "z.csv", size)
    assert (layout.columns, layout.label) == (columns, label)
