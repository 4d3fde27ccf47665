"Fail when a file of parity numbers is read by no test cell, or a notebook lost its comparison with the reference"
import json, re, sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
WANT = {  # what must be compared with the reference's numbers, and the fixture that holds them
    '1_model/08_morphable_model': 'face_model.npz',
    '2_rendering/01_camera': 'face_model.npz',
    '2_rendering/02_illumination': 'face_model.npz',
    '1_model/02_mesh': 'face_model.npz',
    '1_model/10_basel': 'small_bfm/BFM_model_front.mat',
    '2_rendering/11_renderer': 'render.npz',
    '4_networks/04_recognition': 'preprocess.npz',
    '3_photo/06_alignment': 'preprocess.npz',
    '4_networks/01_recon_net': 'networks.npz',
    '5_training/01_losses': 'losses.npz',
    '3_photo/07_skin': 'skin_mask.npz',
    '5_training/03_augmentation': 'augmentation.npz',
    '5_training/10_objective': 'training_step.npz',
}
MORE = {
    '1_model/10_basel': 'raw_bfm_checks.npz',
    '4_networks/04_recognition': 'networks.npz',
    '4_networks/05_bundled_recognition': 'dlib_descriptors.npz',
}
bad = []
for name, fixture in [*WANT.items(), *MORE.items()]:
    cells = json.loads((top/'nbs'/f'{name}.ipynb').read_text())['cells']
    code = [''.join(c['source']) for c in cells if c['cell_type'] == 'code']
    live = '\n'.join(s for s in code if not re.search(r'^#\|\s*(notest|gpu|eval:\s*false|skip)', s, re.M))
    if fixture not in live or 'test_close' not in live and 'assert' not in live:
        bad.append(f'{name}: no test reads {fixture}')
    if not (top/'nbs'/'parity'/fixture).is_file(): bad.append(f'nbs/parity/{fixture} is missing')
print('\n'.join(bad) or f'{len(WANT | MORE)} notebooks are compared with the parity numbers')
sys.exit(bool(bad))
