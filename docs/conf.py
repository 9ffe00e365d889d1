"""How the site is built: `make docs`. What can be said by the code is said by it (`_ext/generated_pages`)."""

import inspect
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
# Notebooks and autodoc import both frameworks; what TensorFlow logs as it starts is no part of a page.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from porting.version import __version__  # noqa: E402

project = "Porting"
author = "The Porting developers"
project_copyright = author
version = release = __version__
language = "en_GB"
smartquotes = False  # --option is no dash

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "generated_pages",
]
exclude_patterns = ["_build", "_ext", "gallery/table.md", "**.ipynb_checkpoints"]
# Two packages may have a class of one name, which docstrings name without its module.
suppress_warnings = ["ref.python"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Notebooks run whenever they or the installed packages change; an exception in one ends the build.
nb_execution_mode = "cache"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_ipywidgets_js = {}

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
default_role = "autolink"

copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = "$ "

html_theme = "pydata_sphinx_theme"
html_title = "Porting"
html_static_path = ["_static"]
html_css_files = ["site.css"]
WITHOUT_SUBPAGES = ("benchmarks", "found_in_the_wild", "gallery", "mutants", "proven", "public_pairs")
html_sidebars = {page: [] for page in WITHOUT_SUBPAGES}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
}


def _plain_signature(app, what, name, documented, options, signature, returned):
    """Of a class the names of what it takes: the types stand below, and `<factory>` is no Python."""
    if what != "class" or not signature:
        return None
    try:
        parameters = inspect.signature(documented).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return re.sub(r"<factory>|<[^<>]* at 0x[0-9a-f]+>", "...", str(inspect.Signature(plain))), returned


def setup(app):
    """Connect what this site does by itself."""
    app.connect("autodoc-process-signature", _plain_signature)
