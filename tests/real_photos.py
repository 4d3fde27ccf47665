"""Five points of the bundled network's faces against given ones, photo by photo, in distances between the eyes:

    python tests/real_photos.py FOLDER [--sheet FILE.png]      FOLDER has photos and detections/NAME.txt;
                                                               the sheet is to be looked at"""
import argparse
from pathlib import Path
import numpy as np, torch
from PIL import Image
from deep3dface.photo.reading import list_photos
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.core import to_image
from deep3dface.photo.points import five_points
from deep3dface.rendering.renderer import decode, render

p = argparse.ArgumentParser(description=__doc__)
p.add_argument('folder', type=Path)
p.add_argument('--sheet', type=Path, help='crop, overlay, the same head from the front and grey, one column a photo')
p.add_argument('--plain', action='store_true',
               help='as the network predicts it: no mirror image, dense points, relighting')
args = p.parse_args()


def five(face): return five_points(torch.from_numpy(face.landmarks)[None].float())[0].numpy()


def grey(face):
    "The neutral head before the camera, under one lamp, without colour"
    model, c = face.model, {k: torch.from_numpy(v)[None] for k, v in face.neutral().frontal().coefficients.items()}
    with torch.no_grad():
        scene = decode(model, c)
        shade = (.35 + .65*(scene.normals @ torch.tensor([.4, .5, .77])).clamp(min=0))[..., None].expand(-1, -1, 3)
        return to_image(render(scene._replace(color=shade), model.faces).image[0])


try: photos = list_photos(args.folder)
except (ValueError, OSError) as e: raise SystemExit(f'real_photos: {e}')
run, off, columns = Reconstructor(device='cpu', flip_average=not args.plain, relight=not args.plain), [], []
for photo in photos:
    if not (args.folder / 'detections' / f'{photo.stem}.txt').is_file():
        print(f'{photo.name}: no detections/{photo.stem}.txt')
        continue
    given = np.loadtxt(args.folder/'detections'/f'{photo.stem}.txt').reshape(-1, 2)[:5]
    faces = run(photo)
    if not faces:
        print(f'{photo.name}: no face found')
        continue
    face = min(faces, key=lambda f: np.linalg.norm(five(f) - given))
    error = np.linalg.norm(five(face) - given, axis=1)/np.linalg.norm(given[1] - given[0])
    off.append(error.mean())
    print(
        f'{photo.name:14} {error.mean():.3f}   eyes {error[0]:.3f} {error[1]:.3f}, '
        f'nose {error[2]:.3f}, mouth {error[3]:.3f} {error[4]:.3f}'
    )
    columns.append(np.concatenate([face.crop.image, face.triptych()[:, 224:448], grey(face)]))
if not off: raise SystemExit('real_photos: nothing could be compared')
print(f'{len(off)} photos: mean {np.mean(off):.4f}, median {np.median(off):.4f}')
if args.sheet: Image.fromarray(np.concatenate(columns, 1)).save(args.sheet)
