"Counts of the long campaigns, kept in tests/campaigns.md with the commit they came from"
import subprocess
from pathlib import Path

top = Path(__file__).resolve().parent.parent
page = top/'tests'/'campaigns.md'
HEAD = '# Campaigns\n\nCounts of the last full runs of `tests/fuzz.py` and `tests/kills.py`, written by `--record`.\n'

def commit():
    "The commit that is checked out, and whether the package differs from it"
    git = lambda *words: subprocess.run(['git', *words], cwd=top, capture_output=True, text=True).stdout.strip()
    changed = git('status', '--porcelain', '--', 'deep3dface', 'tests/fuzz.py', 'tests/kills.py')
    return git('rev-parse', '--short', 'HEAD') + (' with changes' if changed else '')

def record(
    title:str, # of the section, which is replaced row by row
    columns:str, # heading of the table
    rows:dict, # first column -> the other columns
    at:str, # of `commit`, taken when the run began
):
    "Put rows into a table of the page"
    text = page.read_text(encoding='utf-8') if page.exists() else HEAD
    head, *sections = text.split('\n## ')
    tables = {name.strip(): body.strip().splitlines() for name, _, body in (s.partition('\n') for s in sections)}
    old = {l.split('|')[1].strip(): l for l in tables.get(title, [])[2:] if l.startswith('|')}
    new = old | {k: f'| {k} | {v} | {at} |' for k, v in rows.items()}
    columns = f'{columns} | commit |'
    tables[title] = [columns, '| ' + ' | '.join(['---']*(columns.count('|') - 1)) + ' |', *new.values()]
    parts = [f'## {name}\n\n' + '\n'.join(lines) for name, lines in tables.items()]
    page.write_text('\n\n'.join([head.strip(), *parts]) + '\n', encoding='utf-8')
