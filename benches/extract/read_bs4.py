"""Records by BeautifulSoup on lxml, its fastest parser."""

from bs4 import BeautifulSoup
from records import HEADER, clean, serve


def read(page):
    for table in BeautifulSoup(page, "lxml").find_all("table"):
        first, *rows = table.find_all("tr")
        headers = [clean(cell.get_text()) for cell in first.find_all(["th", "td"])]
        if HEADER in headers:
            return [dict(zip(headers, (clean(cell.get_text()) for cell in row.find_all("td")))) for row in rows]
    raise ValueError("no table")


serve(read)
