"""Made-up data in the layout of the REALY benchmark, from heads of the open face model:
python bench/protocol_realy.py FOLDER [--hard] [--official CHECKOUT] [--compare FILE.json]

Four subjects, five pictures, four predictions in frames of their own (mm; dm, turned; m, turned and 4 m off the origin;
a side view); subject 4 has none. Regions are the vertices nearest to their keypoints. Nobody's face is in it, so an
evaluator and the official code can be held against each other by anybody. With CHECKOUT, github.com/czh-98/REALY
(3f13e9a), it also prints how far derived keypoints are from those of that repository's topologies. --hard: unlike
people, wrong predictions, noise of 0.6 mm, holes. --compare: differences from what tests/protocols/official_realy.py
wrote for the folder."""
import argparse
import json
from pathlib import Path
import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from deep3dface.evaluation.meshes import PredictedMesh
from deep3dface.evaluation.nonrigid_icp import laplacian
from deep3dface.evaluation.predicted import full_model, model_mesh
from deep3dface.evaluation.realy_data import (EYES, REGIONS, RealyScan, extend_68, keypoints_of, read_topology,
                                              write_obj, write_topology)
from deep3dface.evaluation.scan_errors import made_scan
from deep3dface.evaluation.scan_mesh import MarkedMesh, Similarity, draw_mesh
from deep3dface.model.mesh_readers import read_mesh

SCALES = 8.9, 8.3, 9.2, 8.7  # mm in a unit
REACH = dict(nose=30., mouth=26., forehead=55., cheek=45.)  # mm from the nearest keypoint
OWNERS = dict(nose=range(27, 36), mouth=range(48, 68), forehead=[*EYES, *range(17, 27)],
              cheek=[*range(3, 14), 72, 73, 76, 77])
SIDE, TURN = np.array([[0., 0, 1], [0, 1, 0], [-1, 0, 0]]), np.array([[.8, .6, 0], [-.6, .8, 0], [0, 0, 1]])
MADE = {  # prediction -> subject, share of its shape, frame of the file
    '1': (1, .5, Similarity(1., np.eye(3), np.zeros(3))),
    '2': (2, .3, Similarity(.01, SIDE, np.array([.3, -.2, .1]))),
    '2_1': (2, .8, Similarity(1., np.eye(3), np.array([5., 10, -20]))),
    '3': (3, .6, Similarity(.001, TURN, np.array([3., -1, 2])))}


def head_with_68(id):
    "A head of the open model at rest, mm, with its 68 landmarks"
    return model_mesh(full_model(), dict(id=np.asarray(id, np.float32)))


def made_identity(subject, hard=False):
    "Somebody; `hard`: unlike the mean"
    return (1.5 if hard else 1)*np.random.default_rng(10 + subject + 60*hard).normal(size=80)


def largest_piece(verts, faces, inside):
    "The largest connected part of the triangles that lie inside"
    faces = faces[inside[faces].all(1)]
    part = connected_components(laplacian(faces, len(verts)), directed=False)[1]
    faces = faces[part[faces[:, 0]] == np.bincount(part[faces[:, 0]]).argmax()]
    rows, faces = np.unique(faces, return_inverse=True)
    return verts[rows], faces.reshape(-1, 3)


def made_regions(verts, faces, points):
    "Cut a head (mm) into REALY's regions, by the nearest of 85 keypoints"
    rows = np.concatenate([[*k] for k in OWNERS.values()])
    owner = np.repeat(np.arange(4), [len(k) for k in OWNERS.values()])
    gap, near = cKDTree(points[rows]).query(verts)
    front = verts[:, 2] > points[[36, 45], 2].mean() - 25
    return {name: largest_piece(verts, faces, (owner[near] == i) & (gap < REACH[name]) & front)
            for i, name in enumerate(OWNERS)}


def with_seam(verts, faces):
    "Vertices on the middle line once for each side, as texture seams store them"
    left = verts[faces].mean(1)[:, 0] < verts[:, 0].mean()
    both = np.intersect1d(faces[left], faces[~left])
    copy = np.arange(len(verts))
    copy[both] = len(verts) + np.arange(len(both))
    return np.concatenate([verts, verts[both]]), np.where(left[:, None], copy[faces], faces)


def with_holes(verts, faces, seed):
    "Three holes of 3 mm radius; the largest piece of what is left"
    centres = verts[np.random.default_rng(seed).integers(len(verts), size=3)]
    faces = faces[(np.linalg.norm(verts[faces].mean(1)[:, None] - centres, axis=2) > .35).all(1)]
    return largest_piece(verts, faces, np.ones(len(verts), bool))


def made_realy_scan(id, scale, seed=0, hard=False):
    "A person as REALY has them: noise, another frame, a seam in the mouth, a vertex without triangles"
    head = head_with_68(id)
    scanned = made_scan(MarkedMesh(head.verts, head.faces, head.landmarks('7')), .6 if hard else .15, seed, finer=0)
    points = keypoints_of(head)[0]
    away = lambda x: (x - points[33])/scale + [0, 5, 6.5]
    regions = {n: (away(v), f) for n, (v, f) in made_regions(scanned.verts, scanned.faces, points).items()}
    if hard: regions = {n: with_holes(v, f, seed) for n, (v, f) in regions.items()}
    regions['mouth'] = with_seam(*regions['mouth'])
    v, f = regions['forehead']
    regions['forehead'] = np.concatenate([v, v.mean(0, keepdims=True)]), f
    return RealyScan(away(points), regions, scale)


def made_prediction(name, hard=False):
    "A prediction of `MADE`, in its file's frame"
    subject, share, frame = MADE[name]
    if hard: share = -share
    wrong = np.random.default_rng(100 + len(name)*10 + subject).normal(size=80)
    head = head_with_68(share*made_identity(subject, hard) + .5*wrong)
    return PredictedMesh(frame(head.verts), head.faces, {'68': frame(head.points['68'])}, None, name)


def picture(id, path, turn):
    "The head in grey"
    from PIL import Image
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = draw_mesh(head_with_68(id).marked(), size=128, turn=turn)
    Image.fromarray((255*grey).astype(np.uint8)).save(path)


def made_realy(folder, hard=False):
    "A folder in REALY's layout, with predictions/ and a topology `made`"
    top = Path(folder)
    for i, scale in enumerate(SCALES, 1):
        scan = made_realy_scan(made_identity(i, hard), scale, i, hard)
        write_obj(scan.keypoints, np.zeros((0, 3), int), top/f'data/REALY_HIFI3D_keypoints/{i}.obj')
        for name, mesh in scan.regions.items(): write_obj(*mesh, top/f'data/REALY_scan_region/{i}/{name}.obj')
        picture(made_identity(i, hard), top/f'data/REALY_image/crop_image_frontal_512x512/{i}.png', 0)
    np.savetxt(top/'data/metrical_scale.txt', SCALES)
    picture(made_identity(2, hard), top/'data/REALY_image/crop_image_multiview_512x512/2_1.png', 40)
    write_topology(head_with_68(np.zeros(80)), top/'data/made.txt')
    for name in MADE:
        mesh = made_prediction(name, hard)
        write_obj(mesh.verts, mesh.faces, top/f'predictions/{name}.obj')
    return top


def derived(checkout):
    "Distances of derived keypoints from REALY's own, for outer eye corners 90 mm apart"
    for name in ('HIFI3D', 'BFM09', 'Deep3D', '3DDFA_v2', 'FLAME'):
        verts, faces = read_mesh(Path(checkout)/f'data/{name}.obj')[:2]
        points = read_topology(Path(checkout)/f'data/{name}.txt')(verts)
        got = keypoints_of(PredictedMesh(verts, faces, {'68': points[:68]}))[0]
        size = 90/np.linalg.norm(points[36] - points[45])
        mixed = size*np.linalg.norm(extend_68(points[:68]) - points, axis=1)[68:]
        off = size*np.linalg.norm(got - points, axis=1)
        print(f'{name:9} nose (70, 71) {off[70]:.1f}, {off[71]:.1f} mm; cheeks (76, 77) {off[76]:.1f}, {off[77]:.1f}; '
              f'all 17 {off[68:].mean():.1f}, at most {off[68:].max():.1f} mm; before the surface {mixed.max():.1f} mm')


def compare(folder, official):
    "Ours minus theirs, mm"
    from deep3dface.evaluation.runner import run_protocol
    theirs = json.loads(Path(official).read_text())['errors']
    report, = run_protocol('realy', folder, predictions=f'{folder}/predictions', out=f'{folder}/ours', workers=1)
    for r in report.results:
        off = [r.measured.values[n] - x for n, x in zip(REGIONS, theirs[r.case.key])]
        print(f'{r.case.key:4}' + '  '.join(f'{n} {x:+.6f}' for n, x in zip(REGIONS, off)) + ' mm')


if __name__ == '__main__':
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument('folder')
    ask.add_argument('--official', help='checkout of czh-98/REALY')
    ask.add_argument('--hard', action='store_true', help='noise, holes, wrong predictions')
    ask.add_argument('--compare', help='numbers of the official program for this folder; writes no data')
    args = ask.parse_args()
    if args.compare: raise SystemExit(compare(args.folder, args.compare))
    made_realy(args.folder, args.hard)
    print(json.dumps(sorted(p.relative_to(args.folder).as_posix() for p in Path(args.folder).rglob('*.*')), indent=1))
    if args.official: derived(args.official)
