"""Where the time of a clip goes, in processor milliseconds a frame and frames a second of one core and of the clock:
python bench/video_speed.py [CLIP] [--frames N] [--people N] [--device cuda] [--live].
Without a clip: a portrait that moves, 640 x 360, in an mp4 that is made for it. Its first frames go through beforehand,
so that everything is compiled and loaded. --live: frame by frame, as from a camera, without its clock"""
import argparse
import resource
import tempfile
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

from deep3dface.reconstruction import frames, live, people, tracking, video
from deep3dface.reconstruction.pipeline import Reconstructor

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument('clip', nargs='?')
arguments.add_argument('--frames', type=int, default=240)
arguments.add_argument('--people', type=int)
arguments.add_argument('--device', default='cpu')
arguments.add_argument('--live', action='store_true')
a = arguments.parse_args()
if a.device == 'cpu':
    torch.set_num_threads(1)


def portrait(path, count):
    "Write an mp4 in which a portrait moves along a circle"
    from skimage.data import astronaut
    photo, size = astronaut()[..., ::-1].copy(), (640, 360)
    file = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 24, size)
    for i in range(count):
        move = np.float32([[1, 0, 60 + 60*np.sin(i/12)], [0, 1, -30 + 20*np.cos(i/9)]])
        file.write(cv2.warpAffine(photo, move, size))
    file.release()


class First(frames.Clip):
    "The first frames of a clip"
    def __iter__(self):
        for f in super().__iter__():
            yield f
            if f.number + 1 == a.frames:
                return


spent, calls = {}, {}


def clocked(module, name, label):
    "Count the processor time of a function, in its own thread"
    inner = getattr(module, name)

    def outer(*args, **kw):
        begun = time.thread_time()
        try:
            return inner(*args, **kw)
        finally:
            spent[label] = spent.get(label, 0) + time.thread_time() - begun
            calls[label] = calls.get(label, 0) + 1
    setattr(module, name, outer)


def decoding(clip):
    "Processor time of reading all frames"
    begun = time.process_time()
    for count, _ in enumerate(clip, 1):
        pass
    return time.process_time() - begun, count


def report(whole, read, count, start=''):
    "Where the time went"
    for label, seconds in {'decode': read, **spent}.items():
        print(f'{label:26s} {1000*seconds/count:6.2f} ms a frame  {calls.get(label, count):5d} calls')
    other = whole - read - sum(spent.values())
    print(f'{"the rest" + start:26s} {1000*other/count:6.2f} ms a frame')


def live_speed(clip, run, read, count):
    "The same for frames that come one at a time"
    clocked(live, 'with_appearance', 'albedo and light')
    clocked(live.Motion, 'at', 'smoothing, lag 1')
    clocked(live.LivePerson, 'add', 'one identity, with light')
    live.warm(run)
    for d in (spent, calls):
        d.clear()
    tracker, each, seen = live.LiveTracker(run, 1, a.people), [], 0
    for f in clip:
        begun = time.process_time()
        found = tracker.step(f)
        each.append(time.process_time() - begun)
        seen += bool(found and found.faces)
    spent['one identity, with light'] -= spent['albedo and light']
    each = 1000*np.array(each)
    print(f'{count} frames of {clip.size[0]} x {clip.size[1]}, live, {seen} with a face')
    report(each.sum()/1000 + read, read, count)
    mean = each.mean()
    print(f'{"all but decoding":26s} {mean:6.2f} ms a frame: {1000/mean:.1f} frames a second of one core; '
          f'median {np.median(each):.1f} ms, 99 % within {np.quantile(each, .99):.0f} ms')


folder = tempfile.TemporaryDirectory()
path = a.clip or Path(folder.name)/'portrait.mp4'
if not a.clip:
    portrait(path, a.frames)
clip = First(path)
read, count = decoding(clip)
run = Reconstructor(flip_average=False, device=a.device)
few = np.stack([f.image for f in islice(clip, 100)])
video.reconstruct_video(few, model=run.model, device=a.device, people=a.people)
clocked(tracking.Tracker, 'cut', 'cut out')
clocked(tracking, 'detect_faces', 'detection')
clocked(tracking, 'score_at', "detector's check")
clocked(people, 'reduced', 'cuts')
clocked(Reconstructor, 'predict', 'network and dense points')
if a.live:
    live_speed(clip, run, read, count)
    raise SystemExit
clocked(video, 'with_light', 'albedo and light')
clocked(video, 'smooth_track', 'one identity, smoothing')
clocked(video, 'track_of', 'landmarks of the track')
wall, begun = time.perf_counter(), time.process_time()
tracks = video.reconstruct_video(clip, model=run.model, device=a.device, people=a.people)
whole, wall = time.process_time() - begun, time.perf_counter() - wall
where = torch.cuda.get_device_name() if a.device == 'cuda' else 'CPU, one thread'
print(f'{where}: {count} frames of {clip.size[0]} x {clip.size[1]}, {len(tracks)} people, '
      f'{max((int(t.seen.sum()) for t in tracks), default=0)} frames of the first')
report(whole, read, count, ', with start-up')
print(f'{"all":26s} {1000*whole/count:6.2f} ms a frame: {count/whole:.1f} frames a second of one core; '
      f'wall clock {count/wall:.1f} a second')
print(f'largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024:.0f} MiB')
