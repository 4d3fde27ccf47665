"""What the noise of predictions over a clip is like, on rendered clips whose truth is known:

    python bench/clip_noise.py [--clips 6] [--seed 5] [--cache FOLDER] [--unit jawOpen] [--terms 8]

Prints which share of its sigma the error of each unit changes by from frame to frame (`Smoothing.noise` and `noisy`),
and a regression of the noise of one unit on the residuals that smoothing leaves of all others: the weights of `JAW`,
chosen one after the other, and the share of the variance that is left (`Smoothing.left`)."""
import argparse, warnings
from dataclasses import replace
from pathlib import Path
import numpy as np
from clips import CALIBRATION, MorphableModel, found_clips, landmark_model, true_pose
from deep3dface.reconstruction import smoothing as S
warnings.filterwarnings('ignore')

PARTS = 'exp', 'angle', 'view'
ONE_SIDED = 'mouthLeft', 'mouthRight', 'jawLeft', 'jawRight' # and where the eyes look


def second(x): return (x[2:] - 2*x[1:-1] + x[:-2])/6**.5


def rows(clip, raw, marks, names, cfg):
    "Second differences of residuals of a first pass, and of the true errors, in standard deviations; and the share c"
    values, sigma = S.measured(raw, marks, S.common_parts(raw, cfg.alike)['id'][0], cfg)
    crops = S.filled_crops(raw.crops, clip.time, raw.seen)
    angle, trans = true_pose(clip, crops)
    true, noise = dict(exp=clip.exp, angle=angle, view=S.to_frame(trans, crops)), S.noise_of(cfg, names)
    joined = lambda f: second(np.concatenate([f(k) for k in PARTS], 1))
    for some in S.segments(clip.time, raw.seen, values['view'], values['angle'], cfg.gap):
        mean, _ = S.smooth_parts(values, sigma, clip.time, some, names, replace(cfg, told={}), None)
        wide = {k: np.maximum(sigma[k][some], 1e-5) for k in PARTS}
        left = joined(lambda k: (values[k][some] - mean[k])/(noise[k]*wide[k]))
        off = joined(lambda k: (values[k][some] - true[k][some])/(noise[k]*wide[k]))
        share = joined(lambda k: (values[k][some] - true[k][some])/wide[k])
        yield from zip(*(x[np.isfinite(left).all(1)] for x in (left, off, share)))


def sides(labels, unit):
    "Name -> columns; both sides of the face are one"
    out = {}
    for i, n in enumerate(labels):
        single = n in ONE_SIDED or n.startswith('eyeLook')
        if n != unit: out.setdefault(n if single else n.removesuffix('Left').removesuffix('Right'), []).append(i)
    return out


def chosen(X, y, terms, ridge=.02):
    "Columns that explain most, one after the other: numbers, weights, share of the variance that is left"
    A, b, some = X.T @ X/len(X), X.T @ y/len(X), []
    A += ridge*np.diag(np.diag(A))
    solved = lambda ix: np.linalg.solve(A[np.ix_(ix, ix)], b[ix])
    for _ in range(terms):
        rest = [i for i in range(len(b)) if i not in some]
        some.append(max(rest, key=lambda i: b[some + [i]] @ solved(some + [i])))
    return some, solved(some), 1 - b[some] @ solved(some)/np.mean(y*y)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=6)
    parser.add_argument('--seed', type=int, default=CALIBRATION)
    parser.add_argument('--cache', type=Path, help='keep clips and predictions in this folder')
    parser.add_argument('--unit', default='jawOpen')
    parser.add_argument('--terms', type=int, default=8)
    args = parser.parse_args()
    if args.cache: args.cache.mkdir(parents=True, exist_ok=True)
    model, cfg = MorphableModel.load('open'), S.Smoothing()
    marks, names = landmark_model(model), model.exp_names
    if args.unit not in names: parser.error(f'--unit {args.unit}: want one of {", ".join(names)}')
    found = [r for _, clip, raw in found_clips(args.seed, args.clips, args.cache)
             for r in rows(clip, raw, marks, names, cfg)]
    left, off, share = (np.array(x) for x in zip(*found))
    labels = [*names, *S.PLACES['angle'], *S.PLACES['view']]
    print(f'{len(left)} frames of seed {args.seed}. Change of the error from frame to frame, in sigma:')
    print(', '.join(f'{labels[i]} {np.sqrt(np.mean(share[:, i]**2)):.2f}' for i in range(len(labels))))
    table, k = sides(labels, args.unit), labels.index(args.unit)
    X = np.stack([np.clip(left, -4, 4)[:, ix].mean(1) for ix in table.values()], 1)
    some, weights, rest = chosen(X, np.clip(off[:, k], -6, 6), args.terms)
    print(f'noise of {args.unit}: ' + ', '.join(f'{[*table][i]} {w:.2f}' for i, w in zip(some, weights)))
    print(f'share of its variance that is left: {rest:.2f}')
