"""How strong the identity term is beside the others, for the bundled recognition network:

    python bench/identity_weight.py DATA [RECOGNITION]      DATA is a prepared folder of photos"""
import sys, torch
from deep3dface.networks.bundled import load_bundled
from deep3dface.networks.bundled_recognition import load_recognition
from deep3dface.model.coefficients import split
from deep3dface.training.loader import Batches
from deep3dface.training.shards import open_data
from deep3dface.model.morphable_model import MorphableModel
from deep3dface.training.objective import loss_terms, render_prediction
from deep3dface.training.losses import LossWeights
from deep3dface.rendering.renderer import over

data = open_data(sys.argv[1])
model, net, recog = (
    MorphableModel.load('open'), load_bundled(),
    load_recognition(sys.argv[2] if len(sys.argv) > 2 else 'bundled'),
)
sums, photos, alone, pasted = {}, [], [], []
for batch in Batches(data, 8, 0, None, shuffle=False, workers=0).epoch(0):
    if len(batch) < 2: continue
    with torch.no_grad(): coeffs = net(batch.image)
    coeffs = coeffs.requires_grad_()
    seen = render_prediction(model, coeffs)
    terms = loss_terms(model, seen, batch, LossWeights(identity=1.), recog)
    for name, term in terms.items():
        grad = split(torch.autograd.grad(term, coeffs, retain_graph=True)[0]*len(coeffs), model.layout)
        for part in ('id', 'exp', 'tex', 'angle', 'gamma'):
            sums.setdefault((name, part), []).append(grad[part].norm(dim=1))
    with torch.no_grad():
        photos.append(recog.embed(batch.image, batch.points))
        alone.append(recog.embed(seen.picture.image, seen.scene.landmarks))
        pasted.append(recog.embed(over(seen.picture.image, seen.picture.mask, batch.image), seen.scene.landmarks))
photos, alone, pasted = map(torch.cat, (photos, alone, pasted))
n, others = len(photos), ~torch.eye(len(photos), dtype=torch.bool)
middle = lambda x: f'{x.median():.3f}'
print(f'{n} photos; medians of 1 - cosine: two people {middle((1 - photos @ photos.T)[others])}')
for name, drawn in (('drawn face', alone), ('drawn face over its photo', pasted)):
    d = 1 - drawn @ photos.T
    print(
        f'{name}: own photo {middle(d.diag())}, other photos {middle(d[others])}, '
        f'own is nearest {(d.argmin(1) == torch.arange(n)).float().mean():.2f}; '
        f'two drawn faces {middle((1 - drawn @ drawn.T)[others])}'
    )
print(
    'norm of the gradient at the coefficients of one face, median (identity with weight 1, others with their defaults)'
)
print('term'.ljust(14), *[p.rjust(9) for p in ('id', 'exp', 'tex', 'angle', 'gamma')])
for name in terms:
    print(
        name.ljust(14), *[f'{torch.cat(sums[name, p]).median():9.4f}' for p in ('id', 'exp', 'tex', 'angle', 'gamma')]
    )
