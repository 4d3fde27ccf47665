"Settings of the web site, for Sphinx; `python -m deep3dface.book` prepares the notebooks and calls it"
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

project = 'deep3dface'
author = 'the deep3dface authors'
copyright = '2026 onwards, the deep3dface authors'
extensions = ['myst_nb', 'sphinx.ext.mathjax', 'deep3dface.book']
language = 'en'

# notebooks: as they are stored
nb_execution_mode = 'off'
nb_render_markdown_format = 'myst'
nb_merge_streams = True
nb_mime_priority_overrides = [('html', 'application/vnd.jupyter.widget-view+json', None)]  # views of faces instead
myst_enable_extensions = ['dollarmath', 'amsmath']
myst_dmath_allow_space = False  # 5 $ or 6 $ is no formula
myst_heading_anchors = 4
suppress_warnings = ['myst.header', 'misc.highlighting_failure', 'ref.python']  # the last: two classes of one name

myst_heading_slug_func = 'deep3dface.book.anchor_of'

# links to files that are no pages
_settings = ConfigParser()
_settings.read(Path(__file__).parent.parent/'settings.ini')
repository = _settings['DEFAULT']['git_url']

# definitions
add_module_names = False
maximum_signature_line_length = 60  # then one argument a line
python_use_unqualified_type_names = True
toc_object_entries_show_parents = 'hide'

# pages
html_theme = 'furo'
html_title = 'deep3dface'
mathjax = Path(*find_spec('mathjax').submodule_search_locations)/'static'/'mathjax'/'es5'  # MathJax with its glyphs
html_static_path = ['_static', str(mathjax/'tex-svg.js')]
html_css_files = ['site.css']
html_search_scorer = str(Path(__file__).parent/'scorer.js')
html_copy_source = False
html_show_sphinx = False
html_show_sourcelink = False
html_theme_options = dict(navigation_with_keys=True, top_of_page_buttons=[])
pygments_style, pygments_dark_style = 'friendly', 'github-dark'

# formulas: one file of MathJax beside the pages, no fonts to fetch
mathjax_path = 'tex-svg.js'
mathjax3_config = dict(svg=dict(fontCache='global'), options=dict(enableMenu=False))
