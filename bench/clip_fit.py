"""What fitting key frames together gives, on rendered clips whose truth is known:

    python bench/clip_fit.py [--clips 4] [--seed 11] [--cache FOLDER] [--track]

The identity of one person: fused over the predictions of all frames, fused over separate fits of six key frames, and
of a joint fit of 2 to 12 of them; with one prior a picture, too, in place of one for all. rms: of the coefficients'
errors. mm: mean distance of the vertices of the neutral face from the true ones, after a similarity. Seconds: of the
processor, for the fit. --track compares whole tracks with and without refinement: landmarks and their jitter (of
`bench/clips.py`) in percent of the distance between the eyes, expression, and seconds of the processor in all."""
import argparse
import time
from pathlib import Path

import numpy as np
import torch
from clips import found_clips, rms, second

from deep3dface.reconstruction import joint_fit
from deep3dface.reconstruction.find_faces import landmarks_of
from deep3dface.reconstruction.frames import Clip
from deep3dface.reconstruction.fusion import ALIKE, fuse_identity
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.reconstruction.relighting import with_appearance
from deep3dface.reconstruction.smoothing import Smoothing
from deep3dface.reconstruction.tracking import Following, follow
from deep3dface.reconstruction.video import OFTEN, reconstruct_video

SEPARATE = 6 # key frames that are fitted one by one


def neutral(model, identity):
    "Vertices of the face proper, (n, 3) mm, around their mean"
    flat = torch.zeros(1, model.layout['exp'])
    v = 100*model.shape(torch.as_tensor(identity).float()[None], flat)[0].numpy()[model.front_faces.unique().numpy()]
    return v - v.mean(0)


def distance(model, identity, true):
    "Mean of the vertices, mm"
    a, b = neutral(model, identity), neutral(model, true)
    u, s, v = np.linalg.svd(a.T @ b)
    turn = np.array([1, 1, np.sign(np.linalg.det(u @ v))])
    return np.linalg.norm((s*turn).sum()/np.square(a).sum()*a @ (u*turn) @ v - b, axis=1).mean()


def fused(predictions, alike):
    rows = (np.stack([getattr(p, part)['id'] for p in predictions]) for part in ('coefficients', 'confidence'))
    return fuse_identity(*rows, alike)[0]


def one_by_one(run, keys):
    "Fused over separate fits, as photos of an album are"
    fits = []
    for key in keys:
        parts = {k: torch.from_numpy(v)[None] for k, v in key.prediction.coefficients.items()}
        points = key.crop.to_photo(landmarks_of(run.model, parts)[0].numpy())
        fits.append(run._fit(key.crop, points, key.prediction, False))
    return fused(fits, ALIKE)


def jointly(run, person, count, once=None):
    "Of a joint fit; `once`: weight of the shared prior"
    crops, predictions = [k.crop for k in person.keys], [k.prediction for k in person.keys]
    some = joint_fit.chosen(crops, predictions, count)
    solved = [with_appearance(run.model, crops[i], predictions[i]) for i in some]
    before = joint_fit.ONCE
    joint_fit.ONCE = once or before
    try: return joint_fit.fit_jointly(run.model, [crops[i] for i in some], solved, run.joint)[0].coefficients['id']
    finally: joint_fit.ONCE = before


def identities(run, person, raw):
    "Name of each way -> function that gives the identity"
    every = np.unique(np.linspace(0, len(person.keys) - 1, SEPARATE).round().astype(int))
    rows = raw.coefficients['id'][raw.seen], raw.sigma['id'][raw.seen]
    ways = {'all frames, predictions fused': lambda: fuse_identity(*rows, Smoothing().alike)[0],
            f'{SEPARATE} frames, separate fits fused': lambda: one_by_one(run, [person.keys[i] for i in every]),
            '8 frames together, one prior a frame': lambda: jointly(run, person, 8, 8.)}
    return ways | {f'{n} frames together': lambda n=n: jointly(run, person, n) for n in (2, 4, 8, 12)}


def identity_table(made, run):
    rows = {}
    for number, clip, raw in made:
        tracker = follow(Clip(clip.frames, 1/np.diff(clip.time).mean()), run, Following(key=OFTEN), 1)
        for name, way in identities(run, tracker.people_found[0], raw).items():
            start = time.process_time()
            found = way()
            took = time.process_time() - start
            rows.setdefault(name, []).append((rms(found - clip.id), distance(run.model, found, clip.id), took))
    print('| identity | rms | mm | mm of each clip | seconds |\n| --- | --- | --- | --- | --- |')
    for name, found in rows.items():
        off, mm, took = np.transpose(found)
        each = ' '.join(f'{v:.2f}' for v in mm)
        print(f'| {name} | {off.mean():.3f} | {mm.mean():.3f} | {each} | {took.mean():.1f} |')


def track_table(made):
    print('\n| track | identity | landmarks | jitter | expression | seconds |\n| --- | --- | --- | --- | --- | --- |')
    names = {False: 'not refined', None: 'as it comes', True: 'refined'}
    for refine in (False, None, True):
        rows = []
        for _, clip, _ in made:
            start = time.process_time()
            track = reconstruct_video(clip.frames, refine=refine, people=1, fps=1/np.diff(clip.time).mean())[0]
            took = time.process_time() - start
            eyes = np.linalg.norm(clip.landmarks[:, 36:42].mean(1) - clip.landmarks[:, 42:48].mean(1), axis=1).mean()
            off = track.landmarks - clip.landmarks
            rows.append((rms(track.coefficients['id'] - clip.id), 100*rms(np.linalg.norm(off, axis=2))/eyes,
                         100*rms(np.linalg.norm(second(off, clip.shot), axis=2))/eyes,
                         rms(track.coefficients['exp'] - clip.exp), took))
        values = ' | '.join(f'{v:.{d}f}' for v, d in zip(np.mean(rows, 0), (3, 2, 3, 4, 1)))
        print(f'| {names[refine]} | {values} |')


def length_table(made):
    "Identity of tracks of the first frames, and of single frames, as they come"
    singles = [[rms(one - clip.id) for one in raw.coefficients['id'][raw.seen]] for _, clip, raw in made]
    print('\n| clip | single frame: middle | least | ' + ' | '.join(f'{n} frames' for n in LENGTHS) + ' |')
    print('| --- '*(3 + len(LENGTHS)) + '|')
    rows = []
    for (number, clip, _), single in zip(made, singles):
        fps = 1/np.diff(clip.time).mean()
        tracks = [reconstruct_video(clip.frames[:n], people=1, fps=fps)[0] for n in LENGTHS]
        rows.append([np.median(single), min(single), *(rms(t.coefficients['id'] - clip.id) for t in tracks)])
        print(f'| {number} | ' + ' | '.join(f'{v:.3f}' for v in rows[-1]) + ' |', flush=True)
    print('| mean | ' + ' | '.join(f'{v:.3f}' for v in np.mean(rows, 0)) + ' |')


LENGTHS = 30, 60, 90, 120 # frames

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=4)
    parser.add_argument('--seed', type=int, default=11)
    parser.add_argument('--cache', type=Path, help='keep clips and predictions in this folder')
    parser.add_argument('--track', action='store_true')
    args = parser.parse_args()
    if args.cache: args.cache.mkdir(parents=True, exist_ok=True)
    run = Reconstructor(device='cpu', refine=True, flip_average=False)
    made = found_clips(args.seed, args.clips, args.cache)
    print(f'clips {[n for n, *_ in made]} of seed {args.seed}')
    identity_table(made, run)
    if args.track:
        track_table(made)
        length_table(made)
