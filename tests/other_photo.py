"""The tutorials with another photo than the one that they come with:

    python tests/other_photo.py [--photo FILE] [--form name|array|picture] [NOTEBOOK...]

In a copy of each NOTEBOOK the sample behind `photo = ` is replaced, by a file name, an array or a PIL picture, and the
copy is executed whole, with its hidden tests. Its prose and code may not name the person of the sample except where
the sample is introduced. Without a NOTEBOOK: every tutorial with such a cell; without --photo: a rendered one."""
import argparse, json, os, re, shutil, sys, tempfile, time
from pathlib import Path

NBS = Path(__file__).resolve().parent.parent/'nbs'
SAMPLE = re.compile(r"^photo = data\.astronaut\(\) # or 'me\.jpg'$", re.M)
FORMS = dict(
    name='photo = {!r}',
    array="photo = __import__('numpy').asarray(__import__('PIL.Image').Image.open({!r}).convert('RGB'))",
    picture="photo = __import__('PIL.Image').Image.open({!r})",
)
PERSON = re.compile(r'\b(she|her|hers|Eileen)\b', re.I)
INTRODUCED = re.compile(r'As it comes|as the page comes', re.I)

def sample_cells(nb):
    code = [c for c in nb['cells'] if c['cell_type'] == 'code']
    return [c for c in code if SAMPLE.search(''.join(c['source']))]

def replaced(nb, form, photo):
    "Another photo in its only cell"
    cells = sample_cells(nb)
    if len(cells) != 1: raise SystemExit(f'{len(cells)} cells with the sample, want one')
    cells[0]['source'] = SAMPLE.sub(lambda _: FORMS[form].format(str(photo)), ''.join(cells[0]['source']))

def personal(nb):
    "Prose and code about the person of the sample"
    sources = [''.join(c['source']) for c in nb['cells']]
    return [s for s in sources if PERSON.search(s) and not INTRODUCED.search(s)]

def rendered(folder):
    "A photo of nobody: another pose, expression, skin and size of the picture than the sample's"
    from PIL import Image
    from deep3dface.evaluation.metrics import render_photos
    path = Path(folder)/'someone.png'
    Image.fromarray(render_photos(3, seed=5, max_yaw=25)[2].photo).save(path)
    return path

def execute(path, timeout=900):
    import nbformat
    from nbclient import NotebookClient
    nb = nbformat.read(path, 4)
    NotebookClient(nb, timeout=timeout, resources=dict(metadata=dict(path=path.parent))).execute()

def tried(notebook, form, photo):
    "Whether the notebook runs through"
    nb, start = json.loads(notebook.read_text()), time.time()
    faults = [f'about the person: {s[:80]!r}' for s in personal(nb)]
    replaced(nb, form, photo)
    with tempfile.TemporaryDirectory() as home: # with what the notebook looks for around it
        shutil.copytree(NBS, f'{home}/nbs', ignore=shutil.ignore_patterns('.ipynb_checkpoints', 'build'))
        path = Path(home)/'nbs'/notebook.relative_to(NBS)
        path.write_text(json.dumps(nb))
        try: execute(path)
        except Exception as e: faults.append(str(e)[-1500:])
    for fault in faults: print(f'  FAULT {fault}')
    print(f'{notebook.stem} with a photo given as {form}: {"failed" if faults else "runs through"} '
          f'({time.time() - start:.0f} s)', flush=True)
    return not faults

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('notebooks', nargs='*', type=Path)
    p.add_argument('--photo', type=Path, help='with a face; without: a rendered one')
    p.add_argument('--form', choices=FORMS, help='how it is given; without: all in turn, one for each notebook')
    args = p.parse_args()
    os.environ['DEEP3DFACE_STATIC'] = '1'
    chosen = [n.resolve() for n in args.notebooks] or [
        n for n in sorted(NBS.glob('tutorials/*.ipynb')) if sample_cells(json.loads(n.read_text()))
    ]
    with tempfile.TemporaryDirectory() as folder:
        photo = args.photo.resolve() if args.photo else rendered(folder)
        forms = [args.form] if args.form else [*FORMS]
        right = [tried(n, forms[i % len(forms)], photo) for i, n in enumerate(chosen)]
    sys.exit(not all(right))

if __name__ == '__main__': main()
