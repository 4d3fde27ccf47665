"""Reconstruction, preparation, training and evaluation that are killed at random moments, and started again:

    python tests/kills.py FOLDER [--count 200] [--command train] [--at-once N] [--record]

After the kill no file under a final name may differ from that of the undisturbed run; after the next run all files
must be those of the undisturbed run, and nothing else may lie there. Commands run in children of this process, which
has imported everything; training uses a network of four blocks, so that many runs are affordable."""
import argparse, multiprocessing, os, random, re, shutil, signal, time
from pathlib import Path

os.environ |= dict(OMP_NUM_THREADS='1', NUMBA_NUM_THREADS='1', TF_CPP_MIN_LOG_LEVEL='3')
import numpy as np
import torch
from scipy.io import loadmat
import forked
from campaigns import commit, record
import deep3dface.reconstruction.pipeline, deep3dface.training.monitoring, deep3dface.training.preparation # noqa: F401
from deep3dface.commands.evaluate import evaluate_command
from deep3dface.commands.reconstruct import reconstruct_command
from deep3dface.commands.train import prepare_command, train_command
from deep3dface.evaluation.heads import front_model, write_made_heads
from deep3dface.evaluation.metrics import render_photos, save_photos
from deep3dface.networks.resnet import ARCHS, BasicBlock

ARCHS['resnet34'] = BasicBlock, (1, 1, 1, 1) # not 18, which is the bundled network's

# --- commands in children

def start(command, words, home):
    "Run a command in a child process that works in a folder"
    log = os.open(home.parent/f'{home.name}.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try: return forked.start(command, words, home, log, log)
    finally: os.close(log)

def status_of(pid): return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def finish(job, home):
    "A run to its end; ends the campaign if it fails"
    log = home.parent/f'{home.name}.log'
    status = status_of(start(job.command, job.words(home), home))
    assert status == 0, f'{home}: status {status}\n{log.read_text()[-2000:]}'
    log.unlink()

def children(pid):
    "Processes that a process has begun, and those that they have"
    own = []
    for task in Path(f'/proc/{pid}/task').glob('*/children'):
        try: own += map(int, task.read_text().split())
        except OSError: pass
    return own + [c for o in own for c in children(o)]

def alive(pid):
    try: return 'Z' not in Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except OSError: return False

def killed(job, home, after):
    "Kill a run after so many seconds; what it has begun has to end by itself. False if it had come to its end"
    pid, until = start(job.command, job.words(home), home), time.time() + after
    while time.time() < until and not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT): time.sleep(.002)
    begun = children(pid)
    os.kill(pid, signal.SIGKILL)
    status = status_of(pid)
    until = time.time() + 30
    while any(map(alive, begun)):
        assert time.time() < until, f'{home}: a process outlives the run that began it'
        time.sleep(.01)
    return status != 0

# --- what lies in a folder

def unfinished(path): return any(p.startswith('.part-') for p in path.parts)

def content(path, home):
    "What must be the same in two runs"
    whole = path.read_bytes()
    if path.suffix == '.mat': # its header holds the time
        return {k: v.tolist() for k, v in loadmat(path).items() if not k.startswith('__')}
    if path.suffix == '.pth': # what is in it, the folder apart
        found = torch.load(path)
        note = {k: found['deep3dface'][k] for k in ('epoch', 'step', 'steps', 'random')}
        return note | {k: found[k] for k in ('net_recon', 'opt_00', 'sched_00')}
    return whole.replace(str(home).encode(), b'HOME')

def same(a, b):
    if isinstance(a, torch.Tensor): return torch.equal(a, b)
    if isinstance(a, dict): return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b

def tree(job, home):
    "Files of a folder by name, besides those of the input and logs"
    files = {p.relative_to(home): p for p in sorted(home.rglob('*')) if p.is_file()}
    return {str(k): p for k, p in files.items() if not job.skips(str(k))}

class Job:
    "A command that is killed"
    def __init__(self,
        command, words, # function of a list of words; function: folder -> words
        make, # function that puts the input into a folder
        skip='^$', # pattern of files that are not compared
    ): self.command, self.words, self.make, self.skip = command, words, make, skip

    def skips(self, name): return re.search(self.skip, name)

    def check_killed(self, home, end):
        "Every file under a final name is whole"
        for name, path in tree(self, home).items():
            if unfinished(Path(name)): continue
            assert name in end, f'{home}: {name} is none of the files of an undisturbed run'
            found = content(path, home) # raises for half a checkpoint
            if not name.endswith('latest.pth'): assert same(found, end[name]), f'{home}: {name} is not whole'

    def check_end(self, home, end):
        "All files, and nothing else"
        now = tree(self, home)
        assert now.keys() == end.keys(), f'{home}: {sorted(now.keys() ^ end.keys())}'
        odd = [k for k, p in now.items() if not same(content(p, home), end[k])]
        assert not odd, f'{home}: others than in an undisturbed run: {odd}'

# --- the four

def make_photos(home): shutil.copytree(root/'photos', home/'photos')

def prepared(home):
    shutil.copytree(root/'prepared', home, dirs_exist_ok=True)

TRAIN = """--name run --device cpu --w-identity 0 --val-data none --net resnet34 --batch 2 --log-every 1 --workers 0
--epochs 2 --save-every 1""".split()
POINTS = '--workers 0 --landmarks file --landmarks-from FACES/points --points FACES/points'
def training_words(home):
    saved = any((home/'checkpoints'/'run').glob('epoch_*.pth'))
    return ['--name', 'run', '--continue'] if saved else TRAIN
def preparing_words(home):
    return ['photos', *POINTS.replace('FACES', 'photos').split(), '--shards', 'shards', '--shard-size', '2']

def make_heads(home):
    "A made head as a scan and, from three sides, as the prediction of a method that recovers half of it"
    write_made_heads(home/'scans', 1)
    mean = 100*(front_model().mean - front_model().origin).double().numpy()
    verts = (mean + np.load(home/'scans/made00.npz')['truth'])/2
    (home/'halfway/made00').mkdir(parents=True)
    for side in (0, 30, -50):
        np.savez(home/f'halfway/made00/{side}.npz', verts=verts, faces=front_model().faces.numpy())
        np.save(home/f'halfway/made00/{side}_68.npy', verts[front_model().landmarks68.numpy()])

EVALUATE = '--protocol heads scans --predictions halfway --out results --workers 2'.split()

JOBS = dict(
    evaluate=Job(evaluate_command, lambda home: EVALUATE, make_heads, r'^(scans|halfway)/|results\.jsonl$'),
    reconstruct=Job(
        reconstruct_command, lambda home: ['photos', '--out', 'results', '--device', 'cpu'], make_photos, '^photos/'
    ),
    prepare=Job(prepare_command, preparing_words, make_photos, '^photos/(points/|[^/]*$)'),
    train=Job(train_command, training_words, prepared, r'^(faces|datalist)/|/logs/'),
)

def campaign(name, count):
    "Kill a command so many times; ends at the first kill that does harm"
    job, r = JOBS[name], random.Random(name)
    whole = root/f'{name}-whole'
    for _ in range(2): # the second time shows how long it takes
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        job.make(whole)
        began = time.time()
        finish(job, whole)
        seconds = time.time() - began
    end = {k: content(p, whole) for k, p in tree(job, whole).items()}
    assert end and not any(unfinished(Path(k)) for k in end), list(end)
    hit = there = 0
    kills = [(name, i, r.uniform(.02, 1.05)*seconds, end) for i in range(count)]
    with multiprocessing.get_context('fork').Pool(given.at_once) as pool:
        for n, (worked, files) in enumerate(pool.imap(one_kill, kills), 1):
            hit, there = hit + worked, there + files
            if n % 20 and n < count: continue
            files = f'{there/n:.1f} of {len(end)}'
            print(f'{name}: {n} kills, {hit} of them at work, {files} files there on average: nothing half-written, '
                  'nothing lost, no litter', flush=True)
            if given.record: record('Kills', COLUMNS, {name: f'{n} | {hit} | {files} | 0'}, at)

def one_kill(given):
    "Kill, look, run again, look; whether it was at work, and how many files were there"
    name, i, after, end = given
    job, home = JOBS[name], root/f'{name}-{i}'
    home.mkdir()
    job.make(home)
    worked = killed(job, home, after)
    job.check_killed(home, end)
    files = len(tree(job, home))
    finish(job, home)
    job.check_end(home, end)
    shutil.rmtree(home)
    return worked, files

COLUMNS = '| command | kills | of them at work | files there, on average | half-written, lost, left over'
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('folder', type=Path)
parser.add_argument('--count', type=int, default=200, help='kills of each command')
parser.add_argument('--at-once', type=int, default=1, help='kills beside each other')
parser.add_argument('--command', action='append', choices=[*JOBS], help='this one only; may be given several times')
parser.add_argument('--record', action='store_true', help='write the counts into tests/campaigns.md')
given = parser.parse_args()
torch.set_num_threads(1)
at, root = commit(), given.folder.resolve()
root.mkdir(parents=True)
save_photos(render_photos(4, seed=3, size=200), root/'photos')
shutil.copytree(root/'photos', root/'prepared'/'faces')
first = Job(prepare_command, lambda home: ['faces', *POINTS.replace('FACES', 'faces').split()], None)
finish(first, root/'prepared')
for name in given.command or JOBS: campaign(name, given.count)
