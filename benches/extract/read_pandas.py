"""Records by pandas.read_html on lxml, told to keep each cell as its text."""

from io import StringIO

import pandas
from records import HEADER, clean, serve

COLUMNS = 13


def read(page):
    tables = pandas.read_html(
        StringIO(page),
        match=HEADER,
        flavor="lxml",
        header=0,
        thousands=None,
        keep_default_na=False,
        converters={column: clean for column in range(COLUMNS)},
    )
    return tables[0].to_dict("records")


serve(read)
