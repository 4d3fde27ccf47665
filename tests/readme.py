"Write README.md and its pictures from nbs/index.ipynb, as it is stored"
import base64, re
from pathlib import Path
import nbformat

top = Path(__file__).resolve().parent.parent
notebook = nbformat.read(top/'nbs'/'index.ipynb', 4)
pictures = top/'nbs'/'images'
pictures.mkdir(exist_ok=True)


def outputs(cell, n):
    "Stored outputs as markdown; pictures become files beside the notebooks"
    for i, out in enumerate(cell.get('outputs', [])):
        data = out.get('data', {})
        if 'image/png' in data:
            name = f'index-{n}-{i}.png'
            (pictures/name).write_bytes(base64.b64decode(data['image/png']))
            yield f'![](nbs/images/{name})'
        elif text := out.get('text') or data.get('text/plain'): yield f'```\n{text.rstrip()}\n```'


parts, n = [], 0
for cell in notebook.cells:
    source = cell.source
    if re.match(r'#\|\s*(hide|default_exp)', source): continue
    if cell.cell_type == 'markdown': parts.append(re.sub(r'\]\((?!https?:|#)([^)]+)\)', r'](nbs/\1)', source))
    else:
        n += 1
        code = '\n'.join(line for line in source.split('\n') if not line.startswith('#|'))
        parts += ([f'```python\n{code}\n```'] if not re.match(r'#\|\s*echo:\s*false', source) else []) + list(
            outputs(cell, n)
        )
(top / 'README.md').write_text(
    '<!-- made from nbs/index.ipynb by tests/readme.py: change the notebook -->\n\n' + '\n\n'.join(parts) + '\n'
)
