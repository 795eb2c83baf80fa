"""Files that try to be called right without being so, or to do harm: what each tries, and its code.

Every one is the same wrong network with some lines more, at its import or in its step.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """Lines `at_import` or `in_step` of a wrong network; `told` is in the verdict.

    `harm` names files, below the folder that the test gives, that must not be there afterwards.
    """

    told: str
    at_import: str = ""
    in_step: str = ""
    harm: tuple[str, ...] = ()


NETWORK = '''"""A wrong network: it learns twice as fast."""
import torch
{at_import}

class Network:
    def __init__(self, parameters, activation, learning_rate):
        self.values = {{n: v.clone().requires_grad_() for n, v in parameters.items()}}
        self.function, self.learning_rate = activation.function, learning_rate

    def logits(self, images):
        p = self.values
        return self.function(images.flatten(1) @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]

    def train_step(self, images, labels):
        logits = self.logits(images)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        loss.backward()
{in_step}
        with torch.no_grad():
            for value in self.values.values():
                value -= 2 * self.learning_rate * value.grad / len(labels)
                value.grad = None
        return loss.detach(), (logits.argmax(dim=1) == labels).sum()

    def parameters(self):
        return {{n: v.detach() for n, v in self.values.items()}}


MAX_HIDDEN_LAYERS = 1
'''

WRONG = "gradient"
REFUSED = "Operation not permitted"

ATTACKS = {
    # Ends before there is a verdict.
    "exit_at_import": Attack("ends Python with status 0", "import sys; sys.exit(0)"),
    "exit_in_a_step": Attack("ends Python with status 0", in_step="import os; os._exit(0)"),
    "exit_in_c": Attack(
        "ends Python with status 0", in_step="import ctypes; ctypes.CDLL(None)._exit(0)"
    ),
    "exit_at_the_end": Attack(WRONG, "import atexit, os; atexit.register(lambda: print('agrees'))"),
    "crash": Attack("killed by signal 11", in_step="import ctypes; ctypes.string_at(0)"),
    "killed": Attack(
        "killed by signal 9", in_step="import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    ),
    # Says that it is right.
    "forged_lines": Attack(WRONG, "print('RIGHT  mine: as the framework\\\\n  ok     logits')"),
    "forged_error": Attack(
        "boom", in_step="raise ValueError('boom\\n  ok     gradient of the mean loss\\nRIGHT')"
    ),
    "forged_answers": Attack(
        "",
        """
import os, json, struct
def forge():
    head = json.dumps({"answer": {}, "tensors": []}).encode()
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, struct.pack("<I", len(head)) + head)
        except OSError:
            pass
""",
        "        forge()",
    ),
    "garbage_answers": Attack(
        "",
        """
import os
def forge():
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\\xff" * 4096)
        except OSError:
            pass
""",
        "        forge()",
    ),
    "endless_notes": Attack(
        "",
        """
import json, os, struct
def forge():
    head = json.dumps({"note": "it is right", "tensors": []}).encode()
    while True:
        for descriptor in range(3, 16):
            try:
                os.write(descriptor, struct.pack("<I", len(head)) + head)
            except OSError:
                pass
""",
        "        forge()",
    ),
    "great_answer": Attack(
        "tensors of",
        """
import json, os, struct
def forge():
    shape = [1 << 40]
    head = json.dumps({"answer": {}, "tensors": [["logits", "float64", shape]]}).encode()
    for descriptor in range(3, 16):
        try:
            os.write(descriptor, struct.pack("<I", len(head)) + head)
        except OSError:
            pass
""",
        "        forge()",
    ),
    "closed_connection": Attack("", in_step="import os; os.closerange(3, 64)"),
    # Bends the comparison.
    "patched_comparison": Attack(
        WRONG,
        """
torch.equal = lambda *_: True
torch.Tensor.__sub__ = lambda a, b: torch.zeros_like(a)
torch.isfinite = lambda x: torch.ones_like(x, dtype=torch.bool)
import mlplab.plugins, mlplab.implementations._contract as contract
contract.Guarded.parameters = lambda self: self._network.parameters()
""",
    ),
    "patched_judge": Attack(
        WRONG,
        """
import mlplab.judging.compare as compare, mlplab.judging.check as check
compare.compare = check.compare = lambda *_, **__: []
""",
    ),
    # Looks for what it should answer, or for secrets.
    "judges_memory": Attack(
        "",
        in_step="import os; open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    ),
    "judges_environment": Attack(
        "",
        in_step="""
        import os
        found = open(f'/proc/{os.getppid()}/environ', 'rb').read()
        raise ValueError('secret' if b'MLPLAB_SECRET' in found else 'nothing')""",
    ),
    "judges_memory_by_ptrace": Attack(
        "refused",
        in_step="""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ptrace(16, os.getppid(), 0, 0) == -1:
            raise ValueError("refused")""",
    ),
    "secret_in_the_environment": Attack(
        "none",
        in_step="""
        import os
        raise ValueError(os.environ.get("MLPLAB_SECRET", "none"))""",
    ),
    "files_of_others": Attack("", in_step="raise ValueError(open('{folder}/secret').read())"),
    # Delegates to the reference: allowed, and told.
    # Takes what others need.
    "fork_bomb": Attack(
        REFUSED,
        in_step="""
        import os
        while True:
            os.fork()""",
    ),
    "thread_bomb": Attack(
        "thread",
        in_step="""
        import threading, time
        while True:
            threading.Thread(target=time.sleep, args=(60,)).start()""",
    ),
    "full_disk": Attack(
        "",
        in_step="""
        for number in range(1 << 20):
            with open(str(number), "wb") as file:
                file.write(bytes(8 << 20))""",
    ),
    "great_file": Attack(
        "File too large", in_step="open('great', 'wb').write(bytes(1 << 20) * 64)"
    ),
    "all_memory": Attack(
        "emory",
        in_step="""
        held = []
        while True:
            held.append(torch.ones(1 << 25))""",
    ),
    "endless_loop": Attack("endless loop", in_step="while True: pass"),
    "endless_sleep": Attack("endless loop", in_step="import time; time.sleep(3600)"),
    "endless_import": Attack("endless loop", "while True: pass"),
    "endless_output": Attack("endless loop", in_step="while True: print('x' * 100000)"),
    # Reaches out.
    "network": Attack(
        REFUSED,
        in_step="""
        import socket
        socket.create_connection(("127.0.0.1", {port}), timeout=2).send(b"hello")""",
    ),
    "program": Attack(
        REFUSED,
        in_step="import subprocess; subprocess.run(['touch', '{folder}/touched'])",
        harm=("touched",),
    ),
    "kills_the_judge": Attack(
        "",
        in_step="import os, signal; os.kill(os.getppid(), signal.SIGKILL); raise ValueError",
    ),
    "writes_elsewhere": Attack(
        "", in_step="open('{folder}/written', 'w').write('x')", harm=("written",)
    ),
    "removes_files": Attack("", in_step="import os; os.remove('{folder}/secret')"),
    # Outlives the judge.
    "daemon": Attack(
        REFUSED,
        in_step="""
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(3)
                open('{folder}/survived', 'w')
            os._exit(0)""",
        harm=("survived",),
    ),
}


def text(attack: Attack, folder: str, port: int) -> str:
    """The file of an attack."""
    step = attack.in_step
    if step and not step.startswith((" ", "\\n")):
        step = " " * 8 + step
    filled = [
        part.replace("{folder}", folder).replace("{port}", str(port))
        for part in (attack.at_import, step)
    ]
    return NETWORK.format(at_import=filled[0], in_step=filled[1])
