"""The program of REALY on made-up data; its numbers are what nbs/8_evaluation/realy_official.json keeps:
python tests/protocols/official_realy.py CHECKOUT DATA [--out FILE.json]

CHECKOUT is github.com/czh-98/REALY (3f13e9a), DATA what `python bench/protocol_realy.py DATA` wrote. This script runs
in an environment of that program and imports nothing of deep3dface: numpy, scipy, trimesh, rtree, opencv, tqdm and
scikit-sparse. The stored numbers were made with the versions that the file names. scikit-sparse would not build for
want of SuiteSparse's headers; in its place stood a module `sksparse.cholmod` whose `cholesky_AAt(At)` gives CHOLMOD's
solution of (A A^T) x = b through sksparse-minimal."""
import argparse
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ask.add_argument('checkout')
ask.add_argument('data')
ask.add_argument('--out', default='realy_official.json')
args = ask.parse_args()
data = Path(args.data).resolve()
main = Path(args.checkout).resolve()/'main.py'
options = ['--prediction', 'predictions', '--template_topology', 'made', '--save', 'official']
subprocess.run([sys.executable, main, *options], cwd=data, env=os.environ, check=True)
rows = [line.split('\t') for line in (data/'official/REALY_error.txt').read_text().splitlines()]
libraries = {}
for name in ('numpy', 'scipy', 'trimesh', 'rtree', 'scikit-sparse', 'sksparse-minimal'):
    try: libraries[name] = version(name)
    except PackageNotFoundError: pass
kept = dict(program='czh-98/REALY 3f13e9a, main.py', libraries=libraries,
            errors={row[0]: [float(x) for x in row[2:]] for row in rows})
Path(args.out).write_text(json.dumps(kept, indent=1) + '\n')
