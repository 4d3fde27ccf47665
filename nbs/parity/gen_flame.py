"Stand-ins for FLAME: files of its layout, with no numbers of FLAME's, written byte by byte as Python 2 wrote the originals"
import struct
import numpy as np


class Ch:
    "An array that is written as chumpy's"
    def __init__(self, x): self.x = x


class Csc:
    "An empty matrix that is written as scipy's, of 2 x 3"


def text(s, protocol): # str -> str of Python 2
    s = s.encode('latin-1') if isinstance(s, str) else s
    if protocol == 0: return b"S'" + b''.join(b'\\x%02x' % c if not 32 <= c < 127 or c in b"'\\" else bytes([c]) for c in s) + b"'\n"
    return b'U' + bytes([len(s)]) + s if len(s) < 256 else b'T' + struct.pack('<i', len(s)) + s


def number(n, protocol):
    if protocol == 0: return b'I%d\n' % n
    return b'K' + bytes([n]) if 0 <= n < 256 else b'J' + struct.pack('<i', n)


def row(items, protocol): return b'(' + b''.join(python2(v, protocol, False) for v in items) + b't'


def array(a, protocol):
    kind, order = a.dtype.str[1:], a.dtype.str[0].replace('|', '|')
    fortran = a.flags.f_contiguous and not a.flags.c_contiguous
    made = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n' + row((0,), protocol) + text('b', protocol) + b'tR'
    dtype = b'cnumpy\ndtype\n' + row((kind, 0, 1), protocol) + b'R' + row((3, order, None, None, None, -1, -1, 0), protocol) + b'b'
    truth = python2(fortran, protocol, False)
    return made + b'(' + number(1, protocol) + row(a.shape, protocol) + dtype + truth + text(a.tobytes('A'), protocol) + b'tb'


def made(module, name, state, protocol): # an object by its class and its dict
    if protocol == 0: begin = f'ccopy_reg\n_reconstructor\n(c{module}\n{name}\nc__builtin__\nobject\nNtR'.encode()
    else: begin = f'c{module}\n{name}\n)\x81'.encode('latin-1')
    return begin + python2(state, protocol, False) + b'b'


def python2(x, protocol=2, whole=True):
    "The pickle of a value, as Python 2 writes it (without its memo)"
    if whole: return (b'\x80\x02' if protocol else b'') + python2(x, protocol, False) + b'.'
    if x is None: return b'N'
    if isinstance(x, bool): return ((b'I01\n' if x else b'I00\n') if protocol == 0 else b'\x88' if x else b'\x89')
    if isinstance(x, int): return number(x, protocol)
    if isinstance(x, (str, bytes)): return text(x, protocol)
    if isinstance(x, tuple): return row(x, protocol)
    if isinstance(x, list): return b'(' + b''.join(python2(v, protocol, False) for v in x) + b'l'
    if isinstance(x, set): return b'c__builtin__\nset\n(' + python2([*x], protocol, False) + b'tR'
    if isinstance(x, dict):
        pairs = b''.join(text(k, protocol) + python2(v, protocol, False) for k, v in x.items())
        return b'(' + pairs + b'd' if protocol == 0 else b'}(' + pairs + b'u'
    if isinstance(x, Ch): return made('chumpy.ch', 'Ch', dict(x=x.x, _dirty_vars=set(), _itr=None), protocol)
    if isinstance(x, Csc):
        state = dict(_shape=(2, 3), maxprint=50, data=np.zeros(0), indices=np.zeros(0, 'i4'), indptr=np.zeros(4, 'i4'))
        return made('scipy.sparse.csc', 'csc_matrix', state, protocol)
    return array(np.asarray(x), protocol)


def modes(basis, count): # (N, 3, K) -> (N, 3, count), filled up with zeros
    basis = basis[..., :count]
    return np.concatenate([basis, np.zeros((*basis.shape[:2], count - basis.shape[2]))], 2)


def head(model): # a MorphableModel -> the dict of a FLAME file: m, y up, 300 shape modes, 100 of expression
    a = {k: getattr(model, k).numpy().astype(float) for k in ('mean', 'id_basis', 'exp_basis')}
    n = len(a['mean'])
    shapes = np.concatenate([modes(a['id_basis'], 300), modes(a['exp_basis'], 100)], 2)/10
    joints = dict(J=np.zeros((5, 3)), posedirs=np.zeros((n, 3, 36)), weights=np.zeros((n, 5)), J_regressor=Csc(),
                  kintree_table=np.zeros((2, 5), np.int64), bs_style='lbs', bs_type='lrotmin')
    return joints | dict(v_template=Ch(a['mean']/10), shapedirs=Ch(shapes), f=model.faces.numpy().astype(np.uint32))


def embedding(model, seed=0): # -> triangles (68,), barycentric (68, 3) near the model's landmarks
    r, faces = np.random.default_rng(seed), model.faces.numpy()
    tri = np.array([np.flatnonzero((faces == v).any(1))[0] for v in model.landmarks68.numpy()])
    share = r.uniform(.02, .15, (68, 2))
    at = (faces[tri] == model.landmarks68.numpy()[:, None]).argmax(1)
    bary = np.zeros((68, 3))
    for i, (k, (a, b)) in enumerate(zip(at, share)): bary[i, k], bary[i, (k + 1) % 3], bary[i, (k + 2) % 3] = 1 - a - b, a, b
    return tri, bary


def write(folder, model, protocol=2, name='generic_model.pkl'): # the model's file and 68 landmarks in one of DECA's layout
    folder.mkdir(parents=True, exist_ok=True)
    (folder/name).write_bytes(python2(head(model), protocol))
    tri, bary = embedding(model)
    points = dict(full_lmk_faces_idx=tri[None], full_lmk_bary_coords=bary[None], static_lmk_faces_idx=tri[17:],
                  static_lmk_bary_coords=bary[17:])
    np.save(folder/'landmark_embedding.npy', points, allow_pickle=True)
    return tri, bary
