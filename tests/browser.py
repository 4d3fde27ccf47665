"""The notebooks in a real browser:

    python tests/browser.py [--full] [--broken [--ways NAME...]] [--rate] [--shots FOLDER] [NOTEBOOK...]

Each notebook is run in JupyterLab, in a copy of its folder. It fails on an error in an output or on the console and
on a 3D picture that is not drawn. The notebooks of the widgets are also used: sliders and a ball move a face, a
texture is shown, moved and measured by clicks, a photo is chosen and its face appears, an overlay fades, pictures
side by side turn together, photos are leafed through, curves are read again, a live face moves, nothing piles up,
no face leaves its picture when it is dragged, everything is reached by the keyboard and has a name for a screen reader,
and a kernel that has ended is told of. Saved and opened again with a new kernel, and as HTML without a network, a
notebook shows its pictures (of those without a NOTEBOOK three; with --full all).
Without a NOTEBOOK: index, the notebooks of widgets and a tutorial; with --full all of them. Cells for a GPU are
left out.
--rate prints how many 3D pictures are drawn a second while sliders and a face are dragged; nothing depends on it.
With --broken the widgets are sabotaged in a small notebook, one way after the other: every one must be noticed, then
the status is 0.
Needs chromium and playwright (apt install chromium; pip install playwright)."""
import argparse, io, json, os, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.request
from contextlib import contextmanager
from pathlib import Path
import numpy as np
from PIL import Image

FLAGS = (
    '--headless=new --no-sandbox --disable-quic --no-first-run --disable-background-networking '
    '--disable-component-update --disable-sync '
    '--use-angle=swiftshader --enable-unsafe-swiftshader --ignore-gpu-blocklist --disable-gpu-compositing'
).split() # as a browser without a graphics card: WebGL and page are drawn by the processor
IGNORED = { # part of a console error -> why it does not count
    'favicon': 'a picture for the tab',
    'extensionmanager': 'lists extensions from the internet',
    'jupyterlab/api/news': 'news from the internet',
    'net::ERR_INTERNET_DISCONNECTED': 'there is no internet here',
    'net::ERR_NAME_NOT_RESOLVED': 'the same',
}
START = (
    "from deep3dface.widgets.explorer import explore\n"
    "from deep3dface.widgets.face_view import show_face\nfrom deep3dface.widgets.comparison import compare\n"
    "from deep3dface.reconstruction.pipeline import Reconstructor\nfrom skimage import data"
)
EXPLORE, FACE, SHOW, COMPARE = (
    "explore('open')", "face = Reconstructor()(data.astronaut())[0]", "show_face(face)",
    "compare([face, face.neutral(), face.with_expression(dict(jawOpen=.6))])",
)
SABOTAGE = {  # the check that must notice -> code that breaks something before the cells that follow
    'outputs': ("raise RuntimeError('sabotage')", START),
    'canvases': (
        "import deep3dface.widgets.face_state as w; "
        "w.byte_colors = lambda c: __import__('numpy').full((c.shape[1], 3), 255, 'uint8')",
        START,
        EXPLORE,
    ),
    'reach': (
        "import deep3dface.widgets.explorer as w; old = w.sliders_of; "
        "w.sliders_of = lambda *a: [k._replace(label='', word='') for k in old(*a)]",
        START,
        EXPLORE,
    ),
    'stays': (
        "import deep3dface.widgets.viewer as w; old = w.frame_of; "
        "w.frame_of = lambda v: (old(v)[0] + [0, 0, 1.8], old(v)[1])",
        START,
        EXPLORE,
    ),
    'keys': ("import deep3dface.widgets.display as w; w.KEYS = ''", START, EXPLORE),
    'reopens': (
        "import deep3dface.widgets.display as w; del w.View._ipython_display_",
        START,
        EXPLORE,
    ),
    'moves': ("import deep3dface.widgets.viewer as w; w.Viewer.put = lambda *a, **k: None", START, EXPLORE),
    'lights': ("import deep3dface.widgets.explorer as w; w.Ball.dragged = lambda *a: None", START, EXPLORE),
    'fades': (
        "import deep3dface.widgets.face_view as w; w.mixed = lambda photo, over, *a: photo.copy()",
        START, FACE, SHOW,
    ),
    'wears': ("import deep3dface.widgets.viewer as w; w.Viewer.dress = lambda *a: None", START, FACE, SHOW),
    'measures': ("import deep3dface.widgets.viewer as w; w.Ruler.mark = lambda *a: None", START, FACE, SHOW),
    'chooses': (
        "import deep3dface.widgets.upload as w; w.Upload.take = lambda *a: 'no'",
        "from deep3dface.widgets.upload import upload\nupload()",
    ),
    'plays': (
        "import deep3dface.widgets.live_view as w; w.LiveView.ready = lambda *a: False",
        "import numpy as np\nfrom skimage import data\nfrom deep3dface.widgets.live_view import live_view\n"
        "live_view(np.stack([data.astronaut()[i:i + 300, 60:460] for i in range(0, 60, 2)]))",
    ),
    'turns': (
        "import deep3dface.widgets.viewer as w; old = w.Viewer.__init__; "
        "w.Viewer.__init__ = lambda self, *a, **k: old(self, *a[:5], **k)",
        START, FACE, COMPARE,
    ),
    'closes': ("import deep3dface.widgets.display as w; w.CLOSED = ''", START, EXPLORE),
}

SIZE, DEFAULT = (
    dict(width=1500, height=1000),
    ('index', '9_widgets/05_dataset_browser', '9_widgets/06_explorer', '9_widgets/07_face_view',
     '9_widgets/08_comparison', '9_widgets/09_upload', '9_widgets/10_live',
     'tutorials/reconstruct'),
)
# opened again in a plain run: several pictures, one face, faces side by side; the others with --full
REOPENED = '05_dataset_browser.ipynb', '06_explorer.ipynb', '08_comparison.ipynb'
USED = {  # the checks that use what a notebook shows
    '05_dataset_browser.ipynb': ['leafs'],
    '06_explorer.ipynb': ['reach', 'keys', 'stays', 'poses', 'moves', 'lights', 'light_weight'],
    '07_face_view.ipynb': ['reach', 'stays', 'fades', 'wears', 'measures'],
    '08_comparison.ipynb': ['stays', 'turns'],
    '09_upload.ipynb': ['chooses', 'wears', 'measures'],
    '10_live.ipynb': ['plays'],
}
DRAWN = '06_explorer.ipynb', '07_face_view.ipynb', '08_comparison.ipynb'

class Noticed(Exception): "One fault is enough"

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

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
    env = os.environ | dict(
        JUPYTERLAB_SETTINGS_DIR=str(home / 'settings'), JUPYTER_CONFIG_DIR=str(home / 'config'),
        JUPYTERLAB_WORKSPACES_DIR=str(home / 'workspaces'), JUPYTER_RUNTIME_DIR=str(home / 'runtime'),
    )
    command = [
        sys.executable, '-m', 'jupyterlab', '--allow-root', '--no-browser', f'--port={port}', '--ip=127.0.0.1',
        '--IdentityProvider.token=', '--ServerApp.disable_check_xsrf=True', f'--ServerApp.root_dir={folder}',
        '--LabApp.expose_app_in_browser=True', '--ServerApp.port_retries=0',
    ]
    with open(home / 'server.log', 'w') as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(240):
            if process.poll() is not None:
                raise SystemExit(f'JupyterLab ended at once:\n{(home / "server.log").read_text()[-2000:]}')
            try:
                urllib.request.urlopen(f'http://127.0.0.1:{port}/api/status', timeout=2)
                break
            except OSError:
                time.sleep(0.25)
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

PATIENCE = 15 # seconds
def until(check, seconds=None):
    "Wait for something to become true"
    end = time.time() + (seconds or PATIENCE)
    while time.time() < end:
        if check(): return True
        time.sleep(.3)
    return False

def drawn(image):
    "Does a face cover the middle of the picture, in more than one colour?"
    h, w = image.shape[:2]
    middle = image[h//3:-h//3, w//3:-w//3].reshape(-1, 3)
    return (middle.min(1) < 235).mean() > .6 and middle.std(0).max() > 4 and (image.min(2) > 240).mean() > .1

def inside(image, rim=2):
    "Is there something in the middle, and only background along the edges?"
    edge = np.concatenate([image[:rim], image[-rim:], image[:, :rim].swapaxes(0, 1), image[:, -rim:].swapaxes(0, 1)], 1)
    h, w = image.shape[:2]
    middle = image[h//2 - 10:h//2 + 10, w//2 - 10:w//2 + 10]
    return (edge.min(2) > 235).mean() > .995 and (middle.min(2) < 235).mean() > .9

LEAPS = dict(ArrowRight='PageUp', ArrowLeft='PageDown') # five steps of a slider

class Lab:
    "A notebook in a browser"
    def __init__(self, page, url, name, once, home):
        self.page, self.name, self.once, self.faults, self.console = page, name, once, [], []
        self.url, self.home = url, Path(home)
        self.page.on(
            'console',
            lambda m: (
                self.console.append(m.text)
                if m.type == 'error' and not any(i in m.text + str(m.location) for i in IGNORED)
                else None
            ),
        )
        self.page.on('pageerror', lambda e: self.console.append(f'{e}'))
        self.open()

    def open(self):
        "The notebook in JupyterLab, with a kernel"
        self.page.goto(f'{self.url}/lab/tree/{self.name}?reset', wait_until='domcontentloaded')
        self.page.wait_for_selector('.jp-Notebook .jp-Cell', timeout=90_000)
        self.page.wait_for_function(
            "() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=90_000,
        )

    def close(self):
        "The page, and its kernel"
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()

    def run(self, seconds):
        "Run all cells and wait for the widgets"
        self.page.evaluate(
            "() => { window.ran = null; jupyterapp.commands.execute('notebook:run-all-cells')"
            ".then(() => { window.ran = true }, e => { window.ran = String(e) }) }"
        )
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
        for i in range(all_of.count()):
            self.ok(until(lambda: drawn(pixels(all_of.nth(i)))), f'3D picture {i + 1} of {all_of.count()} shows a face')
        return all_of.count()

    def nudge(self, box, kind, key='ArrowRight', times=20, leap=True):
        "Move a slider by its keys so many steps: five at a time by the larger ones, the last by the arrow"
        handle = box.locator(f'.d3d-{kind} .noUi-handle').first
        handle.scroll_into_view_if_needed()
        handle.focus()
        far = max(0, times//5 - 1) if leap else 0
        for _ in range(far): handle.press(LEAPS[key])
        for _ in range(times - 5*far): handle.press(key)

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

    def drag(self, stage, right, down):
        "Press on the middle of a 3D picture, move, let go"
        stage.scroll_into_view_if_needed()
        place = stage.bounding_box()
        x, y = place['x'] + place['width']/2, place['y'] + place['height']/2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for i in range(1, 6): self.page.mouse.move(x + right*i/5, y + down*i/5)
        self.page.mouse.up()
        self.page.wait_for_timeout(700)

    def stays(self):
        "Heads that are dragged are not cut off"
        box = self.box('.jupyter-threejs')
        stages = box.locator('.jupyter-threejs:not(.d3d-ball)').all()
        for right, down in ((0, 0), (90, 0), (-180, 0), (120, 70), (60, -140)):
            if right or down: self.drag(stages[0], right, down)
            for i, stage in enumerate(stages):
                whole = until(lambda: inside(pixels(stage)[8:])) # the buttons above throw a shadow
                self.ok(whole, f'dragged by {right, down}, head {i + 1} is in its picture')
        box.locator('.d3d-front').first.click()
        self.ok(until(lambda: all(drawn(pixels(s)) for s in stages)), 'and the front view shows the face')

    def poses(self):
        "The camera goes with a head that its sliders turn"
        box = self.box('.d3d-id-0', '.jupyter-threejs')
        stage = box.locator('.jupyter-threejs:not(.d3d-ball)').first
        box.get_by_role('tab', name='pose').click()
        before = pixels(stage)
        self.nudge(box, 'angle-1', times=85)
        self.ok(until(lambda: differ(before, pixels(stage))), 'the yaw slider turns the head')
        self.ok(until(lambda: inside(pixels(stage)[8:])), 'which is still in its picture')
        self.drag(stage, 90, 0)
        self.ok(until(lambda: inside(pixels(stage)[8:])), 'also when it is dragged')
        box.locator('.d3d-reset').first.click()
        box.locator('.d3d-front').first.click()
        self.ok(until(lambda: not differ(before, pixels(stage))), 'reset and front view restore it')
        box.get_by_role('tab', name='identity').click()

    def keys(self):
        "The arrow keys turn a 3D picture, and the notebook stays where it is"
        stage = self.box('.jupyter-threejs').locator('.jupyter-threejs:not(.d3d-ball) canvas').first
        name = stage.get_attribute('aria-label') or ''
        self.ok('face' in name and stage.evaluate('c => c.tabIndex') == 0, f'the Tab key reaches the picture: {name!r}')
        cell = "() => jupyterapp.shell.currentWidget.content.activeCellIndex"
        for key in ('ArrowRight', 'ArrowDown'):
            stage.focus()
            before, active = pixels(stage), self.page.evaluate(cell)
            for _ in range(4): stage.press(key)
            self.ok(until(lambda: differ(before, pixels(stage))), f'{key} turns it')
            self.ok(self.page.evaluate(cell) == active, 'and the active cell is the same')
        self.box('.jupyter-threejs').locator('.d3d-front').first.click()

    def reopens(self):
        "Opened again with a new kernel, and as a page without a network, the notebook shows its pictures"
        shown = (
            "() => [...document.querySelectorAll('.d3d-still')]"
            ".filter(i => i.checkVisibility() && i.naturalWidth).length"
        )
        n = self.page.locator('.jp-OutputArea-output .d3d-view:not(.d3d-view .d3d-view)').count()
        self.ok(self.page.evaluate(shown) == 0, 'beside a widget its picture is hidden')
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.open()
        self.ok(until(lambda: self.page.evaluate(shown) == n > 0), f'opened again, all {n} pictures are there')
        lost = self.page.locator('text=/Error displaying widget|Loading widget/')
        self.ok(not any(o.is_visible() for o in lost.all()), 'and no widget is missed')
        path = self.home/self.name
        command = [sys.executable, '-m', 'nbconvert', '--log-level=ERROR', '--to=html', str(path)]
        subprocess.run(command, check=True)
        page = self.page.context.browser.new_page(offline=True)
        page.goto(path.with_suffix('.html').as_uri(), wait_until='domcontentloaded')
        self.ok(until(lambda: page.evaluate(shown) == n), 'and so they are in HTML without a network')
        page.close()

    def fades(self):
        box = self.box('.d3d-opacity', '.d3d-photo')
        if box is None: return self.fault('no photo with an opacity slider')
        photo = box.locator('.d3d-photo').first
        self.nudge(box, 'id-0', times=80) # a face other than that in the photo
        self.page.wait_for_timeout(1500)
        before = pixels(photo)
        self.nudge(box, 'opacity', 'ArrowLeft', 60)
        self.ok(until(lambda: differ(before, pixels(photo))), 'the opacity slider changes the overlay')
        faded = pixels(photo)
        self.nudge(box, 'split', 'ArrowRight', 50)
        self.ok(until(lambda: differ(faded, pixels(photo))), 'the split slider uncovers the photo')

    def wears(self):
        "A textured face is moved by a slider, shown in every way, and kept as a picture"
        box = self.box('.d3d-photo', '.jupyter-threejs:not(.d3d-ball)')
        if box is None: return self.fault('no photo beside a 3D picture')
        stage = box.locator('.jupyter-threejs:not(.d3d-ball)').first
        look = lambda: pixels(stage)[8:]
        choose = lambda mode: box.locator('.widget-toggle-button', has_text=mode).first.click()
        box.locator('.d3d-reset').first.click()
        box.locator('.d3d-front').first.click()
        choose('texture')
        self.page.wait_for_timeout(2000)
        before = look()
        self.nudge(box, 'id-0', times=80)
        self.ok(until(lambda: differ(before, look())), 'a slider moves the textured face')
        self.page.wait_for_timeout(3000) # a slider's last value may come after a click
        box.locator('.d3d-reset').first.click()
        self.ok(until(lambda: not differ(before, look())), 'and reset restores it')
        box.get_by_role('tab', name='light').click()
        self.page.wait_for_timeout(1500) # the ball comes
        self.nudge(box, 'sun-0', times=40)
        self.ok(until(lambda: differ(before, look())), 'the light changes the textured face')
        self.page.wait_for_timeout(3000) # a slider's last value may come after a click
        box.locator('.d3d-reset').first.click()
        box.get_by_role('tab', name='identity').click()
        seen = [before]
        for mode in ('plain', 'albedo', 'normals', 'landmarks', 'wireframe'):
            choose(mode)
            new = until(lambda: all(differ(s, look()) for s in seen))
            self.ok(new, f'{mode} looks different from the others')
            seen.append(look())
        choose('texture')
        self.ok(until(lambda: not differ(before, look())), 'texture is as before')
        photo = box.locator('.d3d-photo').first
        bare = pixels(photo)
        box.locator('.d3d-dots input').first.click()
        self.ok(until(lambda: differ(bare, pixels(photo))), 'landmarks appear on the photo')
        box.locator('.d3d-screenshot').first.click()
        told = box.locator('.d3d-said').first
        self.ok(until(lambda: told.inner_text().endswith('.png'), 40), f'screenshot: {told.inner_text()}')

    def measures(self):
        "Two clicks on the face tell a distance, a turn of it none"
        box = self.box('.d3d-ruler', '.jupyter-threejs')
        if box is None: return self.fault('nothing to measure with')
        stage = box.locator('.jupyter-threejs:not(.d3d-ball)').first
        told = box.locator('.d3d-ruler').first
        stage.scroll_into_view_if_needed()
        before = pixels(stage)[8:]
        place = stage.bounding_box()
        def click(x, y): # shares of the picture
            self.page.mouse.click(place['x'] + x*place['width'], place['y'] + y*place['height'])
            self.page.wait_for_timeout(1000)
        click(.4, .46)
        self.ok('second' in told.inner_text(), f'a click on the face is noted: {told.inner_text()!r}')
        click(.62, .46)
        self.ok(until(lambda: ' mm' in told.inner_text(), 5), f'a second one tells {told.inner_text()!r}')
        self.ok(until(lambda: differ(before, pixels(stage)[8:])), 'and both are marked')
        known = told.inner_text()
        self.nudge(box, 'id-0', times=80)
        self.ok(until(lambda: told.inner_text() != known), f'a slider changes it: {told.inner_text()!r}')
        self.drag(stage, 60, 0)
        self.ok(' mm' in told.inner_text(), 'and a turn leaves it')
        box.locator('.d3d-reset').first.click()
        box.locator('.d3d-front').first.click()
        self.page.wait_for_timeout(700)
        click(.02, .05)
        self.ok(until(lambda: 'two points' in told.inner_text(), 5), 'a click beside the face begins anew')

    def chooses(self):
        "A photo chosen in the browser becomes a face"
        from skimage import data
        box = self.box('.d3d-upload')
        if box is None: return self.fault('nothing to choose a photo with')
        path = self.home/'someone.png'
        Image.fromarray(data.astronaut()).save(path)
        with self.page.expect_file_chooser() as chooser: box.locator('.d3d-upload').first.click()
        chooser.value.set_files(str(path))
        stage = box.locator('.jupyter-threejs:not(.d3d-ball)')
        there = until(lambda: stage.count() and drawn(pixels(stage.first)), 60)
        self.ok(there, f'the photo that was chosen becomes a face; {box.locator(".d3d-told").first.inner_text()!r}')

    def plays(self):
        "A live face moves from start to stop"
        box = self.box('.d3d-frame', '.d3d-start')
        if box is None: return self.fault('no live face')
        seen, stage = box.locator('.d3d-frame').first, box.locator('.jupyter-threejs').first
        told, before = box.locator('.d3d-told').first, (pixels(seen), pixels(stage)[8:])
        box.locator('.d3d-start').first.click()
        self.ok(until(lambda: 'a second, ' in told.inner_text(), 30), f'start begins: {told.inner_text()!r}')
        moved = lambda: differ(before[0], pixels(seen)) and differ(before[1], pixels(stage)[8:])
        self.ok(until(moved), 'frame and 3D face move')
        box.locator('.d3d-stop').first.click()
        self.ok(until(lambda: told.inner_text() == 'stopped'), f'stop ends it: {told.inner_text()!r}')
        self.page.wait_for_timeout(500)
        still = pixels(seen)
        self.page.wait_for_timeout(700)
        self.ok(not differ(still, pixels(seen)), 'and nothing moves any more')
        self.ok(drawn(pixels(stage)[8:]), 'the face is still there')

    def turns(self):
        rows = [
            o
            for o in self.page.locator('.jp-OutputArea-output').filter(has=self.page.locator('.jupyter-threejs')).all()
            if o.locator('.jupyter-threejs:not(.d3d-ball)').count() > 1
        ]
        if not rows: return self.fault('no faces side by side')
        a, b = rows[0].locator('.jupyter-threejs canvas').nth(0), rows[0].locator('.jupyter-threejs canvas').nth(1)
        before = pixels(a), pixels(b)
        a.scroll_into_view_if_needed()
        place = a.bounding_box()
        x, y = place['x'] + place['width']/2, place['y'] + place['height']/2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
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

    def lights(self):
        "The ball on the tab of the light"
        box = self.box('.d3d-id-0', '.jupyter-threejs')
        stage = box.locator('.jupyter-threejs:not(.d3d-ball)').first
        box.get_by_role('tab', name='light').click()
        ball = box.locator('.d3d-ball').first
        ball.wait_for(timeout=10_000)
        self.page.wait_for_timeout(1500)
        box.locator('.d3d-front').first.click()
        self.page.wait_for_timeout(700)
        for k in (3, 2): self.slide(box, f'light-{k}', 40) # from the left, from the front
        self.page.wait_for_timeout(1500)
        before = pixels(stage)[8:]
        place = ball.bounding_box()
        x, y = place['x'] + place['width']/2, place['y'] + place['height']/2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for i in range(1, 9): self.page.mouse.move(x + 5*i, y)
        self.page.mouse.up()
        self.ok(until(lambda: differ(before, pixels(stage)[8:])), 'the ball, dragged, moves the light')
        box.locator('.d3d-reset').first.click()
        box.get_by_role('tab', name='identity').click()

    def slide(self, box, kind, times): self.nudge(box, kind, times=times)

    def reach(self):
        "Every slider can be reached by the keyboard and has a label"
        bad = self.page.evaluate(
            "() => [...document.querySelectorAll('.d3d-view .widget-slider')]"
            ".filter(s => s.querySelector('.noUi-handle')?.tabIndex !== 0"
            " || !s.querySelector('.widget-label')?.textContent.trim()"
            " || s.querySelector('.noUi-handle').ariaLabel !== s.querySelector('.widget-label').textContent).length"
        )
        self.ok(
            not bad,
            f'{self.page.locator(".d3d-view .widget-slider").count()} sliders '
            'have a place in the row of the Tab key, and a label that is the name of their handle',
        )

    def light_weight(self, moves=100):
        "100 moves of 200 KB each leave nothing in the browser"
        box, cdp = self.box('.d3d-id-0', '.jupyter-threejs'), self.page.context.new_cdp_session(self.page)
        def heap():
            cdp.send('HeapProfiler.collectGarbage')
            use = cdp.send('Runtime.getHeapUsage')
            return (use['usedSize'] + use.get('backingStorageSize', 0))/1e6

        self.nudge(box, 'id-0', times=20)
        self.page.wait_for_timeout(2000)
        before = heap()
        self.nudge(box, 'id-0', 'ArrowLeft', moves, leap=False)
        self.page.wait_for_timeout(2000)
        grown = heap() - before
        self.ok(grown < 10, f'{moves} moves of a slider leave {grown:.1f} MB in the browser')

    def leafs(self):
        "Photos to keep or drop, and the curves of a run"
        box = self.box('.d3d-sheet')
        if box is None: return self.fault('no photos to leaf through')
        title, sheet = box.locator('.d3d-title').first, box.locator('.d3d-sheet').first
        told, seen = title.inner_text(), pixels(sheet)
        box.locator('.d3d-next').first.click()
        self.ok(until(lambda: title.inner_text() != told and differ(seen, pixels(sheet))), 'next shows another photo')
        told = title.inner_text()
        box.locator('.d3d-drop').first.click()
        self.ok(until(lambda: title.inner_text() != told), f'drop is noted: {title.inner_text()}')
        box = self.box('.d3d-curves')
        label = box.locator('.d3d-title').first
        told = label.inner_text()
        box.locator('.d3d-refresh').first.click()
        self.ok(until(lambda: label.inner_text() != told), f'refresh reads what is new: {label.inner_text()}')

    def closes(self):
        "A kernel that ends is told of in every widget"
        lines = self.page.locator('.d3d-closed')
        n = lines.count()
        shown = lambda: sum(lines.nth(i).is_visible() for i in range(n))
        self.ok(shown() == 0, 'no widget speaks of a kernel that has ended')
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.ok(until(lambda: n and shown() == n), f'after a restart all {n} do')
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.shutdown()")
        self.page.wait_for_timeout(1500)
        self.ok(n and shown() == n, 'and without a kernel')

def check(lab, args, broken=None):
    "All checks of one notebook, or the one that must notice what is broken"
    used = USED.get(Path(lab.name).name)
    lab.run(args.seconds)
    if broken: return getattr(lab, broken)()
    lab.outputs()
    if not lab.canvases() and Path(lab.name).name in DRAWN: lab.fault('no 3D picture at all')
    if args.shots: lab.shoot(args.shots, 'run')
    for part in used or (): getattr(lab, part)()
    if used and args.shots: lab.shoot(args.shots, 'used')
    for text in dict.fromkeys(lab.console): lab.fault(f'console: {text[:300]}')
    if used: lab.closes()
    if used and args.shots: lab.shoot(args.shots, 'closed')
    if used and (args.full or args.notebooks or Path(lab.name).name in REOPENED): lab.reopens()

def shoot(self, folder, word):
    "Every widget output as a file"
    Path(folder).mkdir(parents=True, exist_ok=True)
    for i, o in enumerate(
        self.page.locator('.jp-OutputArea-output').filter(has=self.page.locator('.jupyter-widgets')).all()
    ):
        o.scroll_into_view_if_needed()
        self.page.wait_for_timeout(300)
        o.screenshot(path=f'{folder}/{Path(self.name).stem}-{word}-{i}.png')
Lab.shoot = shoot

DRAG = """selector => {
  // drags the middle of an element to and fro, once for each frame of the page, and counts the 3D pictures drawn
  window.rate = null; let draws = 0
  for (const P of [WebGLRenderingContext.prototype, WebGL2RenderingContext.prototype]) {
    const old = P.drawElements; P.drawElements = function(...a) { draws += a[1] > 10000; return old.apply(this, a) } }
  setTimeout(async () => {
    const it = document.querySelector(selector), b = it.getBoundingClientRect()
    const x = b.x + b.width/2, y = b.y + b.height/2, top = document.elementFromPoint(x, y)
    const fire = (kind, x, on) => { for (const [Event, word] of [[PointerEvent, 'pointer'], [MouseEvent, 'mouse']])
      on.dispatchEvent(new Event(word + kind, {clientX: x, clientY: y, bubbles: true, cancelable: true,
        button: 0, buttons: 1, pointerId: 1, pointerType: 'mouse', isPrimary: true})) }
    fire('down', x, top); draws = 0
    const start = performance.now()
    for (let n = 0; performance.now() - start < 8000; n++) {
      await new Promise(requestAnimationFrame)
      fire('move', x + 4*(n % 21 - 10), it.matches('.noUi-handle') ? document.documentElement : top) }
    fire('up', x, top); window.rate = draws/8 }, 3000) }"""

DRAGGED = '.d3d-id-0 .noUi-handle'
RATES = { # what is dragged -> cells that show it, and which part of it
    'a slider': ([EXPLORE], DRAGGED),
    'a slider, with light from one side': (['side(explore())'], DRAGGED),
    'the same with 14,000 vertices': (['side(explore(foremost(14_000)))'], DRAGGED),
    'a slider beside a photo, with the overlay': ([FACE, SHOW], DRAGGED),
    'the face': ([EXPLORE], '.jupyter-threejs:not(.d3d-ball) canvas'),
}
HELP = """import torch
from deep3dface.model.morphable_model import MorphableModel
def side(view): view.set('sun', 0, .8); view.set('sun', 1, .3); return view
def foremost(n):
    model = MorphableModel.load('open')
    return model.keep(torch.cat([model.mean[:, 2].argsort(descending=True)[:n - 68], model.landmarks68]).unique())
"""

def rate(args, play):
    "Pictures a second while something is dragged; nobody listens, as developer tools get a copy of each message"
    for what, (cells, selector) in RATES.items():
        with tempfile.TemporaryDirectory() as home:
            home, port = Path(home), free_port()
            path = home/'nbs'/'small.ipynb'
            small(path, [START, HELP, *cells])
            command = [
                args.chromium, *FLAGS, f'--remote-debugging-port={port}', f'--user-data-dir={home}/profile',
                '--window-size={width},{height}'.format(**SIZE), 'about:blank',
            ]
            chromium = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            attach = lambda: play.chromium.connect_over_cdp(f'http://127.0.0.1:{port}')
            try:
                with server(path.parent, home) as url:
                    for _ in range(60):
                        try:
                            browser = attach()
                            break
                        except Exception:
                            time.sleep(0.5)
                    page = browser.contexts[0].pages[0]
                    lab = Lab(page, url, 'small.ipynb', False, path.parent)
                    lab.run(args.seconds)
                    page.locator(selector).first.scroll_into_view_if_needed()
                    page.evaluate(DRAG, selector)
                    browser.close() # lets go of it, without ending it
                    time.sleep(13)
                    page = attach().contexts[0].pages[0]
                    page.wait_for_function('() => window.rate !== null', timeout=30_000)
                    print(
                        f'  {page.evaluate("() => window.rate"):.1f} pictures a second while {what} is dragged',
                        flush=True,
                    )
            finally: os.killpg(chromium.pid, signal.SIGKILL)

def small(path, sources):
    "A notebook of a few cells"
    cell = lambda source, i: dict(
        cell_type='code', id=f'cell-{i}', metadata={}, execution_count=None, outputs=[], source=source
    )
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps(
            dict(
                cells=[cell(s, i) for i, s in enumerate(sources)],
                metadata=dict(kernelspec=dict(display_name='python3', language='python', name='python3')),
                nbformat=4,
                nbformat_minor=5,
            )
        )
    )

def alone(path):
    "Without the cell that exports, as the copy has no package to export to, and without those for a GPU"
    nb = json.loads(path.read_text())
    nb['cells'] = [
        c
        for c in nb['cells']
        if 'nbdev_export()' not in ''.join(c['source']) and 'skip-execution' not in c['metadata'].get('tags', [])
    ]
    path.write_text(json.dumps(nb))

def placed(notebook, folder):
    "A copy of a notebook, with all that lies around it"
    here = notebook.resolve()
    top = next(
        (p for p in here.parents if (p / 'index.ipynb').is_file()), here.parent
    )  # notebooks look into the folders above
    shutil.copytree(top, folder, ignore=shutil.ignore_patterns('.ipynb_checkpoints'))
    path = folder/notebook.resolve().relative_to(top)
    alone(path)
    return path

def go(browser, args, url, home, name, broken=None):
    "One notebook of the server; its faults"
    lab = None
    try:
        lab = Lab(browser.new_page(viewport=SIZE), url, name, args.broken, home)
        check(lab, args, broken)
    except Noticed: pass
    except Exception as e: # a page that never came, a wait that never ended
        text = f'{type(e).__name__}: {str(e).splitlines()[0]}'
        if lab is None:
            print(f'  FAULT {text}')
            return [text]
        lab.once = False
        lab.fault(text)
    finally:
        if lab: lab.close()
    return lab.faults

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('notebooks', nargs='*', type=Path)
    p.add_argument('--full', action='store_true', help='all notebooks')
    p.add_argument('--broken', action='store_true', help='break the widgets in several ways; every one must be noticed')
    p.add_argument('--ways', nargs='+', choices=list(SABOTAGE), help='with --broken: these ways only')
    p.add_argument(
        '--rate', action='store_true', help='print how many 3D pictures are drawn a second, and check nothing else'
    )
    p.add_argument('--shots', help='folder for screenshots')
    p.add_argument('--seconds', type=int, default=300, help='that a notebook may run')
    p.add_argument('--chromium', default=shutil.which('chromium') or '/usr/bin/chromium')
    args, start = p.parse_args(), time.time()
    if missing := [str(n) for n in args.notebooks if not n.is_file()]:
        p.error(f'no such notebook: {", ".join(missing)}')
    from playwright.sync_api import sync_playwright

    if args.broken:
        global PATIENCE
        PATIENCE = 6
    bad, nbs = 0, Path(__file__).resolve().parent.parent/'nbs'
    chosen = args.notebooks or (
        sorted(nbs.glob('**/*.ipynb')) if args.full else [nbs / f'{name}.ipynb' for name in DEFAULT]
    )
    with sync_playwright() as play:
        if args.rate: return rate(args, play)
        browser = play.chromium.launch(executable_path=args.chromium, args=FLAGS)
        with tempfile.TemporaryDirectory() as home, server(home, Path(home)) as url:
            for i, what in enumerate((args.ways or SABOTAGE) if args.broken else chosen):
                print(f'broken: {what}' if args.broken else what, flush=True)
                folder = Path(home)/f'{i}'/'nbs'
                if args.broken:
                    path = folder / 'small.ipynb'
                    small(path, SABOTAGE[what])
                else: path = placed(what, folder)
                faults = go(browser, args, url, home, path.relative_to(home), what if args.broken else None)
                if args.broken: print(f'  {"noticed" if faults else "NOT NOTICED"}')
                bad += bool(faults) != args.broken
        browser.close()
    print(f'{"failed" if bad else "all well"} ({time.time() - start:.0f} s)')
    raise SystemExit(1 if bad else 0)

if __name__ == '__main__': main()
