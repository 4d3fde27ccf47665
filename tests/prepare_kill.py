"""Preparation that is killed goes on to the same files, and no file is ever seen half-written:

    python tests/prepare_kill.py FOLDER"""
import os, shutil, subprocess, sys, time
from pathlib import Path
from PIL import Image
from deep3dface.evaluation.metrics import render_photos

root = Path(sys.argv[1]).resolve()
code = """
from deep3dface.training.preparation import prepare
options = dict(workers=2, shards='shards', shard_size=3, progress=False)
print(prepare(['photos'], landmarks='fit', options=dict(iters=3), **options))
"""

def fresh(name):
    "A folder with the photos alone"
    shutil.copytree(root/'photos', root/name/'photos')
    return root/name

def start(home):
    return subprocess.Popen(
        [sys.executable, '-c', code], cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
def tree(home): return {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.rglob('*')) if p.is_file()}
def children(pid):
    return [int(c) for t in Path(f'/proc/{pid}/task').iterdir() for c in (t / 'children').read_text().split()]
def alive(pid):
    try: return 'Z' not in Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except OSError: return False

def whole(home):
    "Every file that has its name has its content"
    got = {k: v for k, v in tree(home).items() if '.part-' not in k}
    bad = [k for k, v in got.items() if end.get(k) != v]
    assert not bad, bad
    return len(got)

def killed_at(home, count):
    "Kill the run when there are so many files; its workers have to go by themselves"
    p = start(home)
    while whole(home) < count and p.poll() is None: time.sleep(.002)
    workers = children(p.pid) if p.poll() is None else []
    p.kill()
    p.wait()
    until = time.time() + 20
    while any(map(alive, workers)):
        assert time.time() < until, 'a worker outlives its killed parent'
        time.sleep(0.01)
    return whole(home)

os.environ['OMP_NUM_THREADS'] = '1'
(root/'photos').mkdir(parents=True)
for i, p in enumerate(render_photos(7, seed=3, size=200)):
    Image.fromarray(p.photo).save(root / 'photos' / f'{i}.{"jpg" if i % 2 else "png"}')
(root/'photos'/'broken.jpg').write_bytes(b'no picture')

assert start(fresh('never')).wait() == 0
end = tree(root/'never')
assert len(end) > 25 and not any('.part-' in k for k in end), list(end)
for count in (9, 12, 15, 18, 22, len(end) - 6):
    home = fresh(f'at{count}')
    left = killed_at(home, count)
    assert start(home).wait() == 0
    assert tree(home) == end, f'killed at {count} files: {sorted(tree(home).keys() ^ end.keys())}'
    print(f'killed with {left} of {len(end)} files there: the same files in the end')
