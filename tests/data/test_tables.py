import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_ae.data.tables import feature_names, read_csv
from tinygrad_ae.errors import DataError


def table(tmp_path, text, **options):
    path = tmp_path / "table.csv"
    path.write_text(text, **options)
    return read_csv(path)


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 5)),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.booleans(),
)
def test_what_is_written_is_read(tmp_path_factory, x, header):
    path = tmp_path_factory.getbasetemp() / "round-trip.csv"
    lines = [",".join(map(repr, row)) for row in x.tolist()]
    path.write_text("\n".join([",".join("abcde"[: x.shape[1]])] * header + lines))
    np.testing.assert_array_equal(read_csv(path).x, x)


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
        ("a,label\n1,cat\n", r"whole numbers, but line 2 has 'cat'. Number the classes"),
        ("1,2\n\n3,4\n,6\n", r"line 4, column 1: the cell is empty"),
        ("1,2\n3, \n", r"line 2, column 2: the cell is empty"),
        ("1,2\n3,nan\n", r"line 2, column 2: 'nan' is not a finite number"),
        ("1,2\n-inf,4\n", r"line 2, column 1: '-inf' is not"),
        ("1,2\n3,4,5\n", r"line 2: found 3 columns, expected 2"),
        ("1,2\n3\n", r"line 2: found 1 columns, expected 2"),
        ("1,cat\n3,4\n", r"line 1, column 2: 'cat'"),
        ("1;2\n3;4\n", r"has ';' between its columns; expected commas"),
        ("1,5;2\n3;4\n", r"has ';' between its columns"),
        ("a\tb\n3\t4\n", r"has a tab between its columns"),
        ("", r"no samples"),
        ("a,b\n", r"no samples"),
        ("y\n1\n", r"no samples"),
        (",a\n0,5\n", r"column 1 has no name in the header.*index=False"),
        ("a,y\n1,0.5\n", r"must be one column of whole numbers, but 'y' has others"),
        ("y,label,a\n1,1,1\n", r"but 'y' and 'label' are named so"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        table(tmp_path, text)
    assert "table.csv" in str(caught.value)


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read as a table \(.*No such file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe1\0,\0")
    with pytest.raises(DataError, match=r"cannot be read as a table \('utf-8' codec"):
        read_csv(tmp_path / "x.csv")


def test_the_names_of_the_features(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a,"b, c",Label\n1,2,3\n')
    assert feature_names(path) == ("a", "b, c")
    path.write_text("1,2\n3,4\n")
    assert feature_names(path) is None
    assert feature_names(tmp_path / "x.npy") is None
