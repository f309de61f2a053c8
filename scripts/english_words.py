#!/usr/bin/env python3
"""Makes data/words/english.txt: the 40,000 most frequent English words, most frequent first.

Usage: pip download --no-deps symspellpy==6.10.1 && python3 scripts/english_words.py symspellpy-*.whl
The output depends on the package alone: the same version gives the same bytes.
"""
import pathlib
import sys
import zipfile

WORDS = 40_000

with zipfile.ZipFile(sys.argv[1]) as wheel:
    text = wheel.read("symspellpy/frequency_dictionary_en_82_765.txt").decode("utf-8-sig")
words = [line.split()[0] for line in text.splitlines() if line.strip()]
words = [word for word in words if word.isascii() and word.isalpha()][:WORDS]
out = pathlib.Path(__file__).resolve().parent.parent / "data" / "words" / "english.txt"
out.write_text("\n".join(words) + "\n", encoding="ascii")
