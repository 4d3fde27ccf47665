"""The program of the FaceScape benchmark on made-up data; its numbers are in nbs/8_evaluation/facescape_official.json:
python tests/protocols/official_facescape.py CHECKOUT DATA [--out FILE.json]

CHECKOUT is github.com/zhuhao-nju/facescape (19a9fff), DATA what `python bench/protocol_facescape.py DATA` wrote. This
script runs in an environment of that program and imports nothing of deep3dface: numpy below 2, scipy, trimesh, rtree,
embreex (Embree behind trimesh; pyembree is no longer built), opencv, tqdm, pyrender with OSMesa. psbody-mesh, which
gives the nearest point of a surface, is replaced here by trimesh's, which for some turns of a mesh misses a sliver that
is nearest: the nearest of three turns counts. The program's evaluator.py,
mesh_util.py and renderer.py run as they are; a loader that reads an OBJ as it is stands for a method, as the program's
README asks for, and the pictures are those that DATA has."""
import argparse
import json
import os
import sys
import types
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
import numpy as np

ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ask.add_argument('checkout')
ask.add_argument('data')
ask.add_argument('--out', default='facescape_official.json')
ask.add_argument('--record', help='JSON of means by yaw, kept beside')
ask.add_argument('--other', help='what a run on another graphics driver wrote (GALLIUM_DRIVER=softpipe), kept beside')
args = ask.parse_args()
os.environ.setdefault('PYOPENGL_PLATFORM', 'osmesa')
for name, kind in (('int', int), ('float', float), ('bool', bool), ('infty', np.inf)):
    if name not in np.__dict__: setattr(np, name, kind)
import trimesh  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402

TURNS = [np.eye(3), *Rotation.from_euler('xyz', [(20, 30, 40), (-70, 10, 130)], degrees=True).as_matrix()]


class Mesh:
    "psbody.mesh.Mesh, as far as the program uses it"
    def __init__(self, v, f): self.meshes = [trimesh.Trimesh(v @ turn, f, process=False) for turn in TURNS]
    def compute_aabb_tree(self): return self
    def nearest(self, points):
        found = np.stack([trimesh.proximity.closest_point(mesh, points @ turn)[0] @ turn.T
                          for mesh, turn in zip(self.meshes, TURNS)])
        return None, found[np.linalg.norm(found - points, axis=2).argmin(0), np.arange(len(points))]


sys.modules['psbody'] = types.ModuleType('psbody')
sys.modules['psbody.mesh'] = types.ModuleType('psbody.mesh')
sys.modules['psbody.mesh'].Mesh = Mesh
load = trimesh.load
trimesh.load = lambda fn, **how: load(fn, process=False, maintain_order=True)
data, out = Path(args.data).resolve(), Path(args.out).resolve()
sys.path.insert(0, str(Path(args.checkout).resolve()/'benchmark/code'))
os.chdir(data/'code')
import evaluator  # noqa: E402
import pred_loader  # noqa: E402


def as_it_is(folder, name, focal):
    "A prediction in the frame that the program wants"
    path = Path(folder)/f'{name}.obj'
    return evaluator.load_ori_mesh(str(path)) if path.is_file() else None


pred_loader.load_dispatcher['made'] = as_it_is
optimize, shifts = evaluator.fs_evaluator.optimize_Z, []


def noted(self, *given, **how):
    "The shift in depth, px in the wild and mm in the lab, is kept too"
    found = optimize(self, *given, **how)
    shifts.append(float(found[0]))
    return found


evaluator.fs_evaluator.optimize_Z = noted
values = {}
wild = sorted(int(p.stem) for p in (data/'data/wild_gt_mesh').glob('*.obj'))
lab = sorted(p.stem for p in (data/'data/lab_cam').glob('*.json'))
numbers = dict(wild=wild, lab=[33*int(a) + 11*int(b) + int(c) for a, b, c in (n.split('_') for n in lab)])
for part, names in (('wild', [f'{i:03}' for i in wild]), ('lab', lab)):
    evaluator.tqdm.trange = lambda n, some=numbers[part]: some
    program = evaluator.fs_evaluator(f'fs{part}', 'made', save_heat_mesh=False)
    shifts.clear()
    program.run(-1)
    rows = np.column_stack([program.cd_full_list, program.cr_full_list, program.mne_full_list])
    depth = np.full((len(rows), 1), np.nan)
    depth[np.isfinite(rows[:, 0]), 0] = shifts
    rows = np.hstack([rows, depth])
    values |= {f'{part}/{n}': None if np.isnan(r).all() else [float(x) for x in r] for n, r in zip(names, rows)}
libraries = {}
for name in ('numpy', 'scipy', 'trimesh', 'embreex', 'pyrender', 'PyOpenGL'):
    try: libraries[name] = version(name)
    except PackageNotFoundError: pass
kept = dict(program='zhuhao-nju/facescape 19a9fff, benchmark/code/evaluator.py', libraries=libraries, values=values)
if args.record: kept['record'] = json.loads(Path(args.record).read_text())
if args.other: kept['other driver'] = json.loads(Path(args.other).read_text())['values']
out.write_text(json.dumps(kept, indent=1) + '\n')
