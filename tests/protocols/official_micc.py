"""GANFit's MICC program on made-up data; its numbers are in nbs/8_evaluation/micc_official.json:
python tests/protocols/official_micc.py CHECKOUT DATA [--out FILE.json]

CHECKOUT is github.com/barisgecer/GANFit (73d6645), DATA what `python bench/protocol_micc.py DATA` wrote. The program
wants menpo, menpo3d, vtk and a numpy below 2 (the stored numbers: menpo 0.11.1, menpo3d 0.8.6, vtk 9.7.2); it imports
nothing of deep3dface. Its loop over 53 people expects a mesh of each, so its distances are called one by one."""
import argparse
import json
import sys
import types
from pathlib import Path

ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ask.add_argument('checkout')
ask.add_argument('data')
ask.add_argument('--out', default='micc_official.json')
args = ask.parse_args()
sys.path.insert(0, args.checkout)
import micc_evaluation  # noqa: E402

data = Path(args.data)/'data'
paths = dict(landmarks=f'{data}/MICC_landmarks', registration_path=f'{data}/registered',
             template=f'{data}/template.obj', template_lms=f'{data}/landmark_ids.pkl')
program, kept = micc_evaluation.MICC_Benchmark(types.SimpleNamespace(**paths)), {}
for mesh in sorted(Path(args.data).glob('predictions/*/*.obj')):
    person, setting = mesh.parent.name, mesh.stem
    for k in (1, 2):
        scan = f'/{person}/Model/frontal{k}/'
        if not Path(paths['landmarks'] + scan).exists(): continue
        number = int(person[-2:])
        kept[f'{person}/{setting} {k}'] = float(program.calculate_error(
            f'{args.data}/predictions', scan, number, setting, k, number == 28))
Path(args.out).write_text(json.dumps(kept, indent=1) + '\n')
