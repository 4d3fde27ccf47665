"""Time of a fit, an older commit against this checkout, in turn and on the same faces:

    python bench/fit_speed.py [COMMIT] [--faces 4] [--rounds 5] [--threads 1]"""
import argparse, os, statistics, subprocess, sys, tempfile
from pathlib import Path

top = Path(__file__).resolve().parent.parent

def draw(folder, n):
    "Rendered faces with five points each, as a detector would give them, a little off"
    import torch
    from deep3dface.model.morphable_model import MorphableModel
    from deep3dface.photo.points import five_points
    from deep3dface.rendering.renderer import decode, render

    generator, head, model = (
        torch.Generator().manual_seed(0), MorphableModel.load('open', crop='full'),
        MorphableModel.load('open'),
    )
    x = model.sample(n, generator)
    image = render(decode(head, x), head.faces, background=torch.tensor([.5, .5, .5])).image.clamp(0, 1)
    points = five_points(decode(model, x).landmarks)
    torch.save((image, points + 2*torch.randn(points.shape, generator=generator)), folder/'faces.pt')

def fit_all(folder):
    "Fit each face once, after one that is not counted, and print the seconds"
    import time, torch
    from deep3dface import MorphableModel
    try: from deep3dface.reconstruction.fitting import fit
    except ModuleNotFoundError: from deep3dface.fitting import fit # a commit before there were chapters
    model, (images, points) = MorphableModel.load('open'), torch.load(folder/'faces.pt')
    fit(model, images[:1], points[:1])
    for i in range(len(images)):
        start = time.perf_counter()
        fit(model, images[i:i + 1], points[i:i + 1])
        print(time.perf_counter() - start)

def run(code, *words, threads):
    "This file in a process of its own, with the package of a checkout"
    env = os.environ | dict(PYTHONPATH=str(code), OMP_NUM_THREADS=str(threads), NUMBA_NUM_THREADS=str(threads))
    return subprocess.run(
        [sys.executable, __file__, *map(str, words)], cwd=code, env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout

def compare(commit, faces, rounds, threads):
    times = dict(old=[], new=[])
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder)/'old'
        subprocess.run(['git', '-C', top, 'worktree', 'add', '-q', '--detach', old, commit], check=True)
        try:
            run(top, '--draw', folder, '--faces', faces, threads=threads)
            for _ in range(rounds):
                for name, code in (('old', old), ('new', top)):
                    times[name].append([float(t) for t in run(code, '--fit', folder, threads=threads).split()])
        finally: subprocess.run(['git', '-C', top, 'worktree', 'remove', '--force', old], check=True)
    middle = {k: statistics.median(sum(t, [])) for k, t in times.items()}
    for name, t in times.items():
        print(
            f'{name}: median {middle[name]:.2f} s a face '
            f'({min(map(min, t)):.2f} to {max(map(max, t)):.2f}, {faces * rounds} fits)'
        )
    each = [statistics.median(o)/statistics.median(n) for o, n in zip(times['old'], times['new'])]
    print(
        f'ratio of the medians: {middle["old"] / middle["new"]:.2f}; '
        f'round by round: {" ".join(f"{r:.2f}" for r in each)}'
    )

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('commit', nargs='?', default='7ea7790', help='default: the first version of the fit')
    for name, n in dict(faces=4, rounds=5, threads=1).items(): p.add_argument(f'--{name}', type=int, default=n)
    for name in ('draw', 'fit'): p.add_argument(f'--{name}', type=Path, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.draw: draw(args.draw, args.faces)
    elif args.fit: fit_all(args.fit)
    else: compare(args.commit, args.faces, args.rounds, args.threads)
