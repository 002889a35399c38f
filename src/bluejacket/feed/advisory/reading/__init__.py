"""Reading advisories back, format by format, by parsers that share nothing with what wrote them."""

from bluejacket.feed.advisory.reading.csaf import read_csaf
from bluejacket.feed.advisory.reading.osv import read_osv
from bluejacket.feed.advisory.reading.page import read_index, read_page
from bluejacket.feed.advisory.reading.record import read_record
from bluejacket.feed.advisory.reading.said import Disagreement, Said, compare, reading
from bluejacket.feed.advisory.reading.updateinfo import read_updateinfo

__all__ = [
    "Disagreement",
    "Said",
    "compare",
    "read_csaf",
    "read_index",
    "read_osv",
    "read_page",
    "read_record",
    "read_updateinfo",
    "reading",
]
