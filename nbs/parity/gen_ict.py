"A stand-in for a checkout of ICT-FaceKit: files of its layout, with the shapes of a face model in place of the kit's"
import json
import numpy as np

MATERIALS = dict(skin='M_Face', eye='M_ScleraLeft', teeth='M_Teeth', cavity='M_BackHead', tongue='M_GumsTongue',
                 socket='M_BackHead')


def halves(name): # a unit of ARKit -> the kit's names
    if name in ('browInnerUp', 'cheekPuff'): return [f'{name}_L', f'{name}_R']
    for side in ('Left', 'Right'):
        if name.endswith(side) and name[:-len(side)] not in ('jaw', 'mouth'): return [f'{name[:-len(side)]}_{side[0]}']
    return [name]


def quads(faces): # (F, 3) -> lists of three or four corners: pairs of neighbours become quads where they can
    edges, used, out = {}, set(), []
    for i, f in enumerate(faces):
        for k in range(3): edges[f[k], f[(k + 1) % 3]] = i, f[(k + 2) % 3]
    for i, f in enumerate(faces):
        if i in used: continue
        used.add(i)
        there = edges.get((f[2], f[0])) # the neighbour beyond the edge from c to a
        if there and there[0] not in used:
            used.add(there[0])
            out.append([*f, there[1]])
        else: out.append([*f])
    return out


def rows(letter, values): return ''.join(f'{letter} {" ".join(f"{x:.6g}" for x in v)}\n' for v in values)


def write(folder, model, modes=8): # a MorphableModel with parts -> folder/FaceXModel/*.obj, vertex_indices.json; cm
    get = lambda k: getattr(model, k).numpy().astype(float)
    mean, part, names = 10*get('mean'), model.part.numpy(), model.part_names
    (home := folder/'FaceXModel').mkdir(parents=True)
    polygons, cover = quads(model.faces.numpy()), len(mean) # and a lash in front of the mouth, which must not be drawn
    faces = ['mtllib ICTFaceModelMaterial.mtl\n']
    for name in dict.fromkeys(MATERIALS.values()):
        own = [p for p in polygons if MATERIALS[names[part[p].max()]] == name]
        faces += [f'usemtl {name}\n', *(f'f {" ".join(f"{v + 1}/{v + 1}" for v in p)}\n' for p in own)]
    faces.append(f'usemtl M_EyeLashes\nf {cover + 1}/{cover + 1} {cover + 2}/{cover + 2} {cover + 3}/{cover + 3}\n')
    lash = mean[model.landmarks68[62]] + np.array([[-2, 0, 2], [2, 0, 2], [0, 2, 2]])
    uv = rows('vt', np.concatenate([model.uv.numpy() + (part > 0)[:, None]*[1, 0], np.full((3, 2), .5) + [6, 0]]))
    def obj(name, moved): # the kit's files hold the whole mesh each
        text = '# made\n' + rows('v', np.concatenate([moved, lash])) + uv + ''.join(faces)
        (home/f'{name}.obj').write_text(text)
    obj('generic_neutral_mesh', mean)
    for k in range(modes): obj(f'identity{k:03}', mean + 10*get('id_basis')[..., k])
    kit = []
    for name, move in zip(model.exp_names, 10*np.moveaxis(get('exp_basis'), 2, 0)):
        if name == 'tongueOut': continue
        left = 1/(1 + np.exp(-4*mean[:, :1])) # of a unit of two halves
        for half in halves(name):
            share = {2: left if half.endswith('_L') else 1 - left, 1: 1}[len(halves(name))]
            obj(half, mean + share*move)
            kit.append(half)
    obj('PupilDilate_L', mean)
    (home/'vertex_indices.json').write_text(json.dumps(dict(
        expressions=kit, idx_to_landmark_verts=model.landmarks68.tolist(), idx_to_fitting_verts=[*range(len(mean)//2)])))
