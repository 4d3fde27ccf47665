"A photograph in, a 3D face out, and everything it takes to train what does it"
__version__ = "0.1.0"

_rooms = {'reconstruct': 'reconstruction', 'Face': 'reconstruction', 'Reconstructor': 'reconstruction',
          'MorphableModel': 'morphable_model', 'detect_faces': 'detection', 'align': 'alignment',
          **dict.fromkeys(('explore', 'compare', 'inspect_dataset', 'watch'), 'widgets')}


def __getattr__(name):
    "Import a room when one of its names is first asked for"
    if name not in _rooms: raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module
    return getattr(import_module(f'{__name__}.{_rooms[name]}'), name)


def __dir__(): return [*globals(), *_rooms]
