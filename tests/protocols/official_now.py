"""The code of the NoW challenge on made-up data; its numbers are what nbs/8_evaluation/now_official.npz keeps:
python tests/protocols/official_now.py CHECKOUT DATA [--out FILE.npz] [--shake MM]

CHECKOUT is github.com/soubhiksanyal/now_evaluation (7bd1498) set up as its README tells: Python 3.8, numpy 1.19.5,
scipy 1.5.4, chumpy 0.70, psbody.mesh of MPI-IS/mesh (49e7042), sbody and smpl_webuser of Rubikplayer/flame-fitting
(ca806ce). DATA is what `python bench/protocol_data.py now DATA` wrote. The stored numbers were made with these,
psbody's search tree compiled against CGAL 5.5 instead of 4.7, its viewer left out. This script runs in that
environment: it imports nothing of deep3dface.

--shake 1e-12 moves the vertices of all meshes at random by so much of a mesh's size: how far the code then comes from
itself is how nearly anything can agree with it (compare_now.py)."""
import argparse
import sys
import tempfile
from pathlib import Path
import numpy as np

ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ask.add_argument('checkout')
ask.add_argument('data')
ask.add_argument('--out', default='now_official.npz')
ask.add_argument('--shake', type=float, default=0., help='of the size of a mesh')
args = ask.parse_args()
sys.path.insert(0, args.checkout)
import compute_error  # noqa: E402

np.random.shuffle = lambda x: None  # the code shuffles the distances of a photo; here they stay in the scan's order
rng, plain = np.random.default_rng(0), compute_error.compute_error_metric


def shaken(scan, marks, mesh, points, **options):
    "The code's measurement of a mesh that was shaken"
    if args.shake:
        mesh.v = mesh.v + args.shake*np.ptp(mesh.v, axis=0).max()*rng.normal(size=mesh.v.shape)
    return plain(scan, marks, mesh, points, **options)


compute_error.compute_error_metric = shaken
kept = {}
for kind, folder in (('fitted', 'predictions'), ('metrical', 'predictions_metrical')):
    with tempfile.TemporaryDirectory() as out:
        compute_error.metric_computation(
            f'{args.data}/dataset', f'{args.data}/{folder}', image_set='val', error_out_path=out, method_identifier='x',
            predicted_mesh_unit='m', metrical_eval=kind == 'metrical', nproc=1)
        result = np.load(f'{out}/x_computed_distances.npy', allow_pickle=True).item()
    distances = result['computed_distances']
    for line, d in zip(result['input_files'], distances):
        kept[f'{kind} {Path(str(line)).with_suffix("").as_posix()}'] = d[::16].astype(np.float32)
    pot = np.concatenate(distances)
    kept[f'{kind} table'] = np.array([np.median(pot), pot.mean(), pot.std()])
    kept[f'{kind} counts'] = np.array([len(d) for d in distances])
    print(kind, '%.2f %.2f %.2f' % tuple(kept[f'{kind} table']), 'missing', result['num_missing_files'])
np.savez_compressed(args.out, **kept)
