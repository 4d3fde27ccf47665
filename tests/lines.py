"""What ruff finds on the exported package, tests/ and bench/, without the lines that nbdev_export writes itself:
python tests/lines.py [--table]"""
import ast
import collections
import json
import subprocess
import sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
run = subprocess.run(['ruff', 'check', '--output-format', 'json', '.'], cwd=top, capture_output=True, text=True)
if run.returncode not in (0, 1):
    sys.exit(f'ruff: {run.stderr.strip()}')
found = json.loads(run.stdout)


def generated(path):
    "Rows of `__all__` in an exported module"
    for node in ast.parse(Path(path).read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '__all__':
            return range(node.lineno, node.end_lineno + 1)
    return ()


skip = {f: generated(f) for f in {m['filename'] for m in found} if '/deep3dface/' in f}
found = [m for m in found if not (m['code'] == 'E501' and m['location']['row'] in skip.get(m['filename'], ()))]
if '--table' in sys.argv:
    for name, n in collections.Counter(m['filename'] for m in found).most_common():
        print(f'{n:5d} {Path(name).relative_to(top)}')
else:
    for m in found:
        print(f'{Path(m["filename"]).relative_to(top)}:{m["location"]["row"]}: {m["code"]} {m["message"]}')
print(f'{len(found)} findings')
sys.exit(bool(found))
