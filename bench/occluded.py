"""How well hands and other things before a face are told from its skin, and the weights of `uncovered`:

    python bench/occluded.py [--count 400] [--seed 11] [--store data/open_cover.npz]

Rendered people, three in four with something before the face, a hand in most. A point of the face is covered where the
thing is opaque there. Printed for each signal, over the points of the last fifth of the pictures: the area under the
curve of covered against free points, and the share of covered points found when 1, 3 and 5 % of the free ones are lost;
then what the limits of `uncovered` find and lose.
The weights are a logistic regression on the features of the bundled network's second and third stage."""
import argparse
import numpy as np
import torch
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, grid_sample
from deep3dface.networks.bundled import load_bundled
from deep3dface.photo.alignment import SIZE
from deep3dface.reconstruction.texture import FREE, HIDDEN, cover_features, nearby_odds
from deep3dface.synthetic import occluders, scene

CELL = SIZE//14  # px of the crop, of one feature


def pictures(count, seed):
    "Features, dense points and their deviations, edges, and how opaque the thing before the face is; CPU tensors"
    occluders.HELD = .75
    occluders.KINDS = {k: (1., *v[1:]) if k == 'hand' else v for k, v in occluders.KINDS.items()}
    layer, held = scene.occluder_layer, []
    faces = scene.SyntheticFaces(seed=seed, others=torch.full((1, 3, SIZE, SIZE), .4))

    def kept(*args):
        held.append(layer(*args))
        return held[-1]
    scene.occluder_layer, net, rows = kept, load_bundled(), []
    for first in range(0, count, 8):
        image = faces(range(first, first + 8)).image
        with torch.inference_mode():
            _, _, points, sigma = net.predict(image)
            rows.append((cover_features(net.backbone, image).half(), points, sigma, edges(image), held.pop()[:, 3:]))
    return [torch.cat(column) for column in zip(*rows)]


def edges(image):
    "Standard deviation of the logarithm of brightness in each cell"
    y = (image.mean(1, keepdim=True) + .05).log()
    return (avg_pool2d(y*y, CELL) - avg_pool2d(y, CELL)**2).clamp(min=0).sqrt()


def at_points(x, points):
    "Values (B, P) of a picture (B, 1, h, w) at px of the crop"
    return grid_sample(x.float(), (points/SIZE*2 - 1)[:, :, None], align_corners=False)[:, 0, :, 0]


def told_apart(name, signal, covered, free):
    "Print how well a signal tells covered from free"
    a, b = signal[covered].numpy(), np.sort(signal[free].numpy())
    area = np.searchsorted(b, a).mean()/len(b)
    found = [f'{(a > np.quantile(b, 1 - lost/100)).mean():.2f}' for lost in (1, 3, 5)]
    print(f'{name:34} area {area:.3f}, found {" ".join(found)}', flush=True)


def learnt(features, target, steps=300):
    "Weights (C,) and bias of a logistic regression by cell"
    torch.manual_seed(0)
    mean, spread = features.mean((0, 2, 3)), features.std((0, 2, 3)) + 1e-3
    w = torch.zeros(features.shape[1] + 1, requires_grad=True)
    solver = torch.optim.AdamW([w], 3e-3, weight_decay=.03)
    for _ in range(steps):
        k = torch.randint(len(features), (48,))
        x, y = features[k], target[k]
        x = (x - mean[:, None, None])/spread[:, None, None]
        z = torch.einsum('bchw,c->bhw', x, w[1:]) + w[0]
        solver.zero_grad()
        binary_cross_entropy_with_logits(z, y[:, 0]).backward()
        solver.step()
    w = w.detach()
    return w[1:]/spread, w[0] - (w[1:]*mean/spread).sum()


if __name__ == '__main__':
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--count', type=int, default=400)
    options.add_argument('--seed', type=int, default=11)
    options.add_argument('--store')
    a = options.parse_args()
    features, points, sigma, busy, held = pictures(a.count, a.seed)
    features, target = features.float(), avg_pool2d((held > .5).float(), CELL)
    last = len(held)*4//5
    weights, bias = learnt(features[:last], target[:last])
    opaque = at_points(held, points)[last:]
    covered, free = opaque > .6, opaque < .1
    usual = sigma[:last].median(0).values
    odds = (torch.einsum('bchw,c->bhw', features, weights) + bias)[:, None]
    print(f'{len(held)} pictures, the last {len(held) - last} judged: '
          f'{covered.sum()} covered points, {free.sum()} free')
    told_apart('edges', at_points(busy, points)[last:], covered, free)
    told_apart('deviation of dense points', (sigma/usual)[last:].log(), covered, free)
    told_apart('features, logistic regression', at_points(odds, points)[last:], covered, free)
    near, some = at_points(nearby_odds(odds), points)[last:], covered.float().mean(1, keepdim=True) > .02
    for limit in (FREE, HIDDEN):
        over = near > limit
        lost = [over[free & which].float().mean() for which in (some, ~some)]
        print(f'log odds {limit} within half a cell: {over[covered].float().mean():.1%} of covered points found, '
              f'free ones lost {lost[0]:.1%} in pictures with a thing, {lost[1]:.1%} in others')
    if a.store:
        np.savez_compressed(a.store, weights=weights.numpy(), bias=bias.numpy())
