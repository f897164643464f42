"""The list of tasks that `tlkit data list` prints."""

from tlkit.data.catalogue import CATALOGUE, Entry
from tlkit.data.downloads import cache_folder, given_folder, is_here


def list_tasks() -> str:
    """A line a task: kind, modality, examples in train, val and test, licence, and whether it is here."""
    rows = [("task", "kind", "of", "train", "val", "test", "", "licence")]
    for entry in CATALOGUE.values():
        kind = f"{entry.kind} ({', '.join(entry.targets)})" if entry.targets else entry.kind
        rows.append(
            (entry.name, kind, entry.modality, *(f"{size:,}" for size in entry.sizes), place(entry), entry.licence)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if 3 <= column <= 5 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    given = given_folder()
    lines += ["", f"downloads are kept in {cache_folder()}" + (f"; TLKIT_DATA is {given}" if given else "")]
    lines.append("your own data: tlkit data inspect PATH")
    return "\n".join(lines)


def place(entry: Entry) -> str:
    """Where a task's data is."""
    if not entry.files:
        return "embedded"
    return "here" if all(is_here(file) for file in entry.files) else "on first use"
