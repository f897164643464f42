"""The Chromium of this system, without a window of its own."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
WINDOW = {"width": 1400, "height": 900}

_QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def launch(playwright):
    """Start it, without business of its own on the network.

    Raises:
        FileNotFoundError: there is none.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(NAMES)} is installed; on Debian: apt-get install chromium")
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # Chromium's sandbox refuses root
    return playwright.chromium.launch(executable_path=found, args=_QUIET + ["--no-sandbox"] * root)
