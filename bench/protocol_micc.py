"""Made-up data in the layout of MICC Florence, from heads of the open face model:
python bench/protocol_micc.py FOLDER

data/ holds what the download and GANFit's repository hold (subjects with two scans, videos as folders of frames,
MICC_landmarks, template.obj, landmark_ids.pkl) and registered/, the template brought onto each scan, as GANFit's
registration leaves it. Beside it lie predictions/ in the template's topology and any/ in another. Nobody's face is in
it, and no download is needed."""
import argparse
import json
import pickle
from pathlib import Path
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from deep3dface.evaluation.scan_errors import made_scan
from deep3dface.evaluation.scan_mesh import MarkedMesh, Similarity, head_of
from deep3dface.model.morphable_model import MorphableModel
from deep3dface.reconstruction.coarse_mesh import coarser

SETTINGS = 'Indoor-Cooperative', 'PTZ-Indoor', 'PTZ-Outdoor'
PEOPLE = 'subject_01', 'subject_02', 'subject_28', 'subject_30'


def similarity(scale=1., turn=(0., 0, 0), shift=(0., 0, 0)):
    return Similarity(scale, Rotation.from_rotvec(turn).as_matrix(), np.array(shift, float))


def write_obj(path, verts, faces, digits=6):
    "A mesh as plain text, and its folder"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f'v {x:.{digits}f} {y:.{digits}f} {z:.{digits}f}' for x, y, z in verts]
    path.write_text('\n'.join(rows + [f'f {a} {b} {c}' for a, b, c in faces + 1]) + '\n')


def write_ljson(path, points):
    "68 points as MICC_landmarks has them"
    path.parent.mkdir(parents=True, exist_ok=True)
    group = dict(labels=[dict(label='all', mask=[*range(len(points))])],
                 landmarks=dict(connectivity=[[0, 1]], points=points.tolist()))
    path.write_text(json.dumps(dict(groups=dict(LJSON=group), version=3)))


def frames(folder, n, seed):
    "Grey pictures: the evaluator reads only their names"
    from PIL import Image
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        noise = np.random.default_rng([seed, i]).integers(90, 120, (48, 36, 3), np.uint8)
        Image.fromarray(noise).save(folder/f'{i:04d}.jpg', quality=40)


def write_data(folder, spacing=.07):
    "All of it; `spacing` of the template's vertices in dm"
    folder, whole = Path(folder), MorphableModel.load('open')
    whole.on_face = torch.ones(len(whole.mean), dtype=torch.bool)
    model = coarser(whole, spacing)
    ids = model.sample(len(PEOPLE), torch.Generator().manual_seed(23))[:, :80]
    def shape(i, share=1.): # dm
        return model.shape(share*i[None], torch.zeros(1, model.layout['exp']))[0].double().numpy()
    faces, rows = model.faces.numpy(), model.landmarks68.numpy()
    template = shape(ids[0], 0.)
    data = folder/'data'
    write_obj(data/'template.obj', template, faces)
    (data/'landmark_ids.pkl').write_bytes(pickle.dumps(rows.tolist(), 2))
    frame = [similarity(1, (.02, .1, 0), (5, -12, 40)), similarity(1, (-.1, -.05, .1), (-30, 60, -90))]
    for n, (person, i) in enumerate(zip(PEOPLE, ids)):
        head = head_of(i)
        for k in (1, 2)[:1 if person == 'subject_30' else 2]:
            place, name = frame[k - 1], f'Model/frontal{k}/obj/1109{n}{k}'
            scan = place.place(made_scan(head, .3, 10*n + k, 0))
            marks = place(100*shape(i)[rows]) + np.random.default_rng(n).normal(0, .8, (68, 3))
            write_obj(data/person/f'{name}.obj', scan.verts, scan.faces, 4)
            write_ljson(data/'MICC_landmarks'/person/f'{name}.ljson', marks)
            noise = np.random.default_rng(10*n + k).normal(0, .003, template.shape)
            scale = np.linalg.norm(template - template.mean(0))/np.linalg.norm(shape(i) - shape(i).mean(0))
            write_obj(data/'registered'/person/f'{name}.obj', scale*shape(i) + .002*k + noise, faces)
        for s, setting in enumerate(SETTINGS):
            frames(data/person/'Videos'/setting, 2, 10*n + s)
    predictions(folder, model, ids, shape, template, faces, rows)


def predictions(folder, model, ids, shape, template, faces, rows):
    "In the template's topology (dm, one turned, one larger, one off its origin), and heads of another, some by frame"
    moved = [similarity(), similarity(1.1, (0, .4, 0), (.3, -.2, 5)), similarity(.95, (2., .1, 1.), (9, 0, 0))]
    for n, (person, i) in enumerate(zip(PEOPLE, ids)):
        for s, setting in enumerate(SETTINGS):
            if (n, s) == (1, 2): continue # a missing one
            verts = shape(i, .3 + .2*s) if n != 2 else shape(ids[0], .5)
            write_obj(folder/'predictions'/person/f'{setting}.obj', moved[(n + s) % 3](verts), faces)
    for n, (person, i) in enumerate(zip(PEOPLE[:2], ids)):
        for t in range(2):
            head, place = head_of((.5 + .2*t)*i), similarity(.01, (0, .2*n, 0), (0, n, 0))
            at = folder/'any'/person/f'{SETTINGS[n]}/{t:04d}.obj'
            marks = 100*shape(i, .5 + .2*t)[rows]
            mesh = place.place(MarkedMesh(head.verts, head.faces, marks))
            write_obj(at, mesh.verts, mesh.faces)
            np.save(at.with_name(at.stem + '_68.npy'), mesh.points)


if __name__ == '__main__':
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument('folder')
    folder = Path(ask.parse_args().folder)
    write_data(folder)
    files = [p for p in folder.rglob('*') if p.is_file()]
    print(f'{len(files)} files, {sum(p.stat().st_size for p in files)/1e6:.1f} MB in {folder}')
