"""The texture of a photo: its unseen side against truth, its time, its memory

    python bench/texture.py [FOLDER] [--sheet OUT.png] [--threads 2]

FOLDER holds scans of heads, NAME.npz (vertices in mm, faces, uv with v up) beside NAME.jpg. Each is photographed from
30 degrees on either side; the face of that photo, plain and textured, is laid onto the scan and both are photographed
from the other side. Differences are in grey levels, over the pixels that the photo did not see."""
import argparse
import ctypes
import threading
import time
from pathlib import Path
import cv2
import numpy as np
import torch
from PIL import Image
from scipy.spatial import cKDTree
from skimage import data
from deep3dface import interpolate, rasterize
from deep3dface.model.similarity import procrustes
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.reconstruction.texture_map import texture_map

SIZE, DISTANCE = 480, 900.  # px of a picture; mm from the camera to the middle of the head
INNER = np.arange(17, 68)  # landmarks of the face, without the jaw
GAIN, BACKGROUND = 1.35, 110.  # of the scan's colours; grey level


def turned(verts, yaw, frame):
    "Vertices seen from `yaw` degrees aside, about the middle of `frame`"
    a = np.radians(yaw)
    turn = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    return (verts - (frame.max(0) + frame.min(0))/2) @ turn


def seen_from(verts, faces, attributes, yaw, frame):
    "Attributes (H, W, C) of what is seen, and where anything is (H, W)"
    p = turned(verts, yaw, frame)
    z, height = DISTANCE - p[:, 2], np.ptp(frame[:, 1])
    x, y = (2*.62*DISTANCE/height*p[:, k] for k in (0, 1))
    near, far = 100., 3000.
    clip = np.stack([x, -y, (z*(far + near) - 2*far*near)/(far - near), z], 1)
    tri = torch.from_numpy(faces.astype(np.int64))
    frags = rasterize(torch.from_numpy(clip[None]).float(), tri, SIZE)
    picture = interpolate(torch.from_numpy(np.ascontiguousarray(attributes)[None]).float(), frags, tri)
    return picture[0].permute(1, 2, 0).numpy(), frags.tri[0].numpy() >= 0


def look_up(texture, uv):
    "Colours of a picture (H, W, 3) uint8 at coordinates (h, w, 2)"
    h, w = texture.shape[:2]
    at = (uv*[w, -h] + [-.5, h - .5]).astype(np.float32)
    return cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR).astype(float)


def photograph(scan, yaw):
    "Picture (H, W, 3), its mask, and the point of the scan at each pixel (H, W, 3)"
    px, mask = seen_from(scan['v'], scan['f'], np.concatenate([scan['uv'], scan['v']], 1), yaw, scan['v'])
    color = np.where(mask[..., None], GAIN*look_up(scan['image'], px[..., :2]), BACKGROUND)
    return color.clip(0, 255), mask, px[..., 2:]


def drawn(mesh, verts, yaw, frame):
    "A plain or textured trimesh at other vertices"
    textured = hasattr(mesh.visual, 'uv')
    values = mesh.visual.uv if textured else mesh.visual.vertex_colors[:, :3].astype(float)
    px, mask = seen_from(verts, mesh.faces, values, yaw, frame)
    return (look_up(np.asarray(mesh.visual.material.image), px) if textured else px), mask


def laid_onto(face, points, scan, rounds=12):
    "Vertices of the face moved onto the scan: by its landmarks' pixels, then by nearest points"
    mesh = np.asarray(face.mesh(posed=False).vertices)
    lm, at = face.model.landmarks68.numpy()[INNER], np.round(face.landmarks[INNER]).astype(int).clip(0, SIZE - 1)
    target = points[at[:, 1], at[:, 0]]
    found = np.abs(target).sum(1) > 0
    moved = apply(procrustes, mesh[lm][found], target[found], mesh)
    near = scan['v'][np.linalg.norm(scan['v'] - points[at[13, 1], at[13, 0]], axis=1) < 95][::7]
    for _ in range(rounds):
        row = cKDTree(moved).query(near)[1]
        moved = apply(procrustes, moved[row], near, moved)
    return moved


def apply(solve, a, b, points):
    "Points under the similarity from a to b"
    scale, turn, shift = solve(a, b)
    return scale*points @ turn + shift


def hidden(scan, yaw, other):
    "Pixels of the view from `other` that a photo from `yaw` does not show: turned away, or behind something"
    v, f = turned(scan['v'], yaw, scan['v']), scan['f']
    n = np.zeros_like(v)
    normal = np.cross(v[f[:, 1]] - v[f[:, 0]], v[f[:, 2]] - v[f[:, 0]])
    for k in range(3):
        np.add.at(n, f[:, k], normal)
    n /= np.linalg.norm(n, axis=1, keepdims=True).clip(1e-9)
    view = np.array([0, 0, DISTANCE]) - v
    facing = (n*view).sum(1)/np.linalg.norm(view, axis=1)
    px, mask = seen_from(scan['v'], f, facing[:, None], other, scan['v'])
    return mask & (px[..., 0] < .15)


def judged(run, scan, yaw):
    "Differences (plain, textured) on the side that the photo from `yaw` hides, and pictures for the sheet"
    photo, _, points = photograph(scan, yaw)
    found = run(photo.astype(np.uint8), max_faces=1)
    if not found:
        return None
    face = found[0]
    moved, (want, mask, _) = laid_onto(face, points, scan), photograph(scan, -yaw)
    unseen, out, shown = hidden(scan, yaw, -yaw), [], [photo, want]
    for f in (face, face.textured()):
        got, there = drawn(f.mesh(posed=False), moved, -yaw, scan['v'])
        shown.append(np.where(there[..., None], got, BACKGROUND))
        out.append(np.abs(want - got)[unseen & there & mask].mean())
    return out, np.hstack(shown)


def sides(run, folder, sheet):
    "Print the differences of each head"
    rows, pictures = [], []
    for path in sorted(Path(folder).glob('*.npz')):
        z = np.load(path)
        image = np.asarray(Image.open(path.with_suffix('.jpg')).convert('RGB'))
        scan = dict(v=z['vertices'].astype(float), f=z['faces'].astype(np.int64), uv=z['uv'].astype(float), image=image)
        for yaw in (-30, 30):
            if found := judged(run, scan, yaw):
                rows.append(found[0])
                pictures.append(found[1])
                print(f'{path.stem} from {yaw:3d} degrees: plain {rows[-1][0]:.1f}, textured {rows[-1][1]:.1f}')
    if not rows:
        raise SystemExit(f'{folder}: no NAME.npz with a face that was found')
    plain, textured = np.mean(rows, 0)
    print(f'unseen side: {len(rows)} photos, plain {plain:.1f}, textured {textured:.1f} grey levels')
    if sheet:
        Image.fromarray(np.vstack(pictures).clip(0, 255).astype(np.uint8)).save(sheet)


def seconds(run, threads, rounds=7):
    "Print the time of a texture"
    torch.set_num_threads(threads)
    face, = run(data.astronaut(), max_faces=1)
    start = time.perf_counter()
    face.textured()
    first, took, busy = time.perf_counter() - start, [], []
    for _ in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        face.textured()
        took.append(time.perf_counter() - start)
        busy.append(time.process_time() - used)
    print(f'textured() at 1024, {threads} threads: first {first:.2f} s, then median {np.median(took):.2f} s '
          f'(processor {np.median(busy):.2f} s)')


def resident():
    "MiB of memory in use"
    return int(Path('/proc/self/statm').read_text().split()[1])*4096/2**20


def memory(run, side=10000):
    "Print the memory that a texture takes on top of a photo of 100 megapixels, at its peak"
    photo = cv2.resize(data.astronaut(), (side, side), interpolation=cv2.INTER_LINEAR)
    face, = run(photo, max_faces=1)
    texture_map(face.model, 512)
    if hasattr(libc := ctypes.CDLL(None), 'malloc_trim'):
        libc.malloc_trim(0)  # what the network used is not there to be used again
    before, peak, done = resident(), [0.], threading.Event()

    def watch():
        while not done.wait(.005):
            peak.append(resident())
    watcher = threading.Thread(target=watch)
    watcher.start()
    face.textured()
    done.set()
    watcher.join()
    print(f'photo of {side*side/1e6:.0f} megapixels ({photo.nbytes/2**20:.0f} MiB): the texture takes '
          f'{max(peak) - before:.0f} MiB more at its peak')


if __name__ == '__main__':
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('folder', nargs='?')
    options.add_argument('--sheet')
    options.add_argument('--threads', type=int, default=2)
    a = options.parse_args()
    run = Reconstructor()
    if a.folder:
        sides(run, a.folder, a.sheet)
    seconds(run, a.threads)
    memory(run)
