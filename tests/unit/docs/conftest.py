"""The site's own modules, which lie beside the pages."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

SITE = Path(__file__).parents[3] / "docs" / "site"


@pytest.fixture(scope="session")
def site_module():
    """Imports a module of docs/site by its name."""

    def load(name: str) -> ModuleType:
        sys.path.insert(0, str(SITE))
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(str(SITE))

    return load
