"""Clips through `deep3dface_video`, in about a minute:

    python tests/video.py FOLDER [--browser] [--long]

Clips of a public-domain portrait that is moved about, written by OpenCV and, where it is installed, PyAV: odd input has
one clear line each, what is done is not done again, a run that is killed with SIGKILL and started again has the files
of one that was not, sound and times survive, the animated head passes Khronos' validator where npm brings it. A clip
that plays live sends its numbers to a socket until Ctrl-C, and its track is written then.
With --browser, chromium plays the overlays with their sound (needs chromium and playwright).
With --long, also kills after each of six clips, damage at many places of every container, people who cross (photos in
DEEP3DFACE_PHOTOS), and a clip of ten minutes, whose memory has to stay flat: a quarter of an hour on two cores. Run it
after a change of frames, tracking, tracks or the command."""
import argparse, csv, json, os, random, shutil, signal, socket, subprocess, sys, time, wave
from importlib.util import find_spec
from pathlib import Path

os.environ |= dict(OMP_NUM_THREADS='1', NUMBA_NUM_THREADS='1', OPENCV_FFMPEG_LOGLEVEL='-8')
import cv2
import numpy as np
from PIL import Image
from skimage.data import astronaut
from forked import Forks

AV = find_spec('av') is not None
SIZE, RATE = (320, 240), 24.
COMMAND = [sys.executable, '-c', 'from deep3dface.cli import video_command\nvideo_command()']
FORKS = Forks() # but for kills and Ctrl-C


def moved(n, turn=0):
    "Frames of a portrait on a circle"
    photo = astronaut()[:300, 60:460]
    shift = lambda i: np.float32([[1, 0, 10*np.sin(i/3) - 40], [0, 1, 6*np.cos(i/3)]])
    return [np.ascontiguousarray(np.rot90(cv2.warpAffine(photo, shift(i), SIZE), turn)) for i in range(n)]


def written(path, frames, fps=RATE, codec='mp4v'):
    file = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, frames[0].shape[1::-1])
    for f in frames: file.write(cv2.cvtColor(f, cv2.COLOR_RGB2BGR))
    file.release()


def encoded(path, frames, codec='libx264', pixels='yuv420p', key=12):
    "A clip with a key frame every 12 frames, its table in front, by PyAV"
    import av
    front = dict(movflags='+faststart') if path.suffix in ('.mp4', '.mov') else {}
    with av.open(str(path), 'w', options=front) as file:
        stream = file.add_stream(codec, rate=24, options=dict(g=str(key)))
        (stream.height, stream.width), stream.pix_fmt = frames[0].shape[:2], pixels
        for f in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(f, format='rgb24')): file.mux(packet)
        for packet in stream.encode(): file.mux(packet)
    return path


def spoiled(data, place, count=2000):
    "Random bytes at a part of a file"
    at = int(len(data)*place)
    return data[:at] + random.Random(0).randbytes(count) + data[at + count:]


def with_sound(path, frames, times):
    "H.264 of uneven times, and a tone, by PyAV"
    import av
    from fractions import Fraction
    from deep3dface.reconstruction.track_overlay import TICKS
    with av.open(str(path), 'w') as file:
        video, sound = file.add_stream('libx264', rate=24), file.add_stream('aac', rate=44100, layout='mono')
        (video.width, video.height), video.pix_fmt = SIZE, 'yuv420p'
        video.codec_context.time_base = Fraction(1, TICKS)
        for t, f in zip(times, frames):
            picture = av.VideoFrame.from_ndarray(f, format='rgb24')
            picture.pts, picture.time_base = round(t*TICKS), Fraction(1, TICKS)
            for packet in video.encode(picture): file.mux(packet)
        for packet in video.encode(): file.mux(packet)
        tone = np.sin(np.arange(int(44100*times[-1]))*2*np.pi*440/44100).astype(np.float32)
        for i in range(0, len(tone), 1024):
            part = av.AudioFrame.from_ndarray(tone[None, i:i + 1024], format='fltp', layout='mono')
            part.sample_rate, part.pts, part.time_base = 44100, i, Fraction(1, 44100)
            for packet in sound.encode(part): file.mux(packet)
        for packet in sound.encode(): file.mux(packet)


def only_sound(path):
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))


def run(*words, status=0):
    "Lines of errors of a command; raises AssertionError for another status or a traceback"
    got, printed, errors = FORKS.run('deep3dface_video', *map(str, words), '--device', 'cpu')
    lines = [line for line in errors.replace('\r', '\n').splitlines() if line.strip() and 'frame/s' not in line]
    assert got == status and 'Traceback' not in errors, f'{words}: {got}\n{errors}'
    return lines, printed.splitlines()


def make_odd(folder):
    "Clips that are not as most are; name -> word of the line about it, '' where tracks are wanted"
    folder.mkdir()
    frames = moved(6)
    written(folder/'nobody.mp4', [np.full((240, 320, 3), 90, np.uint8)]*3)
    written(folder/'one.mp4', frames[:1])
    written(folder/'down.mp4', moved(6, 2))
    written(folder/'fast.avi', frames, 120., 'MJPG')
    only_sound(folder/'sound.mp4') # by its ending a video
    written(folder/'cut.mp4', frames)
    data = (folder/'cut.mp4').read_bytes()
    (folder/'cut.mp4').write_bytes(data[:len(data)//2])
    (folder/'text.mp4').write_text('no clip')
    (folder/'empty.mp4').touch()
    (folder/'notes.txt').write_text('no clip, named at the end')
    shutil.copy(folder/'one.mp4', folder/'-two words ü.mp4')
    (folder/'short.webm').write_bytes(b'\x1aE\xdf\xa3 V_VP9')
    (folder/'song.mkv').write_bytes(b'\x1aE\xdf\xa3 A_OPUS')
    first, *rest = map(Image.fromarray, frames)
    first.save(folder/'moving.gif', save_all=True, append_images=rest, duration=40)
    wrong = {'nobody.mp4': 'no face found', 'sound.mp4': 'holds sound and no pictures', 'cut.mp4': 'was cut short',
             'text.mp4': 'not a video', 'empty.mp4': 'the file is empty',
             'short.webm': 'no picture of it can be decoded', 'song.mkv': 'holds sound and no pictures'}
    if AV: make_halves(folder)
    return wrong, {'one': 1, '-two words ü': 1, 'down': 6, 'fast': 6, 'moving': 6}


def make_halves(folder):
    "Sound in an mp4, and mp4s that lack their end or middle but have their table of frames in front"
    import av
    data = encoded(folder/'half.mp4', moved(48)).read_bytes()
    (folder/'half.mp4').write_bytes(data[:len(data)*2//3])
    (folder/'hole.mp4').write_bytes(spoiled(data, .55))
    with av.open(str(folder/'voice.mp4'), 'w') as file:
        sound = file.add_stream('aac', rate=44100, layout='mono')
        part = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        part.sample_rate = 44100
        for packet in [*sound.encode(part), *sound.encode()]: file.mux(packet)


def check_odd(home):
    wrong, right = make_odd(home/'odd')
    partly = {'half.mp4': 'of 48 frames could be decoded', 'hole.mp4': 'damaged'} if AV else {}
    if AV: wrong |= {'voice.mp4': 'holds sound and no pictures'}
    lines, printed = run(home/'odd', '--out', home/'odd-out', '--formats', 'npz', status=1)
    for name, word in (wrong | partly).items():
        about = [line for line in lines if f'{name}: ' in line]
        assert len(about) == 1 and word in about[0], f'{name}: {about}'
    assert len(lines) == len(wrong | partly) + 1, lines # and the last line, with all names
    assert printed[-2].endswith('no clips: notes.txt') and (not AV or '2 in part: half.mp4, hole.mp4' in lines[-1])
    rows = {Path(r['clip']).stem: r for r in csv.DictReader(open(home/'odd-out/summary.csv'))}
    for name, count in right.items():
        assert (rows[name]['frames'], rows[name]['seen']) == (str(count), str(count)), rows[name]
    if AV: # what was decoded is kept
        assert 8 < int(rows['half']['frames']) < 46 and rows['half']['remark'], rows['half']
        assert 34 < int(rows['hole']['frames']) <= 48, rows['hole'] # what lies behind the hole, too
    run(home/'odd/-two words ü.mp4', '--out', home/'odd-out', '--formats', 'npz')
    again, printed = run(home/'odd', '--out', home/'odd-out', '--formats', 'npz', status=1)
    assert again == lines and f'{len(right) + len(partly)} of them before' in printed[-1], printed
    assert {Path(r['clip']).stem: r for r in csv.DictReader(open(home/'odd-out/summary.csv'))} == rows
    lines, _ = run('https://example.org/a.mp4', '--out', home/'odd-out', status=2)
    assert lines == ['deep3dface: https://example.org/a.mp4: is an address, not a file; download the clip first'], lines
    print(f'odd input: {len(wrong | partly)} clips with a line each, {len(right) + len(partly)} tracked; '
          f'{printed[-1].split(";")[0]}')


def check_pictures(home):
    "A folder of numbered pictures, and wrong use"
    (home/'pictures').mkdir()
    for i, f in enumerate(moved(11)): Image.fromarray(f).save(home/f'pictures/f{i}.png')
    run(home/'pictures', '--out', home/'pictures-out', '--formats', 'npz', 'csv', '--fps', '10')
    from deep3dface import Track
    track = Track.load(home/'pictures-out/pictures.npz')
    across = track.landmarks[:, 30, 0] # f2.png before f10.png: the nose goes as the picture was moved
    want = 10*np.sin(np.arange(11)/3)
    assert len(track) == 11 and np.abs(across - across.mean() - want + want.mean()).max() < 3, across
    assert np.allclose(track.time, np.arange(11)/10) and track.fps == 10
    lines, _ = run(home/'pictures', '--formats', 'fbx', status=2)
    assert len(lines) == 1 and "'fbx' is not known" in lines[0], lines
    print('a folder of numbered pictures: 11 frames in their order')


def files_of(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


def check_kill(home, kills=1):
    "Files of a run that was killed and started again are those of one that was not"
    (home/'many').mkdir()
    for i in range(2 + kills): written(home/f'many/clip{i}.mp4', moved(8 + 2*i))
    words = ['many', '--formats', 'npz', 'csv']
    os.chdir(home)
    run(*words, '--out', 'whole')
    want, hit = files_of(home/'whole'), 0
    for k in range(kills):
        begun = subprocess.Popen([*COMMAND, *words, '--out', 'killed', '--device', 'cpu'], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        until = time.time() + 60
        while time.time() < until and begun.poll() is None:
            if len(list((home/'killed').glob('*.npz'))) > k: break # so many clips are done
            time.sleep(.01)
        begun.send_signal(signal.SIGKILL)
        hit += begun.wait() != 0
        for name, data in files_of(home/'killed').items():
            assert name == 'summary.csv' or data == want[name], f'{name} is not whole after a kill'
    _, printed = run(*words, '--out', 'killed')
    got = files_of(home/'killed')
    assert got == want, [k for k in {*got, *want} if got.get(k) != want.get(k)]
    assert not list((home/'killed').glob('.part-*'))
    print(f'{hit} kills: {len(got)} files, byte for byte those of a run that was not killed; '
          f'{printed[-1].split(";")[0]}')
    parts = [subprocess.Popen([*COMMAND, *words, '--out', 'parts', '--part', f'{i}/2', '--device', 'cpu'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for i in (1, 2)]
    assert [p.wait() for p in parts] == [0, 0]
    assert files_of(home/'parts') == want, 'two parts side by side have one summary, and the files of one run'


def check_overlay(home):
    "Overlay, times and sound; returns the overlays"
    from deep3dface import Track
    from deep3dface.reconstruction.frames import Clip
    times = np.r_[0, np.cumsum(np.where(np.arange(11) % 4, .04, .12))] # uneven
    if AV: with_sound(home/'talk.mp4', moved(12), times)
    else: written(home/'talk.mp4', moved(12))
    run(home/'talk.mp4', '--out', home/'talk', '--formats', *'npz csv json glb arkit mp4'.split(), '--texture')
    track, over = Track.load(home/'talk/talk.json'), list(Clip(home/'talk/talk_overlay.mp4'))
    assert len(track) == len(over) == 12, (len(track), len(over))
    assert over[0].image.shape[1::-1] == SIZE
    print(f'overlay: {len(over)} frames, {"H.264" if AV else "VP9"}')
    if not AV: return [home/'talk/talk_overlay.mp4']
    assert np.allclose([f.time for f in over], times, atol=2e-3) and np.allclose(track.time, times, atol=2e-3)
    before, after = sound_length(home/'talk.mp4'), sound_length(home/'talk/talk_overlay.mp4')
    assert before and abs(before - after) < .03, (before, after)
    print(f'  uneven times kept to 2 ms, {after:.2f} s of sound of {before:.2f} s')
    from deep3dface.reconstruction.track_overlay import save_overlay
    save_overlay(track, home/'talk/plain_overlay.mp4', writer='opencv')
    return [home/'talk/talk_overlay.mp4', home/'talk/plain_overlay.mp4']


def sound_length(path):
    "Seconds of sound in a file"
    import av
    with av.open(str(path)) as file:
        return sum(f.samples/f.sample_rate for f in file.decode(file.streams.audio[0])) if file.streams.audio else 0


def check_live(home):
    "Numbers of a clip that plays live, over OSC and as JSON, until Ctrl-C; the track is written then"
    written(home/'live.mp4', moved(30*24))
    ear = lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with ear() as osc, ear() as udp:
        where = []
        for e in (osc, udp):
            e.bind(('127.0.0.1', 0))
            e.settimeout(60)
            where.append(f'127.0.0.1:{e.getsockname()[1]}')
        words = [home/'live.mp4', '--live', '--out', home/'live', '--formats', 'npz', '--device', 'cpu',
                 '--people', '1', '--udp', where[1], *(['--osc', where[0]] if find_spec('pythonosc') else [])]
        words, pipe = [*COMMAND, *map(str, words)], subprocess.PIPE
        begun = subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True)
        heard, got = [], [json.loads(udp.recv(65536)) for _ in range(8)]
        while find_spec('pythonosc') and len(heard) < 4: heard.append(osc.recv(65536))
        begun.send_signal(signal.SIGINT)
        printed, errors = begun.communicate(timeout=60)
    assert begun.returncode == 0 and 'Traceback' not in errors, errors
    from deep3dface import Track
    track = Track.load(home/'live/live.npz')
    faces = [p for f in got for p in f['people']]
    assert len(faces) >= 4 and all(len(p['units']) == 52 for p in faces), got
    assert {f['frame'] for f in got} <= set(track.frames.tolist()) and track.seen.mean() > .9
    assert not heard or any(b'/deep3dface/0/unit/jawOpen' in d for d in heard)
    print(f'live: {len(track)} frames until Ctrl-C, numbers heard over UDP{" and OSC" if heard else ""}')


def check_glb(home):
    "The animated head in Khronos' validator"
    from gltf import validate, validator
    (home/'node').mkdir()
    if not validator(home/'node'): return print('animated head: no npm, or it could not bring the validator')
    validate(home/'node', [home/'talk/talk.glb'])


def check_browser(paths):
    "Chromium plays what was written"
    from playwright.sync_api import sync_playwright
    script = '''path => new Promise((good, bad) => {
        const video = document.createElement('video')
        const heard = new AudioContext(), meter = heard.createAnalyser(), samples = new Float32Array(2048)
        heard.createMediaElementSource(video).connect(meter)
        let loud = 0
        const listen = setInterval(() => {
            meter.getFloatTimeDomainData(samples)
            loud = Math.max(loud, ...samples)
        }, 20)
        video.onended = () => {
            clearInterval(listen)
            good([video.videoWidth, video.videoHeight, video.duration, loud])
        }
        video.onerror = () => bad(video.error.message)
        video.src = path
        document.body.append(video)
        video.play().catch(bad)
    })'''
    with sync_playwright() as tool:
        how = '--no-sandbox', '--allow-file-access-from-files', '--autoplay-policy=no-user-gesture-required'
        browser = tool.chromium.launch(executable_path=shutil.which('chromium'), args=how)
        for path in paths:
            page = browser.new_page()
            page.goto(path.parent.as_uri())
            width, height, seconds, loud = page.evaluate(script, path.as_uri())
            print(f'{path.name} in chromium: {width} x {height}, {seconds:.2f} s, sound up to {loud:.2f}')
            assert (width, height) == SIZE and (loud > .05) == ('talk_overlay' in path.name and AV), loud
        browser.close()


def check_containers(home, places=8):
    "Cut and spoiled files of every container: frames or a line, never anything else; --long"
    from deep3dface.reconstruction.frames import Clip
    kinds = {'a.mp4': 'libx264', 'a.mkv': 'libx264', 'a.ts': 'libx264', 'a.avi': 'mpeg4', 'a.webm': 'libvpx-vp9'}
    tried = kept = silent = 0
    (home/'damage').mkdir()
    for name, codec in kinds.items():
        path = encoded(home/'damage'/name, moved(96), codec)
        data = path.read_bytes()
        for i in range(places):
            for broken in (data[:int(len(data)*(i + .5)/places)], spoiled(data, (i + .5)/places)):
                path.write_bytes(broken)
                tried += 1
                try:
                    clip = Clip(path)
                    count = len(list(clip))
                except ValueError as e: assert str(path) in str(e) and '\n' not in str(e), e
                else:
                    kept += 1
                    silent += not clip.note and count < 94 and name != 'a.ts' # a stream may end anywhere
    assert not silent, f'{silent} damaged files lost frames without a line'
    print(f'{tried} damaged files: of {kept} frames could be decoded, the others have a line')


def cut_head(photo):
    "A head of 150 px, and its oval"
    from deep3dface import reconstruct
    face = reconstruct(photo)[0].landmarks
    (x, y), side = (face.min(0) + face.max(0))/2, np.ptp(face, axis=0).max()
    part = photo[max(0, int(y - 1.1*side)):int(y + .9*side), max(0, int(x - .9*side)):int(x + .9*side)]
    head = cv2.resize(part, (140, 150), interpolation=cv2.INTER_AREA)
    return head, cv2.ellipse(np.zeros((150, 140), np.uint8), (70, 75), (68, 73), 0, 0, 360, 1, -1).astype(bool)


def check_crossing(home, count=72):
    "Two people who cross, the second in front: each track stays with one; --long, with photos in DEEP3DFACE_PHOTOS"
    from deep3dface import reconstruct_video
    from deep3dface.photo.reading import read_photo
    others = sorted(Path(os.environ.get('DEEP3DFACE_PHOTOS', '/nowhere')).glob('*.jpg'))[:4]
    for other in others:
        heads, frames = [cut_head(astronaut()), cut_head(read_photo(other))], []
        at = np.stack([np.linspace(90, 550, count), np.linspace(550, 90, count)], 1).round().astype(int)
        for places in at:
            frames.append(np.full((360, 640, 3), 110, np.uint8))
            for x, (head, oval) in zip(places, heads): frames[-1][105:255, x - 70:x + 70][oval] = head[oval]
        tracks = reconstruct_video(encoded(home/f'cross_{other.stem}.mp4', frames), device='cpu')
        assert len(tracks) == 2, tracks
        owners = []
        for t in tracks:
            off = np.abs(t.landmarks[:, :, :1].mean(1) - at) # from either head
            some = np.flatnonzero(t.seen & (np.abs(at[:, 0] - at[:, 1]) > 60))
            owners += [set(off[some].argmin(1))]
        assert sorted(owners, key=list) == [{0}, {1}], owners
    print(f'{len(others)} crossings: two tracks each, that stay with their people')


def check_memory(home, minutes=10):
    "Memory over a long clip, MB; --long"
    encoded(home/'long.mp4', [f[30:210] for f in moved(96)]*(15*minutes), key=96)
    script = f'''
import resource
from deep3dface import reconstruct_video
rows = []
def note(done):
    if done % 1200 < 4: rows.append(int(open('/proc/self/statm').read().split()[1])*4096/1e6)
tracks = reconstruct_video({str(home/'long.mp4')!r}, progress=note, device='cpu')
tracks[0].save({str(home/'long')!r}, ('npz', 'csv'))
print(len(tracks[0]), *map(round, rows), round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1e3))'''
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=True)
    frames, *memory, most = map(int, done.stdout.split())
    print(f'{frames} frames: MB of memory every 1,200 frames {memory}, at most {most} until it is saved')
    assert frames == 1440*minutes and memory[-1] - memory[0] < 100, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path, help='made here')
    parser.add_argument('--browser', action='store_true')
    parser.add_argument('--long', action='store_true')
    given = parser.parse_args()
    home, begun = given.folder.resolve(), time.time()
    home.mkdir(parents=True)
    check_odd(home)
    check_pictures(home)
    check_kill(home)
    overlays = check_overlay(home)
    check_live(home)
    check_glb(home)
    if given.browser: check_browser(overlays)
    if given.long:
        (home/'again').mkdir()
        check_kill(home/'again', 6)
        check_containers(home)
        check_crossing(home)
        check_memory(home)
    spent = sum(os.times()[:4])
    print(f'all well, {time.time() - begun:.0f} s, {spent:.0f} s of them on a processor')


if __name__ == '__main__': main()
