"""What small files with large pictures cost: seconds of a core, and memory, of a process that reads one and looks for
faces, for each kind of pixels and file (Linux; at 15,800 pixels square it takes some minutes and 6 GB of memory, most
of it for making the files):

    python tests/large_pictures.py FOLDER [SIDE [MODE ...]]"""
import subprocess, sys
from pathlib import Path
from PIL import Image

KINDS = dict(png='LA P I;16 1 RGBA RGB', gif='P', webp='RGB RGBA', avif='RGB', jpg='L CMYK')
CODE = r"""
import re, sys, time
from deep3dface.photo.detection import detect_faces
from deep3dface.photo.reading import read_photo
began = time.process_time()
try: said = f'{len(detect_faces(read_photo(sys.argv[1])))} faces'
except ValueError as e: said = str(e).split(': ')[-1]
peak = int(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1])/2**20
print(f'{time.process_time() - began:.1f} {peak:.2f} {said}')
"""

folder, side = Path(sys.argv[1]), int((sys.argv[2:] or [15800])[0])
folder.mkdir(parents=True, exist_ok=True)
Image.MAX_IMAGE_PIXELS, most = None, (0., 0.)
for ending, modes in KINDS.items():
    for mode in modes.split():
        if sys.argv[3:] and mode not in sys.argv[3:]: continue
        file = folder/f'plain.{ending}'
        Image.new(mode, (side, side), 1).save(file)
        done = subprocess.run([sys.executable, '-c', CODE, file], capture_output=True, text=True, check=True)
        seconds, memory, said = done.stdout.strip().split(' ', 2)
        print(f'{file.stat().st_size/1000:8.0f} kB {ending} {mode}: {seconds} s, {memory} GB; {said}', flush=True)
        most = max(most[0], float(seconds)), max(most[1], float(memory))
        file.unlink()
print(f'at most {most[0]:.1f} s and {most[1]:.2f} GB at {side} pixels square')
assert most[0] < 20 and most[1] < 4
