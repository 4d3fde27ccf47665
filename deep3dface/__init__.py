"A photograph in, a 3D face out, and everything it takes to train what does it"
__version__ = "0.1.0"

_public = {
    'model.morphable_model': 'MorphableModel', 'model.coefficients': 'split join',
    'rendering.camera': 'Camera rotation', 'rendering.illumination': 'sh_basis shade rotate_sh fit_sh',
    'rendering.renderer': 'Rendering Scene decode render', 'rendering.rasterizer': 'Fragments interpolate rasterize',
    'photo.detection': 'Detection detect_faces', 'photo.alignment': 'Crop align', 'photo.skin': 'skin_mask',
    'networks.recon_net': 'ReconNet', 'networks.recognition': 'ArcFace recognition_transform',
    'training.losses': (
        'LossWeights coefficient_loss gamma_loss identity_loss landmark_loss photometric_loss reflectance_loss'),
    'reconstruction.fitting': 'fit', 'reconstruction.face': 'Face',
    'reconstruction.texture': 'Texture fuse_textures texture_of', 'reconstruction.textured': 'TexturedFace',
    'reconstruction.pipeline': 'Reconstructor reconstruct', 'reconstruction.video': 'reconstruct_video',
    'reconstruction.frames': 'Clip', 'reconstruction.track': 'Track', 'reconstruction.live': 'live',
    'widgets.explorer': 'explore', 'widgets.comparison': 'compare', 'widgets.upload': 'upload',
    'widgets.dataset_browser': 'inspect_dataset watch'}
_homes = {name: module for module, names in _public.items() for name in names.split()}


def __getattr__(name):
    "Import a module when one of its public names is first asked for"
    if name not in _homes: raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module
    return getattr(import_module(f'{__name__}.{_homes[name]}'), name)


def __dir__(): return [*globals(), *_homes]
