"""What a source was read as: a decision that is said in one line, and kept by the run.

Arrays, pictures and sounds say themselves what they are. A table does not: which of its lines and
columns are what is decided here, once, when a model is trained. A run keeps the decision and reads
every other file by it.

The rule, for what was not asked for (``Wanted``):

**Separator.** Commas, semicolons, tabs or bars (``|``): what gives all lines the same number of
cells, most of them numbers. Spaces and colons are refused by name.

**Heading.** A first line without any number is one. A first line that has numbers may be one where

- all of its cells are numbers that run evenly (0, 1, 2; 10, 20, 30; of two columns only from 0 or
  1), or are years, and not all lines below do so too; or
- all of its cells are different whole numbers, but columns below are written with points; or
- its numbers rise (or fall) from cell to cell, and most of them are beyond all numbers below; or
  four whole numbers (five others) rise so, and hardly any line below does (three: none of thirty
  and more); or
- a cell of it is no number, above a column of numbers or dates (an empty one: above a column that
  counts), or is a word above words that occur again and again, of which it is none.

It is one where two of these hold (the first two: with three columns or more; the last with a
single number left out of account, and not above words). Where only one holds it is refused. Where
none holds, different whole numbers above whole numbers are a sample, and it is said which. An empty
cell among other names is called as pandas calls it: ``Unnamed: 0``.

**Columns**, by the first of these that holds:

1. One without any value is left out.
2. Label: one of ``LABEL_NAMES`` whose values are classes, which is whole numbers or words that
   occur twice each on average; ``y`` beside x and z (or beside x, where it is not whole) is a
   coordinate, and beside u and v (cb and cr) a brightness. Refused: such a name without classes,
   two such columns, names that merely end so (``fuel_class``), and a whole ``y`` beside x.
3. Time: dates; a name that says nothing but time (``time_s``, ``elapsed``, ``"Timestamp (ms)"``)
   above values that run in one direction, with few restarts (refused: in no direction); a name
   with time in it above values that never fall; numbers that are Unix times. Refused: a name with
   a part of a date in it (``day``, ``hhmm``) above whole numbers that seldom change.
4. Names of lines: ``id``, ``user_id``, ``index``, ``Unnamed: 0`` above whole numbers or words.
   Refused: above fractions, and ``activity_id`` above whole numbers that occur ten times each.
5. Words are neither values nor, without such a name, labels: refused.
6. Counters: values that run evenly from line to line, whatever they are called, or number the lines
   in another order; whole numbers that always rise (or always fall) where there is no name, or
   rise with few restarts under a name like ``frame``, ``seq``. Refused: any other column that
   always rises or falls; whole numbers (without a name, or with time in it, also fractions) that
   rise in steps and never fall, or count up again and again with gaps or without, as what wraps
   round at 256 or at midnight does. So are two such columns by ``--time none``, which lets one be
   learnt.
7. All others are learnt, a constant one too (as the margin of a picture is). A cell that is no
   number is an error there, and nowhere else.

With fewer than ten lines the names alone decide.
"""

from tinygrad_ae.data.reading.cells import is_finite, is_number, is_plain
from tinygrad_ae.data.reading.decide import decide
from tinygrad_ae.data.reading.heading import is_heading
from tinygrad_ae.data.reading.labels import LARGEST, new_classes, numbered, numbers_of
from tinygrad_ae.data.reading.layout import Layout, Places, Reading, Wanted
from tinygrad_ae.data.reading.names import column_names, shown
from tinygrad_ae.data.reading.separator import SEPARATORS, separator_of
from tinygrad_ae.data.reading.table import Table, bad_cell

__all__ = [
    "LARGEST",
    "SEPARATORS",
    "Layout",
    "Places",
    "Reading",
    "Table",
    "Wanted",
    "bad_cell",
    "column_names",
    "decide",
    "is_finite",
    "is_heading",
    "is_number",
    "is_plain",
    "new_classes",
    "numbered",
    "numbers_of",
    "separator_of",
    "shown",
]
