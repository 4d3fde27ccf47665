"""Time of photos through a network, an older commit against this checkout, in turn:

    python bench/net_speed.py [COMMIT] [--net resnet50 | bundled] [--photos 100] [--rounds 1] [--threads 2]
        [--folder PHOTOS]"""
import argparse, os, resource, statistics, subprocess, sys, tempfile
from pathlib import Path

top = Path(__file__).resolve().parent.parent

def draw(folder, arch, n, photos):
    "A network, random or bundled, and a folder of n photos: copies of yours, or of a public-domain portrait"
    import shutil, torch
    from deep3dface.networks.bundled import bundled_path
    from deep3dface.commands.reconstruct import portrait
    from deep3dface.model.coefficients import OPEN
    from deep3dface.networks.recon_net import ReconNet, save_checkpoint
    from deep3dface.photo.reading import list_photos
    if arch == 'bundled': shutil.copy(bundled_path(), folder/'net.safetensors')
    else:
        torch.manual_seed(0)
        net = ReconNet(arch, OPEN)
        for head, spread in zip(net.final_layers, (0.8, 0.2, 0.8, 0.03, 0.04, 0.1, 0.1)):
            torch.nn.init.normal_(head.weight, std=spread / 40)
        save_checkpoint(folder/'net.pth', net)
    (folder/'photos').mkdir()
    given = list_photos(photos) if photos else [portrait()]
    for i in range(n): shutil.copy(given[i % len(given)], folder/'photos'/f'{i:04}{given[i % len(given)].suffix}')

def measure(folder):
    "Print seconds: ready, a warm photo to its mesh, its six files; a folder by the command, wall clock and processor"
    import time
    began = time.perf_counter()
    from deep3dface import Reconstructor # names that older commits have too, before there were chapters
    from deep3dface.cli import reconstruct_command
    net, = folder.glob('net.*')
    run, photo = Reconstructor(checkpoint=net), min((folder/'photos').iterdir())
    print('ready', time.perf_counter() - began)
    for i in range(6):
        start = time.perf_counter()
        face, = run(photo, max_faces=1)
        face.mesh()
        meshed = time.perf_counter()
        face.save(folder/'one')
        if i:
            print('mesh', meshed - start)
            print('files', time.perf_counter() - meshed)
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    reconstruct_command([str(folder/'photos'), '--checkpoint', str(net), '--out', str(folder/'out')])
    after = resource.getrusage(resource.RUSAGE_SELF)
    print('folder', time.perf_counter() - start)
    print('processor', after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

def run(code, *words, threads):
    "This file in a process of its own, with the package of a checkout: name -> seconds"
    env = os.environ | dict(PYTHONPATH=str(code), OMP_NUM_THREADS=str(threads), NUMBA_NUM_THREADS=str(threads))
    lines = subprocess.run(
        [sys.executable, __file__, *map(str, words)], cwd=code, env=env, check=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ).stdout.splitlines()
    found = {}
    for name, *rest in (line.split() for line in lines):
        if name in ('ready', 'mesh', 'files', 'folder', 'processor'): found.setdefault(name, []).append(float(rest[0]))
    return found

def compare(commit, arch, photos, rounds, threads, given):
    times = dict(old=[], new=[])
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder)/'old'
        subprocess.run(['git', '-C', top, 'worktree', 'add', '-q', '--detach', old, commit], check=True)
        try:
            run(
                top, '--draw', folder, '--net', arch, '--photos', photos,
                *(('--folder', given.resolve()) if given else ()), threads=threads,
            )
            for _ in range(rounds):
                for name, code in (('old', old), ('new', top)):
                    times[name].append(run(code, '--measure', folder, threads=threads))
        finally: subprocess.run(['git', '-C', top, 'worktree', 'remove', '--force', old], check=True)
    for name, each in times.items():
        t = {k: statistics.median(sum((r[k] for r in each), [])) for k in each[0]}
        print(
            f'{name}: one photo to its mesh {t["mesh"]:.3f} s, its files {t["files"]:.3f} s; '
            f'{photos} photos {t["folder"]:.1f} s ({photos / t["folder"]:.1f} a second, '
            f'{t["processor"] / photos:.3f} s of processor each); ready after {t["ready"]:.1f} s'
        )

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('commit', nargs='?', default='1282d48', help='default: the version before the bundled network')
    for name, n in dict(photos=100, rounds=1, threads=2).items(): p.add_argument(f'--{name}', type=int, default=n)
    p.add_argument('--net', default='resnet50')
    for name in ('folder', 'draw', 'measure'):
        p.add_argument(
            f'--{name}', type=Path, help='your photos; none: a portrait' if name == 'folder' else argparse.SUPPRESS
        )
    args = p.parse_args()
    if args.draw: draw(args.draw, args.net, args.photos, args.folder)
    elif args.measure: measure(args.measure)
    else: compare(args.commit, args.net, args.photos, args.rounds, args.threads, args.folder)
