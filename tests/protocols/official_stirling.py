"""The code of the Stirling competition on made-up data; its numbers are in nbs/8_evaluation/stirling_official.npz:
python tests/protocols/official_stirling.py CHECKOUT DATA [--out FILE.npz]

CHECKOUT is github.com/patrikhuber/fg2018-competition (3bbbdef), DATA what `python bench/protocol_data.py stirling DATA`
wrote. The code wants PyMesh, which has to be built from its sources; where it is not there, libigl's exact distances
stand in for the one function of it that counts (the stored numbers were made so, libigl 2.6.3). It imports nothing of
deep3dface."""
import argparse
import sys
import tempfile
import types
from pathlib import Path
import numpy as np


def stand_in():
    "The two calls that the code makes of PyMesh, by libigl"
    import igl
    def distance(mesh, points):
        return igl.point_mesh_squared_distance(np.array(points), mesh.vertices, mesh.faces)
    pymesh = types.ModuleType('pymesh')
    pymesh.meshio = types.SimpleNamespace(
        form_mesh=lambda v, f: types.SimpleNamespace(vertices=np.array(v), faces=np.array(f, np.int64)))
    pymesh.distance_to_mesh = distance
    return pymesh


def read_obj(path):
    "Vertices and triangles of a plain OBJ"
    rows = [line.split() for line in Path(path).read_text().splitlines()]
    v = np.array([r[1:4] for r in rows if r[0] == 'v'], float)
    return v, np.array([r[1:4] for r in rows if r[0] == 'f'], int) - 1


ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ask.add_argument('checkout')
ask.add_argument('data')
ask.add_argument('--out', default='stirling_official.npz')
args = ask.parse_args()
try:
    import pymesh  # noqa: F401
except ImportError:
    sys.modules['pymesh'] = stand_in()
sys.path.insert(0, args.checkout)
import compute_vertices_to_mesh_distances as fg  # noqa: E402

kept, data = {}, Path(args.data)
lists = {p.stem[:5].upper(): p for p in data.glob('data/annotations/*/*.lnd')}
for mesh in sorted(data.glob('predictions/*/*.obj')):
    marks = lists[mesh.stem[:5].upper()]
    scan, _ = read_obj(data/'data'/marks.parent.name/f'{marks.stem}.obj')
    npy = mesh.with_suffix('.npy')
    points = np.load(npy).reshape(7, 3) if npy.exists() else np.loadtxt(mesh.with_suffix('.txt'))
    with tempfile.TemporaryDirectory() as out:
        fg.compute_vertices_to_mesh_distances(scan, fg.read_groundtruth(str(marks)), *read_obj(mesh), points,
                                              f'{out}/d.txt')
        rows = np.loadtxt(f'{out}/d.txt')
    key = mesh.relative_to(data/'predictions').with_suffix('').as_posix()
    kept[key], kept[f'{key} vertices'] = rows[::16, 1].astype(np.float32), rows[::16, 0].astype(np.int32)
    kept[f'{key} figures'] = np.array([len(rows), np.sqrt(np.mean(rows[:, 1]**2))])
    print(key, '%d vertices, rmse %.6f' % tuple(kept[f'{key} figures']))
np.savez_compressed(args.out, **kept)
