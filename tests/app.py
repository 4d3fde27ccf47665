"""The page of deep3dface_app in a real browser:

    python tests/app.py [--shots FOLDER]

Fails unless a dropped photo and the camera give a face, a slider moves it, several faces can be chosen, downloads
arrive, wrong files are answered in a line, nothing is requested from elsewhere by browser or server, and after the end
no file is left. --shots writes pictures of the page, light and dark.
Needs chromium, playwright and nicegui (apt install chromium; pip install playwright 'deep3dface[app]')."""
import argparse, io, os, re, shutil, signal, subprocess, sys, tempfile, time, zipfile
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from skimage import data

FLAGS = ('--headless=new --no-sandbox --disable-background-networking --use-angle=swiftshader '
         '--enable-unsafe-swiftshader --ignore-gpu-blocklist --use-fake-ui-for-media-stream '
         '--use-fake-device-for-media-stream').split()
WATCHED = '''
import sys
log = open(sys.argv.pop(1), 'w', buffering=1)
def watch(event, args):
    if event in ('socket.connect', 'socket.sendto'): log.write(f'{event} {args[1]}\\n')
    if event == 'socket.getaddrinfo': log.write(f'{event} {args[0]}\\n')
sys.addaudithook(watch)
from deep3dface.cli import app_command
app_command()
''' # the command, with a list of the addresses that it turns to
HERE = '127.0.0.1', 'localhost'
STARTED = time.time()


def told(text): print(f'{time.time() - STARTED:5.1f} s  {text}', flush=True)


def started(home, *options):
    "The command and the address that it prints"
    env = os.environ | dict(TMPDIR=str(home/'tmp'))
    command = [sys.executable, '-c', WATCHED, str(home/'addresses'), '--no-browser', '--max-mb', '2', *options]
    process = subprocess.Popen(command, cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if found := re.match(r'http://\S+', line): return process, found[0]
    raise SystemExit(f'the page did not start: {line}{process.stderr.read()}')


def ended(process, how):
    "End the command; its status and what it printed"
    process.send_signal(how)
    out, err = process.communicate(timeout=15)
    return process.returncode, out.strip(), err.strip()


@contextmanager
def served(home):
    process, url = started(home, '--port', '0')
    try: yield process, url
    finally: process.kill()


def portrait(): return data.astronaut()[:400, 60:400]


def photo_files(folder):
    "Photos, and what is none"
    one, two = portrait(), np.concatenate([portrait(), portrait()[:, ::-1]], 1)
    for name, pixels in {'portrait.png': one, 'two.png': two, 'grey.png': np.full((200, 200, 3), 128, np.uint8),
                         'blurred.png': one[::6, ::6].repeat(6, 0).repeat(6, 1)}.items():
        Image.fromarray(pixels).save(folder/name)
    (folder/'broken.jpg').write_bytes(b'no picture')
    (folder/'large.jpg').write_bytes(bytes(2_100_000))


def camera_film(path):
    "The portrait as what a camera sees (Y4M)"
    y, cb, cr = Image.fromarray(portrait()).resize((544, 640)).convert('YCbCr').split()
    planes = [y, cb.reduce(2), cr.reduce(2)]
    frame = b'FRAME\n' + b''.join(np.asarray(p).tobytes() for p in planes)
    path.write_bytes(b'YUV4MPEG2 W544 H640 F10:1 Ip A1:1 C420\n' + frame*10)


class Visitor:
    "A page in the browser"
    def __init__(self, browser, url, **how):
        self.page, self.url, self.asked, self.console = browser.new_page(**how), url, [], []
        self.page.on('request', lambda r: self.asked.append(r.url))
        self.page.on('websocket', lambda w: self.asked.append(w.url))
        self.page.on('console', lambda m: self.console.append(m.text) if m.type in ('error', 'warning') else None)
        self.page.on('pageerror', lambda e: self.console.append(str(e)))
        self.page.goto(url)
        self.page.wait_for_selector('.q-uploader input[type=file]', state='attached')

    def away(self):
        "What was requested from elsewhere"
        mine = self.url.removeprefix('http://').rstrip('/')
        return [u[:90] for u in self.asked if not re.match(rf'(http|ws)://{re.escape(mine)}/|(data|blob):', u)]

    def give(self, path): self.page.set_input_files('.q-uploader input[type=file]', path)

    def face(self, name):
        "The frame with the face of that name, drawn"
        self.page.wait_for_selector('iframe[src*="/faces/"]', timeout=30000)
        frame = self.page.frame_locator('iframe')
        frame.locator('h1', has_text=re.compile(f'^{name}$')).wait_for(timeout=30000)
        frame.locator('body[data-ready]').wait_for(timeout=30000)
        return frame

    def problem(self, word):
        "The line with a word in it that a wrong photo gets"
        line = self.page.locator('.d3d-problem', has_text=word)
        line.wait_for(timeout=20000)
        return line.inner_text()

    def download(self, name):
        "A file, as the browser saves it"
        link = self.page.locator('.d3d-files a', has_text=re.compile(f'^{name}$'))
        with self.page.expect_download() as arriving: link.click()
        return arriving.value.suggested_filename, Path(arriving.value.path()).read_bytes()


def picture(frame):
    return np.asarray(Image.open(io.BytesIO(frame.locator('#view canvas').screenshot())).convert('RGB')).astype(int)


def check_face(visitor, home):
    "A photo in, a face out, moved and saved"
    visitor.give(home/'portrait.png')
    frame = visitor.face('portrait')
    told('a face is there')
    assert frame.locator('#units input').count() == 52
    before = picture(frame)
    frame.locator('#jawOpen').evaluate('s => { s.value = 1; s.oninput() }')
    visitor.page.wait_for_timeout(300)
    moved = np.abs(picture(frame) - before).mean()
    assert moved > .2, moved
    told(f'a slider moves it: {moved:.2f} grey levels')
    name, block = visitor.download('glb')
    assert name == 'portrait.glb' and block[:4] == b'glTF', name
    name, block = visitor.download('all')
    inside = zipfile.ZipFile(io.BytesIO(block)).namelist()
    assert name == 'portrait.zip' and {'portrait.obj', 'portrait.html', 'portrait.json', 'portrait.csv'} <= {*inside}
    told(f'downloads arrive: {len(inside)} files in one .zip')


def check_others(visitor, home):
    "Two people, a doubtful one, none at all, and no picture"
    visitor.give(home/'two.png')
    visitor.face('two')
    buttons = visitor.page.locator('.d3d-pick')
    assert buttons.count() == 2
    buttons.nth(1).click()
    visitor.face('two_1')
    assert visitor.page.locator('.d3d-pick').nth(1).get_attribute('aria-pressed') == 'true'
    told('of two faces the second is chosen')
    visitor.give(home/'blurred.png')
    visitor.face('blurred')
    assert visitor.page.locator('.d3d-doubt').inner_text().startswith('Doubtful: ')
    told(visitor.page.locator('.d3d-doubt').inner_text())
    wrong = {'grey.png': 'no face found', 'broken.jpg': 'broken: not an image', 'large.jpg': 'at most 2 MB'}
    for name, word in wrong.items():
        visitor.page.wait_for_timeout(1000) # a hand takes longer; the page may still be clearing the last one away
        visitor.give(home/name)
        line = visitor.problem(word)
        assert '\n' not in line, line
        told(f'{name}: {line}')


def check_camera(visitor):
    "The camera, which sees the portrait"
    visitor.page.get_by_role('button', name='Use the camera').click()
    visitor.page.wait_for_function('document.querySelector("video").videoWidth > 0')
    visitor.page.wait_for_timeout(300)
    visitor.page.get_by_role('button', name='Take', exact=True).click()
    visitor.face('camera')
    visitor.page.get_by_role('button', name='Close', exact=True).click()
    visitor.page.wait_for_function('document.querySelector("video").srcObject === null')
    told('the camera gives a face')


def check_refusals(url):
    "Other names, other pages, too much, and faces of nobody"
    def status(path='/', method='GET', **headers):
        connection = HTTPConnection(url.removeprefix('http://').rstrip('/'), timeout=10)
        connection.request(method, path, headers={k.replace('_', '-'): v for k, v in headers.items()})
        return connection.getresponse().status
    assert status() == 200
    assert status(Host='evil.example') == 421
    assert status(Origin='https://evil.example') == 403
    assert status('/', 'POST', Content_Length='2200000') == 413
    assert status('/faces/nobody/0/glb') == status('/faces/..%2f..%2fetc/0/passwd') == 404
    told('other names, pages and keys are refused')


def check_closed(visitor, home):
    "A photo goes when its page is closed"
    kept = lambda: [*(home/'tmp').glob('*/*/*')]
    assert kept()
    visitor.page.close()
    end = time.time() + 20
    while kept() and time.time() < end: time.sleep(.2)
    assert not kept(), kept()
    told('the page is closed: its photo is forgotten')


def check_ends(process, url, home):
    "Port in use; Ctrl-C and SIGTERM leave nothing"
    port = url.rstrip('/').rpartition(':')[2]
    command = [sys.executable, '-c', 'from deep3dface.cli import app_command; app_command()', '--port', port]
    second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode == 2 and len(second.stderr.splitlines()) == 1 and 'is in use' in second.stderr, second
    assert [*(home/'tmp').iterdir()], 'the folder of the page is not where it is looked for'
    status, out, err = ended(process, signal.SIGINT)
    assert (status, out, err) == (0, 'ended', ''), (status, out, err)
    assert not [*(home/'tmp').iterdir()], [*(home/'tmp').rglob('*')]
    elsewhere = [line for line in (home/'addresses').read_text().splitlines() if not any(h in line for h in HERE)]
    assert not elsewhere, elsewhere
    process, _ = started(home, '--port', port)
    status, out, err = ended(process, signal.SIGTERM)
    assert (status, err) == (128 + signal.SIGTERM, ''), (status, out, err)
    assert not [*(home/'tmp').iterdir()] and not (home/'.nicegui').exists()
    told('ended by Ctrl-C and by SIGTERM: no file is left')


def shoot(browser, url, home, folder):
    "Pictures of the page"
    for scheme, name in (('light', 'app'), ('dark', 'app_dark')):
        visitor = Visitor(browser, url, color_scheme=scheme, viewport=dict(width=1180, height=900))
        visitor.give(home/'portrait.png')
        visitor.face('portrait')
        visitor.page.wait_for_timeout(500)
        shot = Image.open(io.BytesIO(visitor.page.screenshot(full_page=True))).convert('RGB')
        shot.thumbnail((900, 2000))
        shot.save(f'{folder}/{name}.webp', quality=80)
        visitor.page.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--shots', help='folder for pictures of the page')
    shots = parser.parse_args().shots
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        home = Path(folder)
        (home/'tmp').mkdir()
        photo_files(home)
        camera_film(home/'camera.y4m')
        film = f'--use-file-for-fake-video-capture={home}/camera.y4m'
        browser = play.chromium.launch(executable_path=shutil.which('chromium'), args=[*FLAGS, film])
        with served(home) as (process, url):
            told(f'{url} is there')
            visitor = Visitor(browser, url, viewport=dict(width=680, height=700))
            check_face(visitor, home)
            check_others(visitor, home)
            check_camera(visitor)
            assert not visitor.away() and not visitor.console, (visitor.away(), visitor.console)
            told(f'{len(visitor.asked)} requests, none of them elsewhere; the console is silent')
            check_refusals(url)
            check_closed(visitor, home)
            if shots: shoot(browser, url, home, shots)
            check_ends(process, url, home)
        browser.close()
    print('all well')


if __name__ == '__main__': main()
