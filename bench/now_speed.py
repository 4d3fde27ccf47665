"""NoW at the size of the real thing: seconds of processor time a photo, and memory
python bench/now_speed.py [--photos 30] [--scan-vertices 120000] [--mesh-vertices 18000] [--folder FOLDER] [--whole]

Writes made-up scans and meshes of that size as files, then reads and measures each photo as `deep3dface_evaluate
--protocol now` does, every photo with a scan of its own, and keeps the distances in files. The goal: 1,000 photos in 20
minutes on two cores, 2.4 s of processor time each. --whole runs the command itself on all photos, with all cores, and
prints minutes of the clock."""
import argparse
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
import numpy as np
from trimesh.remesh import subdivide
import protocol_data as made
from deep3dface.evaluation.meshes import check_mesh, in_mm
from deep3dface.evaluation.now_protocol import NowProtocol
from deep3dface.evaluation.peers import MeshFolder
from deep3dface.evaluation.protocol import Measured, Result
from deep3dface.evaluation.scan_errors import made_scan


def grown(mesh, vertices):
    "A mesh with the triangles nearest to the nose divided until it has about so many vertices"
    while len(mesh.verts) < .98*vertices:
        middles = mesh.verts[mesh.faces].mean(1)
        order = np.linalg.norm(middles - mesh.points[4], axis=1).argsort()
        share = order[:max(int((vertices - len(mesh.verts))/1.6), 1)]
        verts, faces = subdivide(mesh.verts, mesh.faces, share[:len(mesh.faces)])
        mesh = mesh._replace(verts=verts, faces=faces)
    return mesh


def write_folder(folder, scan_vertices, mesh_vertices, photos, kinds=3):
    "A NoW folder whose photos share a few different scans' contents, each in a file of its own"
    heads = made.people(kinds)
    for i in range(photos):
        key, kind = f'P{i:04}/selfie/IMG_1', i % kinds
        scan, mesh = folder/f'dataset/scans/P{i:04}/scan.obj', folder/f'predictions/{key}.obj'
        if i < kinds:
            noisy = made_scan(grown(heads[kind + 1], scan_vertices), .3, i, 0)
            made.write_obj(scan, made.turned(noisy, 1., (.1*i, .2, 0), (5, -12, 40*i)))
            made.write_pp(folder/'pp', made.turned(noisy, 1., (.1*i, .2, 0), (5, -12, 40*i)).points)
            blend = made.mixed(heads[kind + 1], heads[(kind + 1) % kinds + 1], .5)
            made.write_prediction(folder/'predictions', key, grown(blend, mesh_vertices), 'npy')
        else:
            for target, first in ((scan, f'dataset/scans/P{kind:04}/scan.obj'),
                                  (mesh, f'predictions/P{kind:04}/selfie/IMG_1.obj')):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.hardlink_to(folder/first)
            mesh.with_suffix('.npy').hardlink_to(folder/f'predictions/P{kind:04}/selfie/IMG_1.npy')
        marks = folder/f'dataset/scans_lmks_onlypp/P{i:04}/scan.pp'
        marks.parent.mkdir(parents=True, exist_ok=True)
        first = folder/f'dataset/scans_lmks_onlypp/P{kind:04}/scan.pp'
        marks.write_bytes((folder/'pp').read_bytes() if i < kinds else first.read_bytes())
    lines = ''.join(f'P{i:04}/selfie/IMG_1.jpg\n' for i in range(photos))
    (folder/'dataset/imagepathsvalidation.txt').write_text(lines)


def measure_all(folder, out):
    "Measured photos, one after the other"
    now, source = NowProtocol(), MeshFolder(folder/'predictions')
    cases = now.cases(folder/'dataset')
    source.match(cases)
    start, results = time.process_time(), []
    for i, case in enumerate(cases):
        m = now.measure(in_mm(check_mesh(source.load(case))), case)
        np.save(out/f'{i}.npy', m.distances)
        results.append(Result(case, Measured(m.values, out/f'{i}.npy', m.slope)))
        if i == 0: print(f'first: {len(m.distances):,} vertices count; {time.process_time() - start:.2f} s')
        if i == 0: start = time.process_time()  # compiled and loaded
        elif i % 10 == 9:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/2**10
            print(f'{i + 1:5} photos: {(time.process_time() - start)/i:.2f} s a photo, at most {memory:.0f} MB')
    row = now.rows(results)['all']
    return (time.process_time() - start)/max(len(cases) - 1, 1), row


def run_whole(folder, out, photos):
    "`deep3dface_evaluate` on the whole folder"
    words = ['deep3dface_evaluate', '--protocol', 'now', '--data', folder/'dataset', '--predictions',
             folder/'predictions', '--out', out]
    begun = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True)
    took = time.perf_counter() - begun
    print('\n'.join(done.stdout.splitlines()[:12]))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/2**10
    print(f'status {done.returncode}; {photos} photos in {took/60:.1f} minutes of the clock on {os.cpu_count()} cores, '
          f'at most {memory:.0f} MB a process')


if __name__ == '__main__':
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument('--photos', type=int, default=30)
    ask.add_argument('--scan-vertices', type=int, default=120_000)
    ask.add_argument('--mesh-vertices', type=int, default=18_000)
    ask.add_argument('--folder', help='keep the data here, or use what is here')
    ask.add_argument('--whole', action='store_true', help='by the command, on the clock')
    args = ask.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        top = Path(args.folder or temp)
        if not (top/'dataset').is_dir(): write_folder(top, args.scan_vertices, args.mesh_vertices, args.photos)
        if args.whole:
            raise SystemExit(run_whole(top, Path(temp)/'out', args.photos))
        seconds, row = measure_all(top, Path(temp))
    print(f'median {row["median"]:.3f}, mean {row["mean"]:.3f}, std {row["std"]:.3f} mm')
    print(f'{seconds:.2f} s of processor time a photo: 1,000 in {1000*seconds/2/60:.1f} minutes on two cores')
