"""Files with wrong bytes through each door of the package; none may end the process or bring a foreign error:

    python tests/fuzz.py [--count 10000] [--door mat] [--keep FOLDER] [--record]

File I of a door is the same on each run (`--door mat --only I` repeats one). Children of this process read them, within
limits of memory and time. A file is `read`, or `refused` with one line that names it; everything else counts as bad."""
import argparse, collections, io, json, os, pickle, random, resource, signal, struct, sys, tarfile, tempfile, time
import traceback, warnings, zipfile, zlib
from pathlib import Path

os.environ |= dict(OMP_NUM_THREADS='1', NUMBA_NUM_THREADS='1')
import numpy as np, torch
from PIL import Image
from safetensors.torch import save
from scipy.io import savemat
from skimage import data
from campaigns import commit, record, top
from deep3dface.commands.train import config_kind
from deep3dface.model.coefficients import OPEN
from deep3dface.model.flame import read_embedding, read_head
from deep3dface.model.ict import obj_lines, obj_polygons
from deep3dface.model.morphable_model import MorphableModel
from deep3dface.networks.bundled import FORMAT, load_bundled
from deep3dface.networks.recon_net import ReconNet
from deep3dface.networks.bundled_recognition import RECOGNITION_FORMAT, load_recognition
from deep3dface.networks.weight_files import bare_weights, load_weights, read_checkpoint
from deep3dface.photo.landmarks import read_regressor
from deep3dface.photo.points import read_points
from deep3dface.photo.reading import read_photo
from deep3dface.reconstruction.face import load_coefficients
from deep3dface.training.configuration import TrainConfig
from deep3dface.training.lists import read_lines
from deep3dface.training.samples import Sample, listed_masks
from deep3dface.training.shards import open_data, write_shard

sys.path.insert(0, str(top/'nbs'/'parity'))
from gen_flame import Ch, Csc, python2

COLUMNS = '| door | files | read | refused in a line | foreign errors | crashes | over 20 s'
SECONDS, MEMORY = 20, 4 << 30 # CPU time and bytes of one file
EDGES = 0, 1, 2, 4, 7, 8, 127, 128, 255, 256, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1

# --- wrong bytes

def flip(r, b):
    b[r.randrange(len(b))] ^= 1 << r.randrange(8)
def put(r, b): b[r.randrange(len(b))] = r.choice((0, 1, 127, 128, 255, r.randrange(256)))
def number(r, b):
    size, at = r.choice((2, 4, 8)), r.randrange(len(b))
    value = r.choice(EDGES) % 256**size
    b[at:at + size] = value.to_bytes(size, r.choice(('little', 'big')))
def cut(r, b): del b[r.randrange(len(b)):]
def drop(r, b):
    at = r.randrange(len(b))
    del b[at:at + r.randrange(1, 64)]
def double(r, b):
    at, size = r.randrange(len(b)), r.randrange(1, 200)
    b[at:at] = b[at:at + size]*r.choice((1, 1, 2, 50))
def noise(r, b):
    at, size = r.randrange(len(b)), r.randrange(1, 32)
    b[at:at + size] = r.randbytes(size)
def digit(r, b): # of a number in text
    places = [i for i, c in enumerate(b[:2**14]) if 48 <= c < 58]
    if places: b[r.choice(places)] = r.choice(b'0123456789-.e')
def deep(r, b): b[(at := r.randrange(len(b))):at] = r.choice((b'[', b'{"a":'))*r.choice((10, 100_000))

WAYS = [flip]*4 + [put]*6 + [number]*6 + [cut, drop, double, noise, digit, digit]

def mutated(
    r:random.Random, whole:bytes, ways=WAYS,
)->bytes:
    "The same bytes with one to four things wrong; half of the time near the beginning"
    b = bytearray(whole)
    for _ in range(r.choice((1, 1, 1, 2, 4))):
        if not b: break
        if r.random() < .5 and len(b) > 400:
            head = b[:400]
            r.choice(ways)(r, head)
            b[:400] = head
        else: r.choice(ways)(r, b)
    return bytes(b)

# --- wrong bytes behind checksums and compression

def in_zip(r, whole):
    "Wrong bytes inside a member"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, 'w', old.infolist()[0].compress_type) as new:
        members = [(i.filename, old.read(i)) for i in old.infolist()]
        chosen = r.randrange(len(members))
        for i, (name, body) in enumerate(members):
            if i == chosen or r.random() < .05: body = mutated(r, body) if r.random() < .95 else b''
            new.writestr(name, body)
    return out.getvalue()

def in_mat(r, whole):
    "Wrong bytes inside a compressed variable"
    out, at = bytearray(whole[:128]), 128
    while at < len(whole):
        kind, size = struct.unpack('<II', whole[at:at + 8])
        body = whole[at + 8:at + 8 + size]
        if r.random() < .4: body = zlib.compress(mutated(r, zlib.decompress(body))) if kind == 15 else mutated(r, body)
        out += struct.pack('<II', kind, len(body)) + body
        at += 8 + size
    return bytes(out)

def in_png(r, whole):
    "Wrong bytes inside chunks, with right checksums"
    if not whole.startswith(b'\x89PNG'): return mutated(r, whole)
    out, at = bytearray(whole[:8]), 8
    while at < len(whole):
        size = int.from_bytes(whole[at:at + 4], 'big')
        body = whole[at + 4:at + 8 + size]
        if r.random() < .3: body = body[:4] + mutated(r, body[4:])
        out += (len(body) - 4).to_bytes(4, 'big') + body + zlib.crc32(body).to_bytes(4, 'big')
        at += 12 + size
    return bytes(out)

def in_tar(r, whole):
    "Wrong bytes with right checksums of the headers"
    b, at = bytearray(whole), 0
    starts = []
    while at + 512 <= len(b) and any(b[at:at + 512]):
        starts.append(at)
        at += 512 + -(-int(bytes(b[at + 124:at + 135]) or b'0', 8)//512)*512
    if r.random() < .5 and starts: # notes of a file, in front of it
        notes = mutated(r, r.choice((b'12 path=a/b\n', b'20 size=99999999999\n', b'9 x=long\n'))*r.choice((1, 1, 9)))
        info = tarfile.TarInfo('notes')
        info.size, info.type = len(notes), r.choice((b'x', b'L'))
        b[(at := r.choice(starts)):at] = info.tobuf(tarfile.USTAR_FORMAT) + notes.ljust(-(-len(notes)//512)*512, b'\0')
    for at in r.sample(starts, min(len(starts), 2)):
        head = bytearray(mutated(r, bytes(b[at:at + 512]))[:512].ljust(512, b'\0'))
        head[148:156] = b' '*8
        head[148:156] = b'%06o\0 ' % sum(head)
        b[at:at + 512] = head
    return bytes(b)

def in_notes(r, whole):
    "Wrong bytes inside the notes of a safetensors file"
    size = int.from_bytes(whole[:8], 'little')
    notes = json.loads(whole[8:8 + size])
    about = notes.get('__metadata__', {})
    for k in r.sample(list(about), min(2, len(about))):
        text = mutated(r, about[k].encode() or b'0', [*WAYS, deep, digit, digit]).decode('latin-1')
        about[k] = text
    head = json.dumps(notes).encode()
    return len(head).to_bytes(8, 'little') + head + whole[8 + size:]

SNIPPETS = [ # of pickles: calls, opcodes, lengths
    b'cos\nsystem\n', b'cbuiltins\ngetattr\n', b'c__builtin__\neval\n', b"(S'true'\nios\nsystem\n", b'R', b'b',
    b'(', b't', b'.', b'o', b'\x81', b'\x93', b'\x92', b'2'*5000, b'('*100_000, b')'*9, b'0', b'1', b'a', b'e',
    b's', b'u', b'}', b']', b'N', b'\x85'*100_000, b'r\xff\xff\xff\x7f', b'T\xff\xff\xff\x7f', b'B\xff\xff\xff\xff',
    b'I-1\n', b'\x94', b'\x8e' + b'\xff'*8, b'\x8b\xff\xff\xff\x7f', b'h\1', b'j\0\0\0\0', b'Pid\n',
    b'cnumpy\ndtype\n', b'cnumpy\nndarray\n', b'ctorch._utils\n_rebuild_tensor_v2\n', b'L' + b'9'*5000 + b'L\n',
    b'M\x90\1']
def opcode(r, b): b[(at := r.randrange(len(b))):at] = r.choice(SNIPPETS)*r.choice((1, 1, 2))
def in_pickle(r, whole): return mutated(r, whole, [*WAYS, *[opcode]*20])
def in_json(r, whole): return mutated(r, whole, [*WAYS, deep])

# --- whole files of each door

def picture_seeds():
    small = Image.fromarray(data.astronaut()[0:96, 170:280])
    kinds = [('jpg', 'RGB', {}), ('jpg', 'L', {}), ('jpg', 'CMYK', {}), ('jpg', 'RGB', dict(progressive=True)),
             *[('png', m, {}) for m in ('RGB', 'RGBA', 'L', 'LA', 'P', '1', 'I;16')], ('webp', 'RGB', {}),
             ('webp', 'RGBA', dict(lossless=True)), ('bmp', 'RGB', {}), ('bmp', 'P', {}), ('gif', 'P', {}),
             *[('tiff', 'RGB', dict(compression=c)) for c in (None, 'tiff_lzw', 'tiff_deflate', 'jpeg', 'packbits')],
             ('tiff', 'I;16', {}), ('avif', 'RGB', {}), ('ppm', 'RGB', {})]
    for ending, mode, options in kinds:
        if mode == 'I;16': picture = Image.fromarray(np.asarray(small.convert('L'), np.uint16)*257)
        else: picture = small.convert(mode)
        exif = Image.Exif()
        exif[0x112] = 6
        out = io.BytesIO()
        if ending in ('jpg', 'webp'): options = options | dict(exif=exif)
        try: picture.save(out, ending.replace('jpg', 'jpeg'), **options)
        except (KeyError, OSError): continue # this Pillow writes no such files
        yield ending, out.getvalue(), read_photo

def tiny(n=90):
    "Arrays of a face model of few vertices"
    r = np.random.default_rng(0)
    real = lambda *shape: r.normal(size=shape).astype(np.float32)
    faces = np.stack([np.arange(n - 2), np.arange(1, n - 1), np.arange(2, n)], 1).astype(np.int32)
    return dict(mean=real(n, 3), id_basis=real(n, 3, 4), exp_basis=real(n, 3, 3), tex_basis=real(n, 3, 4),
                mean_tex=real(n, 3), faces=faces, landmarks68=np.arange(68, dtype=np.int32),
                skin_mask=np.ones(n, np.float32))

def mat_seeds():
    a, n = tiny(), 90
    index = lambda x: (np.asarray(x, float) + 1)
    front = dict(
        meanshape=a['mean'].reshape(1, -1), idBase=a['id_basis'].reshape(3*n, -1), meantex=a['mean_tex'].reshape(1, -1),
        exBase=a['exp_basis'].reshape(3*n, -1), texBase=a['tex_basis'].reshape(3*n, -1), tri=index(a['faces']),
        tri_mask2=index(a['faces'][:40]), keypoints=index(a['landmarks68'])[None], skinmask=a['skin_mask'][None],
        frontmask2_idx=index(np.arange(n))[:, None], point_buf=np.ones((n, 8)),
    )
    face = {k: np.zeros((1, v), np.float32) for k, v in OPEN.items()}
    face |= dict(lm68=np.zeros((1, 68, 2)), basis='4d932baaff72')
    table = dict(W1=np.ones((20, 10)), B1=np.ones((20, 1)), W2=np.ones((3, 20)), B2=np.ones((3, 1)))
    model = MorphableModel.load('open')
    doors = (front, MorphableModel.load), (face, lambda p: load_coefficients(p, model)), (table, read_regressor)
    for arrays, door in doors:
        for packed in (False, True):
            out = io.BytesIO()
            savemat(out, arrays, do_compression=packed)
            yield 'mat', out.getvalue(), door

def npz_seeds():
    a = tiny()
    names = dict(exp_names=np.array(['jawOpen', 'smile', 'blink']), about=json.dumps(dict(made='here')),
                 part=np.zeros(90, np.uint8), part_names=np.array(['skin']))
    fine = dict(subdivision_data=np.ones(90, np.float32), subdivision_indices=np.arange(90, dtype=np.int32),
                subdivision_indptr=np.arange(91, dtype=np.int32), tex_basis=np.ones((90, 3, 4), np.int8),
                tex_scale=np.ones(4, np.float32))
    for arrays in (a, a | names, a | names | fine):
        for write in (np.savez, np.savez_compressed):
            out = io.BytesIO()
            write(out, **arrays)
            yield 'npz', out.getvalue(), MorphableModel.load

class Small(torch.nn.Sequential):
    def __init__(self): super().__init__(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5))

def read_small(path): load_weights(Small(), bare_weights(read_checkpoint(path), 'net_recon'), path)

def pth_seeds():
    net = Small().state_dict()
    note = dict(config=dict(model='open', lr=1e-4), epoch=1, layout=OPEN, basis='4d932baaff72', last_fc=True)
    odd = dict(half=torch.zeros(3).half(), eight=torch.zeros(3).to(torch.float8_e4m3fn), number=np.float64(2))
    some = {f'backbone.layer{i}.{j}.conv1.weight': torch.zeros(2, 2) for i in range(1, 5) for j in range(2)}
    some |= {'backbone.fc.weight': torch.zeros(238, 2), 'backbone.fc.bias': torch.zeros(238)}
    noted = lambda state: dict(net_recon=state, deep3dface=note)
    doors = (net, read_small), (noted(net), read_small), (net | odd, read_small), (noted(some), ReconNet.load)
    for content, door in doors:
        for new in (True, False):
            out = io.BytesIO()
            torch.save(content, out, _use_new_zipfile_serialization=new)
            yield 'pth', out.getvalue(), door

def safetensors_seeds():
    conv, norm = 'backbone.conv1.weight', 'backbone.bn1.weight'
    tensors = {conv: torch.zeros(4, 3, dtype=torch.int8), f'{conv}.steps': torch.ones(4), norm: torch.zeros(4).half(),
               'dense.rows': torch.arange(5)}
    note = dict(format=FORMAT, arch='resnet18', layout=json.dumps(OPEN), last_fc='false', confidence='true', dense='5',
                about='{"made": [1, 2]}', basis='4d932baaff72')
    yield 'safetensors', save(tensors, note), load_bundled
    note = dict(format=RECOGNITION_FORMAT, about='{"of": "dlib"}')
    yield 'safetensors', save(tensors, note), load_recognition

def tar_seeds():
    picture = np.array(Image.fromarray(data.astronaut()).resize((224, 224)))
    points = np.linspace(20, 200, 136, dtype=np.float32).reshape(68, 2)
    made = [Sample(picture, picture[..., 0], points, f'some/{i}.png') for i in range(2)]
    def read(path):
        for sample in (d := open_data(path, 0)) and (d[i] for i in range(len(d))): assert sample.points.shape == (68, 2)
    with tempfile.TemporaryDirectory() as folder:
        write_shard(f'{folder}/a.tar', made)
        yield 'tar', Path(f'{folder}/a.tar').read_bytes(), read

def txt_seeds():
    points = '\n'.join(f'{x:.2f} {x*.7:.1f}' for x in range(68))
    yield 'txt', points.encode(), lambda p: read_points(p, 400, 'up')
    yield 'txt', b'\xef\xbb\xbf# five\n145, 104\n185,102\n165 128\n150\t148\n186 146\n', read_points
    masks = '\n'.join(f'faces/mask/{i:03}.png' for i in range(20)).encode()
    yield 'txt', masks, listed_masks
    yield 'txt', masks, read_lines

def json_seeds():
    with tempfile.TemporaryDirectory() as folder:
        TrainConfig(lr=2e-4).write(path := Path(folder)/'config.json')
        whole = path.read_bytes()
    yield 'json', whole, TrainConfig.read
    yield 'json', whole, lambda p: config_kind(['--config', str(p)])

def pkl_seeds():
    a, n, r = tiny(), 90, np.random.default_rng(1)
    head = dict(v_template=a['mean'].astype(float), shapedirs=Ch(r.normal(size=(n, 3, 400)).astype(np.float32)),
                f=a['faces'].astype(np.uint32), J_regressor=Csc(), bs_type='lrotmin', J=[1, None, True, (3,)])
    points = dict(lmk_face_idx=np.arange(68, dtype=np.uint32), lmk_b_coords=np.full((68, 3), 1/3))
    rows = dict(lmk_face_idx=[points['lmk_face_idx']]*3, lmk_b_coords=[points['lmk_b_coords']]*3)
    embedded = lambda p: read_embedding(p, 68)
    yield 'pkl', python2(head), read_head
    plain = head | dict(shapedirs=head['shapedirs'].x)
    del plain['J_regressor']
    yield 'pkl', pickle.dumps(plain, 4), read_head
    for protocol in (0, 2): yield 'pkl', python2(points, protocol), embedded
    for protocol in range(6): yield 'pkl', pickle.dumps(points, protocol), embedded
    for content in (points, rows):
        out = io.BytesIO()
        np.save(out, content, allow_pickle=True)
        yield 'npy', out.getvalue(), embedded

def obj_seeds():
    a, n = tiny(), 90
    rows = lambda letter, values: ''.join(f'{letter} {" ".join(map(str, v))}\n' for v in values)
    corners = [' '.join(f'{v + 1}/{v + 1}' for v in f) for f in [*a['faces'], (0, 1, 2, 3)]]
    text = '# made\n' + rows('v', a['mean']) + rows('vt', a['mean'][:, :2]) + 'usemtl M_Face\n'
    def read(path): return obj_lines(path, b'v', 3), obj_polygons(path, n)
    yield 'obj', (text + ''.join(f'f {c}\n' for c in corners)).encode(), read

SEEDS = dict(pictures=picture_seeds, mat=mat_seeds, npz=npz_seeds, pth=pth_seeds, safetensors=safetensors_seeds,
             tar=tar_seeds, txt=txt_seeds, json=json_seeds, pkl=pkl_seeds, obj=obj_seeds)
INSIDE = dict(pictures=in_png, mat=in_mat, npz=in_zip, pth=in_zip, safetensors=in_notes, tar=in_tar, json=in_json,
              pkl=in_pickle)

# --- children that read

def wrong_file(door, i, seeds):
    "File I of a door: ending, bytes, function that reads it"
    r = random.Random(f'{door} {i}')
    ending, whole, read = seeds[i % len(seeds)]
    inside = INSIDE.get(door, mutated)
    if inside is in_zip and not whole.startswith(b'PK'): inside = mutated # an old checkpoint
    return ending, (inside if r.random() < .5 else mutated)(r, whole), read

def verdict(read, path):
    "What became of a file: read, refused, or foreign and why"
    try: read(path)
    except (ValueError, OSError) as e:
        if path.name in str(e) and '\n' not in str(e): return 'refused', ''
        return 'foreign', traceback.format_exc(limit=-3)
    except Exception: return 'foreign', traceback.format_exc(limit=-3)
    return 'read', ''

def child(door, numbers, seeds, folder, out):
    "Read files one after the other; before each its number goes to the parent, after it the verdict"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2) # libraries write there
    warnings.simplefilter('ignore')
    space = int(Path('/proc/self/statm').read_text().split()[0])*resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (space + MEMORY, space + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for i in numbers:
        ending, content, read = wrong_file(door, i, seeds)
        (path := folder/f'{door}-{i}.{ending}').write_bytes(content)
        os.write(out, f'{i} began \n'.encode())
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        kind, why = verdict(read, path)
        signal.setitimer(signal.ITIMER_PROF, 0)
        path.unlink()
        os.write(out, f'{i} {kind} {json.dumps(why)}\n'.encode())

def in_child(door, numbers, seeds, folder):
    "Results of a child until its end: (number, kind, why); a file that ends it is crashed or slow"
    into, out = os.pipe()
    if not (pid := os.fork()):
        status = 1
        try:
            os.close(into)
            child(door, numbers, seeds, folder, out)
            status = 0
        finally: os._exit(status)
    os.close(out)
    last = None
    with open(into, encoding='utf-8') as lines:
        for line in lines:
            i, kind, why = line.rstrip('\n').split(' ', 2)
            if kind != 'began': yield int(i), kind, json.loads(why)
            last = int(i) if kind == 'began' else None
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if last is not None: yield last, 'slow' if status == -signal.SIGPROF else 'crashed', f'status {status}'
    elif status: raise SystemExit(f'{door}: the child ended with {status} outside a file')

def campaign(door, numbers, keep):
    "Counts of a door; files that are bad are kept"
    seeds, counts, began = list(SEEDS[door]()), collections.Counter(), time.time()
    for i, seed in enumerate(seeds):
        with tempfile.TemporaryDirectory() as f: # unspoiled: read, or refused for what so small a file lacks
            (path := Path(f)/f'whole.{seed[0]}').write_bytes(seed[1])
            kind, why = verdict(seed[2], path)
            assert kind != 'foreign', f'{door}, whole file {i}: {why}'
    numbers = collections.deque(numbers)
    with tempfile.TemporaryDirectory(dir='/dev/shm' if Path('/dev/shm').is_dir() else None) as folder:
        while numbers:
            some = [numbers.popleft() for _ in range(min(500, len(numbers)))]
            for i, kind, why in in_child(door, some, seeds, Path(folder)):
                counts[kind] += 1
                some.remove(i)
                if kind in ('read', 'refused'): continue
                print(f'{door} {i}: {kind}\n{why}', flush=True)
                if keep: (keep/f'{door}-{i}.{kind}').write_bytes(wrong_file(door, i, seeds)[1])
            numbers.extendleft(reversed(some)) # of a child that ended early
    return counts, time.time() - began

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('--count', type=int, default=10_000, help='files for each door')
parser.add_argument('--door', action='append', choices=[*SEEDS], help='this one only; may be given several times')
parser.add_argument('--only', type=int, help='this file only')
parser.add_argument('--keep', type=Path, help='folder for the files that are bad')
parser.add_argument('--record', action='store_true', help='write the counts into tests/campaigns.md')
given = parser.parse_args()
torch.set_num_threads(1)
at, bad, rows = commit(), 0, {}
if given.keep: given.keep.mkdir(parents=True, exist_ok=True)
for door in given.door or SEEDS:
    counts, seconds = campaign(door, range(given.count) if given.only is None else [given.only], given.keep)
    kinds = {k: counts[k] for k in ('read', 'refused', 'foreign', 'crashed', 'slow')}
    files = sum(kinds.values())
    bad += files - kinds['read'] - kinds['refused']
    print(f'{door}: {", ".join(f"{v:,} {k}" for k, v in kinds.items())} ({files/seconds:.0f} files/s)', flush=True)
    rows[door] = ' | '.join(f'{v:,}' for v in (files, *kinds.values()))
    if given.record: record('Wrong bytes', COLUMNS, rows, at)
sys.exit(bad > 0)
