"Package metadata from settings.ini: nbdev's one place for it"
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup, find_packages

here = Path(__file__).parent
config = ConfigParser(delimiters=['='])
config.read(here / 'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'],
    author=cfg['author'], author_email=cfg['author_email'], license='MIT', url=cfg['git_url'],
    long_description=(here / 'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    packages=[*find_packages(include=[cfg['lib_name'] + '*']), 'deep3dface.data'],
    package_dir={'deep3dface.data': 'data'}, package_data={'deep3dface.data': ['*']},
    python_requires='>=' + cfg['min_python'], install_requires=cfg['requirements'].split(),
    extras_require={k: cfg[f'{k}_requirements'].split()
                    for k in ('dev', 'build', 'onnx', 'tf', 'docs', 'heic', 'app', 'video', 'live', 'pandas')},
    entry_points={'console_scripts': cfg['console_scripts'].split()}, zip_safe=False)
