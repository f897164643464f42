"""How what we draw stands on the page: faults that axe-core finds, and what lies outside of a narrow window."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OURS = ".jp-Notebook .jp-OutputArea-output, .jp-Notebook .jp-MarkdownOutput"
"""What the course draws in a notebook: outputs and texts. Around them JupyterLab draws cells, prompts and editors."""

NOT_OURS = {
    "aria-input-field-name": ".noUi-handle",
}
"""Rule of axe-core -> what it need not hold for. ipywidgets gives the handle of a slider no name, and no way to set one;
its label stands before it, and every slider's value can be read and typed beside it."""

_OUTSIDE = """([ours, free]) => {
    const names = [];
    for (const area of document.querySelectorAll(ours)) {
        const edge = area.getBoundingClientRect().right + 1;
        for (const node of area.querySelectorAll("*")) {
            if (node.closest(free) || node.closest(".MathJax, mjx-container")) continue;
            const place = node.getBoundingClientRect();
            if (place.width && place.right > edge)
                names.push(`${node.tagName.toLowerCase()}.${node.className}: ${node.textContent.trim().slice(0, 40)} (${Math.round(place.right - edge)} px)`);
        }
    }
    return names;
}"""


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical in what we draw: rule, element, and what it says."""
    found = Axe().run(page, context=OURS, options={"resultTypes": ["violations"], "iframes": False}).response["violations"]
    return [f"{each['id']}: {node['target']} {node['html'][:160]} {node['failureSummary'][-250:]}" for each in found if each["impact"] in ("serious", "critical")
            for node in each["nodes"] if not (each["id"] in NOT_OURS and page.locator(node["target"][0]).first.evaluate(
                "(one, of) => one.matches(of)", NOT_OURS[each["id"]]))]


def outside(page: Page, free: str = "table:not(.tlkit-card *), pre, .widget-gridbox") -> list[str]:
    """What of ours reaches beyond its cell's right edge; tables, code and maps in two dimensions may, since they scroll."""
    return page.evaluate(_OUTSIDE, [OURS, free])
