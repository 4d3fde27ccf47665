"""Photos that are hard to read, drawn onto a portrait in the public domain: all files, and an honest confidence

    python tests/odd_faces.py [--sheet OUT.png]

A face from the side, in hard light, at night, in grey, with a beard, with glasses and behind a hand of its own skin's
colour. Each gives every file of every format. Where the hand and the frames of the glasses are, next to nothing of the
photo may count as skin; what is free has to count."""
import argparse, tempfile
from pathlib import Path
import cv2
import numpy as np
import torch
from PIL import Image
from skimage import data
from torch.nn.functional import grid_sample
from deep3dface.reconstruction.completion import halves
from deep3dface.reconstruction.face import file_formats, suffix_of
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.reconstruction.texture import photo_positions, pull_push, texel_regions, to_texels
from deep3dface.reconstruction.texture_map import texture_map
from deep3dface.rendering.camera import CAMERA, project
from deep3dface.synthetic.occluders import FINGERS, THICK

FORMATS = sorted({*file_formats, *file_formats.modules})
LEAKED, KEPT = .3, .75  # mean confidence on what hides the face, at most; on the rest, of the plain photo's, at least


def from_the_side(face, size=448):
    "The textured head turned by 55 degrees, before grey"
    turned = face.textured().with_parts(angle=np.float32([0, .96, 0]), trans=np.zeros(3, np.float32))
    picture = turned.drawn(size)
    return (255*(picture.image + (1 - picture.mask)*.5)[0].permute(1, 2, 0).numpy()).clip(0, 255).astype(np.uint8)


def lit_hard(photo):
    "One lamp from the left; next to nothing from the right"
    x = np.linspace(0, 1, photo.shape[1])[None, :, None]
    return (photo*(1.25 - 1.1/(1 + np.exp(-(x - .45)/.015)))).clip(0, 255).astype(np.uint8)


def at_night(photo):
    "An eighth of the light, and its noise"
    return (photo/8 + np.random.default_rng(0).normal(0, 4, photo.shape)).clip(0, 255).astype(np.uint8)


def bearded(photo, points):
    "Dark hair on chin and jaw, around the lips"
    x = np.vstack([points[2:15], points[[35, 33, 31]]]).round().astype(np.int32)
    area = cv2.fillPoly(np.zeros(photo.shape[:2]), [x], 1.)
    cv2.fillPoly(area, [points[48:60].round().astype(np.int32)], 0.)
    area = cv2.GaussianBlur(area, (0, 0), 2)[..., None]
    hair = np.array([50, 38, 30])*np.random.default_rng(0).uniform(.5, 1.5, photo.shape[:2])[..., None]
    return (photo*(1 - .85*area) + .85*area*hair).astype(np.uint8)


def glasses(photo, points):
    "Dark frames of the width of a pencil; where they are"
    mask = np.zeros(photo.shape[:2], np.uint8)
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    unit = np.linalg.norm(right - left)
    for eye in (left, right):
        cv2.circle(mask, eye.round().astype(int).tolist(), round(.36*unit), 255, max(round(.07*unit), 2), cv2.LINE_AA)
    out = photo.copy()
    out[mask > 0] = (25, 22, 20)
    return out, mask > 0


def behind_a_hand(photo, points):
    "A hand of the mean colour of the cheek over mouth and cheek; where it is"
    unit = .38*np.linalg.norm(points[16] - points[0])
    middle = points[[48, 54, 33, 57]].mean(0) + [.25*unit, .35*unit]
    skin = np.median(photo[tuple(points[[31, 35, 2]].round().astype(int).T[::-1])], 0)
    out, whole = photo.astype(float), np.zeros(photo.shape[:2])

    def limb(a, b, radius, tone):
        part = np.zeros(photo.shape[:2])
        cv2.line(part, a.round().astype(int).tolist(), b.round().astype(int).tolist(), 1., round(2*radius))
        inner = cv2.GaussianBlur(part, (0, 0), .4*radius)
        soft = cv2.GaussianBlur(part, (0, 0), 1)[..., None]
        out[:] = out*(1 - soft) + soft*(skin*tone*(.55 + .5*inner[..., None]))
        whole[:] = np.maximum(whole, part)
    limb(middle + [0, .5*unit], middle + [.3*unit, 3*unit], .33*unit, .95)
    for x, y, length, turn, _ in FINGERS:
        root = middle + unit*np.array([x, -y])
        limb(root, root + unit*length*np.array([np.sin(-turn), -np.cos(turn)]), THICK*unit, 1.)
    limb(middle - [0, .2*unit], middle + [0, .3*unit], .42*unit, .98)
    return out.clip(0, 255).astype(np.uint8), whole > .5


def photos(run):
    "Name -> photo, and where something hides the face (None: nowhere)"
    portrait = data.astronaut()
    face, = run(portrait, max_faces=1)
    p, grey = face.landmarks, np.repeat(portrait.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    return dict(
        plain=(portrait, None), side=(from_the_side(face), None), hard_light=(lit_hard(portrait), None),
        night=(at_night(portrait), None), grey=(grey, None), beard=(bearded(portrait, p), None),
        glasses=glasses(portrait, p), hand=behind_a_hand(portrait, p))


def shares(face, hidden):
    "Confidence on the front of the face: mean over what is in the photo and hidden there, and over the rest"
    m = texture_map(face.model, 512)
    x, y = project(face.scene.verts)[0].unbind(1)
    at = pull_push(to_texels(torch.stack([x - .5, CAMERA.size - .5 - y], 1), m), m.there)
    at, size = photo_positions(face.crop, at), torch.tensor(face.photo.shape[1::-1])
    place = ((at + .5)/size[:, None, None]*2 - 1).permute(1, 2, 0)[None]
    there = torch.zeros(face.photo.shape[:2]) if hidden is None else torch.from_numpy(hidden).float()
    covered = grid_sample(there[None, None], place, align_corners=False)[0, 0]
    front = (texel_regions(face.model, m).front[0] > .5) & (m.part == 0)[0] & (m.there[0] > 0)
    c = halves(face.texture.confidence[None])[0, 0]
    mean = lambda where: float(c[front & where].mean()) if (front & where).any() else float('nan')
    return mean(covered > .9), mean(covered < .1)


def all_files(face, folder):
    "Whether every format has written its file, none of them empty"
    face.save(folder, FORMATS)
    return all((Path(folder)/f'{face.name}{suffix_of(k)}').stat().st_size > 0 for k in FORMATS)


if __name__ == '__main__':
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--sheet')
    a = options.parse_args()
    run, rows, faults, plain = Reconstructor(), [], [], 0.
    for name, (photo, hidden) in photos(run).items():
        found = run(photo, max_faces=1, name=name)
        if not found:
            faults.append(f'{name}: no face found')
            continue
        face = found[0].textured()
        with tempfile.TemporaryDirectory() as folder:
            files = all_files(found[0], folder)
        covered, free = shares(face, hidden)
        print(f'{name:10} {len(FORMATS)} formats {"written" if files else "MISSING"}, confidence: '
              f'hidden {covered:.2f}, rest {free:.2f}; {found[0].doubtful or "not doubtful"}', flush=True)
        plain = free if name == 'plain' else plain
        if not files or covered > LEAKED or free < KEPT*plain:
            faults.append(name)
        side = lambda f: f.drawn(224).image[0].permute(1, 2, 0).clamp(0, 1).numpy()*255
        front = face.frontal()
        c = face.texture.confidence[0].numpy()*255
        rows.append(np.hstack([found[0].crop.image, side(face), side(front),
                               side(front.with_parts(angle=np.float32([0, .6, 0]))),
                               np.repeat(cv2.resize(c, (224, 224))[..., None], 3, 2)]))
    if a.sheet:
        Image.fromarray(np.vstack(rows).clip(0, 255).astype(np.uint8)).save(a.sheet)
    if faults:
        raise SystemExit('failed: ' + '; '.join(faults))
