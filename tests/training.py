"""Training that is killed goes on to the same weights; two processes give the losses of one:

    python tests/training.py FOLDER"""
import os, signal, subprocess, sys, time
from pathlib import Path
import torch
from forked import Forks
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from deep3dface.evaluation.metrics import render_photos, save_photos

os.environ |= dict(OMP_NUM_THREADS='1', TF_CPP_MIN_LOG_LEVEL='3') # the same sums in the same order
forks = Forks()
root = Path(sys.argv[1])
bin = Path(sys.executable).parent
common = [
    str(bin / 'deep3dface_train'), '--root', str(root), '--device', 'cpu', '--w-identity', '0', '--val-data',
    'none', '--net', 'resnet18', '--batch', '4', '--log-every', '1', '--workers', '1',
]

torchrun = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']

def run(*words, before=(), want=0):
    if before:
        done = subprocess.run([*before, *common, *words], capture_output=True, text=True)
        got, errors = done.returncode, done.stderr
    else: got, _, errors = forks.run('deep3dface_train', *common[1:], *words)
    assert got == want, f'{words}: status {got}, want {want}\n{errors[-2000:]}'
    return errors

def stop_in_time(name, how, steps, *words):
    "Start training and end it after so many steps"
    p = subprocess.Popen([*common, '--name', name, *words], stderr=subprocess.PIPE, text=True)
    latest = root/'checkpoints'/name/'epoch_latest.pth'
    while not latest.exists() or torch.load(latest)['deep3dface']['steps'] < steps:
        time.sleep(0.05)
        assert p.poll() is None, p.stderr.read()
    p.send_signal(how)
    p.communicate()
    return p.returncode, torch.load(latest)['deep3dface']

def same(a, b):
    "All tensors of two checkpoints, bit for bit"
    if isinstance(a, torch.Tensor): return torch.equal(a, b)
    if isinstance(a, dict): return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return all(map(same, a, b)) if isinstance(a, list) else a == b

def losses(name, tag='train/loss'):
    log = EventAccumulator(str(root/'checkpoints'/name/'logs')).Reload()
    return torch.tensor([e.value for e in log.Scalars(tag)])

save_photos(render_photos(14, seed=3), root/'faces')
points = str(root/'faces'/'points')
prepared = ['--root', str(root), '--landmarks', 'file', '--landmarks-from', points, '--points', points]
status, _, errors = forks.run('deep3dface_prepare', str(root/'faces'), *prepared)
assert status == 0, errors

plan = ['--epochs', '2', '--save-every', '2']
run('--name', 'whole', *plan)
for name, how, status in (('killed', signal.SIGKILL, -9), ('ended', signal.SIGTERM, 143)):
    got, note = stop_in_time(name, how, 2, *plan)
    assert got == status and (note['epoch'], note['step'] > 0) == (0, True), (name, got, note)
    assert 'is there already' in run('--name', name, *plan, want=2)
    run('--name', name, '--continue')
    a, b = [torch.load(root/'checkpoints'/n/'epoch_2.pth') for n in ('whole', name)]
    assert all(same(a[k], b[k]) for k in ('net_recon', 'opt_00', 'sched_00')), (
        f'{name}: other weights than those of the run that was not stopped'
    )
    print(
        f'{name} in epoch 1 at step {note["step"]}, continued: '
        'weights and optimiser are those of the whole run, bit for bit'
    )

for norms in ([], ['--freeze-bn']):
    kind = 'frozen' if norms else 'shared'
    five = ['--max-steps', '5', '--epochs', '2', *norms]
    run('--name', f'one_{kind}', *five)
    run('--name', f'two_{kind}', *five, before=torchrun)
    one, two = losses(f'one_{kind}'), losses(f'two_{kind}')
    worst = ((two - one).abs()/one.abs()).max().item()
    assert len(one) == len(two) == 5 and worst < 1e-5, (kind, one, two)
    print(f'two processes, batch norm {kind}: losses of five steps within {worst:.1e} of one process')

masks = (root/'datalist'/'train'/'masks.txt').read_text().splitlines()
for n in (5, 1):
    (root/'few.txt').write_text('\n'.join(masks[:n]))
    for name, before in ((f'val_one_{n}', ()), (f'val_two_{n}', torchrun)):
        run(
            '--name', name, '--epochs', '1', '--max-steps', '2', '--val-every', '2', '--val-data', 'few.txt',
            '--freeze-bn', before=before,
        )
    one, two = [losses(f'val_{k}_{n}', 'validation/loss') for k in ('one', 'two')]
    assert len(one) == len(two) == 1 and ((two - one).abs() < 2e-3 * one).all(), (
        n, one, two,
    )  # in a validation each rank divides by the mask of its own part
    print(f'validation on {n} pictures by two processes: {two.item():.6g}, by one {one.item():.6g}')

latest = root/'checkpoints'/'held'/'epoch_latest.pth'
held = subprocess.Popen(
    [*common, '--name', 'held', '--epochs', '50', '--save-every', '1'], stderr=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL,
)
while not latest.exists(): time.sleep(.05)
assert 'another process trains there' in run('--name', 'held', '--continue', want=2)
held.terminate()
assert held.wait() == 143
print('a second process in the folder of a run is sent away')

photo = root/'faces'/'face_003.png'
whole = photo.read_bytes()
photo.write_bytes(b'no picture')
prediction = run('--name', 'bad', '--epochs', '1', '--save-every', '100', want=1)
assert 'face_003.png' in prediction and len(prediction.strip().splitlines()) == 1, prediction
assert (root/'checkpoints'/'bad'/'epoch_latest.pth').exists()
photo.write_bytes(whole)
run('--name', 'bad', '--continue')
assert same(*[torch.load(root/'checkpoints'/n/'epoch_1.pth')['net_recon'] for n in ('whole', 'bad')])
print('a picture that breaks in mid-run costs no step')

run('--name', 'judged', '--epochs', '1', '--max-steps', '2', '--w-identity', '-1')
one, both = (losses('judged', f'train/{k}') for k in ('identity', 'loss'))
assert len(one) == len(both) == 2 and (one > 0).all() and (one < both).all(), (one, both)
print(f'all terms, identity by the bundled recognition network: {one.tolist()} of {both.tolist()}')
