"""Records by selectolax: its Lexbor parser, one query for the cells of a row."""

from records import HEADER, clean, serve
from selectolax.lexbor import LexborHTMLParser


def read(page):
    for table in LexborHTMLParser(page).css("table"):
        first, *rows = table.css("tr")
        headers = [clean(cell.text()) for cell in first.css("th, td")]
        if HEADER in headers:
            return [dict(zip(headers, (clean(cell.text()) for cell in row.css("td")))) for row in rows]
    raise ValueError("no table")


serve(read)
