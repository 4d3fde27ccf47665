"""What the files of a face weigh and how long they take:

    python bench/file_sizes.py [PHOTO]

Without a PHOTO the portrait that comes with scikit-image."""
import sys, tempfile, time
from pathlib import Path
from skimage import data
from deep3dface import reconstruct
from deep3dface.reconstruction.face import DEFAULT_FORMATS, file_formats, save_faces


def seconds(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


face = reconstruct(sys.argv[1] if sys.argv[1:] else data.astronaut())[0]
with tempfile.TemporaryDirectory() as folder:
    everything = (*DEFAULT_FORMATS, *sorted({*file_formats, *file_formats.modules} - {*DEFAULT_FORMATS}))
    save_faces([face], folder, everything) # compiles, and works out what all faces of the model share
    print(f'texture of 1024 texels: {seconds(face.textured)[0]:.2f} s')
    face = face.textured()
    for name in everything:
        spent, paths = seconds(lambda: save_faces([face], folder, (name,)))
        sizes = ', '.join(f'{path.name} {path.stat().st_size/1e6:.2f} MB' for path in paths)
        print(f'{name + ("" if name in DEFAULT_FORMATS else " (only when asked for)")}: {spent:.2f} s; {sizes}')
    total = seconds(lambda: save_faces([face], folder))[0]
    plain = seconds(lambda: save_faces([face], Path(folder)/'few', ('png', 'photo', 'obj_reference', 'mat')))[0]
print(f'default formats {total:.2f} s; png, photo, obj_reference and mat alone {plain:.2f} s')
