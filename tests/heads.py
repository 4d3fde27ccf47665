"""The heads protocol beside a script that computes the same figure on its own:

    python tests/heads.py SCRIPT [FOLDER]

SCRIPT takes `scans FOLDER` and prints a line `scans: ... median M mean M std M mm`; FOLDER holds textured scans
(NAME.npz and NAME.jpg). Without it two people are made whose texture is their own photograph from the front. Both
have to print the same mean to the last of its three digits."""
import re, subprocess, sys, tempfile
from pathlib import Path
import numpy as np
from PIL import Image
from deep3dface.evaluation.heads import SIZE, TexturedScan, made_heads, photograph_scan, view_of
from deep3dface.evaluation.runner import run_protocol


def write_textured(folder, people=2):
    "Made heads with a texture that is projected from the front"
    folder.mkdir()
    for name, z in made_heads(people):
        verts = z['vertices'].astype(float)
        scan = TexturedScan(verts, z['faces'].astype(np.int64), None, None, z['colors'], None)
        Image.fromarray(photograph_scan(scan, 0, 0)).save(folder/f'{name}.jpg', quality=95)
        x, y = view_of(verts, 0, 0).points.T
        uv = np.stack([(x + .5)/SIZE, 1 - (y + .5)/SIZE], 1).astype(np.float32)
        np.savez(folder/f'{name}.npz', vertices=z['vertices'], faces=z['faces'], uv=uv)


if __name__ == '__main__':
    script, *given = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(given[0]) if given else Path(home)/'scans'
        if not given: write_textured(folder)
        said = subprocess.run([sys.executable, script, 'scans', folder], capture_output=True, text=True, check=True)
        theirs = re.search(r'median (\S+) mean (\S+) std (\S+) mm', said.stdout)
        row = run_protocol('heads', folder, out=Path(home)/'out')[0].rows()['all']
    ours = [f'{row[k]:.3f}' for k in ('median', 'mean', 'std')]
    print(f'median, mean, std mm: {" ".join(theirs.groups())} by the script, {" ".join(ours)} by the protocol')
    sys.exit(theirs[2] != ours[1])
