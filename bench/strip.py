"""The picture strip of the README, photo | shape | textured head from the front and from two sides:
python bench/strip.py [OUT.webp]  (a public-domain portrait, and rendered people that no training drew)"""
import sys
import numpy as np
import torch
from PIL import Image
from skimage import data
from deep3dface.evaluation.benchmark import FROZEN
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.rendering.camera import Camera
from deep3dface.rendering.renderer import render
from deep3dface.synthetic.scene import SyntheticFaces

SIDE, GREY = 150, 205  # px of a picture; the background of heads alone
SEED, CHOSEN = 20261128, (127, 131, 113, 79, 23)


def photos():
    "One portrait, and some of the people of an unused seed"
    yield data.astronaut()
    for image in SyntheticFaces(FROZEN, SEED)(torch.tensor(CHOSEN)).image:
        yield (255*image).round().byte().permute(1, 2, 0).numpy()


def on_grey(picture):
    "A rendering before grey, at the size of the strip"
    image = picture.image[0] + (1 - picture.mask[0])*GREY/255
    return Image.fromarray((255*image.clamp(0, 1)).byte().permute(1, 2, 0).numpy()).resize((SIDE, SIDE))


def shape(face):
    "The mesh of a face in one colour, lit from the camera"
    grey = .15 + .75*face.scene.normals[..., 2:].clamp(min=0).expand(-1, -1, 3)
    return on_grey(render(face.scene, face.model.faces, Camera().resized(2*SIDE), grey))


def head(face, yaw):
    "The textured head alone, turned by `yaw` degrees"
    turn = np.radians(yaw)
    place = np.array([.6*np.sin(turn), -.12, -1.1], np.float32)  # dm: heads lie behind the origin about which they turn
    return on_grey(face.frontal().with_parts(angle=np.array([0, turn, 0], np.float32), trans=place).render(2*SIDE))


def row(face):
    "Five pictures of one face"
    photo, textured = Image.fromarray(face.crop.image).resize((SIDE, SIDE)), face.textured()
    return np.concatenate([np.asarray(p) for p in (photo, shape(face), *(head(textured, y) for y in (0, 35, -55)))], 1)


run = Reconstructor()
faces = [found[0] for found in (run(p, max_faces=1) for p in photos()) if found]
rows = [row(f) for f in faces]
rows += [np.full_like(rows[0], 255)]*(len(rows) % 2)
half = len(rows)//2
sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], 1)
out = sys.argv[1] if len(sys.argv) > 1 else 'nbs/images/strip.webp'
Image.fromarray(sheet).save(out, quality=82)
print(f'{out}: {len(faces)} faces, {sheet.shape[1]} x {sheet.shape[0]} px')
