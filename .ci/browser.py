"""The widgets in a real browser:  python .ci/browser.py [--full] [--broken] [--rate] [--shots FOLDER] [NOTEBOOK...]

Each notebook is run in JupyterLab, in a copy of its folder. It fails on an error in an output or on the console, on a 3D picture that
is not drawn, and, with --full, on widgets that do not answer: a slider that moves no face, an overlay that does not fade, pictures side by
side that do not turn together. With --broken the widgets are sabotaged, one way after the other, and the checks must notice each: then the status is 0.
Without a NOTEBOOK it is a small one that shows all widgets with 3D pictures.
Needs chromium and playwright (apt install chromium; pip install playwright)."""
import argparse, io, json, os, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.request
from contextlib import contextmanager
from pathlib import Path
import numpy as np
from PIL import Image

FLAGS = ('--headless=new --no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync '
         '--use-angle=swiftshader --enable-unsafe-swiftshader --ignore-gpu-blocklist').split()
IGNORED = { # part of a console error -> why it does not count
    'favicon': 'a picture for the tab',
    'extensionmanager': 'lists extensions from the internet',
    'jupyterlab/api/news': 'news from the internet',
    'net::ERR_INTERNET_DISCONNECTED': 'there is no internet here',
    'net::ERR_NAME_NOT_RESOLVED': 'the same',
}
SABOTAGE = { # what breaks -> code that breaks it, run before the notebook's first cell
    'slider': "import deep3dface.widgets as w; w.Stage.put = lambda *a, **k: None",
    'overlay': "import deep3dface.widgets as w; w.mixed = lambda photo, over, *a: photo.copy()",
    'camera': "import deep3dface.widgets as w; old = w.Stage.__init__; w.Stage.__init__ = lambda self, *a: old(self, *a[:5])",
    'blank': "import deep3dface.widgets as w; w.byte_colors = lambda c: __import__('numpy').full((c.shape[1], 3), 255, 'uint8')",
    'error': "raise RuntimeError('sabotage')",
}

SMALL = ["from deep3dface.widgets import *\nfrom deep3dface.reconstruction import Reconstructor\nfrom skimage import data\nexplore('open')",
         "face = Reconstructor()(data.astronaut())[0]\nshow_face(face)", "compare([face, face.neutral(), face.with_expression(dict(jawOpen=.6))])"]

class Noticed(Exception): "One fault is enough"

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

@contextmanager
def server(folder, home):
    "JupyterLab on a folder; ended with all its kernels"
    port = free_port()
    settings = home/'settings'/'@jupyterlab'/'notebook-extension'
    settings.mkdir(parents=True)
    (settings/'tracker.jupyterlab-settings').write_text('{"windowingMode": "none"}') # every output stays in the page
    quiet = home/'settings'/'@jupyterlab'/'apputils-extension'
    quiet.mkdir(parents=True)
    (quiet/'notification.jupyterlab-settings').write_text('{"fetchNews": "false", "checkForUpdates": false}')
    env = os.environ | dict(JUPYTERLAB_SETTINGS_DIR=str(home/'settings'), JUPYTER_CONFIG_DIR=str(home/'config'), JUPYTERLAB_WORKSPACES_DIR=str(home/'workspaces'), JUPYTER_RUNTIME_DIR=str(home/'runtime'))
    command = [sys.executable, '-m', 'jupyterlab', '--allow-root', '--no-browser', f'--port={port}', '--ip=127.0.0.1', '--IdentityProvider.token=', '--ServerApp.disable_check_xsrf=True',
               f'--ServerApp.root_dir={folder}', '--LabApp.expose_app_in_browser=True', '--ServerApp.port_retries=0']
    with open(home/'server.log', 'w') as log: process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(240):
            if process.poll() is not None: raise SystemExit(f'JupyterLab ended at once:\n{(home/"server.log").read_text()[-2000:]}')
            try: urllib.request.urlopen(f'http://127.0.0.1:{port}/api/status', timeout=2); break
            except OSError: time.sleep(.25)
        yield f'http://127.0.0.1:{port}'
    finally:
        process.send_signal(signal.SIGTERM)
        try: process.wait(15) # it ends its kernels
        except subprocess.TimeoutExpired: os.killpg(process.pid, signal.SIGKILL)

def pixels(locator): # uint8 (H, W, 3)
    "What is seen of an element"
    locator.scroll_into_view_if_needed()
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert('RGB'))

def differ(a, b): return a.shape != b.shape or (np.abs(a.astype(int) - b).max(2) > 12).mean() > .002

def until(check, seconds=15):
    "Wait for something to become true"
    end = time.time() + seconds
    while time.time() < end:
        if check(): return True
        time.sleep(.3)
    return False

def drawn(image):
    "Does a face cover the middle of the picture, in more than one colour?"
    h, w = image.shape[:2]
    middle = image[h//3:-h//3, w//3:-w//3].reshape(-1, 3)
    return (middle.min(1) < 235).mean() > .6 and middle.std(0).max() > 4 and (image.min(2) > 240).mean() > .1

class Lab:
    "A notebook in a browser"
    def __init__(self, browser, url, name, once):
        self.page, self.name, self.once, self.faults, self.console = browser.new_page(viewport=dict(width=1500, height=1000)), name, once, [], []
        self.page.on('console', lambda m: self.console.append(m.text) if m.type == 'error' and not any(i in m.text + str(m.location) for i in IGNORED) else None)
        self.page.on('pageerror', lambda e: self.console.append(f'{e}'))
        self.page.goto(f'{url}/lab/tree/{name}?reset', wait_until='domcontentloaded')
        self.page.wait_for_selector('.jp-Notebook .jp-Cell', timeout=90_000)
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'", timeout=90_000)

    def run(self, seconds):
        "Run all cells and wait for the widgets"
        self.page.evaluate("() => { window.ran = null; jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.ran = true }, e => { window.ran = String(e) }) }")
        self.page.wait_for_function('() => window.ran !== null', timeout=1000*seconds)
        idle = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
        self.page.wait_for_function(idle, timeout=60_000)
        self.page.wait_for_timeout(2500)

    def fault(self, text):
        self.faults.append(text)
        print(f'  FAULT {text}', flush=True)
        if self.once: raise Noticed
    def ok(self, right, text): print(f'  {text}', flush=True) if right else self.fault(f'not so: {text}')

    def outputs(self):
        cells = self.page.evaluate("() => jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells")
        for i, cell in enumerate(cells):
            for o in cell.get('outputs', []):
                if o['output_type'] == 'error': self.fault(f'cell {i}: {o["ename"]}: {o["evalue"][:200]}')
        lost = self.page.locator('text=/Error displaying widget|Error creating widget|Loading widget/').count()
        if lost: self.fault(f'{lost} widgets are not shown')

    def box(self, *inside):
        "The first widget output that holds all of these"
        o = self.page.locator('.jp-OutputArea-output')
        for i in inside: o = o.filter(has=self.page.locator(i))
        return o.first if o.count() else None

    def canvases(self):
        all_of = self.page.locator('.jupyter-threejs')
        for i in range(all_of.count()): self.ok(until(lambda: drawn(pixels(all_of.nth(i))), 10), f'3D picture {i + 1} of {all_of.count()} shows a face')
        return all_of.count()

    def nudge(self, box, kind, key='ArrowRight', times=20):
        "Move a slider by its keys"
        handle = box.locator(f'.d3d-{kind} .noUi-handle').first
        handle.scroll_into_view_if_needed(); handle.focus()
        for _ in range(times): handle.press(key)

    def moves(self):
        box = self.box('.d3d-id-0', '.jupyter-threejs')
        if box is None: return self.fault('no 3D picture with an identity slider')
        stage = box.locator('.jupyter-threejs').first
        look = lambda: pixels(stage)[8:] # the buttons above throw a shadow
        box.locator('.d3d-reset').first.click() # the notebook may have left it elsewhere
        self.page.wait_for_timeout(1500)
        before = look()
        self.nudge(box, 'id-0', times=80)
        self.ok(until(lambda: differ(before, look())), 'the first identity slider changes the 3D picture')
        self.ok(drawn(look()), 'and a face is still there')
        box.locator('.d3d-reset').first.click()
        self.ok(until(lambda: not differ(before, look())), 'reset restores it')
        for mode in ('albedo', 'normals', 'landmarks', 'wireframe'):
            seen = look()
            box.locator('.widget-toggle-button', has_text=mode).first.click()
            self.ok(until(lambda: differ(seen, look())), f'{mode} looks different')
        box.locator('.widget-toggle-button', has_text='shaded').first.click()
        self.ok(until(lambda: not differ(before, look())), 'shaded is as before')
        box.locator('.d3d-random').first.click()
        self.ok(until(lambda: differ(before, look())), 'a random face is another')

    def fades(self):
        box = self.box('.d3d-opacity', '.d3d-photo')
        if box is None: return self.fault('no photo with an opacity slider')
        photo = box.locator('.d3d-photo').first
        before = pixels(photo)
        self.nudge(box, 'opacity', 'ArrowLeft', 60)
        self.ok(until(lambda: differ(before, pixels(photo))), 'the opacity slider changes the overlay')
        faded = pixels(photo)
        self.nudge(box, 'split', 'ArrowRight', 50)
        self.ok(until(lambda: differ(faded, pixels(photo))), 'the split slider uncovers the photo')

    def turns(self):
        rows = [o for o in self.page.locator('.jp-OutputArea-output').filter(has=self.page.locator('.jupyter-threejs')).all() if o.locator('.jupyter-threejs').count() > 1]
        if not rows: return self.fault('no faces side by side')
        a, b = rows[0].locator('.jupyter-threejs canvas').nth(0), rows[0].locator('.jupyter-threejs canvas').nth(1)
        before = pixels(a), pixels(b)
        a.scroll_into_view_if_needed()
        place = a.bounding_box()
        x, y = place['x'] + place['width']/2, place['y'] + place['height']/2
        self.page.mouse.move(x, y); self.page.mouse.down()
        for i in range(1, 9): self.page.mouse.move(x + 8*i, y)
        self.page.wait_for_timeout(700) # still held: both must turn while the mouse moves
        held = pixels(a), pixels(b)
        self.page.mouse.up()
        self.ok(differ(before[0], held[0]), 'dragging turns the first face')
        self.ok(differ(before[1], held[1]), 'and the second with it')
        rows[0].locator('.widget-toggle-button', has_text='error').first.click()
        self.ok(until(lambda: differ(held[1], pixels(b))), 'the error has other colours')
        rows[0].locator('.d3d-front').first.click()
        self.ok(until(lambda: not np.array_equal(held[0], pixels(a))), 'front view turns them back')

def check(lab, args):
    "All checks of one notebook"
    lab.run(args.seconds)
    lab.outputs()
    n = lab.canvases()
    if args.full and not n: lab.fault('no 3D picture at all')
    if args.rate: lab.rate()
    if args.shots: lab.shoot(args.shots, 'run')
    if args.full:
        for part in (lab.moves, lab.fades, lab.turns): part()
        if args.shots: lab.shoot(args.shots, 'used')
    for text in dict.fromkeys(lab.console): lab.fault(f'console: {text[:300]}')

def shoot(self, folder, word):
    "Every widget output as a file"
    Path(folder).mkdir(parents=True, exist_ok=True)
    for i, o in enumerate(self.page.locator('.jp-OutputArea-output').filter(has=self.page.locator('.jupyter-widgets')).all()):
        o.scroll_into_view_if_needed()
        self.page.wait_for_timeout(300)
        o.screenshot(path=f'{folder}/{Path(self.name).stem}-{word}-{i}.png')
Lab.shoot = shoot

COUNT = """() => { window.draws = 0; for (const P of [WebGLRenderingContext.prototype, WebGL2RenderingContext.prototype]) {
  const old = P.drawElements; P.drawElements = function(...a) { window.draws += a[1] > 10000; return old.apply(this, a) } } }"""

def rate(self, seconds=5):
    "Pictures a second while the first identity slider, and then the face, is dragged to and fro"
    box = self.box('.d3d-id-0', '.jupyter-threejs')
    self.page.evaluate(COUNT)
    for what, it in (('a slider', box.locator('.d3d-id-0 .noUi-handle').first), ('the face', box.locator('.jupyter-threejs').first)):
        it.scroll_into_view_if_needed()
        b = it.bounding_box(); x, y = b['x'] + b['width']/2, b['y'] + b['height']/2
        self.page.mouse.move(x, y); self.page.mouse.down(); self.page.evaluate('() => { window.draws = 0 }')
        end, k = time.time() + seconds, 0
        while time.time() < end: self.page.mouse.move(x + 4*(k % 21 - 10), y); k += 1
        print(f'  {self.page.evaluate("() => window.draws")/seconds:.1f} pictures a second while {what} is dragged', flush=True)
        self.page.mouse.up(); self.page.wait_for_timeout(2000)
Lab.rate = rate

def cell(source, name): return dict(cell_type='code', id=f'cell-{name}', metadata={}, execution_count=None, outputs=[], source=source)

def alone(path):
    "Without the cell that exports: the copy has no package to export to"
    nb = json.loads(path.read_text())
    nb['cells'] = [c for c in nb['cells'] if 'nbdev_export()' not in ''.join(c['source'])]
    path.write_text(json.dumps(nb))

def sabotaged(path, code):
    "Put a cell that breaks something before the others"
    nb = json.loads(path.read_text())
    nb['cells'].insert(0, cell(code, 'sabotage'))
    path.write_text(json.dumps(nb))

def go(browser, args, notebook, code=None):
    "One notebook in its own copy and server; its faults"
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        path = home/'nbs'/(notebook.name if notebook else 'small.ipynb')
        if notebook: shutil.copytree(notebook.resolve().parent, home/'nbs', ignore=shutil.ignore_patterns('.ipynb_checkpoints'))
        else: path.parent.mkdir(); path.write_text(json.dumps(dict(cells=[cell(s, i) for i, s in enumerate(SMALL)], metadata=dict(kernelspec=dict(display_name='python3', language='python', name='python3')), nbformat=4, nbformat_minor=5)))
        alone(path)
        if code: sabotaged(path, code)
        with server(home/'nbs', home) as url:
            lab = None
            try:
                lab = Lab(browser, url, path.name, args.broken)
                check(lab, args)
            except Noticed: pass
            except Exception as e: # a page that never came, a wait that never ended
                text = f'{type(e).__name__}: {str(e).splitlines()[0]}'
                if lab is None: print(f'  FAULT {text}'); return [text]
                lab.once = False
                lab.fault(text)
            finally:
                if lab: lab.page.close()
            return lab.faults

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('notebooks', nargs='*', type=Path)
    p.add_argument('--full', action='store_true', help='move sliders, turn faces')
    p.add_argument('--broken', action='store_true', help='break the widgets in several ways; every one must be noticed')
    p.add_argument('--rate', action='store_true', help='print how many 3D pictures are drawn a second; nothing depends on it')
    p.add_argument('--shots', help='folder for screenshots')
    p.add_argument('--seconds', type=int, default=300, help='that a notebook may run')
    p.add_argument('--chromium', default=shutil.which('chromium') or '/usr/bin/chromium')
    args, start = p.parse_args(), time.time()
    if missing := [str(n) for n in args.notebooks if not n.is_file()]: p.error(f'no such notebook: {", ".join(missing)}')
    from playwright.sync_api import sync_playwright
    bad = 0
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=args.chromium, args=FLAGS)
        for notebook in args.notebooks or [None]:
            args.full = args.full or args.broken or notebook is None
            for name, code in (SABOTAGE.items() if args.broken else [(None, None)]):
                print(f'{notebook or "small notebook"}' + (f', broken: {name}' if name else ''), flush=True)
                faults = go(browser, args, notebook, code)
                if args.broken: print(f'  {"noticed" if faults else "NOT NOTICED"}'); bad += not faults
                else: bad += bool(faults)
        browser.close()
    print(f'{"failed" if bad else "all well"} ({time.time() - start:.0f} s)')
    raise SystemExit(1 if bad else 0)

if __name__ == '__main__': main()
