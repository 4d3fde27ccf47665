"""How well tracks are smoothed, on rendered clips whose truth is known:

    python bench/clips.py [--clips 4] [--seed 11] [--lag N ...] [--cache FOLDER] [--calibrate | --posed]

Each frame is detected, cut out and predicted by itself, as `reconstruct` does it, then the rows are smoothed. Jitter is
the second difference over time of what a landmark is off, divided by the square root of 6 (1 for independent errors of
deviation 1), in percent of the distance between the eyes: the median over the frames, and the root mean square, in
which blinks, syllables and what a network misreads of them count most. --calibrate chooses the numbers of `Smoothing`
on the clips of another seed. --posed prints, instead, how far vertices of the posed face are from the truth, by yaw."""
import argparse, warnings
from time import process_time
from collections import namedtuple
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
import numpy as np
import torch
from deep3dface.model.morphable_model import MorphableModel
from deep3dface.reconstruction.fusion import fuse_identity
from deep3dface.rendering.camera import pose, to_camera
from deep3dface.reconstruction.pipeline import Reconstructor
from deep3dface.reconstruction.smoothing import Smoothing, landmark_model, landmarks_in_crop, smooth_track
from deep3dface.synthetic.clips import RenderedClip, render_clip, true_pose
warnings.filterwarnings('ignore')

CALIBRATION = 5 # seed
FOUND = .85 # share of the frames in which the detector finds the face; hats and hands hide some faces altogether
Raw = namedtuple('Raw', 'time coefficients sigma crops seen')


def affine(crop):
    "Crop pixel -> frame pixel, (2, 3)"
    o, x, y = crop.to_photo(np.array([[0, 0], [1, 0], [0, 1.]]))
    return np.stack([x - o, y - o, o], 1)


def predicted(clip, run):
    "Every frame by itself"
    found = [pair for low in range(0, len(clip.frames), run.batch) for pair in run.predicted(
        [run.found(f, max_faces=1) for f in clip.frames[low:low + run.batch]])]
    seen = np.array([len(p) > 0 for _, p in found])
    crops = np.full((len(found), 2, 3), np.nan)
    parts = [{k: np.full((len(found), n), np.nan, np.float32) for k, n in run.model.layout.items()} for _ in range(2)]
    for t in np.flatnonzero(seen):
        f, (p,) = found[t]
        crops[t] = affine(f.crops[0])
        for whole, one in zip(parts, (p.coefficients, p.confidence)):
            for k in whole: whole[k][t] = one[k]
    return Raw(clip.time, *parts, crops, seen)


def cached(folder, seed, number, run):
    "A clip and its predictions, kept in a folder if there is one; None for a face that is hidden"
    file = folder and Path(folder)/f'clip_{seed}_{number}.npz'
    if file and file.exists():
        with np.load(file, allow_pickle=False) as z:
            if not z.files: return None, None
            part = lambda start: {k[2:]: z[k] for k in z.files if k.startswith(start)}
            rest = part('r.')
            return RenderedClip(**part('c.')), Raw(rest['time'], part('m.'), part('s.'), rest['crops'], rest['seen'])
    clip = render_clip(seed, number)
    some = [run().found(f, max_faces=1) for f in clip.frames[::12]]
    if np.mean([len(f.crops) for f in some]) < FOUND:
        if file: np.savez(file)
        return None, None
    raw = predicted(clip, run())
    if file:
        named = lambda start, d: {start + k: v for k, v in d.items()}
        rest = dict(time=raw.time, crops=raw.crops, seen=raw.seen)
        np.savez(file, **named('c.', clip._asdict()), **named('m.', raw.coefficients), **named('s.', raw.sigma),
                 **named('r.', rest))
    return clip, raw


def landmarks(raw, marks):
    "On the frame, (T, 68, 2)"
    parts = {k: np.atleast_2d(v).astype(float) for k, v in raw.coefficients.items()}
    points = landmarks_in_crop(marks, parts)
    return points @ raw.crops[:, :, :2].swapaxes(1, 2) + raw.crops[:, None, :, 2]


def second(x, shot):
    "Second differences within a shot"
    d = (x[2:] - 2*x[1:-1] + x[:-2])/6**.5
    return d[shot[2:] == shot[:-2]]


def rms(x): return float(np.sqrt(np.nanmean(np.square(x))))


def errors(clip, raw, marks, seen):
    "Landmarks and jitter in percent of the distance between the eyes; units; degrees; percent of the size"
    points, eyes = landmarks(raw, marks), np.linalg.norm(
        clip.landmarks[:, 36:42].mean(1) - clip.landmarks[:, 42:48].mean(1), axis=1).mean()
    off = np.where(seen[:, None, None], points - clip.landmarks, np.nan)
    angle, trans = true_pose(clip, np.where(seen[:, None, None], raw.crops, [[1, 0, 0], [0, 1, 0]]))
    keep = lambda x: x[seen]
    tremble = np.linalg.norm(second(off, clip.shot), axis=2) # (t, 68)
    return dict(landmarks=100*rms(np.linalg.norm(off, axis=2))/eyes, jitter=100*rms(tremble)/eyes,
                still=100*rms(np.nanmedian(tremble, 0))/eyes,
                exp=rms(keep(raw.coefficients['exp'] - clip.exp)),
                angle=np.degrees(rms(keep(raw.coefficients['angle'] - angle))),
                place=rms(keep(raw.coefficients['trans'] - trans)[:, :2]),
                depth=rms(keep(raw.coefficients['trans'] - trans)[:, 2]))


SEEN = .5 # of its true height: blinks that the network sees less of are counted apart


def blinks(clip, raw, smooth, columns):
    "Height of each peak over that of the raw curve, and over the true one; frames between the peaks; raw over true"
    rows, curve = [], lambda x: x[:, columns].mean(1)
    before, after, truth = curve(raw.coefficients['exp']), curve(smooth.coefficients['exp']), curve(clip.exp)
    for at in clip.blinks:
        some = np.flatnonzero((np.abs(clip.time - at) < .2) & raw.seen & smooth.seen)
        if len(some) < 9: continue
        height = lambda x: x[some].max() - min(x[some[:2]].min(), x[some[-2:]].min())
        peak = lambda x: some[x[some].argmax()]
        rows.append((height(after)/height(before), height(after)/height(truth), abs(peak(after) - peak(before)),
                     height(before)/height(truth)))
    return rows


LENGTHS = 1, 5, 15, 30, 60, 120 # frames


def identities(clip, raw, alike):
    "Errors of the single frame: middle, surest and least; then of the first frames together"
    at = np.flatnonzero(raw.seen)
    means, sigmas = raw.coefficients['id'][at], raw.sigma['id'][at]
    single = np.sqrt(np.square(means - clip.id).mean(1))
    fused = [rms(fuse_identity(means[:n], sigmas[:n], alike)[0] - clip.id) for n in LENGTHS]
    return [np.median(single), single[sigmas.mean(1).argmin()], single.min(), *fused]


def measure(clips, cfg, marks, model, lag=None):
    "Per clip: errors before and after, blinks"
    columns = [model.exp_names.index(n) for n in ('eyeBlinkLeft', 'eyeBlinkRight')]
    for clip, raw in clips:
        smooth = smooth_track(raw, model, cfg, lag)
        yield (errors(clip, raw, marks, raw.seen), errors(clip, smooth, marks, raw.seen & smooth.seen),
               blinks(clip, raw, smooth, columns))


def cost(clips, cfg, marks, model):
    "What calibration makes small: errors and jitter over those of the single frames, and blinks that are lost"
    before, after, peaks = zip(*measure(clips, cfg, marks, model))
    ratio = lambda k: np.mean([a[k] for a in after])/np.mean([b[k] for b in before])
    kept = np.array([p[0] for rows in peaks for p in rows if p[3] > SEEN])
    return ratio('landmarks') + ratio('exp') + ratio('angle') + ratio('jitter') + 5*np.maximum(.97 - kept, 0).mean()


def calibrated(clips, marks, model):
    "Each number of `Smoothing` in turn, halved and doubled"
    cfg = Smoothing()
    best = cost(clips, cfg, marks, model)
    print(f'cost {best:.4f} as it is')
    for group in ('noise', 'motion', 'quick'):
        for name in getattr(cfg, group):
            if name == 'gamma': continue # no truth to compare with
            for factor in (.5, .75, 1.5, 2):
                if group == 'noise' and cfg.noise[name]*factor > 1: continue # more than the network's own sigma
                trial = replace(cfg, **{group: getattr(cfg, group) | {name: getattr(cfg, group)[name]*factor}})
                found = cost(clips, trial, marks, model)
                print(f'{group} {name} {getattr(trial, group)[name]:.3g}: {found:.4f}', flush=True)
                if found < best - .002: best, cfg = found, trial
    return cfg


def found_clips(seed, count, folder):
    "The first clips in which the detector finds the face in most frames"
    made, number, run = [], 0, lru_cache(lambda: Reconstructor(flip_average=False))
    while len(made) < count:
        clip, raw = cached(folder, seed, number, run)
        if clip is not None: made.append((number, clip, raw))
        number += 1
    return made


def row(name, before, *after, digits, limit):
    cells = ' | '.join(f'{x:.{digits}f} | {x/before:.3f}' for x in after)
    print(f'| {name} | {before:.{digits}f} | {cells} | {limit} |')


ROWS = dict(still=("jitter of landmarks in the median frame, % of the eyes' distance", 3, '<= .333'),
            jitter=("the same, root mean square, % of the eyes' distance", 3, '<= .333'),
            landmarks=("landmarks, % of the eyes' distance", 4, '<= 1'), exp=('expression', 4, '<= 1'),
            angle=('rotation, degrees', 4, '<= 1'), place=('place in the crop, dm', 4, '<= 1'),
            depth=('distance, dm', 4, '<= 1'))


def table(clips, marks, model, cfg, lags):
    ways = {'all frames': None} | {f'lag {n}': n for n in lags}
    found = {name: [*zip(*measure(clips, cfg, marks, model, lag))] for name, lag in ways.items()}
    print('| mean over the clips | single frames | ' + ''.join(f'{n} | ratio | ' for n in ways) + 'wanted |')
    print('| --- | --- ' + '| --- | --- '*len(ways) + '| --- |')
    mean = lambda rows, k: np.mean([r[k] for r in rows])
    for k, (name, digits, limit) in ROWS.items():
        after = [mean(f[1], k) for f in found.values()]
        row(name, mean(found['all frames'][0], k), *after, digits=digits, limit=limit)
    for name, lag in ways.items():
        rows = np.array([p for clip in found[name][2] for p in clip])
        seen, start = rows[rows[:, 3] > SEEN], process_time()
        for _, raw in clips: smooth_track(raw, model, cfg, lag)
        spent = 1000*(process_time() - start)/sum(len(c.time) for c, _ in clips)
        print(f'\n{name}: {len(seen)} of {len(rows)} blinks are seen by the network with half of their height. '
              f'Of the peak\'s height is kept: least {seen[:, 0].min():.3f}, median {np.median(seen[:, 0]):.3f}; '
              f'{(seen[:, 2] <= 1).sum()} of {len(seen)} peaks within one frame. '
              f'{spent:.1f} ms of one core for a frame')


def identity_table(made, alike):
    print('\n| identity, rms error | single: middle | surest | least | ' + ''.join(f'{n} frames | ' for n in LENGTHS))
    print('| --- '*(4 + len(LENGTHS)) + '|')
    rows = np.array([identities(clip, raw, alike) for _, clip, raw in made])
    for name, values in [*((f'clip {n}', r) for (n, *_), r in zip(made, rows)), ('mean', rows.mean(0))]:
        print(f'| {name} | ' + ' | '.join(f'{v:.3f}' for v in values) + ' |')
    nearer = [(rows[:, -1] < rows[:, i]).sum() for i in range(3)]
    print('\nall frames together are nearer to the truth than the middle single frame in {} of {n} clips, than the '
          'surest in {} of {n}, than the nearest of all in {} of {n}'.format(*nearer, n=len(rows)))


YAWS = 15, 30 # degrees, between the rows of `posed_table`


def posed_mesh(model, parts):
    "Vertices before the model's camera, mm, (T, N, 3)"
    there = {k: torch.from_numpy(np.atleast_2d(parts[k])).float() for k in ('id', 'exp', 'angle', 'trans')}
    shape = model.shape(there['id'].expand(len(there['exp']), -1), there['exp'])
    return 100*to_camera(pose(shape, there['angle'], there['trans'])).double().numpy()


def posed_error(posed, truth):
    "Mean distance of corresponding vertices, mm, (T,), after the benchmark's step along the line of sight"
    mean = truth[:, :, 2].mean(1)
    shift = np.median(truth[:, :, 2] - posed[:, :, 2], axis=1)
    scale = mean/(mean - shift) # about the camera: the face stays where it is in the picture
    return np.linalg.norm(scale[:, None, None]*posed - truth, axis=2).mean(1)


def posed_rows(clip, raw, smooth, model):
    "Yaw in degrees and errors of the frames: alone, smoothed, both with the true pose, and of the mean face, (t, 6)"
    seen = raw.seen & smooth.seen
    crops = np.where(seen[:, None, None], raw.crops, [[1, 0, 0], [0, 1, 0]])
    angle, trans = (x[seen] for x in true_pose(clip, crops))
    real = dict(id=clip.id, exp=clip.exp[seen], angle=angle, trans=trans)
    some = lambda x: x[seen] if len(x) == len(seen) else x
    found = [{k: some(x.coefficients[k]) for k in real} for x in (raw, smooth)]
    truth = posed_mesh(model, real)
    errors = [posed_error(posed_mesh(model, f | more), truth)
              for more in ({}, dict(angle=angle, trans=trans)) for f in found]
    mean = posed_mesh(model, real | {k: 0*real[k] for k in ('id', 'exp')})
    return np.column_stack([np.degrees(np.abs(angle[:, 1])), *errors, posed_error(mean, truth)])


def posed_table(clips, model, cfg):
    rows = np.concatenate([posed_rows(clip, raw, smooth_track(raw, model, cfg), model) for clip, raw in clips])
    names = 'frame by frame', 'smoothed track', 'true pose: frame by frame', 'smoothed track', 'mean face'
    print('| yaw, degrees | frames | ' + ' | '.join(f'{n}, mm' for n in names) + ' |')
    print('| --- '*(2 + len(names)) + '|')
    ends = 0, *YAWS, np.inf
    parts = {(f'{a}-{b}' if b < np.inf else f'{a}+'): (rows[:, 0] >= a) & (rows[:, 0] < b)
             for a, b in zip(ends, ends[1:])}
    for name, some in (parts | dict(all=rows[:, 0] >= 0)).items():
        print(f'| {name} | {some.sum()} | ' + ' | '.join(f'{x:.2f}' for x in rows[some, 1:].mean(0)) + ' |')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=4)
    parser.add_argument('--seed', type=int, default=11)
    parser.add_argument('--lag', type=int, nargs='*', default=[],
                        help='frames that may be waited for, beside all of them')
    parser.add_argument('--cache', type=Path, help='keep clips and predictions in this folder')
    parser.add_argument('--calibrate', action='store_true')
    parser.add_argument('--posed', action='store_true', help='the error of the posed shape by yaw, instead')
    args = parser.parse_args()
    if args.cache: args.cache.mkdir(parents=True, exist_ok=True)
    model = MorphableModel.load('open')
    seed = CALIBRATION if args.calibrate else args.seed
    marks, made = landmark_model(model), found_clips(seed, args.clips, args.cache)
    clips = [pair[1:] for pair in made]
    count, lost = sum(len(c.time) for c, _ in clips), sum((~r.seen).sum() for _, r in clips)
    print(f'clips {[n for n, *_ in made]} of seed {seed}, {count} frames, lost by the detector: {lost}')
    if args.calibrate: print(calibrated(clips, marks, model))
    elif args.posed: posed_table(clips, model, Smoothing())
    else:
        table(clips, marks, model, Smoothing(), args.lag)
        identity_table(made, Smoothing().alike)
