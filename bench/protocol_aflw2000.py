"""Made-up data in the layout of AFLW2000-3D, from faces of the open model:
python bench/protocol_aflw2000.py FOLDER

Points of posed faces: a grey NAME.jpg, NAME.mat (pt3d_68, Pose_Para) and predictions/NAME.npy, off by a known
amount; one picture is without its .mat, two without prediction. The figures that they must give are computed by hand
beside them, in expected.json."""
import argparse
import json
from pathlib import Path
import numpy as np
from PIL import Image
from scipy.io import savemat
from deep3dface.evaluation.predicted import model_mesh
from deep3dface.evaluation.protocol import Wants
from deep3dface.model.morphable_model import MorphableModel

POSES = {  # name -> pitch, yaw, roll of Pose_Para in degrees; how far the prediction is off, px
    'image00002': ((5, -10, 3), (3., 4.)), 'image00004': ((-8, 25, 0), (0., 2.)),
    'image00006': ((3, 45, -12), (6., 0.)),
    'image00008': ((0, -75, 5), (0., 10.)), 'image00010': ((2, 80, 0), (8., 6.)),
    'image00013': ((0, 100, 0), (1., 0.))}


def turned(points, degrees):
    "R = Rx Ry Rz of Pose_Para, each of them the transpose of a right-handed turn; column vectors"
    p, y, r = np.radians(degrees)
    x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    t = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    z = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return points @ (x @ t @ z).T


def made_aflw2000(folder, size=450, zoom=1.3):
    "AFLW2000/NAME.jpg and .mat; predictions/NAME.npy"
    top, model, expected = Path(folder), MorphableModel.load('open'), {}
    for place in (top/'AFLW2000', top/'predictions'): place.mkdir(parents=True, exist_ok=True)
    for i, (name, (angles, off)) in enumerate(POSES.items()):
        id = np.random.default_rng(i).normal(size=80)
        face = model_mesh(model, dict(id=id), Wants(pose='expression', part='face'))
        middle = face.verts.mean(0)
        points = turned(face.points['68'] - middle, angles)*zoom*[1, -1, 1] + [size/2, size/2, 0]
        picture = np.full((size, size, 3), 120, np.uint8)
        Image.fromarray(picture).save(top/f'AFLW2000/{name}.jpg', quality=30)
        values = dict(pt3d_68=points.T, Pose_Para=np.r_[np.radians(angles), size/2, size/2, 0, .001][None])
        savemat(top/f'AFLW2000/{name}.mat', values, do_compression=i % 2 == 0)
        box = np.ptp(points[:, :2], axis=0)
        expected[name] = 100*np.hypot(*off)/np.sqrt(box.prod())
        if name != 'image00013': np.save(top/f'predictions/{name}.npy', points + [*off, 5])
    Image.fromarray(picture).save(top/'AFLW2000/image00014.jpg')
    (top/'expected.json').write_text(json.dumps(expected, indent=1))
    return top


if __name__ == '__main__':
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument('folder')
    args = ask.parse_args()
    made_aflw2000(args.folder)
    print(len([p for p in Path(args.folder).rglob('*.*')]), 'files in', args.folder)
