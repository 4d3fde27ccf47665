"""NoW as measured here beside the numbers of the challenge's code:
python tests/protocols/compare_now.py DATA FILE [SHAKEN]

DATA is what bench/protocol_data.py wrote, FILE and SHAKEN are of official_now.py, the second with --shake. Prints the
largest difference of a distance, in mm, for each photo: ours against FILE, and SHAKEN against FILE."""
import argparse
import warnings
import numpy as np
from deep3dface.evaluation.meshes import check_mesh, in_mm
from deep3dface.evaluation.now_protocol import NowProtocol
from deep3dface.evaluation.peers import MeshFolder

ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ask.add_argument('data')
ask.add_argument('file')
ask.add_argument('shaken', nargs='?')
args = ask.parse_args()
warnings.simplefilter('ignore')
theirs, shaken = np.load(args.file), args.shaken and np.load(args.shaken)
now, far = NowProtocol(), []
cases = now.cases(f'{args.data}/dataset')
for kind, folder in (('fitted', 'predictions'), ('metrical', 'predictions_metrical')):
    source = MeshFolder(f'{args.data}/{folder}')
    there, pot = source.match(cases), []
    for case in (c for c in cases if c.key in there):
        d = now.measure(in_mm(check_mesh(source.load(case))), case, metrical=kind == 'metrical').distances
        known = theirs[f'{kind} {case.key}']
        far.append(np.abs(d[::16] - known).max())
        pot.append(d)
        beside = f', itself shaken {np.abs(shaken[f"{kind} {case.key}"] - known).max():.0e}' if args.shaken else ''
        print(f'{kind:9} {case.key}: {far[-1]:.0e}{beside}')
    d = np.concatenate(pot).astype(float)
    ours = ' / '.join(f'{x:.2f}' for x in (np.median(d), d.mean(), d.std()))
    print(f'{kind}: {ours}, theirs {" / ".join(f"{x:.2f}" for x in theirs[f"{kind} table"])}')
print(f'{sum(x < 1e-4 for x in far)} of {len(far)} photos below 1e-4 mm, the worst {max(far):.0e}')
