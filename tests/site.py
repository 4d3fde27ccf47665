"""The web site in a real browser:  python tests/site.py SITE [--every 3] [--shots FOLDER]

SITE is what `python -m deep3dface.book --out SITE` wrote. It is served on this machine. A request to anywhere else is
refused and counted, and there must be none. Every page is opened (with --every 3 each third, and those that are used
below): no error on the console, pictures loaded and described, formulas set, nothing wider than the window, wide
formulas and tables that scroll, and no page heavier than it may be. Links lead to files. Then the site is used: the
search finds definitions first, links lead from notebook to notebook, contents are numbered, the dark mode is dark, a
narrow window has its menu, and a face turns when it is dragged.
Needs chromium and playwright (apt install chromium; pip install playwright)."""
import argparse
import ast
import functools
import html
import io
import re
import shutil
import threading
import time
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
from PIL import Image

FLAGS = ('--headless=new --no-sandbox --disable-quic --no-first-run --disable-background-networking '
         '--disable-component-update --disable-sync --use-angle=swiftshader --enable-unsafe-swiftshader '
         '--ignore-gpu-blocklist').split()
HEAVY = 4e6  # bytes that a page may take, with its pictures, styles and MathJax, without the 3D views
DEFINITIONS = {  # what is searched -> module that must come first
    'decode': 'rendering.renderer', 'sh_basis': 'rendering.illumination', 'Camera': 'rendering.camera',
    'MorphableModel': 'model.morphable_model', 'reconstruct': 'reconstruction.pipeline',
    'ReconNet': 'networks.recon_net',
    'render': 'rendering.renderer', 'fit': 'reconstruction.fitting', 'split': 'model.coefficients',
    'photometric_loss': 'training.losses', 'Face.overlay': 'reconstruction.face'}

PAGE = """() => ({
  images: [...document.images]
    .filter(i => !i.alt.trim() || /\\.(png|jpe?g|gif|svg|webp)$/.test(i.alt) || i.complete && !i.naturalWidth)
    .map(i => i.src.slice(0, 90) + ' ' + i.alt),
  wide: document.documentElement.scrollWidth - innerWidth,
  formulas: document.querySelectorAll('.math').length,
  set: document.querySelectorAll('mjx-container').length,
  wrong: document.querySelectorAll('mjx-merror, [data-mjx-error]').length,
  title: document.querySelector('h1')?.innerText || ''})"""
PARTS = 'article mjx-container, article table, article pre, article img'
OUTSIDE = """parts => [...document.querySelectorAll(parts)].filter(e => {
  const right = e.getBoundingClientRect().right
  if (right <= innerWidth + 1) return false
  for (let p = e; p && p.tagName != 'ARTICLE'; p = p.parentElement) {
    const s = getComputedStyle(p)
    const cut = ['auto', 'scroll', 'hidden'].includes(s.overflowX)
    if (cut && p.getBoundingClientRect().right <= innerWidth + 1) return false }
  return true }).map(e => e.tagName + ' ' + e.innerText?.slice(0, 40))"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass

    def copyfile(self, source, out):
        try: super().copyfile(source, out)
        except (BrokenPipeError, ConnectionResetError): pass  # the browser has left the page


@contextmanager
def served(folder):
    "Its address"
    server = ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()


def pixels(locator): return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert('RGB')).astype(int)


class Site:
    "The site, its faults, and what it asked for elsewhere"
    def __init__(self, browser, url, shots):
        self.browser, self.url, self.shots = browser, url, shots
        self.faults, self.console, self.away, self.bytes = [], [], [], 0
        self.page = self.opened()

    def opened(self, **how):
        "A new window"
        context = self.browser.new_context(**(dict(viewport=dict(width=1400, height=900)) | how))
        context.route('**/*', self.guard)
        page = context.new_page()
        page.on('console', lambda m: self.console.append(m.text) if m.type == 'error' else None)
        page.on('pageerror', lambda e: self.console.append(str(e)))
        page.on('response', self.weigh)
        return page

    def guard(self, route):
        address = route.request.url
        parts = urlparse(address)
        if parts.hostname == '127.0.0.1' or parts.scheme in ('data', 'blob', 'about'): return route.continue_()
        self.away.append(address)
        route.abort()

    def weigh(self, response):
        if '/views/' not in response.url: self.bytes += int(response.headers.get('content-length') or 0)

    def ok(self, right, text):
        if not right: self.faults.append(text)
        print(f'  {text}' if right else f'  FAULT not so: {text}', flush=True)

    def goto(self, name, page=None):
        page = page or self.page
        page.goto(f'{self.url}/{name}', wait_until='load')
        if page.locator('.math').count():
            page.wait_for_function('() => window.MathJax?.startup?.promise?.then(() => true)')
        return page

    def shoot(self, name, page=None, whole=False):
        if self.shots: (page or self.page).screenshot(path=f'{self.shots}/{name}.png', full_page=whole)

    def look(self, name):
        "One page"
        self.console.clear()
        self.bytes = 0
        self.page.goto('about:blank')
        seen = self.goto(name).evaluate(PAGE)
        wrong = [f'console: {c[:200]}' for c in self.console] + [f'picture: {i}' for i in seen['images']]
        if seen['wide'] > 1: wrong.append(f'{seen["wide"]} px wider than the window')
        if seen['set'] < seen['formulas'] or seen['wrong']:
            wrong.append(f'{seen["formulas"]} formulas, {seen["set"]} set, {seen["wrong"]} wrong')
        if self.bytes > HEAVY: wrong.append(f'{self.bytes/1e6:.1f} MB')
        if not seen['title'] and name not in ('search.html',): wrong.append('no heading')
        wrong += [f'outside the window: {o}' for o in self.page.evaluate(OUTSIDE, PARTS)]
        if wrong: self.ok(False, f'{name}: {"; ".join(wrong)}')
        return seen, self.bytes

    def found(self, words):
        "Addresses that the search lists, best first"
        self.goto(f'search.html?q={words}')
        self.page.wait_for_selector('#search-results ul.search li a', timeout=20_000)
        return [a.get_attribute('href') for a in self.page.locator('#search-results ul.search li a').all()[:10]]


def check_files(site, folder, names):
    "Every link within the site leads to a file"
    for name in names:
        text = (folder/name).read_text()
        links = {html.unescape(t).split('?')[0] for t in re.findall(r'<[a-z]+\b[^>]*?\b(?:href|src)="([^"#]+)', text)}
        gone = [t[:80] for t in links if not re.match('[a-z]+:|//', t) and not ((folder/name).parent/t).exists()]
        if gone: site.ok(False, f'{name}: links lead to files: {gone[:3]}')


def check_search(site):
    for words, module in DEFINITIONS.items():
        first, want = site.found(words)[0], f'api/{module}.html#deep3dface.{module}.{words}'
        site.ok(first.endswith(want), f'search: {words} leads to {first}')
    site.shoot('search')


def check_links(site):
    page = site.goto('index.html')
    page.locator('article a[href*="2_rendering/02_illumination.html"]').first.click()
    page.wait_for_load_state()
    site.ok(page.url.endswith('2_rendering/02_illumination.html'), 'a link of the index leads to a page')
    page.locator('article a[href*="api/rendering.illumination.html"]').first.click()
    page.wait_for_load_state()
    site.ok('api/rendering.illumination' in page.url, 'and from there to its module')
    page.locator('article a[href*="2_rendering/02_illumination.html"]').first.click()
    page.wait_for_load_state()
    site.ok(page.url.endswith('2_rendering/02_illumination.html'), 'and back')
    sections = page.locator('.toc-tree a')
    site.ok(sections.count() >= 3, f'{sections.count()} headings in the contents of the page')
    sections.nth(2).click()
    site.ok('#' in page.url, 'which lead to them')
    side = page.locator('.sidebar-tree').inner_text()
    site.ok('2. Rendering' in side and '2.2. ' in side and '10. Bench' in side, 'chapters are numbered as folders')


def check_dark(site):
    page = site.opened(color_scheme='dark')
    site.goto('2_rendering/02_illumination.html', page)
    dark = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    site.ok(sum(ast.literal_eval(dark[dark.index('('):])[:3]) < 200, f'dark where the reader prefers it: {dark}')
    site.shoot('dark', page)
    site.goto('api/rendering.camera.html', page)
    site.shoot('dark-api', page)
    background = lambda: page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    page.locator('.theme-toggle:visible').first.click()
    other = background() != dark
    page.locator('.theme-toggle:visible').first.click()
    site.ok(other or background() != dark, 'and a button changes it')
    page.context.close()


def check_narrow(site, pages):
    page = site.opened(viewport=dict(width=390, height=800))
    for name in pages:
        site.goto(name, page)
        wide = page.evaluate('() => document.documentElement.scrollWidth - innerWidth')
        out = page.evaluate(OUTSIDE, PARTS)
        site.ok(wide <= 1 and not out, f'{name} fits a narrow window ({wide} px more; {out[:2]})')
    scrolling = page.evaluate("""() => [...document.querySelectorAll('div.math, mjx-container')].filter(e =>
        e.scrollWidth > e.clientWidth + 2 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)).length""")
    site.ok(scrolling > 0, f'{scrolling} wide formulas scroll by themselves')
    site.shoot('narrow', page)
    page.locator('label[for="__navigation"]:visible').first.click()
    page.wait_for_timeout(600)
    site.ok(page.locator('.sidebar-tree').first.is_visible(), 'the menu opens')
    page.context.close()


def check_front(site):
    page = site.goto('index.html')
    picture = page.locator('article img').first
    size = picture.evaluate("i => [i.naturalWidth, i.naturalHeight]")
    site.ok(size[0] > 400 and pixels(picture).std() > 30, f'the front page shows a photo with its overlay ({size})')
    site.shoot('front')


def check_turns(site, name):
    page = site.goto(name)
    frame = page.locator('iframe.face').first
    frame.scroll_into_view_if_needed()
    inside = page.frame_locator('iframe.face').first
    inside.locator('canvas').wait_for(timeout=60_000)
    page.wait_for_timeout(3000)
    before = pixels(frame)
    site.ok((before.max(2) - before.min(2) > 25).mean() > .03, f'{name}: a face is drawn')
    place = frame.bounding_box()
    x, y = place['x'] + place['width']/2, place['y'] + place['height']/2
    page.mouse.move(x, y)
    page.mouse.down()
    for i in range(1, 9): page.mouse.move(x + 8*i, y)
    page.mouse.up()
    page.wait_for_timeout(1500)
    site.ok((np.abs(pixels(frame) - before).max(2) > 12).mean() > .02, 'and turns when it is dragged')
    site.shoot(f'turned-{Path(name).stem}')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('site', type=Path)
    p.add_argument('--every', type=int, default=1, help='open the first of so many pages')
    p.add_argument('--shots', help='folder for screenshots')
    p.add_argument('--chromium', default=shutil.which('chromium') or '/usr/bin/chromium')
    args, start = p.parse_args(), time.time()
    if not (args.site/'index.html').is_file(): p.error(f'{args.site}: no index.html in it')
    if args.shots: Path(args.shots).mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright
    pages = [q.relative_to(args.site) for q in args.site.rglob('*.html')]
    names = sorted(q.as_posix() for q in pages if q.parts[0] not in ('views', '_static'))
    with sync_playwright() as play, served(args.site) as url:
        browser = play.chromium.launch(executable_path=args.chromium, args=FLAGS)
        site = Site(browser, url, args.shots)
        weights, formulas = {}, {}
        for name in names[::args.every]:
            seen, weights[name] = site.look(name)
            formulas[name] = seen['formulas']
        heaviest = max(weights, key=weights.get)
        site.ok(len(names) > 120, f'{len(names)} pages, {len(formulas)} opened, {sum(formulas.values())} formulas')
        print(f'  the heaviest page: {heaviest}, {weights[heaviest]/1e6:.1f} MB')
        site.console.clear()
        check_files(site, args.site, names)
        check_front(site)
        check_links(site)
        check_search(site)
        check_dark(site)
        check_narrow(site, ['index.html', 'api/rendering.camera.html', '2_rendering/02_illumination.html'])
        for name in ('index.html', 'tutorials/reconstruct.html'): check_turns(site, name)
        for text in dict.fromkeys(site.console): site.ok(False, f'no error on the console: {text[:200]}')
        site.ok(not site.away, f'{len(site.away)} requests to elsewhere {site.away[:3] or ""}')
        browser.close()
    print(f'{"failed" if site.faults else "all well"} ({time.time() - start:.0f} s)')
    raise SystemExit(1 if site.faults else 0)


if __name__ == '__main__': main()
