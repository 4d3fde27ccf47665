"""Made-up data in the official layout of a benchmark, from heads of the open face model:
python bench/protocol_data.py now|now-hard|stirling FOLDER [--finer 1]

Nobody's face is in it and no download is needed, so an evaluator and the official code can be held against each other
by anybody. `--finer 1` gives scans four times as dense. REALY's is bench/protocol_realy.py."""
import argparse
from pathlib import Path
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from deep3dface.evaluation.scan_errors import made_scan
from deep3dface.evaluation.scan_mesh import MarkedMesh, Similarity, head_of
from deep3dface.model.mesh import keep_rows
from deep3dface.model.morphable_model import MorphableModel

MIRROR = np.array([-1., 1, 1])


def people(n, seed=21):
    "`n` heads, mm, and the mean head first"
    ids = MorphableModel.load('open', crop='full').sample(n, torch.Generator().manual_seed(seed))[:, :80].numpy()
    return [head_of(np.zeros(80)), *(head_of(i) for i in ids)]


def turned(mesh, scale=1., turn=(0., 0, 0), shift=(0., 0, 0)):
    "Another frame"
    return Similarity(scale, Rotation.from_rotvec(turn).as_matrix(), np.array(shift, float)).place(mesh)


def mixed(a, b, share): return MarkedMesh(*((1 - share)*x + share*y for x, y in ((a.verts, b.verts),)), a.faces,
                                          (1 - share)*a.points + share*b.points)


def mirrored(mesh): return MarkedMesh(mesh.verts*MIRROR, mesh.faces[:, ::-1], mesh.points*MIRROR)


def write_obj(path, mesh, digits=6):
    "A mesh as plain text, and its folder"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f'v {x:.{digits}f} {y:.{digits}f} {z:.{digits}f}' for x, y, z in mesh.verts]
    rows += [f'f {a} {b} {c}' for a, b, c in mesh.faces + 1]
    path.write_text('\n'.join(rows) + '\n')


def write_pp(path, points):
    "Seven points as MeshLab writes them: the challenge's reader wants them from the ninth line on"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = ['<!DOCTYPE PickedPoints>', '<PickedPoints>', ' <DocumentData>', '  <DateTime time="12:00:00" '
            'date="2018-01-01"/>', '  <User name="made up"/>', '  <DataFileName name="scan.obj"/>',
            '  <templateName name=""/>', ' </DocumentData>']
    rows = [f' <point x="{x:.6g}" y="{y:.6g}" z="{z:.6g}" active="1" name="{i}"/>'
            for i, (x, y, z) in enumerate(points)]
    path.write_text('\n'.join([*head, *rows, '</PickedPoints>', '']))


def picture(path, seed):
    "A grey picture: the evaluator reads only its name"
    from PIL import Image
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(90, 120, (48, 36, 3), np.uint8)).save(path, quality=40)


def now_cases(heads):
    "key -> (mesh for the fitted size, mesh in metres for the metrical challenge, how its points are kept)"
    mean, a, b, c = heads
    places = [
        (1., (0, 0, 0), (0, 0, 0)), (.001, (.3, -.2, .1), (0, 0, 0)), (.001, (0, 0, 0), (1.5, -.7, 2.2)),
        (.01, (-1.2, 2., .4), (3, 40, -7)), (1., (0, 3.1, 0), (0, 0, 0)), (7.3, (.1, 0, 0), (900, -350, 120)),
    ]
    who = [mixed(a, mean, .3), mean, mixed(b, mean, .2), mixed(b, c, .5), mixed(c, b, .4), mirrored(mixed(c, mean, .5))]
    keys = [
        'FaMoS_000000_00001_TA/multiview_neutral/IMG_0041', 'FaMoS_000000_00001_TA/selfie/IMG_0102',
        'FaMoS_000000_00002_TA/multiview_expressions/IMG_0043', 'FaMoS_000000_00002_TA/multiview_neutral/IMG_0044',
        'FaMoS_000000_00003_TA/multiview_occlusions/IMG_0051', 'FaMoS_000000_00003_TA/selfie/IMG_0055',
    ]
    kept = ['npy', 'txt', 'npy', 'npy (1, 7, 3)', 'npy', 'npy']
    near = [(1.02, (0, 0, 0), (0, 0, 0)), (.97, (.05, .1, 0), (.004, -.02, .01)), (1., (0, .2, 0), (.3, -1.4, .8)),
            (1.05, (2., .3, .1), (0, 0, 0)), (.99, (.5, -.4, 3.), (-2., 1.1, .6)), (1.01, (0, 0, .1), (0, .1, 0))]
    return {k: (turned(m, *p), turned(m, .001*n[0], n[1], n[2]), how)
            for k, m, p, n, how in zip(keys, who, places, near, kept)}


def write_prediction(folder, key, mesh, how):
    "A submission's mesh with its points"
    path = folder/f'{key}.obj'
    write_obj(path, mesh, 9)
    if how == 'txt': np.savetxt(path.with_suffix('.txt'), mesh.points, '%.9g')
    else: np.save(path.with_suffix('.npy'), mesh.points[None] if '(1' in how else mesh.points)


def write_now_data(folder, finer=0):
    """The validation download of NoW: NoW_Dataset/final_release_version/{iphone_pictures,detected_face}, scans,
    scans_lmks_onlypp, imagepathsvalidation.txt; and beside it predictions/ and predictions_metrical/"""
    folder, heads = Path(folder), people(3)
    frames = [((.02, .1, 0), (5, -12, 40)), ((-.1, -.05, .1), (-30, 60, -900)), ((.3, .6, -.2), (0, 2, 1))]
    for i, (head, (turn, shift)) in enumerate(zip(heads[1:], frames), 1):
        person, scan = f'FaMoS_000000_0000{i}_TA', turned(made_scan(head, .3, i, finer), 1., turn, shift)
        write_obj(folder/'dataset/scans'/person/'natural_head_rotation.000001.obj', scan)
        write_pp(folder/'dataset/scans_lmks_onlypp'/person/'natural_head_rotation.000001_picked_points.pp', scan.points)
    cases, release = now_cases(heads), folder/'dataset/NoW_Dataset/final_release_version'
    gone = 'FaMoS_000000_00003_TA/selfie/IMG_0099'
    for n, key in enumerate([*cases, gone]):
        picture(release/'iphone_pictures'/f'{key}.jpg', n)
        box = release/'detected_face'/f'{key}.npy'
        box.parent.mkdir(parents=True, exist_ok=True)
        np.save(box, dict(left=4., top=6., right=32., bottom=42.))
    (folder/'dataset/imagepathsvalidation.txt').write_text('\n'.join(f'{k}.jpg' for k in [*cases, gone]) + '\n')
    for key, (any_size, metres, how) in cases.items():
        write_prediction(folder/'predictions', key, any_size, how)
        write_prediction(folder/'predictions_metrical', key, metres, how)


def cut_at(mesh, radius):
    "The part of a mesh about its nose"
    rows = np.flatnonzero(np.linalg.norm(mesh.verts - mesh.points[4], axis=1) < radius)
    faces = keep_rows(torch.from_numpy(mesh.faces), torch.from_numpy(rows), len(mesh.verts)).numpy()
    return mesh._replace(verts=mesh.verts[rows], faces=faces)


def write_hard_now_data(folder, finer=0, photos=16):
    "As `write_now_data` at random: crops, points some mm off, mirrored meshes, meshes far away, of any size"
    folder, rng, heads = Path(folder), np.random.default_rng(7), people(8, 99)
    for i in range(photos):
        head, person = heads[1 + i % 8], f'P{i:02}'
        scan = turned(made_scan(head, rng.uniform(.05, 1), i, finer), 1., rng.normal(size=3)*.5, rng.normal(size=3)*300)
        write_obj(folder/f'dataset/scans/{person}/scan.obj', scan)
        write_pp(folder/f'dataset/scans_lmks_onlypp/{person}/scan.pp', scan.points)
        mesh = mixed(head, heads[rng.integers(0, 9)], rng.uniform(.2, 1))
        mesh = mesh._replace(points=mesh.points + rng.normal(size=(7, 3))*rng.choice([0, 2, 6]))
        if i % 4 == 1: mesh = cut_at(mesh, rng.uniform(60, 90))
        if i % 5 == 2: mesh = mirrored(mesh)
        for kind, scale, far in (('predictions', 10**rng.uniform(-4, 2), rng.choice([0, 100, 3000])),
                                 ('predictions_metrical', .001*rng.uniform(.85, 1.15), rng.choice([0, .1, 2]))):
            place = scale, rng.normal(size=3), rng.normal(size=3)*far
            write_prediction(folder/kind, f'{person}/selfie/IMG_1', turned(mesh, *place), 'npy')
    lines = ''.join(f'P{i:02}/selfie/IMG_1.jpg\n' for i in range(photos))
    (folder/'dataset/imagepathsvalidation.txt').write_text(lines)


def write_lnd(path, points):
    "Seven points as the annotations of the Stirling competition have them"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{i} {x:.6g} {y:.6g} {z:.6g}\n' for i, (x, y, z) in enumerate(points, 1)))


def write_stirling_data(folder, finer=0):
    """Scans and annotations of the Stirling competition (FG 2018), photos of high and low quality, and beside them
    predictions/"""
    folder, (mean, a, b, c) = Path(folder), people(3, 22)
    frames = [((0, 0, 0), (14, -3, 60)), ((.1, -.2, .05), (0, 20, -1400)), ((-.4, .5, .1), (300, 2, 8))]
    for i, (name, head, (turn, shift)) in enumerate(zip(('F1001_N', 'f1011_N', 'M1000_NH'), (a, b, c), frames)):
        scan, part = turned(made_scan(head, .3, i, finer), 1., turn, shift), f'{name[0].upper()}_3D_N'
        write_obj(folder/'data'/part/f'{name}.obj', scan)
        write_lnd(folder/'data/annotations'/part/f'{name}.lnd', scan.points)
    cases = {
        'HQ/F1001_01': (mixed(a, mean, .3), (1., (0, 0, 0), (0, 0, 0)), 'npy'),
        'HQ/F1011_02': (mixed(b, c, .4), (.001, (.4, 2., 0), (0, 0, 0)), 'txt'),
        'HQ/M1000_01': (mean, (.001, (0, 0, 0), (-2., 1.3, .4)), 'npy'),
        'LQ/F1001_07': (mean, (12.5, (1., 1., 1.), (90, 0, 4)), 'npy (1, 7, 3)'),
        'LQ/M1000_09': (mirrored(mixed(c, a, .3)), (.1, (0, 3., 0), (0, 0, 5)), 'npy'),
    }
    for n, key in enumerate([*cases, 'LQ/F1011_11']):
        picture(folder/'data'/f'{key}.jpg', n)
    for key, (mesh, place, how) in cases.items():
        write_prediction(folder/'predictions', key, turned(mesh, *place), how)


if __name__ == '__main__':
    writers = {'now': write_now_data, 'now-hard': write_hard_now_data, 'stirling': write_stirling_data}
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument('protocol', choices=writers)
    ask.add_argument('folder')
    ask.add_argument('--finer', type=int, default=0, help='times that each triangle of a scan becomes four')
    args = ask.parse_args()
    writers[args.protocol](args.folder, args.finer)
    files = [p for p in Path(args.folder).rglob('*') if p.is_file()]
    print(f'{len(files)} files, {sum(p.stat().st_size for p in files)/1e6:.1f} MB in {args.folder}')
