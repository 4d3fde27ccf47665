"""Commands in forks of one process, which spares each of them the seconds that imports take:

    python tests/forked.py SOCKET                                              serve, until who began it has ended
    python -IS tests/forked.py SOCKET [--within MIB SECONDS] COMMAND WORD...   run one, in this folder

A fork has memory, folder, output and status of its own, as a new process has; torch and the modules below are there
already. With --within it may use so much memory, and so long of a processor. What depends on how a process starts
(an entry point, a limit of the shell, a signal, a package that is missing) needs a real process."""
import json, os, socket, sys, time

MODULES = """cli evaluation.tables networks.bundled photo.mtcnn reconstruction.checkpoints reconstruction.gltf
reconstruction.pipeline reconstruction.track_overlay reconstruction.video training.monitoring training.preparation"""

def start(
    command, # function of a list of words
    words, folder, # where it works
    out, err, # open files
): # its process id; at the head of a group of its own
    "Run a command in a child process"
    if pid := os.fork(): return pid
    from multiprocessing import active_children
    status = 1
    try:
        os.chdir(folder)
        for to, of in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)): os.dup2(of, to)
        os.setpgid(0, 0)
        sys.stdout, sys.stderr = (open(n, 'w', errors=e, buffering=1, closefd=False) # as a new process has them
                                  for n, e in ((1, 'strict'), (2, 'backslashreplace')))
        command(words)
        status = 0
    except SystemExit as e:
        if isinstance(e.code, str): print(e.code, file=sys.stderr)
        status = e.code if isinstance(e.code, int) else int(bool(e.code))
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        for p in active_children(): # such as those that read ahead
            p.terminate()
            p.join()
        os._exit(status)

def status_of(pid):
    "Wait for its end; status, MiB at most, seconds of a processor"
    _, status, used = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), used.ru_maxrss >> 10, used.ru_utime + used.ru_stime

def serve(path):
    "One command after the other, each asked for by a connection"
    os.environ |= dict(OMP_NUM_THREADS='1', NUMBA_NUM_THREADS='1', TF_CPP_MIN_LOG_LEVEL='3') # a fork keeps no threads
    from importlib import import_module
    cli, *_ = [import_module(f'deep3dface.{name}') for name in MODULES.split()]
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        door.settimeout(1)
        while os.getppid() == parent:
            try: caller, _ = door.accept()
            except TimeoutError: continue
            with caller:
                text, files, *_ = socket.recv_fds(caller, 1 << 20, 2)
                folder, name, *words = json.loads(text)
                command = getattr(cli, name.removeprefix('deep3dface_') + '_command')
                answer = status_of(start(command, words, folder, *files))
                for f in files: os.close(f)
                caller.sendall(json.dumps(answer).encode())

def connect(to, path, seconds=90):
    "Wait until it serves"
    until = time.time() + seconds
    while time.time() < until:
        try: return to.connect(path)
        except OSError: time.sleep(.05)
    sys.exit(f'{path}: nothing serves there')

def ask(path, words, files=(1, 2)):
    "Run a command by the process that serves, in this folder; status, MiB at most, seconds of a processor"
    with socket.socket(socket.AF_UNIX) as to:
        connect(to, path)
        socket.send_fds(to, [json.dumps([os.getcwd(), *words]).encode()], files)
        return json.loads(to.recv(4096))

class Forks:
    "Commands in forks of a process that is begun here"
    def __init__(self):
        import subprocess, tempfile
        self.home = tempfile.TemporaryDirectory()
        self.path = f'{self.home.name}/socket'
        subprocess.Popen([sys.executable, __file__, self.path])

    def run(self, *words):
        "Status, output and lines of errors of a command"
        import tempfile
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status, *_ = ask(self.path, words, (out.fileno(), err.fileno()))
            for f in (out, err): f.seek(0)
            return (status, *(f.read().decode(errors='surrogateescape') for f in (out, err)))

def main(path, *words):
    limits = list(map(float, words[1:3])) if words[0] == '--within' else None
    status, *used = ask(path, words[3 if limits else 0:])
    if limits and any(u > most for u, most in zip(used, limits)): sys.exit('it took {} MiB and {:.0f} s'.format(*used))
    if status < 0: os.kill(os.getpid(), -status)
    return status

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]) if sys.argv[2:] else serve(sys.argv[1]))
