"""The page of a face in a real browser, from the disk and without a network:

    python tests/page.py [--full] [--shots FOLDER]

Fails unless sliders move the face, the wireframe and the turn change the picture and can be taken back, the photo is
there, nothing is requested from anywhere, and the console stays silent.
Needs chromium and playwright (apt install chromium; pip install playwright)."""
import argparse, io, shutil, tempfile
from dataclasses import replace
from pathlib import Path
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from skimage import data

FLAGS = ('--headless=new --no-sandbox --disable-background-networking --use-angle=swiftshader '
         '--enable-unsafe-swiftshader --ignore-gpu-blocklist').split()
LOCAL = 'file:', 'data:', 'blob:'


def difference(a, b): return np.abs(a.astype(int) - b).mean() # grey levels


class Page:
    "A page in the browser"
    def __init__(self, browser, path):
        self.page, self.asked, self.console = browser.new_page(viewport=dict(width=1100, height=1300)), [], []
        self.page.on('request', lambda r: self.asked.append(r.url))
        self.page.on('console', lambda m: self.console.append(m.text))
        self.page.on('pageerror', lambda e: self.console.append(str(e)))
        self.page.goto(Path(path).resolve().as_uri())
        self.page.wait_for_selector('body[data-ready], #problem:not(:empty)', timeout=60000)
        self.page.wait_for_timeout(300)

    def picture(self):
        self.page.wait_for_timeout(200)
        return np.asarray(Image.open(io.BytesIO(self.page.locator('#view canvas').screenshot())).convert('RGB'))

    def put(self, unit, value):
        self.page.evaluate('([id, v]) => { const s = document.getElementById(id)\ns.value = v\ns.oninput() }',
                           [unit, value])

    def changes(self, what, act, undo):
        before = self.picture()
        act()
        moved = difference(before, self.picture())
        undo()
        back = difference(before, self.picture())
        print(f'  {what}: {moved:.2f} grey levels, back again {back:.2f}')
        assert moved > .2 and back < .1, what


def check(page, everything=True):
    "Everything a visitor can do, or one slider alone"
    click = lambda name: page.page.get_by_role('button', name=name, exact=True).click()
    problem = page.page.locator('#problem').text_content()
    assert not problem, problem
    assert page.page.evaluate('document.querySelector("main img").naturalWidth') == 512
    assert page.page.locator('#units input').count() == 52
    assert len(np.unique(page.picture().reshape(-1, 3), axis=0)) > 1000, 'the head is not drawn'
    for unit in ('jawOpen', 'mouthPucker', 'browInnerUp', 'mouthRight')[:4 if everything else 1]:
        page.changes(unit, lambda u=unit: page.put(u, 1), lambda: click('As in the photo'))
    if not everything: return
    page.changes('neutral', lambda: click('Neutral'), lambda: click('As in the photo'))
    page.changes('wireframe', lambda: click('Wireframe'), lambda: click('Wireframe'))
    page.changes('turn', lambda: (click('Turn'), page.page.wait_for_timeout(500), click('Turn')),
                 lambda: click('From the front'))
    view = page.page.locator('#view canvas').bounding_box()
    x, y = view['x'] + view['width']/2, view['y'] + view['height']/2
    mouse = page.page.mouse
    def drag():
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 80, y, steps=8)
        mouse.up()
    page.changes('mouse', drag, lambda: click('From the front'))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--shots', help='folder for pictures of the pages')
    parser.add_argument('--full', action='store_true', help='use the page of a face without texture as thoroughly')
    given = parser.parse_args()
    shots = given.shots
    from deep3dface import reconstruct
    face = reconstruct(data.astronaut())[0]
    faces = dict(textured=face.textured(), plain=replace(face))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which('chromium'), args=FLAGS)
        for name, one in faces.items():
            one.name = name
            path, = one.save(folder, 'html', texture=False)
            print(f'{name}: {path.stat().st_size/1e6:.2f} MB')
            page = Page(browser, path)
            if shots: page.page.screenshot(path=f'{shots}/{name}.png', full_page=True)
            check(page, name == 'textured' or given.full) # the same page
            away = [url[:80] for url in page.asked if not url.startswith(LOCAL)]
            print(f'  requests elsewhere {len(away)}, lines on the console {len(page.console)}')
            assert not away and not page.console, (away, page.console)
        browser.close()
    print('all well')


if __name__ == '__main__': main()
