"""The picture strip of the README, photo | overlay | frontal | three-quarter | profile:
python bench/strip.py [OUT.webp]  (a public-domain portrait, and rendered people that no training drew)"""
import sys
import numpy as np
import torch
from PIL import Image
from skimage import data
from deep3dface.evaluation.benchmark import FROZEN
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.synthetic.scene import SyntheticFaces

SIDE, GREY = 150, 205  # px of a picture; the background of heads alone
SEED, CHOSEN = 20261128, (12, 23, 66, 61, 79)


def photos():
    "One portrait, and some of the people of an unused seed"
    yield data.astronaut()
    for image in SyntheticFaces(FROZEN, SEED)(torch.tensor(CHOSEN)).image:
        yield (255*image).round().byte().permute(1, 2, 0).numpy()


def head(face, yaw):
    "The head alone, turned by `yaw` degrees"
    turn = np.radians(yaw)
    place = np.array([.6*np.sin(turn), 0, -1.2], np.float32)  # dm: heads lie behind the origin about which they turn
    turned = face.frontal().with_parts(angle=np.array([0, turn, 0], np.float32), trans=place)
    picture = turned.drawn(2*SIDE)
    image = picture.image[0] + (1 - picture.mask[0])*GREY/255
    return Image.fromarray((255*image.clamp(0, 1)).byte().permute(1, 2, 0).numpy()).resize((SIDE, SIDE))


def row(face):
    "Five pictures of one face"
    photo = Image.fromarray(face.crop.image).resize((SIDE, SIDE))
    overlay = Image.fromarray(face.triptych()[:, 224:448]).resize((SIDE, SIDE))
    return np.concatenate([np.asarray(p) for p in (photo, overlay, *(head(face, y) for y in (0, 35, 75)))], 1)


run = Reconstructor()
faces = [found[0] for found in (run(p, max_faces=1) for p in photos()) if found]
rows = [row(f) for f in faces]
rows += [np.full_like(rows[0], 255)]*(len(rows) % 2)
half = len(rows)//2
sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], 1)
out = sys.argv[1] if len(sys.argv) > 1 else 'nbs/images/strip.webp'
Image.fromarray(sheet).save(out, quality=82)
print(f'{out}: {len(faces)} faces, {sheet.shape[1]} x {sheet.shape[0]} px')
