"""How unlike two photos of one person are, and two of different people, in standard deviations of their identities:

    python bench/strangers.py FOLDER [--store data/open_net.safetensors]

The folder holds several photos of each person, named PERSON_WHAT.jpg. Photos of one day in one room are too much
alike, so each is also darkened, lit from one side, coloured and shrunk to a fifth, by turns. The limit is the geometric
mean of the 99th percentile of pairs of one person and the fifth of pairs of two."""
import argparse, warnings
from itertools import combinations
from pathlib import Path
import numpy as np
from PIL import Image
from deep3dface.photo.reading import list_photos, read_photo
from deep3dface.reconstruction.doubt import store_limits
from deep3dface.reconstruction.fusion import UNLIKE, doubt_strangers, unlike
from deep3dface.reconstruction.pipeline import Reconstructor
warnings.filterwarnings('ignore')


def small(photo):
    picture = Image.fromarray(photo)
    return np.asarray(picture.resize([max(n//5, 60) for n in picture.size], Image.Resampling.LANCZOS))


def scaled(photo, factor): return (photo*np.asarray(factor)).clip(0, 255).astype(np.uint8)


CHANGES = (lambda p: p, lambda p: (255*(p/255)**2).astype(np.uint8), lambda p: scaled(p, [1, .85, .6]), small,
           lambda p: scaled(p, np.linspace(.25, 1, p.shape[1])[None, :, None]))


def people(run, files):
    "Name to faces, of each photo as it is and changed"
    seen = {}
    for i, file in enumerate(files):
        photo = read_photo(file)
        for change in (CHANGES[0], CHANGES[1 + i % 4], CHANGES[1 + (i + 1) % 4]):
            faces = run(change(photo), max_faces=1)
            seen.setdefault(file.stem.rsplit('_', 1)[0], []).extend(faces)
    return seen


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--store', type=Path, help='a .safetensors of a network: write the limit into it')
    args = parser.parse_args()
    run = Reconstructor(relight=False) # albedo does not count
    seen = people(run, list_photos(args.folder))
    same = np.array([unlike(a, b) for faces in seen.values() for a, b in combinations(faces, 2)])
    other = np.array([unlike(a, b) for p, q in combinations(seen.values(), 2) for a in p for b in q])
    for name, u in (('one person', same), ('two people', other)):
        low, middle, high, last = np.quantile(u, [.05, .5, .95, .99])
        print(f'{name}: {len(u):5} pairs, 5 % {low:.3f}, median {middle:.3f}, 95 % {high:.3f}, 99 % {last:.3f}')
    here = float(np.sqrt(np.quantile(same, .99)*np.quantile(other, .05)))
    names, rng = list(seen), np.random.default_rng(0)
    for what, limit in (('measured here', here), ('stored or default', run.limits.get('unlike', UNLIKE))):
        print(f'limit {limit:.3f} ({what}): {np.mean(same > limit):.1%} of pairs of one person doubtful, '
              f'{np.mean(other > limit):.1%} of pairs of two')
        named = alone = kept = 0
        for i, name in enumerate(names):
            three = [seen[name][k] for k in rng.permutation(len(seen[name]))[:3]]
            stranger = seen[names[(i + 1) % len(names)]][rng.integers(3)]
            marks = [f.doubtful is not None for f in doubt_strangers([*three, stranger], limit)]
            named, alone = named + marks[-1], alone + (marks == [False]*3 + [True])
            kept += not any(f.doubtful for f in doubt_strangers(three, limit))
        print(f'  albums of three and a stranger: {named} of {len(names)} named, {alone} alone; '
              f'{kept} of {len(names)} albums without one go through')
    if args.store: store_limits(args.store, dict(unlike=round(here, 4)))
