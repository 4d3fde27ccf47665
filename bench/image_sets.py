"""Several photos of one person on real heads and people:

    python bench/image_sets.py REAL      REAL is a folder with judges.py, scans/ and london/"""
import argparse, importlib.util, warnings
from pathlib import Path
import numpy as np, torch
from PIL import Image
from scipy.spatial import cKDTree
from deep3dface.networks.bundled_recognition import load_recognition
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.reconstruction.fusion import fuse_faces
from dataclasses import replace
warnings.filterwarnings('ignore')

def judges_of(folder):
    spec = importlib.util.spec_from_file_location('judges', folder/'judges.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def averaged(faces): # the plain mean of what is said about the person
    mean = {k: np.mean([f.coefficients[k] for f in faces], 0) for k in ('id', 'tex')}
    return [replace(f, coefficients=f.coefficients | mean) for f in faces]

def scan_error(judges, scan, faces):
    "Mean distance of a scan from the neutral mesh of its first face, mm; landmarks as that face has them"
    V, F, at, R = scan
    mesh, tri, lm = judges.neutral(faces[0])
    points, inner = np.asarray(faces[0].landmarks), np.r_[17:68]
    seen = np.flatnonzero((judges.normals(V, F) @ R.T)[:, 2] > .25)
    tree = cKDTree(at[seen])
    d, i = tree.query(points[inner])
    return judges.distances(
        mesh, tri, lm[inner][d < 4], V, V[seen[i]][d < 4], V[seen[tree.query(points[30])[1]]]
    ).mean()

def heads(judges, run, folder):
    "Each scan by its frontal view, and by all three"
    rows = {}
    for path in sorted(folder.glob('*.npz')):
        z, texture = np.load(path), np.asarray(Image.open(path.with_suffix('.jpg'), formats=['JPEG']).convert('RGB'))
        V, F, faces, scans = z['vertices'].astype(float), z['faces'], [], []
        for yaw, pitch in ((0, 0), (30, 0), (-50, 8)):
            picture, at, R = judges.photograph(
                V, F, z['uv'], texture, yaw, pitch, lit=path.stem == 'lee', seed=sum(map(ord, path.stem))
            )
            faces += run(picture, max_faces=1)
            scans.append((V, F, at, R))
        for name, some in (
            ('1 photo', faces), ('2 joined', fuse_faces(faces[:2])), ('2 averaged', averaged(faces[:2])),
            ('3 joined', fuse_faces(faces)), ('3 averaged', averaged(faces)),
        ):
            rows.setdefault(name, []).append(scan_error(judges, scans[0], some))
    for name, v in rows.items(): print(f'scans: {name:12} {np.mean(v):.3f} mm over {len(v)} heads')

def people(run, folder, size=224):
    "Cosine of the bundled recognition network between the neutral photo and the neutral frontal face"
    net, rows = load_recognition('bundled'), {}
    embed = lambda image, points: net.embed(
        torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255,
        torch.from_numpy(np.asarray(points, np.float32))[None],
    )
    for path in sorted(folder.glob('*_neutral.jpg')):
        smiling = Path(str(path).replace('_neutral', '_smiling'))
        a, b = (run(p, max_faces=1)[0] for p in (path, smiling))
        photo = embed(a.crop.image, a.crop.to_crop(a.landmarks))
        for name, face in (
            ('1, the smiling one', b), ('2 joined', fuse_faces([b, a])[0]), ('2 averaged', averaged([b, a])[0]),
        ):
            face = face.frontal().neutral()
            p = face.drawn(size)
            image = p.image[0].clamp(0, 1).permute(1, 2, 0).numpy() + .5*(1 - p.mask[0, 0].numpy())[..., None]
            rows.setdefault(name, []).append(
                (photo * embed((255 * image).clip(0, 255).astype(np.uint8), face.scene.landmarks[0].numpy()))
                .sum()
                .item()
            )
    for name, v in rows.items():
        print(f'people: {name:20} cosine with the neutral photo {np.mean(v):.3f} over {len(v)} people')

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('real', type=Path)
    real = parser.parse_args().real
    if not (real / 'judges.py').is_file():
        parser.error(f'{real}/judges.py not found; give the folder that holds it, scans/ and london/')
    torch.set_grad_enabled(False)
    run = Reconstructor()
    heads(judges_of(real), run, real/'scans')
    people(run, real/'london')
