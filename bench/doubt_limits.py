"""Signs of upright photos and of their quarter turns, and the limits of doubt that follow:

    python bench/doubt_limits.py FOLDER ... [--each 1] [--method fit] [--store data/open_net.safetensors]

A folder holds photos of upright faces, one large face in each; `--each 5` takes every fifth. Each photo is turned by 0,
90, 180 and 270 degrees and reconstructed as it lies (four predictions); what `reconstruct` does with the four turned
photos follows from these. A result is right where its landmarks are within .1 distances between the eyes (rms) of those
of the upright photo."""
import argparse, warnings
from collections import namedtuple
from pathlib import Path
import numpy as np, torch
from skimage import data
from deep3dface.photo.alignment import quarter_turned
from deep3dface.photo.points import five_points
from deep3dface.photo.reading import list_photos, read_photo
from deep3dface.reconstruction.doubt import FALLBACK, REASONS, choose_limit, doubt, signs_of, store_limits
from deep3dface.reconstruction.pipeline import Reconstructor
warnings.filterwarnings('ignore')
Result = namedtuple('Result', 'signs landmarks') # landmarks (68, 2) on the upright photo, px


def as_it_lies(run, photo, turn):
    "The largest face of a photo turned by quarter turns, or None"
    found = run.found(np.ascontiguousarray(np.rot90(photo, turn)), max_faces=1)
    if not found.crops: return None
    (found, (prediction,)), = run.predicted([found])
    face, = run._faces(found, [prediction])
    signs = signs_of(face, found.points[0], prediction and prediction.sigma)
    return Result(signs, quarter_turned(face.landmarks, found.photo.shape[1::-1], -turn))


def is_right(result, upright):
    five = five_points(upright.landmarks)
    off = np.sqrt(np.square(result.landmarks - upright.landmarks).sum(1).mean())
    return off < .1*np.linalg.norm(five[0] - five[1])


def chosen(results, first, limits):
    "What is taken of four results, and whether it is doubtful: see `Reconstructor._surest`"
    ratios = [np.inf if r is None else doubt(r.signs, limits).ratio for r in results]
    if ratios[first] <= 1: return results[first], False
    best = min([first, *range(4)], key=ratios.__getitem__)
    if results[first] is None and ratios[best] > 1: return None, False
    return results[best], ratios[best] > 1


def table(right, wrong):
    print(f'{"sign":9} {"right: median":>14} {"95 %":>7} {"largest":>8} {"wrong: smallest":>16} {"median":>7}   limit')
    limits = {}
    for name in REASONS:
        a, b = (np.array([s[name] for s in some if name in s]) for some in (right, wrong))
        if not len(a): continue
        limits[name] = choose_limit(a, b)
        low = (b.min(), np.median(b)) if len(b) else (np.nan, np.nan)
        print(f'{name:9} {np.median(a):14.4f} {np.quantile(a, .95):7.4f} {a.max():8.4f} {low[0]:16.4f} {low[1]:7.4f}'
              f'   {limits[name]:.4f}')
    return limits


def report(photos, limits):
    "Shares with these limits"
    shown = ', '.join(f'{k} {v:.4f}' for k, v in limits.items())
    doubted = [doubt(r[0].signs, limits).ratio > 1 for r in photos]
    turns = [(r, *chosen(r, k, limits)) for r in photos for k in (1, 2, 3)]
    good = [r is not None and is_right(r, four[0]) for four, r, _ in turns]
    silent = [r is not None and not is_right(r, four[0]) and not d for four, r, d in turns]
    lost = [r is None for _, r, _ in turns]
    print(f'limits {shown}: {np.mean(doubted):.1%} of {len(photos)} upright photos doubtful; of {len(turns)} turned '
          f'ones {np.mean(good):.1%} right, {np.mean(silent):.1%} wrong without doubt, '
          f'{np.mean(lost):.1%} without a face')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', nargs='*', help='astronaut: the portrait of scikit-image')
    parser.add_argument('--each', type=int, nargs='*', default=[1], help='every so many photos, for each folder')
    parser.add_argument('--method', choices=['network', 'fit'])
    parser.add_argument('--checkpoint', help='a network; none: the bundled one')
    parser.add_argument('--store', type=Path, help='a .safetensors of a network: write the limit of angle into it')
    args = parser.parse_args()
    torch.set_num_threads(max(1, torch.get_num_threads()))
    run = Reconstructor(method=args.method, checkpoint=args.checkpoint)
    photos, each = [], args.each + args.each[-1:]*len(args.folder)
    for folder, step in zip(args.folder, each):
        for file in [None] if folder == 'astronaut' else list_photos(Path(folder))[::step]:
            photo = data.astronaut() if file is None else read_photo(file)
            four = [as_it_lies(run, photo, k) for k in range(4)]
            if four[0] is None: print(f'{file}: no face found upright')
            else: photos.append(four)
    if not photos: parser.error('no photo to measure; name folders of upright faces')
    rest = [r for four in photos for r in four[1:] if r is not None]
    wrong = [r.signs for four in photos for r in four[1:] if r is not None and not is_right(r, four[0])]
    print(f'{len(photos)} photos upright; {3*len(photos)} turned: {len(rest)} with a face as they lie, '
          f'{len(wrong)} of these wrong')
    limits = table([four[0].signs for four in photos], wrong)
    print('stored or default:')
    report(photos, run.limits)
    if 'angle' in limits:
        print('measured here, angle alone:')
        report(photos, dict(angle=limits['angle']))
    print('measured here, without angle:')
    report(photos, {k: v for k, v in limits.items() if k in FALLBACK})
    if args.store: store_limits(args.store, dict(angle=round(limits['angle'], 4)))
