"""Replays what a person types and compares what comes back: `transcript.py FILE`. A line that begins with `$ ` is a command
for sh, the lines below it are what it prints, errors included, and its exit code where that is not 0. What differs from
run to run is masked on both sides. `transcript.py --write FILE` writes down what comes back now; read it before it is kept.
"""

import difflib
import re
import subprocess
import sys

MASKS = [
    (r"\b[0-9a-f]{64}\b", "<ID>"),
    (r"\b[0-9a-f]{12}\b", "<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4} UTC|Z)?", "<time>"),
    (r"\b(Less than a second|About (a|an) \w+|\d+ (second|minute|hour|day|week|month|year)s?)\b", "<while>"),
    (r"\b\d+(\.\d+)?([kMG]i?)?B\b", "<size>"),
    (r"\b\d+(\.\d+)?% ?\)", "<share>)"),
    (r"\b02(:[0-9a-f]{2}){5}\b", "<mac>"),
    # Columns are as wide as what stands in them.
    (r" {2,}", "  "),
    (r"[ \t]+$", ""),
]


def masked(text):
    """Without what differs from run to run."""
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def replay(lines):
    """The transcript as it is now."""
    for line in lines:
        if line.startswith("#") or not line.strip():
            yield line
        elif line.startswith("$ "):
            yield line
            done = subprocess.run(["sh", "-c", line[2:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60, text=True)
            # Empty lines part the commands, and are left out of what they print.
            yield "".join(line + "\n" for line in masked(done.stdout).splitlines() if line)
            if done.returncode:
                yield f"[{done.returncode}]\n"


def main():
    path = sys.argv[-1]
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    found = "".join(replay(expected.splitlines(keepends=True)))
    if "--write" in sys.argv:
        with open(path, "w", encoding="utf-8") as file:
            file.write(found)
    elif found != expected:
        sys.exit("".join(difflib.unified_diff(
            expected.splitlines(keepends=True), found.splitlines(keepends=True), "expected", "found")))


main()
