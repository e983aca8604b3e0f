"""Tables for spreadsheets: CSV (RFC 4180) that no spreadsheet takes for formulas.

One writer for every export. Cells are always quoted, and what begins like a formula gets
an apostrophe (OWASP: CSV Injection; ASVS 5.0 §1.2.10): names are other people's, and a
cell `=HYPERLINK(…)` runs with whoever opens the file.
"""

import csv
import re
from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

# Also behind blanks, which spreadsheets pass over, and in the full-width forms.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


class _Line:
    """A file that hands back what is written: the csv module wants one."""

    def write(self, text: str) -> str:
        return text


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def lines(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table, one by one as the rows come."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(list(columns))
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])


def download(
    name: str, columns: Iterable[str], rows: Iterable[Iterable[str]]
) -> StreamingHttpResponse:
    """Return a table as a file to keep; `name` is ours, without anybody's words."""
    response = StreamingHttpResponse(lines(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
