"""How nbgrader releases a unit: one configuration for `tlkit build`, `nbgrader generate_assignment` and the formgrader.

Whoever runs nbgrader, the same source gives the same bytes: ids that stay, no trace of the machine, no outputs.
"""

import hashlib
import re
from pathlib import Path

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from traitlets.config import Config

from tlkit.course.opening import repository, with_opening

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"}
NOT_RELEASED = ["*.py", "*.pyc", "*.toml", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", "*.part"]


def configure(config: Config) -> None:
    """Set what nbgrader must know of this course's folders, stubs and notebooks."""
    config.CourseDirectory.source_directory = "solutions"
    config.CourseDirectory.release_directory = "course"
    config.CourseDirectory.ignore = NOT_RELEASED
    config.ClearSolutions.code_stub = {"python": "..."}
    config.ClearSolutions.text_stub = "YOUR ANSWER HERE"
    # course/ is generated and always there: without force nbgrader would skip it, and the gradebook would stay empty.
    config.GenerateAssignment.force = True
    config.GenerateAssignment.exporter_class = "tlkit.course.release.ReleaseExporter"
    config.GenerateAssignment.pre_convert_hook = "tlkit.course.build.refresh_source_notebooks"
    _configure_grading(config)


def _configure_grading(config: Config) -> None:
    """Grade what the release says, run what grading needs, and return pages that are safe to open."""
    config.Autograde.sanitize_preprocessors = [
        "tlkit.grading.nbgrader_plugin.RestoreFromRelease",
        *(f"nbgrader.preprocessors.{step}" for step in
          ("ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata")),
    ]
    config.Autograde.autograde_preprocessors = [
        "tlkit.grading.nbgrader_plugin.ExecuteInTwoKernels",
        *(f"nbgrader.preprocessors.{step}" for step in ("IgnorePattern", "LimitOutput", "SaveAutoGrades",
                                                        "AssignLatePenalties", "CheckCellMetadata")),
    ]
    # What still runs in one kernel (Validate) takes all tags from the release too.
    config.Execute.skip_cells_with_tag = "demo"
    config.Execute.timeout = 60
    config.Execute.shutdown_kernel = "immediate"
    config.GenerateFeedback.exporter_class = "tlkit.grading.feedback.FeedbackExporter"
    # The formgrader's exporter is nbconvert's own; on other pages than the formgrader's this step does nothing.
    config.HTMLExporter.preprocessors = ["tlkit.grading.mark_scheme.ShowMarkScheme"]


class ReleaseExporter(NotebookExporter):
    """Writes a notebook in the one form that its source determines, after nbgrader's preprocessors."""

    def from_notebook_node(self, nb: NotebookNode, resources: dict | None = None, **kwargs):
        metadata = (resources or {}).get("metadata", {})
        folder = Path(metadata.get("path") or ".").resolve()
        released = with_opening(normalised(nb, folder), folder.name, metadata.get("name", folder.name), repository(folder.parents[1]))
        return super().from_notebook_node(released, resources, **kwargs)


def normalised(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook with ids and metadata that depend on nothing but its cells and the unit's sources in `folder`."""
    kept = NotebookNode(cells=notebook.cells, nbformat=4, nbformat_minor=5)
    kept.metadata = NotebookNode(
        kernelspec=NotebookNode(KERNELSPEC),
        language_info=NotebookNode(LANGUAGE),
        tlkit=NotebookNode(unit=folder.resolve().name, release=release_id(folder)),
    )
    for cell, cell_id in zip(kept.cells, cell_ids(kept.cells)):
        cell["id"] = cell_id
        kept_keys = [key for key in ("nbgrader", "tags") if cell.metadata.get(key)]
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in kept_keys})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return kept


def cell_ids(cells: list[NotebookNode]) -> list[str]:
    """An id for each cell: its grade_id, else the nearest heading above and the cell's number below that heading."""
    ids, section, count = [], "start", {}
    for cell in cells:
        heading = re.search(r"^#+ +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading:
            section = re.sub(r"[^a-z0-9]+", "-", heading.group(1).lower()).strip("-")[:48].strip("-") or "section"
        wanted = cell.metadata.get("nbgrader", {}).get("grade_id")
        while not wanted or wanted in ids:
            count[section] = count.get(section, 0) + 1
            wanted = f"{section}-{count[section]}"
        ids.append(wanted)
    return ids


def sources_of(folder: Path) -> list[Path]:
    """The py:percent sources of a unit, one a notebook; other modules beside them are not notebooks."""
    return sorted(folder.glob(f"{folder.resolve().name[:2]}*.py"))


def release_id(folder: Path) -> str:
    """12 hex digits of the sha256 of the unit's sources, whatever the line ends of the system."""
    digest = hashlib.sha256()
    for path in sources_of(folder):
        digest.update(f"{path.name}\0{path.read_text(encoding='utf-8')}\0".encode())
    return digest.hexdigest()[:12]
