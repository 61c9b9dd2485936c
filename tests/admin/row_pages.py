"""Reading a row's page: its fields and its tables, as text."""

import re

from tests.admin.books import row_page


def shown(client, row):
    return client.get(row_page(row)).content.decode()


def table(client, row, title):
    """The rows of one table on a row's page, as text."""
    tables = {table.title: table.rows for table in client.get(row_page(row)).context["tables"]}
    return [[re.sub("<[^>]*>", "", str(cell)) for cell in cells] for cells in tables[title]]


def field(page, label):
    """What a row's page shows beside a label."""
    beside = re.search(rf"<label[^>]*>{label}</label>.*?<div class=\"readonly[^\"]*\">(.*?)</div>", page, re.DOTALL)
    assert beside, label
    return re.sub("<[^>]*>", "", beside[1]).strip()
