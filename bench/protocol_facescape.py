"""Made-up data in the layout of the benchmark of FaceScape, from heads of the open face model:
python bench/protocol_facescape.py FOLDER [--record CHECKOUT] [--rendered]

Four heads in the wild and three people in the lab, predictions of other shapes, turned, shifted, off in depth and in
size, and pictures without prediction. Nobody's face is in it, so an evaluator and the official code can be held against
each other by anybody. --record prints means of the results that the authors' repository (zhuhao-nju/facescape at
19a9fff) keeps, by yaw. --rendered writes pictures of made-up people instead and prints how the bundled network does
on them, by yaw."""
import argparse
import json
import shutil
from functools import lru_cache
from pathlib import Path
import numpy as np
import torch
from PIL import Image
from scipy.spatial.transform import Rotation
from deep3dface.evaluation.predicted import full_model, model_mesh
from deep3dface.evaluation.protocol import Wants
from deep3dface.evaluation.runner import run_protocol
from deep3dface.evaluation.tables import report_text
from deep3dface.model.mesh import vertex_normals
from deep3dface.model.morphable_model import MorphableModel
from deep3dface.rendering.camera import Camera, to_camera
from deep3dface.rendering.renderer import Scene, render

PUPILS, LENSES = 62.85, (1200, 600, 300)
WILD = {  # number -> head, yaw of the truth, prediction: head, share of the truth's shape, turn (degrees), shift
    0: (1, 3, 2, .5, (0, 2, 1), (.01, 0, .2)), 1: (2, -4, 3, .3, (0, 0, 0), (0, .02, -2)),
    100: (3, 25, 1, .2, (3, -4, 0), (.02, -.01, 1.2)), 200: (1, -50, 3, .6, (0, 6, -2), (-.01, .01, 0)),
    300: (4, 75, 4, 1., (0, -5, 3), (.02, 0, .5)), 301: (2, -80, None, 0, 0, 0)}
LAB = {  # person, lens, view -> prediction: head, share, turn, shift (mm), size
    (0, 0, 0): (2, .4, (1, 2, 0), (1, 0, 30), 1.), (1, 1, 3): (3, .5, (0, -4, 1), (0, -2, -60), 1.4),
    (2, 2, 9): (1, .2, (2, 5, 0), (2, 1, 10), .8), (1, 0, 10): (4, .7, (0, 3, 0), (-1, 0, 15), 1.),
    (0, 2, 5): (3, .5, (0, 0, 4), (0, 0, 0), 1.1), (0, 0, 1): None}


open_model = lru_cache(lambda: MorphableModel.load('open'))


def made_head(seed, share=1., other=None):
    "A face of the open model with an expression, mm; partly that of another person"
    draw = np.random.default_rng(seed)
    id, exp = draw.normal(size=80), .4*draw.normal(size=64)
    if other is not None:
        wrong = np.random.default_rng(100 + other)
        id, exp = share*id + .6*wrong.normal(size=80), exp + .2*wrong.normal(size=64)
    model = open_model()
    coefficients = dict(id=id[:model.layout['id']], exp=exp[:model.layout['exp']])
    return model_mesh(model, coefficients, Wants(pose='expression', part='face'))


def turn(degrees): return Rotation.from_euler('xyz', degrees, degrees=True).as_matrix()


def write_obj(path, verts, faces):
    path.parent.mkdir(parents=True, exist_ok=True)
    points, corners = verts.T.tolist(), (faces + 1).T.tolist()
    lines = [*map('v {:.8g} {:.8g} {:.8g}'.format, *points), *map('f {} {} {}'.format, *corners)]
    path.write_text('\n'.join(lines) + '\n')


def place(top, part, name, verts, faces):
    "A prediction where the official program looks, and where ours does"
    path, copy = top/f'pred/{part}_pred/made/{name}.obj', top/f'pred/made_all/{part}/{name}.obj'
    write_obj(path, verts, faces)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)


def made_wild(top):
    "Orthographic: x, y in [-1, 1], the head 10 units away"
    draw = np.random.default_rng(7)
    scales, centres = draw.uniform(120, 130, 400), draw.normal(0, .01, (400, 3)) + [0, -.1, -10]
    turns = np.tile(np.eye(3), (400, 1, 1))
    for i, (head, yaw, other, share, angles, shift) in WILD.items():
        mesh, turns[i] = made_head(head), turn((3, yaw, -2))
        middle = mesh.verts.mean(0)
        in_camera = lambda v, r: (v - middle) @ r.T/scales[i] + centres[i]
        write_obj(top/f'data/wild_gt_mesh/{i:03}.obj', in_camera(mesh.verts, turns[i]), mesh.faces)
        if other is None: continue
        guess = made_head(head, share, other)
        place(top, 'wild', f'{i:03}', in_camera(guess.verts, turns[i] @ turn(angles)) + shift, guess.faces)
    return dict(wild_pupil_scales=scales, wild_head_centers=centres, wild_rotations=turns)


def made_lab(top):
    "Pinhole: y down, z ahead; truth in pupil distances"
    centres = np.array([[0, 0, PUPILS*f/50.9] for f in LENSES])
    front = np.diag([1., -1, -1])
    yaws = [(0, 0), (0, 30), (20, 20), (-20, 20), (30, 0), (-30, 0), (20, -20), (-20, -20), (0, -30), (0, 60), (0, -60)]
    turns = np.stack([front @ turn((pitch, yaw, 0)) for pitch, yaw in yaws])
    for (person, lens, view), guess in LAB.items():
        mesh, name = made_head(11 + person), f'{person:02}_{lens}_{view:02}'
        middle = mesh.verts.mean(0)
        write_obj(top/f'data/lab_gt_mesh/{person:02}.obj', (mesh.verts - middle)/PUPILS, mesh.faces)
        K = [[LENSES[lens], 0, 128], [0, LENSES[lens], 128], [0, 0, 1]]
        camera = top/f'data/lab_cam/{name}.json'
        camera.parent.mkdir(parents=True, exist_ok=True)
        pose = np.column_stack([turns[view], centres[lens]/PUPILS])
        camera.write_text(json.dumps([np.array(K, float).tolist(), pose.tolist()]))
        if guess is None: continue
        other, share, angles, shift, size = guess
        guess = made_head(11 + person, share, other)
        verts = (guess.verts - middle) @ (turns[view] @ turn(angles)).T + centres[lens] + shift
        place(top, 'lab', name, size*verts/PUPILS, guess.faces)
    return dict(lab_head_centers=centres, lab_rotations=turns)


def made_facescape(folder):
    "The folder benchmark with data, code/predef and pred"
    top = Path(folder)
    given = top/'code/predef'
    given.mkdir(parents=True, exist_ok=True)
    for name, array in (made_wild(top) | made_lab(top)).items(): np.save(given/f'{name}.npy', array)
    return top


@torch.no_grad()
def rendered(folder, people=3, yaws=(3, 20, 45, 75)):
    "Pictures of heads of the open model in the wild's layout, for a network: data/wild_img and the truth"
    top, front = Path(folder), open_model()
    whole, camera = full_model(), Camera(focal=8*500, center=128, size=256, distance=80, near=60, far=100)
    scales, centres, turns = np.full(400, 128.), np.tile([0, 0, -10.], (400, 1)), np.tile(np.eye(3), (400, 1, 1))
    for group, yaw in enumerate(yaws):
        for person in range(people):
            i, draw = 100*group + person, torch.Generator().manual_seed(50 + person)
            parts = {k: torch.randn(1, front.layout[k], generator=draw) for k in ('id', 'tex')}
            turns[i] = turn((3 - 3*person, yaw*(-1)**person, 2*person))
            back = torch.tensor(turns[i].T).float()
            place = lambda m: m.shape(parts['id'], torch.zeros(1, m.layout['exp']))[0] @ back
            verts, albedo = place(whole)[None], whole.texture(parts['tex'])
            normals = vertex_normals(verts, whole.faces)
            light = .35 + .65*(normals @ normals.new_tensor([.3, .4, .87])).clamp(0, 1)[..., None]
            scene = Scene(to_camera(verts, camera), normals, albedo, albedo*light, verts[:, :0, :2])
            image = render(scene, whole.faces, camera, background=(.5, .5, .55)).image[0].permute(1, 2, 0)
            path = top/f'data/wild_img/{i:03}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((255*image.clamp(0, 1).numpy()).round().astype(np.uint8)).save(path)
            # 50 px a dm at the origin; the middle pixel of the picture is 127.5
            flat = place(front).numpy()*50/128 + [0, 0, -10]
            scales[i] = 256.  # mm in a unit: 128 px of 2 mm
            centres[i] = flat.mean(0)
            write_obj(top/f'data/wild_gt_mesh/{i:03}.obj', flat, front.faces.numpy())
    given = top/'code/predef'
    given.mkdir(parents=True, exist_ok=True)
    arrays = dict(pupil_scales=scales, head_centers=centres, rotations=turns)
    for k, x in arrays.items(): np.save(given/f'wild_{k}', x)
    return top


def by_yaw(folder):
    "The table of the bundled network on `rendered` pictures"
    report, = run_protocol('facescape', rendered(folder), out=Path(folder)/'out')
    print('\n'.join(report_text([report]).splitlines()[:11]))


def record(checkout):
    "Means by yaw of the results in the authors' repository"
    rows = {}
    for method in ('3DDFA_V2', 'MGCNet', 'DECA', 'PRNet', 'Deep3DFaceRec', 'facescape_opti'):
        read = lambda part, k: np.loadtxt(Path(checkout)/f'benchmark/eval_result/fs{part}_{method}/{k}_full.txt')
        values = read('wild', 'CD').reshape(4, 100)
        rows[method] = dict(cd=[round(float(x), 3) for x in np.nanmean(values, 1)],
                            n=[int(np.isfinite(v).sum()) for v in values])
        means = {k: [float(np.nanmean(read(part, k))) for part in ('wild', 'lab')] for k in ('CD', 'CR', 'MNE')}
        print(f'{method:15}' + '  '.join(f'{k} {a:.3f} {b:.3f}' for k, (a, b) in means.items()))
    return rows


if __name__ == '__main__':
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument('folder')
    ask.add_argument('--record', help='checkout of zhuhao-nju/facescape')
    ask.add_argument('--rendered', action='store_true', help='pictures for the bundled network, and its table')
    args = ask.parse_args()
    if args.rendered: raise SystemExit(by_yaw(args.folder))
    made_facescape(args.folder)
    print(len([p for p in Path(args.folder).rglob('*.*')]), 'files in', args.folder)
    if args.record: print(json.dumps(record(args.record)))
