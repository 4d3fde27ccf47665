"""The files of a face in other programs:

    python tests/gltf.py [--blender PYTHON]

Every kind of .glb goes through Khronos' gltf-validator, which npm brings into a temporary folder: no error, no warning.
With --blender, a python that has `bpy` (python3.11 -m venv blender && blender/bin/pip install bpy), .glb and .obj are
opened in Blender: 52 shape keys that move the vertices as `with_expression` does, a texture, z up and facing -y;
written as .fbx by Blender, the lit one keeps them.
Without npm, or a network to bring the validator, it says so and ends with status 3."""
import argparse, json, shutil, subprocess, sys, tempfile
from pathlib import Path
import numpy as np
from skimage import data

VALIDATE = '''
const validator = require('gltf-validator'), fs = require('fs')
const check = path => validator.validateBytes(new Uint8Array(fs.readFileSync(path)), {uri: path, maxIssues: 0})
Promise.all(process.argv.slice(1).map(check)).then(found => console.log(JSON.stringify(found)))
'''
BLENDER = '''
import bpy, json, sys
from mathutils import Vector
found = {}
read = dict(glb=bpy.ops.import_scene.gltf, obj=bpy.ops.wm.obj_import, fbx=bpy.ops.import_scene.fbx)
files = sys.argv[1:]
for path in files: # more are added
    bpy.ops.wm.read_factory_settings(use_empty=True)
    read[path[-3:]](filepath=path)
    thing = next(o for o in bpy.data.objects if o.type == 'MESH')
    keys = thing.data.shape_keys.key_blocks if thing.data.shape_keys else []
    points = lambda data: [list(thing.matrix_world @ v.co) for v in data]
    bpy.context.view_layer.update()
    z = [p[2] for p in points(thing.data.vertices)]
    height, gaze = max(z) - min(z), thing.matrix_world.to_3x3() @ sum((v.normal for v in thing.data.vertices), Vector())
    images = [n.image for m in thing.data.materials for n in m.node_tree.nodes if n.type == 'TEX_IMAGE']
    found[path] = dict(keys=[k.name for k in keys], vertices=len(thing.data.vertices),
                       images=[[*i.size] for i in images if i and i.size[0]],
                       jaw=points(keys['jawOpen'].data) if keys else None, uv=len(thing.data.uv_layers),
                       height=height, gaze=[*gaze.normalized()])
    if not path.endswith('/lit.glb'): continue
    bpy.ops.export_scene.fbx(filepath=path[:-3] + 'fbx', object_types={'MESH'}, path_mode='COPY', embed_textures=True)
    files.append(path[:-3] + 'fbx')
print('FOUND' + json.dumps(found))
'''


def validator(folder):
    "Node's folder of modules with the validator, or None"
    if not shutil.which('npm'): return None
    done = subprocess.run(['npm', 'install', '--no-fund', '--no-audit', 'gltf-validator'], cwd=folder,
                          capture_output=True, text=True)
    if done.returncode: print(done.stderr.strip()[-500:])
    return None if done.returncode else folder


def validate(folder, files):
    "Raises AssertionError unless all files are without errors and warnings"
    run = subprocess.run(['node', '-e', VALIDATE, *map(str, files)], cwd=folder, capture_output=True, text=True,
                         check=True)
    for path, found in zip(files, json.loads(run.stdout)):
        issues, size = found['issues'], path.stat().st_size/1e6
        print(f'{path.name}: {size:.2f} MB, {issues["numErrors"]} errors, {issues["numWarnings"]} warnings, '
              f'{issues["numInfos"]} infos, {issues["numHints"]} hints')
        assert not issues['numErrors'] and not issues['numWarnings'], issues['messages'][:5]


def in_blender(python, files):
    run = subprocess.run([python, '-c', BLENDER, *map(str, files)], capture_output=True, text=True)
    line = next((r for r in run.stdout.splitlines() if r.startswith('FOUND')), None)
    assert line, run.stderr[-2000:]
    return json.loads(line[5:])


def check_blender(python, face, files):
    "Raises AssertionError unless Blender has shape keys, texture and places right"
    n, jaw = len(face.model.mean), face.neutral().with_expression(dict(jawOpen=1)).mesh('mm').vertices
    for path, found in in_blender(python, files).items():
        name, textured = Path(path).name, not Path(path).name.startswith('plain')
        print(f'{name} in Blender: {found["vertices"]} vertices, {len(found["keys"])} shape keys, {found["uv"]} layers '
              f'of uv, images {found["images"]}, {found["height"]:.3f} units high, facing '
              f'{[round(x, 2) for x in found["gaze"]]}')
        assert bool(found['images']) == bool(found['uv']) == textured, name
        unit = 10 if path.endswith('.obj') else 1 # dm, read as metres
        assert .2 < found['height']/unit < .35 and found['gaze'][1] < -.8, name # a head in metres, seen in front view
        if path.endswith('.obj'): continue
        assert found['keys'][1:] == face.model.exp_names, name
        x, y, z = 1000*np.array(found['jaw'])[:n].T # Blender's z is up
        away = np.abs(np.stack([x, z, -y], 1) - jaw).max()
        print(f'  jawOpen {away:.4f} mm from with_expression')
        assert away < 1e-3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--blender', help='a python that has bpy')
    blender = parser.parse_args().blender
    from deep3dface import reconstruct
    from deep3dface.reconstruction.gltf import save_glb
    plain = reconstruct(data.astronaut())[0]
    face = plain.textured()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        kinds = dict(textured=(face, {}), lit=(face, dict(lit=True)), png=(face, dict(picture='png')),
                     exact=(face, dict(exact=True)), page=(face, dict(step=2e-5)), plain=(plain, {}),
                     plain_lit=(plain, dict(lit=True)))
        files = [folder/f'{name}.glb' for name in kinds]
        for path, (one, how) in zip(files, kinds.values()): save_glb(one, path, **how)
        assert files[0].stat().st_size <= 6e6
        if blender: check_blender(blender, face, [f for f in files if f.stem != 'page'] + face.save(folder, 'obj')[:1])
        if not validator(folder):
            print('gltf-validator: no npm, or npm could not bring it')
            sys.exit(3)
        validate(folder, files)
    print('all well')


if __name__ == '__main__': main()
