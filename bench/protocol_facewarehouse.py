"""Made-up data in the layout of FaceWarehouse, from heads of the open face model:
python bench/protocol_facewarehouse.py FOLDER

data/ holds Tester_1 with its 20 poses and Tester_2 with three of them (17 are missing), in decimetres, all of one
topology; beside it lie predictions/ in that topology and any/ in another. Nobody's face is in it, and no download is
needed."""
import argparse
from pathlib import Path
import numpy as np
import torch
from deep3dface.evaluation.scan_mesh import OUTSIDE
from deep3dface.model.morphable_model import MorphableModel
from deep3dface.model.mesh import keep_rows
from deep3dface.reconstruction.coarse_mesh import coarser
from protocol_micc import similarity, write_obj


def outside(model):
    "Rows and triangles of what a camera sees"
    named = torch.tensor([i for i, p in enumerate(model.part_names) if p in OUTSIDE])
    rows = torch.isin(model.part, named).nonzero()[:, 0]
    return rows, keep_rows(model.faces, rows, len(model.mean)).numpy()


def write_data(folder, spacing=.07):
    "All of it; `spacing` of the vertices in dm"
    from PIL import Image
    folder, whole = Path(folder), MorphableModel.load('open', crop='full')
    whole.on_face = torch.ones(len(whole.mean), dtype=torch.bool)
    model = coarser(whole, spacing)
    draw, n_exp = torch.Generator().manual_seed(29), model.layout['exp']
    ids = model.sample(2, draw)[:, :model.layout['id']]
    exps = .5*torch.randn(20, n_exp, generator=draw)/torch.arange(1, n_exp + 1)**.5
    exps[0] = 0
    def shape(model, person, pose, share=1.): # dm
        return model.shape(share*ids[person][None], share*exps[pose][None])[0].double().numpy()
    (rows, faces), (fine, fine_faces) = outside(model), outside(whole)
    for person, poses in ((0, range(20)), (1, range(3))):
        for pose in poses:
            place = folder/f'data/Tester_{person + 1}/TrainingPose/pose_{pose}'
            turn = similarity(1, (.05*np.sin(pose), .04*np.cos(3*pose), 0), (.1, -.2, .3))
            write_obj(place.with_suffix('.obj'), turn(shape(model, person, pose)[rows]), faces)
            noise = np.random.default_rng([person, pose]).integers(90, 120, (48, 64, 3), np.uint8)
            Image.fromarray(noise).save(place.with_suffix('.png'))
            place.with_suffix('.land').write_text('74\n' + '32 24\n'*74)
    moved = [similarity(), similarity(100, (0, .4, 0), (30, -20, 5)), similarity(.1, (2., .1, 1.), (9, 0, 0))]
    for n, (person, pose) in enumerate([(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]):
        place, verts = moved[n % 3], shape(model, person, pose, .3 + .1*n)
        path = folder/f'predictions/Tester_{person + 1}/pose_{pose}.obj'
        write_obj(path, place(verts[rows]), faces)
        np.save(path.with_name(f'pose_{pose}_68.npy'), place(verts[model.landmarks68.numpy()]))
        if n > 1: continue
        path, verts = folder/f'any/Tester_{person + 1}/pose_{pose}.obj', shape(whole, person, pose, .5)
        write_obj(path, place(verts[fine]), fine_faces)
        np.save(path.with_name(f'pose_{pose}_68.npy'), place(verts[whole.landmarks68.numpy()]))


if __name__ == '__main__':
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument('folder')
    folder = Path(ask.parse_args().folder)
    write_data(folder)
    files = [p for p in folder.rglob('*') if p.is_file()]
    print(f'{len(files)} files, {sum(p.stat().st_size for p in files)/1e6:.1f} MB in {folder}')
